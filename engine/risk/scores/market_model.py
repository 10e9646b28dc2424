"""Each asset's regression on the market, over moving windows, on all dates at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray
from engine.risk.cross_section import BoolArray, row_blocks
from engine.risk.scores.windows import decay

FLAT_VARIANCE = 1e-12
"""A variance at or below this share of the mean square is rounding noise."""
_TERMS = 6
_COLUMNS, _ROWS = 4096, 8  # at a time: their sums and what is made of them stay in the processor's cache


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
    earned_by, held = returns[1:], caps[:-1]
    for rows in row_blocks(earned_by.shape):
        counted = np.isfinite(earned_by[rows]) & (held[rows] > 0)
        weights = np.where(counted, held[rows], 0.0)
        total = weights.sum(axis=1)
        earned = np.einsum("tn,tn->t", weights, np.where(counted, earned_by[rows], 0.0))
        np.divide(earned, total, out=market[1:][rows], where=total > 0)
    return market


def market_model(
    returns: FloatArray,
    market: FloatArray,
    *,
    half_life: float,
    window: int,
    min_observations: int,
    first_row: int = 0,
) -> MarketModel:
    """Weighted least squares of r[i] = a + beta * market + e over the last `window` rows of each date, the
    newest with weight 1, halved each `half_life` rows (Menchero, Orr and Wang 2011, USE4, "Beta").

    returns: (T, N), market: (T,), both in excess of the same rate; NaN is missing, and an asset misses only
    its own dates. The deviation is the root of the weighted mean square of the residuals. The result is of
    the dates from `first_row` on.
    """
    beta = np.empty((len(returns) - first_row, returns.shape[1]))
    deviation = np.empty(beta.shape)
    for start in range(0, returns.shape[1], _COLUMNS):
        columns = slice(start, min(start + _COLUMNS, returns.shape[1]))
        moments = _WindowMoments(returns[:, columns], market, decay(half_life), window)
        for rows, counts, sums in moments.blocks(first_row):
            slope, unexplained = _regression(sums, counts >= min_observations)
            beta[rows, columns] = slope
            deviation[rows, columns] = np.sqrt(np.maximum(unexplained, 0.0))
    return MarketModel(beta=beta, residual_deviation=deviation)


def _regression(sums: FloatArray, enough: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Slopes (t, N), NaN where there is none, and unexplained mean squares (t, N), by _WindowMoments."""
    total = np.where(enough, sums[:, 0], 1.0)
    x_mean, y_mean = sums[:, 1] / total, sums[:, 3] / total
    x_square, y_square = sums[:, 2] / total, sums[:, 4] / total
    variance = x_square - x_mean * x_mean
    covariance = sums[:, 5] / total - x_mean * y_mean
    enough = enough & (variance > FLAT_VARIANCE * x_square)
    slope = np.divide(covariance, variance, out=np.full(total.shape, np.nan), where=enough)
    return slope, y_square - y_mean * y_mean - slope * covariance


class _WindowMoments:
    """Weighted sums over each date's window of 1, x, x^2, y, y^2 and x y, of the rows where both are known.

    Two recursions over the dates, of all rows so far and of those that have left the window, whose states
    stay in the processor's cache (`windows.weighted_sums` would write and read each of the sums).
    """

    def __init__(self, y: FloatArray, x: FloatArray, factor: float, window: int) -> None:
        self._y, self._x, self._factor, self._window = y, x.tolist(), factor, window
        self._known_x = np.isfinite(x).tolist()
        shape = (_TERMS, y.shape[1])
        self._entered, self._left, self._terms = np.zeros(shape), np.zeros(shape), np.empty(shape)
        self._counts = np.zeros(y.shape[1], dtype=np.int32)

    def blocks(self, first: int) -> Iterator[tuple[slice, NDArray[np.int32], FloatArray]]:
        """Of the dates from row `first` on: (some of them, counts (t, N) of the known rows in their windows,
        sums (t, 6, N)). Can be run through once."""
        for row in range(first):
            self._advance(row)
        for start in range(first, len(self._y), _ROWS):
            stop = min(start + _ROWS, len(self._y))
            counts = np.empty((stop - start, self._y.shape[1]), dtype=np.int32)
            sums = np.empty((stop - start, *self._left.shape))
            for at, row in enumerate(range(start, stop)):
                self._advance(row)
                counts[at] = self._counts
                np.multiply(self._left, -(self._factor**self._window), out=sums[at])
                sums[at] += self._entered
            yield slice(start - first, stop - first), counts, sums

    def _advance(self, row: int) -> None:
        self._counts += self._move(self._entered, row)
        if row >= self._window:
            self._counts -= self._move(self._left, row - self._window)

    def _move(self, state: FloatArray, row: int) -> BoolArray:
        """Adds one row to a state; where it was known (N,)."""
        state *= self._factor
        y, x, terms = self._y[row], self._x[row], self._terms
        if not self._known_x[row]:
            return np.zeros(len(y), dtype=np.bool_)
        known: BoolArray = np.isfinite(y)
        terms[0] = known
        np.multiply(terms[0], x, out=terms[1])
        np.multiply(terms[0], x * x, out=terms[2])
        terms[3] = 0.0
        np.copyto(terms[3], y, where=known)
        np.multiply(terms[3], terms[3], out=terms[4])
        np.multiply(terms[3], x, out=terms[5])
        state += terms
        return known
