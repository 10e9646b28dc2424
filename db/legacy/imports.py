"""Results of the older system: taken in once, a file at a time, with what was not understood kept beside.

A run that is already there with the same content hash stays as it is; one with another hash is quarantined
as CONFLICTING_RUN, and so are a series (CONFLICTING_SERIES) or monthly metrics (CONFLICTING_MONTHLY_METRICS)
that differ from those stored. Importing the same files again therefore changes nothing, and then no batch is
kept: a batch row stands for an import that brought something new, and is written with its first novelty."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from db.codec import SERIES_CODEC_VERSION, Blob, checked_payload, pack_series
from db.columns import finite_or_none
from db.legacy.queries import (
    get_batch,
    import_batch,
    list_batches,
    monthly,
    monthly_metrics,
    quarantine,
    quarantine_of,
)
from db.legacy.records import (
    ImportBatchRecord,
    NewImportedRun,
    NewImportFile,
    NewMonthlyMetrics,
    QuarantineRecord,
)
from db.models import Series
from db.records import Reuse, RunEventKind, RunKind, RunOrigin, RunStatus, SeriesRecord
from db.runs.events import append_events
from db.runs.results import write_performance, write_series
from db.runs.rows import run
from db.store import Store, store_access

__all__ = ["get_batch", "import_files", "list_batches", "monthly_metrics", "quarantine_of"]

series = Series.__table__

_KEYS_A_STATEMENT = 1_000


class _NothingIsKept(Exception):
    """Rolls a dry run back."""


@dataclass(slots=True)
class _Tally:
    """What an import came to so far; `batch_id` once something was new."""

    source: str
    now: datetime
    files: list[list[str]]
    batch_id: int | None = None
    imported: int = 0
    unchanged: int = 0
    repaired: int = 0
    merged: int = 0
    series_attached: int = 0
    monthly_sets_attached: int = 0
    quarantine: list[QuarantineRecord] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        return {
            "imported": self.imported,
            "unchanged": self.unchanged,
            "repaired": self.repaired,
            "merged": self.merged,
            "series_attached": self.series_attached,
            "monthly_sets_attached": self.monthly_sets_attached,
            "quarantined": len(self.quarantine),
        }

    async def batch(self, connection: AsyncConnection) -> int:
        """The id of this import's row, which is added when it is first needed."""
        if self.batch_id is None:
            row = {"created_at": self.now, "source": self.source, "files": self.files, **self.counts()}
            added = await connection.execute(insert(import_batch).returning(import_batch.c.id), row)
            self.batch_id = added.scalar_one()
        return self.batch_id

    def record(self, *, kept: bool) -> ImportBatchRecord:
        return ImportBatchRecord(
            id=self.batch_id if kept else None,
            created_at=self.now,
            source=self.source,
            **self.counts(),
            quarantine=tuple(self.quarantine),
        )


async def import_files(
    store: Store,
    files: Sequence[NewImportFile],
    *,
    source: str,
    now: datetime,
    dry_run: bool = False,
) -> ImportBatchRecord:
    """Takes in `files`, each in one transaction: as a whole or not at all. The record's id is None when no
    batch was kept. A dry run does the same work, counts the same, and rolls all of it back."""
    tally = _Tally(source, now, [[file.file, file.content_hash] for file in files])
    if dry_run:
        with suppress(_NothingIsKept):
            await _add_files(store, files, tally, kept=False)
    else:
        for file in files:
            await _add_files(store, [file], tally, kept=True)
    return tally.record(kept=not dry_run)


@store_access
async def _add_files(store: Store, files: Sequence[NewImportFile], tally: _Tally, *, kept: bool) -> None:
    """Add all of them in one transaction. Raises _NothingIsKept at its end unless `kept`."""
    async with store.write(exclusive=True) as connection:
        for file in files:
            await _add_file(connection, file, tally)
        if not kept:
            raise _NothingIsKept


async def _add_file(connection: AsyncConnection, file: NewImportFile, tally: _Tally) -> None:
    tally.repaired += file.repaired
    tally.merged += file.merged
    run_ids, conflicts = await _add_runs(connection, file, tally)
    conflicts += await _attach_series(connection, file, run_ids, tally)
    conflicts += await _attach_monthly_metrics(connection, file, tally)
    await _add_quarantine(connection, [*file.quarantine, *conflicts], tally)
    if tally.batch_id is not None:
        await connection.execute(
            update(import_batch).where(import_batch.c.id == tally.batch_id).values(tally.counts())
        )


