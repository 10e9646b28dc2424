"""The portfolio to hold next, and the trades that lead to it from the last one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from engine.compute import FactorResult
from engine.eligibility import candidates, in_universe
from engine.errors import InfeasibleMaxWeight
from engine.factors.config import LongSide
from engine.formation import form, long_side, reported_rows
from engine.panel import PRICE, FloatArray
from engine.periods import ends_of_held
from engine.portfolio import LegHoldings, Picks, earned_returns
from engine.weights import leg_weights


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


def target_portfolio(result: FactorResult) -> TargetPortfolio:
    """Formed by the run's own rules at the last grid row within its dates.

    What was held is the last reported portfolio, or nothing where the period after it was skipped.
    """
    config, periods = result.config, result.periods
    ends = periods.grid.ends
    within = ends if config.end_date is None else ends[ends <= np.datetime64(config.end_date)]
    rows = np.array([len(within) - 1])
    period_end = ends_of_held(periods.grid, rows)

    def target(eligible: int, legs: dict[LongSide, TargetLeg], absence: str | None) -> TargetPortfolio:
        bought = long_side(config)
        return TargetPortfolio(
            formation_date=ends[rows[0]].item(),
            period_end=period_end[0].item(),
            eligible=eligible,
            long=legs.get(bought),
            short=next((leg for side, leg in legs.items() if side is not bought), None),
            absence=absence,
        )

    context = candidates(periods, rows, in_universe(periods.panel, config), config)
    if len(context.columns) == 0:
        return target(0, {}, f"no asset is eligible, {config.min_eligible} are needed")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        selection = form(context, config)
        eligible = selection.max_eligible
        if len(selection.rows) == 0:
            return target(eligible, {}, f"{eligible} assets are eligible, {config.min_eligible} are needed")
        legs = {}
        for side, picks in selection.picks.items():
            offsets = np.array([0, selection.sizes[0]])
            try:
                weights = leg_weights(picks.weights, offsets, config.max_weight, period_end)
            except InfeasibleMaxWeight as error:
                return target(eligible, {}, str(error))
            held = result.long_leg if side is long_side(config) else result.short_leg
            legs[side] = _leg(result, picks, weights, held, int(rows[0]))
    return target(eligible, legs, None)


def _leg(
    result: FactorResult, picks: Picks, weights: FloatArray, held: LegHoldings | None, row: int
) -> TargetLeg:
    asset_count = len(result.periods.panel.assets)
    target, previous, signals = np.zeros(asset_count), np.zeros(asset_count), np.full(asset_count, np.nan)
    target[picks.assets] = weights
    signals[picks.assets] = picks.signals
    candidate_rows = reported_rows(result.periods, result.config)
    if held is not None and candidate_rows[-1] == result.rows[-1]:
        last = slice(held.offsets[-2], held.offsets[-1])
        previous[held.assets[last]] = _drifted(result, held.assets[last], held.weights[last], row)
    assets = np.flatnonzero((target > 0) | (previous > 0))
    return TargetLeg(
        assets=assets.astype(np.int32),
        weights=target[assets],
        previous_weights=previous[assets],
        signals=signals[assets],
    )


def _drifted(result: FactorResult, assets: NDArray[np.int32], weights: FloatArray, row: int) -> FloatArray:
    """The last portfolio's weights as prices moved from its entry to grid row `row`."""
    periods = result.periods
    moved = periods.fields[PRICE][row, assets] / periods.execution_prices[result.rows[-1], assets] - 1.0
    grown = weights * (1.0 + earned_returns(moved, result.config))
    total = float(grown.sum())
    return grown / total if total > 0 else np.zeros_like(grown)
