"""What the system holds a process of ours to. Where it cannot, a limit is left out."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path


def limit_allocations(limit_bytes: int) -> None:
    """Beyond it an allocation is a MemoryError.

    RLIMIT_DATA rather than RLIMIT_AS: it counts what is allocated, and not what is mapped from files."""
    _lower(resource.RLIMIT_DATA, limit_bytes)


def limit_processor_time(limit_seconds: int) -> None:
    """Beyond it the kernel kills the process, whoever else may still be able to."""
    _lower(resource.RLIMIT_CPU, limit_seconds)


def allocated_bytes() -> int:
    """Return what counts against `limit_allocations` already; 0 where the system does not tell."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text("utf-8", errors="replace").splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return 0


def prefer_to_be_killed() -> None:
    """When the machine runs out of memory, the kernel is to choose this process, and to leave no core dump.
    Children inherit that."""
    _lower(resource.RLIMIT_CORE, 0)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", "ascii")


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with suppress(OSError, ValueError):
        resource.setrlimit(limit, (value, value))
