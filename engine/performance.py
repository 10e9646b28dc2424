"""From period returns to metrics: the one place for every formula.

Returns are simple returns a period (0.01 = 1 %), without gaps: skipped periods are left out, not zero.
A metric that is not defined is None, with a reason; see Performance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.panel import DateArray, FloatArray

DAYS_PER_YEAR = 365  # years count calendar days, as the historical logs did
TAIL = 0.05
ZERO_STD = 1e-12
"""A standard deviation at or below this, relative to max(1, |mean|), is rounding noise and counts as 0."""


class UndefinedReason(StrEnum):
    TOO_FEW_PERIODS = "TOO_FEW_PERIODS"
    ZERO_VOLATILITY = "ZERO_VOLATILITY"
    TOO_FEW_NEGATIVE_RETURNS = "TOO_FEW_NEGATIVE_RETURNS"
    NO_DRAWDOWN = "NO_DRAWDOWN"
    LONG_ONLY = "LONG_ONLY"
    OVERFLOW = "OVERFLOW"


@dataclass(frozen=True, slots=True)
class UndefinedMetric:
    metric: str
    reason: UndefinedReason
    detail: str


class _Undefined(Exception):
    def __init__(self, reason: UndefinedReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


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
    start_date: date
    end_date: date
    wiped_out_on: date | None
    undefined: tuple[UndefinedMetric, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnHistory:
    """What performance is measured on: R >= 1 reported periods.

    dates: (R,) period ends. formation_date: when the first portfolio was formed.
    returns, long_returns: (R,). short_returns: (R,) of holding the short leg long, None if there
    is none.
    grid_periods: from the first to the last reported period, skipped ones included.
    """

    dates: DateArray
    formation_date: np.datetime64
    returns: FloatArray
    long_returns: FloatArray
    short_returns: FloatArray | None
    periods_per_year: int
    grid_periods: int
    skipped_periods: int
    missing_returns: int
    breadth: float
    long_hhi: float
    short_hhi: float | None


def deviation_is_zero(deviation: FloatArray | float, mean: FloatArray | float) -> NDArray[np.bool_]:
    """Whether a standard deviation is 0 up to rounding; shapes broadcast, NaN is not zero."""
    return np.asarray(deviation <= ZERO_STD * np.maximum(1.0, np.abs(mean)))


# -- series ------------------------------------------------------------------------------------------------


def wealth(returns: FloatArray) -> FloatArray:
    """(R,) value of 1 invested before the first period; 0 for good from the first return <= -100 %."""
    ruined = np.maximum.accumulate(returns <= -1.0) if len(returns) else np.zeros(0, dtype=np.bool_)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(ruined, 0.0, np.cumprod(np.where(ruined, 0.0, 1.0 + returns)))


def cumulative(returns: FloatArray) -> FloatArray:
    """(R,) compounded return since the start."""
    return wealth(returns) - 1.0


def growth_of_100(returns: FloatArray) -> FloatArray:
    """(R,) value of 100 invested before the first period."""
    return 100.0 * wealth(returns)


def drawdown(returns: FloatArray) -> FloatArray:
    """(R,) wealth over its running maximum, minus 1; the starting wealth of 1 counts as a peak."""
    value = wealth(returns)
    return value / np.maximum(np.maximum.accumulate(value), 1.0) - 1.0


def rolling_volatility(returns: FloatArray, window: int, periods_per_year: int) -> FloatArray:
    """(R,) annualised standard deviation (ddof 1) of the last `window` returns; NaN before that many."""
    return _rolling(
        returns, window, lambda block: np.asarray(block.std(axis=1, ddof=1) * math.sqrt(periods_per_year))
    )


def rolling_sharpe(returns: FloatArray, window: int, periods_per_year: int) -> FloatArray:
    """(R,) Sharpe ratio of the last `window` returns; NaN before that many and where flat."""

    def ratio(block: FloatArray) -> FloatArray:
        mean, deviation = block.mean(axis=1), block.std(axis=1, ddof=1)
        flat = deviation_is_zero(deviation, mean)
        return np.asarray(mean / np.where(flat, np.nan, deviation) * math.sqrt(periods_per_year))

    return _rolling(returns, window, ratio)


def _rolling(returns: FloatArray, window: int, statistic: Callable[[FloatArray], FloatArray]) -> FloatArray:
    if window < 2:
        raise ValueError(f"a rolling statistic needs a window of at least 2 periods, not {window}")
    out = np.full(len(returns), np.nan)
    if len(returns) >= window:
        out[window - 1 :] = statistic(np.lib.stride_tricks.sliding_window_view(returns, window))
    return out


def monthly_returns(dates: DateArray, returns: FloatArray) -> tuple[NDArray[np.datetime64], FloatArray]:
    """(months as datetime64[M], compounded return of the periods ending in each); losses stop at -100 %."""
    months, first = np.unique(dates.astype("datetime64[M]"), return_index=True)
    if len(months) == 0:
        return months, np.zeros(0)
    growth = np.maximum(1.0 + returns, 0.0)
    return months, np.multiply.reduceat(growth, first) - 1.0


# -- metrics -----------------------------------------------------------------------------------------------


@np.errstate(over="ignore", invalid="ignore")  # what leaves double precision is reported as OVERFLOW
def performance(history: ReturnHistory) -> Performance:
    """Base metrics of a return history (R >= 1 returns)."""
    returns, ppy = history.returns, history.periods_per_year
    undefined: list[UndefinedMetric] = []

    def metric(name: str, compute: Callable[[], float]) -> float | None:
        try:
            value = compute()
        except _Undefined as reason:
            undefined.append(UndefinedMetric(name, reason.reason, reason.detail))
            return None
        if math.isfinite(value):
            return value
        undefined.append(
            UndefinedMetric(name, UndefinedReason.OVERFLOW, "the value exceeds double precision")
        )
        return None

    def long_only(name: str) -> None:
        undefined.append(UndefinedMetric(name, UndefinedReason.LONG_ONLY, "the factor has no short leg"))

    total = float(cumulative(returns)[-1])
    years = int((history.dates[-1] - history.dates[0]).astype(int)) / DAYS_PER_YEAR
    annualized = metric("annualized_return", lambda: _annualized(total, years))
    depth, peak, trough, recovery = _max_drawdown(history)
    short = history.short_returns
    if short is None:
        long_only("short_only_return")
        long_only("short_hhi")
    return Performance(
        cumulative_return=metric("cumulative_return", lambda: total),
        annualized_return=annualized,
        mean_annual_return=metric("mean_annual_return", lambda: float(returns.mean()) * ppy),
        annualized_volatility=metric("annualized_volatility", lambda: _deviation(returns) * math.sqrt(ppy)),
        sharpe_ratio=metric("sharpe_ratio", lambda: sharpe_ratio(returns, ppy)),
        sortino_ratio=metric("sortino_ratio", lambda: sortino_ratio(returns, ppy)),
        sortino_ratio_target=metric("sortino_ratio_target", lambda: sortino_ratio_target(returns, ppy)),
        max_drawdown=metric("max_drawdown", lambda: depth),
        max_drawdown_peak_date=peak,
        max_drawdown_trough_date=trough,
        max_drawdown_recovery_date=recovery,
        calmar_ratio=metric("calmar_ratio", lambda: _calmar(annualized, depth)),
        value_at_risk_95=metric("value_at_risk_95", lambda: value_at_risk(returns)),
        expected_shortfall_95=metric("expected_shortfall_95", lambda: expected_shortfall(returns)),
        hit_rate=metric("hit_rate", lambda: float((returns > 0).mean())),
        skewness=metric("skewness", lambda: skewness(returns)),
        excess_kurtosis=metric("excess_kurtosis", lambda: excess_kurtosis(returns)),
        best_period_return=metric("best_period_return", lambda: float(returns.max())),
        worst_period_return=metric("worst_period_return", lambda: float(returns.min())),
        long_only_return=metric("long_only_return", lambda: float(cumulative(history.long_returns)[-1])),
        short_only_return=(
            None if short is None else metric("short_only_return", lambda: float(cumulative(short)[-1]))
        ),
        years=years,
        num_periods=len(returns),
        skipped_periods=history.skipped_periods,
        missing_returns=history.missing_returns,
        coverage=len(returns) / history.grid_periods,
        breadth=history.breadth,
        long_hhi=history.long_hhi,
        short_hhi=history.short_hhi,
        start_date=history.dates[0].item(),
        end_date=history.dates[-1].item(),
        wiped_out_on=_wiped_out_on(history),
        undefined=tuple(undefined),
    )


def sharpe_ratio(returns: FloatArray, periods_per_year: int) -> float:
    """mean / std (ddof 1) * sqrt(periods a year), no risk-free rate (Sharpe 1994,
    doi:10.3905/jpm.1994.409501)."""
    return float(returns.mean()) / _positive_deviation(returns) * math.sqrt(periods_per_year)


def sortino_ratio(returns: FloatArray, periods_per_year: int) -> float:
    """mean / std (ddof 1) of the negative returns * sqrt(periods a year), as in the older logs."""
    negative = returns[returns < 0]
    if len(negative) < 2:
        raise _Undefined(
            UndefinedReason.TOO_FEW_NEGATIVE_RETURNS, f"{len(negative)} negative returns, 2 are needed"
        )
    return float(returns.mean()) / _positive_deviation(negative) * math.sqrt(periods_per_year)


def sortino_ratio_target(returns: FloatArray, periods_per_year: int) -> float:
    """mean / target downside deviation against 0 * sqrt(periods a year) (Sortino and Price 1994,
    doi:10.3905/joi.3.3.59)."""
    downside = math.sqrt(float((np.minimum(returns, 0.0) ** 2).mean()))
    if downside == 0.0:
        raise _Undefined(UndefinedReason.TOO_FEW_NEGATIVE_RETURNS, "no negative return")
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
    _need(n, 3)
    _positive_deviation(returns)
    centred = returns - returns.mean()
    second, third = float((centred**2).mean()), float((centred**3).mean())
    return math.sqrt(n * (n - 1)) / (n - 2) * third / math.pow(second, 1.5)


def excess_kurtosis(returns: FloatArray) -> float:
    """Bias-corrected sample excess kurtosis G2 (Joanes and Gill 1998, doi:10.1111/1467-9884.00122)."""
    n = len(returns)
    _need(n, 4)
    _positive_deviation(returns)
    centred = returns - returns.mean()
    second, fourth = float((centred**2).mean()), float((centred**4).mean())
    return (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (fourth / second**2 - 3.0) + 6.0)


def _annualized(total: float, years: float) -> float:
    """(1 + cumulative) ^ (1 / years) - 1; years run from the first to the last period end."""
    if total <= -1.0:
        return -1.0
    if years <= 0.0:
        raise _Undefined(UndefinedReason.TOO_FEW_PERIODS, "one period spans no time between period ends")
    try:
        return math.pow(1.0 + total, 1.0 / years) - 1.0
    except OverflowError:
        return math.inf


def _calmar(annualized: float | None, depth: float) -> float:
    """Annualised return over the deepest drawdown (Young 1991)."""
    if depth == 0.0:
        raise _Undefined(UndefinedReason.NO_DRAWDOWN, "wealth never fell below its peak")
    if annualized is None:
        raise _Undefined(UndefinedReason.TOO_FEW_PERIODS, "the annualised return is not defined")
    return annualized / abs(depth)


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


def _need(count: int, needed: int) -> None:
    if count < needed:
        raise _Undefined(UndefinedReason.TOO_FEW_PERIODS, f"{count} returns, {needed} are needed")


def _deviation(returns: FloatArray) -> float:
    _need(len(returns), 2)
    return float(returns.std(ddof=1))


def _positive_deviation(returns: FloatArray) -> float:
    deviation = _deviation(returns)
    if deviation_is_zero(deviation, float(returns.mean())):
        raise _Undefined(UndefinedReason.ZERO_VOLATILITY, "the returns do not vary")
    return deviation
