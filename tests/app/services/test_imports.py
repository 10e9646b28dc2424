"""Old logs into the store and out again: the counts, the second time, and the round trip."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.context import Services
from app.features.legacy.imports import export_logs, import_logs
from app.features.legacy.logs.batch import read_batch
from app.runs.events import EventHub
from app.settings import Settings
from db.legacy.imports import monthly_metrics
from db.records import RunKind, RunOrigin, RunStatus
from db.runs import read as run_queries
from db.runs import results
from db.runs.queue import delete_run

REAL_LOGS = Path(__file__).parents[3].parent / "shared" / "legacy_logs"

BASE = "run_id,factor,breakpoint,min_assets,weighting_method"
FILES = {
    "smb.csv": (
        f"{BASE},cumulative_returns,annualized_return,years,long_only_returns,short_only_returns\n"
        "20240301_101500,smb,0.5,30,equal,0.44,0.2,2.0,0.6,0.1\n"
        # order 3 under the header of order 1: read under its header, years would be 1.18
        "20240401_101500,smb,0.3,30,market_cap,0.21,0.1,1.18,2.51,2.0,0.6,0.1,2022-01-02,2024-01-02\n"
        "20240401_101500,smb,0.3,30,market_cap,0.21,0.1,1.18,2.51,2.0,0.6,0.1,2022-01-02,2024-01-02\n"
        "20240501_101500,smb,half,30,equal,0.44,0.2,2.0,0.6,0.1\n"
    ).encode(),
    "smb_20240301_101500_returns.csv": (
        b"date,return,cumulative_return\n2022-01-02,0.2,0.2\n2022-01-09,0.2,0.44\n"
    ),
    "market.csv": (
        f"\ufeff{BASE},annualized_return,sharpe_ratio,start_date,end_date\r\n"
        "20240301_101700,market,0.9,10,by_feel,0.4,0.8,2022-01-02,2024-01-02\r\n"
    ).encode(),
    "smb_monthly_metrics.csv": (
        b"metric,value,value_formatted,as_of_date,factor_name\n"
        b"Sharpe Ratio,1.2,1.20,2024-01-31,smb\nTop Contributor (Week),zed,zed,2024-01-31,smb\n"
    ),
    "letter.txt": b"dear colleague\n",
    "README.md": b"what these files are\n",
}


@pytest.fixture
async def services(store, tmp_path):
    services = Services(Settings(data_dir=tmp_path), store, EventHub(store), None)
    yield services
    await services.events.close()


async def all_runs(services):
    return (
        await run_queries.page_runs(
            services.store, run_queries.RunFilter(), (), kind=RunKind.FACTOR, first=100, after=None
        )
    ).items


async def test_what_comes_in_is_counted_and_the_rest_is_quarantined(services):
    outcome = await import_logs(services, FILES, source="logs")
    batch = outcome.batch
    assert (batch.imported, batch.repaired, batch.merged, batch.unchanged) == (3, 1, 1, 0)
    assert (batch.series_attached, batch.monthly_sets_attached, batch.quarantined) == (1, 1, 2)
    assert {(item.file, item.line) for item in batch.quarantine} == {("smb.csv", 5), ("letter.txt", 0)}
    assert outcome.ignored_files == ("README.md",)


async def test_an_imported_value_run_was_measured_by_fees_since_there_was_nothing_else(services):
    header = f"{BASE},cumulative_returns,annualized_return,years"
    row = "20240301_101500,value,0.5,30,equal,0.44,0.2,2.0"
    await import_logs(services, {"value.csv": f"{header}\n{row}\n".encode()}, source="logs")
    run = await run_queries.find_imported(services.store, "VALUE", "20240301_101500")
    assert run.config["fundamental"] == "FEES"
    assert "fundamental" not in run.unrecorded_fields
    assert "long_side" in run.unrecorded_fields


async def test_an_imported_run_says_what_was_not_recorded(services):
    await import_logs(services, FILES, source="logs")
    run = await run_queries.find_imported(services.store, "SMB", "20240301_101500")
    assert (run.status, run.origin, run.dataset_id) == (RunStatus.SUCCEEDED, RunOrigin.IMPORTED, None)
    assert run.finished_at == datetime(2024, 3, 1, 10, 15, tzinfo=UTC)
    assert run.config["breakpoint"] == 0.5
    assert run.config["weighting_method"] == "EQUAL"
    assert "market_cap_threshold" in run.unrecorded_fields
    assert "breakpoint" not in run.unrecorded_fields

    performance = (await results.get_performance(services.store, [run.id]))[run.id]
    assert (performance.cumulative_return, performance.years) == (0.44, 2.0)
    reasons = {item.metric: item.reason for item in performance.undefined_metrics}
    assert reasons["sharpe_ratio"] == "NOT_RECORDED"
    assert "years" not in reasons


async def test_settings_outside_today_s_ranges_and_unknown_weightings_are_kept_as_history(services):
    await import_logs(services, FILES, source="logs")
    run = await run_queries.find_imported(services.store, "MARKET", "20240301_101700")
    assert run.config["breakpoint"] == 0.9
    assert run.config["weighting_method"] is None
    assert any("by_feel" in remark for remark in run.import_remarks)


async def test_a_second_import_changes_nothing(services):
    await import_logs(services, FILES, source="logs")
    before = await all_runs(services)
    again = (await import_logs(services, FILES, source="logs")).batch
    assert (again.id, again.imported, again.unchanged, again.quarantined) == (None, 0, 3, 0)
    assert await all_runs(services) == before


async def test_a_dry_run_counts_the_same_and_writes_nothing(services):
    dry = (await import_logs(services, FILES, source="logs", dry_run=True)).batch
    assert await all_runs(services) == ()
    real = (await import_logs(services, FILES, source="logs")).batch
    assert (dry.imported, dry.merged, dry.quarantined) == (real.imported, real.merged, real.quarantined)


async def test_returns_that_come_later_find_their_run(services):
    name = "smb_20240301_101500_returns.csv"
    await import_logs(services, {"smb.csv": FILES["smb.csv"]}, source="logs")
    late = (await import_logs(services, {name: FILES[name]}, source="logs")).batch
    assert (late.imported, late.series_attached, late.quarantined) == (0, 1, 0)
    again = (await import_logs(services, {name: FILES[name]}, source="logs")).batch
    assert (again.series_attached, again.quarantined) == (0, 0)


async def test_returns_without_their_run_are_quarantined_whole(services):
    name = "smb_20240301_101500_returns.csv"
    batch = (await import_logs(services, {name: FILES[name]}, source="logs")).batch
    assert [(item.file, item.line, item.code) for item in batch.quarantine] == [(name, 0, "ORPHAN_SERIES")]


async def test_a_run_with_other_values_under_the_same_id_is_a_conflict(services):
    await import_logs(services, FILES, source="logs")
    changed = {"smb.csv": FILES["smb.csv"].replace(b"0.44,0.2,2.0,0.6,0.1\n2", b"0.44,0.2,2.0,0.7,0.1\n2", 1)}
    batch = (await import_logs(services, changed, source="logs")).batch
    assert (batch.imported, [item.code for item in batch.quarantine]) == (0, ["CONFLICTING_RUN"])


async def test_export_and_import_is_the_identity(services):
    await import_logs(services, FILES, source="logs")
    first = await export_logs(services)
    once, original = read_batch(first), read_batch(FILES)
    assert once.quarantined == ()
    assert _by_key(once.runs) == _by_key(original.runs)
    assert [(item.dates, item.returns) for item in once.series] == [
        (item.dates, item.returns) for item in original.series
    ]
    assert once.monthly_metrics == original.monthly_metrics

    batch = (await import_logs(services, first, source="export")).batch
    assert (batch.imported, batch.unchanged, batch.quarantined) == (0, 3, 0)
    assert await export_logs(services) == first


async def test_export_leaves_out_a_run_that_is_deleted_meanwhile(services, monkeypatch):
    await import_logs(services, FILES, source="logs")
    read, gone = results.get_performance, []

    async def read_after_a_deletion(store, run_ids):
        gone.append(run_ids[0])
        await delete_run(store, run_ids[0])
        return await read(store, run_ids)

    monkeypatch.setattr(results, "get_performance", read_after_a_deletion)
    exported = read_batch(await export_logs(services))
    assert len(gone) == 1
    assert len(exported.runs) == 2


def _by_key(runs):
    return {(run.factor, run.legacy_run_id): run for run in runs}


async def test_monthly_sheets_keep_numbers_and_words(services):
    await import_logs(services, FILES, source="logs")
    (sheet,) = (await monthly_metrics(services.store, ["SMB"]))["SMB"]
    assert sheet.rows == (("Sharpe Ratio", 1.2, "1.20"), ("Top Contributor (Week)", "zed", "zed"))


async def test_the_older_system_s_folder_comes_to_what_its_description_says(services):
    if not REAL_LOGS.exists():
        pytest.skip("the older system's logs are absent: ../shared/legacy_logs")
    files = {path.name: path.read_bytes() for path in REAL_LOGS.iterdir()}
    batch = (await import_logs(services, files, source="legacy_logs")).batch
    assert (batch.imported, batch.repaired, batch.merged) == (12, 1, 1)
    assert (batch.series_attached, batch.monthly_sets_attached, batch.quarantined) == (3, 1, 5)
    counts: dict[str, int] = {}
    for run in await all_runs(services):
        counts[run.subject] = counts.get(run.subject, 0) + 1
    assert counts == {"SMB": 4, "MARKET": 2, "VALUE": 1, "MOMENTUM_V2": 2, "MOMENTUM": 2, "GROWTH": 1}
    again = (await import_logs(services, files, source="legacy_logs")).batch
    assert (again.id, again.imported, again.unchanged, again.quarantined) == (None, 0, 12, 0)
    exported = await export_logs(services)
    assert _by_key(read_batch(exported).runs) == _by_key(read_batch(files).runs)
    assert json.dumps(sorted(exported)) != "[]"
