"""From revision 0002 with data in it to 0003, which makes the table of runs anew on SQLite."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from db import migrate
from db.events import append_events, last_event_id
from db.models import Run, RunEvent, Series
from db.records import RunEventKind, RunKind
from db.runs import cancel_run, claim_run, delete_run, launch_run
from db.store import Store
from tests.db.samples import NOW, WORKER, later, new_run
from tests.db.seed import seed_runs


@pytest.fixture
def second_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """The code knows revisions 0001 and 0002 only, until the fixture is called."""
    migrations = tmp_path / "migrations"
    shutil.copytree(migrate._MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))
    for script in (migrations / "versions").glob("[0-9]*_*.py"):
        if script.name[:4] > "0002":
            script.unlink()
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "_MIGRATIONS", migrations)
        migrate._revisions.cache_clear()

        def know_all() -> None:
            patched.undo()
            migrate._revisions.cache_clear()

        yield know_all
    migrate._revisions.cache_clear()


async def test_runs_keep_their_rows_results_events_and_ids(
    empty_url: str, second_revision: Callable[[], None]
) -> None:
    async with await Store.open(empty_url) as store:
        dataset_id = await seed_runs(store, 20, points=5)
        async with store.write(exclusive=True) as connection:
            newest = await connection.scalar(select(func.max(Run.id)))
            # an id that was given, and must not be given again
            await connection.execute(text("DELETE FROM run WHERE id = :id"), {"id": newest})
            before = (await connection.execute(text("SELECT * FROM run ORDER BY id"))).mappings().all()
            series = await connection.scalar(select(func.count()).select_from(Series))
            events = await connection.scalar(select(func.count()).select_from(RunEvent))
    assert series
    second_revision()
    async with await Store.open(empty_url) as store:
        assert await migrate.current_revision(store.engine) == migrate.head_revision()
        async with store.read() as connection:
            after = (await connection.execute(text("SELECT * FROM run ORDER BY id"))).mappings().all()
            assert await connection.scalar(select(func.count()).select_from(Series)) == series
            assert await connection.scalar(select(func.count()).select_from(RunEvent)) == events
        assert [{**row, "progress_counts": None} for row in before] == [dict(row) for row in after]

        queued, _ = await launch_run(store, new_run(dataset_id), max_queued=1000, now=later(1))
        assert queued.id > newest
        # the rules of the table hold again, the cascade among them
        with pytest.raises(IntegrityError):
            async with store.write() as connection:
                await connection.execute(text("UPDATE run SET kind = 'OTHER'"))
        await cancel_run(store, queued.id, later(2))
        await delete_run(store, queued.id)
        async with store.read() as connection:
            assert not await connection.scalar(select(RunEvent.id).where(RunEvent.run_id == queued.id))


async def test_a_migrated_store_takes_fetches(empty_url: str, second_revision: Callable[[], None]) -> None:
    async with await Store.open(empty_url):
        pass
    second_revision()
    async with await Store.open(empty_url) as store:
        new = new_run(None, kind=RunKind.FETCH, factor=None, engine_version=None)
        fetch, _ = await launch_run(store, new, max_queued=10, now=NOW)
        claimed = await claim_run(store, WORKER, later(1), kinds=[RunKind.FETCH])
        assert claimed is not None
        assert (claimed.id, claimed.factor, claimed.dataset_id) == (fetch.id, None, None)
        async with store.write(exclusive=True) as connection:
            await append_events(connection, [fetch.id], RunEventKind.PROGRESS, later(2))
        assert await last_event_id(store) == 3
