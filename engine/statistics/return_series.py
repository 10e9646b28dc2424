"""From a series of returns to the series that people look at: wealth, drawdown, rolling ratios, months.

Returns are simple returns a period (0.01 = 1 %), without gaps: skipped periods are left out, not zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.panel import DateArray, FloatArray
from engine.statistics.undefined import deviation_is_zero

DAYS_PER_YEAR = 365
RETURN_UNIT = "fraction per period"


def years_between(dates: DateArray) -> float:
    """From the first to the last of (R,) period ends, R >= 1, in years of 365 days, as in the older logs."""
    return int((dates[-1] - dates[0]).astype(int)) / DAYS_PER_YEAR


def wealth(returns: FloatArray) -> FloatArray:
    """(R,) value of 1 invested before the first period; 0 for good from the first return <= -100 %."""
    ruined = np.maximum.accumulate(returns <= -1.0) if len(returns) else np.zeros(0, dtype=np.bool_)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(ruined, 0.0, np.cumprod(np.where(ruined, 0.0, 1.0 + returns)))


def cumulative(returns: FloatArray) -> FloatArray:
    """(R,) compounded return since the start."""
    return wealth(returns) - 1.0


def growth_of_100(returns: FloatArray) -> FloatArray:
    """(R,) value of 100 invested before the first period."""
    return 100.0 * wealth(returns)


def drawdown(returns: FloatArray) -> FloatArray:
    """(R,) wealth over its running maximum, minus 1; the starting wealth of 1 counts as a peak."""
    value = wealth(returns)
    return value / np.maximum(np.maximum.accumulate(value), 1.0) - 1.0


def rolling_volatility(returns: FloatArray, window: int, periods_per_year: int) -> FloatArray:
    """(R,) annualised standard deviation (ddof 1) of the last `window` returns; NaN before that many."""
    return _rolling(
        returns, window, lambda block: np.asarray(block.std(axis=1, ddof=1) * math.sqrt(periods_per_year))
    )


def rolling_sharpe(returns: FloatArray, window: int, periods_per_year: int) -> FloatArray:
    """(R,) Sharpe ratio of the last `window` returns; NaN before that many and where flat."""

    def ratio(block: FloatArray) -> FloatArray:
        mean, deviation = block.mean(axis=1), block.std(axis=1, ddof=1)
        flat = deviation_is_zero(deviation, mean)
        return np.asarray(mean / np.where(flat, np.nan, deviation) * math.sqrt(periods_per_year))

    return _rolling(returns, window, ratio)


def _rolling(returns: FloatArray, window: int, statistic: Callable[[FloatArray], FloatArray]) -> FloatArray:
    if window < 2:
        raise ValueError(f"a rolling statistic needs a window of at least 2 periods, not {window}")
    out = np.full(len(returns), np.nan)
    if len(returns) >= window:
        out[window - 1 :] = statistic(np.lib.stride_tricks.sliding_window_view(returns, window))
    return out


def monthly_returns(dates: DateArray, returns: FloatArray) -> tuple[NDArray[np.datetime64], FloatArray]:
    """(months as datetime64[M], compounded return of the periods ending in each); losses stop at -100 %."""
    months, first = np.unique(dates.astype("datetime64[M]"), return_index=True)
    if len(months) == 0:
        return months, np.zeros(0)
    growth = np.maximum(1.0 + returns, 0.0)
    return months, np.multiply.reduceat(growth, first) - 1.0
