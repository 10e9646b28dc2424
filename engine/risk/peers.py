"""What the specific volatility of an asset's peers is: assets of about its size in its sector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray

FEWEST_PEERS = 2
"""Members with a volatility of their own that a group needs to speak for its assets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerVolatilities:
    """Cap-weighted mean and standard deviation (N,) of the volatilities of each asset's peers."""

    means: FloatArray
    deviations: FloatArray


def peer_volatilities(
    own: FloatArray,
    caps: FloatArray,
    sectors: NDArray[np.integer],
    present: NDArray[np.bool_],
    size_groups: int,
) -> PeerVolatilities:
    """Peers of N assets on one date, all arrays (N,).

    own: volatilities, NaN = unknown. caps: not above 0 or not finite = unknown. sectors: codes, negative =
    unknown. present: who is on the market; only these are anyone's peers.

    An asset's peers are the members with a volatility and a cap of its size group and sector, itself
    included; of its sector where they are fewer than two, or its cap is unknown; of the market where these
    are too, or its sector is unknown; and where no two of them have a cap, all volatilities that are known,
    equally weighted, present or not. No NaN unless no volatility is known.
    """
    sized = present & (caps > 0.0) & (caps < np.inf)
    groups = size_group(np.where(sized, caps, np.nan), size_groups)
    members = sized & np.isfinite(own)
    codes = np.where(sectors >= 0, sectors, -1).astype(np.int64)
    cells = np.where((groups >= 0) & (codes >= 0), codes * size_groups + groups, -1)
    market = np.zeros(len(own), dtype=np.int64)
    means, deviations = np.full(len(own), np.nan), np.full(len(own), np.nan)
    unset = np.ones(len(own), dtype=bool)
    for grouping in (cells, codes, market):
        mean, deviation = _grouped(own, caps, np.where(members, grouping, -1), grouping)
        found = unset & np.isfinite(mean)
        means[found], deviations[found] = mean[found], deviation[found]
        unset &= ~found
    known = own[np.isfinite(own)]
    if unset.any() and len(known):
        means[unset], deviations[unset] = known.mean(), known.std()
    return PeerVolatilities(means=means, deviations=deviations)


def size_group(caps: FloatArray, groups: int) -> NDArray[np.int64]:
    """(N,) group 0 (smallest) to groups - 1 of each cap (N,), groups of equal numbers; -1 for NaN.

    Equal caps are ordered by position.
    """
    count = int(np.isfinite(caps).sum())
    order = np.argsort(caps, kind="stable")[:count]  # NaN sorts last
    group = np.full(len(caps), -1, dtype=np.int64)
    group[order] = np.arange(count) * groups // max(count, 1)
    return group


def _grouped(
    values: FloatArray, weights: FloatArray, members: NDArray[np.int64], grouping: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """Weighted mean and deviation of each asset's group (N,), groups being codes from 0; NaN for an asset
    without a group (-1) or whose group has fewer than FEWEST_PEERS members."""
    joined = members >= 0
    size = int(grouping.max(initial=-1)) + 2  # the last one stays empty: code -1 looks it up
    codes, weight, value = members[joined], weights[joined], values[joined]
    # Shares of the largest, so that no sum of caps overflows.
    weight = weight / weight.max(initial=0.0) if len(weight) else weight
    counts = np.bincount(codes, minlength=size)
    totals = np.bincount(codes, weight, minlength=size)
    enough = (counts >= FEWEST_PEERS) & (totals > 0.0)
    totals = np.where(enough, totals, np.nan)
    mean = np.bincount(codes, weight * value, minlength=size) / totals
    spread = np.bincount(codes, weight * (value - mean[codes]) ** 2, minlength=size) / totals
    return mean[grouping], np.sqrt(spread)[grouping]
