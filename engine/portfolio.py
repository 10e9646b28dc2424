"""Portfolio formation: who is eligible, who is picked, with what weight, and what a leg earns.

Arrays are (K, N): K formation periods, N assets. Row i belongs to the portfolio formed at the end of grid
row rows[i] = t-1 and held until the end of t = rows[i] + 1; nothing here reads row t except `leg_holdings`,
for the returns that were earned.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import InfeasibleMaxWeight
from engine.factors.config import MIN_VARIANCE_OBSERVATIONS, FactorConfig, WeightingMethod
from engine.factors.definition import SignalContext
from engine.factors.options import split_selector
from engine.panel import MARKET_CAP, PRICE, VOLUME, FloatArray, Panel
from engine.periods import DAYS_PER_WEEK, PeriodPanel

MIN_VARIANCE = 1e-12
_CAP_TOLERANCE = 1e-12

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegHoldings:
    """One leg in all R periods, period after period: holdings of period i are [offsets[i], offsets[i + 1]).

    assets: (H,) int32 columns of the panel. weights: (H,) positive, summing to 1 in each period.
    period_returns, signals, market_caps: (H,) float64, NaN = missing; signal and cap are those at t-1.
    """

    offsets: IntArray
    assets: NDArray[np.int32]
    weights: FloatArray
    period_returns: FloatArray
    signals: FloatArray
    market_caps: FloatArray


def passes_filters(periods: PeriodPanel, rows: IntArray, config: FactorConfig) -> BoolArray:
    """(K, N) assets with a price at t-1 that pass the cap, liquidity, lifetime and universe filters."""
    grid = periods.grid
    passed = np.isfinite(periods.fields[PRICE][rows])
    if config.market_cap_threshold is not None:
        passed &= periods.fields[MARKET_CAP][rows] > config.market_cap_threshold
    if config.liquidity_threshold is not None:
        threshold = config.liquidity_threshold * grid.nominal_days[rows] / DAYS_PER_WEEK
        passed &= periods.fields[VOLUME][rows] > threshold[:, None]
    if config.min_lifetime_days is not None:
        # calendar arithmetic: the end of t is known at t-1; NaT compares false
        youngest_first_price = grid.ends[rows + 1] - np.timedelta64(config.min_lifetime_days, "D")
        passed &= periods.first_price_dates[None, :] <= youngest_first_price[:, None]
    return passed & _in_universe(periods.panel, config)


def _in_universe(panel: Panel, config: FactorConfig) -> BoolArray:
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
    """(K, N) unnormalised weights, NaN where the method has none for the asset; None for equal weights."""
    if config.weighting_method is WeightingMethod.MARKET_CAP:
        caps = context.field(MARKET_CAP)
        return np.where(caps > 0, caps, np.nan)
    if config.weighting_method is WeightingMethod.INVERSE_VARIANCE:
        variance = _trailing_variance(context, config.variance_lookback)
        return 1.0 / np.where(variance > MIN_VARIANCE, variance, np.nan)
    return None


def _trailing_variance(context: SignalContext, lookback: int) -> FloatArray:
    """(K, N) variance (ddof 1) of the available returns of the `lookback` periods ending t-1.

    NaN with fewer than 8 of them. Two passes: a running sum of squares loses digits after an extreme move.
    """
    shape = context.eligible.shape
    total, count = np.zeros(shape), np.zeros(shape)
    for lag in range(lookback):
        returns = context.period_return(lag)
        available = np.isfinite(returns)
        np.add(total, returns, out=total, where=available)
        count += available
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
        squares = np.zeros(shape)
        for lag in range(lookback):
            deviation = context.period_return(lag) - mean
            np.add(squares, deviation * deviation, out=squares, where=np.isfinite(deviation))
        return np.where(count >= MIN_VARIANCE_OBSERVATIONS, squares / (count - 1), np.nan)


def ascending_order(signal: FloatArray, eligible: BoolArray) -> NDArray[np.intp]:
    """(K, N) asset columns of each row by (signal, asset id), the eligible first.

    Columns are sorted by id, so a stable sort breaks ties by id. The quick sort is several times faster than
    the stable one and differs only in rows that hold ties: those are sorted again.
    """
    keys = np.where(eligible, signal, np.inf)
    order = np.argsort(keys, axis=1)
    ordered = np.take_along_axis(keys, order, axis=1)
    tied = (ordered[:, 1:] == ordered[:, :-1]) & np.isfinite(ordered[:, 1:])
    rows = np.flatnonzero(tied.any(axis=1))
    order[rows] = np.argsort(keys[rows], axis=1, kind="stable")
    return order


def leg_holdings(
    context: SignalContext,
    signal: FloatArray,
    order: NDArray[np.intp],
    leg_starts: IntArray,
    leg_sizes: IntArray,
    weights: FloatArray | None,
    config: FactorConfig,
) -> LegHoldings:
    """The leg that takes `leg_sizes` (K,) > 0 assets of each row's order from position `leg_starts` (K,) on.

    Raises InfeasibleMaxWeight where a leg is too short for the weight cap.
    """
    offsets = np.concatenate([[0], np.cumsum(leg_sizes)]).astype(np.int64)
    period = np.repeat(np.arange(len(leg_sizes)), leg_sizes)
    position = np.arange(offsets[-1]) - offsets[period] + leg_starts[period]
    assets = order[period, position]
    formation_rows = context.rows[period]
    prices = context.periods.fields[PRICE]
    caps = context.periods.fields.get(MARKET_CAP)
    raw = np.ones(len(assets)) if weights is None else weights[period, assets]
    return LegHoldings(
        offsets=offsets,
        assets=assets.astype(np.int32),
        weights=_capped(_normalised(raw, offsets), offsets, context, config),
        period_returns=prices[formation_rows + 1, assets] / prices[formation_rows, assets] - 1.0,
        signals=signal[period, assets],
        market_caps=np.full(len(assets), np.nan) if caps is None else caps[formation_rows, assets],
    )


def leg_returns(leg: LegHoldings, missing_return: float) -> FloatArray:
    """(R,) return of holding the leg long; a holding without a price at its end earns `missing_return`."""
    earned = np.where(np.isnan(leg.period_returns), missing_return, leg.period_returns)
    return np.add.reduceat(leg.weights * earned, leg.offsets[:-1])


def _normalised(raw: FloatArray, offsets: IntArray) -> FloatArray:
    sizes = np.diff(offsets)
    return np.asarray(raw / np.repeat(np.add.reduceat(raw, offsets[:-1]), sizes))


def _capped(
    weights: FloatArray, offsets: IntArray, context: SignalContext, config: FactorConfig
) -> FloatArray:
    """Weights with none above max_weight; the excess goes to the others in proportion, repeatedly."""
    if config.max_weight is None:
        return weights
    cap, sizes = config.max_weight, np.diff(offsets)
    too_short = np.flatnonzero(sizes * cap < 1.0 - _CAP_TOLERANCE)
    if len(too_short):
        worst = too_short[sizes[too_short].argmin()]
        period_end = context.periods.grid.ends[context.rows[worst] + 1]
        raise InfeasibleMaxWeight(cap, int(sizes[worst]), str(period_end))
    at_cap = np.zeros(len(weights), dtype=np.bool_)
    while (above := weights > cap * (1.0 + _CAP_TOLERANCE)).any():
        at_cap |= above
        free = np.where(at_cap, 0.0, weights)
        free_total = np.add.reduceat(free, offsets[:-1])
        room = 1.0 - cap * np.add.reduceat(at_cap, offsets[:-1], dtype=np.float64)
        scale = np.divide(room, free_total, out=np.zeros_like(room), where=free_total > 0)
        weights = np.where(at_cap, cap, free * np.repeat(scale, sizes))
    return weights
