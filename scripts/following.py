"""A launched run on the terminal: followed to its end, canceled by Ctrl-C, reported."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import click

from app.errors import FactorQLError, RunNotCancelable
from app.services.context import Services
from app.services.runs import Launch, cancel_run, wait_for_run
from db.datasets import get_datasets
from db.records import RunRecord, RunStatus
from db.results import get_net_performance, get_performance
from scripts.console import number, percent, plain, print_json, print_table, progress_bar
from scripts.views import RUN_COLUMNS, run_json, run_rows

_POLL_SECONDS = 0.5


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
            while not run.status.is_terminal:
                run = await wait_for_run(services, run.id, _POLL_SECONDS)
                progress(run.progress_fraction, run.progress_stage)
        return run
    except asyncio.CancelledError:
        await _cancel(services, launch)
        raise


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
