"""`factorql risk`: estimate a risk model, look at it, and measure a portfolio's risk by it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from app.context import Services
from app.datasets.positions import Basis
from app.datasets.service import DatasetRef
from app.errors import InvalidInput, RunNotFound
from app.features.risk.arrays import open_risk_arrays
from app.features.risk.portfolios import BenchmarkIndex, Portfolio, PortfolioRiskRequest, measure_portfolio
from app.features.risk.results import get_risk_results
from app.features.risk.service import checked_risk_config, get_risk_model, launch_risk_model
from db.datasets import get_datasets
from db.records import RunKind, RunRecord
from db.runs.read import last_runs
from scripts.console import failing_in_one_line, json_option, load_settings, print_json, run_with_services
from scripts.following import existed_already, launch_and_follow, require_success
from scripts.portfolio_file import read_portfolio
from scripts.risk_settings import risk_options
from scripts.risk_view import (
    portfolio_risk_json,
    print_portfolio_risk,
    print_risk_model,
    risk_model_json,
)
from scripts.values import Day
from scripts.views import dataset_label, run_json

_BUILD_HELP = """Estimate a risk model: factor returns, their covariance, and each asset's specific risk.

Sectors are those of the dataset's attribute `sector`. Without --styles the model has all styles that the
dataset has the fields for.

\b
--styles momentum,size,beta             these styles, with their defaults
--set momentum.lag=5                    an option of a style that --styles names
--set covariance.volatilityHalfLife=42  an option of a stage: universe, covariance, specific
--set mode=toraniko_raw                 an option of the model
"""

_PORTFOLIO_HELP = """Measure a portfolio's risk by a risk model, the latest one unless RUN says which.

The file has a header and a line a position: an asset (its id or symbol) and its amount, value in USD or
weight, below 0 for what is sold short. Weights need not add up to 1: the rest is cash.

