"""Writes a run's artifacts: rows come in any order and from several threads, the folder appears whole or not
at all. Imported by the processes that compute, so it needs numpy and the standard library only.
"""

from __future__ import annotations

import errno
import hashlib
import io
import math
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from app.errors import NoSpace, StorageFailure
from app.storage.artifacts.header import array_header, is_storable
from app.storage.artifacts.place import SUFFIX, artifact_path, is_artifact_name, new_folder_name
from app.storage.folders import make_folder, stale_temporaries, sync_file, sync_folder, temporary_folder

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenArtifact:
    """One file that was written. The fields are those of `db.records.ArtifactRecord`."""

    name: str
    path: str
    dtype: str
    shape: tuple[int, ...]
    byte_count: int
    sha256: str


class RowWriter:
    """One array, whose rows come in any order; each is written once."""

    def __init__(self, name: str, file: io.FileIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self.name = name
        self._file = file
        self._dtype = dtype
        self._shape = shape
        header = array_header(dtype, shape)
        self._start = len(header)
        self._row_bytes = dtype.itemsize * math.prod(shape[1:])
        self._lock = threading.Lock()
        self._taken = np.zeros(shape[0], dtype=np.bool_)
        self._written = np.zeros(shape[0], dtype=np.bool_)
        _write_at(self._file, header, 0)

    def write(self, first_row: int, array: NDArray[Any]) -> None:
        """Put rows at their place; several threads may do so at once.

        array: (t, ...) for rows first_row to first_row + t, of a type that numpy casts safely.
        Raises ValueError for another shape or type, rows outside the array, and rows that were written
        before; NoSpace, StorageFailure.
        """
        last_row = first_row + len(array)
        if array.shape[1:] != self._shape[1:] or not np.can_cast(array.dtype, self._dtype, "safe"):
            raise ValueError(
                f"{self.name}: rows of shape {array.shape[1:]} and type {array.dtype}, "
                f"not {self._shape[1:]} and {self._dtype}"
            )
        if not 0 <= first_row <= last_row <= self._shape[0]:
            raise ValueError(f"{self.name}: there are no rows {first_row} to {last_row} of {self._shape[0]}")
        with self._lock:
            if self._taken[first_row:last_row].any():
                raise ValueError(
                    f"{self.name}: of the rows {first_row} to {last_row} some were written before"
                )
            self._taken[first_row:last_row] = True
        content = np.ascontiguousarray(array, dtype=self._dtype)
        with storage_faults():
            _write_at(self._file, content.reshape(-1).view(np.uint8).data, self._offset(first_row))
        with self._lock:
            self._written[first_row:last_row] = True

    def _offset(self, row: int) -> int:
        return self._start + row * self._row_bytes

    def _finish(self, folder: str) -> WrittenArtifact:
        with self._lock:
            missing = np.flatnonzero(~self._written)
        if missing.size:
            raise ValueError(f"{self.name}: {missing.size} rows were not written, the first is {missing[0]}")
        sync_file(self._file)
        self._file.seek(0)
        digest = hashlib.file_digest(self._file, "sha256").hexdigest()
        return WrittenArtifact(
            name=self.name,
            path=artifact_path(folder, self.name),
            dtype=self._dtype.str,
            shape=self._shape,
            byte_count=self._offset(self._shape[0]),
            sha256=digest,
        )


class ArtifactWriter:
    """`with ArtifactWriter(artifacts_dir) as writer:` writes the artifacts of one run.

    They are in a temporary folder, locked as long as this process lives, until `finish` names it. Without
    that, or when `finish` fails, nothing is left behind; a killed process leaves the temporary folder, which
    the next writer removes (and `app.storage.folders.stale_temporaries` finds): many runs may be canceled in
    the days between two collections of garbage.
    """

    def __init__(self, artifacts_dir: Path) -> None:
        self._parent = artifacts_dir
        self._stack = ExitStack()
        self._folder: Path | None = None
        self._writers: dict[str, RowWriter] = {}
        self._finished = False

    def __enter__(self) -> ArtifactWriter:
        with storage_faults():
            make_folder(self._parent)
            _remove_leftovers(self._parent)
            self._folder = self._stack.enter_context(temporary_folder(self._parent))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._folder = None
        self._stack.close()

    def rows(self, name: str, dtype: DTypeLike, shape: Sequence[int]) -> RowWriter:
        """Begin an array whose rows come later.

        dtype: a type of numbers or truth values, stored little-endian; shape: of at least one axis.
        Raises ValueError for a name that is no artifact's or was used before, other types and shapes;
        NoSpace, StorageFailure.
        """
        folder = self._open_folder()
        stored = np.dtype(dtype).newbyteorder("<")
        lengths = tuple(int(length) for length in shape)
        if not is_artifact_name(name) or name in self._writers:
            raise ValueError(f"{name!r} is no name for an artifact, or one that is taken")
        if not is_storable(stored, lengths):
            raise ValueError(f"{name}: an artifact cannot have the type {stored} and the shape {lengths}")
        with storage_faults():
            file = self._stack.enter_context((folder / f"{name}{SUFFIX}").open("x+b", buffering=0))
            writer = RowWriter(name, file, stored, lengths)
        self._writers[name] = writer
        return writer

    def add(self, name: str, array: NDArray[Any]) -> None:
        """Write a whole array. Raises as `rows` does."""
        self.rows(name, array.dtype, array.shape).write(0, array)

    def finish(self) -> tuple[WrittenArtifact, ...]:
        """Put the folder under its name for good; what was written, in the order of `rows` and `add`.

        Raises ValueError where rows are missing; NoSpace, StorageFailure.
        """
        temporary = self._open_folder()
        name = new_folder_name()
        with storage_faults():
            written = tuple(writer._finish(name) for writer in self._writers.values())
            sync_folder(temporary)
            os.utime(temporary)  # young, however long the writing took: its run's row is not committed yet
            target = self._parent / name
            temporary.rename(target)
            self._finished = True
            try:
                sync_folder(self._parent)
            except OSError:
                shutil.rmtree(target, ignore_errors=True)
                raise
        return written

    def _open_folder(self) -> Path:
        if self._folder is None or self._finished:
            raise ValueError("artifacts are written inside `with`, and before `finish`")
        return self._folder


def _remove_leftovers(parent: Path) -> None:
    """Those of writers that were killed; whatever cannot be removed stays."""
    with suppress(OSError):
        for left in stale_temporaries(parent):
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def storage_faults() -> Iterator[None]:
    """Inside, an OSError is a NoSpace or a StorageFailure."""
    try:
        yield
    except OSError as error:
        hint = "check free space and permissions of the data directory"
        if error.errno in _FULL:
            raise NoSpace("there is no space left for the run's arrays", hint=hint) from error
        message = f"the run's arrays cannot be written: {error.strerror or error}"
        raise StorageFailure(message, hint=hint) from error


def _write_at(file: io.FileIO, content: bytes | memoryview, offset: int) -> None:
    rest = memoryview(content)
    while rest:
        count = os.pwrite(file.fileno(), rest, offset)
        rest, offset = rest[count:], offset + count
