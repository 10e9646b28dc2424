"""Lost claims are found; claims that live are left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.execution.recovery import Recovery
from app.execution.worker.identity import worker_id
from db.records import RunKind, RunStatus
from db.runs.queue import claim_run, heartbeat
from tests.app.execution.queueing import now, queue, run_of
from tests.newer_store import make_unknown

ME = "here:1:1"


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recovery(clock) -> Recovery:
    return Recovery(30.0, tuple(RunKind), clock)


async def test_a_dead_local_claim_goes_back_into_the_queue_at_once(store, recovery):
    run = await queue(store, "succeed")
    await claim_run(store, f"{worker_id()}0", now(), kinds=tuple(RunKind))
    assert await recovery.recover(store, (), ME) == 1
    run = await run_of(store, run.id)
    assert (run.status, run.claimed_by) == (RunStatus.QUEUED, None)


async def test_a_run_lost_three_times_is_given_up(store, recovery):
    run = await queue(store, "succeed")
    for _ in range(3):
        assert (await run_of(store, run.id)).status is RunStatus.QUEUED
        await claim_run(store, f"{worker_id()}0", now(), kinds=tuple(RunKind))
        assert await recovery.recover(store, (), ME) == 1
    run = await run_of(store, run.id)
    assert (run.status, run.failure_code) == (RunStatus.FAILED, "WORKER_LOST")


async def test_a_remote_claim_is_lost_when_its_heartbeat_stands_still_by_this_clock(store, recovery, clock):
    await queue(store, "succeed")
    await claim_run(
        store, "elsewhere:1:1", now() - timedelta(hours=1), kinds=tuple(RunKind)
    )  # that host's clock is wrong
    assert await recovery.recover(store, (), ME) == 0
    clock.seconds += 29
    assert await recovery.recover(store, (), ME) == 0
    clock.seconds += 1
    assert await recovery.recover(store, (), ME) == 1


async def test_a_heartbeat_starts_the_wait_anew(store, recovery, clock):
    run = await queue(store, "succeed")
    await claim_run(store, "elsewhere:1:1", now(), kinds=tuple(RunKind))
    for _ in range(4):
        assert await recovery.recover(store, (), ME) == 0
        clock.seconds += 20
        assert await heartbeat(store, [(run.id, 1)], "elsewhere:1:1", now()) == {run.id}


async def test_a_living_local_process_is_given_the_same_time(store, recovery, clock):
    await queue(store, "succeed")
    await claim_run(store, worker_id(), now(), kinds=tuple(RunKind))
    assert await recovery.recover(store, (), ME) == 0
    clock.seconds += 30
    assert await recovery.recover(store, (), ME) == 1


async def test_what_is_in_flight_here_is_never_lost(store, recovery, clock):
    run = await queue(store, "succeed")
    await claim_run(store, ME, now(), kinds=tuple(RunKind))
    for _ in range(2):
        assert await recovery.recover(store, {(run.id, 1)}, ME) == 0
        clock.seconds += 60
    assert await recovery.recover(store, (), ME) == 1


async def test_a_lost_run_of_an_unknown_kind_is_left_to_who_knows_it(store, recovery, clock):
    run = await queue(store, "succeed")
    await claim_run(store, f"{worker_id()}0", now(), kinds=tuple(RunKind))
    run = await make_unknown(store, run)
    assert await recovery.recover(store, (), ME) == 0
    clock.seconds += 31
    assert await recovery.recover(store, (), ME) == 0
    assert await run_of(store, run.id) == run