async def _add_runs(
    connection: AsyncConnection, file: NewImportFile, tally: _Tally
) -> tuple[list[tuple[int, NewImportedRun]], list[QuarantineRecord]]:
    """Adds the new runs. Returns all runs of the file that are in the store now, and the conflicting ones."""
    known = await _known_runs(connection, file.runs)
    new: dict[tuple[str, str], NewImportedRun] = {}
    agreeing: list[NewImportedRun] = []
    conflicts: list[QuarantineRecord] = []
    for one in file.runs:
        key = (one.factor, one.legacy_run_id)
        stored_hash = new[key].content_hash if key in new else known.get(key, (0, None))[1]
        if stored_hash is None:
            new[key] = one
        elif stored_hash == one.content_hash:
            tally.unchanged += 1
        else:
            reason = f"run {one.legacy_run_id} of {one.factor} is in the store with other content"
            conflicts.append(_conflict(file, "CONFLICTING_RUN", reason, one))
            continue
        agreeing.append(one)
    if new:
        batch_id = await tally.batch(connection)
        rows = [_run_row(one, batch_id, tally.now) for one in new.values()]
        added = await connection.scalars(insert(run).returning(run.c.id, sort_by_parameter_order=True), rows)
        ids = list(added)
        await write_performance(
            connection, [(run_id, one.performance) for run_id, one in zip(ids, new.values(), strict=True)]
        )
        for start in range(0, len(ids), _KEYS_A_STATEMENT):
            chunk = ids[start : start + _KEYS_A_STATEMENT]
            await append_events(connection, chunk, RunEventKind.IMPORTED, tally.now)
        tally.imported += len(new)
        known |= {
            key: (run_id, one.content_hash) for run_id, (key, one) in zip(ids, new.items(), strict=True)
        }
    return [(known[one.factor, one.legacy_run_id][0], one) for one in agreeing], conflicts


async def _known_runs(
    connection: AsyncConnection, runs: Sequence[NewImportedRun]
) -> dict[tuple[str, str], tuple[int, str]]:
    """Id and content hash of those that were imported before, by factor and legacy id."""
    known = {}
    keys = list(dict.fromkeys((one.factor, one.legacy_run_id) for one in runs))
    for start in range(0, len(keys), _KEYS_A_STATEMENT):
        statement = select(run.c.subject, run.c.legacy_run_id, run.c.id, run.c.identity_hash).where(
            run.c.origin == RunOrigin.IMPORTED.value,
            tuple_(run.c.subject, run.c.legacy_run_id).in_(keys[start : start + _KEYS_A_STATEMENT]),
        )
        for factor, legacy_run_id, run_id, content_hash in await connection.execute(statement):
            known[factor, legacy_run_id] = (run_id, content_hash)
    return known


def _run_row(one: NewImportedRun, batch_id: int, now: datetime) -> dict[str, Any]:
    return {
        "kind": RunKind.FACTOR.value,
        "subject": one.factor,
        "status": RunStatus.SUCCEEDED.value,
        "origin": RunOrigin.IMPORTED.value,
        "config": dict(one.config),
        "unrecorded_fields": list(one.unrecorded_fields),
        "identity_hash": one.content_hash,
        "forced": False,
        "legacy_run_id": one.legacy_run_id,
        "import_batch_id": batch_id,
        "import_remarks": list(one.remarks),
        "created_at": now,
        "imported_at": now,
        "finished_at": one.finished_at,
        "progress_fraction": 1.0,
        "progress_stage": "done",
        "attempt": 0,
        "reuse": Reuse.NEVER.value,
        "losses": 0,
    }


