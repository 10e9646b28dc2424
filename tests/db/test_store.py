"""Opening a store, and its two ways of use."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from db.connect import parse_url
from db.errors import StoreUnavailable
from db.models import ImportBatch
from db.store import Store, store_access
from tests.stores import run_blocking

BATCH = {
    "created_at": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    "source": "somewhere",
    "files": [],
    **dict.fromkeys(
        (
            "imported",
            "unchanged",
            "repaired",
            "merged",
            "series_attached",
            "monthly_sets_attached",
            "quarantined",
        ),
        0,
    ),
}


async def count_batches(store: Store) -> int:
    async with store.read() as connection:
        return len((await connection.execute(select(ImportBatch.__table__.c.id))).all())


async def test_a_write_is_committed_at_the_end_of_its_block(store: Store) -> None:
    async with store.write() as connection:
        await connection.execute(insert(ImportBatch), BATCH)
        assert await count_batches(store) == 0
    assert await count_batches(store) == 1


async def test_a_write_that_raises_leaves_nothing(store: Store) -> None:
    async def fail() -> None:
        async with store.write() as connection:
            await connection.execute(insert(ImportBatch), BATCH)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await count_batches(store) == 0


async def test_a_canceled_write_leaves_nothing_and_frees_the_next_one(store: Store) -> None:
    inside = asyncio.Event()

    async def hang() -> None:
        async with store.write() as connection:
            await connection.execute(insert(ImportBatch), BATCH)
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await inside.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await count_batches(store) == 0
    async with asyncio.timeout(30), store.write() as connection:
        await connection.execute(insert(ImportBatch), BATCH)
    assert await count_batches(store) == 1


@store_access
async def add_batch(store: Store) -> None:
    async with store.write(exclusive=True) as connection:
        await connection.execute(insert(ImportBatch), BATCH)
        await connection.execute(select(ImportBatch.__table__.c.id))


async def give_up(access: Coroutine[Any, Any, Any], after_seconds: float) -> None:
    """Cancel twice, as a socket does that closes right after its operation was completed."""
    task = asyncio.create_task(access)
    await asyncio.sleep(after_seconds)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_accesses_given_up_at_any_moment_run_to_their_end(store: Store) -> None:
    for round_number in range(30):
        await asyncio.gather(*(give_up(add_batch(store), (8 * round_number + i) * 2e-5) for i in range(8)))
    async with asyncio.timeout(30):
        await add_batch(store)
    assert await count_batches(store) == 241


async def test_who_gives_up_goes_when_the_access_is_over(store: Store) -> None:
    over = asyncio.Event()

    @store_access
    async def wait(store: Store) -> None:
        await over.wait()

    giving_up = asyncio.create_task(give_up(wait(store), 0))
    await asyncio.sleep(0.05)
    assert not giving_up.done()
    over.set()
    await giving_up


async def test_closing_waits_for_what_is_under_way(store_url: str) -> None:
    async with await Store.open(store_url, migrate=False) as store:
        adding = asyncio.create_task(add_batch(store))
        await asyncio.sleep(0)
    await adding
    async with await Store.open(store_url, migrate=False) as store:
        assert await count_batches(store) == 1


async def test_closing_does_not_wait_for_ever(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.store._CLOSING_SECONDS", 0.05)
    store, answered = await Store.open(store_url, migrate=False), asyncio.Event()

    @store_access
    async def hang(store: Store) -> None:
        await answered.wait()

    hanging = asyncio.create_task(give_up(hang(store), 0))
    await asyncio.sleep(0.01)
    async with asyncio.timeout(30):
        await store.close()
    answered.set()
    await hanging


async def test_a_failure_that_nobody_waits_for_is_logged(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    given_up = asyncio.Event()

    @store_access
    async def fail(store: Store) -> None:
        await given_up.wait()
        raise StoreUnavailable("the disk is full")

    giving_up = asyncio.create_task(give_up(fail(store), 0))
    await asyncio.sleep(0.01)
    given_up.set()
    await giving_up
    assert "the disk is full" in caplog.text


async def test_reading_refuses_to_write(store: Store) -> None:
    with pytest.raises(RuntimeError, match=r"Store\.write"):
        async with store.read() as connection:
            await connection.execute(insert(ImportBatch), BATCH)
    assert await count_batches(store) == 0


async def test_writers_of_one_process_all_get_their_turn(store: Store) -> None:
    async def write() -> None:
        async with store.write() as connection:
            await connection.execute(select(ImportBatch.__table__.c.id))
            await connection.execute(insert(ImportBatch), BATCH)

    await asyncio.gather(*(write() for _ in range(40)))
    assert await count_batches(store) == 40


async def test_times_come_back_exact_aware_and_ordered(store: Store) -> None:
    column = ImportBatch.__table__.c.created_at
    moments = [
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        datetime(2026, 1, 2, 3, 4, 5, 1, tzinfo=UTC),
    ]
    async with store.write() as connection:
        await connection.execute(insert(ImportBatch), [{**BATCH, "created_at": at} for at in moments[::-1]])
    async with store.read() as connection:
        assert (await connection.scalars(select(column).order_by(column))).all() == moments


async def test_naive_times_are_refused(store: Store) -> None:
    with pytest.raises(Exception, match="time zone"):
        async with store.write() as connection:
            await connection.execute(insert(ImportBatch), {**BATCH, "created_at": datetime(2026, 1, 1)})  # noqa: DTZ001


async def test_text_that_postgresql_refuses_is_replaced_on_both(store: Store) -> None:
    column = ImportBatch.__table__.c.source
    async with store.write() as connection:
        await connection.execute(insert(ImportBatch), {**BATCH, "source": "a\x00b\ud800c é 🜁"})
    async with store.read() as connection:
        assert await connection.scalar(select(column)) == "a\ufffdb\ufffdc é 🜁"


async def test_sqlite_connections_are_set_up(tmp_path: Path) -> None:
    async with (
        await Store.open(f"sqlite:///{tmp_path / 'x.db'}") as store,
        store.read() as first,
        store.read() as second,
    ):
        for connection in (first, second):
            pragmas = {
                name: await connection.scalar(text(f"PRAGMA {name}"))
                for name in ("foreign_keys", "journal_mode", "synchronous", "busy_timeout")
            }
            assert pragmas == {
                "foreign_keys": 1,
                "journal_mode": "wal",
                "synchronous": 2,
                "busy_timeout": 10_000,
            }


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "cannot be read"),
        ("nonsense", "cannot be read"),
        ("mysql://root@127.0.0.1/test", "mysql databases are not supported"),
        ("sqlite://", "in-memory"),
        ("sqlite:///:memory:", "in-memory"),
        ("sqlite:////dev/null/x.db", "does not exist"),
        ("postgresql://root:secret@127.0.0.1:1/test", "127.0.0.1:1"),
    ],
)
async def test_a_store_that_cannot_be_opened_says_why_in_one_line(url: str, message: str) -> None:
    with pytest.raises(StoreUnavailable, match=message) as caught:
        await Store.open(url)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.hint


def test_a_missing_database_is_not_created_unless_migrating(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no database"):
        run_blocking(Store.open(f"sqlite:///{tmp_path / 'x.db'}", migrate=False))
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("date,asset,price\n" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await Store.open(f"sqlite:///{path}")


async def test_a_postgresql_schema_that_does_not_exist_is_refused(postgresql_url: str) -> None:
    with pytest.raises(StoreUnavailable, match="schema of the search path"):
        await Store.open(f"{postgresql_url}?search_path=factorql_no_such_schema")


async def terminate(store: Store, pid: int | None) -> None:
    """Ends a connection of PostgreSQL, as a server that restarts would."""
    async with store.read() as connection:
        assert await connection.scalar(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


async def test_connections_that_the_server_closed_are_replaced(migrated_schema_url: str) -> None:
    async with (
        await Store.open(migrated_schema_url, migrate=False) as store,
        await Store.open(migrated_schema_url, migrate=False) as other,
    ):
        async with store.read() as connection:
            pid = await connection.scalar(text("SELECT pg_backend_pid()"))
        await terminate(other, pid)
        await count_batches(store)


async def test_a_write_whose_connection_is_lost_says_so(migrated_schema_url: str) -> None:
    async with (
        await Store.open(migrated_schema_url, migrate=False) as store,
        await Store.open(migrated_schema_url, migrate=False) as other,
    ):
        before = await count_batches(store)

        async def write() -> None:
            async with store.write() as connection:
                await connection.execute(insert(ImportBatch), BATCH)
                await terminate(other, await connection.scalar(text("SELECT pg_backend_pid()")))
                await connection.execute(insert(ImportBatch), BATCH)

        with pytest.raises(StoreUnavailable, match="PostgreSQL database"):
            await write()
        assert await count_batches(store) == before


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///x.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:///x.db", "sqlite+aiosqlite"),
        ("postgresql://a@b/c", "postgresql+asyncpg"),
        ("postgres://a@b/c", "postgresql+asyncpg"),
    ],
)
def test_urls_are_given_their_asynchronous_driver(url: str, driver: str) -> None:
    assert parse_url(url).drivername == driver


async def test_a_database_locked_for_too_long_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.connect.LOCK_WAIT_SECONDS", 0.1)
    url = f"sqlite:///{tmp_path / 'x.db'}"
    async with await Store.open(url) as first, await Store.open(url) as second, first.write():
        with pytest.raises(StoreUnavailable, match="locked") as caught:
            async with second.write():
                pass
    assert "another process" in str(caught.value.hint)
