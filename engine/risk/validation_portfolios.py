"""Portfolios that no one optimised, to judge a risk model by.

Each function gives weights (P, N) on one date, from what is known then. caps: (N,) in any unit; eligible:
(N,) who may be held; who has no finite cap above 0 never is. A portfolio that nobody can be in has zero
weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray
from engine.statistics.undefined import ZERO_STD

SEED = 20_110_802


def random_portfolios(
    caps: FloatArray,
    eligible: NDArray[np.bool_],
    *,
    count: int = 100,
    size: int = 100,
    seed: int = SEED,
) -> FloatArray:
    """(count, N) cap-weighted, long only, of `size` random assets each, at most half of all there are, for
    they would be alike; weights sum to 1.

    Each portfolio is an order of all N assets that the seed sets, and holds the first that are eligible: a
    portfolio of one date differs from that of another only by who came and went.
    """
    return first_in_order(random_orders(count, len(caps), seed), caps, eligible, size)


def random_orders(count: int, assets: int, seed: int = SEED) -> NDArray[np.int32]:
    """(count, N) orders of all assets, those of random_portfolios."""
    keys = np.random.Generator(np.random.PCG64(seed)).random((count, assets))
    return keys.argsort(axis=1).astype(np.int32)


def first_in_order(
    orders: NDArray[np.int32], caps: FloatArray, eligible: NDArray[np.bool_], size: int
) -> FloatArray:
    """(count, N) cap-weighted portfolios of the first `size` eligible assets of each order (count, N), at
    most half of them."""
    allowed = _holdable(caps, eligible)
    weights = np.zeros(orders.shape)
    held = min(size, -(-int(allowed.sum()) // 2))
    if held == 0:
        return weights
    picked = allowed[orders]
    picked &= np.cumsum(picked, axis=1, dtype=np.int32) <= held
    picks = orders[picked].reshape(len(orders), held)
    np.put_along_axis(weights, picks, caps[picks], axis=1)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def sector_portfolios(
    caps: FloatArray, sectors: NDArray[np.integer], sector_count: int, eligible: NDArray[np.bool_]
) -> FloatArray:
    """(sector_count, N) cap-weighted, long only, of all assets of each sector; weights sum to 1.

    sectors: (N,) codes from 0, negative = none.
    """
    allowed = _holdable(caps, eligible)
    members = (sectors == np.arange(sector_count)[:, None]) & allowed
    weights = np.where(members, caps, 0.0)
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(weights, total, out=np.zeros_like(weights), where=total > 0.0))


def factor_portfolios(caps: FloatArray, scores: FloatArray, eligible: NDArray[np.bool_]) -> FloatArray:
    """(K, N) long high and short low scores (N, K): weights in proportion to the cap times the score's
    distance from its cap-weighted mean; 1 is long and 1 is short.

    An asset without a score (NaN) is not held; a score that does not vary has zero weights.
    """
    allowed = _holdable(caps, eligible) & np.isfinite(scores.T)
    value = np.where(allowed, scores.T, 0.0)
    share = np.where(allowed, caps, 0.0)
    total = share.sum(axis=1, keepdims=True)
    share = np.divide(share, total, out=np.zeros_like(share), where=total > 0.0)
    tilt = share * (value - (share * value).sum(axis=1, keepdims=True))
    gross = np.abs(tilt).sum(axis=1, keepdims=True)
    varies = gross > ZERO_STD * np.maximum(1.0, np.abs(value).max(axis=1, keepdims=True, initial=0.0))
    return np.asarray(np.divide(2.0 * tilt, gross, out=np.zeros_like(tilt), where=varies))


def _holdable(caps: FloatArray, eligible: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return eligible & (caps > 0.0) & (caps < np.inf)
