"""Makes the second fork of its forkserver fail, as on a system that is out of processes."""

from __future__ import annotations

import errno
import os

from tests.app.execution.computations import compute, prepare  # noqa: F401

_fork = os.fork
_calls = 0


def _fork_except_once() -> int:
    global _calls
    _calls += 1
    if _calls == 2:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
    return _fork()


os.fork = _fork_except_once
