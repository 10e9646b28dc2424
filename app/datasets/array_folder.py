"""A folder of named arrays that appears whole or not at all, and is memory-mapped when read.

Written under a temporary name, every file and folder fsynced, then renamed. Layout: one .npy file an array
and manifest.json, which has each array's file, size, shape, type and SHA-256 beside the writer's document:

    {"arrays": {"price": {"file": "array-000.npy", "bytes": 928, "shape": [10, 10], "dtype": "<f8",
                          "sha256": "..."}},
     "document": {...}}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from app.folders import make_folder, sync_file, sync_folder, temporary_folder

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
        manifest = json.dumps({"arrays": entries, "document": document}, indent=1, sort_keys=True)
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
