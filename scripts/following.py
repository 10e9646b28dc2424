"""A launched run on the terminal: followed to its end, canceled by Ctrl-C, reported."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import click

from app.context import Services
from app.datasets.service import dataset_label
from app.datasets.snapshot import has_snapshot
from app.errors import DatasetUnavailable, FactorQLError, RunNotCancelable
from app.runs.launch import Launch
from app.runs.lifecycle import cancel_run, wait_for_run
from db.datasets import get_datasets
from db.errors import StoreUnavailable
from db.records import RunRecord, RunStatus
from db.runs.results import get_net_performance, get_performance
from scripts.console import number, percent, plain, print_json, print_table, progress_bar
from scripts.views import RUN_COLUMNS, run_json, run_rows

_POLL_SECONDS = 0.5
_WRITING_PATIENCE_SECONDS = 30.0
"""While nothing can be written: a lock or a disk may become free again."""
_TAKING_PATIENCE_SECONDS = 5.0
"""For another process to take a run whose data is not here."""


async def launch_and_follow(
    services: Services, launching: Coroutine[Any, Any, Launch], description: str
) -> tuple[Launch, RunRecord]:
    """A launch, and its run once it has ended, with a progress bar until then; interrupted, a run that this
    command launched is canceled, at whatever moment."""
    launched = asyncio.ensure_future(launching)
    try:
        launch = await asyncio.shield(launched)
    except asyncio.CancelledError:
        # its row may be committed and its computation begun already
        await _cancel(services, await launched)
        raise
    return launch, await _follow(services, launch, description)


async def _follow(services: Services, launch: Launch, description: str) -> RunRecord:
    run = launch.run
    try:
        with progress_bar(description) as progress:
            return await until_ended(services, run, progress)
    except asyncio.CancelledError:
        await _cancel(services, launch)
        raise


async def until_ended(
    services: Services, run: RunRecord, on_progress: Callable[[float, str], None] | None = None
) -> RunRecord:
    """Return the run once it has ended, carried out by this process or by another.

    Raises StoreUnavailable, DatasetUnavailable where neither can; the run stays in the store as it is."""
    begun = time.monotonic()
    while not run.status.is_terminal:
        run = await wait_for_run(services, run.id, _POLL_SECONDS)
        if on_progress is not None:
            on_progress(run.progress_fraction, run.progress_stage)
        _require_writes(services, run)
        if run.status is RunStatus.QUEUED and time.monotonic() - begun >= _TAKING_PATIENCE_SECONDS:
            await _require_data(services, run)
    return run


def _require_writes(services: Services, run: RunRecord) -> None:
    failure = services.store.write_failure
    if failure is None or failure.until - failure.since < _WRITING_PATIENCE_SECONDS:
        return
    left = "stays in the queue" if run.status is RunStatus.QUEUED else "will be begun again"
    seconds = failure.until - failure.since
    raise StoreUnavailable(
        f"nothing could be written for {seconds:.0f} s: {failure.error.message}; run {run.id} {left}",
        failure.error.hint,
    )


async def _require_data(services: Services, run: RunRecord) -> None:
    if run.dataset_id is None:
        return
    dataset = (await get_datasets(services.store, [run.dataset_id]))[run.dataset_id]
    if has_snapshot(services.settings.datasets_dir, dataset.fingerprint):
        return
    raise DatasetUnavailable(
        f"the files of dataset {dataset_label(dataset)} are not in {services.settings.datasets_dir}; "
        f"run {run.id} stays in the queue for a server that has them",
        hint="ingest the file again, or start that server",
    )


async def _cancel(services: Services, launch: Launch) -> None:
    if not launch.reused:
        with suppress(RunNotCancelable):
            await cancel_run(services, launch.run.id)
            click.echo(f"run {launch.run.id} canceled", err=True)


async def report_factor_run(
    services: Services, launch: Launch, run: RunRecord, *, as_json: bool, **more: object
) -> None:
    """What an ended factor run gave, with `more` in its JSON. Raises FactorQLError unless it succeeded."""
    performance = await get_performance(services.store, [run.id])
    net = (await get_net_performance(services.store, [run.id])).get(run.id)
    datasets = await get_datasets(services.store, [run.dataset_id])
    if as_json:
        told = run_json(run, performance.get(run.id), datasets)
        print_json({**told, "net_performance": plain(net), "reused": launch.reused, **more})
    elif run.status is RunStatus.SUCCEEDED:
        click.echo(f"run {run.id}" + existed_already(launch))
        print_table(RUN_COLUMNS, run_rows([run], performance, datasets))
        if net is not None:
            annualized, sharpe = percent(net.annualized_return), number(net.sharpe_ratio)
            click.echo(f"after costs: annualised {annualized}, Sharpe {sharpe}")
        click.echo(f"`factorql show {run.id}` shows all of it")
    require_success(run)


def existed_already(launch: Launch) -> str:
    return " (it existed already)" if launch.reused else ""


def require_success(run: RunRecord) -> None:
    """Raises FactorQLError with the run's failure unless it succeeded."""
    if run.status is not RunStatus.SUCCEEDED:
        reason = f": {run.failure_code}: {run.failure_message}" if run.failure_code else ""
        raise FactorQLError(f"run {run.id} is {run.status.lower()}{reason}")
