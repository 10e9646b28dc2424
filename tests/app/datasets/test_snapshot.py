"""Snapshots: immutable panels on disk."""

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.datasets import snapshot
from app.datasets.fingerprint import fingerprint
from app.datasets.snapshot import (
    open_snapshot,
    remove_snapshot,
    snapshot_fingerprints,
    verify_snapshot,
    write_snapshot,
)
from app.errors import DatasetDamaged, DatasetUnavailable, StorageFailure
from app.storage import file_hashes
from engine.panel import Calendar, Panel
from tests.app.datasets.files import damage, flip_in_manifest, rewrite_manifest, small_panel


def assert_same(left: Panel, right: Panel) -> None:
    np.testing.assert_array_equal(left.dates, right.dates)
    assert left.dates.dtype == right.dates.dtype
    assert (left.assets, left.calendar, dict(left.attributes)) == (
        right.assets,
        right.calendar,
        dict(right.attributes),
    )
    assert left.fields.keys() == right.fields.keys()
    for name, values in left.fields.items():
        np.testing.assert_array_equal(values, right.fields[name])


def states(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """Whatever would show that a file was written."""
    stats = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    return {path: (stat.st_ino, stat.st_mtime_ns, stat.st_size) for path, stat in stats.items()}


def test_a_panel_comes_back_as_it_was(tmp_path: Path) -> None:
    panel = replace(small_panel(), calendar=Calendar.OBSERVED)

    name = write_snapshot(panel, tmp_path, extra={"name": "test"})

    assert name == fingerprint(panel)
    assert_same(open_snapshot(tmp_path, name), panel)
    assert fingerprint(open_snapshot(tmp_path, name)) == name
    verify_snapshot(tmp_path, name)


def test_fields_are_memory_mapped_and_read_only(tmp_path: Path) -> None:
    panel = open_snapshot(tmp_path, write_snapshot(small_panel(), tmp_path))

    for values in panel.fields.values():
        assert isinstance(values.base, np.memmap)
        assert not values.flags.writeable


def test_names_of_fields_never_become_paths(tmp_path: Path) -> None:
    panel = small_panel()
    panel = replace(panel, fields={**panel.fields, "../../escape": panel.fields["price"]})

    name = write_snapshot(panel, tmp_path / "datasets")

    assert [path.name for path in tmp_path.iterdir()] == ["datasets"]
    assert "../../escape" in open_snapshot(tmp_path / "datasets", name).fields


def test_writing_what_exists_touches_nothing(tmp_path: Path) -> None:
    name = write_snapshot(small_panel(), tmp_path)
    before = states(tmp_path)

    assert write_snapshot(small_panel(), tmp_path, extra={"another": "note"}) == name

    assert states(tmp_path) == before


def test_writing_again_replaces_a_damaged_snapshot(tmp_path: Path) -> None:
    name = write_snapshot(small_panel(), tmp_path)
    path = tmp_path / name / "array-001.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")

    assert write_snapshot(small_panel(), tmp_path) == name

    verify_snapshot(tmp_path, name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_snapshot_that_is_gone_or_damaged_is_unavailable(tmp_path: Path) -> None:
    name = write_snapshot(small_panel(), tmp_path)
    with pytest.raises(DatasetUnavailable, match="is not in ") as caught:
        open_snapshot(tmp_path, "0" * 64)
    assert caught.value.hint == "ingest the file again"

    os.truncate(tmp_path / name / "array-002.npy", 10)
    with pytest.raises(DatasetUnavailable, match="has 10 bytes"):
        open_snapshot(tmp_path, name)


def test_a_field_with_a_changed_bit_is_damaged_once_it_is_read(tmp_path: Path) -> None:
    name = write_snapshot(small_panel(), tmp_path)
    panel = open_snapshot(tmp_path, name)
    first, second, *_ = panel.fields
    assert panel.fields[first].shape == panel.fields[second].shape
    damage(tmp_path / name, f"field:{first}")

    panel = open_snapshot(tmp_path, name)
    assert list(panel.fields) == sorted(small_panel().fields)
    assert panel.fields[second].size
    with pytest.raises(DatasetDamaged, match=f"field {first} ") as caught:
        panel.fields[first]
    assert (caught.value.code, caught.value.hint) == ("DATASET_DAMAGED", "ingest the file again")
    write_snapshot(small_panel(), tmp_path)
    np.testing.assert_array_equal(open_snapshot(tmp_path, name).fields[first], small_panel().fields[first])


def test_damaged_dates_are_found_at_once(tmp_path: Path) -> None:
    name = write_snapshot(small_panel(), tmp_path)
    damage(tmp_path / name, "dates")
    with pytest.raises(DatasetDamaged, match="file of dates"):
        open_snapshot(tmp_path, name)


def test_only_what_is_there_can_be_damaged(tmp_path: Path) -> None:
    with pytest.raises(DatasetUnavailable) as caught:
        open_snapshot(tmp_path, "0" * 64)
    assert caught.value.code == "DATASET_UNAVAILABLE"


def test_a_snapshot_in_anothers_place_is_unavailable(tmp_path: Path) -> None:
    name = write_snapshot(small_panel(), tmp_path)
    (tmp_path / name).rename(tmp_path / ("0" * 64))

    with pytest.raises(DatasetUnavailable, match="belongs to another dataset"):
        open_snapshot(tmp_path, "0" * 64)


@pytest.mark.parametrize("word", ["asset-01", "defi"])
def test_a_changed_bit_of_the_manifest_is_damage(tmp_path: Path, word: str) -> None:
    name = write_snapshot(small_panel(), tmp_path)
    flip_in_manifest(tmp_path / name, word)

    for look in (open_snapshot, verify_snapshot):
        with pytest.raises(DatasetDamaged, match=r"manifest.json has changed"):
            look(tmp_path, name)
    write_snapshot(small_panel(), tmp_path)
    assert_same(open_snapshot(tmp_path, name), small_panel())


@pytest.mark.parametrize("word", ["sector", "defi"])
def test_a_manifest_without_a_hash_is_compared_with_the_fingerprint(tmp_path: Path, word: str) -> None:
    name = write_snapshot(small_panel(), tmp_path)
    rewrite_manifest(tmp_path / name, sealed=False)
    assert_same(open_snapshot(tmp_path, name), small_panel())
    flip_in_manifest(tmp_path / name, word)

    for look in (open_snapshot, verify_snapshot, open_snapshot):
        with pytest.raises(DatasetDamaged, match="content does not have its fingerprint"):
            look(tmp_path, name)


def test_a_snapshot_whose_manifest_has_no_hash_is_read_whole_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by another process that is told of it; and it stays as it is."""
    name = write_snapshot(small_panel(), tmp_path)
    rewrite_manifest(tmp_path / name, sealed=False)
    before = states(tmp_path)
    open_snapshot(tmp_path, name)
    told = file_hashes.known_hashes(str(tmp_path))
    monkeypatch.setattr(file_hashes, "_hashes", {})
    file_hashes.remember_hashes(told)
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "fingerprint", None)
        assert_same(open_snapshot(tmp_path, name), small_panel())

    write_snapshot(small_panel(), tmp_path)
    assert states(tmp_path) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"format": 1', '"format": 2'),
        ('"calendar": "EVERY_DAY"', '"calendar": "LUNAR"'),
        ('"asset-00",', ""),
        ('"field:price"', '"price"'),
    ],
)
def test_a_manifest_that_fits_no_panel_is_unavailable(tmp_path: Path, old: str, new: str) -> None:
    name = write_snapshot(replace(small_panel(), attributes={}), tmp_path)
    rewrite_manifest(tmp_path / name, sealed=False)
    path = tmp_path / name / "manifest.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))

    if old == '"field:price"':
        with pytest.raises(DatasetUnavailable):
            verify_snapshot(tmp_path, name)
    else:
        with pytest.raises(DatasetUnavailable):
            open_snapshot(tmp_path, name)


@pytest.mark.parametrize("name", ["", "..", "../" + "a" * 61, "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_only_fingerprints_are_looked_up(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetUnavailable, match="is not a fingerprint"):
        open_snapshot(tmp_path, name)


def test_a_full_disk_is_a_storage_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("app.storage.folders.os.fsync", full)

    with pytest.raises(StorageFailure) as caught:
        write_snapshot(small_panel(), tmp_path)

    assert caught.value.message == "the dataset cannot be written: No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_a_directory_without_permission_is_a_storage_failure(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    was_root = os.geteuid() == 0
    if was_root:  # root may write anywhere
        os.seteuid(65534)
    try:
        with pytest.raises(StorageFailure, match="Permission denied"):
            write_snapshot(small_panel(), locked)
    finally:
        if was_root:
            os.seteuid(0)

    assert list(locked.iterdir()) == []


def test_snapshots_are_listed_and_removed(tmp_path: Path) -> None:
    first = write_snapshot(small_panel(), tmp_path)
    second = write_snapshot(small_panel(seed=2), tmp_path)
    (tmp_path / ".temporary-1-x").mkdir()
    assert snapshot_fingerprints(tmp_path) == {first, second}

    remove_snapshot(tmp_path, first)
    remove_snapshot(tmp_path, first)

    assert snapshot_fingerprints(tmp_path) == {second}
    assert snapshot_fingerprints(tmp_path / "gone") == frozenset()


def test_young_snapshots_are_told_from_old_ones(tmp_path: Path) -> None:
    """One that is written again is young again, as its row is about to be committed."""
    old, again = write_snapshot(small_panel(), tmp_path), write_snapshot(small_panel(seed=2), tmp_path)
    for name in (old, again):
        os.utime(tmp_path / name, (time.time() - 7200, time.time() - 7200))
    write_snapshot(small_panel(seed=2), tmp_path)
    young = write_snapshot(small_panel(seed=3), tmp_path)

    assert snapshot_fingerprints(tmp_path, min_age_seconds=3600) == {old}
    assert snapshot_fingerprints(tmp_path) == {old, again, young}


def test_removing_spares_what_is_written_again_at_the_same_time(tmp_path: Path) -> None:
    panel = small_panel()
    name = write_snapshot(panel, tmp_path)

    def remove_later(seconds: float) -> None:
        time.sleep(seconds)
        remove_snapshot(tmp_path, name, min_age_seconds=3600)

    with ThreadPoolExecutor(1) as other:
        for attempt in range(100):
            os.utime(tmp_path / name, (0, 0))
            removing = other.submit(remove_later, attempt * 2e-5)
            assert write_snapshot(panel, tmp_path) == name
            removing.result()
            verify_snapshot(tmp_path, name)

    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_format_of_kept_snapshots_is_the_first() -> None:
    assert snapshot.FORMAT == 1
