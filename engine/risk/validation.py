"""Whether forecasts of volatility were right, judged by what came after them.

Arrays are (P, M): P portfolios, M periods that do not overlap. The forecast of a period was known before it
began, as a volatility over the period (see `period_forecasts`). A period counts where its return is finite
and its forecast finite and positive; the others are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray

EXPECTED_Q = 1.0 + float(np.euler_gamma) + math.log(2.0)
"""What `q` is on average where returns are normal and forecasts right: 2.27."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasStatistics:
    """bias: (P,) standard deviation (ddof 1) of z = return / forecast: 1 if forecasts are right, above 1 if
    risk was underestimated; NaN for fewer than 2 periods. q: (P,) mean of z^2 - ln z^2, least if forecasts
    are right in every period; periods with a return of exactly 0 are left out of it; NaN without periods.
    observations: (P,) periods that count. mean_bias, mean_q: over the portfolios that have one, else NaN.
    """

    bias: FloatArray
    q: FloatArray
    observations: NDArray[np.int64]
    mean_bias: float
    mean_q: float


def bias_statistics(returns: FloatArray, forecasts: FloatArray) -> BiasStatistics:
    """Bias statistics and Q of returns (P, M), fractions, and volatility forecasts (P, M) of them.

    Bias: Menchero, Orr and Wang 2011, "The Barra US Equity Model (USE4)"; Q: a likelihood loss (Patton 2011,
    doi:10.1016/j.jeconom.2010.03.034). Raises ValueError for arrays of different shapes.
    """
    scores = standardized_outcomes(returns, forecasts)
    squares = scores * scores
    moving = squares > 0.0  # NaN is not
    logarithms = np.log(squares, out=np.zeros_like(squares), where=moving)
    q = _row_means(np.where(moving, squares - logarithms, np.nan))
    bias = _row_deviations(scores)
    return BiasStatistics(
        bias=bias,
        q=q,
        observations=np.isfinite(scores).sum(axis=1, dtype=np.int64),
        mean_bias=float(_row_means(bias[None])[0]),
        mean_q=float(_row_means(q[None])[0]),
    )


def standardized_outcomes(returns: FloatArray, forecasts: FloatArray) -> FloatArray:
    """(P, M) z = return / forecast; NaN where a period does not count."""
    if returns.shape != forecasts.shape:
        raise ValueError(
            f"returns {returns.shape} and forecasts {forecasts.shape} are not of the same periods"
        )
    counts = np.isfinite(returns) & (forecasts > 0.0) & (forecasts < np.inf)
    return np.asarray(np.divide(returns, forecasts, out=np.full(returns.shape, np.nan), where=counts))


def rolling_bias(returns: FloatArray, forecasts: FloatArray, periods: int = 12) -> FloatArray:
    """(P, M - periods + 1) bias statistics of each run of `periods` >= 2 periods, in time order; NaN where
    not all of them count. No columns where there are fewer periods."""
    if periods < 2:
        raise ValueError(f"a bias statistic needs at least 2 periods, not {periods}")
    scores = standardized_outcomes(returns, forecasts)
    if scores.shape[1] < periods:
        return np.empty((len(scores), 0))
    windows = np.lib.stride_tricks.sliding_window_view(scores, periods, axis=1)
    return np.asarray(windows.std(axis=2, ddof=1))


def mean_rolling_deviation(rolling: FloatArray) -> FloatArray:
    """(P,) mean of |bias - 1| over rolling bias statistics (P, W), NaN left out; about 0.17 for 12 periods if
    forecasts are right and returns normal. NaN where there is none."""
    return _row_means(np.abs(rolling - 1.0))


def bias_interval(observations: int) -> tuple[float, float]:
    """Where 95 % of bias statistics of that many periods lie if forecasts are right and returns normal:
    1 - sqrt(2 / n) to 1 + sqrt(2 / n)."""
    if observations < 1:
        raise ValueError(f"no interval for {observations} periods")
    half = math.sqrt(2.0 / observations)
    return 1.0 - half, 1.0 + half


def period_forecasts(
    weights: FloatArray,
    exposures: FloatArray,
    factor_covariance: FloatArray,
    specific_volatilities: FloatArray,
    rows: int,
    days_per_year: int,
) -> FloatArray:
    """(P,) volatilities over the next `rows` rows of portfolios with weights (P, N), from annualised factor
    covariances (F, F) and specific volatilities (N,), and exposures (N, F).

    NaN for a portfolio that holds an asset with an unknown (NaN) exposure or specific volatility.
    """
    unknown = ~np.isfinite(exposures).all(axis=1) | ~np.isfinite(specific_volatilities)
    exposure = weights @ np.where(unknown[:, None], 0.0, exposures)
    specific = (weights * weights) @ np.where(unknown, 0.0, specific_volatilities) ** 2
    variances = np.einsum("pi,ij,pj->p", exposure, factor_covariance, exposure) + specific
    holds_unknown = (weights[:, unknown] != 0.0).any(axis=1)
    volatilities = np.sqrt(np.maximum(variances, 0.0) * (rows / days_per_year))
    return np.asarray(np.where(holds_unknown, np.nan, volatilities))


def period_returns(weights: FloatArray, returns: FloatArray) -> FloatArray:
    """(P,) returns over the rows of asset returns (D, N), fractions a row, of portfolios bought with weights
    (P, N) before the first row and held. A missing (NaN) return is 0."""
    growth = np.prod(1.0 + np.where(np.isfinite(returns), returns, 0.0), axis=0)
    return np.asarray(weights @ (growth - 1.0))


def _row_means(values: FloatArray) -> FloatArray:
    known = np.isfinite(values)
    counts = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, counts, out=np.full(len(values), np.nan), where=counts > 0))


def _row_deviations(values: FloatArray) -> FloatArray:
    known = np.isfinite(values)
    counts = known.sum(axis=1)
    centred = np.where(known, values - _row_means(values)[:, None], 0.0)
    squares = (centred * centred).sum(axis=1)
    spread = np.divide(squares, counts - 1.0, out=np.full(len(values), np.nan), where=counts > 1)
    return np.asarray(np.sqrt(spread))
