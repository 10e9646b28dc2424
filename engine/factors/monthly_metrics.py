"""What a factor did as of a date: the figures of a monthly sheet."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np

from engine.errors import NoPeriodsAsOf
from engine.factors.eligibility import IntArray
from engine.factors.portfolio import LegHoldings
from engine.panel import DateArray, FloatArray
from engine.statistics.metrics import annualized_return, annualized_volatility, sharpe_ratio, sortino_ratio
from engine.statistics.return_series import cumulative, drawdown, years_between
from engine.statistics.undefined import Undefined, UndefinedMetric, UndefinedReason


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlySheet:
    """Figures of the periods that ended by `as_of`. Rates are fractions (0.1 = 10 %), drawdowns <= 0.

    month_to_date_return, year_to_date_return: of the periods that ended in the month or year of as_of.
    excess_annualized_return, sharpe_ratio, sortino_ratio: of the returns less the risk-free rate; without one
    the ratios are of the returns alone. Each figure that is not defined is None, with a reason.
    """

    as_of: date
    last_period_end: date
    num_periods: int
    last_period_return: float
    month_to_date_return: float | None
    year_to_date_return: float | None
    annualized_return: float | None
    annualized_volatility: float | None
    excess_annualized_return: float | None
    sharpe_ratio: float | None
    sortino_ratio: float | None
    current_drawdown: float | None
    undefined: tuple[UndefinedMetric, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLeg:
    """What one leg held in one period: k >= 1 holdings; all (k,), NaN = missing but for weights.

    assets: columns of the panel. weights: positive. returns: as realised. market_caps: USD, when formed.
    daily_volumes: USD a day.
    """

    assets: IntArray
    weights: FloatArray
    returns: FloatArray
    market_caps: FloatArray
    daily_volumes: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingsSheet:
    """Figures of one period's portfolio: h holdings, the long leg's, then the short leg's.

    concentration: Herfindahl-Hirschman index of |weight| / sum |weight| over both legs, from 1 / h to 1.
    assets: (h,) columns of the panel. contributions: (h,) weight * return, negated for the short leg, NaN
    without a return; contribution_to_return: their sum. top_contributor: the column with the largest one.
    average_*: plain means over the holdings that have the figure. Each figure that is not defined is None,
    with a reason.
    """

    concentration: float
    assets: IntArray
    contributions: FloatArray
    contribution_to_return: float | None
    top_contributor: int | None
    top_contribution: float | None
    average_daily_volume_usd: float | None
    average_market_cap_usd: float | None
    undefined: tuple[UndefinedMetric, ...] = ()


def held_leg(leg: LegHoldings, period: int, daily_volumes: FloatArray) -> HeldLeg:
    """What a factor's leg held in reported period `period` (negative: from the last).

    daily_volumes: (N,) USD a day of the panel's assets, NaN = unknown. Raises IndexError for a period that
    the leg does not have.
    """
    row = range(len(leg.offsets) - 1)[period]
    held = slice(int(leg.offsets[row]), int(leg.offsets[row + 1]))
    assets = leg.assets[held].astype(np.int64)
    return HeldLeg(
        assets=assets,
        weights=leg.weights[held],
        returns=leg.period_returns[held],
        market_caps=leg.market_caps[held],
        daily_volumes=daily_volumes[assets],
    )


def monthly_metrics(
    dates: DateArray,
    returns: FloatArray,
    *,
    as_of: np.datetime64,
    periods_per_year: int,
    risk_free: FloatArray | None = None,
) -> MonthlySheet:
    """The sheet of a series of period returns.

    dates: (n,) period ends, increasing. returns: (n,) simple, without gaps. risk_free: (n,) return of lending
    in each period, NaN = unknown. Formulas are those of `performance`. Raises NoPeriodsAsOf where no period
    ended by as_of.
    """
    ended = dates <= as_of
    if not ended.any():
        raise NoPeriodsAsOf(str(as_of), str(dates[0]) if len(dates) else None)
    rates = None if risk_free is None else risk_free[ended]
    dates, returns = dates[ended], returns[ended]

    def excess() -> FloatArray:
        return returns if rates is None else _less_risk_free(returns, rates)

    def excess_annualized() -> float:
        if rates is None:
            raise Undefined(UndefinedReason.NO_RISK_FREE, "no risk-free rate was given")
        return annualized_return(_compounded(excess()), years_between(dates))

    defined = _Defined()
    return MonthlySheet(
        as_of=as_of.astype("datetime64[D]").item(),
        last_period_end=dates[-1].item(),
        num_periods=len(returns),
        last_period_return=float(returns[-1]),
        month_to_date_return=defined("month_to_date_return", lambda: _to_date(dates, returns, as_of, "M")),
        year_to_date_return=defined("year_to_date_return", lambda: _to_date(dates, returns, as_of, "Y")),
        annualized_return=defined(
            "annualized_return", lambda: annualized_return(_compounded(returns), years_between(dates))
        ),
        annualized_volatility=defined(
            "annualized_volatility", lambda: annualized_volatility(returns, periods_per_year)
        ),
        excess_annualized_return=defined("excess_annualized_return", excess_annualized),
        sharpe_ratio=defined("sharpe_ratio", lambda: sharpe_ratio(excess(), periods_per_year)),
        sortino_ratio=defined("sortino_ratio", lambda: sortino_ratio(excess(), periods_per_year)),
        current_drawdown=defined("current_drawdown", lambda: float(drawdown(returns)[-1])),
        undefined=tuple(defined.undefined),
    )


def holdings_sheet(long_leg: HeldLeg, short_leg: HeldLeg | None) -> HoldingsSheet:
    """The sheet of one period's portfolio. Holdings without a return contribute nothing that is known."""
    legs = [long_leg] if short_leg is None else [long_leg, short_leg]
    signs = np.concatenate(
        [np.full(len(leg.assets), sign) for leg, sign in zip(legs, (1.0, -1.0), strict=False)]
    )
    assets = np.concatenate([leg.assets for leg in legs])
    shares = np.concatenate([leg.weights for leg in legs])
    shares = shares / shares.sum()
    contributions = signs * np.concatenate([leg.weights * leg.returns for leg in legs])
    defined = _Defined()
    top = defined("top_contribution", lambda: float(_known(contributions, "return").max()))
    return HoldingsSheet(
        concentration=float((shares**2).sum()),
        assets=assets,
        contributions=contributions,
        contribution_to_return=defined(
            "contribution_to_return", lambda: float(_known(contributions, "return").sum())
        ),
        top_contributor=None if top is None else int(assets[np.nanargmax(contributions)]),
        top_contribution=top,
        average_daily_volume_usd=defined(
            "average_daily_volume_usd", lambda: _mean([leg.daily_volumes for leg in legs], "volume")
        ),
        average_market_cap_usd=defined(
            "average_market_cap_usd", lambda: _mean([leg.market_caps for leg in legs], "market cap")
        ),
        undefined=tuple(defined.undefined),
    )


