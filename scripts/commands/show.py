"""`factorql show`: one run, in words, as a picture or as a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import click

from app.context import Services
from app.datasets.risk_free import RiskFreeRequest
from app.errors import FactorQLError, InvalidInput
from app.features.fetches.service import get_fetch_reports
from app.runs.lifecycle import get_run
from app.runs.series import SeriesName
from db.datasets import asset_names, get_datasets
from db.records import (
    CompositionRecord,
    DatasetRecord,
    LegRecord,
    PerformanceRecord,
    RunKind,
    RunRecord,
    RunStatus,
)
from db.runs.results import check_results, get_compositions, get_net_performance, get_performance, get_series
from engine.factors.registry import FACTORS, FactorName
from engine.statistics.performance import Metric, Unit
from scripts.console import (
    day,
    json_option,
    moment,
    number,
    percent,
    plain,
    print_json,
    run_with_services,
)
from scripts.report.metrics import GROUPS, reasons
from scripts.values import Day, risk_free_option
from scripts.views import dataset_label, kind_words, run_json, subject

_SHOWN_HOLDINGS = 8
_WITH_RETURNS = (RunKind.FACTOR, RunKind.SWEEP)


@click.command(help="Show RUN (its number) in full: metrics, settings, latest composition.")
@click.argument("run_id", metavar="RUN", type=click.IntRange(min=1))
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Draw growth of 100 with drawdown beneath into this PNG, SVG or PDF file.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write all of it, with figures, into this HTML file: one page that needs no network.",
)
@click.option("--monthly", is_flag=True, help="Print the run's monthly sheet instead.")
@click.option("--as-of", type=Day(), help="The sheet's date; without it the last period's end.")
@risk_free_option
@json_option
def command(
    run_id: int,
    plot: Path | None,
    report: Path | None,
    monthly: bool,
    as_of: date | None,
    risk_free: RiskFreeRequest | None,
    as_json: bool,
) -> None:
    if not monthly and (as_of is not None or risk_free is not None):
        raise click.UsageError("--as-of and --risk-free are for --monthly.")

    async def work(services: Services) -> None:
        run = await get_run(services, run_id)
        if run.kind in _SHOW:  # also what is not shown: its numbers rest on it
            await check_results(services.store, run.id)
        if run.kind not in _WITH_RETURNS and (monthly or plot is not None or report is not None):
            raise InvalidInput(f"run {run.id} is {kind_words(run)}: it has no returns to draw or report")
        if monthly:
            await _show_monthly(services, run, as_of, risk_free, as_json)
        else:
            await _SHOW.get(run.kind, _show_unknown)(services, run, as_json)
        if plot is not None:
            await _draw(services, run, plot)
            click.echo(f"drawn to {plot}", err=as_json)
        if report is not None:
            await _report(services, run, report)
            click.echo(f"report written to {report}", err=as_json)

    run_with_services(work)


async def _show_factor(services: Services, run: RunRecord, as_json: bool) -> None:
    performance = (await get_performance(services.store, [run.id])).get(run.id)
    net = (await get_net_performance(services.store, [run.id])).get(run.id)
    datasets = await get_datasets(services.store, [run.dataset_id] if run.dataset_id else [])
    composition = (await get_compositions(services.store, [(run.id, None)])).get((run.id, None))
    names = {} if run.dataset_id is None else await asset_names(services.store, [run.dataset_id])
    assets = names.get(run.dataset_id, ())
    if as_json:
        print_json(
            {
                **run_json(run, performance, datasets),
                "net_performance": plain(net),
                "latest_composition": _composition_json(composition, assets),
            }
        )
        return
    _print_run(run, datasets)
    _print_settings(run)
    if run.kind == RunKind.RISK_MODEL and run.status is RunStatus.SUCCEEDED:
        click.echo(f"`factorql risk show {run.id}` shows its factors, coverage and validation")
    if performance is not None:
        _print_performance(performance, net)
    if composition is not None:
        _print_composition(composition, assets)


async def _show_monthly(
    services: Services,
    run: RunRecord,
    as_of: date | None,
    risk_free: RiskFreeRequest | None,
    as_json: bool,
) -> None:
    from app.features.factors.monthly_metrics import run_monthly_metrics  # with what computes the sheet
    from scripts.monthly_view import monthly_sheet_json, print_monthly_sheet

    if run.kind != RunKind.FACTOR:
        raise InvalidInput(f"run {run.id} is {kind_words(run)}: only factor runs have a monthly sheet")
    sheet = await run_monthly_metrics(services, run, as_of=as_of, risk_free=risk_free)
    if sheet is None:
        raise FactorQLError(f"run {run.id} has no return series")
    if as_json:
        print_json(monthly_sheet_json(run, sheet))
    else:
        print_monthly_sheet(run, sheet)


async def _show_sweep(services: Services, run: RunRecord, as_json: bool) -> None:
    from app.features.sweeps.results import get_sweep_results  # with the engine that computes sweeps
    from scripts.sweep_view import print_sweep, sweep_json

    datasets = await get_datasets(services.store, [run.dataset_id] if run.dataset_id else [])
    results = (await get_sweep_results(services.store, [run.id])).get(run.id)
    if as_json:
        found = None if results is None else sweep_json(results)
        print_json({**run_json(run, None, datasets), "sweep": found})
        return
    _print_run(run, datasets)
    if results is not None:
        click.echo()
        print_sweep(run, results)


async def _show_fetch(services: Services, run: RunRecord, as_json: bool) -> None:
    from scripts.fetch_view import print_dataset, print_report, print_wish, report_json

    datasets = await get_datasets(services.store, [run.dataset_id] if run.dataset_id else [])
    report = (await get_fetch_reports(services.store, [run.id])).get(run.id)
    if as_json:
        print_json({**run_json(run, None, datasets), "report": report_json(report)})
        return
    _print_run(run, datasets)
    print_wish(run)
    for dataset in datasets.values():
        print_dataset(dataset)
    if report is not None:
        print_report(report)


async def _show_unknown(services: Services, run: RunRecord, as_json: bool) -> None:
    """Show what any run has: what its results mean is not known."""
    datasets = await get_datasets(services.store, [run.dataset_id] if run.dataset_id else [])
    if as_json:
        print_json(run_json(run, None, datasets))
        return
    _print_run(run, datasets)
    _print_settings(run)


_SHOW = {
    RunKind.FACTOR: _show_factor,
    RunKind.SWEEP: _show_sweep,
    RunKind.FETCH: _show_fetch,
    RunKind.RISK_MODEL: _show_factor,
}


async def _report(services: Services, run: RunRecord, path: Path) -> None:
    from scripts.report.gather import gather  # matplotlib takes a second to import
    from scripts.report.write import check_path, write_report

    check_path(path)
    write_report(await gather(services, run), path)


async def _draw(services: Services, run: RunRecord, path: Path) -> None:
    from scripts.plot import draw_run  # matplotlib takes a second to import

    performance = (await get_performance(services.store, [run.id])).get(run.id)
    datasets = await get_datasets(services.store, [run.dataset_id] if run.dataset_id else [])
    series = await get_series(services.store, [run.id], list(SeriesName))
    stored = {name: series[run.id, name] for name in SeriesName if (run.id, name) in series}
    if SeriesName.FACTOR not in stored or performance is None:
        raise FactorQLError(f"run {run.id} has no return series to draw")
    draw_run(run, performance, stored, dataset_label(run, datasets), path)


def _print_run(run: RunRecord, datasets: Mapping[int, DatasetRecord]) -> None:
    click.echo(f"run {run.id}: {_title(run)}")
    click.echo(f"{run.status.lower()}, {run.origin.lower()}, dataset {dataset_label(run, datasets)}")
    if run.failure_code:
        click.echo(f"failure: {run.failure_code}: {run.failure_message}")
    for remark in run.import_remarks:
        click.echo(f"remark: {remark}")
    click.echo(f"created {moment(run.created_at)}, finished {moment(run.finished_at)}")
    if run.tags or run.note:
        click.echo(f"tags: {', '.join(run.tags) or '-'}; note: {run.note or '-'}")


def _title(run: RunRecord) -> str:
    if run.kind == RunKind.FETCH:
        return f"fetch from {subject(run)}"
    if run.kind == RunKind.RISK_MODEL:
        return subject(run)
    if run.kind not in _WITH_RETURNS:
        return kind_words(run)
    kind = "sweep of " if run.kind == RunKind.SWEEP else ""
    return f"{kind}{subject(run)}, {FACTORS[FactorName(run.subject)].title}"


def _print_settings(run: RunRecord) -> None:
    settings = {key: value for key, value in run.config.items() if key not in run.unrecorded_fields}
    shown = ", ".join(
        f"{key}={'off' if value is None else plain(value)}" for key, value in _flat(settings, "")
    )
    click.echo(f"settings: {shown}")
    if run.unrecorded_fields:
        click.echo(f"not recorded: {', '.join(run.unrecorded_fields)}")


def _flat(settings: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Options of options by their way: `universe.top_n`."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _print_performance(gross: PerformanceRecord, net: PerformanceRecord | None) -> None:
    """By group; net beside gross where costs are set. A group of which nothing is known is left out."""
    click.echo(f"\n{day(gross.start_date)} to {day(gross.end_date)}")
    if net is not None:
        click.echo(f"  {'':<38}{'gross':>14}{'net':>14}")
    why_gross, why_net = reasons(gross), {} if net is None else reasons(net)
    for name, group in GROUPS.items():
        known = [
            metric for metric in group if getattr(gross, metric.name) is not None or metric.name in why_gross
        ]
        if known:
            click.echo(f"\n  {name}")
        for metric in known:
            line = f"    {metric.label:<36}{_shown(metric, gross):>14}"
            if net is not None and metric.of_returns:
                line += f"{_shown(metric, net):>14}"
            click.echo(line)
    click.echo()
    for label, performance in (("", gross), ("net ", net)):
        if performance is None:
            continue
        if performance.max_drawdown_trough_date is not None:
            click.echo(
                f"  deepest {label}drawdown: peak {day(performance.max_drawdown_peak_date)}, trough "
                f"{day(performance.max_drawdown_trough_date)}, recovered "
                f"{day(performance.max_drawdown_recovery_date)}"
            )
        if performance.wiped_out_on is not None:
            after = " after costs" if label else ""
            click.echo(f"  WIPED OUT on {day(performance.wiped_out_on)}{after}: a period lost 100 % or more")
    for metric, detail in why_gross.items():
        click.echo(f"  {metric} is not defined: {detail}")
    net_only = {
        metric.name: why_net[metric.name]
        for group in GROUPS.values()
        for metric in group
        if metric.of_returns and metric.name in why_net and metric.name not in why_gross
    }
    for metric, detail in net_only.items():
        click.echo(f"  {metric} is not defined after costs: {detail}")


def _shown(metric: Metric, performance: PerformanceRecord) -> str:
    value = getattr(performance, metric.name)
    if metric.unit is Unit.FRACTION:
        return percent(value, 2)
    return number(value, {Unit.COUNT: 0, Unit.BASIS_POINTS: 1}.get(metric.unit, 4))


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
