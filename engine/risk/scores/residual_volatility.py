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
    """See MarketModelConfig."""

    style = StyleName.RESIDUAL_VOLATILITY


def orthogonalized(
    values: FloatArray, others: tuple[FloatArray, ...], weights: FloatArray | None
) -> FloatArray:
    """(T, N) residuals of each row's weighted least squares on an intercept and `others` (T, N) each.

    values, others: standardised; NaN is missing, in `others` it counts as 0. weights: (T, N), None for equal;
    an asset without a weight takes no part in the fit and gets its residual from it. Of overlapping `others`
    the solution of least norm is taken (the residuals are the same for all solutions).
    """
    ones = np.ones(values.shape)
    x = np.stack([ones, *(np.where(np.isnan(other), 0.0, other) for other in others)], axis=1)
    weights = ones if weights is None else weights
    counted = np.isfinite(values) & (weights > 0)
    weights = np.where(counted, weights, 0.0)
    weights = weights / np.maximum(weights.sum(axis=1), np.finfo(np.float64).tiny)[:, None]
    weighted = x * weights[:, None, :]
    moments = weighted @ x.transpose(0, 2, 1)
    targets = weighted @ np.where(counted, values, 0.0)[:, :, None]
    slopes = np.linalg.pinv(moments, rcond=1e-12, hermitian=True) @ targets
    return np.asarray(values - (slopes.transpose(0, 2, 1) @ x)[:, 0])


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
        scored = slice(rows.start - context.first_row, rows.stop - context.first_row)
        scores = context.standard(rows, deviation[rows], config.winsor).values
        left = orthogonalized(scores, tuple(other[scored] for other in others), context.weights(rows))
        return standardized(np.where(np.abs(left) < _NOTHING_LEFT, 0.0, left), context.weights(rows))

    return context.by_dates(of_dates)
