"""How long a signal lasts: how alike consecutive rankings are, and how far ahead they tell returns apart.

Arrays of signals are (R, C): R formation periods at ascending grid rows, C assets, NaN = not eligible.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.factors.research.ranks import (
    MIN_CROSS_SECTION,
    BoolArray,
    IntArray,
    centred_ranks,
    rank_correlation,
    row_blocks,
    row_spearman,
)
from engine.panel import FloatArray
from engine.statistics.inference import newey_west_t
from engine.statistics.regression import newey_west_lag
from engine.statistics.undefined import Undefined, deviation

HORIZONS = range(1, 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonIC:
    """Rank information coefficients of a signal with the return over the next `horizon` periods.

    num_periods: formation periods that have one. mean, std (ddof 1): of them. t: of the mean, robust to the
    overlap of the returns. None = not defined.
    """

    horizon: int
    mean: float | None
    std: float | None
    t: float | None
    num_periods: int


def signal_autocorrelation(signals: FloatArray, rows: IntArray) -> FloatArray:
    """(R,) Spearman's correlation of each row's signals with those of the row before.

    rows: (R,) ascending grid rows. Over assets eligible in both; NaN for the first row, where the row before
    is not the grid's (a gap), and where `row_spearman` has none.
    """
    rho = np.full(len(signals), np.nan)
    rho[1:] = row_spearman(signals[1:], signals[:-1])
    rho[1:][np.diff(rows) != 1] = np.nan
    return rho


def half_life(rho: float) -> float | None:
    """Periods after which a correlation that decays as rho^h has halved, ln(1/2) / ln(rho).

    None unless 0 < rho < 1: it does not decay, or not steadily.
    """
    return math.log(0.5) / math.log(rho) if 0.0 < rho < 1.0 else None


@np.errstate(divide="ignore", invalid="ignore", over="ignore")  # a return that is not finite is missing
def ic_decay(
    signals: FloatArray,
    rows: IntArray,
    prices: FloatArray,
    last_row: int,
    sign: int,
    horizons: Sequence[int] = HORIZONS,
) -> tuple[HorizonIC, ...]:
    """Rank information coefficient of a signal by horizon: its information horizon (Grinold and Kahn 1999,
    Active Portfolio Management, chapter 13).

    signals: (R, C). rows: (R,) ascending grid rows, of the formation. prices: (P, C) at which positions are
    taken, NaN = missing. The return over h periods is prices[rows + h] / prices[rows] - 1, whatever is
    eligible in between; a horizon counts only where rows + h <= last_row. Nothing is clipped or replaced:
    an asset without one of the two prices is left out at that horizon. sign: 1 where the long leg is the high
    end of the signal, -1 where it is the low one, so that positive means that the long leg wins.

    Raises ValueError for other assets' prices, a last_row without prices and horizons below 1.
    """
    if signals.shape != (len(rows), prices.shape[1]):
        raise ValueError(f"{len(rows)} rows of {prices.shape[1]} prices do not fit signals {signals.shape}")
    if not last_row < len(prices):
        raise ValueError(f"grid row {last_row} has no prices, there are {len(prices)}")
    if min(horizons, default=1) < 1:
        raise ValueError(f"a horizon is at least 1 period, not {min(horizons)}")
    coefficients = np.full((len(horizons), len(rows)), np.nan)
    for block in row_blocks(*signals.shape):
        coefficients[:, block] = _coefficients(signals[block], rows[block], prices, last_row, horizons)
    coefficients *= sign
    return tuple(
        horizon_ic(horizon, of_horizon) for horizon, of_horizon in zip(horizons, coefficients, strict=True)
    )


def _coefficients(
    signals: FloatArray, rows: IntArray, prices: FloatArray, last_row: int, horizons: Sequence[int]
) -> FloatArray:
    """(H, K) rank correlations of K rows of signals with the returns over each horizon, NaN = none."""
    eligible = np.isfinite(signals)
    columns = np.flatnonzero(eligible.any(axis=0))
    signals, eligible = signals.take(columns, axis=1), eligible.take(columns, axis=1)
    entry = prices[rows[:, None], columns]
    ranks = centred_ranks(signals, eligible)
    coefficients = np.full((len(horizons), len(rows)), np.nan)
    for index, horizon in enumerate(horizons):
        count = int(np.searchsorted(rows, last_row - horizon, side="right"))
        returns = prices[rows[:count, None] + horizon, columns] / entry[:count] - 1.0
        coefficients[index, :count] = _correlations(signals[:count], eligible[:count], ranks[:count], returns)
    return coefficients


def _correlations(
    signals: FloatArray, eligible: BoolArray, ranks: FloatArray, returns: FloatArray
) -> FloatArray:
    """(K,) rank correlations, with `ranks` of the eligible signals reused where each has a return."""
    valid = np.isfinite(returns)
    valid &= eligible
    counts = np.count_nonzero(valid, axis=1)
    partial = np.flatnonzero(counts < np.count_nonzero(eligible, axis=1))
    if len(partial):
        ranks = ranks.copy()
        ranks[partial] = centred_ranks(signals[partial], valid[partial])
    return rank_correlation(ranks, centred_ranks(returns, valid), counts, MIN_CROSS_SECTION)


def horizon_ic(horizon: int, coefficients: FloatArray) -> HorizonIC:
    """The summary of (R,) rank correlations over one horizon, in periods; NaN = undefined, left out.

    t: Newey-West's with h - 1 lags at least, as returns over h periods share h - 1 of them with the next
    (Hansen and Hodrick 1980, doi:10.1086/260910), and the default number where that is more.
    """
    coefficients = coefficients[~np.isnan(coefficients)]
    n = len(coefficients)
    return HorizonIC(
        horizon=horizon,
        mean=float(coefficients.mean()) if n else None,
        std=deviation(coefficients) if n >= 2 else None,
        t=_overlapping_t(coefficients, horizon) if n else None,
        num_periods=n,
    )


def _overlapping_t(coefficients: FloatArray, horizon: int) -> float | None:
    try:
        return newey_west_t(coefficients, lag=max(horizon - 1, newey_west_lag(len(coefficients))))
    except Undefined:
        return None
