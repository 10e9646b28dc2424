"""`factorql ingest`: a file becomes a dataset."""

from __future__ import annotations

from pathlib import Path

import click

from app.datasets.record import Provenance
from app.datasets.service import ingest_file
from engine.panel import Calendar
from scripts.console import json_option, print_json, progress_bar, run_with_services
from scripts.views import dataset_json, quality_lines


@click.command(help="Take FILE in as a dataset: CSV (also .gz) or Parquet, one row per date and asset.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="The dataset's name; new content under it is a new version.")
@click.option(
    "--attributes",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of asset attributes: asset, sector, ... and, if they change, from: the day since when.",
)
@click.option(
    "--calendar",
    type=click.Choice([item.lower() for item in Calendar]),
    help="every_day (crypto) or observed (trading sessions); found from the dates by default.",
)
@click.option("--licence", help="The data's licence, kept with it.")
@click.option("--note", help="A note, kept with it.")
@json_option
def command(
    file: Path,
    name: str,
    attributes: Path | None,
    calendar: str | None,
    licence: str | None,
    note: str | None,
    as_json: bool,
) -> None:
    with progress_bar(f"ingest {file.name}") as progress:
        outcome = run_with_services(
            lambda services: ingest_file(
                services,
                file,
                filename=file.name,
                name=name,
                attributes=attributes,
                calendar=None if calendar is None else Calendar(calendar.upper()),
                provenance=Provenance(source=file.name, licence=licence, note=note),
                progress=progress,
            )
        )
    dataset, quality = outcome.dataset, outcome.quality.to_json()
    if as_json:
        print_json({**dataset_json(dataset), "created": outcome.created, "quality": quality})
        return
    state = "ingested" if outcome.created else "already there, unchanged"
    click.echo(
        f"dataset {dataset.name} version {dataset.version}: {state}\n"
        f"{dataset.asset_count:,} assets, {dataset.date_count:,} dates from {dataset.first_date} to "
        f"{dataset.last_date}, {dataset.observation_count:,} observations, "
        f"calendar {dataset.calendar.lower()}\n"
        f"fields: {', '.join(dataset.fields)}"
    )
    for line in quality_lines(quality):
        click.echo(line)
