"""What sweeps vary, measure and chart, as enums of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import strawberry

from app.services.sweep_series import SweepSeriesName
from db.run_queries import RunSortField

_MAY_GROW = "Values may be added: keep a default branch."

_OPTIONS: Final[Mapping[str, str]] = {
    "weighting_method": "How the weights inside a leg are set: names of WeightingMethod.",
    "variance_lookback": "Period returns behind inverse-variance weights.",
    "max_weight": "Cap on a weight inside its leg; null = no cap.",
    "market_cap_threshold": "USD that an asset's market cap must exceed; null = no filter.",
    "liquidity_threshold": "USD per 7 days that an asset's volume must exceed; null = no filter.",
    "min_lifetime_days": "Days that must lie between an asset's first price and the period's end; null = no "
    "filter.",
    "missing_return": "What a held asset without a price at the period's end earns.",
    "exclude": "The asset, or `attribute=value`, that is never held: one name a value.",
    "universe": "The only asset, or `attribute=value`, that may be held: one name a value; null = all.",
    "cost_bps": "Cost of trading, in basis points.",
    "short_carry_bps": "Cost of holding the short leg, in basis points a year.",
    "execution_lag_days": "Rows of the dataset after the signal at whose price positions are taken.",
    "publication_lag_days": "Days after which fees, dau, revenue, shares and book values of a day are known.",
    "max_abs_return": "Held period returns beyond it are extreme; null = none are.",
    "extreme_returns": "What happens to extreme returns: names of ExtremeReturns.",
    "breakpoint": "Share of the eligible assets in each leg.",
    "min_assets": "Eligible assets without which a period is skipped.",
    "top_n": "Of MARKET: how many of the largest assets are held.",
    "long_side": "Of VALUE: which end of the signal is held long: names of LongSide.",
    "fundamental": "Of VALUE: what market caps are compared with: names of Fundamental.",
    "lookback_periods": "Of MOMENTUM: periods of the price return.",
    "volatility_adjusted": "Of MOMENTUM: whether the return is scaled by its steadiness: flags.",
    "lookback_days": "Of MOMENTUM_V2: daily returns in the window.",
    "growth_window": "Of GROWTH: periods over which growth is measured.",
    "growth_metrics": "Of GROWTH: the one measure, of GrowthMetric; null = those that the dataset has.",
}
_METRICS: Final[Mapping[str, str]] = {
    "gross_sharpe_ratio": "Annualised Sharpe ratio before costs.",
    "sharpe_ratio": "Annualised Sharpe ratio of the periods in which the point held something.",
    "annualized_return": "Annualised compound return.",
    "cumulative_return": "Compounded return.",
    "annualized_volatility": "Annualised volatility.",
    "max_drawdown": "Deepest drawdown, 0 or below.",
    "calmar_ratio": "Annualised return over the deepest drawdown.",
    "hit_rate": "Share of the periods with a return above 0.",
    "newey_west_t": "Newey-West t-statistic of the mean return.",
    "probabilistic_sharpe_ratio": "Probability that the true Sharpe ratio is above 0.",
    "mean_turnover": "Mean one-way turnover a period.",
    "break_even_cost_bps": "Cost of trading at which the profit is gone, in basis points.",
    "num_periods": "Number of reported periods.",
    "skipped_periods": "Number of periods without a portfolio.",
    "breadth": "Mean number of assets held.",
    "span_sharpe_ratio": "Annualised Sharpe ratio over the periods that all points share, 0 where the point "
    "held nothing: what points are compared by.",
}
_SERIES: Final[Mapping[str, str]] = {
    "BEST_POINT": "Return of the best point; 0 where it held nothing.",
    "WALK_FORWARD": "Return of choosing the best point so far every quarter, out of sample; missing before "
    "the first choice.",
}
_RUN_SORTS: Final[Mapping[str, str]] = {
    "ID": "The order in which sweeps were added.",
    "CREATED_AT": "When the sweep was added.",
    "FINISHED_AT": "When the sweep ended.",
    "FACTOR": "The factor's name.",
    "STATUS": "The status's name.",
}


def _enum(name: str, values: Mapping[str, str], description: str) -> type[StrEnum]:
    """An enum of the graph with one member a key, in capitals; its value is the key."""
    enum = StrEnum(name, {key.upper(): key for key in values})
    return _described(enum, values, description)


def _described(enum: type[StrEnum], values: Mapping[str, str], description: str) -> type[StrEnum]:
    strawberry.enum(enum, description=f"{description} {_MAY_GROW}")
    for value in enum.__strawberry_definition__.values:
        value.description = values[enum[value.name].value]
    return enum


ConfigOption = _enum(
    "ConfigOption", _OPTIONS, "An option that a sweep can vary. Each factor has the shared ones and its own."
)
SweepMetric = _enum(
    "SweepMetric", _METRICS, "A metric of a sweep's point: after costs where the point has any."
)
SweepRunSortField = _enum("SweepRunSortField", _RUN_SORTS, "What sweeps can be sorted by.")
_described(SweepSeriesName, _SERIES, "A return series of a sweep.")


def to_sort_field(field: StrEnum) -> RunSortField:
    return RunSortField(field.value)
