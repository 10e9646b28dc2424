"""`factorql compute`: one factor model, computed here and now."""

from __future__ import annotations

import click

from app.context import Services
from app.datasets.service import DatasetRef
from app.features.factors.service import checked_config, launch_factor
from engine.factors.registry import FactorName
from scripts.console import failing_in_one_line, json_option, load_settings, run_with_services
from scripts.following import launch_and_follow, report_factor_run
from scripts.options import parse_settings

_NAMES = [name.lower() for name in FactorName]


@click.command(help=f"Compute FACTOR: {', '.join(_NAMES[:-1])} or {_NAMES[-1]}.")
@click.argument("factor", type=click.Choice(_NAMES, case_sensitive=False))
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
    with failing_in_one_line(load_settings()):
        options = parse_settings(name, settings)
        checked_config(name, options)  # once before anything is started, which takes seconds

    async def work(services: Services) -> None:
        ref = None if dataset is None else DatasetRef(name=dataset)
        launching = launch_factor(services, name, options, dataset=ref, tags=tags, note=note, force=force)
        launch, run = await launch_and_follow(services, launching, f"compute {factor}")
        await report_factor_run(services, launch, run, as_json=as_json)

    run_with_services(work, execute=True)
