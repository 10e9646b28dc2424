"""Portfolios: who is picked from a ranking, with what weight, and what a leg earns.

Arrays are (K, C): K consecutive formation periods, C assets of a SignalContext. Row i belongs to the
portfolio formed at the end of grid row rows[i] = t-1 and held until the end of t = rows[i] + 1; nothing here
reads row t except `leg_holdings`, for the returns that were earned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.factors.config import ExtremeReturns, FactorConfig
from engine.factors.definition import SignalContext
from engine.factors.eligibility import BoolArray, IntArray
from engine.factors.weights import leg_weights
from engine.panel import MARKET_CAP, FloatArray
from engine.periods import PeriodPanel, ends_of_held


class Leg(StrEnum):
    LONG = "LONG"
    SHORT = "SHORT"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegHoldings:
    """One leg in all R periods, period after period: holdings of period i are [offsets[i], offsets[i + 1]),
    by asset id.

    assets: (H,) int32 columns of the panel. weights: (H,) positive, summing to 1 in each period.
    period_returns, signals, market_caps: (H,) float64, NaN = missing; returns as realised, signal and cap
    those at t-1.
    """

    offsets: IntArray
    assets: NDArray[np.int32]
    weights: FloatArray
    period_returns: FloatArray
    signals: FloatArray
    market_caps: FloatArray


@dataclass(frozen=True, slots=True)
class Ranking:
    """The eligible assets of K periods in ascending order of (signal, asset id).

    keys: (K, C) signals, inf where not eligible. ordered: each row of them sorted.
    """

    keys: FloatArray
    ordered: FloatArray

    @classmethod
    def of(cls, signal: FloatArray, eligible: BoolArray) -> Ranking:
        keys = np.where(eligible, signal, np.inf)
        return cls(keys, np.sort(keys, axis=1))

    def between(self, start: IntArray, stop: IntArray) -> BoolArray:
        """(K, C) the assets at the places [start, stop) (K,) of each row.

        Sorting values and comparing with the edges is several times faster than sorting positions and says
        the same but where an edge is tied: those rows are sorted by position, and columns are in id order.
        """
        row, last = np.arange(len(self.keys)), self.keys.shape[1] - 1
        low = self.ordered[row, np.minimum(start, last)]
        high = np.where(start < stop, self.ordered[row, stop - 1], -np.inf)
        picked: BoolArray = (self.keys >= low[:, None]) & (self.keys <= high[:, None])
        tied = (start > 0) & (self.ordered[row, start - 1] == low)
        tied |= (stop <= last) & (self.ordered[row, np.minimum(stop, last)] == high)
        for index in np.flatnonzero(tied):
            order = np.argsort(self.keys[index], kind="stable")
            picked[index] = False
            picked[index, order[start[index] : stop[index]]] = True
        return picked


@dataclass(frozen=True, slots=True, kw_only=True)
class Picks:
    """The assets picked for one leg, period after period, by asset id.

    assets: (H,) int32 columns of the panel. signals: (H,) float64. weights: (H,) unnormalised, None = equal.
    """

    assets: NDArray[np.int32]
    signals: FloatArray
    weights: FloatArray | None

    @classmethod
    def of(
        cls,
        context: SignalContext,
        picked: BoolArray,
        sizes: IntArray,
        signal: FloatArray,
        weights: FloatArray | None,
    ) -> Picks:
        """The (K, C) `picked` cells, `sizes` (K,) in each row."""
        cells = np.flatnonzero(picked)
        columns = cells - np.repeat(np.arange(len(picked)) * picked.shape[1], sizes)
        return cls(
            assets=context.columns[columns].astype(np.int32),
            signals=signal.ravel()[cells],
            weights=None if weights is None else weights.ravel()[cells],
        )

    @classmethod
    def joined(cls, blocks: Sequence[Picks]) -> Picks:
        """Consecutive blocks of periods as one."""
        weights = [block.weights for block in blocks if block.weights is not None]
        return cls(
            assets=np.concatenate([block.assets for block in blocks]),
            signals=np.concatenate([block.signals for block in blocks]),
            weights=np.concatenate(weights) if weights else None,
        )


def leg_holdings(
    periods: PeriodPanel, rows: IntArray, sizes: IntArray, picks: Picks, config: FactorConfig
) -> LegHoldings:
    """The leg formed at `rows` (R,) from the `sizes` (R,) >= 1 assets that were picked in each.

    Raises InfeasibleMaxWeight where a leg is too short for the weight cap.
    """
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    asset_count = len(periods.panel.assets)
    formed_at = np.repeat(rows * asset_count, sizes) + picks.assets
    prices = periods.execution_prices.ravel()
    caps = periods.fields.get(MARKET_CAP)
    return LegHoldings(
        offsets=offsets,
        assets=picks.assets,
        weights=leg_weights(picks.weights, offsets, config.max_weight, ends_of_held(periods.grid, rows)),
        period_returns=prices[formed_at + asset_count] / prices[formed_at] - 1.0,
        signals=picks.signals,
        market_caps=np.full(len(formed_at), np.nan) if caps is None else caps.ravel()[formed_at],
    )


def is_extreme(returns: FloatArray, config: FactorConfig) -> BoolArray:
    """Realised returns, of any shape, that lie beyond `max_abs_return`; a missing one never does."""
    if config.max_abs_return is None:
        return np.zeros(returns.shape, dtype=np.bool_)
    return np.asarray(np.abs(returns) > config.max_abs_return)


def earned_returns(returns: FloatArray, config: FactorConfig) -> FloatArray:
    """What positions earn by their realised returns, of any shape: `missing_return` where there is none, and
    where extreme ones are excluded."""
    unearned = np.isnan(returns)
    if config.extreme_returns is ExtremeReturns.EXCLUDE:
        unearned |= is_extreme(returns, config)
    return np.where(unearned, config.missing_return, returns)


def leg_returns(leg: LegHoldings, config: FactorConfig) -> FloatArray:
    """(R,) return of holding the leg long."""
    earned = earned_returns(leg.period_returns, config)
    return np.add.reduceat(leg.weights * earned, leg.offsets[:-1])
