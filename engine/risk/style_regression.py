"""Least squares of returns on styles for many dates at once, of minimum norm where styles overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray
from engine.statistics.least_squares import COLLINEAR

WELL_CONDITIONED = 1e3
"""Up to here products of the regressors, solved and refined once, keep 12 digits; beyond, a date is
factorised on its own."""
_VISIBLE = 1e-6  # a style with this little in a null direction has a return of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleFit:
    """B dates, K styles.

    coefficients: (B, K) minimum-norm least squares. inverses: (B, K, K) their covariance at unit residual
    variance. residuals: (B, N). ranks: (B,) number of independent styles. exposed: (B, K) whether any
    observation is exposed to the style. determined: (B, K) whether the data alone fix the coefficient, rather
    than the minimum norm. condition_numbers: (B,) of the independent regressors scaled to unit length, 1
    where there are none.
    """

    coefficients: FloatArray
    inverses: FloatArray
    residuals: FloatArray
    ranks: NDArray[np.intp]
    exposed: NDArray[np.bool_]
    determined: NDArray[np.bool_]
    condition_numbers: FloatArray


def fitted(system: FloatArray, taken_out: FloatArray) -> StyleFit:
    """Regress the last of the rows (B, K + 1, N) of a system on those before it, date by date; all finite and
    already multiplied by the square roots of the weights.

    taken_out: (B, K) sum of squares of what was taken out of each regressor before: what is left of it counts
    as rounding noise, and its coefficient is 0, at or below COLLINEAR times its length with that.
    Coefficients of a date whose products overflow are NaN.
    """
    dates, count = taken_out.shape
    x, y = system[:, :count], system[:, count]
    if count == 0:
        return _no_styles(y, dates)
    products = x @ system.transpose(0, 2, 1)
    squares = np.diagonal(products, axis1=1, axis2=2)
    lengths, sizes = np.sqrt(squares), np.sqrt(squares + taken_out)
    own = lengths > COLLINEAR * sizes  # false where they overflow
    scales = np.where(own, lengths, 1.0)
    pairs = own[:, :, None] & own[:, None, :]
    scaled = np.where(pairs, products[:, :, :-1] / (scales[:, :, None] * scales[:, None, :]), np.eye(count))
    values, vectors = np.linalg.eigh(scaled)
    overlapping = values[:, 0] * WELL_CONDITIONED**2 <= values[:, -1]
    values = np.where(overlapping[:, None], 1.0, values)
    inverses = (vectors / values[:, None, :]) @ vectors.transpose(0, 2, 1)
    inverses = np.where(pairs, inverses / (scales[:, :, None] * scales[:, None, :]), 0.0)

    coefficients = _times(inverses, products[:, :, -1])
    residuals = without_styles(system, coefficients)
    coefficients += _times(inverses, _times(x, residuals))
    coefficients = np.where(np.isfinite(lengths).all(axis=1, keepdims=True), coefficients, np.nan)
    ranks = own.sum(axis=1)
    conditions = np.sqrt(values[:, -1] / values[:, 0])
    determined = own.copy()
    for date in np.flatnonzero(overlapping):
        kept = np.flatnonzero(own[date])
        one = _minimum_norm(x[date, kept], y[date], scales[date, kept])
        coefficients[date, kept] = one.coefficients
        inverses[np.ix_([date], kept, kept)] = one.inverse
        residuals[date] = y[date] - coefficients[date] @ x[date]
        ranks[date], conditions[date], determined[date, kept] = one.rank, one.condition, one.determined
    return StyleFit(
        coefficients=coefficients,
        inverses=inverses,
        residuals=residuals,
        ranks=ranks,
        exposed=sizes > 0.0,
        determined=determined,
        condition_numbers=conditions,
    )


def without_styles(system: FloatArray, coefficients: FloatArray) -> FloatArray:
    """(B, N) the last row of a system less what the coefficients (B, K) make of those before it."""
    factors = np.concatenate([-coefficients, np.ones((len(coefficients), 1))], axis=1)
    return np.asarray((factors[:, None, :] @ system)[:, 0, :])


@dataclass(frozen=True, slots=True, kw_only=True)
class _MinimumNorm:
    coefficients: FloatArray
    inverse: FloatArray
    rank: int
    condition: float
    determined: NDArray[np.bool_]


def _minimum_norm(x: FloatArray, y: FloatArray, scales: FloatArray) -> _MinimumNorm:
    """One date: x (K, N), y (N,), scales (K,) the lengths of the regressors, none 0.

    Which regressors overlap is judged at unit length, so that units do not matter; the norm is that of the
    coefficients themselves.
    """
    q, r = np.linalg.qr((x / scales[:, None]).T)
    left, values, right = np.linalg.svd(r)
    rank = int((values > COLLINEAR * values[0]).sum())
    within, null = right[:rank], right[rank:]
    root = (within.T / values[:rank]) / scales[:, None]
    if len(null):
        basis, _ = np.linalg.qr((null / scales).T)
        root -= basis @ (basis.T @ root)
    return _MinimumNorm(
        coefficients=root @ (left[:, :rank].T @ (q.T @ y)),
        inverse=root @ root.T,
        rank=rank,
        condition=float(values[0] / values[rank - 1]),
        determined=(np.abs(null) <= _VISIBLE).all(axis=0),
    )


def _no_styles(y: FloatArray, dates: int) -> StyleFit:
    return StyleFit(
        coefficients=np.zeros((dates, 0)),
        inverses=np.zeros((dates, 0, 0)),
        residuals=y,
        ranks=np.zeros(dates, dtype=np.intp),
        exposed=np.zeros((dates, 0), dtype=np.bool_),
        determined=np.zeros((dates, 0), dtype=np.bool_),
        condition_numbers=np.ones(dates),
    )


def _times(matrices: FloatArray, vectors: FloatArray) -> FloatArray:
    return np.asarray((matrices @ vectors[:, :, None])[:, :, 0])
