"""How a run was configured: one type a factor, and what they share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from datetime import date
from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.schema.enums import (
    ExtremeReturns,
    FactorName,
    Fundamental,
    GrowthMetric,
    LongSide,
    Rebalance,
    WeightingMethod,
)
from engine.factors.registry import FACTORS


@strawberry.interface(
    description=(
        "The options of a factor, all of them, defaults included. Null means that the option is off, or that "
        "the factor or an earlier engine does not have it, unless `unrecordedFields` lists it: then nobody "
        "knows (imported runs)."
    )
)
class FactorConfig:
    breakpoint: float | None = strawberry.field(
        description="Share of the eligible assets in each leg, 0.1 to 0.5. Null for MARKET, which has `topN`."
    )
    min_assets: int | None = strawberry.field(
        description="Number of eligible assets without which a period is skipped."
    )
    weighting_method: WeightingMethod | None = strawberry.field(
        description="How the weights inside a leg are set."
    )
    variance_lookback: int | None = strawberry.field(
        description="Number of period returns behind inverse-variance weights; at least 8 must exist."
    )
    max_weight: float | None = strawberry.field(
        description="Cap on a weight inside its leg, up to 1; the excess goes to the others in proportion. "
        "Null = no cap."
    )
    market_cap_threshold: float | None = strawberry.field(
        description="USD that an asset's market cap must exceed. Null = no filter."
    )
    liquidity_threshold: float | None = strawberry.field(
        description="USD per 7 days that an asset's volume must exceed, scaled to the length of the period. "
        "Null = no filter."
    )
    min_lifetime_days: int | None = strawberry.field(
        description="Days that must lie between an asset's first price and the period's end. Null = no "
        "filter."
    )
    start_date: date | None = strawberry.field(
        description="The first period end that is reported; the history before it still feeds signals."
    )
    end_date: date | None = strawberry.field(description="The last period end that is reported.")
    rebalance: Rebalance | None = strawberry.field(description="How often portfolios are formed.")
    missing_return: float | None = strawberry.field(
        description="What a held asset without a price at the period's end earns, -1 to 0; it keeps its "
        "weight."
    )
    exclude: list[str] | None = strawberry.field(
        description="Assets that are never held: ids, or `attribute=value`."
    )
    universe: list[str] | None = strawberry.field(
        description="The only assets that may be held: ids, or `attribute=value`. Null = all."
    )
    cost_bps: float | None = strawberry.field(
        description="Cost of trading, in basis points (0.01 %) of what is bought and of what is sold. 0 = "
        "none."
    )
    short_carry_bps: float | None = strawberry.field(
        description="Cost of holding the short leg, in basis points a year of 365 days. 0 = none."
    )
    execution_lag_days: int | None = strawberry.field(
        description="Rows of the dataset (days or sessions) after the signal at whose price positions are "
        "taken and left: 0 or 1."
    )
    publication_lag_days: int | None = strawberry.field(
        description="Calendar days after which fees, dau, revenue, shares and book values of a day are known "
        "to signals."
    )
    max_abs_return: float | None = strawberry.field(
        description="Held period returns beyond it, either way, are extreme: a fraction. Null = none are."
    )
    extreme_returns: ExtremeReturns | None = strawberry.field(
        description="What happens to extreme returns of held assets."
    )
    quantiles: int | None = strawberry.field(description="Number of quantile portfolios.")
    unrecorded_fields: list[str] = strawberry.field(
        description="Names of the fields here that the source of an imported run does not tell. Empty for "
        "computed runs."
    )


@strawberry.type(description="The options of SMB.")
class SmbConfig(FactorConfig):
    pass


@strawberry.type(description="The options of MARKET.")
class MarketConfig(FactorConfig):
    top_n: int | None = strawberry.field(
        description="How many of the largest assets are held; `minAssets` equals it."
    )


@strawberry.type(description="The options of VALUE.")
class ValueConfig(FactorConfig):
    long_side: LongSide | None = strawberry.field(
        description="HIGH holds the expensive assets long (the historical direction), LOW the cheap ones "
        "(the academic direction), which negates gross returns."
    )
    fundamental: Fundamental | None = strawberry.field(
        description="What market caps are compared with. Runs of earlier engines had fees only."
    )


@strawberry.type(description="The options of MOMENTUM.")
class MomentumConfig(FactorConfig):
    lookback_periods: int | None = strawberry.field(description="Periods of the price return, 1 to 12.")
    volatility_adjusted: bool | None = strawberry.field(
        description="Whether the price return is multiplied by |mean| / standard deviation (ddof 1) of the "
        "period returns of the same window."
    )


@strawberry.type(description="The options of MOMENTUM_V2.")
class MomentumV2Config(FactorConfig):
    lookback_days: int | None = strawberry.field(
        description="Number of daily returns in the window; every price of it must exist."
    )


@strawberry.type(description="The options of GROWTH.")
class GrowthConfig(FactorConfig):
    growth_window: int | None = strawberry.field(description="Periods over which growth is measured.")
    growth_metrics: list[GrowthMetric] | None = strawberry.field(
        description="The measures that are combined. Null = those of fees, dau and revenue that the dataset "
        "has."
    )


CONFIG_TYPES: Mapping[FactorName, type[FactorConfig]] = {
    FactorName.SMB: SmbConfig,
    FactorName.MARKET: MarketConfig,
    FactorName.VALUE: ValueConfig,
    FactorName.MOMENTUM: MomentumConfig,
    FactorName.MOMENTUM_V2: MomentumV2Config,
    FactorName.GROWTH: GrowthConfig,
}

_READERS: Mapping[str, Any] = {
    "weighting_method": WeightingMethod,
    "rebalance": Rebalance,
    "extreme_returns": ExtremeReturns,
    "long_side": LongSide,
    "fundamental": Fundamental,
    "start_date": date.fromisoformat,
    "end_date": date.fromisoformat,
    "growth_metrics": lambda names: [GrowthMetric(name) for name in names],
}
"""How an option that JSON cannot hold as it is gets its type back."""

_BEFORE_IT_WAS_AN_OPTION: Mapping[str, Any] = {"fundamental": Fundamental.FEES}
"""What runs were computed with that were stored before the option was there; such options are never null."""


def to_factor_config(
    factor: FactorName, options: Mapping[str, Any], unrecorded: Collection[str] = ()
) -> FactorConfig:
    """The config of a factor from its stored options (snake_case, JSON types).

    An option of the factor that is not stored counts as unrecorded, like those named so, unless all runs
    without it had the same.
    """
    own = option_names(factor)
    config_type = CONFIG_TYPES[factor]
    values: dict[str, Any] = {}
    unknown: list[str] = []
    for item in fields(config_type):
        name = item.name
        if name == "unrecorded_fields":
            continue
        value = options.get(name)
        if value is None and name not in unrecorded:
            value = _BEFORE_IT_WAS_AN_OPTION.get(name)
        values[name] = None if value is None else _READERS.get(name, _as_it_is)(value)
        if name in own and value is None and (name in unrecorded or name not in options):
            unknown.append(to_camel_case(name))
    return config_type(**values, unrecorded_fields=unknown)


def option_names(factor: FactorName) -> list[str]:
    """The options of a factor in the engine's spelling."""
    return [item.name for item in fields(FACTORS[factor].config_type)]


def _as_it_is(value: Any) -> Any:
    return value
