"""From a history of period returns to its metrics.

Returns are simple returns a period (0.01 = 1 %), without gaps: skipped periods are left out, not zero.
A metric that is not defined is None, with a reason; see Performance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from engine.metrics import (
    excess_kurtosis,
    expected_shortfall,
    sharpe_ratio,
    skewness,
    sortino_ratio,
    sortino_ratio_target,
    value_at_risk,
)
from engine.panel import DateArray, FloatArray
from engine.return_series import cumulative, wealth
from engine.undefined import Undefined, UndefinedMetric, UndefinedReason, deviation

DAYS_PER_YEAR = 365  # years count calendar days, as the historical logs did


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


# -- series ------------------------------------------------------------------------------------------------


# -- metrics -----------------------------------------------------------------------------------------------


@np.errstate(over="ignore", invalid="ignore")  # what leaves double precision is reported as OVERFLOW
def performance(history: ReturnHistory) -> Performance:
    """Base metrics of a return history (R >= 1 returns)."""
    returns, ppy = history.returns, history.periods_per_year
    undefined: list[UndefinedMetric] = []

    def metric(name: str, compute: Callable[[], float]) -> float | None:
        try:
            value = compute()
        except Undefined as reason:
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
        annualized_volatility=metric("annualized_volatility", lambda: deviation(returns) * math.sqrt(ppy)),
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


def _annualized(total: float, years: float) -> float:
    """(1 + cumulative) ^ (1 / years) - 1; years run from the first to the last period end."""
    if total <= -1.0:
        return -1.0
    if years <= 0.0:
        raise Undefined(UndefinedReason.TOO_FEW_PERIODS, "one period spans no time between period ends")
    try:
        return math.pow(1.0 + total, 1.0 / years) - 1.0
    except OverflowError:
        return math.inf


def _calmar(annualized: float | None, depth: float) -> float:
    """Annualised return over the deepest drawdown (Young 1991)."""
    if depth == 0.0:
        raise Undefined(UndefinedReason.NO_DRAWDOWN, "wealth never fell below its peak")
    if annualized is None:
        raise Undefined(UndefinedReason.TOO_FEW_PERIODS, "the annualised return is not defined")
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
