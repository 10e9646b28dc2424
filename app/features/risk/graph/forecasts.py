"""What a risk model forecasts for its factors, and whether its forecasts were right."""

from __future__ import annotations

from datetime import date

import strawberry

from app.boundary.cost_rules import cost
from app.features.risk.graph.enums import BiasGroupKind, FactorKind
from app.features.risk.results import RiskModelResults
from app.schema.performance import UndefinedMetric
from engine.risk.outcomes import Outcomes, TooFewPeriods, Validation
from engine.risk.validation import EXPECTED_Q, bias_interval


@strawberry.type(
    description="One factor's part of a covariance forecast: a column of the matrix, in the order of `names`."
)
class FactorForecast:
    name: str = strawberry.field(description="The factor.")
    kind: FactorKind = strawberry.field(description="What it is.")
    volatility: float = strawberry.field(description="Volatility, a fraction a year.")
    observations: int = strawberry.field(description="Number of the factor's returns so far.")
    covariances: list[float] = strawberry.field(
        description="Covariances with each factor, in the order of `names`; fractions squared a year.",
        metadata=cost(size=30),
    )
    correlations: list[float] = strawberry.field(
        description="Correlations with each factor, in the order of `names`, -1 to 1; 0 where one of them "
        "does not move.",
        metadata=cost(size=30),
    )


@strawberry.type(description="The forecast of how factor returns move together.")
class FactorCovariance:
    results: strawberry.Private[RiskModelResults]
    at: strawberry.Private[int]
    date: date = strawberry.field(description="The forecast date: the last one up to the date asked for.")
    names: list[str] = strawberry.field(
        description="The factors: market, sectors, styles.", metadata=cost(size=30)
    )
    regime_multiplier: float = strawberry.field(
        description="What the volatility-regime adjustment multiplied factor volatilities by; they have it "
        "in them. 1 where there is no adjustment."
    )
    specific_regime_multiplier: float = strawberry.field(description="The same of specific volatilities.")
    eigenfactor_biases: list[float | None] | None = strawberry.field(
        description="True over estimated volatility of the eigenportfolios by simulation, by ascending "
        "eigenvalue; null within for factors that nobody is exposed to, and altogether where the adjustment "
        "was not made.",
        metadata=cost(size=30),
    )

    @strawberry.field(
        description="Factor by factor: volatility, and the columns of the matrices.", metadata=cost(size=30)
    )
    def factors(self) -> list[FactorForecast]:
        covariance = self.results.covariance
        matrix, correlations = covariance.matrices[self.at], self.results.correlations(self.at)
        return [
            FactorForecast(
                name=name,
                kind=kind,
                volatility=float(covariance.volatilities[self.at, column]),
                observations=int(covariance.observations[self.at, column]),
                covariances=matrix[:, column].tolist(),
                correlations=correlations[:, column].tolist(),
            )
            for column, (name, kind) in enumerate(zip(self.results.factors, self.results.kinds, strict=True))
        ]

    @classmethod
    def of(cls, results: RiskModelResults, at: int) -> FactorCovariance:
        covariance = results.covariance
        biases = covariance.eigenfactor_biases[at].tolist()
        return cls(
            results=results,
            at=at,
            date=results.forecast_dates[at].item(),
            names=list(results.factors),
            regime_multiplier=float(covariance.regime_multipliers[at]),
            specific_regime_multiplier=float(results.specific_regime_multipliers[at]),
            eigenfactor_biases=None if all(bias != bias for bias in biases) else biases,
        )


@strawberry.type(
    description="Bias statistics of one group of portfolios, as columns of equal length: one entry a "
    "portfolio."
)
class BiasGroup:
    outcomes: strawberry.Private[Outcomes]
    kind: BiasGroupKind = strawberry.field(description="Of which portfolios.")
    mean_bias: float | None = strawberry.field(
        description="Mean bias statistic; 1 if the forecasts are right."
    )
    mean_q: float | None = strawberry.field(description="Mean Q; as little above `expectedQ` as possible.")

    @strawberry.field(description="The portfolios.", metadata=cost(size=100))
    def names(self) -> list[str]:
        return list(self.outcomes.names)

    @strawberry.field(
        description="Standard deviation of return over forecast: 1 if the forecasts are right, above 1 if "
        "risk was underestimated. Null for fewer than 2 periods.",
        metadata=cost(size=100),
    )
    def bias(self) -> list[float | None]:
        return self.outcomes.statistics.bias.tolist()

    @strawberry.field(
        description="Mean of z^2 - ln z^2, z = return over forecast: least if the forecasts are right in "
        "every period. Null without periods.",
        metadata=cost(size=100),
    )
    def q(self) -> list[float | None]:
        return self.outcomes.statistics.q.tolist()

    @strawberry.field(description="Number of periods that count.", metadata=cost(size=100))
    def observations(self) -> list[int]:
        return self.outcomes.statistics.observations.tolist()

    @classmethod
    def of(cls, kind: BiasGroupKind, outcomes: Outcomes) -> BiasGroup:
        return cls(
            outcomes=outcomes,
            kind=kind,
            mean_bias=outcomes.statistics.mean_bias,
            mean_q=outcomes.statistics.mean_q,
        )


@strawberry.type(
    description="Whether the volatility forecasts were right, out of sample: portfolios bought on each "
    "forecast date and held to the next one, their returns over what was forecast."
)
class RiskBias:
    periods: int = strawberry.field(description="Number of periods between forecast dates.")
    start_date: date | None = strawberry.field(
        description="The first forecast date that was judged; null if undefined."
    )
    end_date: date | None = strawberry.field(description="The end of the last period; null if undefined.")
    expected_q: float = strawberry.field(
        description="Q on average where returns are normal and the forecasts right: 2.27."
    )
    low: float | None = strawberry.field(
        description="The lower end of where 95 % of the bias statistics of that many periods lie if the "
        "forecasts are right and returns normal; null if undefined."
    )
    high: float | None = strawberry.field(description="The upper end; null if undefined.")
    groups: list[BiasGroup] = strawberry.field(
        description="Random portfolios, styles and sectors, as far as the model has them; empty if "
        "undefined.",
        metadata=cost(size=3),
    )
    undefined: UndefinedMetric | None = strawberry.field(
        description="Why there are no bias statistics: too few periods; null where there are."
    )

    @classmethod
    def of(cls, results: RiskModelResults) -> RiskBias:
        found = results.validation
        if isinstance(found, TooFewPeriods):
            return cls._absent(found)
        groups = {
            BiasGroupKind.RANDOM: found.random,
            BiasGroupKind.STYLES: found.styles,
            BiasGroupKind.SECTORS: found.sectors,
        }
        low, high = bias_interval(len(found.starts))
        return cls(
            periods=len(found.starts),
            start_date=_day(results, found, first=True),
            end_date=_day(results, found, first=False),
            expected_q=EXPECTED_Q,
            low=low,
            high=high,
            groups=[BiasGroup.of(kind, one) for kind, one in groups.items() if one is not None],
            undefined=None,
        )

    @classmethod
    def _absent(cls, found: TooFewPeriods) -> RiskBias:
        detail = f"{found.periods:,} periods lie between forecasts, {found.needed:,} are needed"
        return cls(
            periods=found.periods,
            start_date=None,
            end_date=None,
            expected_q=EXPECTED_Q,
            low=None,
            high=None,
            groups=[],
            undefined=UndefinedMetric(metric="bias", reason="TOO_FEW_PERIODS", detail=detail),
        )


def _day(results: RiskModelResults, found: Validation, *, first: bool) -> date:
    row = found.starts[0] if first else found.ends[-1]
    return results.dates[row].item()
