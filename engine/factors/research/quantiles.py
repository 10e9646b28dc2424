"""Quantile portfolios: what the assets earned by where their signal stood among the eligible ones.

Periods are rows, assets columns in the order of their ids. Returns are simple returns a period (0.01 = 1 %).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from engine.factors.research.ranks import (
    BoolArray,
    IntArray,
    row_blocks,
    row_ranks,
    row_spearman,
    without_empty_columns,
)
from engine.panel import DateArray, FloatArray
from engine.statistics.inference import newey_west_t
from engine.statistics.metrics import sharpe_ratio
from engine.statistics.return_series import cumulative, years_between
from engine.statistics.undefined import Undefined, UndefinedReason, deviation

MAX_EXACT = 10
"""Most values whose permutations are counted: the most quantiles that a run may ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileBucket:
    """One quantile portfolio, held long without costs. Rates are fractions; None = not defined.

    bucket: from 1, the lowest signals. mean_return: a period.
    """

    bucket: int
    num_periods: int
    mean_return: float | None
    annualized_return: float | None
    annualized_volatility: float | None
    sharpe_ratio: float | None
    cumulative_return: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileAnalysis:
    """Quantile portfolios over the periods that had an asset for each. None = not defined.

    spread_*: of the top bucket minus the bottom one, turned so that the long leg's end is held long;
    the mean is a period's, the Sharpe ratio annualised.
    monotonicity: Spearman's correlation of bucket number and mean return, as it stands (not turned).
    monotonicity_p_value: exact two-sided permutation p of it, ties among the means included.
    """

    num_periods: int
    buckets: tuple[QuantileBucket, ...]
    spread_mean_return: float | None
    spread_newey_west_t: float | None
    spread_sharpe_ratio: float | None
    monotonicity: float | None
    monotonicity_p_value: float | None


# -- portfolios --------------------------------------------------------------------------------------------


def quantile_returns(signals: FloatArray, earned: FloatArray, count: int) -> FloatArray:
    """(R, Q) return of the equally weighted assets of each of `count` = Q buckets.

    signals: (R, C), NaN = not eligible. earned: (R, C), finite where eligible. The n eligible assets of a
    row in ascending order of (signal, column): position p, from 0, is in bucket floor(p Q / n). A row with
    fewer than Q of them is NaN.
    """
    if signals.shape != earned.shape:
        raise ValueError(f"signals {signals.shape} and earned returns {earned.shape} have one shape")
    if count < 1:
        raise ValueError(f"at least one quantile is needed, not {count}")
    means = np.full((len(signals), count), np.nan)
    for block in row_blocks(*signals.shape):
        eligible = np.isfinite(signals[block])
        means[block] = _bucket_means(*without_empty_columns(signals[block], earned[block], eligible), count)
    return means


def quantile_spread(returns_by_bucket: FloatArray, sign: int) -> FloatArray:
    """(R,) return of the bucket at the long leg's end minus that at the other; NaN where there are none.

    returns_by_bucket: (R, Q). sign: 1 where the long leg is the high end of the signal, -1 the low one.
    """
    return sign * (returns_by_bucket[:, -1] - returns_by_bucket[:, 0])