\b
asset,weight
btc,0.6
eth,0.3
"""

_BASIS = click.Choice([one.lower() for one in Basis], case_sensitive=False)


@click.group(help="Estimate factor risk models, and measure portfolios by them.")
def command() -> None:
    """Its sub-commands do the work."""


@command.command(help=_BUILD_HELP, short_help="Estimate a risk model.")
@click.option(
    "--config",
    "file",
    metavar="FILE.json",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Options as JSON, such as the `config` that `risk show --json` prints.",
)
@click.option("--styles", metavar="A,B", help="The model's styles.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="An option.")
@click.option("--dataset", help="A dataset's name; without it the only one that is not synthetic.")
@click.option("--tag", "tags", multiple=True)
@click.option("--note")
@click.option("--force", is_flag=True, help="Estimate again even if this very model exists.")
@json_option
def build(
    file: Path | None,
    styles: str | None,
    settings: tuple[str, ...],
    dataset: str | None,
    tags: tuple[str, ...],
    note: str | None,
    force: bool,
    as_json: bool,
) -> None:
    with failing_in_one_line(load_settings()):
        options = risk_options(file, styles, settings)
        checked_risk_config(options)  # once before anything is started, which takes seconds

    async def work(services: Services) -> None:
        launching = launch_risk_model(
            services,
            options,
            dataset=None if dataset is None else DatasetRef(name=dataset),
            tags=tags,
            note=note,
            force=force,
        )
        launch, run = await launch_and_follow(services, launching, "risk model")
        results = (await get_risk_results(services.store, [run.id])).get(run.id)
        datasets = await get_datasets(services.store, [run.dataset_id])
        if as_json:
            model = None if results is None else risk_model_json(results)
            print_json({**run_json(run, None, datasets), "reused": launch.reused, "model": model})
        require_success(run)
        if results is not None and not as_json:
            click.echo(f"run {run.id}: risk model of {dataset_label(run, datasets)}{existed_already(launch)}")
            print_risk_model(results)
            click.echo(f"`factorql risk portfolio {run.id} --portfolio FILE.csv` measures a portfolio by it")

    run_with_services(work, execute=True)


@command.command(help="Show a risk model: its factors, coverage and validation.")
@click.argument("run_id", metavar="RUN", type=click.IntRange(min=1))
@json_option
def show(run_id: int, as_json: bool) -> None:
    async def work(services: Services) -> None:
        run = await get_risk_model(services, run_id)
        results = (await get_risk_results(services.store, [run.id])).get(run.id)
        datasets = await get_datasets(services.store, [run.dataset_id])
        if as_json:
            model = None if results is None else risk_model_json(results)
            print_json({**run_json(run, None, datasets), "model": model})
        require_success(run)
        if results is not None and not as_json:
            click.echo(f"run {run.id}: risk model of {dataset_label(run, datasets)}")
            print_risk_model(results)

    run_with_services(work)


@command.command(help=_PORTFOLIO_HELP, short_help="Measure a portfolio's risk.")
@click.argument("run_id", metavar="[RUN]", required=False, type=click.IntRange(min=1))
@click.option(
    "--portfolio",
    "file",
    required=True,
    metavar="FILE.csv",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What is held.",
)
@click.option("--basis", type=_BASIS, help="What the numbers are, whatever the header says.")
@click.option(
    "--benchmark",
    metavar="market|FILE.csv",
    help="What to compare with: the estimation universe by market cap, or a portfolio.",
)
@click.option("--date", "day", type=Day(), help="The last forecast up to this day; without it the latest.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Of the value at risk.")
@click.option("--horizon", type=int, default=1, show_default=True, metavar="DAYS", help="Of it too.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Draw the contributions into this PNG, SVG or PDF file.",
)
@json_option
def portfolio(
    run_id: int | None,
    file: Path,
    basis: str | None,
    benchmark: str | None,
    day: date | None,
    confidence: float,
    horizon: int,
    plot: Path | None,
    as_json: bool,
) -> None:
    chosen = None if basis is None else Basis(basis.upper())
    with failing_in_one_line(load_settings()):
        request = PortfolioRiskRequest(
            portfolio=_holdings(file, chosen),
            benchmark=_benchmark(benchmark, chosen),
            day=day,
            confidence=confidence,
            horizon_days=horizon,
        )
        if plot is not None:
            _check_format(plot)

    async def work(services: Services) -> None:
        run = await (_latest_model(services) if run_id is None else get_risk_model(services, run_id))
        require_success(run)
        results = (await get_risk_results(services.store, [run.id]))[run.id]
        arrays = await open_risk_arrays(services, run.id)
        answer = await measure_portfolio(services, run, results, arrays, request)
        datasets = await get_datasets(services.store, [run.dataset_id])
        source = f"risk model {run.id} of {dataset_label(run, datasets)}, {answer.date}"
        if as_json:
            print_json({"run": run.id, **portfolio_risk_json(results, answer)})
        else:
            click.echo(f"Risk of {file.stem} by {source}")
            print_portfolio_risk(results, answer)
        if plot is not None:
            from scripts.risk_plot import draw_portfolio_risk  # matplotlib takes a second to import

            draw_portfolio_risk(results, answer, file.stem, source, plot)
            click.echo(f"drawn to {plot}", err=as_json)

    run_with_services(work)


def _holdings(file: Path, basis: Basis | None) -> Portfolio:
    read = read_portfolio(file, basis)
    return Portfolio(holdings=read.positions, basis=read.basis)


def _benchmark(text: str | None, basis: Basis | None) -> Portfolio | BenchmarkIndex | None:
    if text is None:
        return None
    if text.lower() == "market":
        return BenchmarkIndex.MARKET_CAP
    if not Path(text).is_file():
        raise InvalidInput(f"--benchmark takes market or a file, and there is no file {text!r}")
    return _holdings(Path(text), basis)


async def _latest_model(services: Services) -> RunRecord:
    """Return the risk model that was finished last. Raises RunNotFound."""
    latest = await last_runs(services.store, kind=RunKind.RISK_MODEL, first=1, now=services.now())
    if not latest:
        raise RunNotFound("there is no risk model yet", hint="`factorql risk build` makes one")
    return latest[0]


def _check_format(path: Path) -> None:
    from scripts.plot import check_format

    check_format(path)
