"""A factor run's monthly sheet: what its series did up to a date, and what it held then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np

from app.context import Services
from app.datasets.risk_free import RiskFree, RiskFreeRequest, resolve_risk_free
from app.datasets.snapshot import open_snapshot
from app.errors import DatasetUnavailable, FieldError, InvalidInput
from app.runs.series import SeriesName
from db import datasets as dataset_store
from db.records import CompositionRecord, DatasetRecord, LegRecord, RunRecord, SeriesRecord
from db.runs import results as result_store
from engine.errors import NoPeriodsAsOf
from engine.factors.config import FactorConfig
from engine.factors.monthly_metrics import (
    HeldLeg,
    HoldingsSheet,
    MonthlySheet,
    holdings_sheet,
    monthly_metrics,
)
from engine.factors.portfolio import earned_returns
from engine.factors.registry import FactorName, parse_config
from engine.panel import VOLUME, Calendar, DateArray, FloatArray, Panel
from engine.periods import DAYS_PER_WEEK, Rebalance, period_grid, periods_per_year

_HOLIDAYS = np.timedelta64(4, "D")  # by which a session may end before its calendar interval does
_OF_HOLDINGS = (
    "concentration",
    "contribution_to_return",
    "top_contributor",
    "top_contribution",
    "average_daily_volume_usd",
    "average_market_cap_usd",
)


@dataclass(frozen=True, slots=True)
class UndefinedFigure:
    """Why a figure, by its name in MonthlyMetrics, is None. `reason` is a stable name."""

    metric: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlyMetrics:
    """The figures of `MonthlySheet` and `HoldingsSheet`, in their units and with their definitions.

    The holdings are those of the last period that ended by `as_of`; top_contributor is an asset's id. Each
    figure that is None has an entry in `undefined`.
    """

    as_of: date
    last_period_end: date
    num_periods: int
    last_period_return: float
    month_to_date_return: float | None
    year_to_date_return: float | None
    annualized_return: float | None
    annualized_volatility: float | None
    excess_annualized_return: float | None
    sharpe_ratio: float | None
    sortino_ratio: float | None
    current_drawdown: float | None
    concentration: float | None
    contribution_to_return: float | None
    top_contributor: str | None
    top_contribution: float | None
    average_daily_volume_usd: float | None
    average_market_cap_usd: float | None
    undefined: tuple[UndefinedFigure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """How stored results are read: one by one, or gathered with those of other runs.

    series by (run id, name), composition by (run id, a day in its period), dataset and its asset names, by
    ordinal, by dataset id; None where there is none. risk_free raises where there is no such rate.
    """

    series: Callable[[tuple[int, str]], Awaitable[SeriesRecord | None]]
    composition: Callable[[tuple[int, date | None]], Awaitable[CompositionRecord | None]]
    dataset: Callable[[int], Awaitable[DatasetRecord | None]]
    asset_names: Callable[[int], Awaitable[Sequence[str] | None]]
    risk_free: Callable[[RiskFreeRequest], Awaitable[RiskFree]]

    @classmethod
    def one_by_one(cls, services: Services) -> Reads:
        store = services.store

        async def series(key: tuple[int, str]) -> SeriesRecord | None:
            return (await result_store.get_series(store, [key[0]], [key[1]])).get(key)

        async def composition(key: tuple[int, date | None]) -> CompositionRecord | None:
            return (await result_store.get_compositions(store, [key])).get(key)

        async def dataset(dataset_id: int) -> DatasetRecord | None:
            return (await dataset_store.get_datasets(store, [dataset_id])).get(dataset_id)

        async def asset_names(dataset_id: int) -> Sequence[str] | None:
            return (await dataset_store.asset_names(store, [dataset_id])).get(dataset_id)

        async def risk_free(request: RiskFreeRequest) -> RiskFree:
            return await resolve_risk_free(services, request)

        return cls(
            series=series,
            composition=composition,
            dataset=dataset,
            asset_names=asset_names,
            risk_free=risk_free,
        )


async def run_monthly_metrics(
    services: Services,
    run: RunRecord,
    *,
    as_of: date | None = None,
    risk_free: RiskFreeRequest | None = None,
    reads: Reads | None = None,
) -> MonthlyMetrics | None:
    """The sheet of a run's gross returns as of a date, absent its last period end; None without a series.

    A composition says what was held; the average volume is that of the interval in which it was formed, from
    the dataset's files. Without either, the figures that rest on them are None. Raises InvalidInput where no
    period had ended, and what reading the risk-free rate raises.
    """
    reads = reads or Reads.one_by_one(services)
    series = await reads.series((run.id, SeriesName.FACTOR.value))
    if series is None:
        return None
    known = np.isfinite(series.values)
    dates, returns = series.dates[known], series.values[known]
    if len(dates) == 0:
        return None
    rate = None if risk_free is None else await reads.risk_free(risk_free)
    dataset = None if run.dataset_id is None else await reads.dataset(run.dataset_id)
    rebalance = Rebalance(run.config.get("rebalance") or Rebalance.WEEKLY)
    calendar = Calendar.EVERY_DAY if dataset is None else Calendar(dataset.calendar)
    rates = None if rate is None else rate.returns(period_starts(dates, rebalance, calendar), dates)
    try:
        sheet = monthly_metrics(
            dates,
            returns,
            as_of=dates[-1] if as_of is None else np.datetime64(as_of, "D"),
            periods_per_year=periods_per_year(rebalance, calendar),
            risk_free=rates,
        )
    except NoPeriodsAsOf as error:
        raise InvalidInput(str(error), (FieldError(("as_of",), error.code, str(error)),)) from None
    if dataset is None:
        return _without_holdings(sheet, "an imported run has no portfolios")
    composition = await reads.composition((run.id, sheet.last_period_end))
    if composition is None:
        when = f"the period that ended {sheet.last_period_end}"
        return _without_holdings(sheet, f"the run recorded no portfolio for {when}")
    names = await reads.asset_names(dataset.id) or ()
    volumes, without = await _daily_volumes(services, dataset, rebalance, composition)
    config = parse_config(FactorName(run.subject), run.config)
    return _with_holdings(sheet, composition, config, names, volumes, without)


def period_starts(ends: DateArray, rebalance: Rebalance, calendar: Calendar) -> DateArray:
    """(n,) the days after which the periods that end on `ends` (n,), increasing, began to earn.

    By the calendar, not by the period before, which may have been skipped; of sessions it is the end of the
    period before if that is no more than some holidays further back.
    """
    if rebalance is Rebalance.MONTHLY:
        starts = ends.astype("datetime64[M]").astype("datetime64[D]") - np.timedelta64(1, "D")
    else:
        days = DAYS_PER_WEEK if rebalance is Rebalance.WEEKLY else 1
        starts = ends - np.timedelta64(days, "D")
    if calendar is Calendar.OBSERVED:
        near = starts[1:] - ends[:-1] <= _HOLIDAYS
        starts[1:] = np.where(near, ends[:-1], starts[1:])
    return np.asarray(starts)


async def _daily_volumes(
    services: Services, dataset: DatasetRecord, rebalance: Rebalance, composition: CompositionRecord
) -> tuple[FloatArray, UndefinedFigure | None]:
    """(N,) USD a day of the dataset's assets where the composition was formed; or why there are none."""

    def read() -> FloatArray | None:
        panel = open_snapshot(services.settings.datasets_dir, dataset.fingerprint)
        if VOLUME not in panel.fields:
            return None
        return interval_volumes(panel, rebalance, composition.period_start)

    name, reason, detail = "average_daily_volume_usd", "MISSING_FIELD", "the dataset has no field 'volume'"
    try:
        volumes = await asyncio.to_thread(read)
    except DatasetUnavailable as error:
        volumes, reason, detail = None, error.code, error.message
    if volumes is not None:
        return volumes, None
    return np.full(dataset.asset_count, np.nan), UndefinedFigure(name, reason, detail)


