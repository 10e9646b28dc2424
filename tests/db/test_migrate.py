"""Migrations: from nothing, from older and newer stores, by several processes at once, and no drift."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic import autogenerate
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, inspect, text

from db import migrate
from db.connect import open_engine
from db.errors import StoreIncomplete, StoreNewerThanCode
from db.models import metadata
from db.store import Store

OPEN_A_STORE = """
import asyncio, sys
from db.store import Store

async def main():
    async with await Store.open(sys.argv[1]) as store, store.read() as connection:
        print((await connection.exec_driver_sql("SELECT count(*) FROM run")).scalar())

asyncio.run(main())
"""


@pytest.fixture
async def opened(empty_url: str) -> AsyncIterator[Store]:
    async with await Store.open(empty_url) as store:
        yield store


async def test_an_empty_database_is_migrated_and_a_second_time_left_alone(empty_url: str) -> None:
    for _ in range(2):
        async with await Store.open(empty_url) as store:
            assert await migrate.current_revision(store.engine) == migrate.head_revision()
    async with await Store.open(empty_url, migrate=False) as store:
        assert store.dialect in empty_url


async def test_a_database_never_migrated_is_refused_when_not_migrating(empty_url: str) -> None:
    engine = open_engine(empty_url)
    async with engine.connect() as connection:  # creates the file, as SQLite does
        await connection.exec_driver_sql("SELECT 1")
    await engine.dispose()
    with pytest.raises(StoreIncomplete, match="revision none"):
        await Store.open(empty_url, migrate=False)


async def test_processes_that_open_an_empty_store_at_once_all_come_up(empty_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            OPEN_A_STORE,
            empty_url,
            cwd=Path(__file__).parents[2],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    assert [output.strip() for output, _ in outputs] == [b"0"] * 2, outputs


async def test_stores_that_one_process_opens_at_once_all_come_up(empty_url: str) -> None:
    stores = await asyncio.gather(*(Store.open(empty_url) for _ in range(4)))
    for store in stores:
        await store.close()


@pytest.mark.parametrize("migrating", [True, False])
async def test_a_store_newer_than_the_code_is_refused(opened: Store, empty_url: str, migrating: bool) -> None:
    async with opened.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreNewerThanCode, match="9999"):
        await Store.open(empty_url, migrate=migrating)
    async with opened.read() as connection:
        assert await connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


@pytest.mark.parametrize("migrating", [True, False])
async def test_a_lost_index_is_noticed(opened: Store, empty_url: str, migrating: bool) -> None:
    async with opened.write() as connection:
        await connection.execute(text("DROP INDEX uq_run_identity"))
    with pytest.raises(StoreIncomplete, match="uq_run_identity"):
        await Store.open(empty_url, migrate=migrating)


async def test_models_and_migrations_do_not_drift_apart(opened: Store) -> None:
    def differences(connection: Connection) -> object:
        context = MigrationContext.configure(connection, opts=migrate.configure_arguments())
        return autogenerate.compare_metadata(context, metadata)

    async with opened.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_check_constraints_are_those_of_the_models(opened: Store) -> None:
    # Alembic does not compare them.
    def names(connection: Connection) -> set[tuple[str, str]]:
        found = inspect(connection).get_multi_check_constraints()
        return {(table, str(check["name"])) for (_, table), checks in found.items() for check in checks}

    declared = {
        (table.name, f"ck_{table.name}_{constraint.name}".replace(f"ck_{table.name}_ck_", "ck_"))
        for table in metadata.sorted_tables
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    async with opened.read() as connection:
        assert await connection.run_sync(names) == declared
