"""`factorql factors`: the models and what they can be told."""

from __future__ import annotations

import click

from engine.factors.options import config_to_json, parse_config
from engine.factors.registry import FACTORS
from scripts.console import json_option, print_json, print_table


@click.command(help="List the factor models with their signals and default options.")
@json_option
def command(as_json: bool) -> None:
    defaults = {name: config_to_json(parse_config(name, {})) for name in FACTORS}
    if as_json:
        print_json(
            [
                {
                    "name": name.lower(),
                    "title": factor.title,
                    "description": factor.description,
                    "signal": factor.signal,
                    "required_fields": factor.required_fields,
                    "defaults": defaults[name],
                }
                for name, factor in FACTORS.items()
            ]
        )
        return
    shared = set.intersection(*(set(values) for values in defaults.values()))
    print_table(
        {"factor": "left", "title": "left", "signal, known at the end of the previous period": "left"},
        [[name.lower(), factor.title, factor.signal] for name, factor in FACTORS.items()],
    )
    click.echo("\nown options and defaults:")
    for name, values in defaults.items():
        own = ", ".join(f"{key}={_shown(value)}" for key, value in values.items() if key not in shared)
        click.echo(f"  {name.lower():<12} {own}")
    first = next(iter(defaults.values()))
    click.echo("shared options and defaults:")
    click.echo("  " + ", ".join(f"{key}={_shown(value)}" for key, value in first.items() if key in shared))


def _shown(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value).lower()
