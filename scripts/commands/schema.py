"""`factorql schema`: the graph in the schema definition language."""

from __future__ import annotations

import click


@click.command(help="Print the GraphQL schema.")
def command() -> None:
    from app.graph import print_schema_text

    click.echo(print_schema_text(), nl=False)
