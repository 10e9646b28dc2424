"""Weekly returns on one calendar, so that portfolios, assets and factors of any source can be aligned.

A week is named by its Sunday, whatever its last session was. Returns are simple returns a week (0.01 = 1 %),
NaN where there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import TotalLoss
from engine.panel import PRICE, DateArray, FloatArray, Panel
from engine.periods import DAYS_PER_WEEK, Rebalance, build_periods

WEEKS_PER_YEAR = 52
_SUNDAY_FROM_EPOCH = 3  # 1970-01-04 was the first Sunday


def week_of(dates: DateArray) -> DateArray:
    """The Sunday that ends the week (Monday to Sunday) of each date, any shape."""
    days = dates.astype("datetime64[D]").astype(np.int64)
    return np.asarray((days + (_SUNDAY_FROM_EPOCH - days) % DAYS_PER_WEEK).astype("datetime64[D]"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetReturns:
    """Weekly returns of N assets.

    weeks: (P,) Sundays, increasing. returns: (P, N), NaN where an asset has no return in a week.
    """

    assets: tuple[str, ...]
    weeks: DateArray
    returns: FloatArray

    def __post_init__(self) -> None:
        if self.returns.shape != (len(self.weeks), len(self.assets)):
            raise ValueError(f"returns of shape {self.returns.shape} are not those of the weeks and assets")
        _require_weeks(self.weeks)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorSeries:
    """Weekly returns of one factor.

    weeks: (P,) Sundays, increasing. returns: (P,), may hold NaN. long_only: whether it takes capital (MARKET)
    and so earns in excess of the risk-free rate; long-short factors finance themselves.
    """

    name: str
    weeks: DateArray
    returns: FloatArray
    long_only: bool = False

    def __post_init__(self) -> None:
        if self.returns.shape != self.weeks.shape:
            raise ValueError(f"{len(self.returns)} returns are not those of {len(self.weeks)} weeks")
        _require_weeks(self.weeks)

    @classmethod
    def of(cls, name: str, dates: DateArray, returns: FloatArray, *, long_only: bool = False) -> FactorSeries:
        """A weekly run's series by its period ends, which need not be Sundays. Raises ValueError for two
        periods in one week: the run is not weekly."""
        return cls(name=name, weeks=week_of(dates), returns=returns, long_only=long_only)


def asset_returns(panel: Panel) -> AssetReturns:
    """Each asset's return in each complete week of a panel but the first: P[t] / P[t-1] - 1 of the last
    prices > 0 inside the weeks, NaN without both prices and where week t-1 had no session."""
    periods = build_periods(panel, Rebalance.WEEKLY, [PRICE])
    prices, weeks = periods.fields[PRICE], week_of(periods.grid.ends)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        returns = prices[1:] / prices[:-1] - 1.0
    returns[np.diff(weeks) != np.timedelta64(DAYS_PER_WEEK, "D")] = np.nan
    returns[~np.isfinite(returns)] = np.nan
    return AssetReturns(assets=panel.assets, weeks=weeks[1:], returns=returns)


def aligned(weeks: DateArray, series: Sequence[FactorSeries]) -> FloatArray:
    """(P, K) the returns of K series in the given weeks (P,), NaN where a series has none."""
    out = np.full((len(weeks), len(series)), np.nan)
    for column, one in enumerate(series):
        _, here, there = np.intersect1d(weeks, one.weeks, assume_unique=True, return_indices=True)
        out[here, column] = one.returns[there]
    return out


def within(weeks: DateArray, start: np.datetime64 | None, end: np.datetime64 | None) -> NDArray[np.bool_]:
    """(P,) whether each week lies in [start, end]; None is unbounded."""
    inside = np.ones(len(weeks), dtype=np.bool_)
    if start is not None:
        inside &= weeks >= start
    if end is not None:
        inside &= weeks <= end
    return inside


def in_excess(returns: FloatArray, series: Sequence[FactorSeries], risk_free: FloatArray) -> FloatArray:
    """(n, K) returns less the risk-free ones (n,) of the long-only series; the others finance themselves."""
    financed = np.array([one.long_only for one in series], dtype=np.float64)
    return np.asarray(returns - risk_free[:, None] * financed)


def logarithms(returns: FloatArray, weeks: DateArray, whose: str) -> FloatArray:
    """(n,) log(1 + r) of simple returns, NaN where NaN. Raises TotalLoss where a return is -100 % or less."""
    lost = np.flatnonzero(returns <= -1.0)
    if len(lost):
        raise TotalLoss(whose, str(weeks[lost[0]]))
    return np.asarray(np.log1p(returns))


def _require_weeks(weeks: DateArray) -> None:
    if len(weeks) > 1 and not (weeks[1:] > weeks[:-1]).all():
        raise ValueError("weeks must be strictly increasing: one return a week")
    if not np.array_equal(weeks, week_of(weeks)):
        raise ValueError("weeks must be named by their Sundays")
