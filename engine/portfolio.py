"""Portfolio formation: who is eligible, who is picked, with what weight, and what a leg earns.

Arrays are (K, N): K formation periods, N assets. Row i belongs to the portfolio formed at the end of grid
row rows[i] = t-1 and held until the end of t = rows[i] + 1; nothing here reads row t except `leg_holdings`,
for the returns that were earned.
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
from engine.panel import MARKET_CAP, PRICE, VOLUME, FloatArray, Panel
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


def lowest(signal: FloatArray, eligible: BoolArray, sizes: IntArray) -> BoolArray:
    """(K, N) the first `sizes` (K,) >= 1 eligible assets of each row by ascending (signal, asset id)."""
    return _first_of_order(np.where(eligible, signal, np.inf), sizes, prefer_last=False)


def highest(signal: FloatArray, eligible: BoolArray, sizes: IntArray) -> BoolArray:
    """(K, N) the last `sizes` (K,) >= 1 eligible assets of each row by ascending (signal, asset id)."""
    return _first_of_order(np.where(eligible, -signal, np.inf), sizes, prefer_last=True)


def _first_of_order(keys: FloatArray, sizes: IntArray, *, prefer_last: bool) -> BoolArray:
    """(K, N) the `sizes` smallest keys of each row; of equal keys the first columns, or the last.

    Sorting values and comparing with the edge is several times faster than sorting positions and says the
    same but where the edge itself is tied: those rows are sorted by position, and columns are in id order.
    """
    rows = np.arange(len(keys))
    ordered = np.sort(keys, axis=1)
    edge = ordered[rows, sizes - 1]
    picked = keys <= edge[:, None]
    after = ordered[rows, np.minimum(sizes, keys.shape[1] - 1)]
    for row in np.flatnonzero((after == edge) & (sizes < keys.shape[1])):
        row_keys = keys[row, ::-1] if prefer_last else keys[row]
        first = np.argsort(row_keys, kind="stable")[: sizes[row]]
        picked[row] = False
        picked[row, len(row_keys) - 1 - first if prefer_last else first] = True
    return picked


def leg_holdings(
    context: SignalContext,
    signal: FloatArray,
    picked: BoolArray,
    weights: FloatArray | None,
    config: FactorConfig,
) -> LegHoldings:
    """The leg that holds the `picked` (K, N) assets of each row, at least one a row.

    Raises InfeasibleMaxWeight where a leg is too short for the weight cap.
    """
    asset_count = picked.shape[1]
    cells = np.flatnonzero(picked)
    offsets = np.searchsorted(cells, np.arange(len(picked) + 1) * asset_count)
    row, assets = np.divmod(cells, asset_count)
    formed_at = context.rows[row] * asset_count + assets
    prices = context.periods.fields[PRICE].ravel()
    caps = context.periods.fields.get(MARKET_CAP)
    raw = np.ones(len(cells)) if weights is None else weights.ravel()[cells]
    return LegHoldings(
        offsets=offsets,
        assets=assets.astype(np.int32),
        weights=_capped(_normalised(raw, offsets), offsets, context, config),
        period_returns=prices[formed_at + asset_count] / prices[formed_at] - 1.0,
        signals=signal.ravel()[cells],
        market_caps=np.full(len(cells), np.nan) if caps is None else caps.ravel()[formed_at],
    )


def join_legs(legs: Sequence[LegHoldings]) -> LegHoldings:
    """Consecutive stretches of one leg as one."""
    starts = np.cumsum([0, *(leg.offsets[-1] for leg in legs)])
    shifted = [leg.offsets[:-1] + start for leg, start in zip(legs, starts, strict=False)]
    return LegHoldings(
        offsets=np.concatenate([*shifted, starts[-1:]]),
        assets=np.concatenate([leg.assets for leg in legs]),
        weights=np.concatenate([leg.weights for leg in legs]),
        period_returns=np.concatenate([leg.period_returns for leg in legs]),
        signals=np.concatenate([leg.signals for leg in legs]),
        market_caps=np.concatenate([leg.market_caps for leg in legs]),
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
