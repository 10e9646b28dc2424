"""Which assets estimate factor returns: large, traded and old enough to have returns that speak for the
market."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.config import Config, option
from engine.errors import MissingField
from engine.panel import VOLUME, FloatArray
from engine.risk.cross_section import BoolArray, row_blocks
from engine.risk.scores.windows import column_blocks, enough, observed_counts, trailing_sums

LIQUIDITY_FILTER = "universe.liquidity_threshold (null switches it off)"
_MIN_SHARE = 0.5  # of the volume's window, rows without which nobody knows how much is traded
_BLOCK_BYTES = 1 << 23


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimationUniverseConfig(Config):
    """Which assets estimate factor returns; all others with a price are still given exposures and risk."""

    market_cap_threshold: float | None = option(
        None, 0.0, text="USD that an asset's market cap must exceed", null="no filter"
    )
    min_history_rows: int = option(
        63, 0, 10_000, "Rows with a price so far, its own included, without which an asset is too young"
    )
    liquidity_threshold: float | None = option(
        None,
        0.0,
        text="USD a day that an asset's mean volume of the last `liquidity_rows` rows must exceed",
        null="no filter",
    )
    liquidity_rows: int = option(
        63, 1, 2_520, "Rows of the mean volume, of which half must be known for the `liquidity_threshold`"
    )
    top_n: int | None = option(
        None,
        1,
        1_000_000,
        "How many of the largest of those that pass the rest, equal caps at the end all in",
        null="no limit",
    )


def estimation_universe(
    covered: BoolArray,
    caps: FloatArray,
    config: EstimationUniverseConfig,
    volume: FloatArray | None = None,
) -> BoolArray:
    """(T, N) who is in the estimation universe at the end of each row, from what is known by then.

    covered: (T, N) whether the asset has a price. caps: (T, N) USD, NaN = unknown; an asset without a cap or
    a price is never in. volume: (T, N) USD a row, not finite or below 0 = unknown; the liquidity filter alone
    reads it. Raises MissingField where the filter lacks it.
    """
    liquid = None
    if config.liquidity_threshold is not None:
        if volume is None:
            raise MissingField(VOLUME, LIQUIDITY_FILTER)
        liquid = _liquid(volume, config.liquidity_threshold, config.liquidity_rows)
    inside = np.empty(caps.shape, dtype=np.bool_)
    seen = np.zeros(caps.shape[1], dtype=np.int32)
    for rows in row_blocks(caps.shape):
        history = seen + np.cumsum(covered[rows], axis=0, dtype=np.int32)
        seen = history[-1]
        smallest = 0.0 if config.market_cap_threshold is None else config.market_cap_threshold
        passed = covered[rows] & (caps[rows] > smallest) & (caps[rows] < np.inf)
        passed &= history >= config.min_history_rows
        if liquid is not None:
            passed &= liquid[rows]
        if config.top_n is not None and config.top_n < caps.shape[1]:
            passed &= caps[rows] >= _nth_largest(np.where(passed, caps[rows], 0.0), config.top_n)
        inside[rows] = passed
    return inside


@np.errstate(over="ignore")  # a sum beyond double precision exceeds any threshold
def _liquid(volume: FloatArray, threshold: float, rows: int) -> BoolArray:
    """(T, N) whether the mean volume of the last rows exceeds the threshold."""
    liquid = np.empty(volume.shape, dtype=np.bool_)
    for columns in column_blocks(volume.shape, _BLOCK_BYTES):
        traded = volume[:, columns]
        known = (traded >= 0.0) & (traded < np.inf)
        totals = trailing_sums(np.where(known, traded, 0.0), rows)
        liquid[:, columns] = enough(known, rows, _MIN_SHARE)
        liquid[:, columns] &= totals / np.maximum(observed_counts(known, rows), 1) > threshold
    return liquid


def sector_cap_shares(
    universe: BoolArray, caps: FloatArray, sectors: NDArray[np.integer], sector_count: int
) -> FloatArray:
    """(S,) shares of the sectors in the capitalisation of one date's universe; zeros where it is empty.

    universe, caps, sectors: (N,); who has no sector (-1) or no cap does not count.
    """
    counted = universe & (sectors >= 0) & (caps > 0.0) & (caps < np.inf)
    weights = caps[counted]
    weights = weights / weights.max(initial=0.0) if len(weights) else weights
    sums = np.bincount(sectors[counted], weights, minlength=sector_count)
    return np.asarray(sums / (sums.sum() or 1.0))


def _nth_largest(values: FloatArray, rank: int) -> FloatArray:
    """(T, 1) of rows of N >= rank values."""
    at = values.shape[1] - rank
    return np.asarray(np.partition(values, at, axis=1)[:, at : at + 1])
