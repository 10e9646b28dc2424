"""A server that is killed, again and again, loses no run that it acknowledged and leaves no process."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from db.records import RunKind, RunStatus
from db.runs.queue import list_claims
from db.runs.results import composition_dates, get_compositions, get_performance, get_series
from db.store import Store
from tests.app.execution.processes import children_of, eventually, members_of_session
from tests.app.execution.queueing import ended, events_of, run_of

pytestmark = pytest.mark.slow

ROUNDS = 5


class Server:
    """A process of `tests.app.execution.server`, and the runs that it has acknowledged."""

    def __init__(self, store_url: str, data_dir: Path, launches: int) -> None:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = [
            sys.executable,
            "-m",
            "tests.app.execution.server",
            store_url,
            str(data_dir),
            str(launches),
        ]
        self._errors = data_dir / "errors.txt"
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                command,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self.acknowledged: dict[int, int] = {}
        word, forkserver = self.process.stdout.readline().split()
        assert word == "ready"
        self.forkserver = int(forkserver)
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            if line.endswith("\n"):  # a line that was cut off acknowledges nothing
                _, run_id, seed = line.split()
                self.acknowledged[int(run_id)] = int(seed)

    def end_by(self, number: int) -> str:
        """What was written to standard error until a signal ended it, sent to its group as by a terminal."""
        os.killpg(self.process.pid, number)
        self.process.wait(20)
        self._reading.join()
        self.process.stdout.close()
        return self._errors.read_text()


async def assert_whole(store: Store, run_id: int, seed: int) -> None:
    """A succeeded run has all of its results, once."""
    periods = (await get_performance(store, [run_id]))[run_id].num_periods
    series = await get_series(store, [run_id], ["FACTOR", "LONG", "SHORT"])
    assert len(series) == 3
    for record in series.values():
        assert len(record.values) == periods
        assert record.values[0] == seed
    assert len((await composition_dates(store, [run_id]))[run_id]) == periods
    latest = (await get_compositions(store, [(run_id, None)]))[run_id, None]
    assert latest.long.weights.tolist() == latest.short.weights.tolist() == [0.5, 0.5]
    kinds = [event.kind for event in await events_of(store, run_id)]
    assert kinds.count("SUCCEEDED") == 1
    assert kinds[-1] == "SUCCEEDED"


async def test_no_acknowledged_run_is_lost_when_the_server_is_killed_again_and_again(store_url, tmp_path):
    moments = random.Random(7)
    acknowledged: dict[int, int] = {}
    for _ in range(ROUNDS):
        server = Server(store_url, tmp_path, launches=1000)
        assert eventually(lambda server=server: children_of(server.forkserver))
        time.sleep(moments.uniform(0.2, 0.6))  # noqa: ASYNC251
        assert "Traceback" not in server.end_by(signal.SIGKILL)
        assert eventually(lambda server=server: not members_of_session(server.forkserver))
        acknowledged |= server.acknowledged
    assert len(acknowledged) > ROUNDS

    async with await Store.open(store_url, migrate=False) as store:
        last = Server(store_url, tmp_path, launches=0)
        try:
            runs = [await ended(store, run_id, seconds=60) for run_id in acknowledged]
        finally:
            last.end_by(signal.SIGKILL)
        assert any(run.attempt > 1 for run in runs), "no kill met a run on its way"
        for run in runs:
            if run.status is RunStatus.SUCCEEDED:
                await assert_whole(store, run.id, acknowledged[run.id])
            else:
                assert (run.status, run.failure_code, run.attempt) == (RunStatus.FAILED, "WORKER_LOST", 3)
    assert eventually(lambda: not members_of_session(last.forkserver))


async def test_ctrl_c_puts_the_runs_back_without_a_word_from_any_process(store_url, tmp_path):
    server = Server(store_url, tmp_path, launches=1000)
    assert eventually(lambda: len(server.acknowledged) >= 4)
    assert "Traceback" not in server.end_by(signal.SIGINT)
    assert server.process.returncode == 130
    assert not members_of_session(server.forkserver)
    async with await Store.open(store_url, migrate=False) as store:
        assert await list_claims(store, tuple(RunKind)) == []
        statuses = {(await run_of(store, run_id)).status for run_id in server.acknowledged}
    assert statuses <= {RunStatus.SUCCEEDED, RunStatus.QUEUED}
