"""The two-stage fit of the library toraniko: market and sectors first, then styles on what they leave."""

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
from engine.risk.style_regression import fitted, without_styles


def fit_in_two_stages(sample: Sample, returns: FloatArray, *, on_residuals: bool) -> Fit:
    """Fit the dates of a sample; sectors' returns add up to zero unweighted, over the sectors with a used
    asset. Styles, not centred, explain the first stage's residuals, or (on_residuals false) the returns.

    Specific returns are the winsorised returns (B, N) less X f. Where styles have something in common with
    sectors, both ways are biased; R2 is negative where the stages explain the same twice. t statistics take
    each stage's own residuals.
    """
    means = sample.means(sample.returns)
    left = sample.roots * (sample.returns - sample.spread(means))
    dates, count, assets = sample.styles.shape
    system = np.empty((dates, count + 1, assets))
    np.multiply(sample.styles, sample.roots[:, None, :], out=system[:, :-1])
    system[:, -1] = left if on_residuals else sample.roots * sample.returns
    styles = fitted(system, np.zeros((dates, count)))

    present = sample.masses > 0.0
    sectors_present = present.sum(axis=1)
    shares = present / np.maximum(sectors_present, 1)[:, None]
    market, sectors = market_and_sectors(sample, means, shares)
    factor_returns = np.concatenate([market, sectors, style_returns(styles)], axis=1)
    winsorised = np.where(np.isfinite(returns), np.clip(returns, sample.lower, sample.upper), np.nan)

    within = np.vecdot(left, left)
    stage = np.vecdot(styles.residuals, styles.residuals)
    rest = styles.residuals
    if not on_residuals:
        system[:, -1] = left
        rest = without_styles(system, styles.coefficients)
    of_market, of_sectors = sector_variances(sample, shares)
    first = residual_variance(sample, within, sectors_present)
    second = residual_variance(sample, stage, styles.ranks)
    own = np.where(styles.determined, np.diagonal(styles.inverses, axis1=1, axis2=2), np.nan)
    variances = np.concatenate([first * of_market, first * of_sectors, second * own], axis=1)
    return Fit(
        returns=factor_returns,
        specific=winsorised - explained(sample, market, sectors, styles),
        r_squared=1.0 - unexplained_share(sample, np.vecdot(rest, rest), within, means),
        condition_numbers=np.where(sample.used.any(axis=1), styles.condition_numbers, np.nan),
        t_statistics=t_statistics(factor_returns, variances),
    )
