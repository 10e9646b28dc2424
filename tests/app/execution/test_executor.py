"""Queued runs reach their right end, once, whatever happens to their processes."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
from dataclasses import replace

import pytest
import uvloop

from app.execution import attempt as attempts
from app.execution.executor import RunExecutor
from app.execution.worker.identity import worker_id
from app.execution.worker.launcher import ForkserverLost
from db.errors import StoreUnavailable
from db.records import RunEventKind, RunKind, RunStatus
from db.runs.queue import cancel_run, claim_run, list_claims
from db.store import Store
from tests.app.execution.processes import lives
from tests.app.execution.queueing import (
    ACTING,
    BRISK,
    becomes,
    ended,
    events_of,
    executing,
    forkserver_of,
    gone,
    now,
    only_child_of,
    queue,
    run_of,
    settings_for,
)


@pytest.fixture
def settings(store_url, tmp_path):
    return settings_for(store_url, tmp_path, max_concurrent_runs=2)


# -- ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "options", "code", "message"),
    [
        ("refuse", {}, "NO_PERIODS", "at most 3 assets were eligible, 30 are needed"),
        ("miss_files", {}, "DATASET_UNAVAILABLE", "the files of dataset 'x' are gone (ingest it again)"),
        (
            "crash",
            {"signal": "SIGKILL"},
            "COMPUTATION_CRASHED",
            "was killed by SIGKILL; the machine may have",
        ),
        ("exit_silently", {"code": 3}, "COMPUTATION_CRASHED", "ended without a result (exit code 3)"),
        ("allocate", {"megabytes": 400}, "OUT_OF_MEMORY", "more than the 256 MB it may use"),
    ],
)
async def test_what_a_computation_ends_with_is_the_run_s_failure(
    store, settings, act, options, code, message
):
    run = await queue(store, act, **options)
    async with executing(store, settings.model_copy(update={"run_memory_mb": 256})):
        run = await ended(store, run.id)
    assert (run.status, run.failure_code, run.attempt) == (RunStatus.FAILED, code, 1)
    assert message in run.failure_message


async def test_a_fault_of_the_program_is_shown_as_an_error_id_that_the_log_explains(store, settings, caplog):
    run = await queue(store, "have_a_fault")
    async with executing(store, settings):
        run = await ended(store, run.id)
    assert run.failure_code == "INTERNAL_ERROR"
    assert "secret" not in run.failure_message
    error_id = run.failure_message.rpartition("error id ")[2].rstrip(")")
    (entry,) = [record.getMessage() for record in caplog.records if error_id in record.getMessage()]
    assert "RuntimeError: a secret detail" in entry


async def test_a_result_that_makes_no_sense_is_a_fault_of_the_program(store, settings):
    run = await queue(store, "allocate", megabytes=1)  # arrays, but not those of a factor
    async with executing(store, settings):
        run = await ended(store, run.id)
    assert run.failure_code == "INTERNAL_ERROR"


async def test_a_run_over_its_time_is_ended(store, settings):
    run = await queue(store, "stay_busy_in_numpy")
    async with executing(store, settings.model_copy(update={"run_timeout_seconds": 0.4})):
        run = await ended(store, run.id)
        assert (run.status, run.failure_code) == (RunStatus.FAILED, "TIMED_OUT")
        assert run.failure_message == "the computation took longer than 0.4 seconds"
        after = await queue(store, "succeed")
        assert (await ended(store, after.id)).status is RunStatus.SUCCEEDED


# -- queueing ----------------------------------------------------------------------------------------------


async def test_a_notified_executor_does_not_wait_for_its_next_look(store, settings):
    async with executing(store, settings, timing=replace(BRISK, poll=60.0)) as executor:
        run = await queue(store, "succeed")
        executor.notify()
        assert (await ended(store, run.id, seconds=5)).status is RunStatus.SUCCEEDED


async def test_runs_queued_elsewhere_are_found(store, settings):
    async with executing(store, settings):
        run = await queue(store, "succeed")
        assert (await ended(store, run.id)).status is RunStatus.SUCCEEDED


async def test_no_more_runs_than_allowed_run_at_once(store, settings):
    runs = [await queue(store, "sleep", seconds=0.3) for _ in range(4)]
    most = 0
    async with executing(store, settings) as executor:
        while not all([(await run_of(store, run.id)).status.is_terminal for run in runs]):
            most = max(most, len(await list_claims(store, tuple(RunKind))))
            assert executor.running_count <= 2
            await asyncio.sleep(0.01)
    assert most == 2


async def test_every_change_is_announced(store, settings):
    announced = []
    executor = RunExecutor(store, settings, lambda: announced.append(1), computation=ACTING, timing=BRISK)
    await executor.start()
    run = await queue(store, "succeed")
    await ended(store, run.id)
    await executor.stop()
    assert len(announced) >= 2


# -- canceling ---------------------------------------------------------------------------------------------


async def test_canceling_kills_the_computation_at_once(store, settings):
    run = await queue(store, "sleep")
    async with executing(store, settings, timing=replace(BRISK, heartbeat=60.0)) as executor:
        child = await only_child_of(executor)
        await cancel_run(store, run.id, now())
        executor.kill(run.id)
        assert await gone(child)
        await becomes(store, run.id, lambda _: executor.running_count == 0)
    assert (await run_of(store, run.id)).status is RunStatus.CANCELED


# -- heartbeats and recovery -------------------------------------------------------------------------------


async def test_the_run_of_a_server_that_dies_later_is_computed_again(store, settings):
    async with executing(store, settings, timing=replace(BRISK, stale=60.0)) as executor:
        # Claimed by nobody that lives, when the executor has already looked for such.
        run = await queue(store, "succeed")
        await claim_run(store, f"{worker_id()}0", now(), kinds=tuple(RunKind))
        executor.notify()
        assert (await ended(store, run.id)).status is RunStatus.SUCCEEDED


async def test_a_run_whose_forkserver_died_with_it_is_computed_again(store, settings, tmp_path):
    run = await queue(store, "die_once", marker=str(tmp_path / "marker"))
    async with executing(store, settings):
        run = await ended(store, run.id)
    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 2)


async def test_a_killed_forkserver_costs_no_run(store, settings):
    run = await queue(store, "sleep", seconds=0.4)
    async with executing(store, settings) as executor:
        await only_child_of(executor)
        os.kill(forkserver_of(executor), signal.SIGKILL)
        after = await queue(store, "succeed")
        assert (await ended(store, after.id)).status is RunStatus.SUCCEEDED
        run = await ended(store, run.id)
    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 1)


# -- a store that fails ------------------------------------------------------------------------------------


def failing(times: int, write, error: Exception, *, after_commit: bool = False):
    """`write`, but its first calls raise: before anything was written, or after all of it was."""
    calls = 0

    async def failing_write(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls > times:
            return await write(*arguments, **options)
        if after_commit:
            await write(*arguments, **options)
        raise error

    return failing_write


@pytest.mark.parametrize("after_commit", [False, True])
async def test_a_result_waits_for_a_store_that_is_away_for_a_moment(
    store, settings, monkeypatch, after_commit
):
    away = failing(3, attempts.finish_run, StoreUnavailable("database is locked"), after_commit=after_commit)
    monkeypatch.setattr(attempts, "finish_run", away)
    run = await queue(store, "succeed", seed=5)
    async with executing(store, settings):
        run = await ended(store, run.id)
    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 1)
    kinds = [event.kind for event in await events_of(store, run.id)]
    assert kinds == [RunEventKind.QUEUED, RunEventKind.STARTED, RunEventKind.SUCCEEDED]


async def test_a_result_that_a_store_does_not_take_for_long_is_computed_again(store, settings, monkeypatch):
    tries = len(BRISK.commit_retries) + 1
    away = failing(tries, attempts.finish_run, StoreUnavailable("disk is full", "free some space"))
    monkeypatch.setattr(attempts, "finish_run", away)
    run = await queue(store, "succeed")
    async with executing(store, settings):
        run = await ended(store, run.id)
    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 2)


async def test_a_result_that_cannot_be_stored_at_all_is_a_fault_of_the_program(store, settings, monkeypatch):
    monkeypatch.setattr(attempts, "finish_run", failing(9, attempts.finish_run, RuntimeError("a mistake")))
    run = await queue(store, "succeed")
    async with executing(store, settings):
        run = await ended(store, run.id)
    assert (run.status, run.failure_code, run.attempt) == (RunStatus.FAILED, "INTERNAL_ERROR", 1)


async def test_a_fault_while_following_a_computation_ends_it(store, settings, monkeypatch):
    monkeypatch.setattr(
        attempts, "report_progress", failing(9, attempts.report_progress, RuntimeError("a mistake"))
    )
    run = await queue(store, "sleep", seconds=60)
    async with executing(store, settings) as executor:
        child = await only_child_of(executor)
        run = await ended(store, run.id)
        assert await gone(child)
    assert (run.status, run.failure_code) == (RunStatus.FAILED, "INTERNAL_ERROR")


# -- stopping ----------------------------------------------------------------------------------------------


async def test_stopping_lets_short_runs_end(store, settings):
    run = await queue(store, "sleep", seconds=0.3)
    async with executing(store, settings, timing=replace(BRISK, stop_grace=10.0)) as executor:
        await only_child_of(executor)
    assert (await run_of(store, run.id)).status is RunStatus.SUCCEEDED


async def test_stopping_puts_long_runs_back_and_never_as_their_last_attempt(store, settings):
    run = await queue(store, "sleep", seconds=60)
    waiting = await queue(store, "sleep", seconds=60)
    for attempt in range(1, 5):
        async with executing(store, settings.model_copy(update={"max_concurrent_runs": 1})) as executor:
            child, forkserver = await only_child_of(executor), forkserver_of(executor)
        assert not lives(child)
        assert not lives(forkserver)
        put_back = await run_of(store, run.id)
        assert (put_back.status, put_back.attempt) == (RunStatus.QUEUED, attempt)
    assert (await run_of(store, waiting.id)).attempt == 0


async def test_stopping_does_not_wait_for_ever_for_a_store_that_is_away(store, settings, monkeypatch):
    monkeypatch.setattr(attempts, "put_back", failing(99, attempts.put_back, StoreUnavailable("away")))
    run = await queue(store, "sleep")
    async with asyncio.timeout(30):
        timing = replace(BRISK, commit_retries=(60.0,), stop_limit=0.2)
        async with executing(store, settings, timing=timing) as executor:
            child, forkserver = await only_child_of(executor), forkserver_of(executor)
    assert not lives(child)
    assert not lives(forkserver)
    assert (await run_of(store, run.id)).status is RunStatus.RUNNING  # until it is found to be lost


async def test_a_run_that_is_claimed_too_late_while_stopping_goes_back_and_is_no_loss(
    store, settings, monkeypatch
):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(*arguments, **options):
        begun.set()
        await go_on.wait()
        return await claim_run(*arguments, **options)

    monkeypatch.setattr("app.execution.executor.claim_run", slowly)
    run = await queue(store, "succeed")
    async with executing(store, settings, timing=replace(BRISK, stop_limit=0.3)):
        await begun.wait()
        asyncio.get_running_loop().call_later(0.4, go_on.set)
    assert (await run_of(store, run.id)).status is RunStatus.QUEUED
    assert [event.message for event in await events_of(store, run.id)][2].endswith(" stopped")


async def test_stopping_twice_or_with_nothing_to_do_is_quiet(store, settings, caplog):
    with caplog.at_level(logging.WARNING):
        async with executing(store, settings) as executor:
            pass
        await executor.stop()
    assert caplog.records == []


async def test_an_executor_whose_computation_cannot_be_loaded_does_not_start(store, settings):
    executor = RunExecutor(store, settings, lambda: None, computation="no.such_module", timing=BRISK)
    with pytest.raises(ForkserverLost):
        await executor.start()
    assert await gone(executor._launcher.forkserver_pid or 0)
    await executor.stop()


def test_uvloop_may_be_the_loop(migrated_file, tmp_path):
    path = tmp_path / "factorql.db"
    shutil.copyfile(migrated_file, path)
    settings = settings_for(f"sqlite:///{path}", tmp_path)

    async def compute() -> RunStatus:
        async with await Store.open(settings.store_url, migrate=False) as store, executing(store, settings):
            run = await queue(store, "succeed", periods=500, assets=100)
            return (await ended(store, run.id)).status

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(compute()) is RunStatus.SUCCEEDED
