"""`factorql datasets`: what there is to compute on."""

from __future__ import annotations

import click

from db.datasets import list_datasets
from scripts.console import json_option, print_json, print_table, run_with_services
from scripts.views import dataset_json

_COLUMNS = {
    "name": "left",
    "version": "right",
    "assets": "right",
    "dates": "right",
    "from": "right",
    "to": "right",
    "calendar": "left",
    "fields": "left",
    "": "left",
}


@click.command(help="List the datasets, newest first.")
@click.option("--limit", type=click.IntRange(1, 100), default=50, show_default=True)
@json_option
def command(limit: int, as_json: bool) -> None:
    page = run_with_services(lambda services: list_datasets(services.store, first=limit, after=None))
    if as_json:
        print_json([dataset_json(dataset) for dataset in page.items])
        return
    if not page.items:
        click.echo("no datasets yet: `factorql ingest FILE --name NAME`, or `factorql demo` for a sample")
        return
    print_table(
        _COLUMNS,
        [
            [
                item.name,
                str(item.version),
                f"{item.asset_count:,}",
                f"{item.date_count:,}",
                item.first_date.isoformat(),
                item.last_date.isoformat(),
                item.calendar.lower(),
                ", ".join(item.fields),
                ", ".join(["synthetic"] * item.synthetic + ["older version"] * (not item.current)),
            ]
            for item in page.items
        ],
    )
    if page.has_next_page:
        click.echo(f"... only the newest {limit} are shown (--limit)")
