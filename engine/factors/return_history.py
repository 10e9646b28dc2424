"""A factor's history of period returns, and the formulas of the metrics that only a factor has.

Returns are simple returns a period (0.01 = 1 %), without gaps: skipped periods are left out, not zero. Each
formula raises Undefined where it has no value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from engine.factors.costs import BASIS_POINTS, Trading
from engine.panel import FloatArray
from engine.statistics.performance import ReturnSeries
from engine.statistics.regression import Line, regress_on
from engine.statistics.return_series import cumulative
from engine.statistics.undefined import Undefined, UndefinedReason, positive_deviation

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnHistory(ReturnSeries):
    """What a factor's performance is measured on: R >= 1 reported periods.

    start: when the first portfolio was formed.
    returns: (R,), perhaps net of costs; gross_returns: (R,) before them.
    long_returns, short_returns: (R,) of holding each leg long; short None if there is none, both None if the
    returns are net, which legs are not.
    grid_periods: from the first to the last reported period, skipped ones included.
    trading: what the periods traded. ics: (R,) rank information coefficients, NaN = undefined.
    market: (R,) the market factor's returns, NaN = none; or why there are none.
    """

    gross_returns: FloatArray
    long_returns: FloatArray | None
    short_returns: FloatArray | None
    trading: Trading
    ics: FloatArray
    market: FloatArray | Undefined
    extreme_returns: int
    grid_periods: int
    skipped_periods: int
    missing_returns: int
    breadth: float
    long_hhi: float
    short_hhi: float | None


def leg_return(history: ReturnHistory, returns: FloatArray | None) -> float:
    """Compounded return of holding a leg long."""
    if history.long_returns is None:
        raise Undefined(UndefinedReason.GROSS_ONLY, "costs are those of the factor, legs are reported gross")
    return float(cumulative(of_short_leg(returns))[-1])


def of_short_leg(value: T | None) -> T:
    if value is None:
        raise Undefined(UndefinedReason.LONG_ONLY, "the factor has no short leg")
    return value


def mean_turnover(trading: Trading) -> float:
    """Mean one-way turnover a period, both legs added; buying from nothing is left out."""
    rebalanced = trading.turnover[~trading.entries]
    if len(rebalanced) == 0:
        raise Undefined(UndefinedReason.NEVER_REBALANCED, "every portfolio was bought from nothing")
    return float(rebalanced.mean())


def break_even_cost(history: ReturnHistory) -> float:
    """Cost of trading, in basis points, at which the mean return after carry is 0."""
    trading = history.trading
    profit = float((history.gross_returns - trading.carry).mean())
    if profit <= 0.0:
        raise Undefined(
            UndefinedReason.NOT_PROFITABLE, "the mean return is not positive before trading costs"
        )
    return profit / float(trading.traded.mean()) * BASIS_POINTS


def known_ics(history: ReturnHistory) -> FloatArray:
    ics = history.ics[~np.isnan(history.ics)]
    if len(ics) == 0:
        raise Undefined(UndefinedReason.NO_CROSS_SECTION, "no period has three assets that can be ranked")
    return ics


def ic_t(history: ReturnHistory) -> float:
    """mean / std (ddof 1) * sqrt(n), as if independent (Grinold and Kahn 2000)."""
    ics = known_ics(history)
    return float(ics.mean()) / positive_deviation(ics) * math.sqrt(len(ics))


def on_market(history: ReturnHistory) -> Line:
    """Least squares of the returns on the market factor's, over the periods that have both (Jensen 1968,
    doi:10.1111/j.1540-6261.1968.tb00815.x)."""
    if isinstance(history.market, Undefined):
        raise history.market
    known = ~np.isnan(history.market)
    return regress_on(history.returns[known], history.market[known])
