"""The older system's CSV logs, in and out of the store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.context import Services
from app.errors import LimitExceeded
from app.features.factors.latest import RunWithPerformance, with_performance
from app.features.legacy.log_rows import UNKNOWN_WEIGHTING, log_row, log_series, next_run_id
from app.features.legacy.logs.batch import quarantine_orphan, read_batch
from app.features.legacy.logs.records import (
    METRIC_FIELDS,
    SETTING_FIELDS,
    LegacyBatch,
    LegacyRun,
    LegacySeries,
    MonthlyMetric,
    MonthlyMetrics,
    QuarantinedLine,
)
from app.features.legacy.logs.write import (
    factor_file_name,
    monthly_metrics_file_name,
    returns_file_name,
    write_factor_csv,
    write_monthly_metrics_csv,
    write_returns_csv,
)
from app.runs.series import SeriesName
from db.legacy import imports as import_store
from db.legacy.records import (
    ImportBatchRecord,
    MonthlyMetricsRecord,
    NewImportedRun,
    NewImportFile,
    NewMonthlyMetrics,
    QuarantineRecord,
)
from db.pages import MAX_PAGE_SIZE
from db.records import PerformanceRecord, RunKind, RunRecord, RunStatus, SeriesRecord, UndefinedMetricRecord
from db.runs import read as run_queries
from db.runs import results as result_store
from engine.config import to_json
from engine.factors.config import WeightingMethod
from engine.factors.models.value import Fundamental
from engine.factors.registry import FactorName, parse_config

MAX_LOG_BYTES = 50_000_000
_NOT_RECORDED = "NOT_RECORDED"
_WITHOUT_REASON = frozenset(
    {
        "max_drawdown_peak_date",
        "max_drawdown_trough_date",
        "max_drawdown_recovery_date",
        "wiped_out_on",
        "undefined_metrics",
    }
)


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """`ignored_files` are documentation that lay beside the logs: neither imported nor quarantined."""

    batch: ImportBatchRecord
    ignored_files: tuple[str, ...]


async def import_logs(
    services: Services, files: Mapping[str, bytes], *, source: str, dry_run: bool = False
) -> ImportOutcome:
    """Import log files (name -> content), each file as a whole or not at all. A second time changes nothing.

    Raises LimitExceeded. What is not understood is quarantined, never an error.
    """
    size = sum(len(content) for content in files.values())
    if size > MAX_LOG_BYTES:
        raise LimitExceeded(f"the logs hold {size:,} bytes, at most {MAX_LOG_BYTES:,} are read at once")
    read = await asyncio.to_thread(read_batch, files)
    new_files = _import_files(read) + await _orphan_files(services, read.orphan_series)
    batch = await import_store.import_files(
        services.store, new_files, source=source, now=services.now(), dry_run=dry_run
    )
    if not dry_run:
        services.run_changed()
    return ImportOutcome(batch, read.ignored_files)


async def export_logs(services: Services) -> dict[str, bytes]:
    """All succeeded runs as log files (name -> content) in the older system's newest shape.

    Imported runs come out as they were; computed ones get the id that the older system would have given
    them, the time at which they finished. A run that is deleted meanwhile is left out, or has no returns.
    """
    found = await _succeeded_runs(services)
    stored = await result_store.get_series(
        services.store, [item.run.id for item in found], [SeriesName.FACTOR]
    )
    runs: dict[str, list[LegacyRun]] = {}
    files: dict[str, bytes] = {}
    taken = {
        (item.run.subject.lower(), item.run.legacy_run_id)
        for item in found
        if item.run.legacy_run_id is not None
    }
    for item in sorted(found, key=lambda item: (item.run.finished_at, item.run.id)):
        run = _row(item, taken)
        runs.setdefault(run.factor, []).append(run)
        if (series := stored.get((item.run.id, SeriesName.FACTOR))) is not None:
            name = returns_file_name(run.factor, run.legacy_run_id)
            files[name] = write_returns_csv(log_series(run, series))
    for factor, rows in runs.items():
        files[factor_file_name(factor)] = write_factor_csv(rows)
    sheets = await import_store.monthly_metrics(services.store, [name.value for name in FactorName])
    for factor, records in sheets.items():
        if records:
            monthly = [_legacy_sheet(record) for record in records]
            files[monthly_metrics_file_name(factor.lower())] = write_monthly_metrics_csv(monthly)
    return files


# -- logs to records ---------------------------------------------------------------------------------------


def _import_files(read: LegacyBatch) -> list[NewImportFile]:
    series = {(one.factor, one.legacy_run_id): one for one in read.series}
    return [
        NewImportFile(
            file=file.name,
            content_hash="",
            runs=tuple(
                _imported_run(run, series.get((run.factor, run.legacy_run_id)))
                for run in read.runs
                if run.source.file == file.name
            ),
            monthly_metrics=tuple(
                _new_sheet(sheet) for sheet in read.monthly_metrics if sheet.file == file.name
            ),
            quarantine=tuple(_quarantine(line) for line in read.quarantined if line.file == file.name),
            repaired=file.repaired,
            merged=file.merged,
        )
        for file in read.files
    ]


async def _orphan_files(services: Services, orphans: Sequence[LegacySeries]) -> list[NewImportFile]:
    """Series whose run came with an earlier import belong to it; those of an unknown run are quarantined."""
    files = []
    for series in orphans:
        run = await run_queries.find_imported(services.store, series.factor.upper(), series.legacy_run_id)
        attached = () if run is None else (_with_series(run, series),)
        refused = (_quarantine(quarantine_orphan(series)),) if run is None else ()
        files.append(
            NewImportFile(
                file=series.source.file,
                content_hash=series.content_hash,
                runs=attached,
                quarantine=refused,
            )
        )
    return files


def _with_series(run: RunRecord, series: LegacySeries) -> NewImportedRun:
    """A run that the store has, to be told apart by its hash alone, with the series that it lacks."""
    return NewImportedRun(
        factor=str(run.subject),
        legacy_run_id=series.legacy_run_id,
        content_hash=run.identity_hash,
        config=run.config,
        unrecorded_fields=run.unrecorded_fields,
        remarks=run.import_remarks,
        finished_at=run.finished_at or run.created_at,
        performance=PerformanceRecord(),
        series=(_series_record(series),),
        raw=series.source.raw,
    )


def _imported_run(run: LegacyRun, series: LegacySeries | None) -> NewImportedRun:
    config, unrecorded = _config(run)
    remarks = [f"SUSPECT: {run.suspect}"] if run.suspect else []
    if run.repaired:
        remarks.append(f"REPAIRED: read in column order {run.column_order}, which its header contradicts")
    if UNKNOWN_WEIGHTING in config:
        remarks.append(f"UNKNOWN_WEIGHTING: {run.weighting_method}")
    return NewImportedRun(
        factor=run.factor.upper(),
        legacy_run_id=run.legacy_run_id,
        content_hash=run.content_hash,
        config=config,
        unrecorded_fields=unrecorded,
        remarks=tuple(remarks),
        finished_at=run.run_time,
        performance=_performance(run),
        series=() if series is None else (_series_record(series),),
        line=run.source.line,
        raw=run.source.raw,
    )


def _config(run: LegacyRun) -> tuple[dict[str, object], tuple[str, ...]]:
    """The settings that the log recorded, as they were even where out of today's ranges, and the others."""
    options = to_json(parse_config(FactorName(run.factor.upper()), {}))
    config: dict[str, object] = dict.fromkeys(options)
    if "fundamental" in config:
        config["fundamental"] = Fundamental.FEES.value  # the older system knew no other
    config |= {name: value for name in SETTING_FIELDS if (value := getattr(run, name)) is not None}
    weighting = (run.weighting_method or "").upper()
    if weighting in WeightingMethod.__members__:
        config["weighting_method"] = weighting
    elif weighting:
        config["weighting_method"], config[UNKNOWN_WEIGHTING] = None, run.weighting_method
    return config, tuple(name for name in options if config[name] is None)


