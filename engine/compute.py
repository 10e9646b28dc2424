"""From a panel and a config to a factor's returns, compositions and performance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import NoPeriods
from engine.factors.config import FactorConfig, LongSide
from engine.factors.options import needed_fields, require_selectors
from engine.factors.registry import FACTORS
from engine.factors.value import ValueConfig
from engine.panel import DateArray, FloatArray, Panel
from engine.performance import Performance, ReturnHistory, performance
from engine.periods import PeriodGrid, PeriodPanel, build_periods
from engine.portfolio import (
    BoolArray,
    IntArray,
    LegHoldings,
    Picks,
    Ranking,
    candidates,
    in_universe,
    leg_holdings,
    leg_returns,
    raw_weights,
)

_BLOCK_CELLS = 1 << 16  # periods are formed in blocks whose temporaries stay in the processor's cache


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorResult:
    """R reported periods of a factor.

    dates, formation_dates: (R,) end of each period and of the one before it, when its portfolio was formed.
    factor, long, short: (R,) simple returns; short is that of holding the short leg long, None where there
    is none.
    """

    dates: DateArray
    formation_dates: DateArray
    factor: FloatArray
    long: FloatArray
    short: FloatArray | None
    long_leg: LegHoldings
    short_leg: LegHoldings | None
    performance: Performance


@dataclass(frozen=True, slots=True, kw_only=True)
class _Formed:
    """Portfolios formed in one block: `rows` are the grid rows t-1 of those that could be, `sizes` the
    assets a leg."""

    rows: IntArray
    sizes: IntArray
    max_eligible: int
    picks: dict[LongSide, Picks]


def compute_factor(panel: Panel, config: FactorConfig, *, periods: PeriodPanel | None = None) -> FactorResult:
    """Compute a factor model.

    `periods` may be given when the panel was aggregated before: the config's grid, with the needed fields.
    Point-in-time: the portfolio of period t depends on grid rows up to t-1 and on the calendar alone.
    Raises MissingField, InvalidConfig (unknown assets), NoPeriods, InfeasibleMaxWeight.
    """
    fields = needed_fields(config, panel.fields)
    require_selectors(config, panel.assets, panel.attributes)
    if periods is None:
        periods = build_periods(panel, config.rebalance, fields)
    formation_rows = _formation_rows(periods.grid, config)
    allowed = in_universe(panel, config)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        blocks = [
            _form(periods, rows, allowed, config) for rows in _blocks(formation_rows, len(panel.assets))
        ]
        formed = [block for block in blocks if len(block.rows)]
        if not formed:
            most = max((block.max_eligible for block in blocks), default=0)
            raise NoPeriods(most, config.min_eligible, len(formation_rows))
        rows = np.concatenate([block.rows for block in formed])
        sizes = np.concatenate([block.sizes for block in formed])
        legs = {
            side: leg_holdings(
                periods, rows, sizes, Picks.joined([block.picks[side] for block in formed]), config
            )
            for side in formed[0].picks
        }
        return _result(periods.grid, rows, legs, len(formation_rows) - len(rows), config)


def _formation_rows(grid: PeriodGrid, config: FactorConfig) -> IntArray:
    """Rows t-1 of the periods t whose end lies within the reported dates."""
    held = np.arange(1, len(grid))
    if config.start_date is not None:
        held = held[grid.ends[held] >= np.datetime64(config.start_date)]
    if config.end_date is not None:
        held = held[grid.ends[held] <= np.datetime64(config.end_date)]
    return held - 1


def _blocks(rows: IntArray, asset_count: int) -> Iterator[IntArray]:
    step = max(1, _BLOCK_CELLS // max(1, asset_count))
    return (rows[start : start + step] for start in range(0, len(rows), step))


def _form(periods: PeriodPanel, rows: IntArray, in_universe: BoolArray, config: FactorConfig) -> _Formed:
    """Filters, signal and selection of the portfolios formed at `rows`."""
    definition = FACTORS[config.factor]
    context = candidates(periods, rows, in_universe, config)
    if len(context.columns) == 0:
        return _Formed(rows=rows[:0], sizes=rows[:0], max_eligible=0, picks={})
    weights = raw_weights(context, config)
    if weights is not None:
        context.eligible[np.isnan(weights)] = False
    signal = definition.compute_signal(context, config)
    eligible = context.eligible & np.isfinite(signal)
    counts = np.count_nonzero(eligible, axis=1)
    sizes = config.leg_sizes(counts)
    if definition.long_only:
        # the largest first, but ties by ascending id
        picked = {LongSide.HIGH: Ranking.of(-signal, eligible).between(np.zeros_like(sizes), sizes)}
    else:
        ranking = Ranking.of(signal, eligible)
        picked = {
            LongSide.LOW: ranking.between(np.zeros_like(sizes), sizes),
            LongSide.HIGH: ranking.between(counts - sizes, counts),
        }
    return _Formed(
        rows=rows[sizes > 0],
        sizes=sizes[sizes > 0],
        max_eligible=int(counts.max()),
        picks={side: Picks.of(context, cells, sizes, signal, weights) for side, cells in picked.items()},
    )


def _result(
    grid: PeriodGrid,
    rows: NDArray[np.int64],
    legs: dict[LongSide, LegHoldings],
    skipped: int,
    config: FactorConfig,
) -> FactorResult:
    long_side = config.long_side if isinstance(config, ValueConfig) else FACTORS[config.factor].long_side
    long_leg = legs[long_side]
    short_leg = next((leg for side, leg in legs.items() if side is not long_side), None)
    long = leg_returns(long_leg, config.missing_return)
    short = None if short_leg is None else leg_returns(short_leg, config.missing_return)
    factor = long if short is None else long - short
    dates = grid.ends[rows + 1]
    history = ReturnHistory(
        dates=dates,
        formation_date=grid.ends[rows[0]],
        returns=factor,
        long_returns=long,
        short_returns=short,
        periods_per_year=grid.periods_per_year,
        grid_periods=int(rows[-1] - rows[0]) + 1,
        skipped_periods=skipped,
        missing_returns=sum(int(np.isnan(leg.period_returns).sum()) for leg in legs.values()),
        breadth=sum(len(leg.assets) for leg in legs.values()) / len(rows),
        long_hhi=_latest_hhi(long_leg),
        short_hhi=None if short_leg is None else _latest_hhi(short_leg),
    )
    return FactorResult(
        dates=dates,
        formation_dates=grid.ends[rows],
        factor=factor,
        long=long,
        short=short,
        long_leg=long_leg,
        short_leg=short_leg,
        performance=performance(history),
    )


def _latest_hhi(leg: LegHoldings) -> float:
    """Herfindahl-Hirschman index of the latest leg: 1 / k for k equal weights, 1 for a single asset."""
    return float((leg.weights[leg.offsets[-2] :] ** 2).sum())
