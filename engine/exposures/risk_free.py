"""The return of lending without risk over a period: of Treasury bills, or at a constant rate."""

from __future__ import annotations

import numpy as np

from engine.panel import DateArray, FloatArray
from engine.statistics.return_series import DAYS_PER_YEAR

BILL_DAYS = 91
DISCOUNT_YEAR_DAYS = 360
STALE_AFTER_DAYS = 31


def bill_returns(
    rate_dates: DateArray, rates_percent: FloatArray, starts: DateArray, ends: DateArray
) -> FloatArray:
    """(P,) return of 13-week Treasury bills over (start, end], each at the last rate known at its start.

    rate_dates: (M,) increasing; rates_percent: (M,) bank discount in per cent a year (5.0 = 5 %), NaN = none.
    A bill that pays 1 in 91 days costs 1 - d / 100 * 91 / 360; the return over some days is
    (1 / price)^(days / 91) - 1 (Stigum and Crescenzi, Stigum's Money Market, 4th ed., 2007, on discount
    securities). NaN where no rate is known from the 31 days up to the start, or the discount takes it all.
    """
    if rate_dates.shape != rates_percent.shape:
        raise ValueError(f"{len(rates_percent)} rates are not those of {len(rate_dates)} dates")
    if len(rate_dates) > 1 and not (rate_dates[1:] > rate_dates[:-1]).all():
        raise ValueError("the dates of rates must be strictly increasing")
    known = np.isfinite(rates_percent)
    dates, rates = rate_dates[known], rates_percent[known]
    out = np.full(len(starts), np.nan)
    if len(dates) == 0:
        return out
    last = np.searchsorted(dates, starts, side="right") - 1
    fresh = (last >= 0) & (starts - dates[last] <= np.timedelta64(STALE_AFTER_DAYS, "D"))
    price = 1.0 - rates[last] / 100.0 * BILL_DAYS / DISCOUNT_YEAR_DAYS
    fresh &= price > 0.0
    out[fresh] = np.expm1(-np.log(price[fresh]) * _days(starts, ends)[fresh] / BILL_DAYS)
    return out


def constant_returns(annual_rate: float, starts: DateArray, ends: DateArray) -> FloatArray:
    """(P,) return over (start, end] at a constant annual rate (0.05 = 5 %): (1 + rate)^(days / 365) - 1.

    Raises ValueError for a rate of -100 % or less.
    """
    if not annual_rate > -1.0:
        raise ValueError(f"a rate of {annual_rate:g} a year leaves nothing")
    return np.asarray(np.expm1(np.log1p(annual_rate) * _days(starts, ends) / DAYS_PER_YEAR))


def _days(starts: DateArray, ends: DateArray) -> FloatArray:
    return np.asarray((ends - starts).astype("timedelta64[D]").astype(np.float64))
