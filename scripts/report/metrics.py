"""The metrics of a run in the order in which people read them: labels, groups and formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from db.records import PerformanceRecord


class Unit(Enum):
    PERCENT = "percent"
    RATIO = "ratio"
    COUNT = "count"
    BASIS_POINTS = "bps"


@dataclass(frozen=True, slots=True)
class Metric:
    """name: of the field of a performance record. of_returns: whether costs change it, so that it has a value
    after them."""

    name: str
    label: str
    unit: Unit
    of_returns: bool = True


GROUPS: Mapping[str, tuple[Metric, ...]] = MappingProxyType(
    {
        "Return": (
            Metric("annualized_return", "annualised return", Unit.PERCENT),
            Metric("mean_annual_return", "mean annual return", Unit.PERCENT),
            Metric("cumulative_return", "cumulative return", Unit.PERCENT),
            Metric("hit_rate", "hit rate", Unit.PERCENT),
            Metric("best_period_return", "best period", Unit.PERCENT),
            Metric("worst_period_return", "worst period", Unit.PERCENT),
            Metric("long_only_return", "long leg alone", Unit.PERCENT, of_returns=False),
            Metric("short_only_return", "short leg alone, held long", Unit.PERCENT, of_returns=False),
        ),
        "Risk": (
            Metric("annualized_volatility", "annualised volatility", Unit.PERCENT),
            Metric("max_drawdown", "max drawdown", Unit.PERCENT),
            Metric("value_at_risk_95", "value at risk 95 %, per period", Unit.PERCENT),
            Metric("expected_shortfall_95", "expected shortfall 95 %, per period", Unit.PERCENT),
            Metric("skewness", "skewness", Unit.RATIO),
            Metric("excess_kurtosis", "excess kurtosis", Unit.RATIO),
        ),
        "Reward for risk": (
            Metric("sharpe_ratio", "Sharpe ratio", Unit.RATIO),
            Metric("sortino_ratio", "Sortino ratio", Unit.RATIO),
            Metric("sortino_ratio_target", "Sortino ratio, target 0", Unit.RATIO),
            Metric("calmar_ratio", "Calmar ratio", Unit.RATIO),
        ),
        "Inference": (
            Metric("newey_west_t", "Newey-West t of the mean", Unit.RATIO),
            Metric("sharpe_standard_error", "standard error of the Sharpe ratio", Unit.RATIO),
            Metric("probabilistic_sharpe_ratio", "probabilistic Sharpe ratio", Unit.PERCENT),
        ),
        "Against the market": (
            Metric("alpha", "alpha, a year", Unit.PERCENT),
            Metric("beta", "beta", Unit.RATIO),
        ),
        "Signal": (
            Metric("ic_mean", "rank IC, mean", Unit.RATIO, of_returns=False),
            Metric("ic_std", "rank IC, deviation", Unit.RATIO, of_returns=False),
            Metric("ic_t", "rank IC, t", Unit.RATIO, of_returns=False),
            Metric("ic_autocorrelation", "rank IC, autocorrelation", Unit.RATIO, of_returns=False),
        ),
        "Trading": (
            Metric("mean_turnover", "turnover a period, one way", Unit.PERCENT, of_returns=False),
            Metric("break_even_cost_bps", "break-even cost, bps", Unit.BASIS_POINTS, of_returns=False),
            Metric("breadth", "positions held, mean", Unit.RATIO, of_returns=False),
            Metric("long_hhi", "HHI of the latest long leg", Unit.RATIO, of_returns=False),
            Metric("short_hhi", "HHI of the latest short leg", Unit.RATIO, of_returns=False),
        ),
        "Sample": (
            Metric("years", "years", Unit.RATIO, of_returns=False),
            Metric("num_periods", "periods", Unit.COUNT, of_returns=False),
            Metric("skipped_periods", "skipped periods", Unit.COUNT, of_returns=False),
            Metric("coverage", "coverage", Unit.PERCENT, of_returns=False),
            Metric("missing_returns", "missing returns", Unit.COUNT, of_returns=False),
            Metric("extreme_returns", "extreme returns", Unit.COUNT, of_returns=False),
        ),
    }
)

LABELS: Mapping[str, str] = MappingProxyType(
    {metric.name: metric.label for group in GROUPS.values() for metric in group}
)

NOT_RECORDED = "NOT_RECORDED"


def reasons(performance: PerformanceRecord, *, but_not_recorded: bool = True) -> dict[str, str]:
    """Why metrics are undefined, by name; of imports what was never recorded is left out unless asked for."""
    return {
        item.metric: item.detail
        for item in performance.undefined_metrics
        if not (but_not_recorded and item.reason == NOT_RECORDED)
    }
