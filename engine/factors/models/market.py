"""The market: the largest assets held long, by default weighted by market cap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.config import option, redeclared
from engine.errors import ConfigFault
from engine.factors.config import FactorConfig, LongSide, WeightingMethod
from engine.factors.definition import FactorDefinition
from engine.factors.models.smb import market_cap_signal
from engine.panel import MARKET_CAP, PRICE


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketConfig(FactorConfig):
    """A number of the largest assets, which is also the fewest that are needed."""

    factor = "MARKET"

    weighting_method: WeightingMethod = redeclared(
        FactorConfig, "weighting_method", WeightingMethod.MARKET_CAP
    )
    top_n: int = option(10, 1, 1_000, "How many of the largest assets are held; `min_assets` equals it")
    min_assets: int | None = option(None, text="Any number but that of `top_n` is refused", null="`top_n`")

    def __post_init__(self) -> None:
        if self.min_assets is None:
            object.__setattr__(self, "min_assets", self.top_n)
        FactorConfig.__post_init__(self)

    def _cross_faults(self) -> list[ConfigFault]:
        faults = FactorConfig._cross_faults(self)
        if self.min_assets != self.top_n:
            message = f"min_assets of the market factor equals top_n ({self.top_n}): leave it out"
            faults.append(ConfigFault("min_assets", "NOT_EQUAL_TO_TOP_N", message))
        return faults

    @property
    def min_eligible(self) -> int:
        return self.top_n

    def leg_sizes(self, eligible_counts: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where(eligible_counts >= self.top_n, self.top_n, 0)


MARKET = FactorDefinition(
    title="Market (largest assets, long only)",
    description="Holds the largest assets by market capitalisation; there is no short leg.",
    signal="market cap at the end of the previous period",
    required_fields=(PRICE, MARKET_CAP),
    config_type=MarketConfig,
    compute_signal=market_cap_signal,
    long_side=LongSide.HIGH,
    long_only=True,
)
