"""From a history of period returns to its metrics.

Returns are simple returns a period (0.01 = 1 %), without gaps: skipped periods are left out, not zero.
A metric that is not defined is None, with a reason; see Performance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

import numpy as np

from engine.costs import BASIS_POINTS, Trading
from engine.inference import (
    first_autocorrelation,
    newey_west_t,
    probabilistic_sharpe_ratio,
    sharpe_standard_error,
)
from engine.metrics import (
    annualized_return,
    annualized_volatility,
    excess_kurtosis,
    expected_shortfall,
    sharpe_ratio,
    skewness,
    sortino_ratio,
    sortino_ratio_target,
    value_at_risk,
)
from engine.panel import DateArray, FloatArray
from engine.regression import Line, regress_on
from engine.return_series import cumulative, wealth, years_between
from engine.undefined import Undefined, UndefinedMetric, UndefinedReason, deviation, positive_deviation

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Metrics of one return series. Rates are fractions (0.1 = 10 %), drawdowns <= 0, dates period ends.

    Only `wiped_out_on` and the drawdown dates may be None without an entry in `undefined`: nothing happened.
    """

    cumulative_return: float | None
    annualized_return: float | None
    mean_annual_return: float | None
    annualized_volatility: float | None
    sharpe_ratio: float | None
    sortino_ratio: float | None
    sortino_ratio_target: float | None
    max_drawdown: float | None
    max_drawdown_peak_date: date | None
    max_drawdown_trough_date: date | None
    max_drawdown_recovery_date: date | None
    calmar_ratio: float | None
    value_at_risk_95: float | None
    expected_shortfall_95: float | None
    hit_rate: float | None
    skewness: float | None
    excess_kurtosis: float | None
    best_period_return: float | None
    worst_period_return: float | None
    long_only_return: float | None
    short_only_return: float | None
    years: float | None
    num_periods: int
    skipped_periods: int
    missing_returns: int
    coverage: float | None
    breadth: float | None
    long_hhi: float | None
    short_hhi: float | None
    mean_turnover: float | None
    break_even_cost_bps: float | None
    newey_west_t: float | None
    sharpe_standard_error: float | None
    probabilistic_sharpe_ratio: float | None
    ic_mean: float | None
    ic_std: float | None
    ic_t: float | None
    ic_autocorrelation: float | None
    alpha: float | None
    beta: float | None
    extreme_returns: int
    start_date: date
    end_date: date
    wiped_out_on: date | None
    undefined: tuple[UndefinedMetric, ...] = field(default=())


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


@np.errstate(over="ignore", invalid="ignore")  # what leaves double precision is reported as OVERFLOW
def performance(history: ReturnHistory) -> Performance:
    """All metrics of a return history (R >= 1 returns)."""
    undefined: list[UndefinedMetric] = []
    _, peak, trough, recovery = _max_drawdown(history)
    return Performance(
        **{name: _value(name, history, undefined) for name in _FORMULAS},
        max_drawdown_peak_date=peak,
        max_drawdown_trough_date=trough,
        max_drawdown_recovery_date=recovery,
        years=_years(history),
        num_periods=len(history.returns),
        skipped_periods=history.skipped_periods,
        missing_returns=history.missing_returns,
        extreme_returns=history.extreme_returns,
        coverage=len(history.returns) / history.grid_periods,
        breadth=history.breadth,
        long_hhi=history.long_hhi,
        start_date=history.dates[0].item(),
        end_date=history.dates[-1].item(),
        wiped_out_on=_wiped_out_on(history),
        undefined=tuple(undefined),
    )


@np.errstate(over="ignore", invalid="ignore")
def selected_metrics(history: ReturnHistory, names: Sequence[str]) -> dict[str, float | None]:
    """A few of the metrics that `performance` reports, the same numbers: for many histories at once."""
    undefined: list[UndefinedMetric] = []
    return {name: _value(name, history, undefined) for name in names}


def _value(name: str, history: ReturnHistory, undefined: list[UndefinedMetric]) -> float | None:
    """One metric, or None and its reason added to `undefined`."""
    try:
        value = _FORMULAS[name](history)
    except Undefined as reason:
        undefined.append(UndefinedMetric(name, reason.reason, reason.detail))
        return None
    if math.isfinite(value):
        return value
    undefined.append(UndefinedMetric(name, UndefinedReason.OVERFLOW, "the value exceeds double precision"))
    return None


def _years(history: ReturnHistory) -> float:
    return years_between(history.dates)


def _cumulative(history: ReturnHistory) -> float:
    return float(cumulative(history.returns)[-1])


def _annualized(history: ReturnHistory) -> float:
    """Of the compounded return; years run from the first to the last period end."""
    return annualized_return(_cumulative(history), _years(history))


def _calmar(history: ReturnHistory) -> float:
    """Annualised return over the deepest drawdown (Young 1991)."""
    depth = _max_drawdown(history)[0]
    if depth == 0.0:
        raise Undefined(UndefinedReason.NO_DRAWDOWN, "wealth never fell below its peak")
    return _annualized(history) / abs(depth)


