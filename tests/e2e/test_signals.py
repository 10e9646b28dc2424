"""Ctrl-C and SIGTERM: everything is put in order, nothing is left running, nobody sees a traceback."""

from __future__ import annotations

import re
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError

from tests.app.execution.processes import eventually
from tests.e2e.graph import EVENTS, ended, launch, launched, states
from tests.e2e.held_dataset import held_dataset
from tests.e2e.servers import Command, Server, wait_for
from tests.e2e.sockets import subscription

END_SECONDS = 8.0
BOTH = pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)], ids=["ctrl-c", "term"]
)


def test_a_server_that_is_stopped_puts_its_runs_back_and_lets_clients_go(
    start: Callable[..., Any], small: Path
) -> None:
    server = start(Server, max_concurrent_runs="1").ready()
    with held_dataset(small):
        answers: list[dict[str, Any]] = []
        with subscription(server, EVENTS) as events:
            waiting = threading.Thread(target=lambda: answers.append(launch(server, wait=30)))
            waiting.start()
            wait_for(server.computing)
            begun = time.monotonic()
            server.signal(signal.SIGINT)
            with pytest.raises(ConnectionClosedError) as closed:
                for _ in events:
                    pass
            assert closed.value.rcvd.code == 1012
        waiting.join()
        assert answers[0]["run"]["status"] == "RUNNING", "who waits is told how things stand"
        assert server.wait() == 130
        assert time.monotonic() - begun < END_SECONDS
        assert_tidy(server)
        assert server.output.splitlines()[-1] == "interrupted"

        server = start(Server, max_concurrent_runs="1").ready()
        run_id = answers[0]["run"]["id"]
        wait_for(lambda: states(server)[run_id]["status"] == "RUNNING")
        waits = launched(server, force=True)
        assert server.end_by(signal.SIGTERM) == -signal.SIGTERM
        assert_tidy(server)
    server = start(Server).ready()
    assert "was lost" not in server.output, "the runs had been put back before"
    assert [ended(server, one) for one in (run_id, waits)] == ["SUCCEEDED", "SUCCEEDED"]
    assert [states(server)[one]["attempt"] for one in (run_id, waits)] == [3, 1]
    server.signal(signal.SIGINT)
    server.signal(signal.SIGINT)
    assert server.wait() == 130
    assert_tidy(server)


@BOTH
def test_a_computation_by_command_is_canceled(
    start: Callable[..., Any], small: Path, number: signal.Signals, exit_code: int
) -> None:
    with held_dataset(small):
        command = start(Command, "compute", "smb", "--set", "minAssets=5")
        wait_for(lambda: len(command.processes()) == 3)  # itself, the forkserver, the computation
        begun = time.monotonic()
        assert command.end_by(number) == exit_code
        assert time.monotonic() - begun < END_SECONDS
    assert_tidy(command)
    assert re.search(r"^run 1 canceled$", command.output, re.MULTILINE)
    with closing(sqlite3.connect(small / "factorql.sqlite")) as store:
        assert store.execute("SELECT status FROM run").fetchall() == [("CANCELED",)]


@BOTH
def test_a_start_that_is_cut_short_leaves_nothing(
    start: Callable[..., Any], number: signal.Signals, exit_code: int
) -> None:
    server = start(Server)
    assert eventually(lambda: "/graphql" in server.output, 60)
    assert server.end_by(number) == exit_code
    assert_tidy(server)


def assert_tidy(command: Command) -> None:
    assert "Traceback" not in command.output
    assert "Error" not in command.output
    assert not command.processes()
    assert not list(command.temporary.iterdir())
