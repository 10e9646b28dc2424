"""From revision 0001 with data in it to the newest: every row is kept, the new columns are
as if never set."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, text

from db import migrate
from db.codec import pack_composition
from db.models import Composition, ImportBatch, Run, RunEvent
from db.records import RunKind
from db.results import get_compositions, get_net_performance, get_performance, get_series
from db.run_queries import find_imported, page_runs
from db.runs import claim_run, delete_run, finish_run, launch_run
from db.store import Store
from tests.db.samples import NOW, WORKER, later, new_composition, new_results, new_run
from tests.db.seed import METRICS_OF_0001, seed_runs

Contents = dict[str, list[dict[str, Any]]]

_TABLES = (
    "dataset",
    "dataset_asset",
    "import_batch",
    "run",
    "run_tag",
    "performance",
    "series",
    "composition",
    "run_event",
    "quarantine",
    "monthly_metrics",
)


@pytest.fixture
def first_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """The code knows revision 0001 only, until the fixture is called."""
    migrations = tmp_path / "migrations"
    shutil.copytree(migrate._MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))
    for script in (migrations / "versions").glob("[0-9]*_*.py"):
        if not script.name.startswith("0001_"):
            script.unlink()
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "_MIGRATIONS", migrations)
        # The models name indexes that are yet to come.
        patched.setattr(migrate, "_check_indexes", lambda _connection: None)
        migrate._revisions.cache_clear()

        def know_all() -> None:
            patched.undo()
            migrate._revisions.cache_clear()

        yield know_all
    migrate._revisions.cache_clear()


async def populate(url: str) -> tuple[Contents, int]:
    """A store at 0001 with computed and imported runs; what is in it, and the id of its dataset."""
    async with await Store.open(url) as store:
        dataset_id = await seed_runs(store, 60, points=5, metrics=METRICS_OF_0001)
        batch = {
            "created_at": NOW,
            "source": "logs",
            "files": [["a.csv", "h"]],
            **dict.fromkeys(["imported", "unchanged", "repaired", "merged", "series_attached"], 1),
            **dict.fromkeys(["monthly_sets_attached", "quarantined"], 0),
        }
        imported = {
            "factor": "SMB",
            "status": "SUCCEEDED",
            "origin": "IMPORTED",
            "config": {"breakpoint": 0.5},
            "unrecorded_fields": ["max_weight"],
            "identity_hash": "content",
            "forced": False,
            "legacy_run_id": "20250101_000000",
            "import_remarks": ["repaired"],
            "created_at": NOW,
            "imported_at": NOW,
            "finished_at": later(1),
            "progress_fraction": 1.0,
            "progress_stage": "done",
            "attempt": 0,
            "note": "é",
        }
        async with store.write(exclusive=True) as connection:
            added = await connection.execute(insert(ImportBatch.__table__).returning(ImportBatch.id), batch)
            imported["import_batch_id"] = added.scalar_one()
            added = await connection.execute(insert(Run.__table__).returning(Run.id), imported)
            run_id = added.scalar_one()
            held = new_composition(date(2025, 1, 5))
            blob = pack_composition(held)
            row = {
                "run_id": run_id,
                "period_start": held.period_start,
                "period_end": held.period_end,
                "codec_version": blob.codec_version,
                "checksum": blob.checksum,
                "packed": blob.payload,
            }
            await connection.execute(insert(Composition.__table__), row)
            happened = {
                "run_id": run_id,
                "seq": 1,
                "at": NOW,
                "kind": "IMPORTED",
                "status": "SUCCEEDED",
                "progress_fraction": 1.0,
                "progress_stage": "done",
            }
            await connection.execute(insert(RunEvent.__table__), happened)
    return await contents(url), dataset_id


async def contents(url: str) -> Contents:
    """All rows of the tables of 0001 as the database has them."""
    engine = migrate.open_engine(url)
    try:
        async with engine.connect() as connection:
            return {
                table: [
                    dict(row)
                    for row in (
                        await connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2"))
                    ).mappings()
                ]
                for table in _TABLES
            }
    finally:
        await engine.dispose()


async def test_existing_rows_keep_everything(empty_url: str, first_revision: Callable[[], None]) -> None:
    before, _ = await populate(empty_url)
    assert all(before[table] for table in ("run", "run_tag", "performance", "series", "composition"))
    assert "kind" not in before["run"][0]
    first_revision()
    async with await Store.open(empty_url) as store:
        assert await migrate.current_revision(store.engine) == migrate.head_revision() != "0001"
    after = await contents(empty_url)
    for table in _TABLES:
        assert len(after[table]) == len(before[table])
        for old, new in zip(before[table], after[table], strict=True):
            added = {name: value for name, value in new.items() if name not in old}
            assert {name: new[name] for name in old} == old
            if table == "run":
                assert added == {"kind": "FACTOR", "progress_counts": None}
            else:
                assert set(added.values()) <= {None}
                assert len(added) == {"performance": 12, "run_event": 1}.get(table, 0)


async def test_a_migrated_store_is_read_and_written_like_a_new_one(
    empty_url: str, first_revision: Callable[[], None]
) -> None:
    before, dataset_id = await populate(empty_url)
    first_revision()
    newest = max(row["id"] for row in before["run"])
    async with await Store.open(empty_url) as store:
        listed = await page_runs(store, kind=RunKind.FACTOR, first=100)
        assert {one.id for one in listed.items} == {row["id"] for row in before["run"]}
        assert {one.kind for one in listed.items} == {RunKind.FACTOR}
        measured = [row["run_id"] for row in before["performance"]]
        performance = await get_performance(store, measured)
        assert [performance[row["run_id"]].sharpe_ratio for row in before["performance"]] == [
            row["sharpe_ratio"] for row in before["performance"]
        ]
        assert await get_net_performance(store, measured) == {}
        series = await get_series(store, measured, ["FACTOR"])
        assert all(np.isfinite(one.values).all() for one in series.values())
        assert len(series) == len(measured)

        imported = await find_imported(store, "SMB", "20250101_000000")
        assert imported is not None
        assert (imported.note, imported.kind) == ("é", RunKind.FACTOR)
        assert await get_compositions(store, [(imported.id, None)])
        assert imported.id == newest
        # Deleting cascades still, and no id is ever given again.
        assert await delete_run(store, imported.id)
        assert not await get_compositions(store, [(imported.id, None)])
        new = new_run(dataset_id, kind=RunKind.SWEEP)
        sweep, _ = await launch_run(store, new, max_queued=100, now=later(9))
        assert sweep.id > newest

        while (claimed := await claim_run(store, WORKER, later(10))) is not None:
            assert await finish_run(store, claimed.id, claimed.attempt, WORKER, new_results(), later(11))
        performance = await get_performance(store, [sweep.id])
        assert performance[sweep.id] == new_results().performance
