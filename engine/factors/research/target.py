"""The portfolio to hold next, and the trades that lead to it from the last one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from engine.errors import InfeasibleMaxWeight
from engine.factors.compute import FactorResult
from engine.factors.config import LongSide
from engine.factors.eligibility import candidates
from engine.factors.formation import form, long_side
from engine.factors.portfolio import earned_returns
from engine.factors.weights import leg_weights
from engine.panel import PRICE, FloatArray
from engine.periods import ends_of_held


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLeg:
    """All assets to hold, and all that were held and are to be sold, by asset id.

    assets: (H,) int32 columns of the panel. weights: (H,), 0 = sold. previous_weights: (H,) of the last
    portfolio as its prices moved, 0 = not held. signals: (H,) of what is to be held, NaN = sold.
    """

    assets: NDArray[np.int32]
    weights: FloatArray
    previous_weights: FloatArray
    signals: FloatArray

    @property
    def trades(self) -> FloatArray:
        """(H,) what to buy (or, below 0, to sell) of each asset, as a fraction of the leg."""
        return self.weights - self.previous_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPortfolio:
    """formation_date: what it is based on was known then. period_end: by the calendar, how long to hold it.

    long is None where there is no portfolio for that period: `absence` says why. short also where the factor
    has no short leg.
    """

    formation_date: date
    period_end: date
    eligible: int
    long: TargetLeg | None
    short: TargetLeg | None
    absence: str | None = None


@dataclass(frozen=True, slots=True)
class _Formed:
    """What the rules pick at one grid row. legs: by side, (columns, weights, signals); empty if nothing."""

    eligible: int
    legs: dict[LongSide, tuple[NDArray[np.int32], FloatArray, FloatArray]]
    absence: str | None = None


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def target_portfolio(result: FactorResult) -> TargetPortfolio:
    """Formed by the run's own rules at the last grid row within its dates.

    What was held is what the same rules formed one row before, as prices moved since: the last reported
    portfolio, or one whose exit lies ahead of the data (with an execution lag), or nothing where they formed
    none.
    """
    config, periods = result.config, result.periods
    ends = periods.grid.ends
    row = len(ends if config.end_date is None else ends[ends <= np.datetime64(config.end_date)]) - 1
    wanted, held = _form_at(result, row), _form_at(result, row - 1)
    legs = {}
    for side, (assets, weights, signals) in wanted.legs.items():
        legs[side] = _target_leg(result, row, assets, weights, signals, held.legs.get(side))
    bought = long_side(config)
    return TargetPortfolio(
        formation_date=ends[row].item(),
        period_end=ends_of_held(periods.grid, np.array([row]))[0].item(),
        eligible=wanted.eligible,
        long=legs.get(bought),
        short=next((leg for side, leg in legs.items() if side is not bought), None),
        absence=wanted.absence,
    )


def _form_at(result: FactorResult, row: int) -> _Formed:
    config, periods = result.config, result.periods
    rows = np.array([row])
    context = candidates(periods, rows, config)
    if len(context.columns) == 0:
        return _Formed(0, {}, f"no asset is eligible, {config.min_eligible} are needed")
    selection = form(context, config)
    eligible = selection.max_eligible
    if len(selection.rows) == 0:
        return _Formed(eligible, {}, f"{eligible} assets are eligible, {config.min_eligible} are needed")
    legs = {}
    for side, picks in selection.picks.items():
        offsets = np.array([0, selection.sizes[0]])
        try:
            weights = leg_weights(picks.weights, offsets, config.max_weight, ends_of_held(periods.grid, rows))
        except InfeasibleMaxWeight as error:
            return _Formed(eligible, {}, str(error))
        legs[side] = (picks.assets, weights, picks.signals)
    return _Formed(eligible, legs)


def _target_leg(
    result: FactorResult,
    row: int,
    assets: NDArray[np.int32],
    weights: FloatArray,
    signals: FloatArray,
    held: tuple[NDArray[np.int32], FloatArray, FloatArray] | None,
) -> TargetLeg:
    count = len(result.periods.panel.assets)
    target, previous, signal = np.zeros(count), np.zeros(count), np.full(count, np.nan)
    target[assets] = weights
    signal[assets] = signals
    if held is not None:
        previous[held[0]] = _drifted(result, row, held[0], held[1])
    either = np.flatnonzero((target > 0) | (previous > 0))
    return TargetLeg(
        assets=either.astype(np.int32),
        weights=target[either],
        previous_weights=previous[either],
        signals=signal[either],
    )


def _drifted(result: FactorResult, row: int, assets: NDArray[np.int32], weights: FloatArray) -> FloatArray:
    """Weights formed at `row` - 1 as prices moved since they were taken; 0 where the leg lost everything."""
    periods = result.periods
    moved = periods.fields[PRICE][row, assets] / periods.execution_prices[row - 1, assets] - 1.0
    grown = weights * (1.0 + earned_returns(moved, result.config))
    total = float(grown.sum())
    return np.asarray(grown / total) if total > 0 else np.zeros_like(grown)
