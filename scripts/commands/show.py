"""`factorql show`: one run, in words or as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from app.errors import FactorQLError
from app.services.context import Services
from app.services.runs import get_run
from app.services.series import SeriesName
from db.datasets import asset_names, get_datasets
from db.records import CompositionRecord, DatasetRecord, LegRecord, PerformanceRecord, RunRecord
from db.results import get_compositions, get_performance, get_series
from engine.factors.config import FactorName
from engine.factors.registry import FACTORS
from scripts.console import day, json_option, moment, number, percent, plain, print_json, run_with_services
from scripts.views import dataset_label, run_json

_SHOWN_HOLDINGS = 8
_PERCENT_METRICS = {
    "cumulative return": "cumulative_return",
    "annualised return": "annualized_return",
    "mean annual return": "mean_annual_return",
    "annualised volatility": "annualized_volatility",
    "max drawdown": "max_drawdown",
    "value at risk 95 %, per period": "value_at_risk_95",
    "expected shortfall 95 %, per period": "expected_shortfall_95",
    "hit rate": "hit_rate",
    "best period": "best_period_return",
    "worst period": "worst_period_return",
    "long leg alone": "long_only_return",
    "short leg alone, held long": "short_only_return",
    "coverage": "coverage",
}
_NUMBER_METRICS = {
    "Sharpe ratio": "sharpe_ratio",
    "Sortino ratio": "sortino_ratio",
    "Sortino ratio, target 0": "sortino_ratio_target",
    "Calmar ratio": "calmar_ratio",
    "skewness": "skewness",
    "excess kurtosis": "excess_kurtosis",
    "years": "years",
    "positions held, mean": "breadth",
    "HHI of the latest long leg": "long_hhi",
    "HHI of the latest short leg": "short_hhi",
}
_COUNT_METRICS = {
    "periods": "num_periods",
    "skipped periods": "skipped_periods",
    "missing returns": "missing_returns",
}


@click.command(help="Show RUN (its number) in full: metrics, settings, latest composition.")
@click.argument("run_id", metavar="RUN", type=click.IntRange(min=1))
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Draw growth of 100 with drawdown beneath into this PNG, SVG or PDF file.",
)
@json_option
def command(run_id: int, plot: Path | None, as_json: bool) -> None:
    async def work(services: Services) -> None:
        run = await get_run(services, run_id)
        performance = (await get_performance(services.store, [run_id])).get(run_id)
        datasets = await get_datasets(services.store, [run.dataset_id] if run.dataset_id else [])
        composition = (await get_compositions(services.store, [(run_id, None)])).get((run_id, None))
        names = {} if run.dataset_id is None else await asset_names(services.store, [run.dataset_id])
        assets = names.get(run.dataset_id, ())
        if as_json:
            print_json(
                {
                    **run_json(run, performance, datasets),
                    "latest_composition": _composition_json(composition, assets),
                }
            )
        else:
            _print_run(run, performance, datasets)
            if composition is not None:
                _print_composition(composition, assets)
        if plot is not None:
            await _draw(services, run, performance, dataset_label(run, datasets), plot)
            click.echo(f"drawn to {plot}", err=as_json)

    run_with_services(work)


async def _draw(
    services: Services, run: RunRecord, performance: PerformanceRecord | None, dataset: str, path: Path
) -> None:
    from scripts.plot import draw_run  # matplotlib takes a second to import

    series = await get_series(services.store, [run.id], list(SeriesName))
    stored = {name: series[run.id, name] for name in SeriesName if (run.id, name) in series}
    if SeriesName.FACTOR not in stored or performance is None:
        raise FactorQLError(f"run {run.id} has no return series to draw")
    draw_run(run, performance, stored, dataset, path)


def _print_run(
    run: RunRecord, performance: PerformanceRecord | None, datasets: Mapping[int, DatasetRecord]
) -> None:
    title = FACTORS[FactorName(run.factor)].title
    click.echo(f"run {run.id}: {run.factor.lower()}, {title}")
    click.echo(f"{run.status.lower()}, {run.origin.lower()}, dataset {dataset_label(run, datasets)}")
    if run.failure_code:
        click.echo(f"failure: {run.failure_code}: {run.failure_message}")
    for remark in run.import_remarks:
        click.echo(f"remark: {remark}")
    click.echo(f"created {moment(run.created_at)}, finished {moment(run.finished_at)}")
    if run.tags or run.note:
        click.echo(f"tags: {', '.join(run.tags) or '-'}; note: {run.note or '-'}")
    settings = {key: value for key, value in run.config.items() if key not in run.unrecorded_fields}
    shown = ", ".join(f"{key}={'off' if value is None else plain(value)}" for key, value in settings.items())
    click.echo(f"settings: {shown}")
    if run.unrecorded_fields:
        click.echo(f"not recorded: {', '.join(run.unrecorded_fields)}")
    if performance is None:
        return
    click.echo(f"\n{day(performance.start_date)} to {day(performance.end_date)}")
    lines = [(label, percent(getattr(performance, name), 2)) for label, name in _PERCENT_METRICS.items()]
    lines += [(label, number(getattr(performance, name), 4)) for label, name in _NUMBER_METRICS.items()]
    lines += [(label, number(getattr(performance, name), 0)) for label, name in _COUNT_METRICS.items()]
    for label, value in lines:
        click.echo(f"  {label:<38}{value:>14}")
    if performance.max_drawdown_trough_date is not None:
        click.echo(
            f"  deepest drawdown: peak {day(performance.max_drawdown_peak_date)}, trough "
            f"{day(performance.max_drawdown_trough_date)}, recovered "
            f"{day(performance.max_drawdown_recovery_date)}"
        )
    if performance.wiped_out_on is not None:
        click.echo(f"  WIPED OUT on {day(performance.wiped_out_on)}: a period lost 100 % or more")
    for item in performance.undefined_metrics:
        if item.reason != "NOT_RECORDED":
            click.echo(f"  {item.metric} is not defined: {item.detail}")


def _print_composition(composition: CompositionRecord, assets: tuple[str, ...]) -> None:
    click.echo(f"\nheld in the period ending {composition.period_end}")
    for label, leg in (("long", composition.long), ("short", composition.short)):
        if leg is not None:
            heaviest = sorted(_holdings(leg, assets), key=lambda item: (-item[1], item[0]))
            shown = ", ".join(f"{asset} {percent(weight)}" for asset, weight in heaviest[:_SHOWN_HOLDINGS])
            more = len(heaviest) - _SHOWN_HOLDINGS
            click.echo(f"  {label:<6}{shown}" + (f" and {more} more" if more > 0 else ""))


def _holdings(leg: LegRecord, assets: tuple[str, ...]) -> list[tuple[str, float]]:
    return [
        (assets[ordinal], float(weight))
        for ordinal, weight in zip(leg.asset_ordinals, leg.weights, strict=True)
    ]


def _composition_json(
    composition: CompositionRecord | None, assets: tuple[str, ...]
) -> dict[str, object] | None:
    if composition is None:
        return None
    legs = {"long": composition.long, "short": composition.short}
    return {
        "period_start": composition.period_start,
        "period_end": composition.period_end,
        **{name: None if leg is None else dict(_holdings(leg, assets)) for name, leg in legs.items()},
    }