def interval_volumes(panel: Panel, rebalance: Rebalance, formed_on: date) -> FloatArray:
    """(N,) mean USD volume over the days, known ones alone, of the grid interval that ended on `formed_on`;
    NaN where no day has one, and throughout if there is no such interval."""
    grid = period_grid(panel, rebalance)
    row = int(np.searchsorted(grid.ends, np.datetime64(formed_on, "D")))
    if row == len(grid) or grid.ends[row].item() != formed_on:
        return np.full(len(panel.assets), np.nan)
    days = np.asarray(panel.fields[VOLUME][grid.first_rows[row] : grid.stop_rows[row]])
    counts = np.isfinite(days).sum(axis=0)
    sums = np.where(np.isfinite(days), days, 0.0).sum(axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _with_holdings(
    sheet: MonthlySheet,
    composition: CompositionRecord,
    config: FactorConfig,
    names: Sequence[str],
    volumes: FloatArray,
    without_volumes: UndefinedFigure | None,
) -> MonthlyMetrics:
    held = holdings_sheet(
        _held(composition.long, config, volumes),
        None if composition.short is None else _held(composition.short, config, volumes),
    )
    undefined = [
        UndefinedFigure(one.metric, one.reason.value, one.detail)
        for one in held.undefined
        if without_volumes is None or one.metric != without_volumes.metric
    ]
    if without_volumes is not None:
        undefined.append(without_volumes)
    undefined += [
        UndefinedFigure("top_contributor", one.reason, one.detail)
        for one in undefined
        if one.metric == "top_contribution"
    ]
    figures = _figures(held) | {
        "top_contributor": None if held.top_contributor is None else names[held.top_contributor]
    }
    return _joined(sheet, figures, undefined)


def _held(leg: LegRecord, config: FactorConfig, volumes: FloatArray) -> HeldLeg:
    assets = leg.asset_ordinals.astype(np.int64)
    # Contributions are to the run's return, so of what the run took its holdings to have earned. The 0 that
    # it takes for a missing return is no reason to call that holding the top contributor.
    earned = earned_returns(leg.period_returns, config)
    return HeldLeg(
        assets=assets,
        weights=leg.weights,
        returns=np.where(np.isnan(leg.period_returns) & (earned == 0.0), np.nan, earned),
        market_caps=leg.market_caps,
        daily_volumes=volumes[assets],
    )


def _without_holdings(sheet: MonthlySheet, detail: str) -> MonthlyMetrics:
    return _joined(sheet, {}, [UndefinedFigure(name, "NO_COMPOSITION", detail) for name in _OF_HOLDINGS])


def _figures(holdings: HoldingsSheet) -> dict[str, Any]:
    return {name: getattr(holdings, name) for name in _OF_HOLDINGS}


def _joined(
    sheet: MonthlySheet, holdings: Mapping[str, Any], undefined: Sequence[UndefinedFigure]
) -> MonthlyMetrics:
    of_sheet = {item.name: getattr(sheet, item.name) for item in fields(sheet) if item.name != "undefined"}
    return MonthlyMetrics(
        **of_sheet,
        **dict.fromkeys(_OF_HOLDINGS) | dict(holdings),
        undefined=(
            *(UndefinedFigure(one.metric, one.reason.value, one.detail) for one in sheet.undefined),
            *undefined,
        ),
    )
