"""What executors, on either database, have to do with each other and with other processes."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from app.execution.worker.identity import worker_id
from db.records import RunEventKind, RunKind, RunStatus
from db.runs.queue import cancel_run, claim_run
from db.runs.results import get_performance, get_series
from db.store import Store
from tests.app.execution.queueing import (
    BRISK,
    becomes,
    ended,
    events_of,
    executing,
    gone,
    now,
    only_child_of,
    queue,
    run_of,
    settings_for,
)
from tests.stores import on_both_databases as pytest_generate_tests  # noqa: F401


@pytest.fixture
def settings(store_url, tmp_path):
    return settings_for(store_url, tmp_path, max_concurrent_runs=2)


async def test_a_queued_run_is_computed_and_stored(store, settings):
    run = await queue(store, "succeed", seed=3)
    async with executing(store, settings):
        run = await ended(store, run.id)
    assert run.status is RunStatus.SUCCEEDED
    assert run.attempt == 1
    series = await get_series(store, [run.id], ["FACTOR"])
    assert series[run.id, "FACTOR"].values.tolist() == [3.0, 3.01, 3.02, 3.03]
    assert (await get_performance(store, [run.id]))[run.id].num_periods == 4
    kinds = [event.kind for event in await events_of(store, run.id)]
    assert kinds == [RunEventKind.QUEUED, RunEventKind.STARTED, RunEventKind.SUCCEEDED]


async def test_progress_of_a_slow_run_is_written_down(store, settings):
    run = await queue(store, "sleep", seconds=0.4)
    async with executing(store, settings):
        running = await becomes(store, run.id, lambda run: run.progress_stage == "Sleeping")
        assert running.progress_fraction == 0.5
        assert (await ended(store, run.id)).status is RunStatus.SUCCEEDED


async def test_two_executors_share_a_queue_without_doing_anything_twice(store, store_url, settings):
    runs = [await queue(store, "succeed", seed=number) for number in range(24)]
    timing = replace(BRISK, stale=30.0)  # on a busy machine no run counts as lost
    async with (
        await Store.open(store_url, migrate=False) as other_store,
        executing(store, settings, timing=timing),
        executing(other_store, settings, timing=timing),
    ):
        finished = [await ended(store, run.id) for run in runs]
    assert {run.status for run in finished} == {RunStatus.SUCCEEDED}
    assert {run.attempt for run in finished} == {1}
    for number, run in enumerate(runs):
        kinds = [event.kind for event in await events_of(store, run.id)]
        assert kinds == [RunEventKind.QUEUED, RunEventKind.STARTED, RunEventKind.SUCCEEDED]
        series = await get_series(store, [run.id], ["FACTOR"])
        assert series[run.id, "FACTOR"].values[0] == number


async def test_a_run_canceled_by_another_process_is_noticed_by_the_heartbeat(store, settings):
    run = await queue(store, "sleep")
    async with executing(store, settings, timing=replace(BRISK, progress=60.0)) as executor:
        child = await only_child_of(executor)
        await cancel_run(store, run.id, now())
        assert await gone(child)
    assert (await run_of(store, run.id)).status is RunStatus.CANCELED


async def test_heartbeats_go_on_while_the_event_loop_is_blocked(store, settings):
    run = await queue(store, "sleep")
    async with executing(store, settings) as executor:
        await only_child_of(executor)
        blocked_since = now()
        time.sleep(3.0)  # noqa: ASYNC251
        assert (await run_of(store, run.id)).heartbeat_at > blocked_since


async def test_the_run_of_a_dead_server_is_computed_again(store, settings):
    run = await queue(store, "succeed")
    await claim_run(store, f"{worker_id()}0", now(), kinds=tuple(RunKind))
    async with executing(store, settings, timing=replace(BRISK, stale=60.0, recovery=60.0)):
        run = await ended(store, run.id)
    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 2)
    kinds = [event.kind for event in await events_of(store, run.id)]
    assert kinds[2] == RunEventKind.RETRIED
