"""How risky a portfolio is by a risk model, and what its risk comes from."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, TypeAlias

import numpy as np
import strawberry

from app.boundary.cost_rules import cost
from app.features.exposures.graph.exposures import PortfolioPosition
from app.features.risk import portfolios as service
from app.features.risk.graph.enums import FactorKind
from app.features.risk.portfolios import PortfolioRiskAnswer
from app.features.risk.results import RiskModelResults
from app.schema.errors import (
    ArtifactUnavailable,
    DatasetNotFound,
    DatasetUnavailable,
    Error,
    InvalidInput,
    UnknownAssets,
    invalid_argument,
)
from engine.panel import FloatArray
from engine.risk.portfolio_risk import RiskDecomposition as EngineDecomposition

MAX_TOP = 1_000


@strawberry.type(
    description="What one factor adds to a portfolio's volatility: exposure * volatility * correlation "
    "(Menchero and Davis 2011)."
)
class FactorRisk:
    name: str = strawberry.field(description="The factor.")
    kind: FactorKind = strawberry.field(description="What it is.")
    exposure: float = strawberry.field(description="The portfolio's exposure: sum of weight * exposure.")
    volatility: float = strawberry.field(description="The factor's own volatility, a fraction a year.")
    correlation: float | None = strawberry.field(
        description="Of the factor's return with the portfolio's, -1 to 1; null where one of them does not "
        "move."
    )
    marginal: float | None = strawberry.field(
        description="What one unit more of exposure adds to the volatility, a fraction a year; null for a "
        "portfolio without risk."
    )
    contribution: float = strawberry.field(
        description="Contribution to the volatility, a fraction a year: those of all factors and "
        "`specificContribution` add up to `volatility`."
    )
    share: float | None = strawberry.field(
        description="Contribution / volatility: all shares add up to 1. Null for a portfolio without risk."
    )


@strawberry.type(description="What one asset adds to a portfolio's volatility.")
class AssetRiskContribution:
    asset: str = strawberry.field(description="The asset's id in the dataset.")
    weight: float = strawberry.field(
        description="Its weight; of active risk, that of the portfolio less that of the benchmark."
    )
    marginal: float | None = strawberry.field(
        description="What one unit more of weight adds to the volatility, a fraction a year; null for a "
        "portfolio without risk."
    )
    contribution: float = strawberry.field(
        description="Weight * marginal, a fraction a year: those of all assets add up to `volatility`."
    )
    share: float | None = strawberry.field(
        description="Contribution / volatility: all shares add up to 1. Null for a portfolio without risk."
    )
    specific_volatility: float = strawberry.field(
        description="The asset's own volatility that no factor explains, a fraction a year."
    )


@strawberry.type(
    description="The volatility of weights and its parts, annualised fractions: `volatility`^2 = "
    "`factorVolatility`^2 + `specificVolatility`^2."
)
class RiskDecomposition:
    results: strawberry.Private[RiskModelResults]
    names: strawberry.Private[tuple[str, ...]]
    weights: strawberry.Private[FloatArray]
    specific: strawberry.Private[FloatArray]
    found: strawberry.Private[EngineDecomposition]
    volatility: float = strawberry.field(description="Volatility, a fraction a year.")
    factor_volatility: float = strawberry.field(description="Of what the factors explain.")
    specific_volatility: float = strawberry.field(description="Of what they do not.")
    specific_contribution: float = strawberry.field(
        description="Contribution of the specific risk to the volatility, a fraction a year."
    )
    specific_share: float | None = strawberry.field(
        description="The same over the volatility; null for a portfolio without risk."
    )
    asset_count: int = strawberry.field(description="Number of assets with a weight other than 0.")

    @strawberry.field(description="Factor by factor, in the model's order.", metadata=cost(size=30))
    def factors(self) -> list[FactorRisk]:
        columns = (
            self.found.exposures,
            self.found.factor_volatilities,
            self.found.factor_correlations,
            self.found.factor_marginals,
            self.found.factor_contributions,
            self.found.factor_shares,
        )
        return [
            FactorRisk(
                name=name,
                kind=kind,
                exposure=exposure,
                volatility=volatility,
                correlation=correlation,
                marginal=marginal,
                contribution=contribution,
                share=share,
            )
            for name, kind, exposure, volatility, correlation, marginal, contribution, share in zip(
                self.results.factors,
                self.results.kinds,
                *(column.tolist() for column in columns),
                strict=True,
            )
        ]

    @strawberry.field(
        description="Asset by asset, the largest contributions by size first, then by asset: the first `top` "
        "of `assetCount`.",
        metadata=cost(size=1_000),
    )
    def assets(
        self,
        top: Annotated[int, strawberry.argument(description="How many at most, 1 to 1,000.")] = MAX_TOP,
    ) -> list[AssetRiskContribution] | None:
        if not 1 <= top <= MAX_TOP:
            message = f"top must be from 1 to {MAX_TOP:,}, not {top:,}"
            raise invalid_argument(("top",), "OUT_OF_RANGE", message)
        held = np.flatnonzero(self.weights)
        order = np.lexsort((held, -np.abs(self.found.asset_contributions[held])))
        chosen = held[order[:top]]
        columns = (
            self.weights,
            self.found.asset_marginals,
            self.found.asset_contributions,
            self.found.asset_shares,
            self.specific,
        )
        return [
            AssetRiskContribution(
                asset=self.names[ordinal],
                weight=weight,
                marginal=marginal,
                contribution=contribution,
                share=share,
                specific_volatility=specific,
            )
            for ordinal, weight, marginal, contribution, share, specific in zip(
                chosen.tolist(), *(column[chosen].tolist() for column in columns), strict=True
            )
        ]

    @classmethod
    def of(
        cls,
        results: RiskModelResults,
        names: tuple[str, ...],
        specific: FloatArray,
        weights: FloatArray,
        found: EngineDecomposition,
    ) -> RiskDecomposition:
        """names, specific volatilities and weights: (N,) of the model's assets."""
        return cls(
            results=results,
            names=names,
            weights=weights,
            specific=specific,
            found=found,
            volatility=found.volatility,
            factor_volatility=found.factor_volatility,
            specific_volatility=found.specific_volatility,
            specific_contribution=found.specific_contribution,
            specific_share=found.specific_share,
            asset_count=int(np.count_nonzero(weights)),
        )


