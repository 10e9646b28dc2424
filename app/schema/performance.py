"""The metrics of a run."""

from __future__ import annotations

from datetime import date

import strawberry
from strawberry.utils.str_converters import to_camel_case

from db.records import PerformanceRecord, UndefinedMetricRecord


@strawberry.type(description="Why a metric is null.")
class UndefinedMetric:
    metric: str = strawberry.field(description="The name of the field that is null.")
    reason: str = strawberry.field(description="A stable name of the reason, such as `ZERO_VOLATILITY`.")
    detail: str = strawberry.field(description="The reason in words, with its numbers.")


@strawberry.type(
    description=(
        "The metrics of the factor return: long minus short, or the long leg alone where there is no short "
        "one. `performance` has those of the return gross of costs, `netPerformance` those of the return "
        "after them. Rates are fractions (0.1 = 10 %). Periods in which no portfolio was formed are left "
        "out, not zero. A metric that is not defined is null, with its reason in `undefinedMetrics`. From a "
        "return of -100 % or less on, wealth is 0 for good (`wipedOutOn`); mean, deviation, Sharpe and the "
        "like use all returns."
    )
)
class Performance:
    cumulative_return: float | None = strawberry.field(
        description="Compounded return over all reported periods, a fraction."
    )
    annualized_return: float | None = strawberry.field(
        description="(1 + `cumulativeReturn`) ^ (1 / `years`) - 1, a fraction a year."
    )
    mean_annual_return: float | None = strawberry.field(
        description="Mean period return times periods a year, a fraction a year."
    )
    annualized_volatility: float | None = strawberry.field(
        description="Standard deviation (ddof 1) of the period returns times sqrt(periods a year)."
    )
    sharpe_ratio: float | None = strawberry.field(
        description="Mean / standard deviation (ddof 1) times sqrt(periods a year); no risk-free rate."
    )
    sortino_ratio: float | None = strawberry.field(
        description="Mean / standard deviation (ddof 1) of the negative returns times sqrt(periods a year): "
        "the definition of the older logs."
    )
    sortino_ratio_target: float | None = strawberry.field(
        description="Mean / sqrt(mean(min(return, 0)^2)) times sqrt(periods a year): the textbook definition."
    )
    max_drawdown: float | None = strawberry.field(
        description="The deepest fall below the running peak, a fraction, 0 or below. The starting value "
        "counts as a peak."
    )
    max_drawdown_peak_date: date | None = strawberry.field(
        description="The last date at the peak before the deepest drawdown; null where there was none."
    )
    max_drawdown_trough_date: date | None = strawberry.field(
        description="The first date at the bottom of the deepest drawdown; null where there was none."
    )
    max_drawdown_recovery_date: date | None = strawberry.field(
        description="The first date back at the peak; null while there is none."
    )
    calmar_ratio: float | None = strawberry.field(description="`annualizedReturn` / |`maxDrawdown`|.")
    value_at_risk_95: float | None = strawberry.field(
        description="Minus the linear 5 % quantile of the period returns: a loss is positive. A fraction a "
        "period.",
    )
    expected_shortfall_95: float | None = strawberry.field(
        description="Minus the mean of the returns at or below the 5 % quantile. A fraction a period.",
    )
    hit_rate: float | None = strawberry.field(description="Share of the periods with a return above 0.")
    skewness: float | None = strawberry.field(description="Bias-corrected sample skewness.")
    excess_kurtosis: float | None = strawberry.field(description="Bias-corrected sample excess kurtosis.")
    best_period_return: float | None = strawberry.field(description="The greatest period return, a fraction.")
    worst_period_return: float | None = strawberry.field(description="The least period return, a fraction.")
    long_only_return: float | None = strawberry.field(
        description="Compounded return of holding the long leg long, a fraction. Null in `netPerformance`: "
        "legs are reported gross."
    )
    short_only_return: float | None = strawberry.field(
        description="Compounded return of holding the short leg LONG, a fraction: a fall of the assets sold "
        "is negative here. Null for a long-only factor, and in `netPerformance`."
    )
    years: float | None = strawberry.field(
        description="(`endDate` - `startDate`) / 365 days: the first period's own length is left out, as in "
        "the older logs."
    )
    num_periods: int | None = strawberry.field(description="Number of reported periods.")
    skipped_periods: int | None = strawberry.field(
        description="Number of periods within the requested dates in which no portfolio was formed, the "
        "warm-up included."
    )
    missing_returns: int | None = strawberry.field(
        description="Number of holdings without a price at the period's end; each earned `missingReturn`."
    )
    coverage: float | None = strawberry.field(
        description="`numPeriods` / number of grid periods from the first to the last reported one: 0 to 1."
    )
    breadth: float | None = strawberry.field(
        description="Mean number of assets held a period, both legs together."
    )
    long_hhi: float | None = strawberry.field(
        description="Herfindahl index of the latest long leg: the sum of its squared weights, 1 / n if equal."
    )
    short_hhi: float | None = strawberry.field(
        description="Herfindahl index of the latest short leg. Null for a long-only factor."
    )
    mean_turnover: float | None = strawberry.field(
        description="Mean over the periods of (bought + sold) / 2, both legs added, as a fraction of a leg's "
        "capital: 1 replaces one leg entirely. Weights drift with returns before they are traded back. "
        "Periods whose portfolio was bought from nothing are left out."
    )
    break_even_cost_bps: float | None = strawberry.field(
        description="The `costBps`, in basis points of what is traded, at which the mean return after short "
        "carry is 0; null if it is not positive without trading costs. The same gross and net."
    )
    newey_west_t: float | None = strawberry.field(
        description="The t-statistic of the mean return, robust to autocorrelation: Newey and West 1987 with "
        "Bartlett weights and floor(4 (n / 100)^(2/9)) lags."
    )
    sharpe_standard_error: float | None = strawberry.field(
        description="Standard error of `sharpeRatio`, annualised like it: sqrt((1 + s^2 / 2) / n) of the "
        "Sharpe ratio s a period, for independent returns (Lo 2002)."
    )
    probabilistic_sharpe_ratio: float | None = strawberry.field(
        description="Probability that the true Sharpe ratio is above 0, allowing for skewness, kurtosis and "
        "number of periods, from 0 to 1 (Bailey and Lopez de Prado 2012). One trial only: where the best of "
        "many was chosen it is too high."
    )
    ic_mean: float | None = strawberry.field(
        description="Mean information coefficient: Spearman rank correlation, period by period, of the "
        "signal and the return of the eligible assets (not only those held). Positive = the long leg wins."
    )
    ic_std: float | None = strawberry.field(
        description="Standard deviation (ddof 1) of the information coefficients."
    )
    ic_t: float | None = strawberry.field(
        description="`icMean` / `icStd` times sqrt(number of coefficients)."
    )
    ic_autocorrelation: float | None = strawberry.field(
        description="Correlation of each information coefficient with the one before."
    )
    alpha: float | None = strawberry.field(
        description="Return that the MARKET factor does not explain, a fraction a year: the intercept of the "
        "least squares regression on its returns, times periods a year. It has the same dataset, periods and "
        "filters, gross of costs. Null for MARKET itself and without market caps."
    )
    beta: float | None = strawberry.field(
        description="Slope of the same regression: the return per unit of the MARKET factor's."
    )
    extreme_returns: int | None = strawberry.field(
        description="Number of holdings with a return beyond `maxAbsReturn`, either way."
    )
    start_date: date | None = strawberry.field(description="End of the first reported period.")
    end_date: date | None = strawberry.field(description="End of the last reported period.")
    wiped_out_on: date | None = strawberry.field(
        description="End of the first period with a return of -100 % or less; null if there was none."
    )
    undefined_metrics: list[UndefinedMetric] = strawberry.field(
        description="Why metrics are null, one entry a metric."
    )

    @classmethod
    def from_record(cls, record: PerformanceRecord) -> Performance:
        return cls(
            **{name: getattr(record, name) for name in _METRICS},
            undefined_metrics=[
                UndefinedMetric(
                    metric=to_camel_case(entry.metric), reason=str(entry.reason), detail=entry.detail
                )
                for entry in (*record.undefined_metrics, *_never_computed(record))
            ],
        )


def _never_computed(record: PerformanceRecord) -> list[UndefinedMetricRecord]:
    """Metrics that there were not when the run was recorded: all others that are null have a reason."""
    reasons = {entry.metric for entry in record.undefined_metrics}
    return [
        UndefinedMetricRecord(
            metric=name, reason="NOT_RECORDED", detail="the run was recorded before there was such a metric"
        )
        for name in _LATER_METRICS
        if getattr(record, name) is None and name not in reasons
    ]


_LATER_METRICS = (
    "mean_turnover",
    "break_even_cost_bps",
    "newey_west_t",
    "sharpe_standard_error",
    "probabilistic_sharpe_ratio",
    "ic_mean",
    "ic_std",
    "ic_t",
    "ic_autocorrelation",
    "alpha",
    "beta",
    "extreme_returns",
)
_METRICS = tuple(name for name in PerformanceRecord.__dataclass_fields__ if name != "undefined_metrics")
