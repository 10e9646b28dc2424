"""`factorql sweep`: one factor model over many configs, and how far to believe the best of them."""

from __future__ import annotations

import click

from app.context import Services
from app.datasets.service import DatasetRef
from app.errors import InvalidInput
from app.features.sweeps.results import MAX_HEAT_MAP_VALUES, get_sweep_results
from app.features.sweeps.service import checked_plan, launch_sweep
from db.datasets import get_datasets
from engine.factors.registry import FactorName
from engine.sweeps.grid import MAX_PARTITIONS, SweepAxis
from scripts.console import failing_in_one_line, json_option, load_settings, print_json, run_with_services
from scripts.following import existed_already, launch_and_follow, require_success
from scripts.options import option_name, parse_sweep_settings
from scripts.sweep_view import print_heat_map, print_sweep, sweep_json
from scripts.views import dataset_label, run_json

_HELP = """Compute FACTOR for every combination of the values given, and test the best for luck.

\b
--set lookbackPeriods=1..12             1, 2, ... 12
--set breakpoint=0.1..0.5:0.1           start..stop:step
--set marketCapThreshold=off,1e7,1e8    a list; off or null = no filter
--set costBps=10                        one value: fixed for all points
--set exclude=[usdt,usdc]               a list as one fixed value
"""


@click.command(help=_HELP, short_help="Compute a factor model over many configs.")
@click.argument("factor", type=click.Choice([name.lower() for name in FactorName], case_sensitive=False))
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUES", help="An option and its values.")
@click.option("--sample", type=int, metavar="N", help="Only N random points of the grid.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the sample.")
@click.option(
    "--partitions",
    type=int,
    default=MAX_PARTITIONS,
    show_default=True,
    help="Blocks of periods for the probability of overfitting, an even number.",
)
@click.option("--heatmap", metavar="X,Y", help="Also print the Sharpe ratio over these two options.")
@click.option("--dataset", help="A dataset's name; without it the only one that is not synthetic.")
@click.option("--tag", "tags", multiple=True)
@click.option("--note")
@click.option("--force", is_flag=True, help="Compute again even if this very sweep exists.")
@json_option
def command(
    factor: str,
    settings: tuple[str, ...],
    sample: int | None,
    seed: int,
    partitions: int,
    heatmap: str | None,
    dataset: str | None,
    tags: tuple[str, ...],
    note: str | None,
    force: bool,
    as_json: bool,
) -> None:
    name = FactorName(factor.upper())

    with failing_in_one_line(load_settings()):
        parsed = parse_sweep_settings(name, settings)
        if not parsed.axes:
            raise InvalidInput(
                "a sweep needs an option with several values", hint="such as --set breakpoint=0.1,0.2,0.3"
            )
        shown = None if heatmap is None else _heat_map_options(name, heatmap, parsed.axes)
        # once before anything is started, which takes seconds
        checked_plan(name, parsed.base, parsed.axes, sample_size=sample, seed=seed, partitions=partitions)

    async def work(services: Services) -> None:
        launching = launch_sweep(
            services,
            name,
            parsed.base,
            parsed.axes,
            sample_size=sample,
            seed=seed,
            partitions=partitions,
            dataset=None if dataset is None else DatasetRef(name=dataset),
            tags=tags,
            note=note,
            force=force,
        )
        launch, run = await launch_and_follow(services, launching, f"sweep {factor}")
        results = (await get_sweep_results(services.store, [run.id])).get(run.id)
        datasets = await get_datasets(services.store, [run.dataset_id])
        if as_json:
            result = None if results is None else sweep_json(results, heat_map=shown)
            print_json({**run_json(run, None, datasets), "reused": launch.reused, "result": result})
        require_success(run)
        if results is not None and not as_json:
            click.echo(
                f"run {run.id}: sweep of {factor} on {dataset_label(run, datasets)}{existed_already(launch)}"
            )
            print_sweep(run, results)
            if shown is not None:
                click.echo()
                print_heat_map(run, results, *shown)
            click.echo(f"`factorql promote {run.id} {results.best}` makes the best point a full run")

    run_with_services(work, execute=True)


def _heat_map_options(factor: FactorName, text: str, axes: tuple[SweepAxis, ...]) -> tuple[str, str]:
    """The options of `X,Y`, checked before anything is computed. Raises InvalidInput."""
    names = [option_name(factor, part) for part in text.split(",")]
    swept = [axis.option for axis in axes]
    if len(names) != 2 or names[0] == names[1]:
        raise InvalidInput(f"--heatmap takes two different options, X,Y, not {text!r}")
    for name in names:
        if name not in swept:
            raise InvalidInput(f"--heatmap: {name} is not swept here; {', '.join(swept)} are")
    for axis in axes:
        if axis.option in names and len(axis.values) > MAX_HEAT_MAP_VALUES:
            raise InvalidInput(
                f"--heatmap: {axis.option} has {len(axis.values):,} values, at most {MAX_HEAT_MAP_VALUES} fit"
            )
    return names[0], names[1]
