"""Makes computations take as long as a test wants: the disk with their dataset does not answer meanwhile.

A file lease does it: whoever opens the file waits until the lease is given back (or 45 seconds have passed,
the system's limit)."""

from __future__ import annotations

import fcntl
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held_dataset(data_dir: Path) -> Iterator[Callable[[], None]]:
    """Computations on the only dataset wait inside the block, or until what it gives is called."""
    (manifest,) = data_dir.glob("datasets/*/manifest.json")
    told = signal.signal(signal.SIGIO, signal.SIG_IGN)  # of those who wait
    try:
        with manifest.open("rb+") as file:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            yield lambda: file.close()
    finally:
        signal.signal(signal.SIGIO, told)
