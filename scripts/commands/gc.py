"""`factorql gc`: files that nothing needs any more."""

from __future__ import annotations

import click

from app.datasets.service import collect_garbage
from scripts.console import json_option, print_json, run_with_services


@click.command(
    help="Remove the files of deleted datasets, arrays that no run has, caches, old answers of vendors, and "
    "leftovers of interrupted ingests and computations."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@json_option
def command(dry_run: bool, as_json: bool) -> None:
    garbage = run_with_services(lambda services: collect_garbage(services, dry_run=dry_run))
    if as_json:
        print_json(garbage)
        return
    verb = "would be removed" if dry_run else "removed"
    click.echo(
        f"{len(garbage.snapshots)} snapshots, {len(garbage.artifacts)} sets of arrays, "
        f"{len(garbage.caches)} caches, {len(garbage.checkpoints)} checkpoints, "
        f"{len(garbage.responses)} answers of vendors and {len(garbage.temporaries)} leftovers "
        f"{verb}, {garbage.bytes_freed / 1e6:,.1f} MB"
    )
    if garbage.spared:
        click.echo(
            f"{len(garbage.spared)} more snapshots are not needed, but stay until they are an hour old"
        )
