"""Fetches in the store: no factor, no dataset before their end, and an end that is there as a whole."""

from __future__ import annotations

from typing import Any

from db.datasets import find_dataset, list_datasets
from db.records import Reuse, RunEventKind, RunKind, RunRecord, RunResults, RunStatus
from db.runs.events import read_events
from db.runs.queue import (
    cancel_run,
    claim_run,
    fail_run,
    finish_run,
    launch_run,
    list_claims,
    report_progress,
    retry_or_lose,
)
from db.runs.read import get_runs, page_runs
from db.runs.results import get_documents
from db.store import Store
from tests.db.samples import (
    NOW,
    WORKER,
    add_sample_dataset,
    later,
    launch,
    new_dataset,
    new_document,
    new_run,
)

COUNTS = {"assets_done": 2, "bytes": 5_000_000_000}


async def fetch(store: Store, **changes: Any) -> tuple[RunRecord, bool]:
    new = new_run(None, kind=RunKind.FETCH, subject=None, engine_version=None, reuse=Reuse.LIVE, **changes)
    return await launch_run(store, new, max_queued=10, now=NOW)


async def running_fetch(store: Store) -> RunRecord:
    await fetch(store)
    claimed = await claim_run(store, WORKER, later(1), kinds=tuple(RunKind))
    assert claimed is not None
    return claimed


async def finish(store: Store, run: RunRecord, **changes: Any) -> bool:
    results = RunResults(dataset=new_dataset(**changes), documents=(new_document("FETCH"),))
    return await finish_run(store, run.id, run.attempt, WORKER, results, later(3), counts=COUNTS)


async def the_run(store: Store, run_id: int) -> RunRecord:
    return (await get_runs(store, [run_id]))[run_id]


async def test_the_end_of_a_fetch_is_dataset_report_status_and_event(store: Store) -> None:
    run = await running_fetch(store)
    assert (run.subject, run.dataset_id, run.engine_version) == (None, None, None)
    assert await finish(store, run)
    ended = await the_run(store, run.id)
    dataset = await find_dataset(store, "panel")
    assert dataset is not None
    assert (ended.status, ended.dataset_id) == (RunStatus.SUCCEEDED, dataset.id)
    assert (ended.progress_fraction, ended.progress_counts) == (1.0, COUNTS)
    assert (await get_documents(store, [run.id], "FETCH"))[run.id].facts["scale"] == 1.0
    last = (await read_events(store, after_id=0, run_id=run.id, limit=10))[-1]
    assert (last.kind, last.progress_counts) == (RunEventKind.SUCCEEDED, COUNTS)


async def test_a_fetch_that_was_canceled_leaves_no_dataset(store: Store) -> None:
    run = await running_fetch(store)
    await cancel_run(store, run.id, later(2))
    assert not await finish(store, run)
    assert not (await list_datasets(store, first=10, after=None)).items
    assert not await get_documents(store, [run.id], "FETCH")


async def test_the_same_content_under_the_same_name_is_the_dataset_that_is_there(store: Store) -> None:
    existing = await add_sample_dataset(store)
    run = await running_fetch(store)
    assert await finish(store, run)
    assert (await the_run(store, run.id)).dataset_id == existing


async def test_a_fetch_under_way_is_reused_and_an_ended_one_is_not(store: Store) -> None:
    first, _ = await fetch(store)
    assert await fetch(store) == (first, True)
    assert (await fetch(store, forced=True))[0].id != first.id
    claimed = await claim_run(store, WORKER, later(1), kinds=tuple(RunKind))
    assert claimed is not None
    assert claimed.id == first.id
    assert (await fetch(store))[0].id == first.id
    assert await finish(store, claimed)
    again, reused = await fetch(store)
    assert not reused
    assert again.id > first.id


async def test_runs_are_claimed_by_kind(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    fetched, _ = await fetch(store, identity_hash="fetch")
    computed = await launch(store, dataset_id)
    computing = [RunKind.FACTOR, RunKind.SWEEP]
    assert (await claim_run(store, WORKER, later(1), kinds=computing)).id == computed.id
    assert await claim_run(store, WORKER, later(1), kinds=computing) is None
    assert (await claim_run(store, WORKER, later(1), kinds=[RunKind.FETCH])).id == fetched.id


async def test_counts_of_progress_stay_with_run_and_event_until_it_begins_again(store: Store) -> None:
    run = await running_fetch(store)
    assert await report_progress(store, run.id, 1, WORKER, 0.5, "half", later(2), counts=COUNTS)
    assert (await the_run(store, run.id)).progress_counts == COUNTS
    last = (await read_events(store, after_id=0, run_id=run.id, limit=10))[-1]
    assert (last.progress_stage, last.progress_counts) == ("half", COUNTS)
    (claim,) = await list_claims(store, tuple(RunKind))
    await retry_or_lose(store, claim, now=later(4))
    assert (await the_run(store, run.id)).progress_counts is None


async def test_fetches_are_a_kind_of_their_own_in_lists(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    await launch(store, dataset_id)
    fetched, _ = await fetch(store, identity_hash="fetch")
    assert [run.id for run in (await page_runs(store, kind=RunKind.FETCH, first=10)).items] == [fetched.id]
    assert fetched.id not in {run.id for run in (await page_runs(store, kind=RunKind.FACTOR, first=10)).items}
    assert len((await page_runs(store, kind=None, first=10)).items) == 2


async def test_a_fetch_that_fails_has_no_dataset(store: Store) -> None:
    run = await running_fetch(store)
    assert await fail_run(store, run.id, 1, WORKER, "SOURCE_EMPTY", "nothing", later(2))
    assert (await the_run(store, run.id)).dataset_id is None
