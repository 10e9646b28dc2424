"""`factorql fetch`: a dataset from a vendor."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

import click

from app.context import Services
from app.features.fetches.service import checked_fetch, get_fetch_reports, launch_fetch
from app.sources.names import SourceName
from db.datasets import get_datasets
from scripts.console import failing_in_one_line, json_option, load_settings, print_json, run_with_services
from scripts.fetch_view import print_dataset, print_report, report_json
from scripts.following import launch_and_follow, require_success
from scripts.values import Day
from scripts.views import run_json

_HELP = """Fetch daily data from SOURCE into an immutable dataset: coinmetrics and coinbase need no key, nor
does yahoo; artemis and crypto do (ARTEMIS_API_KEY). `factorql sources` says what each has.

A fetch that was interrupted or failed and is begun again asks only for what it lacks.
"""


@click.command(help=_HELP, short_help="Fetch a dataset from a vendor.")
@click.argument("source", type=click.Choice([name.lower() for name in SourceName], case_sensitive=False))
@click.option("--start", type=Day(), required=True, metavar="DATE", help="The first day, such as 2020-01-01.")
@click.option("--end", type=Day(), metavar="DATE", help="The last day; yesterday (UTC) by default.")
@click.option("--assets", metavar="A,B,C", help="Which assets; by default all that the source recommends.")
@click.option("--name", required=True, help="The dataset's name; new content under it is a new version.")
@click.option("--tag", "tags", multiple=True)
@click.option("--note", help="A note, kept with the run and the dataset.")
@click.option("--refresh", is_flag=True, help="Ask anew also for what kept answers would tell.")
@json_option
def command(
    source: str,
    start: date,
    end: date | None,
    assets: str | None,
    name: str,
    tags: tuple[str, ...],
    note: str | None,
    refresh: bool,
    as_json: bool,
) -> None:
    chosen = SourceName(source.upper())
    words = None if assets is None else [word for word in assets.split(",") if word.strip()]
    settings = load_settings()
    with failing_in_one_line(settings):
        # once before anything is started, which takes seconds
        config = checked_fetch(
            settings,
            chosen,
            start=start,
            end=end,
            assets=words,
            dataset_name=name,
            refresh=refresh,
            now=datetime.now(UTC),
        )

    async def work(services: Services) -> None:
        launching = launch_fetch(
            services,
            chosen,
            start=start,
            end=config.request.end,
            assets=config.request.assets,
            dataset_name=name,
            tags=tags,
            note=note,
            refresh=refresh,
        )
        launch, run = await launch_and_follow(services, launching, f"fetch {chosen.lower()}")
        report = (await get_fetch_reports(services.store, [run.id])).get(run.id)
        datasets = await get_datasets(services.store, [run.dataset_id] if run.dataset_id else [])
        if as_json:
            told = run_json(run, None, datasets)
            print_json({**told, "reused": launch.reused, "report": report_json(report)})
        require_success(run)
        if not as_json:
            under_way = " (it was under way already)" if launch.reused else ""
            click.echo(f"run {run.id}: fetch from {chosen.lower()}{under_way}")
            for dataset in datasets.values():
                print_dataset(dataset, existed=dataset.created_at < run.created_at)
            if report is not None:
                print_report(report)

    with _vendors_unheard():
        run_with_services(work, execute=True)


@contextmanager
def _vendors_unheard() -> Iterator[None]:
    """What vendors refuse is told once, by the run's failure or by its report."""
    log = logging.getLogger("app.sources.client")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
