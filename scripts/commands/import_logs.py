"""`factorql import-logs`: the older system's CSV logs into the store."""

from __future__ import annotations

from pathlib import Path

import click

from app.errors import InvalidFile, LimitExceeded
from app.features.legacy.imports import MAX_LOG_BYTES, import_logs
from scripts.console import json_option, print_json, run_with_services

_RAW_SHOWN = 60


@click.command(help="Import the CSV logs in DIR; what is not understood is quarantined, nothing is lost.")
@click.argument("directory", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would happen and write nothing.")
@json_option
def command(directory: Path, dry_run: bool, as_json: bool) -> None:
    outcome = run_with_services(
        lambda services: import_logs(
            services, _read(directory), source=directory.resolve().name, dry_run=dry_run
        )
    )
    batch = outcome.batch
    if as_json:
        print_json({"dry_run": dry_run, **_plain(outcome)})
        return
    click.echo("dry run: nothing was written" if dry_run else f"imported from {directory}")
    click.echo(
        f"{batch.imported} runs imported ({batch.repaired} repaired), {batch.unchanged} already there, "
        f"{batch.merged} duplicates merged,\n{batch.series_attached} return series and "
        f"{batch.monthly_sets_attached} monthly-metrics sets attached, {batch.quarantined} lines quarantined"
    )
    for item in batch.quarantine:
        raw = item.raw if len(item.raw) <= _RAW_SHOWN else item.raw[:_RAW_SHOWN] + "..."
        place = item.file if item.line == 0 else f"{item.file}:{item.line}"
        click.echo(f"  {place}: {item.reason} [{raw.splitlines()[0] if raw else ''}]")
    if outcome.ignored_files:
        click.echo(f"not logs, left alone: {', '.join(outcome.ignored_files)}")


def _plain(outcome) -> dict[str, object]:
    return {"batch": outcome.batch, "ignored_files": outcome.ignored_files}


def _read(directory: Path) -> dict[str, bytes]:
    files = sorted(path for path in directory.iterdir() if path.is_file())
    size = sum(path.stat().st_size for path in files)
    if size > MAX_LOG_BYTES:
        raise LimitExceeded(f"{directory} holds {size:,} bytes, at most {MAX_LOG_BYTES:,} are read at once")
    try:
        return {path.name: path.read_bytes() for path in files}
    except OSError as error:
        raise InvalidFile(f"{error.filename} cannot be read: {error.strerror}") from None
