"""The metrics of a run in the order in which people read them."""

from __future__ import annotations

from collections.abc import Mapping

from db.records import PerformanceRecord
from engine.factors.performance import METRICS
from engine.statistics.performance import Metric, Unit

_GROUPS = {
    "Return": "annualized_return mean_annual_return cumulative_return hit_rate best_period_return "
    "worst_period_return long_only_return short_only_return",
    "Risk": "annualized_volatility max_drawdown value_at_risk_95 expected_shortfall_95 skewness "
    "excess_kurtosis",
    "Reward for risk": "sharpe_ratio sortino_ratio sortino_ratio_target calmar_ratio",
    "Inference": "newey_west_t sharpe_standard_error probabilistic_sharpe_ratio",
    "Against the market": "alpha beta",
    "Signal": "ic_mean ic_std ic_t ic_autocorrelation",
    "Trading": "mean_turnover break_even_cost_bps breadth long_hhi short_hhi",
    "Sample": "years num_periods skipped_periods coverage missing_returns extreme_returns",
}
_LEFT = " ".join(
    name
    for name, one in METRICS.items()
    if one.unit is not Unit.DATE and name not in " ".join(_GROUPS.values()).split()
)
GROUPS: Mapping[str, tuple[Metric, ...]] = {
    group: tuple(METRICS[name] for name in names.split())
    for group, names in (*_GROUPS.items(), ("Further", _LEFT))
    if names
}

NOT_RECORDED = "NOT_RECORDED"


def reasons(performance: PerformanceRecord, *, but_not_recorded: bool = True) -> dict[str, str]:
    """Why metrics are undefined, by name; of imports what was never recorded is left out unless asked for."""
    return {
        item.metric: item.detail
        for item in performance.undefined_metrics
        if not (but_not_recorded and item.reason == NOT_RECORDED)
    }
