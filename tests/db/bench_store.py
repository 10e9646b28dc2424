"""Prints how long the store's reads take with 5,000 runs: `python -m tests.db.bench_store [URL] [RUNS]`.

The database at URL must be empty and is filled; without one a temporary SQLite file is used."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable

import numpy as np

from db.records import RunKind
from db.runs.read import (
    Choice,
    Range,
    RunFilter,
    RunOrder,
    RunSortField,
    SortDirection,
    count_runs,
    get_runs,
    latest_runs,
    page_runs,
    page_runs_by_subject,
)
from db.runs.results import get_performance, get_series
from db.store import Store
from tests.db.samples import later
from tests.db.seed import FACTORS, seed_runs

_REPETITIONS = 40


async def measure(name: str, work: Callable[[], Awaitable[object]]) -> None:
    await work()
    took = []
    for _ in range(_REPETITIONS):
        start = time.perf_counter()
        await work()
        took.append(1_000 * (time.perf_counter() - start))
    print(f"{name:42} median {np.median(took):7.2f} ms   p95 {np.quantile(took, 0.95):7.2f} ms")


async def main(url: str, count: int) -> None:
    async with await Store.open(url) as store:
        start = time.perf_counter()
        await seed_runs(store, count, points=250)
        print(f"{store.dialect}: {count} runs seeded in {time.perf_counter() - start:.1f} s")
        await measure("newest 50", lambda: page_runs(store, kind=RunKind.FACTOR, first=50))
        for field in RunSortField:
            for direction in SortDirection:
                order = [RunOrder(field, direction)]
                await measure(
                    f"first 50 by {field} {direction}",
                    lambda o=order: page_runs(store, None, o, kind=RunKind.FACTOR, first=50),
                )
        sharpe = [RunOrder(RunSortField.SHARPE_RATIO)]
        page = await page_runs(store, None, sharpe, kind=RunKind.FACTOR, first=50)
        after = page.cursors[-1]
        await measure(
            "second 50 by SHARPE_RATIO",
            lambda: page_runs(store, None, sharpe, kind=RunKind.FACTOR, first=50, after=after),
        )
        where = RunFilter(subject=Choice(eq="SMB"), tag=Choice(eq="nightly"), sharpe_ratio=Range(gte=0.5))
        await measure(
            "filtered 50 by SHARPE_RATIO",
            lambda: page_runs(store, where, sharpe, kind=RunKind.FACTOR, first=50),
        )
        await measure(
            "6 factors x 10 runs", lambda: page_runs_by_subject(store, FACTORS, kind=RunKind.FACTOR, first=10)
        )
        await measure(
            "latest run of each factor", lambda: latest_runs(store, kind=RunKind.FACTOR, now=later(10**7))
        )
        await measure(
            "latest run of 6 named factors",
            lambda: latest_runs(store, kind=RunKind.FACTOR, now=later(10**7), subjects=FACTORS),
        )
        await measure("count of all runs", lambda: count_runs(store, kind=RunKind.FACTOR))
        ids = [run.id for run in page.items]
        await measure("50 runs by id", lambda: get_runs(store, ids))
        await measure("50 performances by run", lambda: get_performance(store, ids))
        await measure("150 series of 250 points", lambda: get_series(store, ids, ["FACTOR", "LONG", "SHORT"]))
        await measure("1 series of 250 points", lambda: get_series(store, ids[:1], ["FACTOR"]))


if __name__ == "__main__":
    runs = int(sys.argv[2]) if sys.argv[2:] else 5_000
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(main(sys.argv[1] if sys.argv[1:] else f"sqlite:///{directory}/bench.db", runs))
