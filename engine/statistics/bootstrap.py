"""Confidence intervals by the stationary block bootstrap, which keeps the autocorrelation of a series.

Returns are simple returns a period (0.01 = 1 %), without gaps. Same returns, same intervals: the random
numbers come from a fixed seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray
from engine.statistics.undefined import (
    Undefined,
    UndefinedReason,
    deviation_is_zero,
    need,
    positive_deviation,
)

FEWEST_RETURNS = 10
SEED = 20_040_101
CHUNK_VALUES = 1 << 16
"""Values drawn at a time: a few MB of memory. Part of the draw order: another size gives other intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceInterval:
    """Percentile interval of one metric.

    metric: its name in `Performance`. level: coverage, 0.95 = 95 %. resamples: how many the quantiles rest
    on; those where the metric is undefined are left out. block_length: mean length of the blocks, in periods.
    """

    metric: str
    level: float
    low: float
    high: float
    resamples: int
    block_length: float


def stationary_block_length(returns: FloatArray) -> float:
    """Mean block length, in periods and at least 1, that suits the stationary bootstrap of returns (n,).

    Politis and White 2004 (doi:10.1081/ETC-120028836) as corrected by Patton, Politis and White 2009
    (doi:10.1080/07474930802459016). Raises Undefined for fewer than 10 returns or returns that do not vary.
    """
    n = len(returns)
    _check(returns)
    centred = returns - returns.mean()
    centred /= np.abs(centred).max()  # its fourth powers stay within double precision
    run = max(5, int(math.log10(n)))
    farthest = math.ceil(math.sqrt(n)) + run
    covariances = np.array([centred[lag:] @ centred[: max(n - lag, 0)] for lag in range(farthest + 1)]) / n
    lags = np.arange(1, _bandwidth(centred, covariances, run) + 1)
    weights = np.minimum(1.0, 2.0 * (1.0 - lags / lags[-1]))  # the flat-top window
    weighted = 2.0 * weights * covariances[lags]
    slope, spectrum = float(np.abs(lags @ weighted)), float(np.abs(covariances[0] + weighted.sum()))
    longest = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    if spectrum == 0.0:
        return float(longest) if slope > 0.0 else 1.0
    return min(max(math.pow(slope / spectrum, 2.0 / 3.0) * math.cbrt(n), 1.0), float(longest))


def _bandwidth(centred: FloatArray, covariances: FloatArray, run: int) -> int:
    """Twice the last lag before `run` insignificant autocorrelations in a row; the farthest if none is."""
    n, farthest = len(centred), len(covariances) - 1
    squares = centred**2
    scales = np.array(
        [squares[lag + 1 :].sum() * squares[: max(n - lag - 1, 0)].sum() for lag in range(farthest)]
    )
    bound = 2.0 * math.sqrt(math.log10(n) / n)
    # Without division: a lag with no scale left is not insignificant.
    insignificant = n * np.abs(covariances[:-1]) < bound * np.sqrt(scales)
    runs = np.lib.stride_tricks.sliding_window_view(insignificant, run).all(axis=1)
    found = np.flatnonzero(runs)
    # Lag 0 is never insignificant, so the bandwidth is at least 2.
    return min(2 * int(found[0]), farthest) if len(found) else farthest


