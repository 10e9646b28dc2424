"""`python -m scripts.benchmarks [PART ...]`: all, or some of PARTS."""

from __future__ import annotations

import json
from pathlib import Path

import click

from scripts.benchmarks.machine import machine_facts
from scripts.benchmarks.measure import Table

PARTS = ("engine", "real", "sweep", "risk", "launch", "store", "fetch")


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option(
    "--quick", is_flag=True, help="A tenth of the days, fewer repetitions: to try the program itself."
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write JSON.")
def main(parts: tuple[str, ...], quick: bool, json_file: Path | None) -> None:
    """Measure, and print what was measured."""
    facts = machine_facts()
    click.echo("; ".join(f"{name} {value}" for name, value in facts.items()))
    tables: list[Table] = []
    for part in parts or PARTS:
        for table in _measured(part, quick):
            tables.append(table)
            click.echo("\n" + table.text())
    if json_file is not None:
        json_file.write_text(
            json.dumps({"machine": facts, "tables": [table.plain() for table in tables]}, indent=1)
        )


def _measured(part: str, quick: bool) -> list[Table]:
    if part == "engine":
        from scripts.benchmarks.engine import measure_engine

        return [measure_engine(quick)]
    if part == "real":
        from scripts.benchmarks.real import measure_real_panels

        return [measure_real_panels(quick)]
    if part == "sweep":
        from scripts.benchmarks.sweep import measure_sweeps

        return [measure_sweeps(quick)]
    if part == "risk":
        from scripts.benchmarks.risk import measure_factor_returns
        from scripts.benchmarks.risk_model import measure_risk_models

        return [*measure_factor_returns(quick), measure_risk_models(quick)]
    if part == "launch":
        from scripts.benchmarks.launch import measure_launches

        return [measure_launches(quick)]
    if part == "fetch":
        from scripts.benchmarks.fetch import measure_fetch

        return [measure_fetch(quick)]
    from scripts.benchmarks.store import measure_stores

    return measure_stores(quick)


if __name__ == "__main__":
    main()
