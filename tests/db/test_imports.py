"""Importing results of the older system: once, whole files, conflicts and oddities kept beside."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select, text

from db.errors import CorruptBlob, InvalidCursor
from db.legacy.imports import get_batch, import_files, list_batches, monthly_metrics, quarantine_of
from db.legacy.records import (
    ImportBatchRecord,
    NewImportedRun,
    NewImportFile,
    NewMonthlyMetrics,
    QuarantineRecord,
)
from db.models import metadata
from db.records import PerformanceRecord, RunOrigin, RunStatus
from db.runs.events import read_events
from db.runs.queue import delete_run
from db.runs.read import find_imported
from db.runs.results import get_performance, get_series
from db.store import Store
from tests.db.samples import NOW, later, new_series

BAD_LINE = QuarantineRecord(
    file="smb.csv", line=4, raw="20260118,smb,zero\x00\udcff", code="UNREADABLE", reason="no number: zero"
)
SHEET = NewMonthlyMetrics(
    factor="SMB",
    as_of_date=date(2026, 1, 26),
    rows=(("Sharpe Ratio", 1.3, "1.32"), ("Top Contributor (Week)", None, "aioz")),
)


def imported(legacy_run_id: str = "20260118_080301", **changes: Any) -> NewImportedRun:
    return replace(
        NewImportedRun(
            factor="SMB",
            legacy_run_id=legacy_run_id,
            content_hash=f"hash of {legacy_run_id}",
            config={"breakpoint": 0.5},
            unrecorded_fields=("marketCapThreshold",),
            remarks=("REPAIRED",),
            finished_at=datetime(2026, 1, 18, 8, 3, 1, tzinfo=UTC),
            performance=PerformanceRecord(annualized_return=0.5, sharpe_ratio=float("nan")),
        ),
        **changes,
    )


def log_file(*runs: NewImportedRun, **changes: Any) -> NewImportFile:
    return replace(
        NewImportFile(
            file="smb.csv", content_hash="c", runs=runs, quarantine=(BAD_LINE,), repaired=1, merged=2
        ),
        **changes,
    )


async def take_in(store: Store, *files: NewImportFile, dry_run: bool = False) -> ImportBatchRecord:
    return await import_files(store, files, source="logs", now=NOW, dry_run=dry_run)


async def everything(store: Store) -> dict[str, int]:
    async with store.read() as connection:
        return {
            table.name: (await connection.scalar(select(func.count()).select_from(table))) or 0
            for table in metadata.sorted_tables
        }


async def test_an_imported_run_is_a_succeeded_one_of_its_own_time(store: Store) -> None:
    batch = await take_in(store, log_file(imported(series=(new_series(),))))
    record = await find_imported(store, "SMB", "20260118_080301")
    assert record is not None
    assert (record.status, record.origin) == (RunStatus.SUCCEEDED, RunOrigin.IMPORTED)
    assert record.identity_hash == "hash of 20260118_080301"
    assert record.finished_at == datetime(2026, 1, 18, 8, 3, 1, tzinfo=UTC)
    assert record.created_at == record.imported_at == NOW
    assert record.config == {"breakpoint": 0.5}
    assert record.unrecorded_fields == ("marketCapThreshold",)
    assert record.import_remarks == ("REPAIRED",)
    assert record.import_batch_id == batch.id
    assert (record.dataset_id, record.engine_version, record.started_at) == (None, None, None)
    performance = (await get_performance(store, [record.id]))[record.id]
    assert (performance.annualized_return, performance.sharpe_ratio) == (0.5, None)
    (series,) = (await get_series(store, [record.id], ["FACTOR"])).values()
    np.testing.assert_array_equal(series.values, new_series().values)
    (event,) = await read_events(store, after_id=0, run_id=record.id, limit=5)
    assert (event.kind, event.seq, event.status) == ("IMPORTED", 1, "SUCCEEDED")


async def test_a_batch_counts_what_came_and_keeps_what_was_not_understood(store: Store) -> None:
    batch = await take_in(
        store,
        log_file(imported("a", series=(new_series(), new_series("LONG"))), imported("b")),
        log_file(imported("c"), file="other.csv", quarantine=(), monthly_metrics=(SHEET,)),
    )
    assert batch == ImportBatchRecord(
        id=batch.id,
        created_at=NOW,
        source="logs",
        imported=3,
        unchanged=0,
        repaired=2,
        merged=4,
        series_attached=2,
        monthly_sets_attached=1,
        quarantined=1,
        quarantine=(BAD_LINE,),
    )
    assert batch.id is not None
    assert await get_batch(store, batch.id) == batch
    assert await quarantine_of(store, batch.id) == (BAD_LINE,)
    assert await get_batch(store, batch.id + 1) is None
    assert await get_batch(store, 2**70) is None
    sheets = await monthly_metrics(store, ["SMB", "VALUE"])
    assert [(sheet.as_of_date, sheet.rows) for sheet in sheets["SMB"]] == [(SHEET.as_of_date, SHEET.rows)]
    assert sheets["VALUE"] == ()


async def test_a_second_import_changes_nothing_and_leaves_no_batch(store: Store) -> None:
    files = (
        log_file(imported("a", series=(new_series(),)), imported("b")),
        log_file(file="monthly.csv", quarantine=(), monthly_metrics=(SHEET,)),
    )
    await take_in(store, *files)
    before = await everything(store)
    again = await import_files(store, files, source="logs", now=later(60))
    assert await everything(store) == before
    assert (again.id, again.imported, again.unchanged, again.quarantined) == (None, 0, 2, 0)
    assert (again.series_attached, again.monthly_sets_attached) == (0, 0)


async def test_a_dry_run_counts_alike_and_writes_nothing(store: Store) -> None:
    files = (
        log_file(imported("a", series=(new_series(),)), imported("b")),
        log_file(imported("a"), imported("b", content_hash="other"), file="again.csv"),
    )
    before = await everything(store)
    dry = await take_in(store, *files, dry_run=True)
    assert await everything(store) == before
    assert dry == replace(await take_in(store, *files), id=None)
    assert (dry.imported, dry.unchanged, dry.quarantined) == (2, 1, 2)


async def test_a_run_with_other_content_is_quarantined_once(store: Store) -> None:
    await take_in(store, log_file(imported("a"), quarantine=()))
    other = imported(
        "a", content_hash="other", line=7, raw="a,smb,0.3", performance=PerformanceRecord(years=1.0)
    )
    batch = await take_in(store, log_file(other, quarantine=()))
    (conflict,) = batch.quarantine
    assert (conflict.code, conflict.file, conflict.line, conflict.raw) == (
        "CONFLICTING_RUN",
        "smb.csv",
        7,
        "a,smb,0.3",
    )
    assert "a of SMB" in conflict.reason
    assert (batch.imported, batch.unchanged) == (0, 0)
    assert (await take_in(store, log_file(other, quarantine=()))).id is None
    kept = await find_imported(store, "SMB", "a")
    assert kept is not None
    assert kept.identity_hash == "hash of a"
    assert (await get_performance(store, [kept.id]))[kept.id].years is None


async def test_runs_that_conflict_within_a_file_are_noticed(store: Store) -> None:
    batch = await take_in(
        store, log_file(imported("a"), imported("a"), imported("a", content_hash="x"), quarantine=())
    )
    assert (batch.imported, batch.unchanged, batch.quarantined) == (1, 1, 1)


async def test_a_series_that_comes_later_is_attached_once(store: Store) -> None:
    await take_in(store, log_file(imported("a"), quarantine=()))
    with_series = log_file(imported("a", series=(new_series(),)), file="a_returns.csv", quarantine=())
    batch = await take_in(store, with_series)
    assert (batch.unchanged, batch.series_attached) == (1, 1)
    assert (await take_in(store, with_series)).id is None
    other = log_file(imported("a", series=(new_series(count=9),)), file="a_returns.csv", quarantine=())
    batch = await take_in(store, other)
    assert [line.code for line in batch.quarantine] == ["CONFLICTING_SERIES"]
    record = await find_imported(store, "SMB", "a")
    assert record is not None
    (series,) = (await get_series(store, [record.id], ["FACTOR"])).values()
    assert len(series.values) == 5


async def test_monthly_metrics_that_differ_are_quarantined(store: Store) -> None:
    def sheet(one: NewMonthlyMetrics) -> NewImportFile:
        return log_file(file="m.csv", quarantine=(), monthly_metrics=(one,))

    await take_in(store, sheet(SHEET))
    batch = await take_in(store, sheet(replace(SHEET, rows=SHEET.rows[:1])))
    assert [line.code for line in batch.quarantine] == ["CONFLICTING_MONTHLY_METRICS"]
    newer = replace(SHEET, as_of_date=date(2026, 2, 2), rows=(("x", float("nan"), "nan"),))
    assert (await take_in(store, sheet(newer))).monthly_sets_attached == 1
    assert (await take_in(store, sheet(newer))).id is None
    sheets = (await monthly_metrics(store, ["SMB"]))["SMB"]
    assert [one.as_of_date for one in sheets] == [date(2026, 2, 2), date(2026, 1, 26)]
    assert sheets[0].rows == (("x", None, "nan"),)


async def test_a_file_is_taken_in_whole_or_not_at_all(store: Store) -> None:
    descending = replace(new_series(), times=new_series().dates[::-1])
    broken = log_file(imported("b"), imported("c", series=(descending,)), file="broken.csv")
    with pytest.raises(ValueError, match="ascend"):
        await take_in(store, log_file(imported("a")), broken, log_file(imported("d"), file="d.csv"))
    assert await find_imported(store, "SMB", "a") is not None
    for absent in ("b", "c", "d"):
        assert await find_imported(store, "SMB", absent) is None
    (batch,) = (await list_batches(store, 10)).items
    assert (batch.imported, batch.quarantined) == (1, 1)
    repaired = log_file(imported("b"), imported("c", series=(new_series(),)), file="broken.csv")
    batch = await take_in(store, log_file(imported("a")), repaired)
    assert (batch.imported, batch.unchanged) == (2, 1)


async def test_importing_the_same_at_once_takes_it_in_once(store: Store) -> None:
    files = [log_file(*(imported(str(i), series=(new_series(),)) for i in range(5)))]
    batches = await asyncio.gather(*(take_in(store, *files) for _ in range(5)))
    assert sorted(batch.imported for batch in batches) == [0, 0, 0, 0, 5]
    assert [batch.id is not None for batch in batches].count(True) == 1
    assert (await everything(store))["run"] == 5


async def test_the_same_line_in_another_file_or_place_is_another_line(store: Store) -> None:
    await take_in(store, log_file())
    elsewhere = (replace(BAD_LINE, line=5), replace(BAD_LINE, raw="y"), replace(BAD_LINE, file="x.csv"))
    batch = await take_in(store, log_file(quarantine=(BAD_LINE, *elsewhere, elsewhere[0])))
    assert batch.quarantine == elsewhere


async def test_a_deleted_run_can_be_imported_again(store: Store) -> None:
    await take_in(store, log_file(imported("a")))
    record = await find_imported(store, "SMB", "a")
    assert record is not None
    await delete_run(store, record.id)
    assert (await take_in(store, log_file(imported("a")))).imported == 1


async def test_batches_are_listed_newest_first_a_page_at_a_time(store: Store) -> None:
    for number in range(5):
        await take_in(store, log_file(imported(str(number)), quarantine=(replace(BAD_LINE, line=number),)))
    seen: list[int] = []
    after: str | None = None
    while True:
        page = await list_batches(store, 2, after)
        seen += [batch.quarantine[0].line for batch in page.items]
        if not page.has_next_page:
            break
        after = page.cursors[-1]
    assert seen == [4, 3, 2, 1, 0]
    with pytest.raises(InvalidCursor):
        await list_batches(store, 2, "x")
    with pytest.raises(ValueError, match="100"):
        await list_batches(store, 101)


async def test_an_empty_series_is_attached_once(store: Store) -> None:
    empty = log_file(imported("a", series=(new_series(count=0),)), quarantine=())
    assert (await take_in(store, empty)).series_attached == 1
    assert (await take_in(store, empty)).id is None


async def test_thousands_of_runs_are_imported_in_one_go(store: Store) -> None:
    runs = [imported(str(number)) for number in range(2_500)]
    assert (await take_in(store, log_file(*runs))).imported == 2_500
    assert (await take_in(store, log_file(*runs))).unchanged == 2_500


async def test_a_damaged_series_is_told_from_one_with_other_values(store: Store) -> None:
    file = log_file(imported("a", series=(new_series(),)), quarantine=())
    await take_in(store, file)
    async with store.write() as connection:
        await connection.execute(text("UPDATE series SET checksum = checksum + 1"))
    with pytest.raises(CorruptBlob, match="series FACTOR is damaged"):
        await take_in(store, file)
