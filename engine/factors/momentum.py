"""Momentum over rebalancing periods (Jegadeesh and Titman 1993, doi:10.1111/j.1540-6261.1993.tb04702.x)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import ConfigFault
from engine.factors.config import FactorName, LongShortConfig, LongSide, option
from engine.factors.definition import FactorDefinition, SignalContext
from engine.panel import PRICE, FloatArray
from engine.performance import deviation_is_zero


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentumConfig(LongShortConfig):
    """lookback_periods: grid periods of the price return. volatility_adjusted: times |mean| / std of the
    period returns of the same window."""

    factor = FactorName.MOMENTUM

    lookback_periods: int = option(3, low=1, high=12)
    volatility_adjusted: bool = False

    def _cross_faults(self) -> list[ConfigFault]:
        faults = LongShortConfig._cross_faults(self)
        if self.volatility_adjusted and self.lookback_periods < 2:
            message = "volatility_adjusted needs lookback_periods of at least 2: one return has no deviation"
            faults.append(ConfigFault("lookback_periods", "LOOKBACK_TOO_SHORT", message))
        return faults


def momentum_signal(context: SignalContext, config: MomentumConfig) -> FloatArray:
    lookback = config.lookback_periods
    compound = np.asarray(context.field(PRICE) / context.field(PRICE, lookback) - 1.0)
    if not config.volatility_adjusted:
        return compound
    returns = np.stack([context.period_return(lag) for lag in range(lookback)])
    return np.asarray(compound * reward_to_risk(returns))


def reward_to_risk(returns: FloatArray) -> FloatArray:
    """|mean| / std (ddof 1) over the first axis; 0 where that is 0, NaN where a return is missing."""
    mean = returns.mean(axis=0)
    deviation = returns.std(axis=0, ddof=1)
    flat = deviation_is_zero(deviation, mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(flat, 0.0, np.abs(mean) / deviation))


MOMENTUM = FactorDefinition(
    name=FactorName.MOMENTUM,
    title="Momentum (price return over periods)",
    description="Buys the assets whose price rose most over the last periods and sells those that fell most.",
    signal="price return over lookback_periods, optionally times |mean| / std of the period returns",
    required_fields=(PRICE,),
    config_type=MomentumConfig,
    compute_signal=momentum_signal,
    long_side=LongSide.HIGH,
)
