"""The best portfolio by a risk model, within limits."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, TypeAlias

import numpy as np
import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.boundary.cost_rules import cost
from app.execution.adhoc import AdHocFailed
from app.execution.worker.launcher import NoChildProcess
from app.features.exposures.graph.inputs import PortfolioInput, PositionInput
from app.features.risk import optimization as service
from app.features.risk.graph.enums import Candidates, Objective
from app.features.risk.graph.portfolio import MissingRisk, RiskDecomposition
from app.features.risk.graph.portfolio_inputs import to_portfolio
from app.features.risk.optimization import CURRENT, OptimizationAnswer, OptimizationRequest
from app.features.risk.results import RiskModelResults
from app.schema.errors import (
    ArtifactUnavailable,
    DatasetNotFound,
    DatasetUnavailable,
    Error,
    InvalidInput,
    LimitExceeded,
    Path,
    QueueFull,
    UnknownAssets,
)
from app.schema.unset import given
from engine.risk import portfolio_limits as engine


@strawberry.input(description="Bounds of one asset's weight, which then may be held whatever else is said.")
class WeightBoundsInput:
    asset: str = strawberry.field(
        description="The asset: its id in the dataset, in any case, or its attribute `symbol` or `ticker`."
    )
    lower: float | None = strawberry.field(
        default=strawberry.UNSET, description="The least weight; absent or null: as for all."
    )
    upper: float | None = strawberry.field(
        default=strawberry.UNSET, description="The greatest weight; absent or null: as for all."
    )


@strawberry.input(
    description="Bounds of the portfolio's exposure to one factor. Several of one factor all hold."
)
class ExposureLimitInput:
    factor: str = strawberry.field(description="The factor, as the risk model names it.")
    low: float | None = strawberry.field(
        default=strawberry.UNSET, description="The least exposure; absent or null is open."
    )
    high: float | None = strawberry.field(
        default=strawberry.UNSET, description="The greatest exposure; absent or null is open."
    )


@strawberry.input(description="Which portfolio to look for. Weights are shares of the capital.")
class OptimizeInput:
    objective: Objective = strawberry.field(description="What is made least or greatest.")
    expected_returns: list[PositionInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Expected returns, fractions a year (`number`: 0.1 is 10 %), up to 10,000: required for "
        "MAXIMUM_SHARPE, which holds no other assets, and refused for MINIMUM_VARIANCE.",
    )
    risk_free_rate: float = strawberry.field(
        default=0.0, description="What MAXIMUM_SHARPE takes for riskless, a fraction a year."
    )
    assets: list[str] | None = strawberry.field(
        default=strawberry.UNSET,
        description="The assets that may be held, up to 10,000, by id in any case or by the attribute "
        "`symbol` or `ticker`. Absent or null: all with an expected return, and for MINIMUM_VARIANCE "
        "as `candidates` says.",
    )
    candidates: Candidates = strawberry.field(
        default=Candidates.ESTIMATION_UNIVERSE,
        description="Which assets MINIMUM_VARIANCE may hold where none are named.",
    )
    lower: float = strawberry.field(
        default=0.0, description="The least weight of an asset that may be held; below 0 allows short ones."
    )
    upper: float = strawberry.field(
        default=1.0, description="The greatest weight of an asset that may be held."
    )
    bounds: list[WeightBoundsInput] | None = strawberry.field(
        default=strawberry.UNSET, description="Bounds of single assets, up to 1,000."
    )
    budget: float = strawberry.field(
        default=1.0, description="What the weights add up to; the rest of 1 is cash."
    )
    current: PortfolioInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="What is held now, for the turnover; absent or null: cash alone. Assets that may not be "
        "held are sold.",
    )
    max_turnover: float | None = strawberry.field(
        default=strawberry.UNSET,
        description="The most that may be traded one way: half the sum of the sizes of all changes of "
        "weight. Absent or null is open.",
    )
    exposure_limits: list[ExposureLimitInput] | None = strawberry.field(
        default=strawberry.UNSET, description="Bounds of exposures to factors, up to 200."
    )
    date: date | None = strawberry.field(
        default=strawberry.UNSET,
        description="The day by whose forecast: the last one up to it is taken. Absent or null: the latest.",
    )

    def to_request(self) -> OptimizationRequest:
        returns, assets, current = given(self.expected_returns), given(self.assets), given(self.current)
        return OptimizationRequest(
            objective=self.objective,
            expected_returns=None if returns is None else tuple((one.asset, one.number) for one in returns),
            risk_free=self.risk_free_rate,
            assets=None if assets is None else tuple(assets),
            candidates=self.candidates,
            lower=self.lower,
            upper=self.upper,
            bounds=tuple(
                service.WeightBounds(asset=one.asset, lower=given(one.lower), upper=given(one.upper))
                for one in given(self.bounds) or ()
            ),
            budget=self.budget,
            current=None if current is None else to_portfolio(current),
            max_turnover=given(self.max_turnover),
            exposure_limits=tuple(
                engine.ExposureLimit(factor=one.factor, low=given(one.low), high=given(one.high))
                for one in given(self.exposure_limits) or ()
            ),
            day=given(self.date),
        )

    def locate(self, name: str) -> Path:
        """Where what the service calls `name` stands in the arguments."""
        current = given(self.current)
        if name == CURRENT and current is not None:
            return ("input", CURRENT, current.chosen()[1])
        return ("input", _NAMES.get(name, to_camel_case(name)))


_NAMES = {"day": "date", "risk_free": "riskFreeRate", "exposures": "exposureLimits"}
"""Of this graph where they are others than the service's in camel case."""


