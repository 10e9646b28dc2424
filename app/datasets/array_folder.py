"""A folder of named arrays that appears whole or not at all; each is checked and memory-mapped when read.

Written under a temporary name, every file and folder fsynced, then renamed. Layout: one .npy file an array
and manifest.json, which has each array's file, size, shape, type and SHA-256 beside the writer's document,
and the SHA-256 of all this as JSON without spaces, its keys in order:

    {"arrays": {"price": {"file": "array-000.npy", "bytes": 928, "shape": [10, 10], "dtype": "<f8",
                          "sha256": "..."}},
     "document": {...},
     "sha256": "..."}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from app.storage.file_hashes import KnownHash, file_hash, file_identity, forget_hashes
from app.storage.folders import make_folder, sync_file, sync_folder, temporary_folder

_MANIFEST: Final = "manifest.json"
_SEAL: Final = "sha256"
_FILE_NAME_LENGTH = len("array-000.npy")


class DamagedFolder(Exception):
    """The folder is incomplete, or not what its manifest says; the message says which."""


class AbsentFolder(DamagedFolder):
    """There is no such folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayFolder:
    """The content of a manifest. entries: of each array. shapes: by the array's name. document: the writer's.

    is_sealed: whether the manifest has a hash of itself, and so was compared with it. manifest: its file.
    """

    folder: Path
    entries: Mapping[str, Mapping[str, Any]]
    shapes: Mapping[str, tuple[int, ...]]
    document: Mapping[str, Any]
    is_sealed: bool
    manifest: KnownHash

    def read(self, name: str) -> NDArray[Any]:
        """Return an array as a read-only memory map, once its file is found to be what was written.

        Its SHA-256 is taken once a process, and again when the file has changed (see
        app.storage.file_hashes). Raises DamagedFolder.
        """
        entry = self.entries[name]
        what = _file_of(name, entry)
        try:
            # One descriptor for all: what is hashed is what is mapped.
            with (self.folder / entry["file"]).open("rb") as file:
                if file_hash(file, file.name) != entry["sha256"]:
                    raise DamagedFolder(f"{what} has changed")
                array = _mapped(file, self.shapes[name])
        except OSError as error:
            raise DamagedFolder(f"{what} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise DamagedFolder(f"{what} cannot be read: {error}") from error
        if array.shape != self.shapes[name] or array.dtype.str != entry["dtype"]:
            raise DamagedFolder(f"{what} holds another array than it should")
        return array


def write_array_folder(
    target: Path, arrays: Iterable[tuple[str, NDArray[Any]]], document: Mapping[str, Any]
) -> bool:
    """Write `target` whole; False when another process was faster, whose folder then stays.

    arrays: (name, array), taken one at a time.
    Raises OSError, and leaves nothing behind then.
    """
    make_folder(target.parent)
    with temporary_folder(target.parent) as temporary:
        entries = {}
        for number, (name, array) in enumerate(arrays):
            file = f"array-{number:03d}.npy"
            entries[name] = {
                "file": file,
                "shape": list(array.shape),
                "dtype": array.dtype.str,
                **_write_array(temporary / file, array),
            }
        content = {"arrays": entries, "document": document}
        manifest = json.dumps({**content, _SEAL: _seal(content)}, indent=1, sort_keys=True)
        _write_synced(temporary / _MANIFEST, manifest.encode())
        sync_folder(temporary)
        try:
            temporary.rename(target)
        except OSError:
            if target.is_dir():
                return False
            raise
        sync_folder(target.parent)
        return True


def read_array_folder(folder: Path, *, must_be_sealed: bool = True) -> ArrayFolder:
    """Read the manifest, and compare it with its hash. All files must be there and have their sizes; contents
    are checked by `read`.

    must_be_sealed: whether a manifest without a hash, as older versions wrote it, counts as damaged.
    Raises DamagedFolder, of which AbsentFolder is one.
    """
    folder = folder.resolve()  # one name for a file in all processes
    manifest, file = _read_manifest(folder)
    is_sealed = _SEAL in manifest
    if must_be_sealed and not is_sealed:
        raise DamagedFolder(f"{_MANIFEST} has no hash of itself")
    if is_sealed and manifest.pop(_SEAL) != _seal(manifest):
        raise DamagedFolder(f"{_MANIFEST} has changed")
    try:
        entries = manifest["arrays"]
        for name, entry in entries.items():
            _check_size(folder, name, entry)
        return ArrayFolder(
            shapes={name: tuple(map(int, entry["shape"])) for name, entry in entries.items()},
            document=manifest["document"],
            folder=folder,
            entries=entries,
            is_sealed=is_sealed,
            manifest=file,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFolder(f"{_MANIFEST} is not understood") from error


def verify_array_folder(folder: Path, *, must_be_sealed: bool = True) -> ArrayFolder:
    """Like read_array_folder, and reads every file whole, whatever is remembered of it."""
    result = read_array_folder(folder, must_be_sealed=must_be_sealed)
    forget_hashes(f"{result.folder}/")
    for name in result.shapes:
        result.read(name)
    return result


def _seal(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


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
        sync_file(file)
    return {"bytes": writer.size, "sha256": writer.hexdigest()}


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        sync_file(file)


# -- reading -----------------------------------------------------------------------------------------------


def _read_manifest(folder: Path) -> tuple[dict[str, Any], KnownHash]:
    try:
        with (folder / _MANIFEST).open("rb") as file:
            identity = file_identity(file, file.name)  # before: what changes meanwhile looks different after
            content = file.read()
        manifest = json.loads(content)
    except FileNotFoundError as error:
        if not folder.exists():
            raise AbsentFolder("it is not there") from error
        raise DamagedFolder(f"{_MANIFEST} is missing") from error
    except OSError as error:
        raise DamagedFolder(f"{_MANIFEST} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DamagedFolder(f"{_MANIFEST} is not JSON") from error
    if not isinstance(manifest, dict) or not {"arrays", "document"} <= manifest.keys():
        raise DamagedFolder(f"{_MANIFEST} is not understood")
    return manifest, KnownHash(identity, hashlib.sha256(content).hexdigest())


def _check_size(folder: Path, name: str, entry: Mapping[str, Any]) -> None:
    file = entry["file"]
    if Path(file).name != file or len(file) > _FILE_NAME_LENGTH + 3:
        raise DamagedFolder(f"{_MANIFEST} names a file elsewhere")
    try:
        size = (folder / file).stat().st_size
    except FileNotFoundError as error:
        raise DamagedFolder(f"{_file_of(name, entry)} is missing") from error
    except OSError as error:
        raise DamagedFolder(f"{_file_of(name, entry)} cannot be read: {error.strerror}") from error
    if size != entry["bytes"]:
        raise DamagedFolder(f"{_file_of(name, entry)} has {size} bytes instead of {entry['bytes']}")


def _mapped(file: BufferedReader, shape: tuple[int, ...]) -> NDArray[Any]:
    """The array of an open .npy file. Raises ValueError, OSError."""
    file.seek(0)
    if 0 in shape:  # cannot be mapped
        return np.asarray(np.load(file, allow_pickle=False))
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("it has another version of the format")
    found, fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    order: Any = "F" if fortran_order else "C"
    mapped = np.memmap(file, dtype=dtype, mode="r", offset=file.tell(), shape=found, order=order)
    return np.asarray(mapped)  # plain arrays are quicker to use than memmap objects


def _file_of(name: str, entry: Mapping[str, Any]) -> str:
    return f"the file of {name.replace(':', ' ')} ({entry['file']})"
