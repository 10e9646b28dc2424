"""`factorql datasets`: what there is to compute on, and taking one away."""

from __future__ import annotations

import sys

import click

from app.context import Services
from app.datasets.service import DatasetRef, dataset_label, delete_dataset, resolve_dataset
from app.errors import DatasetNotFound
from db.datasets import find_dataset, list_datasets, list_versions
from db.records import DatasetRecord
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


_DELETE_HELP = """Delete the dataset NAME: the version that the name stands for, unless told otherwise.

What was computed from it stays, and so do runs that wait for it or are under way; `factorql gc` removes its
files once nothing needs them. Taking the same content in again brings it back.
"""


@click.group(help="List the datasets, newest first; or delete one.", invoke_without_command=True)
@click.option("--limit", type=click.IntRange(1, 100), default=50, show_default=True)
@json_option
@click.pass_context
def command(context: click.Context, limit: int, as_json: bool) -> None:
    if context.invoked_subcommand is None:
        _list(limit, as_json)


@command.command(help=_DELETE_HELP, short_help="Delete a dataset.")
@click.argument("name")
@click.option("--version", type=click.IntRange(min=1), metavar="N", help="This version of it.")
@click.option("--all-versions", is_flag=True, help="All versions of it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def delete(
    context: click.Context, name: str, version: int | None, all_versions: bool, yes: bool, as_json: bool
) -> None:
    if version is not None and all_versions:
        raise click.UsageError("--version and --all-versions exclude each other")
    chosen = run_with_services(lambda services: _choose(services, name, version, all_versions))
    labels = [dataset_label(dataset) for dataset in chosen]
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("there is no terminal to ask on: --yes deletes without asking")
        subject = labels[0] if len(chosen) == 1 else f"the {len(chosen)} versions of {name}"
        click.confirm(f"Delete {subject}? What was computed stays.", abort=True, err=True)

    async def work(services: Services) -> tuple[list[DatasetRecord], DatasetRecord | None]:
        deleted = [await delete_dataset(services, dataset.id) for dataset in chosen]
        return deleted, await find_dataset(services.store, name)

    deleted, current = run_with_services(work)
    if as_json or (context.parent is not None and context.parent.params["as_json"]):
        print_json([dataset_json(dataset) for dataset in deleted])
        return
    click.echo(f"deleted {', '.join(labels)}")
    click.echo(
        f"no dataset is named {name} any more" if current is None else f"{name} is now v{current.version}"
    )
    click.echo("`factorql gc` removes the files that nothing needs any more")


async def _choose(
    services: Services, name: str, version: int | None, all_versions: bool
) -> list[DatasetRecord]:
    """Return the datasets that are meant, oldest first: so the name stands for the newest to the last.

    Raises DatasetNotFound."""
    current = await resolve_dataset(services, DatasetRef(name=name))
    if version is None and not all_versions:
        return [current]
    versions = (await list_versions(services.store, name))[::-1]
    chosen = [dataset for dataset in versions if all_versions or dataset.version == version]
    if not chosen:
        there_is = ", ".join(str(dataset.version) for dataset in versions)
        raise DatasetNotFound(f"dataset {name!r} has no version {version}", hint=f"there is {there_is}")
    return chosen


def _list(limit: int, as_json: bool) -> None:
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
