"""How far a sweep's best point is due to selection: the statistics of all points together."""

from __future__ import annotations

import math
from datetime import date

import strawberry

from app.boundary.cost_rules import cost
from app.features.sweeps.graph.points import SweepPoint
from app.features.sweeps.results import HistogramBin as ServiceBin
from app.features.sweeps.results import SweepResults
from db.records import RunRecord


@strawberry.type(
    description="The best Sharpe ratio against what luck alone would give as many trials (Bailey and Lopez "
    "de Prado 2014). Sharpe ratios are annualised."
)
class DeflatedSharpe:
    probability: float | None = strawberry.field(
        description="The deflated Sharpe ratio: the probability that the best point's true Sharpe ratio is "
        "above `expectedMaximum`."
    )
    sharpe_ratio: float | None = strawberry.field(description="That of the best point.")
    expected_maximum: float | None = strawberry.field(
        description="The largest Sharpe ratio to be expected of `effectiveTrials` strategies whose true one "
        "is 0."
    )
    trials: int = strawberry.field(description="Number of points whose returns vary.")
    effective_trials: float | None = strawberry.field(
        description="How many independent trials the points count for: fewer, the more alike they are."
    )
    mean_correlation: float | None = strawberry.field(
        description="Mean correlation of the returns of all pairs of points."
    )
    sharpe_variance: float | None = strawberry.field(
        description="Variance (ddof 1) of the annualised Sharpe ratios across points."
    )

    @classmethod
    def of(cls, results: SweepResults) -> DeflatedSharpe | None:
        found = results.deflated_sharpe
        if found is None:
            return None
        annual = math.sqrt(results.periods_per_year)
        return cls(
            probability=found.probability,
            sharpe_ratio=_scaled(found.sharpe_ratio, annual),
            expected_maximum=_scaled(found.expected_maximum, annual),
            trials=found.trials,
            effective_trials=found.effective_trials,
            mean_correlation=found.mean_correlation,
            sharpe_variance=_scaled(found.sharpe_variance, results.periods_per_year),
        )


@strawberry.type(
    description="How many values are above `low` and up to `high`; in the first bin also those equal to "
    "`low`."
)
class HistogramBin:
    low: float = strawberry.field(description="The lower edge.")
    high: float = strawberry.field(description="The upper edge.")
    count: int = strawberry.field(description="Number of values.")

    @classmethod
    def of(cls, one: ServiceBin) -> HistogramBin:
        return cls(low=one.low, high=one.high, count=one.count)


@strawberry.type(
    description="The probability that choosing the best point overfits, by combinatorially symmetric "
    "cross-validation (Bailey, Borwein, Lopez de Prado and Zhu 2017): in each combination half of the blocks "
    "of periods choose the point of the highest Sharpe ratio, and the other half judges it."
)
class OverfittingProbability:
    probability: float | None = strawberry.field(
        description="Share of the combinations whose chosen point does no better than the median in the "
        "other half."
    )
    partitions: int = strawberry.field(description="Number of blocks of periods.")
    combinations: int = strawberry.field(description="Number of ways to choose half of the blocks.")
    rows_used: int = strawberry.field(description="Number of periods used: the latest ones.")
    mean_out_of_sample_sharpe: float | None = strawberry.field(
        description="Mean annualised Sharpe ratio of the chosen points in the other half."
    )
    probability_of_loss: float | None = strawberry.field(
        description="Share of the combinations whose chosen point loses money in the other half."
    )
    slope: float | None = strawberry.field(
        description="Slope of the Sharpe ratio in the other half on that in the choosing half, over the "
        "combinations; below 0, the better the choice looked the worse it was."
    )
    intercept: float | None = strawberry.field(
        description="Intercept of the same line, an annualised Sharpe ratio."
    )
    logit_histogram: list[HistogramBin] = strawberry.field(
        description="The logits of the chosen points' relative ranks in the other half, in 20 bins around 0; "
        "`probability` is the share of those at 0 and below.",
        metadata=cost(size=20),
    )

    @classmethod
    def of(cls, results: SweepResults) -> OverfittingProbability | None:
        found = results.overfitting
        if found is None:
            return None
        annual = math.sqrt(results.periods_per_year)
        return cls(
            probability=found.probability,
            partitions=found.partitions,
            combinations=found.combinations,
            rows_used=found.rows_used,
            mean_out_of_sample_sharpe=_scaled(found.mean_out_of_sample_sharpe, annual),
            probability_of_loss=found.probability_of_loss,
            slope=found.slope,
            intercept=_scaled(found.intercept, annual),
            logit_histogram=[HistogramBin.of(one) for one in results.logit_histogram()],
        )


@strawberry.type(description="A point that was chosen on what was known at the time.")
class WalkForwardChoice:
    run: strawberry.Private[RunRecord]
    results: strawberry.Private[SweepResults]
    date: date = strawberry.field(description="The end of the first period for which it is traded.")
    number: int = strawberry.field(description="The point's number.")

    @strawberry.field(description="The point.")
    def point(self) -> SweepPoint:
        return SweepPoint.of(self.run, self.results, self.number)


@strawberry.type(
    description="What choosing would have earned: every quarter, after a first year, the point of the best "
    "Sharpe ratio on all periods before is traded for that quarter. Switching between points costs nothing "
    "here. `series` has the returns."
)
class WalkForward:
    run: strawberry.Private[RunRecord]
    results: strawberry.Private[SweepResults]
    num_choices: int = strawberry.field(description="Number of quarters.")
    distinct_points: int = strawberry.field(description="Number of different points that were chosen.")
    choices: list[WalkForwardChoice] = strawberry.field(
        description="The choices, oldest first.", metadata=cost(size=100)
    )
    sharpe_ratio: float | None = strawberry.field(
        description="Annualised Sharpe ratio of the stitched returns, all out of sample."
    )
    annualized_return: float | None = strawberry.field(
        description="Annualised compound return, a fraction a year."
    )
    annualized_volatility: float | None = strawberry.field(
        description="Annualised volatility, a fraction a year."
    )
    max_drawdown: float | None = strawberry.field(description="Deepest drawdown, a fraction, 0 or below.")
    in_sample_best_sharpe_ratio: float | None = strawberry.field(
        description="Annualised Sharpe ratio, over the same periods, of the point that is best in hindsight."
    )

    @strawberry.field(description="The point that is best in hindsight.")
    def in_sample_best(self) -> SweepPoint:
        walk = self.results.walk_forward
        assert walk is not None  # noqa: S101  made from it
        return SweepPoint.of(self.run, self.results, walk.in_sample_best)

    @classmethod
    def of(cls, run: RunRecord, results: SweepResults) -> WalkForward | None:
        found = results.walk_forward
        if found is None:
            return None
        return cls(
            run=run,
            results=results,
            num_choices=found.num_choices,
            distinct_points=found.distinct_points,
            choices=[
                WalkForwardChoice(run=run, results=results, date=one.date, number=one.point)
                for one in found.choices
            ],
            sharpe_ratio=found.sharpe_ratio,
            annualized_return=found.annualized_return,
            annualized_volatility=found.annualized_volatility,
            max_drawdown=found.max_drawdown,
            in_sample_best_sharpe_ratio=found.in_sample_best_sharpe_ratio,
        )


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
