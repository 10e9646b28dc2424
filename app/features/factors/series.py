"""The weekly returns of factor runs, named so that people can tell them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.context import Services
from app.datasets.service import DatasetRef, resolve_dataset
from app.errors import FieldError, InvalidInput, RunNotFound
from app.runs.series import SeriesName
from db.datasets import get_datasets
from db.records import DatasetRecord, RunKind, RunOrigin, RunRecord, RunStatus, SeriesRecord
from db.runs import results as result_store
from db.runs.read import Choice, RunFilter, get_runs, latest_runs
from engine.exposures.returns import FactorSeries
from engine.factors.registry import FACTORS, FactorName
from engine.panel import DateArray
from engine.periods import DAYS_PER_WEEK, Rebalance

RUN_IDS = "run_ids"


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorRunSeries:
    """A run and its gross returns. series.name: the factor in lower case, with the run where it occurs
    twice (`smb#12`)."""

    run: RunRecord
    series: FactorSeries


async def get_factor_series(
    services: Services, run_ids: Sequence[int], *, fewest: int, most: int
) -> tuple[FactorRunSeries, ...]:
    """The runs in the order asked for. Faults are at (`run_ids`, position).

    Raises RunNotFound, and InvalidInput for fewer or more than allowed, one given twice, one that is no
    succeeded weekly factor run, and an imported one without a return series.
    """
    if not fewest <= len(run_ids) <= most:
        message = f"between {fewest} and {most} runs are needed, not {len(run_ids):,}"
        raise InvalidInput(message, (FieldError((RUN_IDS,), "OUT_OF_RANGE", message),))
    _check_distinct(run_ids)
    found = await get_runs(services.store, run_ids)
    runs = []
    for position, run_id in enumerate(run_ids):
        run = found.get(run_id)
        if run is None or run.kind != RunKind.FACTOR:
            raise RunNotFound(f"there is no run {run_id} of a factor")
        if run.status is not RunStatus.SUCCEEDED:
            raise _invalid(position, "NOT_SUCCEEDED", f"run {run.id} is {run.status.lower()}")
        if not _is_weekly(run):
            rebalance = str(run.config["rebalance"]).lower()
            raise _invalid(position, "NOT_WEEKLY", f"run {run.id} is {rebalance}: weekly runs are needed")
        runs.append(run)
    return await _with_series(services, runs)


async def latest_factor_series(services: Services, dataset: DatasetRecord) -> tuple[FactorRunSeries, ...]:
    """Return of each factor the weekly run on the dataset that succeeded last, in the order of the factors.

    Raises InvalidInput where there is none.
    """
    weekly = RunFilter(rebalance=Choice(eq=Rebalance.WEEKLY.value))
    latest = await latest_runs(
        services.store, kind=RunKind.FACTOR, now=services.now(), dataset_id=dataset.id, where=weekly
    )
    runs = [latest[factor] for factor in FACTORS if factor in latest]
    if not runs:
        message = f"no weekly run of any factor has succeeded on dataset {dataset.name!r} v{dataset.version}"
        fault = FieldError((RUN_IDS,), "NO_RUNS", message)
        raise InvalidInput(message, (fault,), hint="compute factors on it, or name runs")
    return await _with_series(services, runs)


async def dataset_of(services: Services, ref: DatasetRef | None, runs: Sequence[RunRecord]) -> DatasetRecord:
    """The dataset that is meant, else the one of the runs, else the default one.

    Raises DatasetNotFound, and InvalidInput at `dataset` where the choice is not clear.
    """
    ids = {run.dataset_id for run in runs if run.dataset_id is not None}
    if ref is not None or not ids:
        return await resolve_dataset(services, ref)
    found = await get_datasets(services.store, ids)
    if len(found) > 1:
        names = ", ".join(f"{one.name} v{one.version}" for one in found.values())
        message = f"the runs were computed from several datasets: {names}"
        fault = FieldError(("dataset",), "AMBIGUOUS", message)
        raise InvalidInput(message, (fault,), hint="say which one has the prices")
    return found[ids.pop()]


async def _with_series(services: Services, runs: Sequence[RunRecord]) -> tuple[FactorRunSeries, ...]:
    name = SeriesName.FACTOR.value
    stored = await result_store.get_series(services.store, [run.id for run in runs], [name])
    times = Counter(run.subject for run in runs)
    found = []
    for position, run in enumerate(runs):
        factor = FactorName(run.subject)
        label = f"{factor.lower()}#{run.id}" if times[run.subject] > 1 else factor.lower()
        found.append(
            FactorRunSeries(run=run, series=_series(run, label, stored.get((run.id, name)), position))
        )
    return tuple(found)


def _series(run: RunRecord, label: str, stored: SeriesRecord | None, position: int) -> FactorSeries:
    if stored is None:
        raise _invalid(position, "NO_SERIES", f"run {run.id} was imported without its returns")
    long_only = FACTORS[FactorName(run.subject)].long_only
    # Imported runs do not say how often they rebalance.
    try:
        series = FactorSeries.of(label, stored.dates, stored.values, long_only=long_only)
    except ValueError:
        raise _invalid(
            position, "NOT_WEEKLY", f"run {run.id} has several periods in a week: weekly runs are needed"
        ) from None
    if run.origin is RunOrigin.IMPORTED and _median_days(series.weeks) > DAYS_PER_WEEK:
        raise _invalid(
            position, "NOT_WEEKLY", f"run {run.id} has no period in most weeks: weekly runs are needed"
        )
    return series


def _median_days(dates: DateArray) -> float:
    """Between neighbours; 0 for fewer than two dates."""
    return float(np.median(np.diff(dates).astype(np.int64))) if len(dates) > 1 else 0.0


def _is_weekly(run: RunRecord) -> bool:
    return Rebalance(run.config.get("rebalance") or Rebalance.WEEKLY) is Rebalance.WEEKLY


def _check_distinct(run_ids: Sequence[int]) -> None:
    for position, run_id in enumerate(run_ids):
        if run_id in run_ids[:position]:
            raise _invalid(position, "DUPLICATE", f"run {run_id} is given twice")


def _invalid(position: int, code: str, message: str) -> InvalidInput:
    return InvalidInput(message, (FieldError((RUN_IDS, str(position)), code, message),))
