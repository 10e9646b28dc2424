"""A store in which a newer version has left runs and events of kinds that this one does not know."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import CheckConstraint, make_url, update

from db.models import Run, RunEvent
from db.records import RunRecord
from db.run_rows import fetch_run
from db.store import Store
from tests.stores import execute, run_blocking

UNKNOWN_KIND = "SESSION"
UNKNOWN_EVENT = "PAUSED"

_CHECKS = (("run", "ck_run_kind"), ("run", "ck_run_factor"), ("run_event", "ck_run_event_kind"))
"""(table, constraint) of what names kinds."""


@contextmanager
def kinds_unchecked(url: str) -> Iterator[None]:
    """Let the store at `url` take any kind, as that of a newer version does. On PostgreSQL, whose schema
    other tests use too, the runs are deleted at the end and the checks put back."""
    if make_url(url).get_backend_name() == "sqlite":
        _forget_checks(Path(str(make_url(url).database)))
        yield
        return
    run_blocking(
        execute(url, ";".join(f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, name in _CHECKS))
    )
    try:
        yield
    finally:
        back = (
            f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({_check(name)})" for table, name in _CHECKS
        )
        run_blocking(execute(url, ";".join(["DELETE FROM run", *back])))


async def make_unknown(store: Store, run: RunRecord) -> RunRecord:
    """Make the run one of an unknown kind, and its first event one of an unknown kind too."""
    async with store.write() as connection:
        of_run = update(Run.__table__).where(Run.id == run.id)
        await connection.execute(of_run.values(kind=UNKNOWN_KIND, factor=None))
        first = update(RunEvent.__table__).where(RunEvent.run_id == run.id, RunEvent.seq == 1)
        await connection.execute(first.values(kind=UNKNOWN_EVENT))
        record = await fetch_run(connection, run.id)
    assert record is not None
    return record


def _forget_checks(path: Path) -> None:
    # SQLite cannot drop a constraint, but forgets what its own table of tables does not name.
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        for table, name in _CHECKS:
            of_table = "FROM sqlite_master WHERE type = 'table' AND name = ?"
            (sql,) = connection.execute(f"SELECT sql {of_table}", (table,)).fetchone()
            without, count = re.subn(rf"CONSTRAINT {name} CHECK .*\n", "", sql)
            assert count == 1, sql
            connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (without, table))
        # Whoever has the store open reads its tables anew.
        (version,) = connection.execute("PRAGMA schema_version").fetchone()
        connection.execute(f"PRAGMA schema_version = {version + 1}")


def _check(name: str) -> str:
    constraints = Run.__table__.constraints | RunEvent.__table__.constraints
    (found,) = [one for one in constraints if isinstance(one, CheckConstraint) and one.name == name]
    return str(found.sqltext)