@strawberry.type(description="A portfolio's risk by the forecast of one date, and where it comes from.")
class PortfolioRisk:
    date: date = strawberry.field(description="The forecast date: the last one up to the date asked for.")
    as_of: date | None = strawberry.field(
        description="The date of the prices that turned amounts into values: the last one up to the forecast "
        "date on which all have a price of at most 7 days before. Null unless amounts were given."
    )
    positions: list[PortfolioPosition] = strawberry.field(
        description="One an asset, in the order given; what was given of one twice is added up.",
        metadata=cost(size=50),
    )
    confidence: float = strawberry.field(
        description="Probability that the loss stays within the value at risk."
    )
    horizon_days: int = strawberry.field(
        description="Rows of the dataset (days or sessions) that the value at risk is for."
    )
    value_at_risk: float = strawberry.field(
        description="The loss, a fraction of the capital, that normal returns of mean 0 stay within with "
        "that probability over that horizon."
    )
    total: RiskDecomposition = strawberry.field(description="The portfolio's own risk.")
    benchmark: RiskDecomposition | None = strawberry.field(
        description="The benchmark's risk; null without one."
    )
    benchmark_as_of: date | None = strawberry.field(
        description="The date of the prices of a benchmark of amounts; null otherwise."
    )
    active: RiskDecomposition | None = strawberry.field(
        description="The risk of portfolio less benchmark: its volatility is the tracking error. Null "
        "without a benchmark."
    )
    beta: float | None = strawberry.field(
        description="Forecast beta to the benchmark; null without one, and where it has no risk."
    )

    @classmethod
    def of(cls, results: RiskModelResults, answer: PortfolioRiskAnswer) -> PortfolioRisk:
        risk, forecast, weights = answer.risk, answer.forecast, answer.portfolio.weights

        def part(weights: FloatArray | None, found: EngineDecomposition | None) -> RiskDecomposition | None:
            if weights is None or found is None:
                return None
            return RiskDecomposition.of(results, forecast.assets, forecast.specific, weights, found)

        benchmark = answer.benchmark
        return cls(
            date=answer.date,
            as_of=answer.portfolio.as_of,
            positions=[PortfolioPosition.of(one) for one in answer.portfolio.positions],
            confidence=answer.value_at_risk.confidence,
            horizon_days=answer.value_at_risk.horizon_days,
            value_at_risk=risk.value_at_risk,
            total=RiskDecomposition.of(results, forecast.assets, forecast.specific, weights, risk.total),
            benchmark=part(benchmark, risk.benchmark),
            benchmark_as_of=answer.benchmark_as_of,
            active=part(None if benchmark is None else weights - benchmark, risk.active),
            beta=risk.beta,
        )


@strawberry.type(description="The risk model has no forecast for assets that are held, or have to be.")
class MissingRisk(Error):
    shows: ClassVar = (service.MissingRisk,)

    assets: list[str] = strawberry.field(description="Their ids, in alphabetical order.")


PortfolioRiskResult: TypeAlias = Annotated[
    PortfolioRisk
    | InvalidInput
    | UnknownAssets
    | MissingRisk
    | DatasetNotFound
    | DatasetUnavailable
    | ArtifactUnavailable,
    strawberry.union(
        "PortfolioRiskResult", description="The risk, or why it cannot be told. Keep a default branch."
    ),
]
