"""Runs that a server finishes, in its CSV logs: each once, and no failure of the log is one of the run."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.execution.executor import RunExecutor
from app.features.legacy.csv_log import CsvLog
from db.records import RunStatus
from db.store import Store
from tests.app.execution.queueing import ACTING, BRISK, ended, queue, settings_for
from tests.db.samples import add_sample_dataset, swept


@asynccontextmanager
async def logging_executor(store, settings, folder):
    executor = RunExecutor(
        store,
        settings,
        lambda: None,
        on_succeeded=CsvLog(store, folder).append,
        computation=ACTING,
        timing=BRISK,
    )
    await executor.start()
    try:
        yield executor
    finally:
        await executor.stop()


@pytest.fixture
def settings(store_url: str, tmp_path: Path):
    return settings_for(store_url, tmp_path / "data", max_concurrent_runs=2)


async def test_each_run_is_logged_once_by_the_server_that_finished_it(store, store_url, settings, tmp_path):
    runs = [await queue(store, "succeed", seed=number) for number in range(12)]
    failing = await queue(store, "refuse")
    logs = tmp_path / "logs"
    async with (
        await Store.open(store_url, migrate=False) as other_store,
        logging_executor(store, settings, logs),
        logging_executor(other_store, settings, logs),
    ):
        for run in (*runs, failing):
            await ended(store, run.id)
    lines = (logs / "smb.csv").read_text().splitlines()
    assert len(lines) == 1 + len(runs)
    assert len({line.split(",")[0] for line in lines}) == len(lines)
    assert len(list(logs.glob("smb_*_returns.csv"))) == len(runs)


async def test_a_log_that_cannot_be_written_fails_no_run(store, settings, tmp_path, caplog):
    blocked = tmp_path / "a file"
    blocked.write_text("no folder")
    run = await queue(store, "succeed", seed=1)
    with caplog.at_level(logging.ERROR):
        async with logging_executor(store, settings, blocked):
            assert (await ended(store, run.id)).status is RunStatus.SUCCEEDED
    assert f"run {run.id} could not be appended" in caplog.text


async def test_only_factor_runs_are_logged(store, tmp_path, caplog):
    run = await swept(store, await add_sample_dataset(store))
    with caplog.at_level(logging.ERROR):
        await CsvLog(store, tmp_path).append(run.id)
        await CsvLog(store, tmp_path).append(10**6)
    assert not list(tmp_path.glob("*.csv"))
    assert not caplog.text
