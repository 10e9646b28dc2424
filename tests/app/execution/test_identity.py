"""A claim's process is recognised, dead or alive, and never mistaken for another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.execution.worker import identity
from app.execution.worker.identity import is_alive, worker_id


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


def test_a_worker_is_written_host_pid_start_and_lives():
    host, pid, start = worker_id().split(":")
    assert host
    assert int(pid) == os.getpid()
    assert start
    assert is_alive(worker_id()) is True
    assert worker_id() == worker_id()


def test_a_dead_process_is_dead_even_before_it_is_reaped():
    with sleeper() as process:
        worker = worker_id(process.pid)
        assert is_alive(worker) is True
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_alive(worker) is False
    assert is_alive(worker) is False


def test_a_later_process_with_the_same_id_is_another_one():
    host, pid, start = worker_id().rsplit(":", 2)
    assert is_alive(f"{host}:{pid}:{start}0") is False


@pytest.mark.parametrize("worker", ["elsewhere:1:1", "", "::", "nonsense", "a:b:c"])
def test_of_another_host_nothing_is_known(worker):
    assert is_alive(worker) is None


def test_the_same_name_after_another_boot_or_in_another_container_is_another_host():
    host, pid, start = worker_id().rsplit(":", 2)
    name = host.partition("/")[0]
    assert is_alive(f"{name}/00000000:{pid}:{start}") is None


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="no /bin/ps here")
def test_without_proc_the_start_is_asked_of_ps():
    mark = identity._start_mark_by_ps(os.getpid())
    assert mark
    assert ":" not in mark
    assert mark == identity._start_mark_by_ps(os.getpid())
    with sleeper() as process:
        process.kill()
        process.wait()
        assert identity._start_mark_by_ps(process.pid) is None
