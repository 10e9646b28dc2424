"""Runs in a store, for executors to carry out with the computations of `tests.app.execution.computations`."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

from app.execution.executor import RunExecutor
from app.execution.timing import Timing
from app.settings import Settings
from db.datasets import add_dataset
from db.records import AssetRecord, NewDataset, NewRun, RunEventRecord, RunKind, RunRecord
from db.runs.events import read_events
from db.runs.queue import launch_run
from db.runs.rows import fetch_run
from db.store import Store
from engine import ENGINE_VERSION
from tests.app.execution.processes import children_of, eventually, lives

ACTING = "tests.app.execution.computations"

BRISK = Timing(
    poll=0.05,
    heartbeat=0.05,
    stale=0.5,
    recovery=0.1,
    progress=0.05,
    stop_grace=0.2,
    commit_retries=(0.01, 0.02, 0.05, 0.1, 0.2),
)

FINGERPRINT = "0" * 64

_serials = count()


def now() -> datetime:
    return datetime.now(UTC)


def settings_for(store_url: str, data_dir: Path, **changes: object) -> Settings:
    """The data folder has the small dataset, as far as claiming looks: its folder is there."""
    settings = Settings(_env_file=None, database_url=store_url, data_dir=data_dir, **changes)
    (settings.datasets_dir / FINGERPRINT).mkdir(parents=True, exist_ok=True)
    return settings


async def add_small_dataset(store: Store) -> int:
    dataset, _ = await add_dataset(
        store,
        NewDataset(
            name="small",
            fingerprint=FINGERPRINT,
            source="test",
            licence=None,
            note=None,
            synthetic=True,
            calendar="EVERY_DAY",
            fields=("price",),
            date_count=2,
            first_date=date(2024, 1, 1),
            last_date=date(2024, 1, 2),
            observation_count=4,
            quality={},
            assets=tuple(AssetRecord(ordinal=ordinal, asset=name) for ordinal, name in enumerate("ab")),
        ),
        now(),
    )
    return dataset.id


async def queue(store: Store, act: str, **options: object) -> RunRecord:
    """A queued run whose computation acts as told. Each is another run, even with equal options."""
    config = {"act": act, "serial": next(_serials), **options}
    run, _ = await launch_run(
        store,
        NewRun(
            kind=RunKind.FACTOR,
            subject="SMB",
            config=config,
            identity_hash=hashlib.sha256(json.dumps(config).encode()).hexdigest(),
            dataset_id=await add_small_dataset(store),
            engine_version=ENGINE_VERSION,
        ),
        max_queued=1000,
        now=now(),
    )
    return run


async def run_of(store: Store, run_id: int) -> RunRecord:
    async with store.read() as connection:
        return await fetch_run(connection, run_id)


async def events_of(store: Store, run_id: int) -> list[RunEventRecord]:
    return await read_events(store, after_id=0, run_id=run_id, limit=100)


async def becomes(
    store: Store, run_id: int, condition: Callable[[RunRecord], object], seconds: float = 30.0
) -> RunRecord:
    """The run once the condition holds; fails when the time is over."""
    async with asyncio.timeout(seconds):
        while not condition(run := await run_of(store, run_id)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return run


async def ended(store: Store, run_id: int, seconds: float = 30.0) -> RunRecord:
    return await becomes(store, run_id, lambda run: run.status.is_terminal, seconds)


@asynccontextmanager
async def executing(
    store: Store, settings: Settings, *, timing: Timing = BRISK, computation: str = ACTING
) -> AsyncIterator[RunExecutor]:
    executor = RunExecutor(
        store, settings, lambda: None, computation=computation, solving=computation, timing=timing
    )
    await executor.start()
    try:
        yield executor
    finally:
        await executor.stop()


def forkserver_of(executor: RunExecutor) -> int:
    pid = executor._launcher.forkserver_pid
    assert pid is not None
    return pid


async def only_child_of(executor: RunExecutor) -> int:
    """The process that computes the only running run, once there is one."""
    async with asyncio.timeout(30):
        while not (children := children_of(forkserver_of(executor))):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    (child,) = children
    return child


async def gone(pid: int) -> bool:
    return await asyncio.to_thread(eventually, lambda: not lives(pid))
