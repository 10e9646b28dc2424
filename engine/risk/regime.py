"""Brings volatility forecasts up to the level of the market's latest days.

The volatility regime adjustment of Menchero, Orr and Wang (2011), "The Barra US Equity Model (USE4)": the
square of a day's cross-sectional bias statistic is the mean of squared returns over squared forecasts; the
multiplier of all volatilities is the root of its exponentially weighted mean.
"""

from __future__ import annotations

import numpy as np

from engine.panel import FloatArray
from engine.risk.newey_west import RunningVariances, decay


def regime_multipliers(squares: FloatArray, half_life: float) -> FloatArray:
    """(T,) multipliers of volatility at the end of each row: the root of the weighted mean of squares (T,) up
    to and including it.

    NaN squares are left out; the multiplier is 1 until the first one.
    """
    multipliers = np.ones(len(squares))
    factor, total, weight = decay(half_life), 0.0, 0.0
    for row, square in enumerate(squares.tolist()):
        total *= factor
        weight *= factor
        if square == square:  # not NaN
            total += square
            weight += 1.0
        if weight > 0.0:
            multipliers[row] = (total / weight) ** 0.5
    return multipliers


def bias_square(returns: FloatArray, variances: FloatArray, weights: FloatArray | None = None) -> float:
    """Mean of returns^2 / variances, both (N,), over the series that have a return and a positive variance;
    NaN if none has.

    weights: (N,) of the mean, those not above 0 or not finite left out; None = equal.
    """
    used = np.isfinite(returns) & (variances > 0.0)
    if weights is not None:
        used &= (weights > 0.0) & (weights < np.inf)
    if not used.any():
        return float("nan")
    squares = returns[used] ** 2 / variances[used]
    return float(squares.mean() if weights is None else np.average(squares, weights=weights[used]))


def factor_bias_squares(
    factor_returns: FloatArray, half_life: float | None, min_observations: int
) -> FloatArray:
    """(T,) squared cross-sectional bias statistics of factor returns (T, F), each row against the
    volatilities at the end of the row before; NaN where no factor has `min_observations` before.

    The forecasts have no Newey-West lags: these correct volatilities over more than the one row that a return
    is compared over.
    """
    rows, factors = factor_returns.shape
    squares = np.full(rows, np.nan)
    running = RunningVariances(factors, half_life, 0)
    for row in range(rows):
        known = running.observations >= min_observations
        if known.any():
            variances = np.where(known, running.variances(), np.nan)
            squares[row] = bias_square(factor_returns[row], variances)
        running.add(factor_returns[row])
    return squares
