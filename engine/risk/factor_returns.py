"""The returns of market, sectors and styles that best explain each date's cross-section of asset returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray
from engine.risk.constrained import fit_jointly
from engine.risk.cross_sectional_fit import Fit
from engine.risk.estimation_sample import Block, RegressionWeighting, Sample, sampled
from engine.risk.toraniko_mode import fit_in_two_stages

MARKET = "MARKET"
BLOCK_VALUES = 1 << 16
"""Asset-dates at a time: the temporaries of a block stay in the processor's cache."""


class RegressionMode(StrEnum):
    """One regression on all factors (JOINT), or market and sectors first and then styles on the residuals
    (TORANIKO_RESIDUAL) or on the returns (TORANIKO_RAW). Two stages are biased where styles and sectors
    correlate."""

    JOINT = "JOINT"
    TORANIKO_RESIDUAL = "TORANIKO_RESIDUAL"
    TORANIKO_RAW = "TORANIKO_RAW"


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorReturns:
    """T dates, N assets, F factors. Returns are simple (0.01 = 1 %).

    names: (F,) "MARKET", the sectors, the styles. returns: (T, F), NaN where no estimating asset is exposed
    to a factor: an empty sector, a style that is 0 for all, any factor of a date without an estimating asset.
    specific: (T, N) return - X f of every asset with a return and style exposures, whether it estimates or
    not; NaN elsewhere. A factor without a return counts as 0 in X f, and so does the sector of an asset that
    has none. Not winsorised in JOINT mode; in the TORANIKO modes, as there, of the winsorised returns.
    r_squared: (T,) weighted and of the winsorised returns; NaN where they do not vary.
    assets: (T,) number of estimating assets. condition_number: (T,) of the independent style exposures,
    weighted, scaled to unit length and, in JOINT mode, less their sectors' weighted means; 1 without styles,
    NaN on a date without an estimating asset. t_statistics: (T, F) against 0, of weighted least squares; NaN
    where the data do not determine the factor's return or leave no residual to judge it by.
    """

    names: tuple[str, ...]
    returns: FloatArray
    specific: FloatArray
    r_squared: FloatArray
    assets: NDArray[np.int64]
    condition_number: FloatArray
    t_statistics: FloatArray


def estimate(
    returns: FloatArray,
    caps: FloatArray,
    sectors: NDArray[np.integer],
    sector_names: Sequence[str],
    styles: FloatArray,
    style_names: Sequence[str],
    universe: NDArray[np.bool_],
    *,
    mode: RegressionMode = RegressionMode.JOINT,
    weighting: RegressionWeighting = RegressionWeighting.SQRT_CAP,
    winsor: float = 0.05,
) -> FactorReturns:
    """Factor returns by weighted least squares, date by date (Menchero, Orr and Wang 2011, "The Barra US
    Equity Model (USE4)").

    Row t of all but `returns` is what was known before return row t: the caller aligns them. returns (T, N)
    simple; caps (T, N) in any one currency; sectors (T, N), or (N,) where they never change: index into
    sector_names, -1 unknown; styles (T, N, K) scores; universe (T, N), or (N,), the estimation universe. An
    asset estimates on a date if it is in the universe, its return and styles are finite, its cap is finite
    and positive and its sector is known. Any other asset misses nothing but that: NaN and infinity are
    missing, and no value of one asset spoils a date. No date depends on another: they may be given in parts.

    Estimation takes the estimating assets' returns clipped to their linear quantiles `winsor` and 1 - winsor
    of the date, 0 <= winsor < 0.5. Sectors' returns add up to 0: in JOINT mode each times its share of the
    estimating assets' capitalisation, in the others unweighted. Where styles are combinations of each other
    and of sectors, market and sectors keep what they explain and the style returns have the least norm.

    Raises ValueError for shapes that do not fit, for a sector code beyond sector_names, for a repeated name
    and for a share out of range.
    """
    dates, assets = returns.shape
    sectors, universe = np.broadcast_to(sectors, returns.shape), np.broadcast_to(universe, returns.shape)
    names = (MARKET, *sector_names, *style_names)
    _require(returns, caps, sectors, styles, names, len(sector_names), len(style_names))
    if not 0.0 <= winsor < 0.5:
        raise ValueError(f"a share to winsorise is at least 0 and below 0.5, not {winsor:g}")
    out = FactorReturns(
        names=names,
        returns=np.full((dates, len(names)), np.nan),
        specific=np.empty((dates, assets)),
        r_squared=np.full(dates, np.nan),
        assets=np.zeros(dates, dtype=np.int64),
        condition_number=np.full(dates, np.nan),
        t_statistics=np.full((dates, len(names)), np.nan),
    )
    if assets == 0:
        return out
    step = max(1, BLOCK_VALUES // assets)
    for start, stop in pairwise([*range(0, dates, step), dates]):
        rows = slice(start, stop)
        block = Block(
            returns=returns[rows],
            caps=caps[rows],
            sectors=sectors[rows],
            styles=styles[rows],
            universe=universe[rows],
        )
        with np.errstate(over="ignore", invalid="ignore"):  # a date that overflows is NaN
            sample = sampled(block, len(sector_names), weighting, winsor)
            fit = _fit(sample, block.returns, mode)
        out.returns[rows] = _finite(fit.returns)
        out.specific[rows] = _finite(fit.specific)
        out.r_squared[rows] = _finite(fit.r_squared)
        out.assets[rows] = sample.used.sum(axis=1)
        out.condition_number[rows] = _finite(fit.condition_numbers)
        out.t_statistics[rows] = _finite(fit.t_statistics)
    return out


def _fit(sample: Sample, returns: FloatArray, mode: RegressionMode) -> Fit:
    match mode:
        case RegressionMode.JOINT:
            return fit_jointly(sample, returns)
        case RegressionMode.TORANIKO_RESIDUAL:
            return fit_in_two_stages(sample, returns, on_residuals=True)
        case RegressionMode.TORANIKO_RAW:
            return fit_in_two_stages(sample, returns, on_residuals=False)


def _finite(values: FloatArray) -> FloatArray:
    finite = np.isfinite(values)
    return values if finite.all() else np.where(finite, values, np.nan)


def _require(
    returns: FloatArray,
    caps: FloatArray,
    sectors: NDArray[np.integer],
    styles: FloatArray,
    names: tuple[str, ...],
    sector_count: int,
    style_count: int,
) -> None:
    if caps.shape != returns.shape or styles.shape != (*returns.shape, style_count):
        raise ValueError(
            f"caps {caps.shape} and {style_count} styles {styles.shape} do not fit returns {returns.shape}"
        )
    if sectors.size and not -1 <= int(sectors.min()) <= int(sectors.max()) < sector_count:
        raise ValueError(f"sector codes run from -1 to {sector_count - 1}")
    if len(set(names)) != len(names):
        raise ValueError("factors need names of their own: " + ", ".join(names))
