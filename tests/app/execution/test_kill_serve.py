"""`factorql serve`, killed while it computes what clients launch over HTTP, keeps its word to them."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.app.execution.processes import children_of, eventually, members_of_session

LAUNCH = """
mutation ($lookback: Int!) {
  computeFactor(input: {force: true, spec: {momentum: {
    lookbackPeriods: $lookback, minAssets: 5, marketCapThreshold: null, liquidityThreshold: null}}}) {
    ... on ComputeFactorSuccess { run { id } }
    ... on Error { message }
  }
}
"""
RUN = """
query ($id: ID!) {
  run(id: $id) {
    status failure { code }
    ... on FactorRun {
      performance { numPeriods }
      series(select: [{name: FACTOR}, {name: LONG}, {name: SHORT}]) { dates values }
      compositionDates
    }
  }
}
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FACTORQL_")}
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return kept | {"FACTORQL_DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": path}


@pytest.fixture
def panel_file(tmp_path: Path) -> Path:
    random_numbers = np.random.default_rng(3)
    days = np.datetime64("2022-01-01") + np.arange(400)
    prices = 100 * np.exp(np.cumsum(random_numbers.normal(0, 0.03, (len(days), 12)), axis=0))
    file = tmp_path / "panel.csv"
    with file.open("w") as lines:
        lines.write("date,asset,price,mc,24h_volume\n")
        for day, row in zip(days, prices, strict=True):
            lines.writelines(
                f"{day},asset-{number:02},{price:.6f},1e9,1e8\n" for number, price in enumerate(row)
            )
    return file


class Served:
    """A running `factorql serve` and clients that launch runs without end."""

    def __init__(self, environment: dict[str, str], tmp_path: Path) -> None:
        self._output = tmp_path / "output.txt"
        command = [sys.executable, "-m", "scripts", "serve", "--port", "0"]
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                command, env=environment, cwd=tmp_path, stdout=output, stderr=subprocess.STDOUT
            )
        assert eventually(lambda: "/graphql" in self.output(), 30), self.output()
        self.url = re.search(r"http://\S+/graphql", self.output())[0]
        assert eventually(self._answers, 30), self.output()
        self.acknowledged: set[str] = set()
        self._clients: list[threading.Thread] = []

    def _answers(self) -> bool:
        try:
            return httpx.get(self.url.replace("graphql", "health")).status_code == 200
        except httpx.TransportError:
            return False

    def forkserver(self) -> int:
        (forkserver,) = children_of(self.process.pid)
        return forkserver

    def ask(self, query: str, **variables: object) -> dict:
        answer = httpx.post(self.url, json={"query": query, "variables": variables}).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def launch_without_end(self, clients: int) -> None:
        def launch(lookback: int) -> None:
            try:
                while True:
                    answer = self.ask(LAUNCH, lookback=lookback)
                    self.acknowledged.add(answer["computeFactor"]["run"]["id"])
                    time.sleep(0.05)
            except httpx.TransportError:
                return  # the server was killed: this launch was not acknowledged

        self._clients = [threading.Thread(target=launch, args=(number + 1,)) for number in range(clients)]
        for client in self._clients:
            client.start()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        for client in self._clients:
            client.join()

    def output(self) -> str:
        return self._output.read_text()


def test_a_killed_server_keeps_its_word_to_its_clients(environment, panel_file, tmp_path):
    ingest = [sys.executable, "-m", "scripts", "ingest", str(panel_file), "--name", "small"]
    subprocess.run(ingest, env=environment, cwd=tmp_path, check=True, capture_output=True)
    moments = random.Random(11)
    acknowledged: set[str] = set()
    for _ in range(2):
        server = Served(environment, tmp_path)
        forkserver = server.forkserver()
        server.launch_without_end(clients=2)
        assert eventually(lambda server=server: len(server.acknowledged) >= 3, 20), server.output()
        time.sleep(moments.uniform(0.1, 0.5))
        server.kill()
        assert eventually(lambda forkserver=forkserver: not members_of_session(forkserver))
        acknowledged |= server.acknowledged

    server = Served(environment, tmp_path)
    try:
        for run_id in acknowledged:
            assert eventually(lambda run_id=run_id: has_ended(server, run_id), 60)
            assert_whole(server.ask(RUN, id=run_id)["run"])
    finally:
        server.kill()


def has_ended(server: Served, run_id: str) -> bool:
    return server.ask(RUN, id=run_id)["run"]["status"] in ("SUCCEEDED", "FAILED", "CANCELED")


def assert_whole(run: dict) -> None:
    assert run["status"] == "SUCCEEDED" or run["failure"]["code"] == "WORKER_LOST"
    if run["status"] == "SUCCEEDED":
        periods = run["performance"]["numPeriods"]
        assert periods > 40
        assert [len(series["values"]) for series in run["series"]] == [periods] * 3
        assert len(run["compositionDates"]) == periods
