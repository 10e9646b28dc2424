"""Each asset's regression on the market, over moving windows, on all dates at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.panel import FloatArray
from engine.risk.scores.windows import column_blocks, observed_counts, weighted_sums

FLAT_VARIANCE = 1e-12
"""A variance at or below this share of the mean square is rounding noise."""
_BLOCK_BYTES = 1 << 23  # several arrays of this size are held at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketModel:
    """beta: (T, N). residual_deviation: (T, N) standard deviation a day of what beta leaves. NaN where there
    are too few observations or the market does not vary."""

    beta: FloatArray
    residual_deviation: FloatArray


def market_returns(returns: FloatArray, caps: FloatArray) -> FloatArray:
    """(T,) return of the portfolio of all assets by the caps of the row before; NaN without one.

    returns, caps: (T, N). An asset counts on a date if it has that return and had that cap.
    """
    market = np.full(len(returns), np.nan)
    counted = np.isfinite(returns[1:]) & (caps[:-1] > 0)
    weights = np.where(counted, caps[:-1], 0.0)
    total = weights.sum(axis=1)
    earned = np.einsum("tn,tn->t", weights, np.where(counted, returns[1:], 0.0))
    np.divide(earned, total, out=market[1:], where=total > 0)
    return market


def market_model(
    returns: FloatArray, market: FloatArray, *, half_life: float, window: int, min_observations: int
) -> MarketModel:
    """Weighted least squares of r[i] = a + beta * market + e over the last `window` rows of each date, the
    newest with weight 1, halved each `half_life` rows (Menchero, Orr and Wang 2011, USE4, "Beta").

    returns: (T, N), market: (T,), both in excess of the same rate; NaN is missing, and an asset misses only
    its own dates. The deviation is the root of the weighted mean square of the residuals.
    """
    beta, deviation = np.empty(returns.shape), np.empty(returns.shape)
    for columns in column_blocks(returns.shape, _BLOCK_BYTES):
        y = returns[:, columns]
        known = np.isfinite(y) & np.isfinite(market)[:, None]
        y, x = np.where(known, y, 0.0), np.where(known, market[:, None], 0.0)

        def mean(values: FloatArray) -> FloatArray:
            return weighted_sums(values, half_life=half_life, window=window)

        enough = observed_counts(known, window) >= min_observations
        total = np.where(enough, mean(known.astype(np.float64)), 1.0)
        x_mean, y_mean = mean(x) / total, mean(y) / total
        x_square, y_square = mean(x * x) / total, mean(y * y) / total
        variance = x_square - x_mean * x_mean
        covariance = mean(x * y) / total - x_mean * y_mean
        enough &= variance > FLAT_VARIANCE * x_square
        slope = np.divide(covariance, variance, out=np.full(y.shape, np.nan), where=enough)
        unexplained = y_square - y_mean * y_mean - slope * covariance
        beta[:, columns] = slope
        deviation[:, columns] = np.sqrt(np.maximum(unexplained, 0.0))
    return MarketModel(beta=beta, residual_deviation=deviation)
