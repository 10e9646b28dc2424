"""Runs as rows of the older system's logs, from either database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from app.features.legacy.log_rows import last_runs, log_row, next_run_id, run_id_at, weighting_word
from db.legacy.imports import import_files
from db.legacy.records import NewImportedRun, NewImportFile
from db.records import PerformanceRecord, RunStatus
from db.runs.queue import cancel_run
from db.runs.read import get_runs
from engine.factors.registry import FactorName
from tests.db.samples import NOW, add_sample_dataset, later, launch, succeeded


def imported(legacy_run_id: str, when: datetime) -> NewImportFile:
    run = NewImportedRun(
        factor="SMB",
        legacy_run_id=legacy_run_id,
        content_hash=legacy_run_id,
        config={"breakpoint": 0.5, "weighting_method": None, "legacy_weighting_method": "rank"},
        unrecorded_fields=("min_assets",),
        remarks=(),
        finished_at=when,
        performance=PerformanceRecord(annualized_return=0.1, start_date=date(2020, 1, 5)),
    )
    return NewImportFile(file=f"{legacy_run_id}.csv", content_hash=legacy_run_id, runs=(run,))


async def test_the_last_runs_are_those_that_finished_last(store) -> None:
    dataset_id = await add_sample_dataset(store)
    computed = [await succeeded(store, dataset_id, identity_hash=f"identity {number}") for number in range(3)]
    other = await succeeded(store, dataset_id, identity_hash="other", subject="VALUE")
    await launch(store, dataset_id, identity_hash="waits")
    canceled = await launch(store, dataset_id, identity_hash="canceled")
    await cancel_run(store, canceled.id, later(5))
    imports = {"20100101_000000": datetime(2010, 1, 1, tzinfo=UTC), "20260301_120500": later(300)}
    of_the_future = {"20300101_000000": datetime(2030, 1, 1, tzinfo=UTC)}
    files = [imported(run_id, when) for run_id, when in (imports | of_the_future).items()]
    await import_files(store, files, source="x", now=NOW)

    found = await last_runs(store, FactorName.SMB, 100, now=later(600))
    ids = [log_row(item).legacy_run_id for item in found]
    assert ids[:2] == ["20300101_000000", "20100101_000000"], "a time that cannot be comes before all"
    assert ids[-1] == "20260301_120500"
    assert [item.run.id for item in found[2:-1]] == [run.id for run in computed]
    assert all(item.run.status is RunStatus.SUCCEEDED for item in found)
    assert [item.run.id for item in await last_runs(store, FactorName.SMB, 2, now=later(600))] == [
        item.run.id for item in found[-2:]
    ]
    assert [item.run.id for item in await last_runs(store, FactorName.VALUE, 9, now=later(600))] == [other.id]
    assert await last_runs(store, FactorName.GROWTH, 9, now=later(600)) == []


async def test_a_row_says_what_is_known(store) -> None:
    await import_files(
        store, [imported("20100101_000000", datetime(2010, 1, 1, tzinfo=UTC))], source="x", now=NOW
    )
    (item,) = await last_runs(store, FactorName.SMB, 1, now=later(600))
    row = log_row(item)
    assert (row.factor, row.legacy_run_id, row.breakpoint, row.min_assets) == (
        "smb",
        "20100101_000000",
        0.5,
        None,
    )
    assert (row.weighting_method, row.annualized_return, row.sharpe_ratio) == ("rank", 0.1, None)
    assert row.start_date == date(2020, 1, 5)
    assert log_row(item, "20240101_010203").legacy_run_id == "20240101_010203"


async def test_a_computed_run_is_named_by_its_end_in_utc(store) -> None:
    dataset_id = await add_sample_dataset(store)
    run = await succeeded(store, dataset_id)
    run = (await get_runs(store, [run.id]))[run.id]
    (item,) = await last_runs(store, FactorName.SMB, 1, now=later(600))
    assert log_row(item).legacy_run_id == run.finished_at.astimezone(UTC).strftime("%Y%m%d_%H%M%S")
    of_no_factor = replace(item, run=replace(run, subject=None))
    with pytest.raises(ValueError, match="no factor"):
        log_row(of_no_factor)


def test_run_ids_follow_the_clock() -> None:
    assert run_id_at(datetime.fromisoformat("2024-03-01T01:30:00+02:00")) == "20240229_233000"
    assert next_run_id("20231231_235959") == "20240101_000000"


def test_weighting_methods_are_spelt_as_they_were() -> None:
    assert weighting_word({"weighting_method": "INVERSE_VARIANCE"}) == "inverse_variance"
    assert weighting_word({"weighting_method": None, "legacy_weighting_method": "Rank"}) == "Rank"
    assert weighting_word({}) is None
