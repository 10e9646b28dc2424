"""`factorql migrate`: the store's schema brought up to this version."""

from __future__ import annotations

import click

from app.context import Services
from db.migrate import head_revision
from scripts.console import run_with_services


@click.command(help="Bring the store to this version's schema; every command does so by itself.")
def command() -> None:
    async def work(services: Services) -> None:
        click.echo(f"the {services.store.dialect} store is at revision {head_revision()}")

    run_with_services(work)
