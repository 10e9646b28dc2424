"""`factorql export-logs`: results as the older system's CSV logs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from app.errors import StorageFailure
from app.features.legacy.imports import export_logs
from scripts.console import fail, run_with_services


@click.command(help="Write all results to DIR as CSV logs in the older system's newest shape.")
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def command(directory: Path) -> None:
    files = run_with_services(export_logs)
    try:
        _write(files, directory)
    except StorageFailure as error:
        fail(error.message, hint=error.hint)
    click.echo(f"{len(files)} files written to {directory}")


def _write(files: Mapping[str, bytes], directory: Path) -> None:
    """All files, or none where one of them exists already. Raises StorageFailure."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        existing = next((name for name in sorted(files) if (directory / name).exists()), None)
        if existing is not None:
            raise StorageFailure(f"{directory} holds {existing} already", hint="export into an empty folder")
        for name, content in files.items():
            (directory / name).write_bytes(content)
    except OSError as error:
        raise StorageFailure(f"{directory} cannot be written: {error.strerror}") from None
