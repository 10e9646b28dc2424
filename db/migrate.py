"""Brings a store to the revision of this code, once, however many processes open it at the same time.

Stores only go forward: there are no downgrades; restore a copy of the database instead.
`python -m db.migrate "what changes"` drafts a revision from the difference between models and migrations."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
from sqlalchemy import URL, Connection, TypeDecorator, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.connect import WRITES, open_engine, parse_url
from db.errors import StoreIncomplete, StoreNewerThanCode, StoreUnavailable
from db.failures import translated_failures
from db.models import metadata
from db.table import with_conditions

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATION_WAIT_SECONDS = 120
"""How long to wait for another process that is migrating the same store."""

_MIGRATIONS = Path(__file__).parent / "migrations"

# Alembic's context is global to the process, so that two migrations in one process take turns.
_one_migration = threading.Lock()
# Any constant will do, together with the schema's name; it must never change.
_ADVISORY_LOCK = 7_306_122

_INDEX_NAMES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index'",
    "postgresql": "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()",
}


async def upgrade(engine_or_url: AsyncEngine | str) -> None:
    """Migrates the store to `head_revision()` and checks it. Does nothing when it is there already.

    Errors: StoreNewerThanCode, StoreIncomplete, StoreUnavailable; a failed migration leaves no trace."""
    url = (
        engine_or_url
        if isinstance(engine_or_url, str)
        else engine_or_url.url.render_as_string(hide_password=False)
    )
    # In a thread with a loop of its own: migrations are synchronous code that must not stall this loop.
    await asyncio.to_thread(_upgrade_blocking, url)


async def check(engine: AsyncEngine) -> None:
    """Refuses a store whose revision or indexes are not those of this code. Errors: as of `upgrade`."""
    _refuse_missing_file(engine.url)
    with translated_failures(engine.url):
        async with engine.connect() as connection:
            revision = await connection.run_sync(revision_of)
            _refuse_newer(revision)
            if revision != head_revision():
                raise StoreIncomplete(
                    f"the store is at revision {revision or 'none'}, this version needs {head_revision()}",
                    "run factorql migrate",
                )
            await connection.run_sync(_check_indexes)


async def current_revision(engine: AsyncEngine) -> str | None:
    """The revision that the store is at; None for an empty one."""
    with translated_failures(engine.url):
        async with engine.connect() as connection:
            return await connection.run_sync(revision_of)


def head_revision() -> str:
    """The revision that this code needs."""
    return _revisions()[0]


def configure_arguments() -> dict[str, Any]:
    """How Alembic is to see models and databases, the same for migrating, drafting and testing for drift."""
    return {
        "target_metadata": with_conditions(metadata),
        "render_as_batch": True,
        "compare_type": True,
        # SQLite can roll back DDL once transactions are begun explicitly, as `db.connect` does.
        "transactional_ddl": True,
        "render_item": _render_type,
    }


def _render_type(kind: str, item: Any, _context: Any) -> str | bool:
    # A migration must not change when the code's own column types do.
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{type(item.impl).__name__}()"
    return False


def _refuse_missing_file(url: URL) -> None:
    # SQLite would create it, empty.
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file():
        raise StoreUnavailable(f"there is no database {url.database}", "run factorql migrate")


def _upgrade_blocking(url: str) -> None:
    parsed = parse_url(url)
    with _one_migration, _file_lock(parsed):
        asyncio.run(_upgrade_locked(url))


@contextmanager
def _file_lock(url: URL) -> Iterator[None]:
    """One process at a time opens an SQLite store: two that migrate an empty one at once crash."""
    if url.get_backend_name() != "sqlite":
        yield
        return
    path = Path(f"{url.database}.lock")
    if not path.parent.is_dir():
        raise StoreUnavailable(f"the directory {path.parent} does not exist", "create it first")
    try:
        lock = filelock.FileLock(path, timeout=MIGRATION_WAIT_SECONDS)
        lock.acquire()
    except filelock.Timeout:
        raise StoreUnavailable(
            f"another process has been migrating {url.database} for {MIGRATION_WAIT_SECONDS} s",
            "end it and try again",
        ) from None
    except OSError as error:
        raise StoreUnavailable(
            f"the database {url.database} cannot be opened: {error.strerror or error}",
            "its directory must exist and be writable",
        ) from None
    try:
        yield
    finally:
        lock.release()


async def _upgrade_locked(url: str) -> None:
    engine = open_engine(url, pooled=False)
    try:
        with translated_failures(engine.url):
            async with engine.connect() as connection:
                connection = await connection.execution_options(**{WRITES: True})
                await _lock_postgresql(connection)
                revision = await connection.run_sync(revision_of)
                _refuse_newer(revision)
                await connection.rollback()
                if revision == head_revision():
                    await connection.run_sync(_check_indexes)
                else:
                    await _migrate(connection)
    finally:
        await engine.dispose()


async def _lock_postgresql(connection: AsyncConnection) -> None:
    # Held by the session, so that it outlives the migration's transaction; closing the connection frees it.
    if connection.dialect.name == "postgresql":
        schema = await connection.scalar(text("SELECT current_schema()"))
        if schema is None:
            raise StoreUnavailable("the schema of the search path does not exist", "create it first")
        await connection.execute(text(f"SET lock_timeout = '{MIGRATION_WAIT_SECONDS}s'"))
        await connection.execute(
            text("SELECT pg_advisory_lock(:key, hashtext(current_schema()))"), {"key": _ADVISORY_LOCK}
        )
        await connection.commit()


async def _migrate(connection: AsyncConnection) -> None:
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        # Rebuilding a table drops the old one, and dropping cascades; the pragma is void inside transactions.
        await _pragma_outside_transaction(connection, "foreign_keys = OFF")
    async with connection.begin():
        await connection.run_sync(_run_alembic)
        await connection.run_sync(_check_indexes)
        if sqlite:
            broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).mappings().first()
            if broken is not None:
                raise StoreIncomplete(
                    f"the migration left rows of {broken['table']} without their {broken['parent']}"
                )
    if sqlite:
        await _pragma_outside_transaction(connection, "foreign_keys = ON")


async def _pragma_outside_transaction(connection: AsyncConnection, pragma: str) -> None:
    raw: Any = (await connection.get_raw_connection()).driver_connection
    await raw.execute_fetchall(f"PRAGMA {pragma}")


def _run_alembic(connection: Connection) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    # Interpolation would trip over a percent sign in the path.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


@cache
def _revisions() -> tuple[str, ...]:
    """All revisions of this code, newest first."""
    # By their file names, because importing Alembic takes longer than opening the store.
    scripts = (_MIGRATIONS / "versions").glob("[0-9]*_*.py")
    revisions = tuple(sorted((script.name.split("_")[0] for script in scripts), reverse=True))
    if not revisions:
        raise StoreIncomplete("the migrations are missing from the installation", "install the package again")
    return revisions


def revision_of(connection: Connection) -> str | None:
    """Return the revision that the store is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and revision not in _revisions():
        raise StoreNewerThanCode(
            f"the store was migrated to revision {revision} by a newer version of FactorQL",
            "update FactorQL, or name another database",
        )


def _check_indexes(connection: Connection) -> None:
    """An index that got lost costs correctness (identity) or speed (sorting): say so at once."""
    present = set(connection.scalars(text(_INDEX_NAMES[connection.dialect.name])))
    declared = {str(index.name) for table in metadata.sorted_tables for index in table.indexes}
    missing = sorted(declared - present)
    if missing:
        raise StoreIncomplete(
            f"the store lacks the index {missing[0]}"
            + (f" and {len(missing) - 1} more" if missing[1:] else ""),
            "restore the database from a copy, or create the index again",
        )


def draft_revision(message: str) -> None:
    """Writes a new file to db/migrations/versions, to be read and corrected before it is used."""
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{directory}/draft.db"
        _upgrade_blocking(url)

        async def draft() -> None:
            engine = open_engine(url, pooled=False)
            async with engine.connect() as connection:
                await connection.run_sync(_draft_on, message)
            await engine.dispose()

        asyncio.run(draft())


def _draft_on(connection: Connection, message: str) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    number = len(_revisions()) + 1
    command.revision(config, message, autogenerate=True, rev_id=f"{number:04d}")


if __name__ == "__main__":
    draft_revision(sys.argv[1])
