"""A computation that reports what a child sees, loaded beside the production one."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import app.execution.computation  # noqa: F401  what children run in earnest
from app.execution.child import ReportProgress
from app.execution.frames import Buffer
from app.execution.protocol import ComputeRequest, encode_arrays

IMPORTED_IN = os.getpid()
THREADS_AT_IMPORT = len(list(Path("/proc/self/task").iterdir()))


def look_around(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    seen = {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "session": os.getsid(0),
        "imported_in": IMPORTED_IN,
        "threads_at_import": THREADS_AT_IMPORT,
        "threads": [thread.name for thread in threading.enumerate()],
        "modules": sorted(sys.modules),
        "main": getattr(sys.modules["__main__"], "__file__", None),
        "environment": dict(os.environ),
        "initial_environment": Path("/proc/self/environ").read_text(),
        "descriptors": _descriptors(),
        "ignores_interrupt": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
    }
    return encode_arrays(seen, {})


def _descriptors() -> list[str]:
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            links.append(f"{descriptor.name} {descriptor.readlink()}")
        except OSError:
            continue  # the listing's own
    return links
