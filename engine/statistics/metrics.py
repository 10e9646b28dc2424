"""The formulas of the base metrics, each of one return series; `performance` gathers them.

Returns are simple returns a period (0.01 = 1 %), without gaps. Each raises Undefined where it has no value.
"""

from __future__ import annotations

import math

import numpy as np

from engine.panel import FloatArray
from engine.statistics.undefined import Undefined, UndefinedReason, deviation, need, positive_deviation

TAIL = 0.05


def annualized_return(total: float, years: float) -> float:
    """(1 + total) ^ (1 / years) - 1 of a compounded return; -1 once all is lost, infinite on overflow."""
    if total <= -1.0:
        return -1.0
    if years <= 0.0:
        raise Undefined(UndefinedReason.TOO_FEW_PERIODS, "one period spans no time between period ends")
    try:
        return math.pow(1.0 + total, 1.0 / years) - 1.0
    except OverflowError:
        return math.inf


def annualized_volatility(returns: FloatArray, periods_per_year: int) -> float:
    """std (ddof 1) * sqrt(periods a year)."""
    return deviation(returns) * math.sqrt(periods_per_year)


def sharpe_ratio(returns: FloatArray, periods_per_year: int) -> float:
    """mean / std (ddof 1) * sqrt(periods a year), no risk-free rate (Sharpe 1994,
    doi:10.3905/jpm.1994.409501)."""
    return float(returns.mean()) / positive_deviation(returns) * math.sqrt(periods_per_year)


def sortino_ratio(returns: FloatArray, periods_per_year: int) -> float:
    """mean / std (ddof 1) of the negative returns * sqrt(periods a year), as in the older logs."""
    negative = returns[returns < 0]
    if len(negative) < 2:
        raise Undefined(
            UndefinedReason.TOO_FEW_NEGATIVE_RETURNS, f"{len(negative)} negative returns, 2 are needed"
        )
    return float(returns.mean()) / positive_deviation(negative) * math.sqrt(periods_per_year)


def sortino_ratio_target(returns: FloatArray, periods_per_year: int) -> float:
    """mean / target downside deviation against 0 * sqrt(periods a year) (Sortino and Price 1994,
    doi:10.3905/joi.3.3.59)."""
    downside = math.sqrt(float((np.minimum(returns, 0.0) ** 2).mean()))
    if downside == 0.0:
        raise Undefined(UndefinedReason.TOO_FEW_NEGATIVE_RETURNS, "no negative return")
    return float(returns.mean()) / downside * math.sqrt(periods_per_year)


def value_at_risk(returns: FloatArray) -> float:
    """Historical: minus the linear 5 % quantile, per period, positive for a loss."""
    return -float(np.quantile(returns, TAIL))


def expected_shortfall(returns: FloatArray) -> float:
    """Minus the mean of the returns at or below the 5 % quantile (Acerbi and Tasche 2002,
    doi:10.1111/1468-0300.00091)."""
    return -float(returns[returns <= np.quantile(returns, TAIL)].mean())


def skewness(returns: FloatArray) -> float:
    """Bias-corrected sample skewness G1 (Joanes and Gill 1998, doi:10.1111/1467-9884.00122)."""
    n = len(returns)
    need(n, 3)
    standardised = (returns - returns.mean()) / positive_deviation(returns)
    second, third = float((standardised**2).mean()), float((standardised**3).mean())
    return math.sqrt(n * (n - 1)) / (n - 2) * third / math.pow(second, 1.5)


def excess_kurtosis(returns: FloatArray) -> float:
    """Bias-corrected sample excess kurtosis G2 (Joanes and Gill 1998, doi:10.1111/1467-9884.00122)."""
    n = len(returns)
    need(n, 4)
    standardised = (returns - returns.mean()) / positive_deviation(returns)
    second, fourth = float((standardised**2).mean()), float((standardised**4).mean())
    return (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (fourth / second**2 - 3.0) + 6.0)
