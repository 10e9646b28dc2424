"""Value: market cap to fees, the price that the market pays for a protocol's income."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.factors.config import FactorName, LongShortConfig, LongSide
from engine.factors.definition import FactorDefinition, SignalContext
from engine.panel import FEES, MARKET_CAP, PRICE, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueConfig(LongShortConfig):
    """long_side: HIGH buys expensive assets (the historical direction), LOW cheap ones (the academic one)."""

    factor = FactorName.VALUE

    long_side: LongSide = LongSide.HIGH


def cap_to_fees_signal(context: SignalContext, config: ValueConfig) -> FloatArray:
    """Market cap over the fees of the period; fees <= 0 after summing are missing."""
    fees = context.field(FEES)
    return np.asarray(context.field(MARKET_CAP) / np.where(fees > 0, fees, np.nan))


VALUE = FactorDefinition(
    name=FactorName.VALUE,
    title="Value (historical direction: long expensive)",
    description=(
        "Ranks assets by market cap to fees. By default it buys the HIGH ratios, that is the expensive "
        "assets, as the historical series did; longSide LOW is the academic direction and negates "
        "gross returns."
    ),
    signal="market cap / fees summed over the previous period",
    required_fields=(PRICE, MARKET_CAP, FEES),
    config_type=ValueConfig,
    compute_signal=cap_to_fees_signal,
    long_side=LongSide.HIGH,
)
