"""First pages and sorts of a store with 5,000 runs, on SQLite and, where one answers, PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg

from db.records import RunKind
from db.runs.read import RunOrder, RunSortField, SortDirection, page_runs
from db.store import Store
from scripts.benchmarks.measure import Table, milliseconds, quantile
from tests.db.seed import seed_runs

_POSTGRESQL = "postgresql://root@127.0.0.1:5432/test"


def measure_stores(quick: bool) -> list[Table]:
    """A table a database; PostgreSQL in a schema of its own that is dropped afterwards."""
    count, repetitions = (500, 10) if quick else (5_000, 40)
    with tempfile.TemporaryDirectory(prefix="factorql-bench-") as folder:
        tables = [asyncio.run(_measure(f"sqlite:///{Path(folder) / 'bench.sqlite'}", count, repetitions))]
    tables.append(asyncio.run(_measure_postgresql(count, repetitions)))
    return tables


async def _measure_postgresql(count: int, repetitions: int) -> Table:
    try:
        async with _schema() as url:
            return await _measure(url, count, repetitions)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        return Table("PostgreSQL: skipped, none answers on 127.0.0.1:5432", ("reason",), ((str(error),),))


@contextlib.asynccontextmanager
async def _schema() -> AsyncIterator[str]:
    name = f"bench_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(_POSTGRESQL, timeout=5)
    try:
        await connection.execute(f"CREATE SCHEMA {name}")
        try:
            yield f"{_POSTGRESQL}?search_path={name}"
        finally:
            await connection.execute(f"DROP SCHEMA {name} CASCADE")
    finally:
        await connection.close()


async def _measure(url: str, count: int, repetitions: int) -> Table:
    async with await Store.open(url) as store:
        await seed_runs(store, count, points=250)
        rows = [await _row("newest 50", lambda: page_runs(store, kind=RunKind.FACTOR, first=50), repetitions)]
        for field in RunSortField:
            order = [RunOrder(field, SortDirection.DESC)]
            rows.append(
                await _row(
                    f"50 by {field.lower()}, descending",
                    lambda order=order: page_runs(store, None, order, kind=RunKind.FACTOR, first=50),
                    repetitions,
                )
            )
        return Table(
            f"First pages of {count:,} runs, {store.dialect}", ("page", "median", "p95"), tuple(rows)
        )


async def _row(name: str, work: Callable[[], Awaitable[object]], repetitions: int) -> tuple[str, str, str]:
    await work()
    took = []
    for _ in range(repetitions):
        start = time.perf_counter()
        await work()
        took.append(time.perf_counter() - start)
    took.sort()
    return name, milliseconds(quantile(took, 0.5)), milliseconds(quantile(took, 0.95))
