"""Momentum over calendar days: a compound return scaled by the steadiness of its daily returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.config import option, redeclared
from engine.factors.config import LongShortConfig, LongSide
from engine.factors.definition import FactorDefinition, SignalContext
from engine.factors.models.momentum import reward_to_risk
from engine.panel import PRICE, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentumV2Config(LongShortConfig):
    factor = "MOMENTUM_V2"

    breakpoint: float = redeclared(LongShortConfig, "breakpoint", 0.25)
    lookback_days: int = option(
        21, 2, 365, "Number of daily returns in the window; every price of it must exist"
    )


def daily_momentum_signal(context: SignalContext, config: MomentumV2Config) -> FloatArray:
    """Compound return * |mean| / std (ddof 1) of the daily returns up to the formation date.

    Every price of the window must exist; a deviation of 0 gives 0.
    """
    lookback = config.lookback_days
    end_rows = context.periods.grid.stop_rows[context.rows] - 1
    signal = np.full(context.eligible.shape, np.nan)
    reachable = end_rows >= lookback
    if reachable.any():
        ends = end_rows[reachable]
        daily = context.periods.panel.fields[PRICE][ends[0] - lookback : ends[-1] + 1]
        prices = daily.take(context.columns, axis=1)
        signal[reachable] = _windowed_momentum(prices, ends - ends[0] + lookback, lookback)
    return signal


def _windowed_momentum(prices: FloatArray, ends: NDArray[np.int64], lookback: int) -> FloatArray:
    """(E, C) signal of the windows of `lookback` returns that end at rows `ends` of (D, C) prices."""
    prices[prices <= 0] = np.nan
    returns = prices[1:] / prices[:-1] - 1.0  # the return that arrives at price row r is return row r - 1
    compound = prices[ends] / prices[ends - lookback] - 1.0
    return np.asarray(compound * reward_to_risk(returns[ends - 1 - back] for back in range(lookback)))


MOMENTUM_V2 = FactorDefinition(
    title="Momentum v2 (daily, volatility-adjusted)",
    description="Buys assets that rose steadily over the last days, sells those that fell or wavered.",
    signal="compound return of the last lookback_days days times |mean| / std of the daily returns",
    required_fields=(PRICE,),
    config_type=MomentumV2Config,
    compute_signal=daily_momentum_signal,
    long_side=LongSide.HIGH,
)
