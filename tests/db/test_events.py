"""The event log: numbered a run, ordered over all, and never a late arrival before what was seen."""

from __future__ import annotations

import asyncio

from db.records import RunEventRecord, RunKind
from db.runs.events import last_event_id, read_events
from db.runs.queue import cancel_run, claim_run, finish_run, report_progress
from db.store import Store
from tests.db.samples import NOW, WORKER, add_sample_dataset, later, launch, new_results, running


async def test_an_empty_log_ends_at_zero(store: Store) -> None:
    assert await last_event_id(store) == 0
    assert await read_events(store, after_id=0, run_id=None, limit=10) == []


async def test_events_are_read_after_a_point_of_one_run_or_of_all(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    one = await running(store, dataset_id, identity_hash="1")
    two = await launch(store, dataset_id, identity_hash="2")
    await report_progress(store, one.id, 1, WORKER, 0.25, "signal", later(2))
    await cancel_run(store, two.id, later(3))
    log = await read_events(store, after_id=0, run_id=None, limit=100)
    assert [(event.run_id, event.seq, event.kind) for event in log] == [
        (one.id, 1, "QUEUED"),
        (one.id, 2, "STARTED"),
        (two.id, 1, "QUEUED"),
        (one.id, 3, "PROGRESS"),
        (two.id, 2, "CANCELED"),
    ]
    assert log[3] == RunEventRecord(
        id=log[3].id,
        run_id=one.id,
        seq=3,
        at=later(2),
        kind=log[3].kind,
        status=log[1].status,
        progress_fraction=0.25,
        progress_stage="signal",
        message=None,
    )
    assert await last_event_id(store) == log[-1].id
    assert await read_events(store, after_id=log[1].id, run_id=None, limit=2) == log[2:4]
    assert await read_events(store, after_id=log[0].id, run_id=one.id, limit=9) == [log[1], log[3]]
    assert await read_events(store, after_id=log[-1].id, run_id=None, limit=9) == []


async def test_a_follower_misses_nothing_while_many_write(store_url: str) -> None:
    # Several stores, as several servers would have: their transactions overlap.
    stores = [await Store.open(store_url, migrate=False) for _ in range(3)]
    dataset_id = await add_sample_dataset(stores[0])
    for number in range(18):
        await launch(stores[0], dataset_id, identity_hash=str(number))
    done = asyncio.Event()
    followed: list[RunEventRecord] = []

    async def follow() -> None:
        position = 0
        while True:
            last_round = done.is_set()
            found = await read_events(stores[0], after_id=position, run_id=None, limit=4)
            followed.extend(found)
            position = found[-1].id if found else position
            if last_round and not found:
                return

    async def work(store: Store, worker: str) -> None:
        while (record := await claim_run(store, worker, NOW, kinds=tuple(RunKind))) is not None:
            await report_progress(store, record.id, 1, worker, 0.5, "half", NOW)
            await finish_run(store, record.id, 1, worker, new_results(), NOW)

    follower = asyncio.create_task(follow())
    await asyncio.gather(*(work(store, f"{i}:{j}:x") for i, store in enumerate(stores) for j in range(2)))
    done.set()
    await follower
    assert followed == await read_events(stores[0], after_id=0, run_id=None, limit=1_000)
    assert len(followed) == 18 * 4
    for store in stores:
        await store.close()
