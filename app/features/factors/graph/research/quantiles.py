"""Quantile portfolios of a run's signal."""

from __future__ import annotations

import strawberry

from app.boundary.cost_rules import cost
from app.features.factors import research as service
from app.schema.same_fields import same_fields


@strawberry.type(description="One quantile portfolio, held long, gross of costs. Null = not defined.")
class QuantileBucket:
    bucket: int = strawberry.field(description="Its number, 1 for the lowest signals.")
    num_periods: int = strawberry.field(description="Number of periods in which it was held.")
    mean_return: float | None = strawberry.field(description="Mean return, a fraction a period.")
    annualized_return: float | None = strawberry.field(
        description="Compounded return, a fraction a year, by the rule of `Performance.annualizedReturn`."
    )
    annualized_volatility: float | None = strawberry.field(
        description="Standard deviation (ddof 1) of the returns times sqrt(periods a year)."
    )
    sharpe_ratio: float | None = strawberry.field(description="Annualised Sharpe ratio.")
    cumulative_return: float | None = strawberry.field(description="Compounded return, a fraction.")


@strawberry.type(
    description=(
        "Quantile portfolios: in each period the eligible assets (not only those held) in order of their "
        "signal, cut into `config.quantiles` buckets and equally weighted. Periods with fewer assets than "
        "buckets are left out. Whether returns rise or fall steadily with the signal tells more than its two "
        "ends. Null = not defined."
    )
)
class QuantileAnalysis:
    num_periods: int = strawberry.field(description="Number of periods with an asset in every bucket.")
    buckets: list[QuantileBucket] = strawberry.field(
        description="The portfolios, that of the lowest signals first.", metadata=cost(size=10)
    )
    spread_mean_return: float | None = strawberry.field(
        description="Mean return of the bucket at the long leg's end minus that at the other, a fraction a "
        "period."
    )
    spread_newey_west_t: float | None = strawberry.field(
        description="Newey-West t-statistic of the mean spread."
    )
    spread_sharpe_ratio: float | None = strawberry.field(description="Annualised Sharpe ratio of the spread.")
    monotonicity: float | None = strawberry.field(
        description="Spearman rank correlation of the buckets' numbers and mean returns, -1 to 1, as it "
        "stands: below 0 where high signals earned less, whichever end is held long."
    )
    monotonicity_p_value: float | None = strawberry.field(
        description="Probability, by all permutations, of a `monotonicity` at least as far from 0 if the "
        "order of the mean returns were random."
    )

    @classmethod
    def from_service(cls, analysis: service.QuantileAnalysis) -> QuantileAnalysis:
        buckets = [same_fields(QuantileBucket, bucket) for bucket in analysis.buckets]
        return same_fields(cls, analysis, buckets=buckets)
