"""The life of a run: launch, claim, progress, end, retry, cancel, delete, annotate."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from db.datasets import delete_dataset
from db.errors import DatasetGone, QueueFull
from db.models import Composition, Performance, RunTag, Series
from db.records import Claim, Reuse, RunKind, RunOrigin, RunRecord, RunStatus
from db.runs.events import read_events
from db.runs.queue import (
    annotate_run,
    cancel_run,
    claim_run,
    delete_run,
    fail_run,
    finish_run,
    heartbeat,
    launch_run,
    list_claims,
    put_back,
    report_progress,
    retry_or_lose,
)
from db.runs.read import get_runs
from db.runs.results import get_performance, get_series
from db.store import Store
from tests.db.samples import (
    NOW,
    WORKER,
    add_sample_dataset,
    later,
    launch,
    new_results,
    new_run,
    running,
    succeeded,
)
from tests.stores import counting_statements


async def the_run(store: Store, run_id: int) -> RunRecord:
    return (await get_runs(store, [run_id]))[run_id]


async def kinds(store: Store, run_id: int) -> list[str]:
    return [event.kind for event in await read_events(store, after_id=0, run_id=run_id, limit=100)]


async def rows_of(store: Store, table: Any) -> int:
    async with store.read() as connection:
        return (await connection.scalar(select(func.count()).select_from(table.__table__))) or 0


# -- launching ---------------------------------------------------------------------------------------------


async def test_a_launched_run_is_queued_with_all_it_was_given(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    new = new_run(dataset_id, tags=("b", "a", "b"), note="try")
    record, reused = await launch_run(store, new, max_queued=1, now=NOW)
    assert not reused
    assert record == RunRecord(
        id=record.id,
        kind=RunKind.FACTOR,
        subject="SMB",
        status=RunStatus.QUEUED,
        origin=RunOrigin.COMPUTED,
        config=new.config,
        unrecorded_fields=(),
        identity_hash="identity",
        forced=False,
        dataset_id=dataset_id,
        engine_version="1",
        legacy_run_id=None,
        import_batch_id=None,
        import_remarks=(),
        created_at=NOW,
        imported_at=None,
        started_at=None,
        finished_at=None,
        progress_fraction=0.0,
        progress_stage="queued",
        failure_code=None,
        failure_message=None,
        claimed_by=None,
        heartbeat_at=None,
        attempt=0,
        note="try",
        reuse=Reuse.SUCCEEDED,
        losses=0,
        tags=("a", "b"),
    )
    assert await the_run(store, record.id) == record
    assert await kinds(store, record.id) == ["QUEUED"]


async def end_by_success(store: Store) -> None:
    claimed = await claim_run(store, WORKER, NOW, kinds=tuple(RunKind))
    assert claimed is not None
    assert await finish_run(store, claimed.id, 1, WORKER, new_results(), NOW)


async def end_by_failure(store: Store) -> None:
    claimed = await claim_run(store, WORKER, NOW, kinds=tuple(RunKind))
    assert claimed is not None
    assert await fail_run(store, claimed.id, 1, WORKER, "NO_PERIODS", "none", NOW)


async def end_by_cancel(store: Store) -> None:
    claimed = await claim_run(store, WORKER, NOW, kinds=tuple(RunKind))
    assert claimed is not None
    await cancel_run(store, claimed.id, NOW)


async def only_start(store: Store) -> None:
    assert await claim_run(store, WORKER, NOW, kinds=tuple(RunKind))


async def do_nothing(store: Store) -> None:
    pass


@pytest.mark.parametrize(
    ("meanwhile", "reuses"),
    [
        (do_nothing, True),
        (only_start, True),
        (end_by_success, True),
        (end_by_failure, False),
        (end_by_cancel, False),
    ],
)
async def test_what_exists_is_reused_unless_it_failed_or_was_canceled(
    store: Store, meanwhile: Callable[[Store], Awaitable[None]], reuses: bool
) -> None:
    dataset_id = await add_sample_dataset(store)
    first = await launch(store, dataset_id)
    await meanwhile(store)
    second, reused = await launch_run(store, new_run(dataset_id), max_queued=10, now=later(9))
    assert reused is reuses
    assert (second.id == first.id) is reuses


async def test_a_forced_run_is_always_new_and_never_reused(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    forced = [await launch(store, dataset_id, forced=True) for _ in range(2)]
    plain = await launch(store, dataset_id)
    again = await launch(store, dataset_id)
    assert len({forced[0].id, forced[1].id, plain.id}) == 3
    assert again.id == plain.id


async def test_launching_the_same_at_once_makes_one_run(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    outcomes = await asyncio.gather(
        *(launch_run(store, new_run(dataset_id), max_queued=3, now=NOW) for _ in range(20))
    )
    assert len({record.id for record, _ in outcomes}) == 1
    assert [reused for _, reused in outcomes].count(False) == 1
    assert await kinds(store, outcomes[0][0].id) == ["QUEUED"]


async def test_a_full_queue_refuses_new_runs_but_returns_existing_ones(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    for name in ("a", "b"):
        await launch_run(store, new_run(dataset_id, identity_hash=name), max_queued=2, now=NOW)
    with pytest.raises(QueueFull, match="2 runs are waiting"):
        await launch_run(store, new_run(dataset_id, identity_hash="c"), max_queued=2, now=NOW)
    _, reused = await launch_run(store, new_run(dataset_id, identity_hash="a"), max_queued=2, now=NOW)
    assert reused
    assert await claim_run(store, WORKER, NOW, kinds=tuple(RunKind))
    await launch_run(store, new_run(dataset_id, identity_hash="c"), max_queued=2, now=NOW)


async def test_launching_at_once_never_overfills_the_queue(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    outcomes = await asyncio.gather(
        *(
            launch_run(store, new_run(dataset_id, identity_hash=str(i)), max_queued=5, now=NOW)
            for i in range(12)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, QueueFull) for outcome in outcomes) == 7


async def test_a_dataset_that_is_gone_cannot_be_computed_on(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    assert await delete_dataset(store, dataset_id, NOW)
    for missing in (dataset_id, dataset_id + 1):
        with pytest.raises(DatasetGone):
            await launch(store, missing)


async def test_ids_are_never_used_again(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    first = await succeeded(store, dataset_id)
    assert await delete_run(store, first.id)
    assert (await launch(store, dataset_id)).id > first.id


# -- claiming ----------------------------------------------------------------------------------------------


async def test_the_oldest_run_is_claimed_first(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    launched = [await launch(store, dataset_id, identity_hash=name) for name in "abc"]
    claimed = [await claim_run(store, WORKER, later(5), kinds=tuple(RunKind)) for _ in range(4)]
    assert [record and record.id for record in claimed] == [*(record.id for record in launched), None]
    record = claimed[0]
    assert record is not None
    assert record == await the_run(store, record.id)
    assert (record.status, record.attempt, record.claimed_by) == (RunStatus.RUNNING, 1, WORKER)
    assert record.started_at == record.heartbeat_at == later(5)
    assert await kinds(store, record.id) == ["QUEUED", "STARTED"]


async def test_an_idle_worker_takes_no_lock(store: Store) -> None:
    with counting_statements(store) as statements:
        assert await claim_run(store, WORKER, NOW, kinds=tuple(RunKind)) is None
    assert len(statements) == 1
    assert statements[0].startswith("SELECT")


async def test_tasks_claim_every_run_once(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    launched = {(await launch(store, dataset_id, identity_hash=str(i))).id for i in range(24)}
    claimed: list[int] = []

    async def work(worker: str) -> None:
        while (record := await claim_run(store, worker, NOW, kinds=tuple(RunKind))) is not None:
            claimed.append(record.id)
            assert await finish_run(store, record.id, record.attempt, worker, new_results(), NOW)

    await asyncio.gather(*(work(f"host:{i}:x") for i in range(6)))
    assert len(claimed) == 24
    assert set(claimed) == launched


async def test_heartbeats_of_all_claims_are_one_update(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    held = [await running(store, dataset_id, identity_hash=name) for name in "abcd"]
    await cancel_run(store, held[1].id, NOW)
    other = await launch(store, dataset_id, identity_hash="e")
    assert await claim_run(store, "host:2:x", NOW, kinds=tuple(RunKind))
    claims = [(held[0].id, 1), (held[1].id, 1), (held[2].id, 2), (held[3].id, 1), (other.id, 1), (999_999, 1)]
    with counting_statements(store) as statements:
        assert await heartbeat(store, claims, WORKER, later(30)) == {held[0].id, held[3].id}
    assert len([text for text in statements if text.startswith("UPDATE")]) == 1
    beats = {claim.run_id: claim.heartbeat_at for claim in await list_claims(store, tuple(RunKind))}
    assert beats[held[0].id] == later(30)
    assert beats[held[2].id] == later(1)
    assert beats[other.id] == NOW
    assert await heartbeat(store, [], WORKER, NOW) == set()


async def test_progress_is_reported_and_logged(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await running(store, dataset_id)
    assert await report_progress(store, record.id, 1, WORKER, 0.5, "weights", later(2))
    now = await the_run(store, record.id)
    assert (now.progress_fraction, now.progress_stage) == (0.5, "weights")
    (*_, event) = await read_events(store, after_id=0, run_id=record.id, limit=10)
    assert (event.kind, event.seq, event.progress_fraction, event.progress_stage, event.at) == (
        "PROGRESS",
        3,
        0.5,
        "weights",
        later(2),
    )
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="fraction"):
            await report_progress(store, record.id, 1, WORKER, wrong, "x", NOW)


# -- ending ------------------------------------------------------------------------------------------------


async def test_a_finished_run_has_results_status_and_event(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await succeeded(store, dataset_id)
    finished = await the_run(store, record.id)
    assert (finished.status, finished.finished_at) == (RunStatus.SUCCEEDED, later(2))
    assert (finished.progress_fraction, finished.progress_stage) == (1.0, "done")
    assert await kinds(store, record.id) == ["QUEUED", "STARTED", "SUCCEEDED"]
    assert set(await get_performance(store, [record.id])) == {record.id}


async def test_a_failed_run_says_why(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await running(store, dataset_id)
    assert await fail_run(store, record.id, 1, WORKER, "NO_PERIODS", "at most 12 assets", later(2))
    failed = await the_run(store, record.id)
    assert (failed.status, failed.finished_at) == (RunStatus.FAILED, later(2))
    assert (failed.failure_code, failed.failure_message) == ("NO_PERIODS", "at most 12 assets")
    (*_, event) = await read_events(store, after_id=0, run_id=record.id, limit=10)
    assert (event.kind, event.status, event.message) == ("FAILED", "FAILED", "at most 12 assets")


async def lose_by_cancel(store: Store, record: RunRecord) -> None:
    assert await cancel_run(store, record.id, later(3))


async def lose_by_retry(store: Store, record: RunRecord) -> None:
    (claim,) = await list_claims(store, tuple(RunKind))
    assert await retry_or_lose(store, claim, now=later(3)) is RunStatus.QUEUED


async def lose_to_the_next_attempt(store: Store, record: RunRecord) -> None:
    await lose_by_retry(store, record)
    assert await claim_run(store, WORKER, later(4), kinds=tuple(RunKind))


async def lose_by_deletion(store: Store, record: RunRecord) -> None:
    await lose_by_cancel(store, record)
    assert await delete_run(store, record.id)


@pytest.mark.parametrize("lose", [lose_by_cancel, lose_by_retry, lose_to_the_next_attempt, lose_by_deletion])
async def test_a_lost_claim_writes_nothing(
    store: Store, lose: Callable[[Store, RunRecord], Awaitable[None]]
) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await running(store, dataset_id)
    await lose(store, record)
    before = await get_runs(store, [record.id]), await kinds(store, record.id)
    assert not await finish_run(store, record.id, 1, WORKER, new_results(), later(5))
    assert not await fail_run(store, record.id, 1, WORKER, "X", "x", later(5))
    assert not await report_progress(store, record.id, 1, WORKER, 0.9, "x", later(5))
    assert await heartbeat(store, [(record.id, 1)], WORKER, later(5)) == set()
    assert (await get_runs(store, [record.id]), await kinds(store, record.id)) == before
    for table in (Performance, Series, Composition):
        assert await rows_of(store, table) == 0


async def test_another_worker_cannot_finish_a_claim(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await running(store, dataset_id)
    assert not await finish_run(store, record.id, 1, "other:1:x", new_results(), NOW)
    assert (await the_run(store, record.id)).status is RunStatus.RUNNING


async def test_results_that_cannot_be_stored_leave_the_run_as_it_was(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await running(store, dataset_id)
    results = new_results()
    twice = replace(results, series=(*results.series, results.series[0]))
    with pytest.raises(Exception, match=r"(?i)unique"):
        await finish_run(store, record.id, 1, WORKER, twice, later(5))
    assert (await the_run(store, record.id)).status is RunStatus.RUNNING
    assert await kinds(store, record.id) == ["QUEUED", "STARTED"]
    for table in (Performance, Series, Composition):
        assert await rows_of(store, table) == 0
    assert await finish_run(store, record.id, 1, WORKER, results, later(6))


async def test_finishing_and_canceling_at_once_has_one_winner(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    for turn in range(8):
        record = await running(store, dataset_id, identity_hash=str(turn))
        finished, canceled = await asyncio.gather(
            finish_run(store, record.id, 1, WORKER, new_results(), NOW), cancel_run(store, record.id, NOW)
        )
        assert canceled is not None
        assert finished is not canceled[1]
        assert bool(await get_performance(store, [record.id])) is finished
        assert len(await kinds(store, record.id)) == 3


# -- recovering --------------------------------------------------------------------------------------------


async def test_a_lost_run_is_retried_and_given_up_after_three_attempts(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await launch(store, dataset_id)
    for attempt in (1, 2, 3):
        claimed = await claim_run(store, WORKER, later(attempt), kinds=tuple(RunKind))
        assert claimed is not None
        assert claimed.attempt == attempt
        (claim,) = await list_claims(store, tuple(RunKind))
        assert claim == Claim(
            run_id=record.id, claimed_by=WORKER, attempt=attempt, heartbeat_at=later(attempt)
        )
        status = await retry_or_lose(store, claim, now=later(10))
        assert status is (RunStatus.FAILED if attempt == 3 else RunStatus.QUEUED)
    lost = await the_run(store, record.id)
    assert (lost.status, lost.failure_code) == (RunStatus.FAILED, "WORKER_LOST")
    assert await kinds(store, record.id) == [
        "QUEUED",
        *("STARTED", "RETRIED"),
        *("STARTED", "RETRIED"),
        *("STARTED", "FAILED"),
    ]


async def test_what_a_stopping_worker_puts_back_is_no_loss(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await launch(store, dataset_id)
    statuses = []
    for give in (put_back, put_back, retry_or_lose, put_back, retry_or_lose, put_back, retry_or_lose):
        assert await claim_run(store, WORKER, NOW, kinds=tuple(RunKind)) is not None
        (claim,) = await list_claims(store, tuple(RunKind))
        assert await give(store, claim, now=NOW)
        statuses.append((await the_run(store, record.id)).status)
    assert statuses == [RunStatus.QUEUED] * 6 + [RunStatus.FAILED]
    lost = await the_run(store, record.id)
    assert (lost.failure_code, lost.attempt) == ("WORKER_LOST", 7)
    assert lost.failure_message == f"the worker {WORKER} was lost (3 of 3)"


async def test_a_claim_that_shows_life_is_not_put_back_either(store: Store) -> None:
    record = await running(store, await add_sample_dataset(store))
    (claim,) = await list_claims(store, tuple(RunKind))
    await heartbeat(store, [(record.id, 1)], WORKER, later(60))
    assert not await put_back(store, claim, now=later(61))
    assert await kinds(store, record.id) == ["QUEUED", "STARTED"]


async def test_only_runs_of_the_engines_version_are_claimed_and_fetches(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    old = await launch(store, dataset_id, identity_hash="a", engine_version="1")
    ours = await launch(store, dataset_id, identity_hash="b", engine_version="2")
    fetch, _ = await launch_run(
        store,
        new_run(None, kind=RunKind.FETCH, subject=None, engine_version=None, identity_hash="c"),
        max_queued=9,
        now=NOW,
    )
    claimed = [
        await claim_run(store, WORKER, NOW, engine_version="2", kinds=tuple(RunKind)) for _ in range(3)
    ]
    assert [one and one.id for one in claimed] == [ours.id, fetch.id, None]
    assert (await the_run(store, old.id)).status is RunStatus.QUEUED


async def test_what_waits_for_another_engine_takes_no_room_in_the_queue(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    for number in range(3):
        await launch(store, dataset_id, identity_hash=f"old {number}", engine_version="1")
    new = new_run(dataset_id, engine_version="2", identity_hash="a")
    await launch_run(store, new, max_queued=1, now=NOW)
    with pytest.raises(QueueFull):
        await launch_run(store, replace(new, identity_hash="b"), max_queued=1, now=NOW)


async def test_workers_that_look_at_once_all_find_runs_of_different_datasets(store: Store) -> None:
    for number in range(4):
        dataset_id = await add_sample_dataset(store, name=f"d{number}", fingerprint=f"f{number}")
        await launch(store, dataset_id, identity_hash=str(number))
    claimed = await asyncio.gather(
        *(claim_run(store, f"w{number}:1:1", NOW, kinds=tuple(RunKind)) for number in range(4))
    )
    assert None not in claimed
    assert len({one.id for one in claimed}) == 4


async def test_runs_whose_data_is_elsewhere_are_left_to_others(store: Store) -> None:
    here = await add_sample_dataset(store, name="here", fingerprint="here")
    elsewhere = await add_sample_dataset(store, name="elsewhere", fingerprint="elsewhere")
    wanted = [
        await launch(store, dataset_id, identity_hash=str(number))
        for number, dataset_id in enumerate((elsewhere, here, elsewhere, here))
    ]
    claims = partial(
        claim_run,
        store,
        WORKER,
        NOW,
        kinds=tuple(RunKind),
        has_data=lambda fingerprint: fingerprint == "here",
    )
    claimed = [await claims() for _ in range(3)]
    assert [one and one.id for one in claimed] == [wanted[1].id, wanted[3].id, None]
    others = [await claim_run(store, WORKER, NOW, kinds=tuple(RunKind)) for _ in range(3)]
    assert [one and one.id for one in others] == [wanted[0].id, wanted[2].id, None]


async def test_a_requeued_run_is_as_if_never_started(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await running(store, dataset_id)
    await report_progress(store, record.id, 1, WORKER, 0.7, "x", NOW)
    (claim,) = await list_claims(store, tuple(RunKind))
    await retry_or_lose(store, claim, now=NOW)
    again = await the_run(store, record.id)
    assert again == replace(await launch(store, dataset_id), attempt=1)
    assert (again.claimed_by, again.heartbeat_at, again.started_at, again.progress_fraction) == (
        None,
        None,
        None,
        0.0,
    )


async def test_a_claim_that_shows_life_is_not_taken_away(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await running(store, dataset_id)
    (claim,) = await list_claims(store, tuple(RunKind))
    assert await heartbeat(store, [(record.id, 1)], WORKER, later(60))
    assert await retry_or_lose(store, claim, now=later(61)) is None
    assert (await the_run(store, record.id)).status is RunStatus.RUNNING


async def test_several_recoverers_retry_once(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await running(store, dataset_id)
    (claim,) = await list_claims(store, tuple(RunKind))
    outcomes = await asyncio.gather(*(retry_or_lose(store, claim, now=NOW) for _ in range(6)))
    assert sorted(outcomes, key=str) == [None] * 5 + [RunStatus.QUEUED]
    assert await kinds(store, record.id) == ["QUEUED", "STARTED", "RETRIED"]


# -- canceling, deleting, annotating -----------------------------------------------------------------------


async def test_queued_and_running_runs_are_canceled_at_once_terminal_ones_stay(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    started = await running(store, dataset_id, identity_hash="a")
    queued = await launch(store, dataset_id, identity_hash="b")
    for record in (started, queued):
        outcome = await cancel_run(store, record.id, later(9))
        assert outcome is not None
        assert outcome[1]
        assert (outcome[0].status, outcome[0].finished_at) == (RunStatus.CANCELED, later(9))
        assert outcome[0] == await the_run(store, record.id)
        again = await cancel_run(store, record.id, later(10))
        assert again == (outcome[0], False)
        assert (await kinds(store, record.id))[-1] == "CANCELED"
        assert (await kinds(store, record.id)).count("CANCELED") == 1
    assert await claim_run(store, WORKER, NOW, kinds=tuple(RunKind)) is None
    assert await cancel_run(store, 999_999, NOW) is None


async def test_deleting_takes_results_tags_and_events_along(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    kept = await succeeded(store, dataset_id, identity_hash="kept", tags=("k",))
    record = await succeeded(store, dataset_id, tags=("x", "y"))
    outcome = await delete_run(store, record.id)
    assert outcome is not None
    assert (outcome[0].id, outcome[1]) == (record.id, True)
    assert await get_runs(store, [record.id, kept.id]) == {kept.id: await the_run(store, kept.id)}
    assert await kinds(store, record.id) == []
    assert await get_series(store, [record.id], ["FACTOR"]) == {}
    remaining = [await rows_of(store, table) for table in (Performance, Series, Composition, RunTag)]
    assert remaining == [1, 3, 2, 1]
    assert await delete_run(store, record.id) is None


async def test_a_live_run_is_not_deleted(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await launch(store, dataset_id)
    assert await delete_run(store, record.id) == (record, False)
    assert await the_run(store, record.id) == record


async def test_tags_and_note_are_replaced_each_by_itself(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await launch(store, dataset_id, tags=("a", "b"), note="first")
    changed = await annotate_run(store, record.id, tags=("c", "b"))
    assert changed == replace(record, tags=("b", "c"))
    changed = await annotate_run(store, record.id, note="second")
    assert changed == replace(record, tags=("b", "c"), note="second")
    changed = await annotate_run(store, record.id, tags=(), note=None)
    assert changed == replace(record, tags=(), note=None) == await the_run(store, record.id)
    assert await annotate_run(store, record.id) == changed
    assert await annotate_run(store, 999_999, note="x") is None


async def test_replacing_tags_at_once_leaves_one_of_the_sets(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    record = await launch(store, dataset_id)
    sets = [(f"a{i}", f"b{i}", "same") for i in range(8)]
    await asyncio.gather(*(annotate_run(store, record.id, tags=tags) for tags in sets))
    assert (await the_run(store, record.id)).tags in sets
