"""Ctrl-C and SIGTERM: everything is put in order, nothing is left running, nobody sees a traceback."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError

from tests.e2e.graph import EVENTS, ended, launch, launched
from tests.e2e.held_datasets import held_datasets
from tests.e2e.servers import Command, Server, wait_for
from tests.e2e.sockets import subscription

pytestmark = pytest.mark.slow

END_SECONDS = 8.0
HALF_A_REQUEST = (
    b"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    b'content-length: 1000\r\n\r\n{"query": '
)
BOTH = pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)], ids=["ctrl-c", "term"]
)


def test_a_server_that_is_stopped_puts_its_runs_back_and_lets_clients_go(
    start: Callable[..., Any], small: Path
) -> None:
    server = start(Server, max_concurrent_runs="1").ready()
    with held_datasets(small):
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
    assert statuses(small) == ["QUEUED"]

    server = start(Server, max_concurrent_runs="1").ready()
    assert "was lost" not in server.output
    assert ended(server, answers[0]["run"]["id"]) == "SUCCEEDED"
    with held_datasets(small), socket.create_connection(("127.0.0.1", httpx.URL(server.url).port)) as half:
        for _ in range(2):
            launched(server, force=True)
        wait_for(server.computing)
        half.sendall(HALF_A_REQUEST)
        server.ask("{ health { status } }")
        assert server.end_by(signal.SIGTERM) == -signal.SIGTERM
        answer = half.recv(65_536).decode()
    assert answer.startswith("HTTP/1.1 503 ")
    assert "the server stops" in answer
    assert_tidy(server)
    assert statuses(small) == ["SUCCEEDED", "QUEUED", "QUEUED"]


@BOTH
def test_a_computation_by_command_is_canceled(
    start: Callable[..., Any], small: Path, number: signal.Signals, exit_code: int
) -> None:
    with held_datasets(small):
        command = start(Command, "compute", "smb", "--set", "minAssets=5")
        wait_for(lambda: len(command.processes()) == 3)  # itself, the forkserver, the computation
        begun = time.monotonic()
        assert command.end_by(number) == exit_code
        assert time.monotonic() - begun < END_SECONDS
    assert_tidy(command)
    assert re.search(r"^run 1 canceled$", command.output, re.MULTILINE)
    assert statuses(small) == ["CANCELED"]


def test_an_impatient_end_of_a_start_leaves_nothing(start: Callable[..., Any]) -> None:
    server = start(Server)
    wait_for(lambda: "/graphql" in server.output, 60)
    server.signal(signal.SIGINT)
    time.sleep(0.3)
    server.signal(signal.SIGINT)
    assert server.wait() in (130, -signal.SIGINT), "which a shell tells in the same way"
    assert_tidy(server)


def statuses(data_dir: Path) -> list[str]:
    """Of all runs, the first first; nobody holds a run that waits."""
    with closing(sqlite3.connect(data_dir / "factorql.sqlite")) as store:
        rows = store.execute("SELECT status, claimed_by FROM run ORDER BY id").fetchall()
    assert all(claimed_by is None for status, claimed_by in rows if status == "QUEUED")
    return [status for status, _ in rows]


def assert_tidy(command: Command) -> None:
    assert "Traceback" not in command.output
    assert "Error" not in command.output
    assert not command.processes()
    assert not list(command.temporary.iterdir())
