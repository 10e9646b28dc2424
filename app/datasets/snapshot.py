"""Immutable snapshots of panels on disk: one folder a fingerprint, memory-mapped when opened.

Imported by the processes that compute, so it needs numpy and the engine only.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.datasets.array_folder import (
    AbsentFolder,
    ArrayFolder,
    DamagedFolder,
    read_array_folder,
    verify_array_folder,
    write_array_folder,
)
from app.datasets.fingerprint import (
    canonical,
    changes_from_json,
    changes_to_json,
    days_of,
    fingerprint,
)
from app.errors import DatasetDamaged, DatasetUnavailable, StorageFailure
from app.storage.file_hashes import known_hash, remember_hashes
from app.storage.folders import remove_folder
from engine.panel import Calendar, FieldsOnDemand, FloatArray, Panel

FORMAT: Final = 1
FORMAT_WITH_CHANGES: Final = 2
"""Of panels whose attributes change: what reads FORMAT alone must not take them for constant."""
_DATES: Final = "dates"
_FIELD_PREFIX: Final = "field:"
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")

__all__ = [
    "fingerprint",
    "has_snapshot",
    "open_snapshot",
    "remove_snapshot",
    "snapshot_fingerprints",
    "verify_snapshot",
    "write_snapshot",
]


def write_snapshot(
    panel: Panel, datasets_dir: Path, *, extra: Mapping[str, Any] = MappingProxyType({})
) -> str:
    """Put the panel into datasets_dir/<fingerprint> and return the fingerprint.

    A snapshot that exists is left alone; only one whose files are damaged is replaced. Several processes may
    write the same panel at once. extra: what the manifest is to keep besides, JSON types.
    Raises StorageFailure, with nothing left behind.
    """
    name = fingerprint(panel)
    folder = datasets_dir / name
    document: dict[str, Any] = {
        "format": FORMAT,
        "fingerprint": name,
        "calendar": panel.calendar.value,
        "assets": list(panel.assets),
        "attributes": {attribute: list(values) for attribute, values in panel.attributes.items()},
        "extra": dict(extra),
    }
    if panel.attribute_changes:
        document["format"] = FORMAT_WITH_CHANGES
        document["attribute_changes"] = changes_to_json(panel.attribute_changes)
    try:
        try:
            os.utime(folder)  # young again: its row may be about to be committed
            verify_snapshot(datasets_dir, name)
        except FileNotFoundError:
            pass  # it is new, or has just been removed
        except DatasetUnavailable:
            remove_folder(folder)
        else:
            return name
        write_array_folder(folder, _arrays(panel), document)
    except OSError as error:
        raise StorageFailure(
            f"the dataset cannot be written: {error.strerror or error}",
            hint=f"check free space and permissions of {datasets_dir}",
        ) from error
    return name


def open_snapshot(datasets_dir: Path, fingerprint: str) -> Panel:
    """Return the panel, its fields read-only memory maps.

    Sizes of all files are checked, contents of those alone that are read, when they are: the first time that
    a field is asked for may take its time, and raise what this raises. A snapshot of an older version, whose
    manifest has no hash, is read whole once, and again when its manifest has changed.
    Raises DatasetUnavailable, of which DatasetDamaged is one.
    """
    folder = _folder(datasets_dir, fingerprint)
    try:
        content = read_array_folder(folder, must_be_sealed=False)
        panel = _panel(content, fingerprint)
        if not content.is_sealed and known_hash(content.manifest.identity) != content.manifest.sha256:
            _check_fingerprint(panel, content, fingerprint)
        return panel
    except DamagedFolder as error:
        raise _unavailable(folder, error) from error


def verify_snapshot(datasets_dir: Path, name: str) -> None:
    """Read every file whole and compare it with its hash, and all together with the fingerprint.

    Raises DatasetUnavailable.
    """
    folder = _folder(datasets_dir, name)
    try:
        content = verify_array_folder(folder, must_be_sealed=False)
        _check_fingerprint(_panel(content, name), content, name)
    except DamagedFolder as error:
        raise _unavailable(folder, error) from error


def has_snapshot(datasets_dir: Path, fingerprint: str) -> bool:
    """Return whether the folder of a snapshot is there, whatever state its files are in."""
    return bool(_FINGERPRINT.fullmatch(fingerprint)) and (datasets_dir / fingerprint).is_dir()


def snapshot_fingerprints(datasets_dir: Path, *, min_age_seconds: float = 0.0) -> frozenset[str]:
    """All snapshots that have a folder, or those that were last written, or found again, that long ago.

    A snapshot is in place before its row is committed, so what removes snapshots without a row must spare the
    young ones.
    """
    if not datasets_dir.is_dir():
        return frozenset()
    youngest = time.time() - min_age_seconds
    names = []
    for path in datasets_dir.iterdir():
        with suppress(FileNotFoundError):
            if _FINGERPRINT.fullmatch(path.name) and path.stat().st_mtime <= youngest:
                names.append(path.name)
    return frozenset(names)


def remove_snapshot(datasets_dir: Path, fingerprint: str, *, min_age_seconds: float | None = None) -> None:
    """Delete a snapshot's files, unless they were written, or found again, since then; one that is gone
    already is fine. Raises StorageFailure."""
    try:
        remove_folder(_folder(datasets_dir, fingerprint), min_age_seconds=min_age_seconds)
    except OSError as error:
        raise StorageFailure(f"the dataset's files cannot be deleted: {error.strerror or error}") from error


def _folder(datasets_dir: Path, name: str) -> Path:
    if not _FINGERPRINT.fullmatch(name):
        raise DatasetUnavailable(f"{name[:80]!r} is not a fingerprint")
    return datasets_dir / name


def _arrays(panel: Panel) -> Iterator[tuple[str, NDArray[Any]]]:
    yield _DATES, days_of(panel.dates)
    for field in sorted(panel.fields):
        yield _FIELD_PREFIX + field, canonical(panel.fields[field])


def _panel(content: ArrayFolder, name: str) -> Panel:
    document = content.document
    if document.get("format") not in (FORMAT, FORMAT_WITH_CHANGES):
        raise _WrongFormat(f"its format {document.get('format')!r} is not understood by this version")
    if document.get("fingerprint") != name:
        raise DamagedFolder("it belongs to another dataset")
    changed = document["format"] == FORMAT_WITH_CHANGES
    shapes = {
        array.removeprefix(_FIELD_PREFIX): shape
        for array, shape in content.shapes.items()
        if array.startswith(_FIELD_PREFIX)
    }

    def field(field_name: str) -> FloatArray:
        try:
            return content.read(_FIELD_PREFIX + field_name)
        except DamagedFolder as error:
            raise _unavailable(content.folder, error) from error

    try:
        return Panel(
            dates=content.read(_DATES).astype(np.int64).astype("datetime64[D]"),
            assets=tuple(document["assets"]),
            fields=FieldsOnDemand(shapes, field),
            calendar=Calendar(document["calendar"]),
            attributes={attribute: tuple(values) for attribute, values in document["attributes"].items()},
            attribute_changes=changes_from_json(document["attribute_changes"]) if changed else {},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFolder(f"its manifest does not describe a panel ({error})") from error


def _check_fingerprint(panel: Panel, content: ArrayFolder, name: str) -> None:
    """Read all fields; that the manifest was found to be right is remembered like the hash of a file.

    Raises DamagedFolder, DatasetUnavailable.
    """
    if fingerprint(panel) != name:
        raise DamagedFolder("its content does not have its fingerprint")
    remember_hashes([content.manifest])


class _WrongFormat(DamagedFolder):
    pass


def _unavailable(folder: Path, error: DamagedFolder) -> DatasetUnavailable:
    hint = "ingest the file again"
    if isinstance(error, AbsentFolder):
        return DatasetUnavailable(f"dataset {folder.name[:12]} is not in {folder.parent}", hint=hint)
    kind = DatasetUnavailable if isinstance(error, _WrongFormat) else DatasetDamaged
    return kind(f"the files of dataset {folder.name[:12]} cannot be used: {error}", hint=hint)
