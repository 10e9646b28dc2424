"""Portfolio formation: who is eligible, who is picked, with what weight, and what a leg earns.

Arrays are (K, C): K consecutive formation periods, C assets of a SignalContext. Row i belongs to the
portfolio formed at the end of grid row rows[i] = t-1 and held until the end of t = rows[i] + 1; nothing here
reads row t except `leg_holdings`, for the returns that were earned.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import InfeasibleMaxWeight
from engine.factors.config import MIN_VARIANCE_OBSERVATIONS, FactorConfig, WeightingMethod
from engine.factors.definition import SignalContext
from engine.factors.options import split_selector
from engine.panel import MARKET_CAP, PRICE, VOLUME, DateArray, FloatArray, Panel
from engine.periods import DAYS_PER_WEEK, PeriodPanel

MIN_VARIANCE = 1e-12
_CAP_TOLERANCE = 1e-12

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegHoldings:
    """One leg in all R periods, period after period: holdings of period i are [offsets[i], offsets[i + 1]),
    by asset id.

    assets: (H,) int32 columns of the panel. weights: (H,) positive, summing to 1 in each period.
    period_returns, signals, market_caps: (H,) float64, NaN = missing; signal and cap are those at t-1.
    """

    offsets: IntArray
    assets: NDArray[np.int32]
    weights: FloatArray
    period_returns: FloatArray
    signals: FloatArray
    market_caps: FloatArray


def candidates(
    periods: PeriodPanel, rows: IntArray, in_universe: BoolArray, config: FactorConfig
) -> SignalContext:
    """The assets of the universe with a price at t-1 that pass the cap, liquidity and lifetime filters.

    rows: (K,) consecutive grid rows t-1. in_universe: (N,).
    """
    grid = periods.grid
    block = slice(rows[0], rows[-1] + 1)
    passed = np.isfinite(periods.fields[PRICE][block])
    passed &= in_universe
    if config.market_cap_threshold is not None:
        passed &= periods.fields[MARKET_CAP][block] > config.market_cap_threshold
    if config.liquidity_threshold is not None:
        threshold = config.liquidity_threshold * grid.nominal_days[block] / DAYS_PER_WEEK
        passed &= periods.fields[VOLUME][block] > threshold[:, None]
    if config.min_lifetime_days is not None:
        # calendar arithmetic: the end of t is known at t-1; NaT compares false
        youngest_first_price = grid.ends[rows + 1] - np.timedelta64(config.min_lifetime_days, "D")
        passed &= periods.first_price_dates[None, :] <= youngest_first_price[:, None]
    columns = np.flatnonzero(passed.any(axis=0))
    return SignalContext(periods=periods, rows=rows, columns=columns, eligible=passed.take(columns, axis=1))


def in_universe(panel: Panel, config: FactorConfig) -> BoolArray:
    """(N,) assets that `universe` allows and `exclude` does not name."""
    allowed = np.ones(len(panel.assets), dtype=np.bool_)
    if config.universe is not None:
        allowed &= _selected(panel, config.universe)
    if config.exclude:
        allowed &= ~_selected(panel, config.exclude)
    return allowed


def _selected(panel: Panel, selectors: Collection[str]) -> BoolArray:
    ids = set(selectors)
    selected = np.fromiter((asset in ids for asset in panel.assets), np.bool_, len(panel.assets))
    for selector in ids.difference(panel.assets):
        if (parts := split_selector(selector)) is not None and parts[0] in panel.attributes:
            selected |= np.fromiter((value == parts[1] for value in panel.attributes[parts[0]]), np.bool_)
    return selected


def raw_weights(context: SignalContext, config: FactorConfig) -> FloatArray | None:
    """(K, C) unnormalised weights, NaN where the method has none for the asset; None for equal weights."""
    if config.weighting_method is WeightingMethod.MARKET_CAP:
        caps = context.field(MARKET_CAP)
        return np.where(caps > 0, caps, np.nan)
    if config.weighting_method is WeightingMethod.INVERSE_VARIANCE:
        variance = _trailing_variance(context, config.variance_lookback)
        return 1.0 / np.where(variance > MIN_VARIANCE, variance, np.nan)
    return None


def _trailing_variance(context: SignalContext, lookback: int) -> FloatArray:
    """(K, C) variance (ddof 1) of the available returns of the `lookback` periods ending t-1.

    NaN with fewer than 8 of them. Two passes: a running sum of squares loses digits after an extreme move.
    """
    returns = context.period_returns(lookback)
    shape = context.eligible.shape
    total, count, squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for of_period in returns:
        available = np.isfinite(of_period)
        total += np.where(available, of_period, 0.0)
        count += available
    mean = total / count
    for of_period in returns:
        deviation = of_period - mean
        np.putmask(deviation, ~np.isfinite(deviation), 0.0)
        squares += deviation * deviation
    return np.where(count >= MIN_VARIANCE_OBSERVATIONS, squares / (count - 1), np.nan)


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
    prices = periods.fields[PRICE].ravel()
    caps = periods.fields.get(MARKET_CAP)
    if picks.weights is None:
        weights = np.repeat(1.0 / sizes, sizes)
    else:
        weights = picks.weights / np.repeat(np.add.reduceat(picks.weights, offsets[:-1]), sizes)
    if config.max_weight is not None:
        weights = _capped(weights, offsets, config.max_weight, periods.grid.ends[rows + 1])
    return LegHoldings(
        offsets=offsets,
        assets=picks.assets,
        weights=weights,
        period_returns=prices[formed_at + asset_count] / prices[formed_at] - 1.0,
        signals=picks.signals,
        market_caps=np.full(len(formed_at), np.nan) if caps is None else caps.ravel()[formed_at],
    )


def leg_returns(leg: LegHoldings, missing_return: float) -> FloatArray:
    """(R,) return of holding the leg long; a holding without a price at its end earns `missing_return`."""
    earned = np.where(np.isnan(leg.period_returns), missing_return, leg.period_returns)
    return np.add.reduceat(leg.weights * earned, leg.offsets[:-1])


def _capped(weights: FloatArray, offsets: IntArray, cap: float, period_ends: DateArray) -> FloatArray:
    """Weights with none above the cap; the excess goes to the others in proportion, repeatedly."""
    sizes = np.diff(offsets)
    too_short = np.flatnonzero(sizes * cap < 1.0 - _CAP_TOLERANCE)
    if len(too_short):
        worst = too_short[sizes[too_short].argmin()]
        raise InfeasibleMaxWeight(cap, int(sizes[worst]), str(period_ends[worst]))
    at_cap = np.zeros(len(weights), dtype=np.bool_)
    while (above := weights > cap * (1.0 + _CAP_TOLERANCE)).any():
        at_cap |= above
        free = np.where(at_cap, 0.0, weights)
        free_total = np.add.reduceat(free, offsets[:-1])
        room = 1.0 - cap * np.add.reduceat(at_cap, offsets[:-1], dtype=np.float64)
        scale = np.divide(room, free_total, out=np.zeros_like(room), where=free_total > 0)
        weights = np.where(at_cap, cap, free * np.repeat(scale, sizes))
    return weights
