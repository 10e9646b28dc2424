"""Least squares on several regressors, with errors that hold where residuals are autocorrelated.

Regressors are centred and scaled to unit length first and then factorised (QR): sums of products would lose
every digit where means dwarf deviations, and half of them where regressors are nearly collinear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray
from engine.statistics.distributions import student_probability, student_quantile
from engine.statistics.regression import newey_west_lag
from engine.statistics.undefined import Undefined, UndefinedReason, deviation_is_zero, need

COLLINEAR = 1e-10
"""A regressor whose part of its own is at or below this share of it is a combination of the others."""
_EPSILON = float(np.finfo(np.float64).eps)
_BLOCK_VALUES = 1 << 19  # windows are solved in blocks that stay in the processor's cache


class Collinear(Undefined):
    """Regressor `column` is constant or a combination of those before it: it has no slope of its own."""

    def __init__(self, column: int, detail: str) -> None:
        super().__init__(UndefinedReason.COLLINEAR, f"regressor {column} {detail}")
        self.column = column
        self.cause = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """y = intercept + x @ slopes, of n observations on K regressors.

    coefficients, standard_errors, t_values, p_values, lower, upper: (K+1,), the intercept first; lower and
    upper bound the confidence interval; t and p are NaN where the residuals are rounding noise.
    r_squared, adjusted_r_squared: NaN where y does not vary. residuals: (n,). residual_deviation: with
    n - K - 1 degrees of freedom. lag: of the Newey-West errors. condition_number: of the regressors, centred
    and scaled to unit length. variance_inflation: (K,) 1 / (1 - R2 on the other regressors), 1 for one alone.
    """

    coefficients: FloatArray
    standard_errors: FloatArray
    t_values: FloatArray
    p_values: FloatArray
    lower: FloatArray
    upper: FloatArray
    r_squared: float
    adjusted_r_squared: float
    residuals: FloatArray
    residual_deviation: float
    observations: int
    lag: int
    condition_number: float
    variance_inflation: FloatArray


@np.errstate(over="ignore", invalid="ignore")  # what overflows is Undefined
def ordinary_least_squares(
    y: FloatArray, x: FloatArray, *, lag: int | None = None, confidence: float = 0.95
) -> Regression:
    """Regress y (n,) on x (n, K), K >= 1, both finite, with an intercept.

    Errors are Newey-West (1987, doi:10.2307/1913610): Bartlett weights up to `lag` >= 0, absent that of
    `newey_west_lag`, times n / (n - K - 1), against Student's t with n - K - 1 degrees of freedom; lag 0 is
    White (1980, doi:10.2307/1912934). Observations count as neighbours in the order given. Raises Undefined
    for fewer than K + 2 observations, Collinear for regressors that are constant or combinations of others.
    """
    n, count = x.shape
    _require(y, x)
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence:g}")
    need(n, count + 2)
    lag = newey_west_lag(n) if lag is None else lag
    if lag < 0:
        raise ValueError(f"a lag is at least 0, not {lag}")
    y_mean, y_centred = _centred(y)
    means, centred = _centred(x)
    scales = np.sqrt((centred**2).sum(axis=0))
    if not (np.isfinite(scales).all() and np.isfinite(y_centred @ y_centred)):
        raise Undefined(UndefinedReason.OVERFLOW, "the returns exceed what a regression can hold")
    _require_variation(scales, means, n)
    q, r = np.linalg.qr(centred / scales)
    _require_own_part(r, means, scales, n)

    inverse = np.linalg.inv(r)
    slopes = inverse @ (q.T @ y_centred) / scales
    residuals = y_centred - centred @ slopes
    # Each coefficient is a sum of the observations with these weights (n, K+1).
    slope_weights = q @ inverse.T / scales
    weights = np.column_stack([1.0 / n - slope_weights @ means, slope_weights])
    freedom = n - count - 1
    coefficients = np.concatenate([[y_mean - means @ slopes], slopes])
    errors = np.sqrt(n / freedom * _long_run_squares(weights * residuals[:, None], lag))
    squares, total = float(residuals @ residuals), float(y_centred @ y_centred)
    deviation = float(np.sqrt(squares / freedom))
    exact = bool(deviation_is_zero(deviation, float(np.abs(y).max())))
    with np.errstate(divide="ignore"):
        t_values = np.full(count + 1, np.nan) if exact else coefficients / errors
    reach = float(student_quantile(freedom, (1.0 + confidence) / 2.0)) * errors
    flat = bool(deviation_is_zero(float(np.sqrt(total / (n - 1))), float(y_mean)))
    r_squared = np.nan if flat else max(0.0, 1.0 - squares / total)
    values = np.linalg.svd(r, compute_uv=False)
    return Regression(
        coefficients=coefficients,
        standard_errors=errors,
        t_values=t_values,
        p_values=np.asarray(2.0 * student_probability(freedom, -np.abs(t_values))),
        lower=coefficients - reach,
        upper=coefficients + reach,
        r_squared=r_squared,
        adjusted_r_squared=1.0 - (1.0 - r_squared) * (n - 1) / freedom,
        residuals=residuals,
        residual_deviation=deviation,
        observations=n,
        lag=lag,
        condition_number=float(values[0] / values[-1]),
        variance_inflation=np.asarray((inverse**2).sum(axis=1)),
    )


@np.errstate(over="ignore", invalid="ignore")
def rolling_least_squares(y: FloatArray, x: FloatArray, window: int) -> FloatArray:
    """(n, K+1) coefficients, the intercept first, of y (n,) on x (n, K) over the last `window` observations.

    NaN in the first window - 1 rows, and where regressors of a window are constant or collinear. Both inputs
    are finite. Raises ValueError for a window of fewer than K + 2.
    """
    n, count = x.shape
    _require(y, x)
    if window < count + 2:
        raise ValueError(f"{count} regressors need a window of at least {count + 2}, not {window}")
    out = np.full((n, count + 1), np.nan)
    if n < window:
        return out
    both = np.column_stack([x, y])
    windows = np.lib.stride_tricks.sliding_window_view(both, window, axis=0)  # (m, K+1, window)
    step = max(1, _BLOCK_VALUES // (window * (count + 1)))
    for start in range(0, len(windows), step):
        block = windows[start : start + step]
        out[window - 1 + start : window - 1 + start + len(block)] = _of_windows(block, window)
    return out


def _of_windows(windows: FloatArray, window: int) -> FloatArray:
    """(B, K+1) coefficients of B windows (B, K+1, window), y last."""
    means, centred = _centred(np.ascontiguousarray(windows.transpose(0, 2, 1)), axis=1)
    x, y, x_means = centred[:, :, :-1], centred[:, :, -1], means[:, :-1]
    scales = np.sqrt((x**2).sum(axis=1))
    usable = np.isfinite(scales).all(axis=1) & ~_is_constant(scales, x_means, window).any(axis=1)
    safe = np.where(usable[:, None], scales, 1.0)
    q, r = np.linalg.qr(np.where(usable[:, None, None], x / safe[:, None, :], 0.0))
    usable &= (_own_parts(r) > _own_part_needed(x_means, safe, window)[:, None]).all(axis=1)
    r[~usable] = np.eye(r.shape[-1])
    slopes = np.linalg.solve(r, (y[:, None, :] @ q).transpose(0, 2, 1))[:, :, 0] / safe
    intercepts = means[:, -1] - (x_means * slopes).sum(axis=1)
    out = np.column_stack([intercepts, slopes])
    out[~usable | ~np.isfinite(out).all(axis=1)] = np.nan
    return out


def _centred(values: FloatArray, axis: int = 0) -> tuple[FloatArray, FloatArray]:
    """(means, values less their means) along an axis. Taken twice: the first mean is rounded to its own
    digits, which are coarse where it dwarfs the deviations."""
    means = values.mean(axis=axis, keepdims=True)
    centred = values - means
    rest = centred.mean(axis=axis, keepdims=True)
    return np.squeeze(means + rest, axis=axis), centred - rest


def _is_constant(scales: FloatArray, means: FloatArray, n: int) -> NDArray[np.bool_]:
    return deviation_is_zero(scales / np.sqrt(n - 1), means)


def _require_variation(scales: FloatArray, means: FloatArray, n: int) -> None:
    constant = np.flatnonzero(_is_constant(scales, means, n))
    if len(constant):
        raise Collinear(int(constant[0]), "does not vary")


def _require_own_part(r: FloatArray, means: FloatArray, scales: FloatArray, n: int) -> None:
    dependent = np.flatnonzero(_own_parts(r) <= _own_part_needed(means, scales, n))
    if len(dependent):
        raise Collinear(int(dependent[0]), "is a combination of those before it")


def _own_parts(r: FloatArray) -> FloatArray:
    """(..., K) length of what each unit regressor adds to those before it."""
    return np.abs(np.diagonal(r, axis1=-2, axis2=-1))


def _own_part_needed(means: FloatArray, scales: FloatArray, n: int) -> FloatArray:
    """(...) means (..., K) that dwarf deviations leave rounding noise that looks like a part of its own."""
    noise = (np.abs(means) * np.sqrt(n) / scales).max(axis=-1)
    return np.asarray(COLLINEAR + 8.0 * _EPSILON * means.shape[-1] * noise)


def _long_run_squares(scores: FloatArray, lag: int) -> FloatArray:
    """(M,) Bartlett-weighted sums of products of scores (n, M) with themselves up to `lag` steps before."""
    total = (scores**2).sum(axis=0)
    for step in range(1, min(lag, len(scores) - 1) + 1):
        total += 2.0 * (1.0 - step / (lag + 1)) * (scores[step:] * scores[:-step]).sum(axis=0)
    return np.asarray(np.maximum(total, 0.0))  # non-negative in exact arithmetic


def _require(y: FloatArray, x: FloatArray) -> None:
    if y.shape != x.shape[:1] or x.shape[1] < 1:
        raise ValueError(f"y {y.shape} cannot be regressed on x {x.shape}")
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise ValueError("a regression takes finite values only")
