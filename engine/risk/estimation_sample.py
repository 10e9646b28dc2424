"""Which assets estimate a date's factor returns, at what weight, with which winsorised returns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray
from engine.risk.cross_section import linear_quantiles


class RegressionWeighting(StrEnum):
    """What multiplies an asset's squared residual: the square root of its capitalisation, which stands for
    the inverse of its specific variance (Menchero, Orr and Wang 2011, "The Barra US Equity Model (USE4)"),
    its capitalisation, or 1."""

    SQRT_CAP = "SQRT_CAP"
    CAP = "CAP"
    EQUAL = "EQUAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """B dates of the inputs that `estimate` documents; sectors (B, N), styles (B, N, K)."""

    returns: FloatArray
    caps: FloatArray
    sectors: NDArray[np.integer]
    styles: FloatArray
    universe: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """B dates, N assets, S sectors, K styles. A cell is a sector on a date; each date's last cell, S, holds
    the assets of no sector, none of which is used.

    used: (B, N) whether the asset estimates. returns: (B, N) winsorised, 0 where not used. lower, upper:
    (B, 1) the bounds of winsorisation, NaN on a date without a used asset. weights: (B, N) of the squared
    residuals, the largest of a date 1, 0 where not used; roots: their square roots. styles: (B, K, N)
    exposures of all assets, 0 where one is missing. described: (B, N) whether an asset has all its style
    exposures. cells: (B, N) index of the asset's cell among B * (S + 1). masses: (B, S) weight of each
    sector, 0 where it has no used asset. caps: (B, N) shares of the largest used capitalisation of the date,
    0 where not used.
    """

    used: NDArray[np.bool_]
    returns: FloatArray
    lower: FloatArray
    upper: FloatArray
    weights: FloatArray
    roots: FloatArray
    styles: FloatArray
    described: NDArray[np.bool_]
    cells: NDArray[np.intp]
    masses: FloatArray
    caps: FloatArray

    def means(self, values: FloatArray) -> FloatArray:
        """(B, S + 1) weighted mean over the used assets of each cell of finite values (B, N), 0 in a cell
        without any."""
        sums = _cell_sums(self.weights * values, self.cells, self.masses.shape[1])
        return np.asarray(sums / _or_one(_with_no_sector(self.masses)))

    def cap_shares(self) -> FloatArray:
        """(B, S) sectors' shares of the used capitalisation; they add up to 1 where an asset is used."""
        caps = _cell_sums(self.caps, self.cells, self.masses.shape[1])[:, :-1]
        return np.asarray(caps / _or_one(caps.sum(axis=1, keepdims=True)))

    def spread(self, per_cell: FloatArray) -> FloatArray:
        """(B, N) each asset's value of its cell (B, S + 1)."""
        return np.asarray(np.take(per_cell.ravel(), self.cells, mode="clip"))  # skips the check of bounds


def sampled(block: Block, sector_count: int, weighting: RegressionWeighting, winsor: float) -> Sample:
    """An asset is used on a date if it is in the universe, its return and style exposures are finite, its
    capitalisation is finite and positive, and its sector is known (code >= 0)."""
    # One style after another: sums over assets then run along memory.
    styles = np.ascontiguousarray(block.styles.transpose(0, 2, 1))
    described = np.ones(block.returns.shape, dtype=np.bool_)
    if not np.isfinite(styles.sum()):  # one pass for the blocks that miss nothing
        known = np.isfinite(styles)
        described = np.asarray(known.all(axis=1))
        styles = np.where(known, styles, 0.0)  # may be the caller's own memory
    usable_cap = np.isfinite(block.caps) & (block.caps > 0.0)
    known_sector = block.sectors >= 0
    used = block.universe & np.isfinite(block.returns) & usable_cap & known_sector & described

    ordered = np.where(used, block.returns, np.inf)
    ordered.sort(axis=1)
    counts = used.sum(axis=1)
    lower, upper = (linear_quantiles(ordered, counts, level)[:, None] for level in (winsor, 1.0 - winsor))
    returns = np.where(used, np.clip(block.returns, lower, upper), 0.0)
    caps = np.where(used, block.caps, 0.0)
    # Relative to the largest: sums neither overflow nor depend on the currency.
    caps /= _or_one(caps.max(axis=1, keepdims=True, initial=0.0))
    weights = _weights(caps, used, weighting)
    cells = np.where(known_sector, block.sectors, sector_count)
    cells = np.add(cells, (sector_count + 1) * np.arange(len(cells))[:, None], dtype=np.intp)
    masses = _cell_sums(weights, cells, sector_count)[:, :-1]
    return Sample(
        used=used,
        returns=returns,
        lower=lower,
        upper=upper,
        weights=weights,
        roots=np.sqrt(weights),
        styles=styles,
        described=described,
        cells=cells,
        masses=masses,
        caps=caps,
    )


def _weights(caps: FloatArray, used: NDArray[np.bool_], weighting: RegressionWeighting) -> FloatArray:
    match weighting:
        case RegressionWeighting.SQRT_CAP:
            return np.asarray(np.sqrt(caps))
        case RegressionWeighting.CAP:
            return caps
        case RegressionWeighting.EQUAL:
            return used.astype(np.float64)


def _cell_sums(values: FloatArray, cells: NDArray[np.intp], sector_count: int) -> FloatArray:
    """(B, S + 1) sums of values (B, N) over the assets of each cell."""
    dates = len(values)
    sums = np.bincount(cells.ravel(), values.ravel(), minlength=dates * (sector_count + 1))
    return np.asarray(sums.reshape(dates, sector_count + 1))


def _with_no_sector(masses: FloatArray) -> FloatArray:
    return np.concatenate([masses, np.zeros((len(masses), 1))], axis=1)


def _or_one(divisors: FloatArray) -> FloatArray:
    return np.where(divisors > 0.0, divisors, 1.0)
