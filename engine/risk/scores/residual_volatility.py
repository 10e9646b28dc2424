"""Residual volatility: the risk that neither beta nor size explains (Ang, Hodrick, Xing and Zhang 2006,
doi:10.1111/j.1540-6261.2006.00836.x)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.panel import FloatArray
from engine.risk.cross_section import Standardized, standardized
from engine.risk.scores.beta import BetaConfig, MarketModelConfig, beta_scores, fitted_market_model
from engine.risk.scores.config import StyleName
from engine.risk.scores.inputs import ScoreContext
from engine.risk.scores.size import SizeConfig, size_scores

_NOTHING_LEFT = 1e-10  # of scores whose deviation is 1: what is left is rounding noise


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualVolatilityConfig(MarketModelConfig):
    style = StyleName.RESIDUAL_VOLATILITY


def orthogonalized(
    values: FloatArray, others: tuple[FloatArray, ...], weights: FloatArray | None
) -> FloatArray:
    """(T, N) residuals of each row's weighted least squares on an intercept and `others` (T, N) each.

    values, others: standardised; NaN is missing, in `others` it counts as 0. weights: (T, N), None for equal;
    an asset without a weight takes no part in the fit and gets its residual from it. Of overlapping `others`
    the solution of least norm is taken (the residuals are the same for all solutions).
    """
    counted = np.isfinite(values)
    if weights is None:
        weights = counted.astype(np.float64)
    else:
        counted &= weights > 0
        weights = np.where(counted, weights, 0.0)
    weights /= np.maximum(weights.sum(axis=1), np.finfo(np.float64).tiny)[:, None]
    regressors = [np.where(np.isnan(other), 0.0, other) for other in others]
    target = np.where(counted, values, 0.0)
    count = 1 + len(others)
    moments, targets = np.empty((len(values), count, count)), np.empty((len(values), count, 1))
    moments[:, 0, 0], targets[:, 0, 0] = weights.sum(axis=1), np.vecdot(weights, target)
    for row, regressor in enumerate(regressors, start=1):  # the intercept is the first
        weighted = weights * regressor
        moments[:, row, 0] = moments[:, 0, row] = weighted.sum(axis=1)
        for column in range(1, row + 1):
            product = np.vecdot(weighted, regressors[column - 1])
            moments[:, row, column] = moments[:, column, row] = product
        targets[:, row, 0] = np.vecdot(weighted, target)
    slopes = (np.linalg.pinv(moments, rcond=1e-12, hermitian=True) @ targets)[:, :, 0]
    left = values - slopes[:, :1]
    for row, regressor in enumerate(regressors, start=1):
        left -= regressor * slopes[:, row : row + 1]
    return np.asarray(left)


def residual_volatility_scores(context: ScoreContext, config: ResidualVolatilityConfig) -> Standardized:
    """The standardised deviation of residuals from the market, orthogonal to the scores of beta and size,
    standardised again.

    These are the ones that are asked for, else beta by the same regression and size by default. The
    cap-weighted correlation with them is 0 (EQUAL_WEIGHTED: the plain one).
    """
    deviation = fitted_market_model(context, config).residual_deviation
    same_model = BetaConfig(
        half_life=config.half_life,
        trailing_days=config.trailing_days,
        min_observations=config.min_observations,
    )
    others = (
        beta_scores(context, context.requested(same_model)).values,
        size_scores(context, context.requested(SizeConfig())).values,
    )

    def of_dates(rows: slice) -> Standardized:
        scored = context.dates(rows)
        scores = context.standard(rows, deviation[scored], config.winsor).values
        left = orthogonalized(scores, tuple(other[scored] for other in others), context.weights(rows))
        return standardized(np.where(np.abs(left) < _NOTHING_LEFT, 0.0, left), context.weights(rows))

    return context.by_dates(of_dates)
