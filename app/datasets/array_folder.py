"""A folder of named arrays that appears whole or not at all, and is memory-mapped when read.

Written under a temporary name, every file and folder fsynced, then renamed. Layout: one .npy file an array
and manifest.json, which has each array's file, size, shape, type and SHA-256 beside the writer's document:

    {"arrays": {"price": {"file": "array-000.npy", "bytes": 928, "shape": [10, 10], "dtype": "<f8",
                          "sha256": "..."}},
     "document": {...}}
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

TEMPORARY_PREFIX: Final = ".temporary-"
GRACE_SECONDS: Final = 60.0
_MANIFEST: Final = "manifest.json"
_FILE_NAME_LENGTH = len("array-000.npy")


class DamagedFolder(Exception):
    """The folder is absent, incomplete, or not what its manifest says; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayFolder:
    """The arrays, read-only memory maps, and the writer's document."""

    arrays: Mapping[str, NDArray[Any]]
    document: Mapping[str, Any]


def write_array_folder(
    target: Path, arrays: Iterable[tuple[str, NDArray[Any]]], document: Mapping[str, Any]
) -> bool:
    """Write `target` whole; False when another process was faster, whose folder then stays.

    arrays: (name, array), taken one at a time.
    Raises OSError, and leaves nothing behind then.
    """
    _make_folder(target.parent)
    with _temporary_folder(target.parent) as temporary:
        entries = {}
        for number, (name, array) in enumerate(arrays):
            file = f"array-{number:03d}.npy"
            entries[name] = {
                "file": file,
                "shape": list(array.shape),
                "dtype": array.dtype.str,
                **_write_array(temporary / file, array),
            }
        manifest = json.dumps({"arrays": entries, "document": document}, indent=1, sort_keys=True)
        _write_synced(temporary / _MANIFEST, manifest.encode())
        _sync_folder(temporary)
        try:
            temporary.rename(target)
        except OSError:
            if target.is_dir():
                return False
            raise
        _sync_folder(target.parent)
        return True


def read_array_folder(folder: Path) -> ArrayFolder:
    """Map the arrays. Sizes, shapes and types are checked; contents are not (verify_array_folder does).

    Raises DamagedFolder.
    """
    manifest = _read_manifest(folder)
    try:
        arrays = {name: _map_array(folder, name, entry) for name, entry in manifest["arrays"].items()}
        return ArrayFolder(arrays=arrays, document=manifest["document"])
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedFolder(f"{_MANIFEST} is not understood") from error


def verify_array_folder(folder: Path) -> ArrayFolder:
    """Like read_array_folder, and compares the SHA-256 of every file, which reads them whole."""
    result = read_array_folder(folder)
    for name, entry in _read_manifest(folder)["arrays"].items():
        try:
            with (folder / entry["file"]).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DamagedFolder(f"the file of {name} cannot be read: {error.strerror}") from error
        if digest != entry["sha256"]:
            raise DamagedFolder(f"the file of {name} ({entry['file']}) has changed")
    return result


def remove_array_folder(folder: Path) -> None:
    """Take the folder away under a temporary name first, so that it is never seen half gone.

    Processes that have mapped it keep their data. Raises OSError.
    """
    doomed = folder.parent / _temporary_name()
    with suppress(FileNotFoundError):
        folder.rename(doomed)
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


# -- writing -----------------------------------------------------------------------------------------------


class _HashingWriter:
    """Passes bytes on to a file and hashes them on the way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.size += len(data)
        return self._file.write(data)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def _write_array(path: Path, array: NDArray[Any]) -> dict[str, Any]:
    with path.open("xb") as file:
        writer = _HashingWriter(file)
        np.lib.format.write_array(writer, np.ascontiguousarray(array), allow_pickle=False)
        _sync(file)
    return {"bytes": writer.size, "sha256": writer.hexdigest()}


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        _sync(file)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(folder.parent)


def _temporary_name() -> str:
    return f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(8)}"


@contextmanager
def _temporary_folder(parent: Path) -> Iterator[Path]:
    """A locked folder that is gone afterwards, unless it was renamed."""
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


def _is_locked(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


# -- reading -----------------------------------------------------------------------------------------------


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / _MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise DamagedFolder("it is not there") from error
    except OSError as error:
        raise DamagedFolder(f"{_MANIFEST} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DamagedFolder(f"{_MANIFEST} is not JSON") from error
    if not isinstance(manifest, dict) or not {"arrays", "document"} <= manifest.keys():
        raise DamagedFolder(f"{_MANIFEST} is not understood")
    return manifest


def _map_array(folder: Path, name: str, entry: Mapping[str, Any]) -> NDArray[Any]:
    file = entry["file"]
    if Path(file).name != file or len(file) > _FILE_NAME_LENGTH + 3:
        raise DamagedFolder(f"{_MANIFEST} names a file elsewhere")
    path = folder / file
    try:
        size = path.stat().st_size
        if size != entry["bytes"]:
            raise DamagedFolder(f"the file of {name} ({file}) has {size} bytes instead of {entry['bytes']}")
        # an array without elements cannot be mapped; plain arrays are quicker to use than memmap objects
        if 0 in entry["shape"]:
            array = np.load(path, allow_pickle=False)
        else:
            array = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except FileNotFoundError as error:
        raise DamagedFolder(f"the file of {name} ({file}) is missing") from error
    except (OSError, ValueError, EOFError) as error:
        raise DamagedFolder(f"the file of {name} ({file}) cannot be read: {error}") from error
    if list(array.shape) != entry["shape"] or array.dtype.str != entry["dtype"]:
        raise DamagedFolder(f"the file of {name} ({file}) holds another array than it should")
    return array
