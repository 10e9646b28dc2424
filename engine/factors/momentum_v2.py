"""Momentum over calendar days: a compound return scaled by the steadiness of its daily returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.factors.config import FactorName, LongShortConfig, LongSide, option
from engine.factors.definition import FactorDefinition, SignalContext
from engine.panel import PRICE, FloatArray
from engine.performance import deviation_is_zero


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentumV2Config(LongShortConfig):
    """lookback_days: daily returns in the window, from one price more on consecutive calendar rows."""

    factor = FactorName.MOMENTUM_V2

    breakpoint: float = option(0.25, low=0.1, high=0.5)
    lookback_days: int = option(21, low=2, high=365)


def daily_momentum_signal(context: SignalContext, config: MomentumV2Config) -> FloatArray:
    """Compound return * |mean| / std (ddof 1) of the daily returns up to the formation date.

    Every price of the window must exist; a deviation of 0 gives 0.
    """
    prices = context.periods.panel.fields[PRICE]
    lookback = config.lookback_days
    end_rows = context.periods.grid.stop_rows[context.rows] - 1
    signal = np.full((len(end_rows), prices.shape[1]), np.nan)
    reachable = np.flatnonzero(end_rows >= lookback)
    if len(reachable):
        first_row = end_rows[reachable[0]] - lookback
        window = prices[first_row : end_rows[reachable[-1]] + 1]
        signal[reachable] = _windowed_momentum(window, end_rows[reachable] - first_row, lookback)
    return signal


def _windowed_momentum(
    prices: FloatArray, ends: np.ndarray[tuple[int], np.dtype[np.int64]], lookback: int
) -> FloatArray:
    """(E, N) signal of the windows of `lookback` returns that end at rows `ends` of (D, N) prices."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        prices = np.where(prices > 0, prices, np.nan)
        returns = prices[1:] / prices[:-1] - 1.0
        newest = ends - 1  # the return that arrives at price row r is return row r - 1
        mean = returns[newest]
        for back in range(1, lookback):
            mean += returns[newest - back]
        mean /= lookback
        squares = np.zeros_like(mean)
        for back in range(lookback):
            deviation = returns[newest - back]
            deviation -= mean
            deviation *= deviation
            squares += deviation
        deviation = np.sqrt(squares / (lookback - 1))
        compound = prices[ends] / prices[ends - lookback] - 1.0
        flat = deviation_is_zero(deviation, mean)
        return np.asarray(compound * np.where(flat, 0.0, np.abs(mean) / deviation))


MOMENTUM_V2 = FactorDefinition(
    name=FactorName.MOMENTUM_V2,
    title="Momentum v2 (daily, volatility-adjusted)",
    description="Buys assets that rose steadily over the last days, sells those that fell or wavered.",
    signal="compound return of the last lookback_days days times |mean| / std of the daily returns",
    required_fields=(PRICE,),
    config_type=MomentumV2Config,
    compute_signal=daily_momentum_signal,
    long_side=LongSide.HIGH,
)
