"""How much of a factor's result hangs on its few most extreme positions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from engine.factors.compute import FactorResult
from engine.factors.portfolio import Leg, earned_returns
from engine.panel import FloatArray
from engine.statistics.return_series import cumulative

POSITIONS: Final = 5
_NO_RESULT: Final = 1e-12  # a sum of returns this small is nothing to take a share of


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtremePosition:
    """One asset held in one period. asset: its id. contribution: to the factor's return of that period."""

    date: date
    asset: str
    leg: Leg
    weight: float
    period_return: float
    contribution: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Extremes:
    """The positions with the largest realised returns, either way, the largest first.

    contribution: the sum of theirs. share: of the sum of all factor returns, None where that is 0.
    cumulative_return_without: had these positions earned nothing.
    """

    positions: tuple[ExtremePosition, ...]
    contribution: float
    share: float | None
    cumulative_return_without: float


def extremes(result: FactorResult) -> Extremes:
    """The five most extreme asset returns that the legs held; missing ones are not among them.

    Equal ones are taken in the order of period, leg and asset.
    """
    legs = [(Leg.LONG, result.long_leg, 1.0)]
    if result.short_leg is not None:
        legs.append((Leg.SHORT, result.short_leg, -1.0))
    found: list[tuple[int, ExtremePosition]] = []
    for name, leg, sign in legs:
        for holding in _largest(leg.period_returns):
            period = int(np.searchsorted(leg.offsets, holding, side="right")) - 1
            weight, realised = float(leg.weights[holding]), leg.period_returns[holding : holding + 1]
            position = ExtremePosition(
                date=result.dates[period].item(),
                asset=result.periods.panel.assets[leg.assets[holding]],
                leg=name,
                weight=weight,
                period_return=float(realised[0]),
                contribution=sign * weight * float(earned_returns(realised, result.config)[0]),
            )
            found.append((period, position))
    found.sort(key=lambda item: (-abs(item[1].period_return), item[0], item[1].leg, item[1].asset))
    found = found[:POSITIONS]
    without = result.factor.copy()
    for period, position in found:
        without[period] -= position.contribution
    contribution = sum(position.contribution for _, position in found)
    total = float(result.factor.sum())
    return Extremes(
        positions=tuple(position for _, position in found),
        contribution=contribution,
        share=None if math.isclose(total, 0.0, abs_tol=_NO_RESULT) else contribution / total,
        cumulative_return_without=float(cumulative(without)[-1]),
    )


def _largest(returns: FloatArray) -> list[int]:
    """Places of the values that are among the largest five by size, ascending; more where the last ties, of
    which the earliest 5,000 are enough."""
    size = np.where(np.isnan(returns), -1.0, np.abs(returns))
    least = np.partition(size, -min(POSITIONS, len(size)))[-min(POSITIONS, len(size))]
    larger = np.flatnonzero(size > max(least, 0.0))
    tied = np.flatnonzero(size == least)[: 1_000 * POSITIONS] if least >= 0.0 else np.zeros(0, dtype=np.int64)
    places: list[int] = np.sort(np.concatenate([larger, tied])).tolist()
    return places
