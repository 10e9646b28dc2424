"""`factorql factors`: the models and what they can be told."""

from __future__ import annotations

import click

from engine.config import explained, options_of, to_json
from engine.factors.registry import FACTORS, parse_config
from scripts.console import json_option, print_json, print_table


@click.command(
    help="List the factor models with their signals and default options, or the options of one FACTOR."
)
@click.argument("factor", required=False, type=click.Choice([*map(str.lower, FACTORS)], case_sensitive=False))
@json_option
def command(factor: str | None, as_json: bool) -> None:
    if factor is not None:
        options = options_of(FACTORS[factor.upper()].config_type).values()
        texts = {one.name: explained(one) for one in options}
        if as_json:
            return print_json(texts)
        return print_table({"option": "left", "meaning": "left"}, [list(text) for text in texts.items()])
    defaults = {name: to_json(parse_config(name, {})) for name in FACTORS}
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
    print_table(
        {"factor": "left", "title": "left", "signal, known at the end of the previous period": "left"},
        [[name.lower(), factor.title, factor.signal] for name, factor in FACTORS.items()],
    )
    shown = {
        name: [f"{key}={_shown(value)}" for key, value in values.items()] for name, values in defaults.items()
    }
    shared = set.intersection(*(set(items) for items in shown.values()))
    click.echo("\noptions and defaults of their own:")
    for name, items in shown.items():
        click.echo(f"  {name.lower():<12} {', '.join(item for item in items if item not in shared)}")
    click.echo("options and defaults of all:")
    click.echo(f"  {', '.join(item for item in next(iter(shown.values())) if item in shared)}")


def _shown(value: object) -> str:
    if value is None or value == []:
        return "none"
    return f"{value:.15g}" if isinstance(value, float) else str(value).lower()
