"""Momentum over rebalancing periods (Jegadeesh and Titman 1993, doi:10.1111/j.1540-6261.1993.tb04702.x)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from engine.config import option
from engine.errors import ConfigFault
from engine.factors.config import LongShortConfig, LongSide
from engine.factors.definition import FactorDefinition, SignalContext
from engine.panel import PRICE, FloatArray
from engine.statistics.undefined import deviation_is_zero


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentumConfig(LongShortConfig):
    factor = "MOMENTUM"

    lookback_periods: int = option(3, 1, 12, "Periods of the price return")
    volatility_adjusted: bool = option(
        False,
        text="Whether the price return is multiplied by |mean| / standard deviation (ddof 1) of the period "
        "returns of the same window. Needs `lookback_periods` of at least 2",
    )

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
    return np.asarray(compound * reward_to_risk(context.period_returns(lookback)))


@np.errstate(divide="ignore", invalid="ignore")
def reward_to_risk(returns: Iterable[FloatArray]) -> FloatArray:
    """|mean| / std (ddof 1) of two or more returns (one array each): 0 where std is 0, NaN where one is NaN.

    One pass over the deviations from the first. Since that is one of them, cancellation loses no more than a
    factor of their number (Chan, Golub and LeVeque 1983, doi:10.1080/00031305.1983.10483115).
    """
    remaining = iter(returns)
    origin = next(remaining)
    count, total, squares = 1, np.zeros_like(origin), np.zeros_like(origin)
    for other in remaining:
        count += 1
        deviation = other - origin
        total += deviation
        deviation *= deviation
        squares += deviation
    mean = origin + total / count
    std = np.sqrt(np.maximum(squares - total * total / count, 0.0) / (count - 1))
    return np.asarray(np.where(deviation_is_zero(std, mean), 0.0, np.abs(mean) / std))


MOMENTUM = FactorDefinition(
    title="Momentum (price return over periods)",
    description="Buys the assets whose price rose most over the last periods and sells those that fell most.",
    signal="price return over lookback_periods, optionally times |mean| / std of the period returns",
    required_fields=(PRICE,),
    config_type=MomentumConfig,
    compute_signal=momentum_signal,
    long_side=LongSide.HIGH,
)
