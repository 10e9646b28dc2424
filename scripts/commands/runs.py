"""`factorql runs`: what was computed, fetched and imported."""

from __future__ import annotations

import click

from app.context import Services
from app.datasets.service import DatasetRef, resolve_dataset
from db.datasets import get_datasets
from db.records import RunKind, RunOrigin, RunStatus
from db.runs import read as run_queries
from db.runs.results import get_performance
from engine.factors.registry import FactorName
from scripts.console import json_option, print_json, print_table, run_with_services
from scripts.views import RUN_COLUMNS, kind_label, run_json, run_rows


def _choice(kind: type[FactorName | RunStatus | RunOrigin | RunKind]) -> click.Choice:
    return click.Choice([item.lower() for item in kind], case_sensitive=False)


@click.command(help="List runs, newest first.")
@click.option("--factor", type=_choice(FactorName))
@click.option("--status", type=_choice(RunStatus))
@click.option("--origin", type=_choice(RunOrigin))
@click.option("--kind", type=_choice(RunKind), help="Only the runs of one kind.")
@click.option("--dataset", help="A dataset's name.")
@click.option("--tag")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@json_option
def command(
    factor: str | None,
    status: str | None,
    origin: str | None,
    kind: str | None,
    dataset: str | None,
    tag: str | None,
    limit: int,
    as_json: bool,
) -> None:
    async def work(services: Services) -> None:
        found = None if dataset is None else await resolve_dataset(services, DatasetRef(name=dataset))
        where = run_queries.RunFilter(
            subject=None if factor is None else run_queries.Choice(eq=factor.upper()),
            status=None if status is None else run_queries.Choice(eq=RunStatus(status.upper())),
            origin=None if origin is None else run_queries.Choice(eq=RunOrigin(origin.upper())),
            dataset_id=None if found is None else run_queries.Choice(eq=found.id),
            tag=None if tag is None else run_queries.Choice(eq=tag),
        )
        of_kind = None if kind is None else RunKind(kind.upper())
        page = await run_queries.page_runs(services.store, where, (), kind=of_kind, first=limit, after=None)
        performance = await get_performance(services.store, [run.id for run in page.items])
        ids = {run.dataset_id for run in page.items if run.dataset_id is not None}
        datasets = await get_datasets(services.store, ids)
        if as_json:
            print_json([run_json(run, performance.get(run.id), datasets) for run in page.items])
        elif not page.items:
            click.echo("no such runs")
        else:
            rows = run_rows(page.items, performance, datasets)
            kinds = [kind_label(run) for run in page.items]
            columns = {"run": "right", "kind": "left"} | RUN_COLUMNS
            print_table(columns, [[row[0], of, *row[1:]] for row, of in zip(rows, kinds, strict=True)])
            if page.has_next_page:
                click.echo(f"... only the newest {limit} are shown (--limit)")

    run_with_services(work)
