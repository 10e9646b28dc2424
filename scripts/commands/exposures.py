"""`factorql exposures`: what a portfolio's returns owe to factors."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from app.context import Services
from app.datasets.positions import Basis
from app.datasets.risk_free import RiskFreeRequest
from app.datasets.service import DatasetRef
from app.features.exposures.service import ExposureRequest, portfolio_exposures
from engine.exposures.exposures import MIN_OBSERVATIONS
from engine.exposures.results import Method, ReturnKind
from scripts.console import failing_in_one_line, json_option, load_settings, print_json, run_with_services
from scripts.exposure_view import exposures_json, print_exposures
from scripts.portfolio_file import read_portfolio
from scripts.values import Day, risk_free_option

_HELP = """Measure what a portfolio's weekly returns owe to factors: betas, alpha and attribution.

The file has a header and a line a position: an asset (its id or symbol) and its amount, value in USD or
weight, below 0 for what is sold short. Weights are held constant: it is today's portfolio in the past.

\b
asset,amount
btc,0.5
eth,10
"""


def _choice(enum: type[Basis] | type[Method] | type[ReturnKind]) -> click.Choice:
    return click.Choice([one.lower() for one in enum], case_sensitive=False)


@click.command(help=_HELP, short_help="Measure a portfolio's exposures to factors.")
@click.option(
    "--portfolio",
    "file",
    required=True,
    metavar="FILE.csv",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What is held.",
)
@click.option("--basis", type=_choice(Basis), help="What the numbers are, whatever the header says.")
@click.option(
    "--run",
    "runs",
    multiple=True,
    type=click.IntRange(min=1),
    metavar="ID",
    help="A factor's run, given once each; without any the latest weekly run of each factor.",
)
@click.option("--dataset", metavar="NAME", help="Where the prices are; without it the dataset of the runs.")
@click.option(
    "--method",
    type=_choice(Method),
    default=Method.JOINT.lower(),
    show_default=True,
    help="One regression on all factors, or one on each.",
)
@click.option(
    "--returns",
    type=_choice(ReturnKind),
    default=ReturnKind.SIMPLE.lower(),
    show_default=True,
    help="Which returns are regressed.",
)
@risk_free_option
@click.option("--start", type=Day(), help="First week, by its Sunday.")
@click.option("--end", type=Day(), help="Last week, by its Sunday.")
@click.option(
    "--min-observations",
    type=int,
    default=MIN_OBSERVATIONS,
    show_default=True,
    help="Complete weeks without which there is no answer.",
)
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Level of the intervals.")
@click.option("--lag", type=int, help="Lags of the Newey-West errors; without it by the number of weeks.")
@click.option("--rolling", type=int, metavar="WEEKS", help="Betas over a moving window too.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Draw betas, attribution and rolling betas into this PNG, SVG or PDF file.",
)
@json_option
def command(
    file: Path,
    basis: str | None,
    runs: tuple[int, ...],
    dataset: str | None,
    method: str,
    returns: str,
    risk_free: RiskFreeRequest | None,
    start: date | None,
    end: date | None,
    min_observations: int,
    confidence: float,
    lag: int | None,
    rolling: int | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    with failing_in_one_line(load_settings()):
        portfolio = read_portfolio(file, None if basis is None else Basis(basis.upper()))
        if plot is not None:
            _check_format(plot)
    request = ExposureRequest(
        positions=portfolio.positions,
        basis=portfolio.basis,
        run_ids=runs or None,
        dataset=None if dataset is None else DatasetRef(name=dataset),
        method=Method(method.upper()),
        kind=ReturnKind(returns.upper()),
        risk_free=risk_free,
        start=start,
        end=end,
        min_observations=min_observations,
        confidence=confidence,
        lag=lag,
        window=rolling,
    )

    async def work(services: Services) -> None:
        answer = await portfolio_exposures(services, request)
        if as_json:
            print_json(exposures_json(answer))
        else:
            print_exposures(answer)
        if plot is not None:
            from scripts.exposure_plot import draw_exposures  # matplotlib takes a second to import

            draw_exposures(answer, file.stem, plot)
            click.echo(f"drawn to {plot}", err=as_json)

    run_with_services(work)


def _check_format(path: Path) -> None:
    from scripts.plot import check_format

    check_format(path)