@strawberry.type(description="The weight of one asset in an optimal portfolio.")
class OptimalWeight:
    asset: str = strawberry.field(description="The asset's id in the dataset.")
    weight: float = strawberry.field(description="The weight, a share of the capital; 0 for what is sold.")
    current_weight: float = strawberry.field(description="The weight held now; 0 without `current`.")
    trade: float = strawberry.field(
        description="Weight less current weight: what to buy, or below 0 to sell."
    )


@strawberry.type(
    description="The best portfolio within the limits by the forecast of one date. Weights that the solver "
    "leaves within a millionth of 0 or of a bound are put there."
)
class OptimalPortfolio:
    answer: strawberry.Private[OptimizationAnswer]
    date: date = strawberry.field(description="The forecast date: the last one up to the date asked for.")
    as_of: date | None = strawberry.field(
        description="The date of the prices that turned the amounts of `current` into values; null otherwise."
    )
    objective: Objective = strawberry.field(description="What was made least or greatest.")
    volatility: float = strawberry.field(description="Forecast volatility, a fraction a year.")
    expected_return: float | None = strawberry.field(
        description="Of the weights alone, a fraction a year; null without expected returns."
    )
    sharpe_ratio: float | None = strawberry.field(
        description="Expected return over the riskless rate, of the weights alone, over volatility; null "
        "without expected returns."
    )
    turnover: float = strawberry.field(description="Half the sum of the sizes of all changes of weight.")
    iterations: int = strawberry.field(description="Of the solver.")
    weight_count: int = strawberry.field(description="Number of assets with a weight other than 0.")
    risk: RiskDecomposition = strawberry.field(
        description="Where the portfolio's risk comes from, with its exposures."
    )

    @strawberry.field(
        description="Weights other than 0, and what is sold: the largest weights by size first, then by "
        "asset.",
        metadata=cost(size=1_000),
    )
    def weights(self) -> list[OptimalWeight]:
        names, weights = self.answer.forecast.assets, self.answer.portfolio.weights
        held = self.answer.current
        current = np.zeros_like(weights) if held is None else held.weights
        shown = np.flatnonzero((weights != 0.0) | (current != 0.0))
        order = shown[np.lexsort((shown, -np.abs(weights[shown])))]
        return [
            OptimalWeight(asset=names[ordinal], weight=weight, current_weight=before, trade=weight - before)
            for ordinal, weight, before in zip(
                order.tolist(), weights[order].tolist(), current[order].tolist(), strict=True
            )
        ]

    @classmethod
    def of(cls, results: RiskModelResults, answer: OptimizationAnswer) -> OptimalPortfolio:
        found, forecast = answer.portfolio, answer.forecast
        return cls(
            answer=answer,
            date=answer.date,
            as_of=None if answer.current is None else answer.current.as_of,
            objective=answer.objective,
            volatility=found.volatility,
            expected_return=found.expected_return,
            sharpe_ratio=found.sharpe_ratio,
            turnover=found.turnover,
            iterations=found.iterations,
            weight_count=int(np.count_nonzero(found.weights)),
            risk=RiskDecomposition.of(
                results, forecast.assets, forecast.specific, found.weights, answer.decomposition
            ),
        )


@strawberry.type(description="No portfolio is the best one within the limits, or none was found.")
class NoOptimalPortfolio(Error):
    shows: ClassVar = (service.NoOptimalPortfolio,)

    reason: str = strawberry.field(
        description="A stable name of the reason: `INFEASIBLE_PORTFOLIO`, `UNBOUNDED_PORTFOLIO` or "
        "`SOLVER_FAILURE`."
    )


@strawberry.type(
    description="A computation for this answer ended without one: `code` says why, such as `TIMED_OUT` or "
    "`MISSING_EXTRA`."
)
class ComputationFailed(Error):
    shows: ClassVar = (AdHocFailed, NoChildProcess)


OptimizeResult: TypeAlias = Annotated[
    OptimalPortfolio
    | InvalidInput
    | UnknownAssets
    | MissingRisk
    | NoOptimalPortfolio
    | ComputationFailed
    | QueueFull
    | LimitExceeded
    | DatasetNotFound
    | DatasetUnavailable
    | ArtifactUnavailable,
    strawberry.union(
        "OptimizeResult", description="The portfolio, or why there is none. Keep a default branch."
    ),
]
