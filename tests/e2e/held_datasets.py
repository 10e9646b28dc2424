"""Makes computations take as long as a test wants: the disk with their datasets does not answer meanwhile.

A file lease does it: whoever opens the file waits until the lease is given back (or 45 seconds have passed,
the system's limit)."""

from __future__ import annotations

import fcntl
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def held_datasets(data_dir: Path) -> Iterator[Callable[[], None]]:
    """Computations wait inside the block, or until what it gives is called."""
    told = signal.signal(signal.SIGIO, signal.SIG_IGN)  # of those who wait
    try:
        with ExitStack() as leases:
            for manifest in data_dir.glob("datasets/*/manifest.json"):
                file = leases.enter_context(manifest.open("rb+"))
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            yield leases.close
    finally:
        signal.signal(signal.SIGIO, told)
