"""Scores made comparable: each date's cross-section winsorised, standardised and filled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray

BoolArray = NDArray[np.bool_]

FLAT_DEVIATION = 1e-12
"""A deviation at or below this share of the largest value is rounding noise: the cross-section is flat."""
_BLOCK_BYTES = 1 << 20  # dates are worked on in blocks that stay in the processor's cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Standardized:
    """values: (T, N), NaN where the input was. flat: (T,) dates without a deviation, on which every value
    that is not missing is 0."""

    values: FloatArray
    flat: BoolArray


def winsorized(values: FloatArray, share: float) -> FloatArray:
    """(T, N) values clipped to the `share` and 1 - `share` quantiles of each row's finite values.

    The quantiles are linear interpolations as numpy's (Hyndman and Fan 1996, type 7,
    doi:10.1080/00031305.1996.10473566). NaN stays NaN; an infinity becomes the quantile. share: 0 to 0.5, 0
    clips nothing but infinities.
    """
    if not 0.0 <= share <= 0.5:
        raise ValueError(f"a share of {share} on each side is not from 0 to 0.5")
    out = np.empty(values.shape)
    for rows in row_blocks(values.shape):
        block = values[rows]
        finite = np.isfinite(block)
        counts = np.count_nonzero(finite, axis=1)
        ordered = np.sort(np.where(finite, block, np.nan) if _has_infinity(block, finite) else block, axis=1)
        lower, upper = (linear_quantiles(ordered, counts, level)[:, None] for level in (share, 1.0 - share))
        np.clip(block, lower, upper, out=out[rows])
    return out


def standardized(values: FloatArray, caps: FloatArray | None) -> Standardized:
    """Each row less its mean, divided by its standard deviation.

    values: (T, N), any unit; NaN and infinities are missing and come out as NaN.
    caps: (T, N) USD. The mean is weighted by them, over the assets whose cap is finite and above 0, so that
    the cap-weighted portfolio of these has a score of 0; None weights equally, over all. The deviation is
    equally weighted about the plain mean (ddof 1), over the same assets (Menchero, Orr and Wang 2011, "The
    Barra US Equity Model (USE4)"). Assets without a cap are scored by the same two numbers.
    A row of fewer than 2 such assets, or whose deviation is at most FLAT_DEVIATION of its largest value, is
    flat: 0 where a value exists, never infinite.
    """
    out = np.empty(values.shape)
    flat = np.empty(len(values), dtype=np.bool_)
    for rows in row_blocks(values.shape):
        weights = None if caps is None else caps[rows]
        out[rows], flat[rows] = _standardized_rows(values[rows], weights)
    return Standardized(values=out, flat=flat)


def nearest_quantiles(values: FloatArray, level: float) -> FloatArray:
    """(T,) of each row of (T, N) the observation nearest to the quantile `level`, halves upwards; NaN for a
    row without one. NaN is missing."""
    out = np.empty(len(values))
    for rows in row_blocks(values.shape):
        ordered = np.sort(values[rows], axis=1)
        last = np.maximum((~np.isnan(ordered)).sum(axis=1) - 1, 0)
        position = np.floor(level * last + 0.5).astype(np.int64)
        out[rows] = np.take_along_axis(ordered, position[:, None], axis=1)[:, 0]
    return out


@np.errstate(invalid="ignore")  # of a row without a known cell
def linear_quantiles(ordered: FloatArray, counts: NDArray[np.int64], level: float) -> FloatArray:
    """(T,) quantiles `level` of ascending rows (T, N) whose first `counts` (T,) cells are known, the others
    NaN or infinite; NaN where none is known.

    Linear interpolations, which round as numpy's do: from the nearer neighbour.
    """
    position = level * np.maximum(counts - 1, 0)
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(counts - 1, 0))
    low = np.take_along_axis(ordered, below[:, None], axis=1)[:, 0]
    high = np.take_along_axis(ordered, above[:, None], axis=1)[:, 0]
    part = position - below
    step = high - low
    return np.where(part >= 0.5, high - step * (1.0 - part), low + step * part)


def row_blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices of rows of an array of 8-byte cells, each a block that stays in the processor's cache."""
    step = max(1, _BLOCK_BYTES // max(1, 8 * int(np.prod(shape[1:]))))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))


@np.errstate(over="ignore", invalid="ignore")  # beyond double precision a row is flat
def _standardized_rows(values: FloatArray, caps: FloatArray | None) -> tuple[FloatArray, BoolArray]:
    known = np.isfinite(values)
    counted = known if caps is None else known & (caps > 0) & (caps < np.inf)
    n = np.count_nonzero(counted, axis=1)
    deviations = np.where(counted, values, 0.0)
    largest = np.maximum(deviations.max(axis=1, initial=0.0), -deviations.min(axis=1, initial=0.0))
    mean = deviations.sum(axis=1) / np.maximum(n, 1)
    deviations -= mean[:, None]
    deviations *= counted
    rest = deviations.sum(axis=1) / np.maximum(n, 1)  # the mean's own rounding
    squares = np.einsum("tn,tn->t", deviations, deviations) - n * rest**2
    std = np.sqrt(np.maximum(squares, 0.0) / np.maximum(n - 1, 1))
    if caps is None:
        centre = mean + rest
    else:
        weights = np.where(counted, caps, 0.0)
        weights *= 1.0 / np.maximum(weights.max(axis=1, initial=0.0), np.finfo(np.float64).tiny)[:, None]
        total = weights.sum(axis=1)
        centre = mean + np.einsum("tn,tn->t", weights, deviations) / np.where(total > 0, total, 1.0)
    flat = ~((n >= 2) & (std > FLAT_DEVIATION * largest) & np.isfinite(std) & np.isfinite(centre))
    scores = values - np.where(flat, 0.0, centre)[:, None]
    scores /= np.where(flat, 1.0, std)[:, None]
    scores[flat] = np.where(known[flat], 0.0, np.nan)
    if _has_infinity(values, known):
        scores[~known] = np.nan
    return scores, flat


def _has_infinity(values: FloatArray, finite: BoolArray) -> bool:
    """Whether there is one, where `finite` is np.isfinite(values): masks cost more than this question."""
    return bool((finite == np.isnan(values)).any())
