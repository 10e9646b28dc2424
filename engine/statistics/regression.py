"""Least squares on one regressor, and standard errors that hold where a series is autocorrelated."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.panel import FloatArray
from engine.statistics.undefined import Undefined, UndefinedReason, deviation_is_zero, need


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """y = intercept + slope * x, both per period."""

    intercept: float
    slope: float


@np.errstate(over="ignore", invalid="ignore")  # what overflows is Undefined
def regress_on(returns: FloatArray, market: FloatArray) -> Line:
    """Ordinary least squares of returns (n,) on the market's returns (n,), both without NaN.

    Slope and intercept are the market model's beta and alpha a period (Sharpe 1963,
    doi:10.1287/mnsc.9.2.277). Raises Undefined for fewer than 3 returns or a market that does not vary,
    ValueError for series of different lengths.
    """
    if returns.shape != market.shape:
        raise ValueError(f"{len(returns)} returns cannot be regressed on {len(market)} of the market")
    need(len(returns), 3)
    mean, market_mean = float(returns.mean()), float(market.mean())
    if deviation_is_zero(float(market.std(ddof=1)), market_mean):
        raise Undefined(UndefinedReason.ZERO_VOLATILITY, "the market's returns do not vary")
    # Centred first: the textbook sums of products lose every digit where the mean dwarfs the deviation.
    centred = market - market_mean
    together, squares = float(centred @ (returns - mean)), float(centred @ centred)
    if not (math.isfinite(together) and math.isfinite(squares)):
        raise Undefined(UndefinedReason.OVERFLOW, "the returns exceed what a regression can hold")
    slope = together / squares
    return Line(intercept=mean - slope * market_mean, slope=slope)


def newey_west_lag(n: int) -> int:
    """Lags that a series of n >= 1 values is given: floor(4 (n / 100)^(2/9)) (Newey and West 1994,
    doi:10.2307/2297912)."""
    # The power of an exact case, 512^(2/9) = 4, comes out a rounding error short.
    return math.floor(4.0 * math.pow(n / 100.0, 2.0 / 9.0) + 1e-9)


def newey_west_standard_error_of_mean(values: FloatArray, lag: int) -> float:
    """Standard error of the mean of values (n,), no NaN, robust to autocorrelation up to `lag` >= 0.

    Bartlett weights 1 - l / (lag + 1), no small-sample correction (Newey and West 1987,
    doi:10.2307/1913610). Lags that n values do not have count as no autocorrelation. Raises Undefined for
    fewer than 2 values.
    """
    if lag < 0:
        raise ValueError(f"a lag is at least 0, not {lag}")
    n = len(values)
    need(n, 2)
    centred = values - values.mean()
    total = float(centred @ centred)
    for step in range(1, min(lag, n - 1) + 1):
        total += 2.0 * (1.0 - step / (lag + 1)) * float(centred[step:] @ centred[:-step])
    # Bartlett weights make the sum non-negative in exact arithmetic.
    return float(np.sqrt(max(total, 0.0))) / n