def _bucket_means(signals: FloatArray, earned: FloatArray, eligible: BoolArray, count: int) -> FloatArray:
    """(K, Q) mean of `earned` by bucket of each of K rows; NaN in rows with fewer than Q eligible cells."""
    sizes = np.count_nonzero(eligible, axis=1)
    means = np.full((len(sizes), count), np.nan)
    enough = sizes >= count
    if not enough.any():
        return means
    signals, earned, eligible, sizes = signals[enough], earned[enough], eligible[enough], sizes[enough]
    # position p is in bucket k or above from p = ceil(k n / Q)
    edges: IntArray = -(-np.arange(count + 1) * sizes[:, None] // count)
    order = _ascending(signals, eligible, edges[:, 1:-1])
    offsets = np.arange(len(order))[:, None] * order.shape[1]
    # what is not eligible comes last and adds 0 to the last bucket
    in_order = np.where(eligible, earned, 0.0).ravel().take(order + offsets)
    totals = np.add.reduceat(in_order.ravel(), (edges[:, :-1] + offsets).ravel())
    means[enough] = totals.reshape(-1, count) / np.diff(edges, axis=1)
    return means


def _ascending(signals: FloatArray, eligible: BoolArray, edges: IntArray) -> IntArray:
    """(K, C) columns of each row in ascending order of signal, what is not eligible last.

    Across the `edges` (K, E) >= 1, positions where a bucket starts, ties are in the order of columns. A sort
    that is not stable is several times faster and puts the same columns between edges that are not tied.
    """
    keys = np.full(signals.shape, np.inf)
    np.copyto(keys, signals, where=eligible)
    order: IntArray = keys.argsort(axis=1)
    row = np.arange(len(keys))[:, None]
    first = keys[row, np.take_along_axis(order, edges, axis=1)]
    before = keys[row, np.take_along_axis(order, edges - 1, axis=1)]
    tied = np.flatnonzero((first == before).any(axis=1))
    order[tied] = keys[tied].argsort(axis=1, kind="stable")
    return order


# -- analysis ----------------------------------------------------------------------------------------------


@np.errstate(over="ignore", invalid="ignore")  # what leaves double precision is not defined
def analyse_quantiles(
    dates: DateArray, returns_by_bucket: FloatArray, sign: int, periods_per_year: int
) -> QuantileAnalysis:
    """Performance of each bucket, of the spread, and how steadily the mean return goes with the signal.

    dates: (R,) period ends. returns_by_bucket: (R, Q), NaN rows are left out. sign: 1 where the long leg is
    the high end of the signal, -1 where it is the low one.
    """
    complete = ~np.isnan(returns_by_bucket).any(axis=1)
    dates, returns = dates[complete], returns_by_bucket[complete]
    spread = quantile_spread(returns, sign)
    buckets = tuple(
        _bucket(number, dates, of_bucket, periods_per_year)
        for number, of_bucket in enumerate(np.ascontiguousarray(returns.T), start=1)
    )
    monotonicity, p_value = _monotonicity([bucket.mean_return for bucket in buckets])
    return QuantileAnalysis(
        num_periods=len(dates),
        buckets=buckets,
        spread_mean_return=_figure(_mean, spread),
        spread_newey_west_t=_figure(newey_west_t, spread),
        spread_sharpe_ratio=_figure(lambda values: sharpe_ratio(values, periods_per_year), spread),
        monotonicity=monotonicity,
        monotonicity_p_value=p_value,
    )


def _bucket(number: int, dates: DateArray, returns: FloatArray, periods_per_year: int) -> QuantileBucket:
    return QuantileBucket(
        bucket=number,
        num_periods=len(returns),
        mean_return=_figure(_mean, returns),
        annualized_return=_figure(lambda values: _annualized(values, dates), returns),
        annualized_volatility=_figure(
            lambda values: deviation(values) * math.sqrt(periods_per_year), returns
        ),
        sharpe_ratio=_figure(lambda values: sharpe_ratio(values, periods_per_year), returns),
        cumulative_return=_figure(_compounded, returns),
    )


def _figure(formula: Callable[[FloatArray], float], returns: FloatArray) -> float | None:
    """The formula's value; None without returns, where it is not defined or exceeds double precision."""
    if len(returns) == 0:
        return None
    try:
        value = formula(returns)
    except (Undefined, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _mean(returns: FloatArray) -> float:
    return float(returns.mean())


def _compounded(returns: FloatArray) -> float:
    return float(cumulative(returns)[-1])


def _annualized(returns: FloatArray, dates: DateArray) -> float:
    """(1 + cumulative) ^ (1 / years) - 1; years run from the first to the last period end, as a run's do."""
    total = _compounded(returns)
    if total <= -1.0:
        return -1.0
    years = years_between(dates)
    if years <= 0.0:
        raise Undefined(UndefinedReason.TOO_FEW_PERIODS, "one period spans no time between period ends")
    return math.pow(1.0 + total, 1.0 / years) - 1.0


# -- monotonicity ------------------------------------------------------------------------------------------


def _monotonicity(mean_returns: list[float | None]) -> tuple[float | None, float | None]:
    """(Spearman's rho of bucket number and mean return, its p); None where a mean is missing or all tie."""
    means = np.array([[np.nan if mean is None else mean for mean in mean_returns]])
    numbers = np.arange(means.shape[1], dtype=np.float64)[None]
    if np.isnan(means).any() or math.isnan(rho := float(row_spearman(numbers, means, min_count=2)[0])):
        return None, None
    return rho, exact_spearman_p(rho, means.shape[1], ranks=row_ranks(means)[0])


def exact_spearman_p(rho: float, n: int, *, ranks: FloatArray | None = None) -> float:
    """Share of the n! permutations whose Spearman correlation is at least as far from 0 as `rho` (two-sided).

    rho: of n = 2 to 10 pairs, the first side without ties. ranks: (n,) of the second side, absent where it
    has no ties either; tied values are permuted like others. Raises ValueError for any other n and ranks
    that do not vary. Every permutation is counted (Kendall and Gibbons 1990, Rank Correlation Methods,
    section 4), by dynamic programming over the subsets that the first places took.
    """
    if not 2 <= n <= MAX_EXACT:
        raise ValueError(f"permutations are counted for 2 to {MAX_EXACT} values, not {n}")
    second = np.arange(1, n + 1) if ranks is None else np.sort(ranks)
    # centred and doubled, ranks are integers, ties included: sums of products are compared exactly
    doubled = np.rint(2.0 * second).astype(np.int64) - (n + 1)
    straight = 2 * np.arange(1, n + 1) - (n + 1)
    scale = math.sqrt(int(straight @ straight) * int(doubled @ doubled))
    if scale == 0.0:
        raise ValueError("ranks that do not vary have no correlation")
    observed = round(abs(rho) * scale)
    sums, counts = _permutation_sums(tuple(doubled.tolist()))
    return int(counts[np.abs(sums) >= observed].sum()) / math.factorial(n)


@lru_cache(maxsize=256)
def _permutation_sums(doubled: tuple[int, ...]) -> tuple[IntArray, IntArray]:
    """(S,) sums of products of n centred, doubled ranks with 1 - n, 3 - n ... n - 1, and how many
    permutations of the ranks give each."""
    n = len(doubled)
    most = sum((2 * place + 1 - n) ** 2 for place in range(n))  # no sum of a subset exceeds it
    counts = np.zeros((1 << n, 2 * most + 1), dtype=np.int64)
    counts[0, most] = 1
    for taken in range((1 << n) - 1):
        factor = 2 * taken.bit_count() + 1 - n
        for index, rank in enumerate(doubled):
            if not taken >> index & 1:
                shift = factor * rank
                target = counts[taken | 1 << index]
                if shift >= 0:
                    target[shift:] += counts[taken, : len(target) - shift]
                else:
                    target[:shift] += counts[taken, -shift:]
    return np.arange(-most, most + 1), counts[-1].copy()
