"""Looks at processes from outside, by /proc."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from app.execution.worker.protocol import ComputeRequest


def lives(pid: int) -> bool:
    """Whether there is such a process, and it is more than an exit code that waits for its parent."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] not in "ZX"


def children_of(pid: int) -> list[int]:
    """Living children, of all threads."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, *_ = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(parent) == pid and state not in "ZX":
            found.append(int(stat.parent.name))
    return found


def eventually(condition: Callable[[], object], seconds: float = 30.0) -> bool:
    """Whether the condition becomes true within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def request_to(act: str, **options: object) -> ComputeRequest:
    """A request to the computations of `tests.app.execution.computations`."""
    memory_limit_mb = options.pop("memory_limit_mb", 1024)
    cpu_limit_seconds = options.pop("cpu_limit_seconds", 30)
    return ComputeRequest(
        datasets_dir="/nowhere",
        cache_dir="/nowhere",
        artifacts_dir="/nowhere",
        fingerprint="0" * 64,
        kind="FACTOR",
        subject="SMB",
        identity="1" * 64,
        config={"act": act, **options},
        memory_limit_bytes=memory_limit_mb * 2**20,
        cpu_limit_seconds=cpu_limit_seconds,
    )


def members_of_session(session: int) -> list[int]:
    """Living processes of a session: a forkserver and all that it has forked."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, _group, its_session, *_ = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(its_session) == session and state not in "ZX":
            found.append(int(stat.parent.name))
    return found
