"""Migrations: from nothing, from older and newer stores, by several processes at once, and no drift."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import filelock
import pytest
from alembic import autogenerate
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, func, inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from db import migrate
from db.connect import open_engine
from db.errors import StoreIncomplete, StoreNewerThanCode, StoreUnavailable
from db.models import metadata
from db.records import RunKind
from db.runs.queue import cancel_run, claim_run, delete_run
from db.store import Store
from tests.db.samples import NOW, add_sample_dataset, launch, succeeded

HEAD = migrate.head_revision()
NEXT = f"{int(HEAD) + 1:04}"

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


async def test_opening_waits_for_a_migration_elsewhere_but_not_for_ever(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "MIGRATION_WAIT_SECONDS", 0.3)
    async with migrating_elsewhere(empty_url):
        with pytest.raises(StoreUnavailable):
            await Store.open(empty_url)
    monkeypatch.setattr(migrate, "MIGRATION_WAIT_SECONDS", 30)
    async with migrating_elsewhere(empty_url):
        opening = asyncio.create_task(Store.open(empty_url))
        await asyncio.sleep(0.3)
        assert not opening.done()
    await (await opening).close()


@asynccontextmanager
async def migrating_elsewhere(url: str) -> AsyncIterator[None]:
    if "sqlite" in url:
        with filelock.FileLock(url.removeprefix("sqlite:///") + ".lock"):
            yield
        return
    engine = open_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:key, hashtext(current_schema()))"),
                {"key": migrate._ADVISORY_LOCK},
            )
            yield
    finally:
        await engine.dispose()


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


def test_revisions_are_numbered_in_their_order() -> None:
    scripts = ScriptDirectory.from_config(migrate._config())
    assert tuple(script.revision for script in scripts.walk_revisions()) == migrate._revisions()
    assert migrate.head_revision() == scripts.get_current_head()


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


# -- a next revision ---------------------------------------------------------------------------------------

NEXT_REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "NEXT"
down_revision = "HEAD"
branch_labels = depends_on = None


def upgrade() -> None:
    for table in ("dataset", "run"):
        with op.batch_alter_table(
            table, recreate=RECREATE, table_kwargs={"sqlite_autoincrement": True}
        ) as batch:
            batch.add_column(sa.Column("added", sa.Integer(), nullable=False, server_default="7"))
    FINALLY
"""


@pytest.fixture
def next_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Adds a revision, which rebuilds two referenced tables and then does what it is given."""
    migrations = tmp_path / "migrations"
    shutil.copytree(migrate._MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))

    def add(finally_: str, recreate: str = "always") -> None:
        code = NEXT_REVISION.replace("FINALLY", finally_).replace("RECREATE", repr(recreate))
        code = code.replace("NEXT", NEXT).replace("HEAD", HEAD)
        (migrations / "versions" / f"{NEXT}_next.py").write_text(code)
        monkeypatch.setattr(migrate, "_MIGRATIONS", migrations)
        migrate._revisions.cache_clear()

    yield add
    monkeypatch.undo()
    migrate._revisions.cache_clear()


async def contents(url: str) -> dict[str, int]:
    async with await Store.open(url, migrate=False) as store, store.read() as connection:
        return {
            table.name: (await connection.scalar(select(func.count()).select_from(table))) or 0
            for table in metadata.sorted_tables
        }


async def populate(url: str) -> dict[str, int]:
    async with await Store.open(url) as store:
        dataset_id = await add_sample_dataset(store)
        for name in "abc":
            await succeeded(store, dataset_id, identity_hash=name, tags=("x",))
        await launch(store, dataset_id, identity_hash="d")
    return await contents(url)


async def test_a_populated_store_keeps_its_rows_when_referenced_tables_are_rebuilt(
    empty_url: str, next_revision: Callable[[str, str], None]
) -> None:
    before = await populate(empty_url)
    assert before["run"] == 4
    assert min(before[table] for table in ("performance", "series", "run_tag", "run_event")) > 0
    next_revision("", "always" if "sqlite" in empty_url else "never")
    async with await Store.open(empty_url) as store:
        assert await migrate.current_revision(store.engine) == NEXT
        async with store.read() as connection:
            assert await connection.scalar(text("SELECT sum(added) FROM run")) == 28
        # Foreign keys are checked again, and cascade again.
        (claimed,) = [await claim_run(store, "w", NOW, kinds=tuple(RunKind))]
        assert claimed is not None
        await cancel_run(store, claimed.id, NOW)
        await delete_run(store, claimed.id)
    after = await contents(empty_url)
    assert after == {**before, "run": 3, "run_event": before["run_event"] - 1}


@pytest.mark.parametrize(
    "fault",
    [
        "raise ZeroDivisionError",
        'op.drop_index("uq_run_identity", "run")',
        'op.execute("DELETE FROM run_tag"); op.execute("DELETE FROM dataset")',
    ],
)
async def test_a_migration_that_fails_leaves_the_store_as_it_was(
    empty_url: str, next_revision: Callable[[str, str], None], fault: str
) -> None:
    before = await populate(empty_url)
    next_revision(fault, "always" if "sqlite" in empty_url else "never")
    with pytest.raises((ZeroDivisionError, StoreIncomplete, IntegrityError)):
        await Store.open(empty_url)
    next_revision("")
    engine = open_engine(empty_url)
    assert await migrate.current_revision(engine) == HEAD
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError, match="added"):
            await connection.execute(text("SELECT added FROM run"))
    await engine.dispose()
    migrate._revisions.cache_clear()
    next_revision("", "always" if "sqlite" in empty_url else "never")
    async with await Store.open(empty_url):
        pass
    assert await contents(empty_url) == before


async def test_an_older_store_is_refused_when_not_migrating(
    empty_url: str, next_revision: Callable[[str], None]
) -> None:
    await populate(empty_url)
    next_revision("")
    with pytest.raises(StoreIncomplete, match=f"at revision {HEAD}, this version needs {NEXT}"):
        await Store.open(empty_url, migrate=False)


def test_a_draft_of_the_next_revision_is_empty_without_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations = tmp_path / "migrations"
    shutil.copytree(migrate._MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(migrate, "_MIGRATIONS", migrations)
    migrate.draft_revision("nothing changed")
    drafted = (migrations / "versions" / f"{NEXT}_nothing_changed.py").read_text()
    assert "pass" in drafted
    assert f"down_revision = '{HEAD}'" in drafted
