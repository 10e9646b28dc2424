"""The dataset that a caller of the older interface means, fetched where there is none."""

from __future__ import annotations

from datetime import date, timedelta

from app.context import Services
from app.datasets.service import DatasetRef, resolve_dataset
from app.errors import DatasetNotFound, InvalidInput
from app.features.fetches.service import FIRST_DAY, launch_fetch
from app.runs.awaited import await_success
from app.sources.names import SourceName
from db.datasets import get_datasets, real_datasets
from db.records import PANEL, DatasetRecord
from engine.panel import Calendar

FETCHED_NAME = "crypto"
"""Of the dataset that is fetched where there is none."""
HISTORY_DAYS = 400
"""Fetched before the first day asked for: what signals, variances and lifetimes look back at."""


async def daily_dataset(services: Services, *, start: date, end: date) -> DatasetRecord:
    """The dataset that FACTORQL_REST_DATASET names, or else the default one; of several that could be meant,
    the only one of every day (crypto). Where there is none at all, one is fetched from Artemis and Coinbase.

    Raises DatasetNotFound (the named one), InvalidInput, and what `fetched_dataset` raises.
    """
    named = services.settings.rest_dataset
    try:
        return await resolve_dataset(services, None if named is None else DatasetRef(name=named))
    except DatasetNotFound:
        if named is not None:
            raise
    except InvalidInput as error:
        every_day = [
            dataset
            for dataset in await real_datasets(services.store, kind=PANEL)
            if dataset.calendar == Calendar.EVERY_DAY.value
        ]
        if len(every_day) != 1:
            raise InvalidInput(str(error), error.field_errors, hint="set FACTORQL_REST_DATASET") from None
        return every_day[0]
    return await fetched_dataset(services, SourceName.CRYPTO, start=start, end=end, name=FETCHED_NAME)


async def fetched_dataset(
    services: Services,
    source: SourceName,
    *,
    start: date,
    end: date,
    name: str,
    assets: tuple[str, ...] | None = None,
) -> DatasetRecord:
    """Daily data from HISTORY_DAYS before `start` to `end`, or to the last day that is over; waited for as
    long as a run may take.

    Raises InvalidInput, SourceNotConfigured, QueueFull, RunFailed, RunNotOver.
    """
    yesterday = services.now().date() - timedelta(days=1)
    launch = await launch_fetch(
        services,
        source,
        start=max(FIRST_DAY, start - timedelta(days=min(HISTORY_DAYS, (start - FIRST_DAY).days))),
        end=min(end, yesterday),
        assets=assets,
        dataset_name=name,
    )
    run = await await_success(services, launch.run.id)
    found = None if run.dataset_id is None else (await get_datasets(services.store, [run.dataset_id]))
    if not found or run.dataset_id is None:
        raise DatasetNotFound(f"the dataset of run {run.id} is gone")
    return found[run.dataset_id]
