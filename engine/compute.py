"""From a panel and a config to a factor's returns, compositions and performance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import NoPeriods
from engine.factors.config import FactorConfig, LongSide
from engine.factors.definition import SignalContext
from engine.factors.options import needed_fields, require_selectors
from engine.factors.registry import FACTORS
from engine.factors.value import ValueConfig
from engine.panel import DateArray, FloatArray, Panel
from engine.performance import Performance, ReturnHistory, performance
from engine.periods import PeriodGrid, PeriodPanel, build_periods
from engine.portfolio import (
    LegHoldings,
    ascending_order,
    leg_holdings,
    leg_returns,
    passes_filters,
    raw_weights,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorResult:
    """R reported periods of a factor.

    dates, formation_dates: (R,) end of each period and of the one before it, when its portfolio was formed.
    factor, long, short: (R,) simple returns; short is that of holding the short leg
    long, None where there is none.
    """

    dates: DateArray
    formation_dates: DateArray
    factor: FloatArray
    long: FloatArray
    short: FloatArray | None
    long_leg: LegHoldings
    short_leg: LegHoldings | None
    performance: Performance


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
    definition = FACTORS[config.factor]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        context, weights = _formation_context(periods, config)
        signal = definition.compute_signal(context, config)
        eligible = context.eligible & np.isfinite(signal)
        counts = np.count_nonzero(eligible, axis=1)
        sizes = config.leg_sizes(counts)
        formed = np.flatnonzero(sizes > 0)
        if len(formed) == 0:
            raise NoPeriods(int(counts.max(initial=0)), config.min_eligible, len(context.rows))
        skipped = len(context.rows) - len(formed)
        context = SignalContext(periods=periods, rows=context.rows[formed], eligible=eligible[formed])
        signal, counts, sizes = signal[formed], counts[formed], sizes[formed]
        weights = None if weights is None else weights[formed]

        side = config.long_side if isinstance(config, ValueConfig) else definition.long_side
        if definition.long_only:
            # the largest first, ties by ascending id: the ascending order of the negated signal
            order = ascending_order(-signal, context.eligible)
            starts = {side: np.zeros_like(sizes)}
        else:
            order = ascending_order(signal, context.eligible)
            starts = {LongSide.LOW: np.zeros_like(sizes), LongSide.HIGH: counts - sizes}
        legs = {
            end: leg_holdings(context, signal, order, start, sizes, weights, config)
            for end, start in starts.items()
        }
    long_leg = legs.pop(side)
    short_leg = next(iter(legs.values()), None)
    return _result(periods.grid, context.rows, long_leg, short_leg, skipped, config)


def _formation_context(periods: PeriodPanel, config: FactorConfig) -> tuple[SignalContext, FloatArray | None]:
    """The rows t-1 at which portfolios within the reported dates are formed, who passes the filters there,
    and the raw weights (None = equal); an asset without a weight is not eligible."""
    ends = periods.grid.ends
    held = np.arange(1, len(ends))
    if config.start_date is not None:
        held = held[ends[held] >= np.datetime64(config.start_date)]
    if config.end_date is not None:
        held = held[ends[held] <= np.datetime64(config.end_date)]
    rows = held - 1
    context = SignalContext(periods=periods, rows=rows, eligible=passes_filters(periods, rows, config))
    weights = raw_weights(context, config)
    if weights is not None:
        context.eligible[np.isnan(weights)] = False
    return context, weights


def _result(
    grid: PeriodGrid,
    rows: NDArray[np.int64],
    long_leg: LegHoldings,
    short_leg: LegHoldings | None,
    skipped: int,
    config: FactorConfig,
) -> FactorResult:
    legs = [long_leg] if short_leg is None else [long_leg, short_leg]
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
        missing_returns=sum(int(np.isnan(leg.period_returns).sum()) for leg in legs),
        breadth=sum(len(leg.assets) for leg in legs) / len(rows),
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
