"""Exponentially weighted compound returns on all dates at once, at a cost that the window hardly moves."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial

from engine.panel import FloatArray
from engine.risk.cross_section import BoolArray
from engine.risk.scores.windows import decay

_BOUND = 0.3  # returns beyond it, either way, are compounded one by one
_DEGREE = 17  # of the polynomial that stands for log1p up to _BOUND: relative error 1e-14
_COLUMNS = 1024  # assets at a time: their state of _DEGREE rows stays in the processor's cache


def compound_growth(returns: FloatArray, *, half_life: float, window: int) -> FloatArray:
    """(T, N) product over the last `window` rows k = 0, 1, ... of 1 + w_k r[t-k], less 1, where
    w_k = 2^(-k / half_life): weights change with the age of a return, and are not normalised.

    returns: (T, N) simple returns; NaN, infinities and -1 or below are missing and grow by nothing.

    log(1 + w_k r) is a polynomial in w_k r to double precision where |r| is small, and the sum over k of each
    power is an exponentially weighted sum, which a recursion carries from date to date. The few larger
    returns are added in each date's own terms. The result agrees with the product to about 1e-13 of
    the growth factor.
    """
    usable = np.isfinite(returns) & (returns > -1.0)
    large = usable & (np.abs(returns) > _BOUND)
    logs = _small_logs(np.where(usable & ~large, returns, 0.0), decay(half_life), window)
    _add_large_logs(logs, returns, large, decay(half_life), window)
    return np.expm1(logs, out=logs)


def _small_logs(returns: FloatArray, factor: float, window: int) -> FloatArray:
    """(T, N) sums of log1p(w_k r) over the window, for |r| <= _BOUND."""
    powers = np.arange(1, _DEGREE + 1)
    coefficients = _log1p_coefficients()
    leaving = factor ** (powers * window)
    read_out = np.stack([coefficients, coefficients * leaving])
    fades = (factor**powers)[:, None]
    logs = np.empty(returns.shape)
    for start in range(0, returns.shape[1], _COLUMNS):
        block = returns[:, start : start + _COLUMNS] / _BOUND
        sums = np.zeros((_DEGREE, block.shape[1]))  # of each power, over all rows so far
        terms = np.empty_like(sums)
        read = np.empty((len(block), 2, block.shape[1]))
        for row, values in enumerate(block):
            terms[0] = values
            known = 1
            while known < _DEGREE:  # the first powers times the highest known one are the next
                more = min(known, _DEGREE - known)
                np.multiply(terms[:more], terms[known - 1], out=terms[known : known + more])
                known += more
            sums *= fades
            sums += terms
            np.matmul(read_out, sums, out=read[row])
        read[window:, 0] -= read[: max(len(read) - window, 0), 1]
        logs[:, start : start + _COLUMNS] = read[:, 0]
    return logs


def _add_large_logs(
    logs: FloatArray, returns: FloatArray, large: BoolArray, factor: float, window: int
) -> None:
    """Adds log1p(w_k r) of the `large` returns to `logs`, all (T, N), on each date that sees them."""
    cells = np.flatnonzero(large)
    if not len(cells):
        return
    values, flat, asset_count = returns.ravel()[cells], logs.reshape(-1), logs.shape[1]
    for age in range(min(window, len(logs))):
        seen = np.searchsorted(cells, logs.size - age * asset_count)  # the others' dates are after the last
        flat[cells[:seen] + age * asset_count] += np.log1p(factor**age * values[:seen])


@lru_cache(maxsize=1)
def _log1p_coefficients() -> FloatArray:
    """(_DEGREE,) c_1, c_2, ...: log1p(_BOUND u) = sum of c_j u^j for |u| <= 1. Interpolates log1p(x) / x at
    Chebyshev points, so that small returns are as exact as large ones."""
    quotient = Chebyshev.interpolate(_log1p_quotient, _DEGREE - 1)
    return np.asarray(quotient.convert(kind=Polynomial).coef)


def _log1p_quotient(u: FloatArray) -> FloatArray:
    """log1p(_BOUND u) / u, at 0 too."""
    at_zero = np.abs(u) < 1e-9
    divisor = np.where(at_zero, 1.0, u)
    return np.where(at_zero, _BOUND, np.log1p(_BOUND * divisor) / divisor)
