"""Performance by calendar year and by market regime: was it earned once, or again and again?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from engine.factors.compute import FactorResult
from engine.factors.eligibility import BoolArray
from engine.panel import FloatArray
from engine.statistics.metrics import sharpe_ratio
from engine.statistics.return_series import cumulative, drawdown, wealth
from engine.statistics.undefined import Undefined


class SubperiodKind(StrEnum):
    YEAR = "YEAR"
    REGIME = "REGIME"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subperiod:
    """Some of a run's periods, joined. Rates are fractions; None = too few periods, or no costs for net.

    label: the year, or UP or DOWN of the market. start_date, end_date: the first and last period end in it.
    """

    kind: SubperiodKind
    label: str
    start_date: date
    end_date: date
    num_periods: int
    cumulative_return: float
    mean_annual_return: float
    annualized_volatility: float | None
    sharpe_ratio: float | None
    max_drawdown: float
    hit_rate: float
    net_cumulative_return: float | None
    net_sharpe_ratio: float | None


def subperiods(result: FactorResult) -> tuple[Subperiod, ...]:
    """Calendar years of the period ends, oldest first, then the market regimes UP and DOWN that occur.

    A period whose regime is not known belongs to none.
    """
    years = result.dates.astype("datetime64[Y]")
    found = [_subperiod(result, SubperiodKind.YEAR, str(year), years == year) for year in np.unique(years)]
    rising, known = _market_is_rising(result)
    for label, inside in (("UP", known & rising), ("DOWN", known & ~rising)):
        if inside.any():
            found.append(_subperiod(result, SubperiodKind.REGIME, label, inside))
    return tuple(found)


def _market_is_rising(result: FactorResult) -> tuple[BoolArray, BoolArray]:
    """(R,) whether the market's wealth when the portfolio was formed lay above its mean over the half year of
    periods that ended then, and whether that is known: nothing of the period itself is looked at."""
    window = result.periods.grid.periods_per_year // 2
    if len(result.market) < window:
        return np.zeros(len(result.rows), dtype=np.bool_), np.zeros(len(result.rows), dtype=np.bool_)
    missing = np.isnan(result.market)
    level = wealth(np.where(missing, 0.0, result.market))
    rows = result.rows
    known = rows >= window - 1
    last = np.maximum(rows, window - 1)
    views = np.lib.stride_tricks.sliding_window_view
    mean = views(level, window).mean(axis=1)[last - window + 1]
    gaps = np.asarray(views(missing, window).any(axis=1))[last - window + 1]
    return np.asarray(level[rows] > mean), known & ~gaps


def _subperiod(result: FactorResult, kind: SubperiodKind, label: str, inside: BoolArray) -> Subperiod:
    ppy = result.periods.grid.periods_per_year
    returns, dates = result.factor[inside], result.dates[inside]
    net = None if result.net is None else result.net[inside]
    return Subperiod(
        kind=kind,
        label=label,
        start_date=dates[0].item(),
        end_date=dates[-1].item(),
        num_periods=len(returns),
        cumulative_return=float(cumulative(returns)[-1]),
        mean_annual_return=float(returns.mean()) * ppy,
        annualized_volatility=float(returns.std(ddof=1)) * math.sqrt(ppy) if len(returns) > 1 else None,
        sharpe_ratio=_sharpe(returns, ppy),
        max_drawdown=float(drawdown(returns).min()),
        hit_rate=float((returns > 0).mean()),
        net_cumulative_return=None if net is None else float(cumulative(net)[-1]),
        net_sharpe_ratio=None if net is None else _sharpe(net, ppy),
    )


def _sharpe(returns: FloatArray, periods_per_year: int) -> float | None:
    try:
        return sharpe_ratio(returns, periods_per_year)
    except Undefined:
        return None
