"""How far a return series' mean and Sharpe ratio can be told from chance.

Returns are simple returns a period (0.01 = 1 %), without gaps. Each function raises Undefined where it has
no value.
"""

from __future__ import annotations

import math

import numpy as np

from engine.panel import FloatArray
from engine.statistics.regression import newey_west_lag, newey_west_standard_error_of_mean
from engine.statistics.undefined import (
    ZERO_STD,
    Undefined,
    UndefinedReason,
    deviation_is_zero,
    need,
    positive_deviation,
)


def newey_west_t(values: FloatArray, lag: int | None = None) -> float:
    """t statistic of the mean of values (n,) against 0: mean / Newey-West standard error (Newey and West
    1987, doi:10.2307/1913610).

    lag: absent, floor(4 (n / 100)^(2/9)) (Newey and West 1994, doi:10.2307/2297912). Raises Undefined for
    fewer than 3 values or values that do not vary.
    """
    n = len(values)
    need(n, 3)
    positive_deviation(values)
    error = newey_west_standard_error_of_mean(values, newey_west_lag(n) if lag is None else lag)
    mean = float(values.mean())
    if deviation_is_zero(error * math.sqrt(n), mean):
        raise Undefined(UndefinedReason.ZERO_VOLATILITY, "the standard error of the mean is 0")
    return mean / error


def sharpe_standard_error(returns: FloatArray, periods_per_year: int) -> float:
    """Standard error of the annualised Sharpe ratio under independent, identically distributed returns:
    sqrt((1 + s^2 / 2) / n) * sqrt(periods a year), s = mean / std (ddof 1) a period (Lo 2002,
    doi:10.2469/faj.v58.n4.2453).

    Raises Undefined for fewer than 2 returns or returns that do not vary.
    """
    sharpe = float(returns.mean()) / positive_deviation(returns)
    return math.sqrt((1.0 + sharpe * sharpe / 2.0) / len(returns) * periods_per_year)


def probabilistic_sharpe_ratio(returns: FloatArray, benchmark: float = 0.0) -> float:
    """Probability in [0, 1] that the true Sharpe ratio exceeds a benchmark, both a period, given the length,
    skewness and kurtosis of the returns (Bailey and Lopez de Prado 2012, doi:10.21314/JOR.2012.255).

    All moments are those of the population (ddof 0). Raises Undefined for fewer than 3 returns (two have
    neither skewness nor kurtosis of their own), returns that do not vary, and where
    `probabilistic_sharpe_from_moments` does.
    """
    need(len(returns), 3)
    positive_deviation(returns)
    mean, spread = float(returns.mean()), float(returns.std())
    # Standardised before they are raised to a power: small returns would underflow, large ones overflow.
    scores = (returns - mean) / spread
    return probabilistic_sharpe_from_moments(
        mean / spread, benchmark, len(returns), float((scores**3).mean()), float((scores**4).mean())
    )


def probabilistic_sharpe_from_moments(
    sharpe: float, benchmark: float, n: int, skewness: float, kurtosis: float
) -> float:
    """Phi((s - s0) sqrt(n - 1) / sqrt(1 - g3 s + (g4 - 1) / 4 s^2)) of n returns (Bailey and Lopez de Prado
    2012, doi:10.21314/JOR.2012.255).

    sharpe s and benchmark s0 are a period, not annualised; kurtosis g4 is not in excess (normal: 3). Raises
    Undefined for fewer than 2 returns, and where the estimated variance of the Sharpe ratio is not positive:
    moments of a sample cannot make it negative, but returns of two values can make it 0.
    """
    need(n, 2)
    tilt, tails = skewness * sharpe, (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    variance = 1.0 - tilt + tails
    if variance <= ZERO_STD * max(1.0, abs(tilt), abs(tails)):
        raise Undefined(
            UndefinedReason.ZERO_VOLATILITY, "the estimated variance of the Sharpe ratio is not positive"
        )
    score = (sharpe - benchmark) * math.sqrt((n - 1) / variance)
    return math.erfc(-score / math.sqrt(2.0)) / 2.0  # the normal distribution, exact in both tails


def first_autocorrelation(values: FloatArray) -> float:
    """Pearson correlation of values (n,) with those one step later, each side about its own mean.

    NaN is a gap: only neighbours that both have a value are paired. Raises Undefined for fewer than 2 pairs
    (3 values without a gap) or where one side of the pairs does not vary.
    """
    paired = ~(np.isnan(values[:-1]) | np.isnan(values[1:]))
    pairs = int(paired.sum())
    if pairs < 2:
        raise Undefined(
            UndefinedReason.TOO_FEW_PERIODS, f"{pairs} pairs of neighbouring values, 2 are needed"
        )
    before, after = values[:-1][paired], values[1:][paired]
    spread = positive_deviation(before) * positive_deviation(after)
    covariance = float((before - before.mean()) @ (after - after.mean())) / (pairs - 1)
    return min(max(covariance / spread, -1.0), 1.0)
