"""`factorql compare`: the latest run of each factor, best first."""

from __future__ import annotations

import click

from app.context import Services
from app.datasets.service import DatasetRef, resolve_dataset
from app.features.factors.latest import latest_results
from db.datasets import get_datasets
from db.records import RunOrigin
from scripts.console import json_option, print_json, print_table, run_with_services
from scripts.views import COMPARISON_COLUMNS, comparison_rows, run_json


@click.command(help="Compare the latest run of each factor, best annualised return first.")
@click.option("--dataset", help="Only runs on this dataset.")
@click.option("--origin", type=click.Choice([item.lower() for item in RunOrigin]), help="Only these runs.")
@json_option
def command(dataset: str | None, origin: str | None, as_json: bool) -> None:
    async def work(services: Services) -> None:
        record = None if dataset is None else await resolve_dataset(services, DatasetRef(name=dataset))
        found = await latest_results(
            services.store,
            now=services.now(),
            dataset_id=None if record is None else record.id,
            origin=None if origin is None else RunOrigin(origin.upper()),
        )
        ids = {item.run.dataset_id for item in found if item.run.dataset_id is not None}
        datasets = await get_datasets(services.store, ids)
        if as_json:
            print_json([run_json(item.run, item.performance, datasets) for item in found])
        elif not found:
            click.echo("no succeeded runs yet: `factorql compute FACTOR`")
        else:
            print_table(COMPARISON_COLUMNS, comparison_rows(found, datasets))

    run_with_services(work)
