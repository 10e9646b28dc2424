"""Several processes on one store: nothing twice, nothing lost, nothing half there."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from sqlalchemy import text

from db.records import RunKind, RunStatus
from db.runs.queue import claim_run, finish_run, launch_run, list_claims, retry_or_lose
from db.runs.read import count_runs, get_runs
from db.runs.results import get_performance
from db.store import Store
from tests.db.samples import NOW, WORKER, add_sample_dataset, new_results, new_run, running

LAUNCH_AND_CLAIM = """
import asyncio, json, sys
from db.records import RunKind
from db.runs.queue import claim_run, finish_run, launch_run
from db.store import Store
from tests.db.samples import NOW, new_results, new_run

async def main(url, worker, dataset_id, count):
    async with await Store.open(url, migrate=False) as store:
        launched = await asyncio.gather(*(
            launch_run(store, new_run(dataset_id, identity_hash=str(i)), max_queued=1000, now=NOW)
            for i in range(count)
        ))
        claimed = []
        async def work():
            while (run := await claim_run(store, worker, NOW, kinds=tuple(RunKind))) is not None:
                claimed.append(run.id)
                assert await finish_run(store, run.id, run.attempt, worker, new_results(), NOW)
        await asyncio.gather(work(), work())
        print(json.dumps({
            "launched": [run.id for run, _ in launched],
            "created": [run.id for run, reused in launched if not reused],
            "claimed": claimed,
        }))

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""

HANG_WHILE_FINISHING = """
import asyncio, sys
import db.runs.queue
from db.store import Store
from tests.db.samples import NOW, WORKER, new_results

async def hang(*_arguments):
    print("everything but the event is written", flush=True)
    await asyncio.Event().wait()

db.runs.queue.append_events = hang

async def main(url, run_id):
    async with await Store.open(url, migrate=False) as store:
        await db.runs.queue.finish_run(store, run_id, 1, WORKER, new_results(), NOW)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def start(code: str, *arguments: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        *map(str, arguments),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_processes_share_launches_and_claims_without_doubling_or_missing(
    store: Store, store_url: str
) -> None:
    dataset_id = await add_sample_dataset(store)
    processes = [await start(LAUNCH_AND_CLAIM, store_url, f"host:{i}:x", dataset_id, 12) for i in range(2)]
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0], outputs
    reports = [json.loads(output) for output, _ in outputs]
    assert reports[0]["launched"] == reports[1]["launched"]
    created = reports[0]["created"] + reports[1]["created"]
    assert sorted(created) == sorted(set(reports[0]["launched"]))
    claimed = reports[0]["claimed"] + reports[1]["claimed"]
    assert sorted(claimed) == sorted(created)
    runs = await get_runs(store, created)
    assert {run.status for run in runs.values()} == {RunStatus.SUCCEEDED}
    assert {run.attempt for run in runs.values()} == {1}
    assert set(await get_performance(store, created)) == set(created)


async def test_a_process_killed_while_finishing_leaves_the_run_to_be_retried(
    store: Store, store_url: str
) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await running(store, dataset_id)
    process = await start(HANG_WHILE_FINISHING, store_url, record.id)
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert b"everything but the event" in line, await process.communicate()
    process.kill()
    await process.communicate()
    async with store.read() as connection:
        for table in ("performance", "series", "composition"):
            assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0
    (claim,) = await list_claims(store, tuple(RunKind))
    assert claim.run_id == record.id
    async with asyncio.timeout(30):
        assert await retry_or_lose(store, claim, now=NOW) is RunStatus.QUEUED
    again = await claim_run(store, WORKER, NOW, kinds=tuple(RunKind))
    assert again is not None
    assert await finish_run(store, record.id, 2, WORKER, new_results(), NOW)
    assert set(await get_performance(store, [record.id])) == {record.id}


async def test_stores_opened_side_by_side_launch_one_run(store_url: str) -> None:
    stores = [await Store.open(store_url, migrate=False) for _ in range(4)]
    dataset_id = await add_sample_dataset(stores[0])
    outcomes = await asyncio.gather(
        *(
            launch_run(store, new_run(dataset_id, identity_hash=str(i % 3)), max_queued=3, now=NOW)
            for i, store in enumerate(stores * 6)
        )
    )
    assert [reused for _, reused in outcomes].count(False) == 3
    assert await count_runs(stores[0], kind=RunKind.FACTOR) == 3
    for store in stores:
        await store.close()
