"""A server that is killed again and again keeps its word about every run that it acknowledged."""

from __future__ import annotations

import math
import random
import re
import signal
import threading
import time
from itertools import count

import httpx
import pytest

from tests.app.execution.processes import eventually
from tests.e2e.graph import EVENTS, LAUNCH, RESULTS, TERMINAL, launched, small_spec, states
from tests.e2e.servers import Server, wait_for
from tests.e2e.sockets import subscription

pytestmark = pytest.mark.slow

ROUNDS = 5
ONE_LIFE = re.compile(
    r"QUEUED( STARTED( PROGRESS)* RETRIED)*( STARTED( PROGRESS)* (SUCCEEDED|FAILED)| FAILED)?"
)
CLIENTS = 3


class Clients:
    """They launch runs, each with a config of its own, until their server is gone."""

    def __init__(self, server: Server, thresholds: count[int]) -> None:
        self.acknowledged: dict[str, float] = {}
        self._server = server
        self._thresholds = thresholds
        self._threads = [threading.Thread(target=self._launch) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _launch(self) -> None:
        with httpx.Client(verify=False, timeout=20, trust_env=False) as client:
            while True:
                threshold = float(next(self._thresholds))
                spec = small_spec(marketCapThreshold=threshold)
                variables = {"input": {"force": True, "spec": spec}}
                try:
                    body = {"query": LAUNCH, "variables": variables}
                    answer = client.post(f"{self._server.url}/graphql", json=body)
                except httpx.TransportError:
                    return  # the server was killed: this launch was not acknowledged
                self.acknowledged[answer.json()["data"]["computeFactor"]["run"]["id"]] = threshold
                time.sleep(0.02)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()


def test_every_acknowledged_run_ends_once_with_whole_results(start, small):
    moments = random.Random(3)
    thresholds = count(1)
    acknowledged: dict[str, float] = {}
    first_cursor = None
    for _ in range(ROUNDS):
        server = start(Server).ready()
        if first_cursor is None:
            first_cursor = last_cursor(server, launched(server))
        clients = Clients(server, thresholds)
        assert eventually(server.computing)
        time.sleep(moments.uniform(0.2, 0.6))
        server.signal(signal.SIGKILL)
        clients.join()
        assert eventually(lambda server=server: not server.processes()), "a computation outlived its server"
        acknowledged |= clients.acknowledged
    assert len(acknowledged) > 5 * ROUNDS

    server = start(Server).ready()

    def all_ended() -> bool:
        return all(run["status"] in TERMINAL for run in states(server).values())

    wait_for(all_ended, 60)
    runs = states(server)
    assert acknowledged.keys() <= runs.keys()
    assert any(run["attempt"] > 1 for run in runs.values()), "no run was computed at the moment of a kill"
    for run_id, threshold in acknowledged.items():
        assert_whole(server.ask(RESULTS, id=run_id)["run"], threshold)
    assert_events_whole(server, first_cursor, acknowledged)
    assert server.end_by(signal.SIGINT) == 130
    assert not server.processes()


def last_cursor(server: Server, run_id: str) -> str:
    with subscription(server, EVENTS, runId=run_id) as events:
        return [event["runEvents"]["cursor"] for event in events][-1]


def assert_whole(run: dict, threshold: float) -> None:
    if run["status"] != "SUCCEEDED":
        assert (run["status"], run["failure"]["code"], run["attempt"]) == ("FAILED", "WORKER_LOST", 3)
        return
    assert run["config"]["marketCapThreshold"] == threshold
    performance, (factor, long, short) = run["performance"], run["series"]
    periods = performance["numPeriods"]
    assert periods > 20
    assert run["compositionDates"] == factor["dates"] == long["dates"] == short["dates"]
    assert len(factor["dates"]) == len(factor["values"]) == periods
    assert not factor["sampled"]
    assert (factor["dates"][0], factor["dates"][-1]) == (performance["startDate"], performance["endDate"])
    for spread, held_long, held_short in zip(factor["values"], long["values"], short["values"], strict=True):
        assert math.isclose(spread, held_long - held_short, abs_tol=1e-12)
    compounded = math.prod(1 + value for value in factor["values"]) - 1
    assert math.isclose(compounded, performance["cumulativeReturn"], rel_tol=1e-9)
    latest = run["composition"]
    assert latest["date"] == performance["endDate"]
    for leg in (latest["long"], latest["short"]):
        assert math.isclose(sum(holding["weight"] for holding in leg), 1)


def assert_events_whole(server: Server, after: str, acknowledged: dict[str, float]) -> None:
    """The history of all runs can be read again from the beginning: one end a run, and it comes last."""
    kinds: dict[str, list[str]] = {run_id: [] for run_id in acknowledged}
    with subscription(server, EVENTS, after=after) as events:
        while not all(kinds_of_run and kinds_of_run[-1] in TERMINAL for kinds_of_run in kinds.values()):
            event = next(events)["runEvents"]
            kinds.setdefault(event["run"]["id"], []).append(event["kind"])
    for kinds_of_run in kinds.values():
        assert ONE_LIFE.fullmatch(" ".join(kinds_of_run)), kinds_of_run
