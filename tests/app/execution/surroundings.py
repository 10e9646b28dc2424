"""A computation that reports what a child of the production forkserver sees."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from app import jobs
from app.execution.worker.child import ReportProgress
from app.execution.worker.frames import Buffer
from app.execution.worker.protocol import ComputeRequest, encode_arrays

IMPORTED_IN = os.getpid()
THREADS: list[str] = []


def prepare() -> None:
    jobs.prepare()
    THREADS.extend(task.name for task in Path("/proc/self/task").iterdir())


def compute(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    """What there is to see; after the production computation, if the request names a dataset."""
    before = set(sys.modules)
    if Path(request.datasets_dir).exists():
        jobs.compute(request, report)
    seen = {
        "loaded_by_computing": sorted(set(sys.modules) - before),
        "pid": os.getpid(),
        "parent": os.getppid(),
        "session": os.getsid(0),
        "imported_in": IMPORTED_IN,
        "forkserver_threads": THREADS,
        "threads": [task.name for task in Path("/proc/self/task").iterdir()],
        "modules": sorted(sys.modules),
        "main": getattr(sys.modules["__main__"], "__file__", None),
        "environment": dict(os.environ),
        "initial_environment": Path("/proc/self/environ").read_text(),
        "descriptors": _descriptors(),
        "oom_score": int(Path("/proc/self/oom_score_adj").read_text()),
        "core_limit": resource.getrlimit(resource.RLIMIT_CORE)[1],
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
