"""Forming portfolios: filters, signal, ranking and legs of every period of a config."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.errors import NoPeriods
from engine.factors.config import FactorConfig, LongSide
from engine.factors.definition import SignalContext
from engine.factors.eligibility import BoolArray, IntArray, candidates
from engine.factors.portfolio import LegHoldings, Picks, Ranking, leg_holdings
from engine.factors.registry import FACTORS
from engine.factors.weights import raw_weights
from engine.panel import FloatArray
from engine.periods import PeriodPanel

_BLOCK_CELLS = 1 << 16  # periods are formed in blocks whose temporaries stay in the processor's cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Formation:
    """The portfolios of R periods, oldest first.

    rows: (R,) grid rows t-1 at whose ends they were formed. skipped: candidate periods without a portfolio.
    selections: the blocks of periods from which they were formed.
    """

    rows: IntArray
    skipped: int
    legs: dict[LongSide, LegHoldings]
    selections: tuple[Selection, ...]

    def signals(self, asset_count: int) -> FloatArray:
        """(R, N) of the assets that were eligible, NaN elsewhere."""
        joined = np.full((len(self.rows), asset_count), np.nan)
        start = 0
        for block in self.selections:
            stop = start + len(block.rows)
            joined[start:stop, block.columns] = np.where(block.eligible, block.signal, np.nan)[block.formed]
            start = stop
        return joined

    def long_leg(self, config: FactorConfig) -> LegHoldings:
        return self.legs[long_side(config)]

    def short_leg(self, config: FactorConfig) -> LegHoldings | None:
        """The other leg, None where the factor has one only."""
        bought = long_side(config)
        return next((leg for side, leg in self.legs.items() if side is not bought), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Assets picked in one block of K periods: `rows` are the grid rows t-1 of those that could be formed,
    `sizes` the assets a leg.

    formed: (K,) which could. signal, eligible: (K, C), by `columns` (C,) of the panel.
    """

    rows: IntArray
    sizes: IntArray
    max_eligible: int
    picks: dict[LongSide, Picks]
    formed: BoolArray
    columns: IntArray
    signal: FloatArray
    eligible: BoolArray


def form_portfolios(periods: PeriodPanel, config: FactorConfig) -> Formation:
    """Portfolios of all periods within the config's dates.

    Raises NoPeriods, InfeasibleMaxWeight.
    """
    formation_rows = reported_rows(periods, config)
    blocks = [
        form(candidates(periods, rows, config), config)
        for rows in _blocks(formation_rows, len(periods.panel.assets))
    ]
    formed = [block for block in blocks if len(block.rows)]
    if not formed:
        most = max((block.max_eligible for block in blocks), default=0)
        raise NoPeriods(most, config.min_eligible, len(formation_rows))
    rows = np.concatenate([block.rows for block in formed])
    sizes = np.concatenate([block.sizes for block in formed])
    picks = {side: Picks.joined([block.picks[side] for block in formed]) for side in formed[0].picks}
    return Formation(
        rows=rows,
        skipped=len(formation_rows) - len(rows),
        legs={side: leg_holdings(periods, rows, sizes, of_leg, config) for side, of_leg in picks.items()},
        selections=tuple(formed),
    )


def reported_rows(periods: PeriodPanel, config: FactorConfig) -> IntArray:
    """Rows t-1 of the periods t whose end lies within the reported dates and whose exit is in the data."""
    ends = periods.grid.ends
    held = np.arange(1, periods.executed_rows)
    if config.start_date is not None:
        held = held[ends[held] >= np.datetime64(config.start_date)]
    if config.end_date is not None:
        held = held[ends[held] <= np.datetime64(config.end_date)]
    return held - 1


def form(context: SignalContext, config: FactorConfig) -> Selection:
    """Signal and selection among the candidates of a block of periods."""
    weights = raw_weights(context, config)
    if weights is not None:
        context.eligible[np.isnan(weights)] = False
    signal = FACTORS[config.factor].compute_signal(context, config)
    eligible = context.eligible & np.isfinite(signal)
    return select(context, rank(signal, eligible, config), signal, eligible, weights, config)


def rank(signal: FloatArray, eligible: BoolArray, config: FactorConfig) -> Ranking:
    """The order in which legs are picked; of a long-only factor the largest come first, ties by id."""
    return Ranking.of(-signal if FACTORS[config.factor].long_only else signal, eligible)


def select(
    context: SignalContext,
    ranking: Ranking,
    signal: FloatArray,
    eligible: BoolArray,
    weights: FloatArray | None,
    config: FactorConfig,
) -> Selection:
    """The legs that a config picks from a ranking of (K, C) eligible signals; weights (K, C) None = equal."""
    counts = np.count_nonzero(eligible, axis=1)
    sizes = config.leg_sizes(counts)
    formed = sizes > 0
    picks = {}
    if formed.any():
        cells = {LongSide.HIGH: ranking.between(np.zeros_like(sizes), sizes)}
        if not FACTORS[config.factor].long_only:
            cells[LongSide.LOW] = cells[LongSide.HIGH]
            cells[LongSide.HIGH] = ranking.between(counts - sizes, counts)
        picks = {side: Picks.of(context, picked, sizes, signal, weights) for side, picked in cells.items()}
    return Selection(
        rows=context.rows[formed],
        sizes=sizes[formed],
        max_eligible=int(counts.max()),
        picks=picks,
        formed=formed,
        columns=context.columns,
        signal=signal,
        eligible=eligible,
    )


def long_side(config: FactorConfig) -> LongSide:
    """Which end of the signal the config buys."""
    side: LongSide = getattr(config, "long_side", FACTORS[config.factor].long_side)
    return side


def _blocks(rows: IntArray, asset_count: int) -> Iterator[IntArray]:
    step = max(1, _BLOCK_CELLS // max(1, asset_count))
    return (rows[start : start + step] for start in range(0, len(rows), step))
