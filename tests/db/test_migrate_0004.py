"""From revision 0003 with data in it to 0004, which makes the table of runs anew on SQLite."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from db import migrate
from db.artifacts import get_artifacts
from db.models import metadata
from db.records import RunKind
from db.runs import claim_run, delete_run, launch_run
from db.store import Store
from tests.db.samples import NOW, WORKER, later, modelled, new_artifact, new_run
from tests.db.seed import seed_runs

TABLES = ("dataset", "run", "run_tag", "run_event", "performance", "series")


@pytest.fixture
def third_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """The code knows revisions up to 0003 only, until the fixture is called."""
    migrations = tmp_path / "migrations"
    shutil.copytree(migrate._MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))
    for script in (migrations / "versions").glob("[0-9]*_*.py"):
        if script.name[:4] > "0003":
            script.unlink()
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "_MIGRATIONS", migrations)
        migrate._revisions.cache_clear()

        def know_all() -> None:
            patched.undo()
            migrate._revisions.cache_clear()

        yield know_all
    migrate._revisions.cache_clear()


async def contents(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every row of the tables that the seed fills."""
    found = {}
    async with store.read() as connection:
        for name in TABLES:
            read = await connection.execute(text(f"SELECT * FROM {name}"))
            found[name] = sorted((dict(row) for row in read.mappings()), key=repr)
    return found


async def indexes_of_runs(store: Store) -> set[tuple[str, tuple[str, ...], bool]]:
    async with store.read() as connection:
        found = await connection.run_sync(lambda sync: inspect(sync).get_indexes("run"))
    return {(one["name"], tuple(one["column_names"]), bool(one["unique"])) for one in found}


async def test_runs_keep_their_rows_results_events_ids_and_indexes(
    empty_url: str, third_revision: Callable[[], None]
) -> None:
    async with await Store.open(empty_url) as store:
        assert await migrate.current_revision(store.engine) == "0003"
        dataset_id = await seed_runs(store, 20, points=5)
        new = new_run(None, kind=RunKind.FETCH, factor=None, engine_version=None, identity_hash="fetch")
        fetch, _ = await launch_run(store, new, max_queued=1000, now=NOW)
        async with store.write(exclusive=True) as connection:
            counts = text("UPDATE run SET progress_counts = '{\"assets\": 3}' WHERE id = :id")
            await connection.execute(counts, {"id": fetch.id})
        # an id that was given, and must not be given again
        doomed, _ = await launch_run(store, new_run(dataset_id), max_queued=1000, now=NOW)
        async with store.write(exclusive=True) as connection:
            await connection.execute(text("DELETE FROM run WHERE id = :id"), {"id": doomed.id})
        before, indexes = await contents(store), await indexes_of_runs(store)
    assert all(before.values()), "the seed fills every table"
    third_revision()
    async with await Store.open(empty_url) as store:
        assert await migrate.current_revision(store.engine) == migrate.head_revision()
        assert await contents(store) == before
        assert await indexes_of_runs(store) == indexes
        assert {name for name, _, _ in indexes} >= {index.name for index in metadata.tables["run"].indexes}
        queued, _ = await launch_run(store, new_run(dataset_id), max_queued=1000, now=later(1))
        assert queued.id > doomed.id
        # the rules of the table hold again
        for wrong in ("kind = 'OTHER'", "factor = NULL", "status = 'FAILED'", "progress_fraction = 2"):
            with pytest.raises(IntegrityError):
                async with store.write() as connection:
                    await connection.execute(
                        text(f"UPDATE run SET {wrong} WHERE id = :id"),
                        {"id": queued.id},
                    )
        # the unique index of identities, too
        again, reused = await launch_run(store, new_run(dataset_id), max_queued=1000, now=later(1))
        assert (again.id, reused) == (queued.id, True)


async def test_a_migrated_store_takes_risk_models_with_artifacts(
    empty_url: str, third_revision: Callable[[], None]
) -> None:
    async with await Store.open(empty_url) as store:
        dataset_id = await seed_runs(store, 3, points=5)
        async with store.write() as connection:
            await connection.execute(text("DELETE FROM run WHERE status IN ('QUEUED', 'RUNNING')"))
    third_revision()
    async with await Store.open(empty_url) as store:
        model = await modelled(store, dataset_id, new_artifact())
        assert await get_artifacts(store, model.id) == {"scores": new_artifact()}
        await delete_run(store, model.id)
        assert await get_artifacts(store, model.id) == {}, "the cascade holds"
        assert await claim_run(store, WORKER, later(9)) is None


async def test_the_third_revision_knows_no_risk_models(
    empty_url: str, third_revision: Callable[[], None]
) -> None:
    async with await Store.open(empty_url) as store:
        dataset_id = await seed_runs(store, 1, points=5)
        new = new_run(dataset_id, kind=RunKind.RISK_MODEL, factor=None)
        with pytest.raises(IntegrityError):
            await launch_run(store, new, max_queued=10, now=NOW)
