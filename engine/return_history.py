"""A history of period returns, and the formulas of the metrics that are measured on it.

Returns are simple returns a period (0.01 = 1 %), without gaps: skipped periods are left out, not zero. Each
formula raises Undefined where it has no value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import numpy as np

from engine.costs import BASIS_POINTS, Trading
from engine.metrics import annualized_return
from engine.panel import DateArray, FloatArray
from engine.regression import Line, regress_on
from engine.return_series import cumulative, wealth, years_between
from engine.undefined import Undefined, UndefinedReason, positive_deviation

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnHistory:
    """What performance is measured on: R >= 1 reported periods.

    dates: (R,) period ends. formation_date: when the first portfolio was formed.
    returns: (R,), perhaps net of costs; gross_returns: (R,) before them.
    long_returns, short_returns: (R,) of holding each leg long; short None if there is none, both None if the
    returns are net, which legs are not.
    grid_periods: from the first to the last reported period, skipped ones included.
    trading: what the periods traded. ics: (R,) rank information coefficients, NaN = undefined.
    market: (R,) the market factor's returns, NaN = none; or why there are none.
    """

    dates: DateArray
    formation_date: np.datetime64
    returns: FloatArray
    gross_returns: FloatArray
    long_returns: FloatArray | None
    short_returns: FloatArray | None
    trading: Trading
    ics: FloatArray
    market: FloatArray | Undefined
    extreme_returns: int
    periods_per_year: int
    grid_periods: int
    skipped_periods: int
    missing_returns: int
    breadth: float
    long_hhi: float
    short_hhi: float | None


def years(history: ReturnHistory) -> float:
    return years_between(history.dates)


def cumulative_return(history: ReturnHistory) -> float:
    return float(cumulative(history.returns)[-1])


def annualized(history: ReturnHistory) -> float:
    """Of the compounded return; years run from the first to the last period end."""
    return annualized_return(cumulative_return(history), years(history))


def calmar_ratio(history: ReturnHistory) -> float:
    """Annualised return over the deepest drawdown (Young 1991)."""
    depth = max_drawdown(history)[0]
    if depth == 0.0:
        raise Undefined(UndefinedReason.NO_DRAWDOWN, "wealth never fell below its peak")
    return annualized(history) / abs(depth)


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


def max_drawdown(history: ReturnHistory) -> tuple[float, date | None, date | None, date | None]:
    """(depth <= 0, peak date, trough date, recovery date or None); all None where wealth never fell."""
    value = np.concatenate([[1.0], wealth(history.returns)])
    dates = np.concatenate([[history.formation_date], history.dates])
    if not np.isfinite(value).all():
        return math.inf, None, None, None
    depths = value / np.maximum.accumulate(value) - 1.0
    trough = int(depths.argmin())
    if depths[trough] == 0.0:
        return 0.0, None, None, None
    top = value[: trough + 1].max()
    peak = int(np.flatnonzero(value[: trough + 1] == top)[-1])
    recovered = np.flatnonzero(value[trough:] >= top)
    recovery = dates[trough + recovered[0]].item() if len(recovered) else None
    return float(depths[trough]), dates[peak].item(), dates[trough].item(), recovery


def wiped_out_on(history: ReturnHistory) -> date | None:
    ruined = np.flatnonzero(history.returns <= -1.0)
    if len(ruined) == 0:
        return None
    day: date = history.dates[ruined[0]].item()
    return day
