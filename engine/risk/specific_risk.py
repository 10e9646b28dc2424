"""Forecasts of the risk of each asset that no factor explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.config import Config, option
from engine.panel import DateArray, FloatArray
from engine.risk.newey_west import RunningVariances
from engine.risk.peers import PeerVolatilities, peer_volatilities
from engine.risk.regime import bias_square, regime_multipliers


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecificRiskConfig(Config):
    """How the risk that no factor explains is estimated."""

    half_life: float = option(84.0, 1.0, 10_000.0, "Half-life of an asset's own volatility, in rows")
    lags: int = option(5, 0, 60, "Newey-West lags of an asset's own volatility, in rows")
    shrinkage: float = option(
        0.1, 0.0, 100.0, "How much a distance from the peers counts against their deviation"
    )
    size_groups: int = option(
        10,
        1,
        100,
        "Groups of equal numbers of assets by market cap; an asset's peers are those of its group and sector",
    )
    min_observations: int = option(
        60, 2, 10_000, "Specific returns without which an asset has the risk of its peers alone"
    )
    regime_half_life: float | None = option(
        42.0, 1.0, 10_000.0, "Half-life of the volatility-regime adjustment, in rows", null="none is made"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecificRisk:
    """Specific volatilities of N assets at the end of M rows of the history, annualised.

    rows: (M,) positions in the history, dates (M,) theirs. volatilities: (M, N) forecasts, NaN only where
    the asset has no price. own: (M, N) of the asset's own specific returns, NaN where they are too few.
    peer: (M, N) the mean of its peers. peer_shares: (M, N) share v of the peers in the forecast, 1 where
    there is none of its own. All three but the shares have the regime multiplier in them, regime_multipliers
    (M,), which is 1 where switched off. observations: (M, N) specific returns so far.
    """

    rows: NDArray[np.int64]
    dates: DateArray
    volatilities: FloatArray
    own: FloatArray
    peer: FloatArray
    peer_shares: FloatArray
    regime_multipliers: FloatArray
    observations: NDArray[np.int64]


def specific_risks(
    specific_returns: FloatArray,
    caps: FloatArray,
    sectors: NDArray[np.integer],
    priced: NDArray[np.bool_],
    dates: DateArray,
    at_rows: NDArray[np.int64],
    days_per_year: int,
    *,
    config: SpecificRiskConfig | None = None,
) -> SpecificRisk:
    """Specific volatilities at the end of the rows `at_rows`, ascending, from what is known by then.

    specific_returns: (T, N) fractions a row, NaN = none. caps: (T, N) in any unit, not above 0 or not
    finite = unknown. sectors: (T, N) or (N,) codes, negative = unknown. priced: (T, N) whether the asset has
    a price. dates: (T,) of the rows.

    sigma = v s_peer + (1 - v) s_own with v = q |s_own - s_peer| / (D + q |s_own - s_peer|), s_own
    exponentially weighted with Newey-West lags, s_peer and D the cap-weighted mean and deviation of s_own
    over the assets of the same size group and sector (`engine.risk.peers`); s_peer alone without enough
    observations (Menchero, Orr and Wang 2011, "The Barra US Equity Model (USE4)", on Bayesian shrinkage). The
    volatility regime is that of cap-weighted squared returns over the one-row variances known the row before
    (no lags), the caps being of the row before too. Rows at which no asset has enough observations are left
    out.

    Raises ValueError for arrays whose shapes do not match.
    """
    config = config or SpecificRiskConfig()
    count, assets = specific_returns.shape
    if caps.shape != (count, assets) or priced.shape != (count, assets) or len(dates) != count:
        raise ValueError(f"caps {caps.shape}, prices {priced.shape} and {len(dates)} dates do not match")
    if sectors.shape not in ((assets,), (count, assets)):
        raise ValueError(f"sectors {sectors.shape} do not fit {count} rows of {assets} assets")
    wanted = np.asarray(at_rows, dtype=np.int64)
    if len(wanted) and (wanted[0] < 0 or wanted[-1] >= count or (np.diff(wanted) <= 0).any()):
        raise ValueError("at_rows must ascend and lie within the history")
    sectors = np.broadcast_to(sectors, (count, assets))
    variances, observations, squares = _history(specific_returns, caps, wanted, config)
    enough = observations >= config.min_observations
    kept = enough.any(axis=1)
    rows, observations = wanted[kept], observations[kept]
    own = np.sqrt(np.where(enough, variances, np.nan)[kept])
    peer, volatilities, shares = np.empty_like(own), np.empty_like(own), np.empty_like(own)
    for at, row in enumerate(rows.tolist()):
        peers = peer_volatilities(own[at], caps[row], sectors[row], priced[row], config.size_groups)
        peer[at] = peers.means
        volatilities[at], shares[at] = shrunk(own[at], peers, config.shrinkage)
    absent = ~priced[rows]
    volatilities[absent] = np.nan
    multipliers = np.ones(count)
    if config.regime_half_life is not None:
        multipliers = regime_multipliers(squares, config.regime_half_life)
    multipliers = multipliers[rows]
    scale = (multipliers * np.sqrt(days_per_year))[:, None]
    return SpecificRisk(
        rows=rows,
        dates=dates[rows],
        volatilities=volatilities * scale,
        own=own * scale,
        peer=peer * scale,
        peer_shares=shares,
        regime_multipliers=multipliers,
        observations=observations,
    )


def shrunk(own: FloatArray, peers: PeerVolatilities, shrinkage: float) -> tuple[FloatArray, FloatArray]:
    """Volatilities (N,) between an asset's own (N,) and its peers' mean, and the peers' share v (N,) in them.

    NaN in own: the peers' mean, v = 1. An asset at its peers' mean has v = 0.
    """
    distance = shrinkage * np.abs(own - peers.means)
    known = np.isfinite(own)
    total = peers.deviations + distance
    share = np.divide(distance, total, out=np.zeros_like(own), where=known & (total > 0.0))
    share[~known] = 1.0
    blended = share * peers.means + (1.0 - share) * np.where(known, own, 0.0)
    return blended, share


def _history(
    returns: FloatArray, caps: FloatArray, wanted: NDArray[np.int64], config: SpecificRiskConfig
) -> tuple[FloatArray, NDArray[np.int64], FloatArray]:
    """Own variances (M, N) and observations (M, N) at the wanted rows, and squared cross-sectional bias
    statistics (T,) of every row up to the last wanted one, in one pass."""
    count, assets = returns.shape
    long_run = RunningVariances(assets, config.half_life, config.lags)
    one_row = RunningVariances(assets, config.half_life, 0)
    variances = np.empty((len(wanted), assets))
    observations = np.empty((len(wanted), assets), dtype=np.int64)
    squares = np.full(count, np.nan)
    at = 0
    for row in range(int(wanted[-1]) + 1 if len(wanted) else 0):
        if config.regime_half_life is not None:
            usable = one_row.observations >= config.min_observations
            if usable.any():  # never before the second row
                forecasts = np.where(usable, one_row.variances(), np.nan)
                squares[row] = bias_square(returns[row], forecasts, caps[row - 1])
            one_row.add(returns[row])
        long_run.add(returns[row])
        if row == wanted[at]:
            variances[at], observations[at] = long_run.variances(), long_run.observations
            at += 1
    return variances, observations, squares
