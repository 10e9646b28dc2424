"""Who holds a claim, and whether that process is still alive.

A worker is written `host:pid:start`. The host carries a mark of the boot and of the process-id namespace, so
that another machine or container of the same name is never taken for this one; the start time tells a process
from a later one with the same id.
"""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from functools import cache
from pathlib import Path


def worker_id(pid: int | None = None) -> str:
    """A living process as a claim names it, this one unless said otherwise."""
    pid = os.getpid() if pid is None else pid
    return f"{_host()}:{pid}:{_start_mark(pid)}"


def is_alive(worker: str) -> bool | None:
    """Return whether the process behind a claim lives; None when it is another host's and cannot be known."""
    try:
        host, pid_text, start = worker.rsplit(":", 2)
        pid = int(pid_text)
    except ValueError:
        return None
    if host != _host():
        return None
    return _start_mark(pid) == start


@cache
def _host() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return socket.gethostname()
    mark = hashlib.sha256(f"{boot} {namespace}".encode()).hexdigest()[:8]
    return f"{socket.gethostname()}/{mark}"


def _start_mark(pid: int) -> str | None:
    """When a process started, as opaque text without colons; None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None if Path("/proc/self/stat").exists() else _start_mark_by_ps(pid)
    # The command's name, in parentheses, may itself hold spaces and parentheses.
    state, *numbers = stat[stat.rindex(")") + 2 :].split()
    return None if state in "ZX" else numbers[18]


def _start_mark_by_ps(pid: int) -> str | None:
    """The same for systems without /proc."""
    command = ["/bin/ps", "-o", "lstart=", "-p", str(pid)]
    listed = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    )
    return "-".join(listed.stdout.replace(":", ".").split()) or None
