"""Fixtures: a migrated, empty store for the tests of every room, on SQLite.

`tests/db` and a module of each other room see PostgreSQL too, by `on_both_databases`.

PostgreSQL is found at TEST_DATABASE_URL, or on 127.0.0.1:5432 (database `test`, user root or postgres).
Without one its tests are skipped, or fail where FACTORQL_REQUIRE_POSTGRES=1 asks for it. A schema of its own
is migrated once a session and dropped at the end."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event, make_url

from db.migrate import upgrade
from db.models import metadata
from db.store import Store

DATABASES = ("sqlite", "postgresql")
_LOCAL_CANDIDATES = ("postgresql://root@127.0.0.1:5432/test", "postgresql://postgres@127.0.0.1:5432/test")


def run_blocking(work: Coroutine[Any, Any, Any]) -> Any:
    """Runs `work` on a loop of its own in a thread: fixtures must not disturb the loop of the test."""
    outcome: list[Any] = []
    failure: list[BaseException] = []

    def body() -> None:
        try:
            outcome.append(asyncio.run(work))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


@pytest.fixture(scope="session")
def postgresql_url() -> str:
    """The URL of a PostgreSQL database in which schemas may be created."""
    given = os.environ.get("TEST_DATABASE_URL")
    problems = []
    for candidate in (given,) if given else _LOCAL_CANDIDATES:
        try:
            run_blocking(execute(candidate, "SELECT 1"))
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            problems.append(f"{type(error).__name__}: {error}")
        else:
            return candidate
    reason = f"no PostgreSQL on {'TEST_DATABASE_URL' if given else '127.0.0.1:5432'}: {problems[-1]}"
    if os.environ.get("FACTORQL_REQUIRE_POSTGRES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def postgresql_schema(url: str) -> Iterator[str]:
    """The URL of a new, empty schema in the database at `url`; dropped at the end."""
    schema = f"factorql_test_{os.getpid()}_{secrets.token_hex(4)}"
    run_blocking(execute(url, f"CREATE SCHEMA {schema}"))
    try:
        with_schema = make_url(url).update_query_dict({"search_path": schema})
        yield with_schema.render_as_string(hide_password=False)
    finally:
        run_blocking(execute(url, f"DROP SCHEMA {schema} CASCADE"))


@pytest.fixture(scope="session")
def migrated_schema_url(postgresql_url: str) -> Iterator[str]:
    with postgresql_schema(postgresql_url) as url:
        run_blocking(upgrade(url))
        yield url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "factorql.db"
    run_blocking(upgrade(f"sqlite:///{path}"))
    return path


def on_both_databases(metafunc: pytest.Metafunc) -> None:
    """Repeat each test that opens a store on PostgreSQL, where this stands as `pytest_generate_tests`."""
    if "store_url" in metafunc.fixturenames:
        metafunc.parametrize("store_url", DATABASES, indirect=True)


@pytest.fixture
def store_url(request: pytest.FixtureRequest, migrated_file: Path, tmp_path: Path) -> str:
    """The URL of a migrated, empty store."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite:///{shutil.copyfile(migrated_file, tmp_path / 'factorql.db')}"
    url: str = request.getfixturevalue("migrated_schema_url")
    tables = reversed(metadata.sorted_tables)
    run_blocking(execute(url, ";".join(f'DELETE FROM "{table.name}"' for table in tables)))
    return url


@pytest.fixture(params=DATABASES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database in which nothing was created yet; once for each database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'factorql.db'}"
        return
    with postgresql_schema(request.getfixturevalue("postgresql_url")) as url:
        yield url


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An open, empty store."""
    async with await Store.open(store_url, migrate=False) as opened:
        yield opened


@contextmanager
def counting_statements(store: Store) -> Iterator[list[str]]:
    """The SQL statements that `store` executes inside the block."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(store.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(store.engine.sync_engine, "before_cursor_execute", note)


async def execute(url: str, statements: str) -> str:
    """Run statements on the PostgreSQL database at `url`, in the schema that it names."""
    parsed = make_url(url)
    search_path = parsed.query.get("search_path")
    settings = {"search_path": str(search_path)} if search_path else {}
    plain = parsed.set(drivername="postgresql").difference_update_query(["search_path"])
    connection = await asyncpg.connect(
        plain.render_as_string(hide_password=False), timeout=5, server_settings=settings
    )
    try:
        return await connection.execute(statements)
    finally:
        await connection.close()
