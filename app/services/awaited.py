"""Runs for callers that can use nothing but a result: waited for to their end, whatever it is."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

from app.errors import DatasetNotFound, FactorQLError, InvalidInput
from app.features.fetches.service import FIRST_DAY, launch_fetch
from app.runs.lifecycle import wait_for_run
from app.services.context import Services
from app.services.datasets import DatasetRef, resolve_dataset
from app.sources.names import SourceName
from db.datasets import get_datasets, real_datasets
from db.records import PANEL, DatasetRecord, RunRecord, RunStatus
from engine.panel import Calendar

FETCHED_NAME = "crypto"
"""Of the dataset that is fetched where there is none."""
HISTORY_DAYS = 400
"""Fetched before the first day asked for: what signals, variances and lifetimes look back at."""
_GRACE_SECONDS = 10.0
"""Beyond the time limit of a run, so that a run that exceeds it is seen to fail."""


class RunNotOver(FactorQLError):
    """The run goes on; who asks again waits for the same one."""

    code = "RUN_NOT_OVER"
    http_status = 503


class RunFailed(FactorQLError):
    """`reason`: the stable code of the failure; CANCELED where somebody ended the run."""

    code = "RUN_FAILED"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


async def await_success(services: Services, run_id: int) -> RunRecord:
    """The run, succeeded. Waits as long as a run may take, the queue included.

    Raises RunFailed, RunNotOver, RunNotFound (it was deleted meanwhile).
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + services.settings.run_timeout_seconds + _GRACE_SECONDS
    while True:
        run = await wait_for_run(services, run_id, deadline - loop.time())
        if run.status.is_terminal:
            break
        if services.events.waits_end:
            raise RunNotOver("the server stops; the run goes on when it is back", hint="ask again then")
        if loop.time() >= deadline:
            state = f"{run.status.lower()} ({run.progress_stage})"
            raise RunNotOver(f"run {run.id} is still {state}", hint="ask again to wait for the same run")
    if run.status is RunStatus.SUCCEEDED:
        return run
    if run.status is RunStatus.CANCELED:
        raise RunFailed(f"run {run.id} was canceled", reason=RunStatus.CANCELED)
    raise RunFailed(run.failure_message or "the run failed", reason=run.failure_code or "")


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
