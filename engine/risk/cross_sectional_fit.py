"""What a fit of one date's returns reports, and the parts that the ways of fitting share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray
from engine.risk.estimation_sample import Sample
from engine.risk.style_regression import StyleFit
from engine.statistics.undefined import deviation_is_zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """B dates, S sectors, K styles, F = 1 + S + K: the market, sectors, styles.

    returns: (B, F) of the factors, NaN where no used asset is exposed to one. specific: (B, N) of every asset
    with a return and style exposures, else not finite. r_squared, condition_numbers: (B,).
    t_statistics: (B, F).
    """

    returns: FloatArray
    specific: FloatArray
    r_squared: FloatArray
    condition_numbers: FloatArray
    t_statistics: FloatArray


def market_and_sectors(
    sample: Sample, cell_returns: FloatArray, shares: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(B, 1) market and (B, S) sector returns whose sum weighted by shares (B, S) is 0, out of the return
    (B, S + 1) common to each sector's assets: market + sector. NaN for a sector without a used asset, and the
    market's on a date without any."""
    present = sample.masses > 0.0
    common = np.where(present, cell_returns[:, :-1], 0.0)
    market = (shares * common).sum(axis=1, keepdims=True)
    market = np.where(present.any(axis=1, keepdims=True), market, np.nan)
    return market, np.where(present, common - market, np.nan)


def style_returns(styles: StyleFit) -> FloatArray:
    """(B, K): NaN for a style to which no used asset is exposed."""
    return np.where(styles.exposed, styles.coefficients, np.nan)


def explained(sample: Sample, market: FloatArray, sectors: FloatArray, styles: StyleFit) -> FloatArray:
    """(B, N) X f of every asset, NaN where a style exposure is missing.

    A factor without a return adds 0: an asset of a sector without a used asset, or of no sector, is exposed
    to the market and to styles alone.
    """
    per_cell = np.concatenate([market + np.where(np.isnan(sectors), 0.0, sectors), market], axis=1)
    fit = sample.spread(per_cell)
    if styles.coefficients.shape[1]:
        fit += (styles.coefficients[:, None, :] @ sample.styles)[:, 0, :]
    if not sample.described.all():
        fit[~sample.described] = np.nan
    return fit


def unexplained_share(
    sample: Sample, squares: FloatArray, within: FloatArray, means: FloatArray
) -> FloatArray:
    """(B,) weighted sum of squared residuals over that about the weighted mean; NaN where the returns of a
    date do not vary.

    squares: (B,) of the residuals; within: (B,) of the returns about their sectors' means (B, S + 1).
    """
    mass = sample.masses.sum(axis=1)
    safe = np.where(mass > 0.0, mass, 1.0)
    mean = (sample.masses * means[:, :-1]).sum(axis=1) / safe
    total = within + (sample.masses * (means[:, :-1] - mean[:, None]) ** 2).sum(axis=1)
    varies = (mass > 0.0) & ~deviation_is_zero(np.sqrt(total / safe), mean)
    return np.asarray(np.where(varies, squares, np.nan) / np.where(varies, total, 1.0))


def residual_variance(sample: Sample, squares: FloatArray, parameters: NDArray[np.intp]) -> FloatArray:
    """(B, 1) weighted sum of squared residuals over the degrees of freedom; NaN where none are left or the
    fit is exact up to rounding: nothing is left to judge by."""
    freedom = sample.used.sum(axis=1) - parameters
    mass = sample.masses.sum(axis=1)
    deviation = np.sqrt(squares / np.where(mass > 0.0, mass, 1.0))
    largest = np.maximum(sample.returns.max(axis=1), -sample.returns.min(axis=1))
    judged = (freedom > 0) & ~deviation_is_zero(deviation, largest)
    return np.asarray(np.where(judged, squares, np.nan) / np.maximum(freedom, 1))[:, None]


def sector_variances(sample: Sample, shares: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(B, 1) of the market and (B, S) of the sectors at unit residual variance, where sectors' weighted means
    are all that decides them."""
    present = sample.masses > 0.0
    of_means = np.where(present, 1.0 / np.where(present, sample.masses, 1.0), 0.0)
    market = (shares**2 * of_means).sum(axis=1, keepdims=True)
    return market, of_means * (1.0 - 2.0 * shares) + market


def t_statistics(returns: FloatArray, variances: FloatArray) -> FloatArray:
    """returns / sqrt(variances), NaN where a variance is not positive."""
    positive = variances > 0.0
    return np.where(positive, returns, np.nan) / np.sqrt(np.where(positive, variances, 1.0))
