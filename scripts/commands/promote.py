"""`factorql promote`: one point of a sweep as a run of its own."""

from __future__ import annotations

import click

from app.context import Services
from app.features.sweeps.service import promote_point
from scripts.console import json_option, run_with_services
from scripts.following import launch_and_follow, report_factor_run


@click.command(help="Make POINT (its number) of the sweep RUN a full run, on the sweep's own dataset.")
@click.argument("run_id", metavar="RUN", type=click.IntRange(min=1))
@click.argument("point", metavar="POINT", type=click.IntRange(min=0))
@click.option("--tag", "tags", multiple=True)
@click.option("--note")
@click.option("--force", is_flag=True, help="Compute again even if this very run exists.")
@json_option
def command(
    run_id: int, point: int, tags: tuple[str, ...], note: str | None, force: bool, as_json: bool
) -> None:
    async def work(services: Services) -> None:
        launching = promote_point(services, run_id, point, tags=tags, note=note, force=force)
        launch, run = await launch_and_follow(services, launching, f"point {point:,} of run {run_id}")
        await report_factor_run(services, launch, run, as_json=as_json, sweep=run_id, point=point)

    run_with_services(work, execute=True)
