"""Opens artifacts: memory-mapped, and checked to be what was written before the first number is used."""

from __future__ import annotations

import math
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from app.errors import ArtifactUnavailable
from app.storage.artifacts.header import array_header, is_storable
from app.storage.artifacts.place import ARTIFACTS, parse_artifact_path
from app.storage.file_hashes import FileIdentity, file_hash, file_identity

if TYPE_CHECKING:
    from db.records import ArtifactRecord

_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A pipe in the file's place must not make the opening wait.
_FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

# A map holds an open file: many readers of one array must not take the process's last.
_maps: WeakValueDictionary[tuple[FileIdentity, str, tuple[int, ...]], np.memmap[Any, Any]] = (
    WeakValueDictionary()
)
_mapping = threading.Lock()


def open_artifact(data_dir: Path, record: ArtifactRecord) -> NDArray[Any]:
    """The array of an artifact, a read-only memory map, once it is found to be what was written. All who hold
    it at the same time share one map.

    The file is opened below data_dir/artifacts and nowhere else: no '..', no symbolic links. Its size, type
    and shape are compared each time; its SHA-256 once a process, and again whenever the file has changed:
    that reads it whole, so callers use a thread.
    Raises ArtifactUnavailable: it is missing, or has changed.
    """
    place = parse_artifact_path(record.path)
    if place is None:
        raise _unavailable(record, "its path is not that of an artifact")
    with _opened(data_dir, record, *place) as file:
        return _map(file, record)


@contextmanager
def _opened(data_dir: Path, record: ArtifactRecord, folder: str, file: str) -> Iterator[BufferedReader]:
    """The file, found step by step so that nobody can put a link in the way."""
    try:
        parent = os.open(data_dir / ARTIFACTS, _FOLDER_FLAGS)
        try:
            inside = os.open(folder, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=parent)
        finally:
            os.close(parent)
        try:
            descriptor = os.open(file, _FILE_FLAGS, dir_fd=inside)
        finally:
            os.close(inside)
    except FileNotFoundError:
        raise _unavailable(record, "its file is missing") from None
    except OSError as error:
        raise _unavailable(record, f"its file cannot be opened: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _unavailable(record, "there is no file in its place")
        with os.fdopen(descriptor, "rb", closefd=False) as opened:
            yield opened
    finally:
        os.close(descriptor)


def _map(file: BufferedReader, record: ArtifactRecord) -> NDArray[Any]:
    dtype, shape = _described(record)
    header = array_header(dtype, shape)
    length = dtype.itemsize * math.prod(shape)
    size = os.fstat(file.fileno()).st_size
    if size != record.byte_count:
        problem = f"its file has changed: it has {size:,} bytes instead of {record.byte_count:,}"
        raise _unavailable(record, problem)
    try:
        # compared and not parsed: numpy would raise many things over a damaged one
        if file.read(len(header)) != header or size != len(header) + length:
            raise _unavailable(record, "its file has changed: it holds another array")
        identity = file_identity(file, record.path)
        if file_hash(file, record.path) != record.sha256:
            raise _unavailable(record, "its file has changed: its content is not what was written")
        if length == 0:  # nothing to map
            array = np.empty(shape, dtype)
            array.flags.writeable = False
            return array
        with _mapping:
            shared = _maps.get((identity, dtype.str, shape))
            if shared is None:
                shared = np.memmap(file, dtype=dtype, mode="r", offset=len(header), shape=shape)
                _maps[identity, dtype.str, shape] = shared
        return np.asarray(shared)  # plain arrays are quicker to use than memmap objects
    except OSError as error:
        raise _unavailable(record, f"its file cannot be read: {error.strerror}") from error


def _described(record: ArtifactRecord) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The type and shape that the row says."""
    try:
        dtype, shape = np.dtype(record.dtype), tuple(map(int, record.shape))
    except (TypeError, ValueError):
        raise _unavailable(record, "its row says no type and shape") from None
    if not is_storable(dtype, shape):
        raise _unavailable(record, "its row says a type or shape that no artifact has")
    return dtype, shape


def _unavailable(record: ArtifactRecord, problem: str) -> ArtifactUnavailable:
    return ArtifactUnavailable(
        f"the array {record.name!r} of the run is not available: {problem}", hint="compute the run again"
    )