def confidence_intervals(
    returns: FloatArray,
    periods_per_year: int,
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = SEED,
) -> tuple[ConfidenceInterval, ...]:
    """Intervals of `sharpe_ratio` and of `annualized_return`, in that order, of returns (n,).

    Stationary bootstrap (Politis and Romano 1994, doi:10.1080/01621459.1994.10476870): blocks of
    geometric length wrap around the end; the interval lies between linear quantiles of the metric over the
    resamples (Efron and Tibshirani 1993, chapter 13). The Sharpe ratio is mean / std (ddof 1) *
    sqrt(periods a year); a resample whose deviation is 0 has none and is left out of its quantiles. The
    annualised return is prod(1 + r)^(periods a year / n) - 1, and -1 where any r <= -1.

    Raises Undefined for fewer than 10 returns, returns that do not vary, or bounds beyond double precision;
    ValueError for no resamples or a level that is not between 0 and 1.
    """
    if resamples < 1 or not 0.0 < level < 1.0:
        raise ValueError(f"{resamples} resamples at level {level} make no interval")
    block_length = stationary_block_length(returns)
    n = len(returns)
    with np.errstate(divide="ignore"):
        growth = np.log1p(np.maximum(returns, -1.0))  # -inf is ruin, in sums too
    # Twice in a row, so that a block may run past the end.
    circle, growth_circle = np.tile(returns, 2), np.tile(growth, 2)
    sharpes, growths = [], []
    for picks in _resampled_positions(n, resamples, block_length, seed):
        sharpes.append(_sharpe_ratios(circle.take(picks, mode="clip")))
        growths.append(growth_circle.take(picks, mode="clip").sum(axis=1))
    sharpe = np.concatenate(sharpes) * math.sqrt(periods_per_year)
    with np.errstate(over="ignore"):
        annualized = np.expm1(np.concatenate(growths) * (periods_per_year / n))

    def interval(metric: str, values: FloatArray) -> ConfidenceInterval:
        low, high = _bounds(values, level)
        return ConfidenceInterval(
            metric=metric, level=level, low=low, high=high, resamples=len(values), block_length=block_length
        )

    return (
        interval("sharpe_ratio", sharpe[~np.isnan(sharpe)]),
        interval("annualized_return", annualized),
    )


def _resampled_positions(
    n: int, resamples: int, block_length: float, seed: int
) -> Iterator[NDArray[np.intp]]:
    """Chunks of (rows, n) positions in a series of n written twice in a row; `resamples` rows in all."""
    random = np.random.Generator(np.random.PCG64(seed))
    rows = max(1, CHUNK_VALUES // n)
    steps = np.arange(rows * n)
    # One draw a value says both whether a block begins there, with probability 1 / block_length, and where.
    bound = round(n * block_length)
    for first in range(0, resamples, rows):
        shape = (min(rows, resamples - first), n)
        draws = random.integers(bound, size=shape)
        if bound == n:
            yield draws
            continue
        draws[:, 0] = random.integers(n, size=shape[0])  # a resample begins with a block
        draws = draws.ravel()
        at = np.flatnonzero(draws < n)
        lengths = np.diff(at, append=draws.size)
        yield (np.repeat(draws[at] - at, lengths) + steps[: draws.size]).reshape(shape)


def _sharpe_ratios(resampled: FloatArray) -> FloatArray:
    """(rows,) mean / std (ddof 1) of each row; NaN where the deviation is 0."""
    n = resampled.shape[1]
    mean = resampled.mean(axis=1)
    np.subtract(resampled, mean[:, None], out=resampled)
    deviation = np.sqrt(np.einsum("ij,ij->i", resampled, resampled) / (n - 1))
    return np.asarray(mean / np.where(deviation_is_zero(deviation, mean), np.nan, deviation))


def _bounds(values: FloatArray, level: float) -> tuple[float, float]:
    if len(values) == 0:
        raise Undefined(UndefinedReason.ZERO_VOLATILITY, "the returns of no resample vary")
    with np.errstate(invalid="ignore"):  # between two infinite values
        low, high = np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    if not (math.isfinite(low) and math.isfinite(high)):
        raise Undefined(UndefinedReason.OVERFLOW, "a bound of the interval exceeds double precision")
    return float(low), float(high)


def _check(returns: FloatArray) -> None:
    """Raises Undefined for returns that cannot be resampled."""
    need(len(returns), FEWEST_RETURNS)
    with np.errstate(over="ignore", invalid="ignore"):
        positive_deviation(returns)
        # The most that a resample's squares can sum to.
        largest = float(len(returns) * (returns @ returns))
    if not math.isfinite(largest):
        raise Undefined(UndefinedReason.OVERFLOW, "the squared returns exceed double precision")