def _performance(run: LegacyRun) -> PerformanceRecord:
    recorded = {name: value for name in METRIC_FIELDS if (value := getattr(run, name)) is not None}
    known = _WITHOUT_REASON | recorded.keys()
    missing = [name for name in PerformanceRecord.__dataclass_fields__ if name not in known]
    return PerformanceRecord(
        **recorded,
        undefined_metrics=tuple(
            UndefinedMetricRecord(metric=name, reason=_NOT_RECORDED, detail="the imported log has no value")
            for name in missing
        ),
    )


def _series_record(series: LegacySeries) -> SeriesRecord:
    return SeriesRecord(
        name=SeriesName.FACTOR,
        times=np.array(series.dates, dtype="datetime64[D]"),
        values=np.array(series.returns, dtype=np.float64),
    )


def _new_sheet(sheet: MonthlyMetrics) -> NewMonthlyMetrics:
    return NewMonthlyMetrics(
        factor=sheet.factor.upper(),
        as_of_date=sheet.as_of_date,
        rows=tuple((row.metric, row.value, row.value_formatted) for row in sheet.rows),
    )


def _quarantine(line: QuarantinedLine) -> QuarantineRecord:
    return QuarantineRecord(
        file=line.file, line=line.line, raw=line.raw, code=line.code.value, reason=line.reason
    )


# -- records to logs ---------------------------------------------------------------------------------------


async def _succeeded_runs(services: Services) -> list[RunWithPerformance]:
    where = run_queries.RunFilter(status=run_queries.Choice(eq=RunStatus.SUCCEEDED))
    found: list[RunWithPerformance] = []
    after: str | None = None
    while True:
        page = await run_queries.page_runs(
            services.store, where, kind=RunKind.FACTOR, first=MAX_PAGE_SIZE, after=after
        )
        found += await with_performance(services.store, page.items)
        if not page.has_next_page:
            return found
        after = page.cursors[-1]


def _row(item: RunWithPerformance, taken: set[tuple[str, str]]) -> LegacyRun:
    """With an id that no other row of the factor has."""
    row = log_row(item)
    if item.run.legacy_run_id is None:
        run_id = row.legacy_run_id
        while (row.factor, run_id) in taken:
            run_id = next_run_id(run_id)
        taken.add((row.factor, run_id))
        row = replace(row, legacy_run_id=run_id)
    return row


def _legacy_sheet(record: MonthlyMetricsRecord) -> MonthlyMetrics:
    return MonthlyMetrics(
        factor=record.factor.lower(),
        as_of_date=record.as_of_date,
        rows=tuple(MonthlyMetric(metric, value, formatted) for metric, value, formatted in record.rows),
    )
