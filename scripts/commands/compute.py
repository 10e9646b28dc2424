"""`factorql compute`: one factor model, computed here and now."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import fields

import click

from app.errors import FactorQLError, FieldError, InvalidInput, RunNotCancelable
from app.services.context import Services
from app.services.datasets import DatasetRef
from app.services.runs import Launch, cancel_run, launch_factor, wait_for_run
from db.datasets import get_datasets
from db.records import RunRecord, RunStatus
from db.results import get_performance
from engine.factors.config import FactorName
from engine.factors.registry import FACTORS
from scripts.console import json_option, print_json, print_table, progress_bar, run_with_services
from scripts.views import RUN_COLUMNS, run_json, run_rows

_LIST_OPTIONS = frozenset({"exclude", "universe", "growth_metrics"})
_WORDS = {"null": None, "none": None, "true": True, "false": False}


@click.command(help="Compute FACTOR: smb, market, value, momentum, momentum_v2 or growth.")
@click.argument("factor", type=click.Choice([name.lower() for name in FactorName], case_sensitive=False))
@click.option("--dataset", help="A dataset's name; without it the only one that is not synthetic.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="An option; null switches a filter off."
)
@click.option("--tag", "tags", multiple=True)
@click.option("--note")
@click.option("--force", is_flag=True, help="Compute again even if this very run exists.")
@json_option
def command(
    factor: str,
    dataset: str | None,
    settings: tuple[str, ...],
    tags: tuple[str, ...],
    note: str | None,
    force: bool,
    as_json: bool,
) -> None:
    name = FactorName(factor.upper())
    options = parse_settings(name, settings)

    async def work(services: Services) -> None:
        ref = None if dataset is None else DatasetRef(name=dataset)
        launch = await launch_factor(services, name, options, dataset=ref, tags=tags, note=note, force=force)
        with progress_bar(f"compute {factor}") as progress:
            run = await _finished(services, launch, progress)
        performance = await get_performance(services.store, [run.id])
        datasets = await get_datasets(services.store, [run.dataset_id])
        if as_json:
            print_json({**run_json(run, performance.get(run.id), datasets), "reused": launch.reused})
        elif run.status is RunStatus.SUCCEEDED:
            click.echo(f"run {run.id}" + (" (it existed already)" if launch.reused else ""))
            print_table(RUN_COLUMNS, run_rows([run], performance, datasets))
            click.echo(f"`factorql show {run.id}` shows all of it")
        if run.status is not RunStatus.SUCCEEDED:
            reason = f": {run.failure_code}: {run.failure_message}" if run.failure_code else ""
            raise FactorQLError(f"run {run.id} is {run.status.lower()}{reason}")

    run_with_services(work, execute=True)


async def _finished(services: Services, launch: Launch, progress) -> RunRecord:
    """The run once it has ended; interrupted, a run that this command launched is canceled."""
    try:
        run = launch.run
        while not run.status.is_terminal:
            run = await wait_for_run(services, run.id, 0.5)
            progress(run.progress_fraction, run.progress_stage)
        return run
    except asyncio.CancelledError:
        if not launch.reused:
            try:
                await cancel_run(services, launch.run.id)
                click.echo(f"run {launch.run.id} canceled", err=True)
            except RunNotCancelable:
                pass
        raise


def parse_settings(factor: FactorName, settings: Sequence[str]) -> dict[str, object]:
    """`key=value` pairs as options; keys in snake_case or camelCase. Raises InvalidInput."""
    known = {item.name for item in fields(FACTORS[factor].config_type)}
    options: dict[str, object] = {}
    for setting in settings:
        key, separator, text = setting.partition("=")
        name = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key.strip()).lower()
        if not separator or not name:
            raise click.UsageError(f"--set takes key=value, not {setting!r}")
        if name == "weighting" and name not in known:
            name = "weighting_method"
        if name in options:
            message = f"{key} is set twice"
            raise InvalidInput(message, (FieldError((name,), "DUPLICATE", message),))
        options[name] = _value(name, text.strip())
    return options


def _value(name: str, text: str) -> object:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if name in _LIST_OPTIONS:
        return [part.strip() for part in text.split(",") if part.strip()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
