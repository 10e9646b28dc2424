"""From a database URL to an engine whose every connection is set up as the store needs it."""

from __future__ import annotations

import sqlite3
from typing import Any

import orjson
from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from db.columns import to_json
from db.errors import StoreUnavailable

LOCK_WAIT_SECONDS = 10
"""How long a statement waits for another writer before it gives up, on both databases."""

WRITES = "factorql_writes"
"""Execution option of connections that may write; on SQLite it makes BEGIN take the write lock at once."""

_OLDEST_SQLITE = (3, 35, 0)  # the first with RETURNING
_URL_HINT = "use sqlite:///path/to/file.db or postgresql://user@host/database"


def parse_url(url: str) -> URL:
    """The URL with its asynchronous driver. Errors: StoreUnavailable; the text never repeats a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreUnavailable("the database URL cannot be read", _URL_HINT) from None
    if parsed.drivername in ("sqlite", "sqlite+aiosqlite"):
        if parsed.database in (None, "", ":memory:") or parsed.query.get("mode") == "memory":
            raise StoreUnavailable("an in-memory SQLite database cannot be shared", "name a file")
        return parsed.set(drivername="sqlite+aiosqlite")
    if parsed.drivername in ("postgres", "postgresql", "postgresql+asyncpg"):
        return parsed.set(drivername="postgresql+asyncpg")
    raise StoreUnavailable(f"{parsed.drivername} databases are not supported", _URL_HINT)


def open_engine(url: str, *, pooled: bool = True) -> AsyncEngine:
    """An engine for `url`; nothing is connected yet. `pooled=False` opens one connection a use.

    For PostgreSQL a `search_path` in the query names the schema that holds the tables."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed, pooled)
    return _open_postgresql(parsed, pooled)


def _open_sqlite(url: URL, pooled: bool) -> AsyncEngine:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StoreUnavailable(
            f"SQLite {sqlite3.sqlite_version} is too old", "3.35 or later is needed; it comes with Python"
        )
    # Each connection is a thread: a few serve the reads of one process, and writers take turns anyway.
    pool: dict[str, Any] = {"pool_size": 4, "max_overflow": 8} if pooled else {"poolclass": NullPool}
    engine = create_async_engine(url, json_serializer=to_json, json_deserializer=orjson.loads, **pool)
    event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    _refuse_writes_while_reading(engine)
    return engine


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    # The driver would open transactions by itself, deferred, and not before DDL: `_begin_sqlite` does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        # First, because the pragmas below may themselves meet another writer.
        cursor.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_SECONDS * 1000}")
        # Readers must not wait for the writer; a file system that cannot do it is refused, not put up with.
        cursor.execute("PRAGMA journal_mode = WAL")
        mode = cursor.fetchone()[0]
        if mode != "wal":
            raise StoreUnavailable(
                f"SQLite cannot use write-ahead logging here (journal mode {mode})",
                "put the database on a local disk",
            )
        # An acknowledged run survives a power cut: in WAL mode NORMAL would lose the last commits.
        cursor.execute("PRAGMA synchronous = FULL")
        # SQLite leaves foreign keys unchecked unless every connection asks for it.
        cursor.execute("PRAGMA foreign_keys = ON")
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails with "locked" when another writer was faster.
    # Reads stay outside of transactions: every statement sees the newest committed state.
    if connection.get_execution_options().get(WRITES):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _open_postgresql(url: URL, pooled: bool) -> AsyncEngine:
    server_settings = {
        "application_name": "factorql",
        # Compiling these short statements costs more than running them.
        "jit": "off",
        # Like SQLite's busy_timeout: wait for a lock, but not for ever.
        "lock_timeout": f"{LOCK_WAIT_SECONDS}s",
        # A client that hangs inside a transaction would hold up every writer.
        "idle_in_transaction_session_timeout": "60s",
    }
    search_path = url.query.get("search_path")
    if search_path is not None:
        server_settings["search_path"] = str(search_path)
        url = url.difference_update_query(["search_path"])
    # A server restart must not fail the first request after it: connections are tried before use.
    pool: dict[str, Any] = (
        {"pool_size": 5, "max_overflow": 10, "pool_pre_ping": True} if pooled else {"poolclass": NullPool}
    )
    engine = create_async_engine(
        url,
        json_serializer=to_json,
        json_deserializer=orjson.loads,
        connect_args={"server_settings": server_settings, "timeout": LOCK_WAIT_SECONDS},
        **pool,
    )
    _refuse_writes_while_reading(engine)
    return engine


def _refuse_writes_while_reading(engine: AsyncEngine) -> None:
    def check(connection: Connection, statement: Any, *_parameters: Any) -> None:
        if getattr(statement, "is_dml", False) and not connection.get_execution_options().get(WRITES):
            raise RuntimeError("a write was tried on a connection opened for reading: use Store.write()")

    event.listen(engine.sync_engine, "before_execute", check)
