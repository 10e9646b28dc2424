"""Ranks and Spearman correlations of many cross-sections at once.

Arrays are (R, C): R cross-sections (formation periods) of C assets; a value that is not finite is missing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray

MIN_CROSS_SECTION = 3
"""Cells a rank correlation needs: two always correlate perfectly."""

_BLOCK_CELLS = 1 << 15  # rows are ranked in blocks whose temporaries stay in the processor's cache

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def row_ranks(values: FloatArray) -> FloatArray:
    """(R, C) ranks among the finite values of each row, 1 = lowest, ties share their mean; NaN elsewhere."""
    ranks = np.full(values.shape, np.nan)
    for block in row_blocks(*values.shape):
        valid = np.isfinite(values[block])
        middle = (np.count_nonzero(valid, axis=1) + 1) / 2
        np.copyto(ranks[block], centred_ranks(values[block], valid) + middle[:, None], where=valid)
    return ranks


def row_spearman(left: FloatArray, right: FloatArray, min_count: int = MIN_CROSS_SECTION) -> FloatArray:
    """(R,) Spearman's rank correlation of each row of two (R, C) arrays (Spearman 1904, doi:10.2307/1412159).

    Over the cells that are finite in both, ranked among themselves with mean ranks for ties. NaN where those
    are fewer than `min_count` or one side does not vary.
    """
    if left.shape != right.shape:
        raise ValueError(f"rows to correlate have one shape, not {left.shape} and {right.shape}")
    rho = np.full(len(left), np.nan)
    for block in row_blocks(*left.shape):
        valid = np.isfinite(left[block])
        valid &= np.isfinite(right[block])
        of_left, of_right, valid = without_empty_columns(left[block], right[block], valid)
        rho[block] = rank_correlation(
            centred_ranks(of_left, valid),
            centred_ranks(of_right, valid),
            np.count_nonzero(valid, axis=1),
            min_count,
        )
    return rho


def rank_ic(signals: FloatArray, returns: FloatArray, sign: int) -> FloatArray:
    """(R,) rank information coefficient: Spearman's of signal and later return, times `sign`.

    signals, returns: (R, C), NaN = not eligible or without a return. sign: 1 where the long leg is the high
    end of the signal, -1 where it is the low one, so that positive means that the long leg wins. NaN where
    fewer than 3 assets have both or one does not vary.
    """
    return sign * row_spearman(signals, returns)


def row_blocks(row_count: int, column_count: int) -> Iterator[slice]:
    """Slices of consecutive rows that cover all of them, each small enough for the processor's cache."""
    step = max(1, _BLOCK_CELLS // max(1, column_count))
    return (slice(start, min(start + step, row_count)) for start in range(0, row_count, step))


def without_empty_columns(
    left: FloatArray, right: FloatArray, valid: BoolArray
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """The columns where any cell is valid: assets come and go, so a block of rows has far fewer than C."""
    columns = np.flatnonzero(valid.any(axis=0))
    if len(columns) == valid.shape[1]:
        return left, right, valid
    return left.take(columns, axis=1), right.take(columns, axis=1), valid.take(columns, axis=1)


def centred_ranks(values: FloatArray, valid: BoolArray) -> FloatArray:
    """(R, C) ranks among the valid cells (finite values) of each row, minus their mean; 0 elsewhere.

    They are multiples of 1/2, so sums of their products are exact.
    """
    row_count, column_count = values.shape
    keys = np.full(values.shape, np.inf)
    np.copyto(keys, values, where=valid)
    # not a stable sort, which is several times slower: what is tied gets one rank below
    order = keys.argsort(axis=1)
    order += np.arange(row_count)[:, None] * column_count
    ordered = keys.ravel().take(order)
    counts = np.count_nonzero(valid, axis=1)
    places = np.arange(column_count, dtype=np.float64)
    ranks = places - (counts[:, None] - 1) / 2
    equal = ordered[:, 1:] == ordered[:, :-1]
    padding = np.maximum(column_count - counts - 1, 0)  # pairs of the cells that are not valid
    tied = np.flatnonzero(np.count_nonzero(equal, axis=1) > padding)
    if len(tied):
        ranks[tied] = _mean_places(equal[tied]) - (counts[tied, None] - 1) / 2
    ranks *= places < counts[:, None]
    centred = np.empty(keys.shape)  # in C order, whatever that of `values`: its ravel() is no copy
    centred.ravel()[order] = ranks
    return centred


def _mean_places(equal: BoolArray) -> FloatArray:
    """(K, C) mean place of the run of ties that each place of sorted rows belongs to.

    equal: (K, C - 1), whether place c + 1 ties place c.
    """
    starts_run = np.ones((len(equal), equal.shape[1] + 1), dtype=np.bool_)
    np.logical_not(equal, out=starts_run[:, 1:])
    starts = np.flatnonzero(starts_run)
    lengths = np.diff(starts, append=starts_run.size)
    means = starts % starts_run.shape[1] + (lengths - 1) / 2
    return np.repeat(means, lengths).reshape(starts_run.shape)


def rank_correlation(
    left: FloatArray, right: FloatArray, counts: IntArray, min_count: int = MIN_CROSS_SECTION
) -> FloatArray:
    """(R,) correlation of the rows of two (R, C) arrays of centred ranks over the same valid cells.

    counts: (R,) valid cells. NaN below `min_count` and where a side does not vary.
    """
    scale = np.sqrt(np.einsum("ij,ij->i", left, left) * np.einsum("ij,ij->i", right, right))
    scale[(counts < min_count) | (scale == 0.0)] = np.nan
    rho: FloatArray = np.einsum("ij,ij->i", left, right) / scale
    return rho.clip(-1.0, 1.0)
