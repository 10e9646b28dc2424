"""`factorql demo`: from nothing to six computed factor models and a server."""

from __future__ import annotations

import click

from app.context import Services
from app.datasets.service import DatasetRef, ingest_sample
from app.errors import FactorQLError
from app.features.factors.latest import latest_results
from app.features.factors.service import launch_factor
from db.datasets import get_datasets
from db.records import RunStatus
from engine.factors.registry import FactorName
from scripts.commands.serve import serve
from scripts.console import load_settings, print_table, run_with_services
from scripts.following import until_ended
from scripts.views import COMPARISON_COLUMNS, comparison_rows


@click.command(help="Load the bundled synthetic sample, compute every factor, compare them, then serve.")
@click.option("--serve/--no-serve", "then_serve", default=True, help="Whether to serve afterwards.")
@click.option("--host", help="As for serve.")
@click.option("--port", type=click.IntRange(0, 65535), help="As for serve.")
def command(then_serve: bool, host: str | None, port: int | None) -> None:
    run_with_services(_demo, execute=True)
    if then_serve:
        given = {"host": host, "port": port}
        settings = load_settings()
        serve(settings.model_copy(update={name: value for name, value in given.items() if value is not None}))


async def _demo(services: Services) -> None:
    outcome = await ingest_sample(services)
    dataset = outcome.dataset
    state = "loaded" if outcome.created else "already there"
    click.echo(
        f"dataset {dataset.name}: {state}; SYNTHETIC, {dataset.asset_count} invented assets, "
        f"{dataset.first_date} to {dataset.last_date}"
    )
    launches = [
        await launch_factor(services, name, {}, dataset=DatasetRef(id=dataset.id)) for name in FactorName
    ]
    ended = [await until_ended(services, launch.run) for launch in launches]
    failed = [run for run in ended if run.status is not RunStatus.SUCCEEDED]
    if failed:
        run = failed[0]
        raise FactorQLError(
            f"{run.subject.lower()} is {run.status.lower()}: {run.failure_message or 'no result'}"
        )
    reused = sum(launch.reused for launch in launches)
    click.echo(f"{len(launches) - reused} factor models computed, {reused} reused\n")
    found = await latest_results(services.store, now=services.now(), dataset_id=dataset.id)
    datasets = await get_datasets(services.store, [dataset.id])
    print_table(COMPARISON_COLUMNS, comparison_rows(found, datasets))
    click.echo("\nThese numbers describe invented data; `factorql ingest` takes your own.")
