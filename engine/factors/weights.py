"""What share of a leg each asset gets, from what is known at the formation date."""

from __future__ import annotations

import numpy as np

from engine.errors import InfeasibleMaxWeight
from engine.factors.config import MIN_VARIANCE_OBSERVATIONS, FactorConfig, WeightingMethod
from engine.factors.definition import SignalContext
from engine.factors.eligibility import IntArray
from engine.panel import MARKET_CAP, DateArray, FloatArray

MIN_VARIANCE = 1e-12
_CAP_TOLERANCE = 1e-12


def raw_weights(context: SignalContext, config: FactorConfig) -> FloatArray | None:
    """(K, C) unnormalised weights, NaN where the method has none for the asset; None for equal weights."""
    if config.weighting_method is WeightingMethod.MARKET_CAP:
        caps = context.field(MARKET_CAP)
        return np.where(caps > 0, caps, np.nan)
    if config.weighting_method is WeightingMethod.INVERSE_VARIANCE:
        variance = _trailing_variance(context, config.variance_lookback)
        usable = (variance > MIN_VARIANCE) & np.isfinite(variance)
        return 1.0 / np.where(usable, variance, np.nan)
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


def leg_weights(
    raw: FloatArray | None, offsets: IntArray, max_weight: float | None, period_ends: DateArray
) -> FloatArray:
    """(H,) weights of consecutive legs [offsets[i], offsets[i + 1]), summing to 1 in each.

    raw: (H,) positive, None = equal. Raises InfeasibleMaxWeight where a leg is too short for the cap.
    """
    sizes = np.diff(offsets)
    if raw is None:
        weights = np.repeat(1.0 / sizes, sizes)
    else:
        weights = raw / np.repeat(np.add.reduceat(raw, offsets[:-1]), sizes)
    return weights if max_weight is None else _capped(weights, offsets, max_weight, period_ends)


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
