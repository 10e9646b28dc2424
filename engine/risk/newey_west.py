"""Exponentially weighted variances and covariances that allow for autocorrelation.

The weight of a value k rows before the newest one is 2^(-k / half-life), or 1 without a half-life. Products
of values l rows apart weigh as the geometric mean of their two weights: the estimate is then that of Newey
and West (1987, doi:10.2307/1913610) on values scaled by the roots of their weights, so it stays non-negative
(positive semi-definite) as theirs does. A value that is not finite is a gap: products across it count as 0,
and a pair is averaged over the rows where both have a value. Moments are about the weighted mean, without
small-sample correction.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray

FAINTEST = 1e-200
"""A weight at or below this is 0: sums of smaller ones have no digits left."""


def decay(half_life: float | None) -> float:
    """What one row of age multiplies a weight by; 1 without a half-life."""
    return 1.0 if half_life is None else float(0.5 ** (1.0 / half_life))


def exponential_weights(count: int, half_life: float | None) -> FloatArray:
    """(count,) weights of rows in time order, the newest 1."""
    weights = decay(half_life) ** np.arange(count - 1, -1, -1, dtype=np.float64)
    return np.asarray(np.where(weights > FAINTEST, weights, 0.0))


def effective_count(count: int, half_life: float | None) -> float:
    """Rows of equal weight that average as well as `count` weighted ones: (sum w)^2 / sum w^2 (Kish 1965)."""
    weights = exponential_weights(count, half_life)
    return float(weights.sum() ** 2 / (weights @ weights))


def bartlett(lags: int) -> FloatArray:
    """(lags,) weights 1 - l / (lags + 1) of l = 1, 2, ..."""
    return np.asarray(1.0 - np.arange(1, lags + 1) / (lags + 1.0))


def newey_west_covariance(values: FloatArray, half_life: float | None, lags: int) -> FloatArray:
    """(F, F) covariance a row of values (n, F): C0 + sum_l (1 - l / (lags + 1)) (C_l + C_l').

    0 for a pair that never has values in the same row. Symmetric exactly. Positive semi-definite up to
    rounding without gaps; with gaps the pairs rest on different rows, so only the diagonal is sure to be
    non-negative.
    """
    known = np.isfinite(values)
    weights = exponential_weights(len(values), half_life)
    filled = np.where(known, values, 0.0)
    complete = bool(known.all())
    totals = np.full(values.shape[1], weights.sum()) if complete else weights @ known
    means = np.divide(weights @ filled, totals, out=np.zeros(values.shape[1]), where=totals > 0.0)
    scaled = np.where(known, filled - means, 0.0) * np.sqrt(weights)[:, None]
    led = scaled.copy()
    for lag, weight in enumerate(bartlett(lags)[: max(len(values) - 1, 0)], start=1):
        led[lag:] += 2.0 * weight * scaled[:-lag]
    products = scaled.T @ led
    products = (products + products.T) / 2.0
    if complete:
        return np.asarray(products / weights.sum())
    shared = (known * weights[:, None]).T @ known.astype(np.float64)
    shared = (shared + shared.T) / 2.0
    return np.asarray(np.divide(products, shared, out=np.zeros_like(products), where=shared > 0.0))


class RunningVariances:
    """Newey-West variances of N series at every row, in one pass that holds no more than a few rows.

    The same numbers as the diagonal of `newey_west_covariance` of all rows added.
    """

    def __init__(self, series: int, half_life: float | None, lags: int) -> None:
        factor = decay(half_life)
        self._decay = factor
        self._lags = lags
        # 2 (Bartlett weight) and the ratio of the geometric-mean weight to that of the later row.
        self._lag_weights = 2.0 * bartlett(lags) * factor ** (np.arange(1, lags + 1) / 2.0)
        self._past = np.zeros((lags, 2, series))
        self._sums = np.zeros((5, series))
        self._terms = np.zeros((5, series))
        self._rows = 0
        self.observations: NDArray[np.int64] = np.zeros(series, dtype=np.int64)
        """(N,) values added so far, gaps left out."""

    def add(self, values: FloatArray) -> None:
        """Add one row (N,); not finite = a gap."""
        mask = np.isfinite(values)
        known = mask.astype(np.float64)
        filled = np.where(mask, values, 0.0)
        terms = self._terms
        terms[0] = known
        terms[1] = filled
        # What a mean of mu takes off, mu times terms[3], and gives back, mu^2 times terms[4].
        if self._lags:
            slots = (self._rows - 1 - np.arange(self._lags)) % self._lags
            ordered = np.empty(self._lags)
            ordered[slots] = self._lag_weights
            lagged = (ordered @ self._past.reshape(self._lags, -1)).reshape(2, -1)
            led, led_known = filled + lagged[0], known + lagged[1]
            self._past[self._rows % self._lags, 0] = filled
            self._past[self._rows % self._lags, 1] = known
            np.multiply(filled, led, out=terms[2])
            np.multiply(filled, led_known, out=terms[3])
            terms[3] += known * led
            np.multiply(known, led_known, out=terms[4])
        else:
            np.multiply(filled, filled, out=terms[2])
            np.add(filled, filled, out=terms[3])
            terms[4] = known
        self._sums *= self._decay
        self._sums += terms
        self._rows += 1
        self.observations += mask

    def variances(self) -> FloatArray:
        """(N,) variances a row; NaN for a series without a value, or only with values of no weight left."""
        weight, total, squares, crossed, counted = self._sums
        known = weight > FAINTEST
        safe = np.where(known, weight, 1.0)
        mean = total / safe
        variance = (squares - mean * crossed + mean * mean * counted) / safe
        return np.where(known, np.maximum(variance, 0.0), np.nan)