async def _attach_series(
    connection: AsyncConnection,
    file: NewImportFile,
    runs: Sequence[tuple[int, NewImportedRun]],
    tally: _Tally,
) -> list[QuarantineRecord]:
    """Add the series that the runs do not have yet; those that differ from what they have come back.

    Raises CorruptBlob."""
    with_series = [(run_id, one) for run_id, one in runs if one.series]
    stored: dict[tuple[int, str], bytes] = {}
    for start in range(0, len(with_series), _KEYS_A_STATEMENT):
        ids = [run_id for run_id, _ in with_series[start : start + _KEYS_A_STATEMENT]]
        columns = series.c["run_id", "name", "codec_version", "checksum", "packed"]
        for run_id, name, *blob in await connection.execute(select(*columns).where(series.c.run_id.in_(ids))):
            subject = f"run {run_id}: series {name}"
            stored[run_id, name] = checked_payload(Blob(*blob), subject, SERIES_CODEC_VERSION)
    new: list[tuple[int, SeriesRecord]] = []
    conflicts: list[QuarantineRecord] = []
    for run_id, one in with_series:
        for record in one.series:
            packed = pack_series(record).payload
            key = (run_id, record.name)
            if key not in stored:
                stored[key] = packed
                new.append((run_id, record))
            elif stored[key] != packed:
                reason = (
                    f"the {record.name} series of run {one.legacy_run_id} is in the store with other values"
                )
                conflicts.append(_conflict(file, "CONFLICTING_SERIES", reason, one))
    if new:
        await tally.batch(connection)
        await write_series(connection, new)
        tally.series_attached += len(new)
    return conflicts


async def _attach_monthly_metrics(
    connection: AsyncConnection, file: NewImportFile, tally: _Tally
) -> list[QuarantineRecord]:
    conflicts = []
    for sheet in file.monthly_metrics:
        rows = [[metric, _number_or_text(value), formatted] for metric, value, formatted in sheet.rows]
        stored = await connection.scalar(
            select(monthly.c.rows).where(
                monthly.c.factor == sheet.factor, monthly.c.as_of_date == sheet.as_of_date
            )
        )
        if stored is None:
            row = {
                "factor": sheet.factor,
                "as_of_date": sheet.as_of_date,
                "import_batch_id": await tally.batch(connection),
                "rows": rows,
            }
            await connection.execute(insert(monthly), row)
            tally.monthly_sets_attached += 1
        elif stored != rows:
            conflicts.append(_conflicting_sheet(file, sheet))
    return conflicts


async def _add_quarantine(
    connection: AsyncConnection, records: Iterable[QuarantineRecord], tally: _Tally
) -> None:
    """Adds the lines that were not quarantined before; a line is the same by file, number and text."""
    by_file: dict[str, dict[tuple[int, str], QuarantineRecord]] = {}
    for record in records:
        by_file.setdefault(record.file, {}).setdefault((record.line, _hash_of(record)), record)
    for file, lines in by_file.items():
        statement = select(quarantine.c.line, quarantine.c.raw_hash).where(quarantine.c.file == file)
        before = {(line, raw_hash) for line, raw_hash in await connection.execute(statement)}
        new = [record for key, record in lines.items() if key not in before]
        if new:
            batch_id = await tally.batch(connection)
            rows = [
                {
                    "import_batch_id": batch_id,
                    "file": record.file,
                    "line": record.line,
                    "raw": _raw_bytes(record),
                    "raw_hash": _hash_of(record),
                    "code": record.code,
                    "reason": record.reason,
                }
                for record in new
            ]
            await connection.execute(insert(quarantine), rows)
            tally.quarantine += new


def _number_or_text(value: float | str | None) -> float | str | None:
    """Some monthly metrics name an asset."""
    return value if isinstance(value, str) else finite_or_none(value)


def _conflict(file: NewImportFile, code: str, reason: str, one: NewImportedRun) -> QuarantineRecord:
    raw = one.raw or f"{one.factor} {one.legacy_run_id} {one.content_hash}"
    return QuarantineRecord(file=file.file, line=one.line, raw=raw, code=code, reason=reason)


def _conflicting_sheet(file: NewImportFile, sheet: NewMonthlyMetrics) -> QuarantineRecord:
    return QuarantineRecord(
        file=file.file,
        line=0,
        raw="\n".join(",".join((metric, formatted)) for metric, _, formatted in sheet.rows),
        code="CONFLICTING_MONTHLY_METRICS",
        reason=f"the monthly metrics of {sheet.factor} on {sheet.as_of_date} have other values in the store",
    )


def _raw_bytes(record: QuarantineRecord) -> bytes:
    # As bytes, because a line that was not understood may hold what PostgreSQL takes for no text.
    return record.raw.encode("utf-8", "surrogatepass")


def _hash_of(record: QuarantineRecord) -> str:
    return hashlib.sha256(_raw_bytes(record)).hexdigest()
