"""`factorql sources`: where datasets can be fetched from."""

from __future__ import annotations

import click

from app.features.fetches.service import SourceInfo, list_sources
from scripts.console import json_option, load_settings, plain, print_json, print_table

_COLUMNS = {"source": "left", "title": "left", "fields": "left", "key": "left", "licence": "left"}


@click.command(help="List the vendors that `factorql fetch` can ask, with what they have and need.")
@json_option
def command(as_json: bool) -> None:
    found = list_sources(load_settings())
    if as_json:
        print_json([plain(source) | {"name": source.name.lower()} for source in found])
        return
    print_table(
        _COLUMNS,
        [
            [source.name.lower(), source.title, ", ".join(source.fields), _key(source), source.licence]
            for source in found
        ],
    )


def _key(source: SourceInfo) -> str:
    if source.key is None:
        return "-"
    return source.key if source.configured else f"{source.key} (not set)"
