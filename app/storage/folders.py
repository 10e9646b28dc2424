"""Folders that appear whole or not at all: made under a temporary name, synced, then renamed.

Imported by the processes that compute.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

TEMPORARY_PREFIX: Final = ".temporary-"
GRACE_SECONDS: Final = 60.0


def make_folder(folder: Path) -> None:
    """Make a folder with its parents, unless it is there. Raises OSError."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """A locked folder that is gone afterwards, unless it was renamed. Raises OSError."""
    folder = parent / _temporary_name()
    folder.mkdir()
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with suppress(OSError):  # a file system without locks: then nothing counts as stale
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield folder
        finally:
            os.close(descriptor)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sync_file(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_folder(folder: Path, *, min_age_seconds: float | None = None) -> None:
    """Take the folder away under a temporary name first, so that it is never seen half gone.

    min_age_seconds: leave one that was touched since then, even while it is being taken away.
    Processes that have mapped its files keep their data. One that is gone already is fine. Raises OSError.
    """
    doomed = folder.parent / _temporary_name()
    with suppress(FileNotFoundError):
        if _is_younger(folder, min_age_seconds):
            return
        folder.rename(doomed)
        # Again, now that nobody can touch it any more.
        if _is_younger(doomed, min_age_seconds):
            with suppress(OSError):  # or it has been written anew
                doomed.rename(folder)
                return
        shutil.rmtree(doomed)


def stale_temporaries(parent: Path, *, grace_seconds: float = GRACE_SECONDS) -> tuple[Path, ...]:
    """Temporary folders that a killed writer left in `parent`; they may be deleted.

    A living writer holds a lock on its folder; the grace bridges the moment before it takes the lock.
    """
    if not parent.is_dir():
        return ()
    stale = []
    for folder in sorted(parent.glob(f"{TEMPORARY_PREFIX}*")):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime >= grace_seconds and not _is_locked(folder):
                stale.append(folder)
    return tuple(stale)


def _is_younger(folder: Path, age_seconds: float | None) -> bool:
    return age_seconds is not None and folder.stat().st_mtime > time.time() - age_seconds


def _temporary_name() -> str:
    return f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(8)}"


def _is_locked(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