def _leg_return(history: ReturnHistory, returns: FloatArray | None) -> float:
    """Compounded return of holding a leg long."""
    if history.long_returns is None:
        raise Undefined(UndefinedReason.GROSS_ONLY, "costs are those of the factor, legs are reported gross")
    return float(cumulative(_of_short_leg(returns))[-1])


def _of_short_leg(value: T | None) -> T:
    if value is None:
        raise Undefined(UndefinedReason.LONG_ONLY, "the factor has no short leg")
    return value


def _mean_turnover(trading: Trading) -> float:
    """Mean one-way turnover a period, both legs added; buying from nothing is left out."""
    rebalanced = trading.turnover[~trading.entries]
    if len(rebalanced) == 0:
        raise Undefined(UndefinedReason.NEVER_REBALANCED, "every portfolio was bought from nothing")
    return float(rebalanced.mean())


def _break_even_cost(history: ReturnHistory) -> float:
    """Cost of trading, in basis points, at which the mean return after carry is 0."""
    trading = history.trading
    profit = float((history.gross_returns - trading.carry).mean())
    if profit <= 0.0:
        raise Undefined(
            UndefinedReason.NOT_PROFITABLE, "the mean return is not positive before trading costs"
        )
    return profit / float(trading.traded.mean()) * BASIS_POINTS


def _known_ics(history: ReturnHistory) -> FloatArray:
    ics = history.ics[~np.isnan(history.ics)]
    if len(ics) == 0:
        raise Undefined(UndefinedReason.NO_CROSS_SECTION, "no period has three assets that can be ranked")
    return ics


def _ic_t(history: ReturnHistory) -> float:
    """mean / std (ddof 1) * sqrt(n), as if independent (Grinold and Kahn 2000)."""
    ics = _known_ics(history)
    return float(ics.mean()) / positive_deviation(ics) * math.sqrt(len(ics))


def _on_market(history: ReturnHistory) -> Line:
    """Least squares of the returns on the market factor's, over the periods that have both (Jensen 1968,
    doi:10.1111/j.1540-6261.1968.tb00815.x)."""
    if isinstance(history.market, Undefined):
        raise history.market
    known = ~np.isnan(history.market)
    return regress_on(history.returns[known], history.market[known])


def _max_drawdown(history: ReturnHistory) -> tuple[float, date | None, date | None, date | None]:
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


def _wiped_out_on(history: ReturnHistory) -> date | None:
    ruined = np.flatnonzero(history.returns <= -1.0)
    if len(ruined) == 0:
        return None
    day: date = history.dates[ruined[0]].item()
    return day


_FORMULAS: Mapping[str, Callable[[ReturnHistory], float]] = {
    "cumulative_return": _cumulative,
    "annualized_return": _annualized,
    "mean_annual_return": lambda history: float(history.returns.mean()) * history.periods_per_year,
    "annualized_volatility": lambda history: annualized_volatility(history.returns, history.periods_per_year),
    "sharpe_ratio": lambda history: sharpe_ratio(history.returns, history.periods_per_year),
    "sortino_ratio": lambda history: sortino_ratio(history.returns, history.periods_per_year),
    "sortino_ratio_target": lambda history: sortino_ratio_target(history.returns, history.periods_per_year),
    "max_drawdown": lambda history: _max_drawdown(history)[0],
    "calmar_ratio": _calmar,
    "value_at_risk_95": lambda history: value_at_risk(history.returns),
    "expected_shortfall_95": lambda history: expected_shortfall(history.returns),
    "hit_rate": lambda history: float((history.returns > 0).mean()),
    "skewness": lambda history: skewness(history.returns),
    "excess_kurtosis": lambda history: excess_kurtosis(history.returns),
    "best_period_return": lambda history: float(history.returns.max()),
    "worst_period_return": lambda history: float(history.returns.min()),
    "long_only_return": lambda history: _leg_return(history, history.long_returns),
    "short_only_return": lambda history: _leg_return(history, history.short_returns),
    "short_hhi": lambda history: _of_short_leg(history.short_hhi),
    "mean_turnover": lambda history: _mean_turnover(history.trading),
    "break_even_cost_bps": _break_even_cost,
    "newey_west_t": lambda history: newey_west_t(history.returns),
    "sharpe_standard_error": lambda history: sharpe_standard_error(history.returns, history.periods_per_year),
    "probabilistic_sharpe_ratio": lambda history: probabilistic_sharpe_ratio(history.returns),
    "ic_mean": lambda history: float(_known_ics(history).mean()),
    "ic_std": lambda history: deviation(_known_ics(history)),
    "ic_t": _ic_t,
    "ic_autocorrelation": lambda history: first_autocorrelation(_known_ics(history)),
    "alpha": lambda history: _on_market(history).intercept * history.periods_per_year,
    "beta": lambda history: _on_market(history).slope,
}
"""The metrics that may be undefined, by their names in Performance."""
