"""Succeeded runs as the older system knew them: one row of its logs, in its names and units."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.features.factors.latest import RunWithPerformance, with_performance
from app.features.legacy.logs.records import METRIC_FIELDS, SETTING_FIELDS, LegacyRun, LegacySeries
from db.records import RunKind, RunRecord, SeriesRecord
from db.runs import read as run_queries
from db.runs.read import Choice, RunFilter
from db.store import Store
from engine.factors.registry import FactorName

RUN_ID_FORMAT = "%Y%m%d_%H%M%S"
UNKNOWN_WEIGHTING = "legacy_weighting_method"
"""In the config of an imported run: a weighting method that no factor of today has."""


async def last_runs(
    store: Store, factor: FactorName, count: int, *, now: datetime
) -> list[RunWithPerformance]:
    """Return the last `count` (1 to 100) succeeded runs of a factor, computed or imported; latest last."""
    where = RunFilter(subject=Choice(eq=factor.value))
    runs = await run_queries.last_runs(store, where, kind=RunKind.FACTOR, first=count, now=now)
    return await with_performance(store, reversed(runs))


def log_row(item: RunWithPerformance, run_id: str | None = None) -> LegacyRun:
    """One row of the run's log. Unless another `run_id` is given, an imported run has the one that it came
    with, a computed run the second in which it finished."""
    run, performance = item.run, item.performance
    return LegacyRun(
        factor=_factor_of(run),
        legacy_run_id=run_id or run.legacy_run_id or run_id_at(finished_at(run)),
        weighting_method=weighting_word(run.config),
        **{name: run.config.get(name) for name in SETTING_FIELDS if name != "weighting_method"},
        **{name: getattr(performance, name) for name in METRIC_FIELDS},
    )


def log_series(run: LegacyRun, series: SeriesRecord) -> LegacySeries:
    """The period returns of a row's run."""
    dates: list[date] = series.dates.astype("datetime64[D]").tolist()
    return LegacySeries(
        factor=run.factor,
        legacy_run_id=run.legacy_run_id,
        dates=tuple(dates),
        returns=tuple(series.values.tolist()),
    )


def weighting_word(config: Mapping[str, Any]) -> str | None:
    """The weighting method as the older system spelt it, also where it is none of today's."""
    known = config.get("weighting_method")
    unknown: str | None = config.get(UNKNOWN_WEIGHTING)
    return unknown if known is None else str(known).lower()


def run_id_at(moment: datetime) -> str:
    """The run id of that second, as the older system made them; the clock is UTC."""
    return moment.astimezone(UTC).strftime(RUN_ID_FORMAT)


def next_run_id(run_id: str) -> str:
    """The run id of the next second."""
    moment = datetime.strptime(run_id, RUN_ID_FORMAT).replace(tzinfo=UTC)
    return run_id_at(moment + timedelta(seconds=1))


def finished_at(run: RunRecord) -> datetime:
    return run.finished_at or run.created_at


def _factor_of(run: RunRecord) -> str:
    if run.subject is None:
        raise ValueError(f"run {run.id} is of no factor")
    return run.subject.lower()
