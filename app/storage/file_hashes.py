"""SHA-256 of files, taken once and again whenever a file has changed.

Remembered by each process: a server tells its children what it knows, and learns what they have read.
Imported by the processes that compute.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable
from io import BufferedReader
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

_REMEMBERED: Final = 10_000


class FileIdentity(NamedTuple):
    """The look of a file from outside; a file that looks the same is taken for the same."""

    path: str
    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int
    """Unlike the time of the last modification, nobody can set it back."""


class KnownHash(NamedTuple):
    identity: FileIdentity
    sha256: str


_hashes: dict[FileIdentity, str] = {}
_reading: WeakValueDictionary[FileIdentity, threading.Lock] = WeakValueDictionary()
"""One lock for each file that is being read."""
_remembering = threading.Lock()
"""Held for moments only, never while a file is read: the event loop asks for what is known."""


def file_hash(file: BufferedReader, path: str) -> str:
    """Return the SHA-256 of an open file, which is read whole unless its hash is known.

    path: what the file is remembered under. Leaves the position in the file anywhere. Raises OSError.
    """
    before = file_identity(file, path)
    with _remembering:
        reading = _reading.setdefault(before, threading.Lock())
    with reading:  # several readers of a new file hash it once
        known = known_hash(before)
        if known is not None:
            return known
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if file_identity(file, path) == before:
            remember_hashes([KnownHash(before, digest)])
        return digest


def file_identity(file: BufferedReader, path: str) -> FileIdentity:
    """Return how an open file looks now. Raises OSError."""
    status = os.fstat(file.fileno())
    times = status.st_mtime_ns, status.st_ctime_ns
    return FileIdentity(path, status.st_dev, status.st_ino, status.st_size, *times)


def known_hash(identity: FileIdentity) -> str | None:
    """Return what is remembered of a file that looks so."""
    with _remembering:
        return _hashes.get(identity)


def known_hashes(*prefixes: str) -> tuple[KnownHash, ...]:
    """Return what is remembered of the files whose paths begin so."""
    with _remembering:
        return tuple(KnownHash(*known) for known in _hashes.items() if known[0].path.startswith(prefixes))


def remember_hashes(hashes: Iterable[KnownHash]) -> None:
    """Take over what another process has read."""
    with _remembering:
        for known in hashes:
            _remember(*known)


def forget_hashes(*prefixes: str) -> None:
    """Let the files whose paths begin so be read again."""
    with _remembering:
        for identity in [one for one in _hashes if one.path.startswith(prefixes)]:
            del _hashes[identity]


def _remember(identity: FileIdentity, sha256: str) -> None:
    while len(_hashes) >= _REMEMBERED:
        del _hashes[next(iter(_hashes))]
    _hashes[identity] = sha256
