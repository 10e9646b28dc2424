"""Sums over each asset's last rows of a panel, plain and exponentially weighted, for all dates at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray
from engine.risk.cross_section import BoolArray

CACHE_BYTES = 1 << 20
"""A block of columns that stays in the processor's cache."""
_TEMPORARY_BYTES = 1 << 23  # one for which Python's cost a row is small, and memory is used again


def decay(half_life: float) -> float:
    """The weight of a row relative to the next one: a half after `half_life` rows."""
    return float(0.5 ** (1.0 / half_life))


def lagged(values: FloatArray, rows: int) -> FloatArray:
    """(T, N) values of `rows` rows before; NaN in the first ones."""
    out = np.full(values.shape, np.nan)
    out[rows:] = values[: max(len(values) - rows, 0)]
    return out


def observed_counts(observed: BoolArray, window: int) -> NDArray[np.int32]:
    """(T, N) how many of the last `window` rows, the row itself among them, are observed."""
    return counts_within(np.cumsum(observed, axis=0, dtype=np.int32), window)


def counts_within(so_far: NDArray[np.int32], window: int) -> NDArray[np.int32]:
    """(T, N) counts of the last `window` rows, by those of all rows so far."""
    counts = so_far.copy()
    counts[window:] -= so_far[:-window]
    return counts


def enough(observed: BoolArray, window: int, min_share: float) -> BoolArray:
    """(T, N) whether at least `min_share` of the last `window` rows are observed. Rows before the panel's
    first are not."""
    return np.asarray(observed_counts(observed, window) >= min_share * window)


def weighted_sums(values: FloatArray, *, half_life: float, window: int) -> FloatArray:
    """(T, N) sums of the last `window` rows of finite values, the newest with weight 1, halved each
    `half_life` rows before it.

    A recursion over the dates less what has left the window: each date costs the same whatever the window.
    Its rounding is relative to the sum over all earlier rows, weighted in the same way.
    """
    sums = values.copy()
    factor = decay(half_life)
    carried = np.zeros(values.shape[1])
    for row in sums:
        carried *= factor
        carried += row
        row[:] = carried
    sums[window:] -= factor**window * sums[:-window]
    return sums


def trailing_sums(values: FloatArray, window: int) -> FloatArray:
    """(T, N) sums of the last `window` rows of finite values.

    By doubling the length: sums of values of one sign lose nothing to cancellation, as differences of running
    totals do.
    """
    out = np.empty(values.shape)
    for columns in column_blocks(values.shape, CACHE_BYTES):
        (out[:, columns],) = sums_over(values[:, columns], (window,))
    return out


def sums_over(values: FloatArray, windows: Sequence[int]) -> list[FloatArray]:
    """`trailing_sums` of each of the windows, which have the doubled lengths in common; for blocks that stay
    in the processor's cache."""
    power, length = values.copy(), 1
    totals, done = [np.zeros_like(power) for _ in windows], [0] * len(windows)
    remaining = list(windows)
    while any(remaining):
        for at, total in enumerate(totals):
            if remaining[at] & 1:  # the rows before those that are summed already
                total[done[at] :] += power[: max(len(power) - done[at], 0)]
                done[at] += length
        remaining = [rows >> 1 for rows in remaining]
        if any(remaining):
            power[length:] += power[:-length].copy()
            length *= 2
    return totals


def by_columns(
    raw: Callable[..., FloatArray], *fields: FloatArray, block_bytes: int = _TEMPORARY_BYTES
) -> FloatArray:
    """(T, N) `raw` of some assets' columns of the fields (T, N), put together: what it holds in between stays
    small."""
    out = np.empty(fields[0].shape)
    for columns in column_blocks(out.shape, block_bytes):
        out[:, columns] = raw(*(values[:, columns] for values in fields))
    return out


def column_blocks(shape: tuple[int, ...], block_bytes: int) -> Iterator[slice]:
    """Slices of columns of a (T, N) array of 8-byte cells, each of about `block_bytes`."""
    step = max(16, block_bytes // max(1, 8 * shape[0]))
    for start in range(0, shape[1], step):
        yield slice(start, min(start + step, shape[1]))
