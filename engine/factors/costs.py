"""What trading costs: how much of each leg is traded, and what remains of the returns.

Weights drift with what the assets earn, so even a portfolio of equal weights is traded back every period
(Novy-Marx and Velikov 2016, doi:10.1093/rfs/hhv063, on the turnover of factor strategies).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.factors.config import FactorConfig
from engine.factors.eligibility import BoolArray, IntArray
from engine.factors.portfolio import LegHoldings, earned_returns
from engine.panel import FloatArray
from engine.periods import PeriodPanel
from engine.statistics.return_series import DAYS_PER_YEAR

BASIS_POINTS = 1e4


@dataclass(frozen=True, slots=True, kw_only=True)
class Trading:
    """What R periods traded, as fractions of each leg's capital, and what holding the short leg cost.

    long, short: (R,) sum of |weight - drifted previous weight|; short is None where there is no short leg.
    entries: (R,) periods whose portfolio was bought from nothing: trades of 1 a leg.
    carry: (R,) fraction of capital paid for the short leg.
    """

    long: FloatArray
    short: FloatArray | None
    entries: BoolArray
    carry: FloatArray

    @property
    def traded(self) -> FloatArray:
        """(R,) of both legs."""
        return self.long if self.short is None else self.long + self.short

    @property
    def turnover(self) -> FloatArray:
        """(R,) of both legs, one-way: what was bought, or what was sold."""
        return self.traded / 2.0


def trading(
    rows: IntArray,
    long_leg: LegHoldings,
    short_leg: LegHoldings | None,
    periods: PeriodPanel,
    config: FactorConfig,
) -> Trading:
    """Trades of the portfolios formed at grid rows `rows` (R,).

    The first portfolio and each after a skipped period are entries; a skipped period liquidates what was held
    before it, charged to the last invested period. The final exit is free.
    """
    entries = np.ones(len(rows), dtype=np.bool_)
    entries[1:] = np.diff(rows) > 1
    days = (periods.grid.ends[rows + 1] - periods.grid.ends[rows]).astype(np.int64)
    carry_rate = 0.0 if short_leg is None else config.short_carry_bps / BASIS_POINTS / DAYS_PER_YEAR
    assets = len(periods.panel.assets)
    return Trading(
        long=_traded(long_leg, entries, assets, config),
        short=None if short_leg is None else _traded(short_leg, entries, assets, config),
        entries=entries,
        carry=np.asarray(carry_rate * days),
    )


def net_returns(returns: FloatArray, trading: Trading, config: FactorConfig) -> FloatArray:
    """(R,) returns after the cost of trading and of holding the short leg."""
    return np.asarray(returns - config.cost_bps / BASIS_POINTS * trading.traded - trading.carry)


def drifted_weights(leg: LegHoldings, config: FactorConfig) -> FloatArray:
    """(H,) each period's weights at its end, summing to 1; 0 where the leg has lost everything."""
    grown = leg.weights * (1.0 + earned_returns(leg.period_returns, config))
    total = np.add.reduceat(grown, leg.offsets[:-1])
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(grown * np.repeat(scale, np.diff(leg.offsets)))


def _traded(leg: LegHoldings, entries: BoolArray, asset_count: int, config: FactorConfig) -> FloatArray:
    """(R,) sum of |weight - drifted previous weight| over all assets; see `trading`."""
    count = len(entries)
    period = np.repeat(np.arange(count), np.diff(leg.offsets))
    drifted = drifted_weights(leg, config)
    held_before = np.zeros((count + 1, asset_count))
    held_before[period + 1, leg.assets] = drifted
    held_before[:-1][entries] = 0.0
    bought = np.abs(leg.weights - held_before[period, leg.assets])
    held_before[period, leg.assets] = 0.0  # what is left was sold entirely
    traded = np.add.reduceat(bought, leg.offsets[:-1]) + held_before[:-1].sum(axis=1)
    traded[entries] = 1.0
    liquidated = np.flatnonzero(entries[1:])
    traded[liquidated] += np.add.reduceat(drifted, leg.offsets[:-1])[liquidated]
    return np.asarray(traded)
