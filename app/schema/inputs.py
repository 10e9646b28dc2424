"""How a client asks for a factor run: one input a factor.

Every option is UNSET by default: absent means the factor's default, an explicit null means off.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import Any

import strawberry

from app.schema.dataset_ref import DatasetRef
from app.schema.enums import (
    ExtremeReturns,
    FactorName,
    Fundamental,
    GrowthMetric,
    LongSide,
    Rebalance,
    WeightingMethod,
)
from app.schema.unset import was_given


def _option(description: str) -> Any:
    return strawberry.field(default=strawberry.UNSET, description=description)


@strawberry.input
class _SharedOptions:
    start_date: date | None = _option(
        "First period end to report; the history before it still feeds signals."
    )
    end_date: date | None = _option("Last period end to report.")
    weighting_method: WeightingMethod | None = _option(
        "How the weights inside a leg are set. Default EQUAL, of MARKET: MARKET_CAP. Not null."
    )
    variance_lookback: int | None = _option(
        "Period returns behind inverse-variance weights, 8 to 520. Default 26. Not null."
    )
    max_weight: float | None = _option("Cap on a weight inside its leg, up to 1. Default: null, no cap.")
    market_cap_threshold: float | None = _option(
        "USD that an asset's market cap must exceed. Default 100,000,000. Null: no filter."
    )
    liquidity_threshold: float | None = _option(
        "USD per 7 days that an asset's volume must exceed, scaled to the length of the period. "
        "Default 35,000,000, that is 5,000,000 a day. Null: no filter."
    )
    min_lifetime_days: int | None = _option(
        "Days that must lie between an asset's first price and the period's end. Default 30. Null: no filter."
    )
    rebalance: Rebalance | None = _option("How often portfolios are formed. Default WEEKLY. Not null.")
    missing_return: float | None = _option(
        "What a held asset without a price at the period's end earns, -1 to 0. Default 0. Not null."
    )
    exclude: list[str] | None = _option(
        "Assets never to hold: ids, or `attribute=value`. Default: none. Not null."
    )
    universe: list[str] | None = _option(
        "The only assets that may be held: ids, or `attribute=value`. Default: null, all."
    )
    cost_bps: float | None = _option(
        "Cost of trading in basis points (0.01 %) of what is bought and of what is sold, 0 to 1000. Net "
        "results exist where this or `shortCarryBps` is above 0. Default 0. Not null."
    )
    short_carry_bps: float | None = _option(
        "Cost of holding the short leg in basis points a year, 0 to 10,000. Default 0. Not null."
    )
    execution_lag_days: int | None = _option(
        "Rows of the dataset (days or sessions) after the signal at whose price positions are taken and "
        "left, 0 or 1. Default 0. Not null."
    )
    publication_lag_days: int | None = _option(
        "Calendar days after which fees, dau, revenue, shares and book values of a day are known to signals, "
        "0 to 90. Default 0. Not null."
    )
    max_abs_return: float | None = _option(
        "Held period returns beyond it, either way, are extreme: a fraction, 0.01 to 1000. Default: null, "
        "none are."
    )
    extreme_returns: ExtremeReturns | None = _option(
        "FLAG counts extreme returns, EXCLUDE also lets them earn `missingReturn`; they are those beyond "
        "`maxAbsReturn`. Default FLAG. Not null."
    )
    quantiles: int | None = _option(
        "Quantile portfolios to form from the eligible assets, 2 to 10. Default 5. Not null."
    )


@strawberry.input
class _LongShortOptions(_SharedOptions):
    breakpoint: float | None = _option(
        "Share of the eligible assets in each leg, 0.1 to 0.5. Default 0.5, of MOMENTUM_V2: 0.25. Not null."
    )
    min_assets: int | None = _option(
        "Eligible assets without which a period is skipped, at least 5. Default 30. Not null."
    )


@strawberry.input(
    description="Options of SMB. An absent option takes its default; null switches off what can be off."
)
class SmbInput(_LongShortOptions):
    pass


@strawberry.input(
    description="Options of MARKET. An absent option takes its default; null switches off what can be off."
)
class MarketInput(_SharedOptions):
    top_n: int | None = _option("How many of the largest assets to hold, 1 to 1000. Default 10. Not null.")
    min_assets: int | None = _option("Equals `topN` and may be left out; any other number is refused.")


@strawberry.input(
    description="Options of VALUE. An absent option takes its default; null switches off what can be off."
)
class ValueInput(_LongShortOptions):
    long_side: LongSide | None = _option(
        "HIGH holds the expensive assets long (the historical direction), LOW the cheap ones (the academic "
        "direction). Default HIGH. Not null."
    )
    fundamental: Fundamental | None = _option(
        "What market caps are compared with. BOOK_VALUE with `longSide` LOW is long high book-to-market. "
        "Default FEES. Not null."
    )


@strawberry.input(
    description="Options of MOMENTUM. An absent option takes its default; null switches off what can be off."
)
class MomentumInput(_LongShortOptions):
    lookback_periods: int | None = _option("Periods of the price return, 1 to 12. Default 3. Not null.")
    volatility_adjusted: bool | None = _option(
        "Whether to multiply by |mean| / standard deviation of the period returns of the same window; needs "
        "`lookbackPeriods` of at least 2. Default false. Not null."
    )


@strawberry.input(
    description="Options of MOMENTUM_V2. An absent option takes its default; null switches off what can be "
    "off."
)
class MomentumV2Input(_LongShortOptions):
    lookback_days: int | None = _option("Daily returns in the window, 2 to 365. Default 21. Not null.")


@strawberry.input(
    description="Options of GROWTH. An absent option takes its default; null switches off what can be off."
)
class GrowthInput(_LongShortOptions):
    growth_window: int | None = _option(
        "Periods over which growth is measured, 1 to 52. Default 2. Not null."
    )
    growth_metrics: list[GrowthMetric] | None = _option(
        "The measures to combine; the dataset must have them. Default: null, those of fees, dau and revenue "
        "that it has."
    )


@strawberry.input(one_of=True, description="The factor to compute, with its options: exactly one.")
class FactorSpec:
    smb: SmbInput | None = _option("Size: small minus big.")
    market: MarketInput | None = _option("The largest assets, long only.")
    value: ValueInput | None = _option("Market cap to fees or to book value.")
    momentum: MomentumInput | None = _option("Price return over periods.")
    momentum_v2: MomentumV2Input | None = _option("Price return over days, scaled by its steadiness.")
    growth: GrowthInput | None = _option("Growth of fees, users and revenue.")

    def chosen(self) -> tuple[FactorName, str, dict[str, object]]:
        """(factor, its name in this input, the options that were given in the engine's spelling)."""
        name = next(item.name for item in fields(self) if was_given(getattr(self, item.name)))
        options = getattr(self, name)
        return (
            FactorName(name.upper()),
            name,
            {item.name: value for item in fields(options) if was_given(value := getattr(options, item.name))},
        )


@strawberry.input(description="A factor run to compute.")
class ComputeFactorInput:
    spec: FactorSpec = strawberry.field(description="The factor and its options.")
    dataset: DatasetRef | None = _option(
        "What to compute it from. Absent or null: the only dataset that is not synthetic, or the only one; "
        "an InvalidInput where that is not clear."
    )
    tags: list[str] | None = _option(
        "Words to find the run by: up to 20, of up to 50 characters. A run that is reused keeps its own."
    )
    note: str | None = _option("A remark of up to 2000 characters. A run that is reused keeps its own.")
    force: bool = strawberry.field(
        default=False, description="Whether to compute anew even if the same run exists already."
    )
