"""What is taken in from the older system's logs and what is told of it: frozen records, like `db.records`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from db.records import PerformanceRecord, SeriesRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineRecord:
    """An input line that was not understood, kept as it was. `line` 0 stands for the whole file."""

    file: str
    line: int
    raw: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImportedRun:
    """A result of the older system. `content_hash` tells an identical re-import from a conflicting one;
    `line` and `raw` are where it was read, for the quarantine should it conflict."""

    factor: str
    legacy_run_id: str
    content_hash: str
    config: Mapping[str, Any]
    unrecorded_fields: tuple[str, ...]
    remarks: tuple[str, ...]
    finished_at: datetime
    performance: PerformanceRecord
    series: tuple[SeriesRecord, ...] = ()
    line: int = 0
    raw: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlyMetricsRecord:
    """A stored monthly-metrics sheet: (metric, value, formatted) rows in the order of the sheet."""

    factor: str
    as_of_date: date
    import_batch_id: int
    rows: tuple[tuple[str, float | str | None, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMonthlyMetrics:
    """A monthly-metrics sheet of the older system, attached to a factor: (metric, value, formatted) rows."""

    factor: str
    as_of_date: date
    rows: tuple[tuple[str, float | str | None, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImportFile:
    """One log file's share of an import: committed as a whole or not at all."""

    file: str
    content_hash: str
    runs: tuple[NewImportedRun, ...] = ()
    monthly_metrics: tuple[NewMonthlyMetrics, ...] = ()
    quarantine: tuple[QuarantineRecord, ...] = ()
    repaired: int = 0
    merged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportBatchRecord:
    """What one import did. Counts are of this import; lines quarantined before are not quarantined again.
    `id` is None when no batch was kept: it was a dry run, or the store had everything already."""

    id: int | None
    created_at: datetime
    source: str
    imported: int
    unchanged: int
    repaired: int
    merged: int
    series_attached: int
    monthly_sets_attached: int
    quarantined: int
    quarantine: tuple[QuarantineRecord, ...]
