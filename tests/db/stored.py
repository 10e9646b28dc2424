"""Stores as earlier versions left them: at an earlier revision, with rows that this version cannot write.

`stored/REVISION.json` holds the rows of each table, as the version of that revision wrote them through its
own store functions, and the last id that each table has given."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, MetaData, insert, select, text

from db import migrate
from db.connect import WRITES

_STORED = Path(__file__).with_name("stored")

REVISIONS = tuple(sorted(path.stem for path in _STORED.glob("*.json")))

Rows = dict[str, list[dict[str, Any]]]


@contextmanager
def revisions_up_to(revision: str) -> Iterator[None]:
    """Inside, the code knows no later revisions than this one."""
    with pytest.MonkeyPatch.context() as patched, migrate.tempfile.TemporaryDirectory() as folder:
        migrations = Path(folder) / "migrations"
        shutil.copytree(migrate._MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))
        for script in (migrations / "versions").glob("[0-9]*_*.py"):
            if script.name[:4] > revision:
                script.unlink()
        patched.setattr(migrate, "_MIGRATIONS", migrations)
        patched.setattr(migrate, "_check_indexes", lambda _connection: None)  # later ones are missing
        migrate._revisions.cache_clear()
        try:
            yield
        finally:
            migrate._revisions.cache_clear()


async def fill(url: str, revision: str) -> None:
    """Migrate the empty database at `url` to `revision` and fill it with what was stored there."""
    with revisions_up_to(revision):
        await migrate.upgrade(url)
    stored = json.loads((_STORED / f"{revision}.json").read_text(encoding="utf-8"))
    engine = migrate.open_engine(url)
    try:
        async with engine.connect() as connection:
            writing = await connection.execution_options(**{WRITES: True})
            async with writing.begin():
                await writing.run_sync(_insert, stored)
    finally:
        await engine.dispose()


async def read_all(url: str, tables: set[str] | None = None) -> Rows:
    """Read every row of these tables (None: of all), in the order of their primary keys."""
    engine = migrate.open_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_select, tables)
    finally:
        await engine.dispose()


def _insert(connection: Connection, stored: dict[str, Any]) -> None:
    found = MetaData()
    found.reflect(connection)
    for table in found.sorted_tables:
        if rows := stored["tables"].get(table.name):
            connection.execute(
                insert(table), [{name: _value(value) for name, value in row.items()} for row in rows]
            )
    for name, last in stored["sequences"].items():
        if connection.dialect.name == "sqlite":
            connection.execute(
                text("UPDATE sqlite_sequence SET seq = :last WHERE name = :name"),
                {"last": last, "name": name},
            )
        else:
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"),
                {"last": last, "name": name},
            )


def _value(stored: Any) -> Any:
    if isinstance(stored, dict) and set(stored) == {"date"}:
        return date.fromisoformat(stored["date"])
    if isinstance(stored, dict) and set(stored) == {"bytes"}:
        return base64.b64decode(stored["bytes"])
    return stored


def _select(connection: Connection, tables: set[str] | None) -> Rows:
    found = MetaData()
    found.reflect(connection)
    return {
        table.name: [
            dict(row)
            for row in connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
        ]
        for table in found.sorted_tables
        if tables is None or table.name in tables
    }