class _Defined:
    """Calls formulas, and gathers why some have no value."""

    def __init__(self) -> None:
        self.undefined: list[UndefinedMetric] = []

    @np.errstate(over="ignore", invalid="ignore")
    def __call__(self, name: str, formula: Callable[[], float]) -> float | None:
        try:
            value = formula()
        except Undefined as reason:
            self.undefined.append(UndefinedMetric(name, reason.reason, reason.detail))
            return None
        if math.isfinite(value):
            return value
        detail = "the value exceeds double precision"
        self.undefined.append(UndefinedMetric(name, UndefinedReason.OVERFLOW, detail))
        return None


def _to_date(dates: DateArray, returns: FloatArray, as_of: np.datetime64, unit: str) -> float:
    """Compounded return of the periods that ended in as_of's month ("M") or year ("Y")."""
    span = f"datetime64[{unit}]"
    inside = dates.astype(span) == as_of.astype(span)
    if not inside.any():
        raise Undefined(UndefinedReason.TOO_FEW_PERIODS, f"no period ended in {as_of.astype(span)}")
    return _compounded(returns[inside])


def _compounded(returns: FloatArray) -> float:
    return float(cumulative(returns)[-1])


def _less_risk_free(returns: FloatArray, rates: FloatArray) -> FloatArray:
    unknown = int((~np.isfinite(rates)).sum())
    if unknown:
        detail = f"{unknown} of {len(rates)} periods have no risk-free rate"
        raise Undefined(UndefinedReason.NO_RISK_FREE, detail)
    return returns - rates


def _known(values: FloatArray, what: str) -> FloatArray:
    known = values[np.isfinite(values)]
    if len(known) == 0:
        raise Undefined(UndefinedReason.NO_CROSS_SECTION, f"no holding has a {what}")
    return known


def _mean(values: list[FloatArray], what: str) -> float:
    return float(_known(np.concatenate(values), what).mean())
