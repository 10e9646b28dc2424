"""Market, sectors and styles in one regression, sectors' cap-weighted returns adding up to zero."""

from __future__ import annotations

import numpy as np

from engine.panel import FloatArray
from engine.risk.cross_sectional_fit import (
    Fit,
    explained,
    market_and_sectors,
    residual_variance,
    sector_variances,
    style_returns,
    t_statistics,
    unexplained_share,
)
from engine.risk.estimation_sample import Sample
from engine.risk.style_regression import StyleFit, fitted


def fit_jointly(sample: Sample, returns: FloatArray) -> Fit:
    """Fit the dates of a sample; returns (B, N), not winsorised, are what specific returns are left of.

    The constraint (Menchero, Orr and Wang 2011, "The Barra US Equity Model (USE4)") only splits what a
    sector's assets have in common into market and sector. So styles are regressed within sectors, both sides
    less their sectors' weighted means (Frisch and Waugh 1933, doi:10.2307/1907330), which leaves K normal
    equations instead of 1 + S + K; the means then give market and sectors. What a style has in common with
    the sectors is therefore the sectors'.
    """
    count = sample.styles.shape[1]
    system = np.empty((len(returns), count + 1, returns.shape[1]))
    cell_means = np.empty((len(returns), count + 1, sample.masses.shape[1] + 1))
    for row in range(count + 1):
        values = sample.styles[:, row] if row < count else sample.returns
        cell_means[:, row] = sample.means(values)
        np.subtract(values, sample.spread(cell_means[:, row]), out=system[:, row])
        system[:, row] *= sample.roots
    style_means, means = cell_means[:, :-1], cell_means[:, -1]
    styles = fitted(system, (sample.masses[:, None, :] * style_means[:, :, :-1] ** 2).sum(axis=2))

    shares = sample.cap_shares()
    common = means - (styles.coefficients[:, None, :] @ style_means)[:, 0, :]
    market, sectors = market_and_sectors(sample, common, shares)
    factor_returns = np.concatenate([market, sectors, style_returns(styles)], axis=1)
    squares = np.vecdot(styles.residuals, styles.residuals)
    parameters = (sample.masses > 0.0).sum(axis=1) + styles.ranks
    variance = residual_variance(sample, squares, parameters)
    unexplained = unexplained_share(sample, squares, np.vecdot(system[:, -1], system[:, -1]), means)
    return Fit(
        returns=factor_returns,
        specific=returns - explained(sample, market, sectors, styles),
        r_squared=np.maximum(0.0, 1.0 - unexplained),
        condition_numbers=np.where(sample.used.any(axis=1), styles.condition_numbers, np.nan),
        t_statistics=t_statistics(factor_returns, variance * _variances(sample, shares, styles, style_means)),
    )


def _variances(sample: Sample, shares: FloatArray, styles: StyleFit, style_means: FloatArray) -> FloatArray:
    """(B, F) of the factor returns at unit residual variance, NaN for a style that is not determined.

    Sectors' mean returns and the styles' are uncorrelated, so what styles take out of the means adds to their
    variance.
    """
    by_sector = style_means[:, :, :-1]  # (B, K, S)
    of_market = by_sector @ shares[:, :, None]
    market, sectors = sector_variances(sample, shares)
    market = market + _quadratic(styles.inverses, of_market)
    sectors = sectors + _quadratic(styles.inverses, by_sector - of_market)
    own = np.diagonal(styles.inverses, axis1=1, axis2=2)
    return np.concatenate([market, sectors, np.where(styles.determined, own, np.nan)], axis=1)


def _quadratic(inverses: FloatArray, columns: FloatArray) -> FloatArray:
    """(B, M) c' inverse c of each of the columns (B, K, M)."""
    return np.asarray((columns * (inverses @ columns)).sum(axis=1))
