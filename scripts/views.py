"""Runs and datasets as the command shows them: rows for tables, objects for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.features.factors.latest import RunWithPerformance
from app.kinds import KINDS, by_name
from db.records import DatasetRecord, PerformanceRecord, RunKind, RunRecord
from scripts.console import day, moment, number, percent, plain

_REFUSED_SHOWN = 10

COMPARISON_COLUMNS = {
    "factor": "left",
    "run": "right",
    "dataset": "left",
    "annualised": "right",
    "volatility": "right",
    "Sharpe": "right",
    "Sortino": "right",
    "max drawdown": "right",
    "cumulative": "right",
    "periods": "right",
    "from": "right",
    "to": "right",
}


def comparison_rows(
    found: Sequence[RunWithPerformance], datasets: Mapping[int, DatasetRecord]
) -> list[list[str]]:
    return [
        [
            item.run.subject.lower(),
            str(item.run.id),
            dataset_label(item.run, datasets),
            percent(item.performance.annualized_return),
            percent(item.performance.annualized_volatility),
            number(item.performance.sharpe_ratio),
            number(item.performance.sortino_ratio),
            percent(item.performance.max_drawdown),
            percent(item.performance.cumulative_return),
            "-" if item.performance.num_periods is None else str(item.performance.num_periods),
            day(item.performance.start_date),
            day(item.performance.end_date),
        ]
        for item in found
    ]


RUN_COLUMNS = {
    "run": "right",
    "factor": "left",
    "status": "left",
    "origin": "left",
    "dataset": "left",
    "created": "left",
    "finished": "left",
    "annualised": "right",
    "Sharpe": "right",
    "tags": "left",
}


_INTERNAL = (
    "claimed_by",
    "heartbeat_at",
    "attempt",
    "dataset_id",
    "import_batch_id",
    "reuse",
    "losses",
)
"""Of a run's record, what its JSON leaves out."""
_KINDS = by_name(KINDS)


def run_rows(
    runs: Sequence[RunRecord],
    performance: Mapping[int, PerformanceRecord],
    datasets: Mapping[int, DatasetRecord],
) -> list[list[str]]:
    rows = []
    for run in runs:
        metrics = performance.get(run.id, PerformanceRecord())
        status = run.status.lower() + (f" ({run.failure_code})" if run.failure_code else "")
        rows.append(
            [
                str(run.id),
                subject(run),
                status,
                run.origin.lower(),
                dataset_label(run, datasets),
                moment(run.created_at),
                moment(run.finished_at),
                percent(metrics.annualized_return),
                number(metrics.sharpe_ratio),
                ", ".join(run.tags),
            ]
        )
    return rows


def kind_label(run: RunRecord) -> str:
    """Return the kind as `runs --kind` takes it, marked where this version does not know it."""
    return run.kind.lower() if run.kind in _KINDS else f"{run.kind.lower()} (unknown)"


def kind_words(run: RunRecord) -> str:
    """Return what is said after "the run is": `a sweep`, or that its kind is not known."""
    if run.kind in _KINDS:
        return f"a {_KINDS[run.kind].noun}"
    return f"of the kind {run.kind}, which this version does not know"


def subject(run: RunRecord) -> str:
    """Return what a run is of: its subject's name, a fetch's source or, where there is none, its kind."""
    if run.subject is not None:
        return run.subject.lower()
    if run.kind == RunKind.FETCH:
        return str(run.config["source"]).lower()
    return _KINDS[run.kind].noun if run.kind in _KINDS else "-"


def dataset_label(run: RunRecord, datasets: Mapping[int, DatasetRecord]) -> str:
    """The dataset's name, with a word where its numbers are invented."""
    if run.dataset_id is None or run.dataset_id not in datasets:
        return run.legacy_run_id or "-"
    dataset = datasets[run.dataset_id]
    return f"{dataset.name} (synthetic)" if dataset.synthetic else dataset.name


def run_json(
    run: RunRecord, performance: PerformanceRecord | None, datasets: Mapping[int, DatasetRecord]
) -> dict[str, object]:
    dataset = None if run.dataset_id is None else datasets.get(run.dataset_id)
    values = {"factor" if name == "subject" else name: value for name, value in plain(run).items()}
    for internal in _INTERNAL:
        values.pop(internal)
    values["factor"] = None if run.subject is None else run.subject.lower()
    values["dataset"] = None if dataset is None else dataset_json(dataset)
    values["performance"] = plain(performance)
    return values


def dataset_json(dataset: DatasetRecord) -> dict[str, object]:
    values = plain(dataset)
    for internal in ("quality", "kind"):
        values.pop(internal)
    return values


def quality_lines(quality: Mapping[str, Any]) -> list[str]:
    """A dataset's quality report in words: what was refused, merged, or kept although suspicious."""
    lines = [f"rows: {quality['rows_read']:,} read, {quality['rows_kept']:,} kept"]
    lines += [
        f"  {item['action'].lower():<8} {item['count']:>9,}  {item['label']}" for item in quality["counts"]
    ]
    lines += [f"  line {item['line']}: {item['reason']}" for item in quality["refused"][:_REFUSED_SHOWN]]
    if len(quality["refused"]) > _REFUSED_SHOWN:
        lines.append("  ... all with --json")
    return lines + [f"note: {note}" for note in quality["notes"]]
