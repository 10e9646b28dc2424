"""What a fetch brought in and what it lost, as the command shows it."""

from __future__ import annotations

from itertools import groupby

import click

from app.datasets.quality import LostAsset
from app.features.fetches.config import FetchConfig
from app.features.fetches.report import FetchReport
from db.records import DatasetRecord, RunRecord
from scripts.console import plain

_LOST_NAMED = 10


def print_wish(run: RunRecord) -> None:
    """What was asked for."""
    config = FetchConfig.from_json(run.config)
    assets = config.request.assets
    named = "all that the source recommends" if assets is None else _some(assets)
    anew = "; kept answers were not used" if config.refresh else ""
    click.echo(
        f"asked for: {config.request.start} to {config.request.end}, {named}; to be dataset "
        f"{config.dataset_name}{anew}"
    )


def print_dataset(dataset: DatasetRecord, *, existed: bool = False) -> None:
    """`existed`: this content stood under this name already."""
    unchanged = " (there already, unchanged)" if existed else ""
    click.echo(
        f"dataset {dataset.name} version {dataset.version}{unchanged}: {dataset.asset_count:,} assets, "
        f"{dataset.date_count:,} dates from {dataset.first_date} to {dataset.last_date}, "
        f"calendar {dataset.calendar.lower()}\n"
        f"fields: {', '.join(dataset.fields)}"
    )


def print_report(report: FetchReport) -> None:
    """What was lost, by reason; notes; what was asked of the vendor."""
    if report.lost:
        click.echo(f"lost: {len(report.lost):,} of {report.counts['assets_total']:,} assets")
    by_code = sorted(report.lost, key=lambda lost: lost.code)
    for code, group in groupby(by_code, key=lambda lost: lost.code):
        for line in _lost_lines(code, list(group)):
            click.echo(f"  {line}")
    for note in report.notes:
        click.echo(f"note: {note}")
    counts = report.counts
    click.echo(
        f"requests sent: {counts['requests']:,} (retries: {counts['retries']:,}), answers from disk: "
        f"{counts['cached_responses']:,}, received: {counts['bytes'] / 1e6:,.1f} MB"
    )


def report_json(report: FetchReport | None) -> object:
    return plain(report)


def _lost_lines(code: str, lost: list[LostAsset]) -> list[str]:
    """The reason once, where all share it; else each with its own."""
    reasons = {one.reason for one in lost}
    if len(reasons) == 1:
        return [f"{code}: {_some([one.asset for one in lost])}: {lost[0].reason}"]
    lines = [f"{code}: {one.asset}: {one.reason}" for one in lost[:_LOST_NAMED]]
    if len(lost) > _LOST_NAMED:
        lines.append(f"{code}: and {len(lost) - _LOST_NAMED:,} more")
    return lines


def _some(assets: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(assets) - _LOST_NAMED:,} more" if len(assets) > _LOST_NAMED else ""
    return ", ".join(assets[:_LOST_NAMED]) + more
