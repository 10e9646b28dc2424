"""What is opened is what was written, inside the data directory, or a typed error."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from app.errors import ArtifactUnavailable
from app.storage import file_hashes
from app.storage.artifacts import reader
from app.storage.artifacts.reader import open_artifact
from app.storage.artifacts.writer import ArtifactWriter
from db.records import ArtifactRecord

ARRAY = np.random.default_rng(3).normal(size=(50, 20, 3))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def record(data_dir: Path) -> ArtifactRecord:
    return keep(data_dir, ARRAY)


def keep(data_dir: Path, array: np.ndarray) -> ArtifactRecord:
    with ArtifactWriter(data_dir / "artifacts") as writer:
        writer.add("scores", array)
        (written,) = writer.finish()
    return ArtifactRecord(**asdict(written))


def refused(data_dir: Path, record: ArtifactRecord) -> str:
    with pytest.raises(ArtifactUnavailable) as caught:
        open_artifact(data_dir, record)
    assert caught.value.code == "ARTIFACT_UNAVAILABLE"
    assert caught.value.hint
    assert "'scores'" in caught.value.message
    assert "\n" not in str(caught.value)
    assert str(data_dir) not in str(caught.value)
    return caught.value.message.split("not available: ")[1]


def hashed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever a file is read whole."""
    calls: list[int] = []
    digest = file_hashes.hashlib.file_digest

    def counted(file, name):
        calls.append(1)
        return digest(file, name)

    monkeypatch.setattr(file_hashes.hashlib, "file_digest", counted)
    return calls


def test_an_artifact_is_mapped_and_cannot_be_written(data_dir: Path, record: ArtifactRecord) -> None:
    array = open_artifact(data_dir, record)
    np.testing.assert_array_equal(array, ARRAY, strict=True)
    assert isinstance(array.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 5)),
        np.zeros((4, 0), dtype=np.bool_),
        np.array([True, False]),
        np.arange(6, dtype=np.int32).reshape(1, 6),
        np.array([np.nan, np.inf, -0.0]),
    ],
)
def test_arrays_of_every_kind_come_back(data_dir: Path, array: np.ndarray) -> None:
    read = open_artifact(data_dir, keep(data_dir, array))
    np.testing.assert_array_equal(read, array, strict=True)
    assert not read.flags.writeable


def test_whoever_has_it_open_keeps_it_when_it_is_removed(data_dir: Path, record: ArtifactRecord) -> None:
    array = open_artifact(data_dir, record)
    shutil.rmtree(data_dir)
    np.testing.assert_array_equal(array, ARRAY)
    assert refused(data_dir, record) == "its file is missing"


def test_those_who_have_it_open_at_once_share_one_open_file(data_dir: Path, record: ArtifactRecord) -> None:
    def open_files() -> int:
        found = 0
        for one in Path("/proc/self/fd").iterdir():
            with suppress(FileNotFoundError):  # that of this very look
                found += data_dir in one.readlink().parents
        return found

    with ThreadPoolExecutor(8) as pool:
        arrays = list(pool.map(lambda _: open_artifact(data_dir, record), range(40)))
    assert open_files() == 1
    parts = [array[3] for array in arrays]
    del arrays
    np.testing.assert_array_equal(open_artifact(data_dir, record), ARRAY)
    assert open_files() == 1, "parts keep it open as well"
    del parts
    assert open_files() == 0
    np.testing.assert_array_equal(open_artifact(data_dir, record), ARRAY)


def test_a_missing_file_is_said_so(data_dir: Path, record: ArtifactRecord) -> None:
    (data_dir / record.path).unlink()
    assert refused(data_dir, record) == "its file is missing"


@pytest.mark.parametrize("size", [0, 5, 100, 128, 1000, 24_127])
def test_a_truncated_file_has_changed(data_dir: Path, record: ArtifactRecord, size: int) -> None:
    os.truncate(data_dir / record.path, size)
    assert refused(data_dir, record).startswith(f"its file has changed: it has {size:,} bytes instead of")
    # and where the row agrees with it
    assert refused(data_dir, replace(record, byte_count=size)).startswith("its file has changed")


@pytest.mark.parametrize("place", [0, 7, 9, 30, 127, 128, 5_000, 24_127])
def test_one_flipped_byte_anywhere_has_changed_it(data_dir: Path, record: ArtifactRecord, place: int) -> None:
    """In the magic, the header's length, the header, its padding, and the numbers."""
    content = bytearray((data_dir / record.path).read_bytes())
    assert len(content) == 24_128
    content[place] ^= 1
    (data_dir / record.path).write_bytes(content)
    assert refused(data_dir, record).startswith("its file has changed: ")


@pytest.mark.parametrize(
    "other",
    [
        ARRAY.reshape(20, 50, 3),
        ARRAY.reshape(3000),
        ARRAY.view("<i8"),
        ARRAY.astype(">f8"),
        np.asfortranarray(ARRAY),
        ARRAY.view("<M8[s]"),
    ],
)
def test_another_array_in_its_place_has_changed_it(
    data_dir: Path, record: ArtifactRecord, other: np.ndarray
) -> None:
    np.save(data_dir / record.path, other)
    content = (data_dir / record.path).read_bytes()
    assert len(content) == record.byte_count
    agreeing = replace(record, sha256=hashlib.sha256(content).hexdigest())
    for one in (record, agreeing):
        assert refused(data_dir, one).startswith("its file has changed: ")


def test_objects_are_never_loaded(data_dir: Path, record: ArtifactRecord) -> None:
    np.save(data_dir / record.path, np.array([{}, []], dtype=object), allow_pickle=True)
    content = (data_dir / record.path).read_bytes()
    agreeing = replace(
        record,
        dtype="|O",
        shape=(2,),
        byte_count=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    assert refused(data_dir, agreeing) == "its row says a type or shape that no artifact has"


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": ">f8"},
        {"dtype": "<U6"},
        {"dtype": "no type"},
        {"dtype": "f8,f8"},
        {"shape": ()},
        {"shape": (-50, -20, 3)},
        {"shape": ("x",)},
        {"shape": (2**40, 2**40)},
        {"dtype": "<i8"},
        {"shape": (3000,)},
    ],
)
def test_a_row_that_says_something_else_is_refused(data_dir: Path, record: ArtifactRecord, changes) -> None:
    assert refused(data_dir, replace(record, **changes))


@pytest.mark.parametrize(
    "path",
    [
        "../secret.npy",
        "artifacts/../secret.npy",
        "artifacts/{folder}/../../secret.npy",
        "artifacts/../artifacts/{folder}/scores.npy",
        "/{folder}/scores.npy",
        "datasets/{folder}/scores.npy",
        "artifacts/{folder}/",
        "artifacts/{folder}",
        "artifacts//scores.npy",
        "artifacts/{folder}/scores",
        "artifacts/{folder}/..npy",
        "artifacts/{folder}/scores.npy\0",
        "artifacts/{folder}\\scores.npy",
        "artifacts/.temporary-1/scores.npy",
        "",
    ],
)
def test_a_path_that_leads_elsewhere_is_never_opened(
    data_dir: Path, record: ArtifactRecord, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(data_dir / record.path, data_dir / "secret.npy")
    shutil.copytree(data_dir / "artifacts", data_dir / "datasets")
    monkeypatch.setattr(reader.os, "open", lambda *given, **named: pytest.fail("it was opened"))
    elsewhere = replace(record, path=path.format(folder=record.path.split("/")[1]))
    assert refused(data_dir, elsewhere) == "its path is not that of an artifact"


def test_symbolic_links_are_not_followed(data_dir: Path, record: ArtifactRecord, tmp_path: Path) -> None:
    file = data_dir / record.path
    file.rename(tmp_path / "moved.npy")
    file.symlink_to(tmp_path / "moved.npy")
    assert refused(data_dir, record).startswith("its file cannot be opened")
    file.unlink()
    (tmp_path / "moved.npy").rename(file)
    open_artifact(data_dir, record)
    file.parent.rename(tmp_path / "folder")
    file.parent.symlink_to(tmp_path / "folder")
    assert refused(data_dir, record).startswith("its file cannot be opened")


def test_what_is_no_file_is_refused_without_waiting(data_dir: Path, record: ArtifactRecord) -> None:
    file = data_dir / record.path
    file.unlink()
    os.mkfifo(file)
    assert refused(data_dir, record) == "there is no file in its place"
    file.unlink()
    file.mkdir()
    assert refused(data_dir, record) == "there is no file in its place"


def test_artifacts_may_be_on_another_disk(data_dir: Path, record: ArtifactRecord, tmp_path: Path) -> None:
    """What the operator links is the operator's: only what is inside must be plain."""
    (data_dir / "artifacts").rename(tmp_path / "large")
    (data_dir / "artifacts").symlink_to(tmp_path / "large")
    np.testing.assert_array_equal(open_artifact(data_dir, record), ARRAY)


# -- the hash is remembered, not what it was of ------------------------------------------------------------


def test_the_hash_is_taken_once(
    data_dir: Path, record: ArtifactRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = hashed(monkeypatch)
    for _ in range(3):
        open_artifact(data_dir, record)
    assert len(calls) == 1
    wrong = replace(record, sha256="0" * 64)
    assert refused(data_dir, wrong) == "its file has changed: its content is not what was written"


def test_threads_that_open_it_at_once_hash_it_once(
    data_dir: Path, record: ArtifactRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = hashed(monkeypatch)
    together = threading.Barrier(8)

    def read(_: int) -> float:
        together.wait()
        return float(open_artifact(data_dir, record).sum())

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(8))) == {float(ARRAY.sum())}
    assert len(calls) == 1


def test_a_file_that_was_replaced_is_hashed_again(data_dir: Path, record: ArtifactRecord) -> None:
    open_artifact(data_dir, record)
    file = data_dir / record.path
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    times = file.stat()
    other = file.with_name("other.npy")
    other.write_bytes(content)
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.rename(file)
    assert refused(data_dir, record).endswith("its content is not what was written")


def test_a_file_that_was_changed_in_place_is_hashed_again(data_dir: Path, record: ArtifactRecord) -> None:
    """Even by somebody who sets the time of the modification back."""
    open_artifact(data_dir, record)
    file = data_dir / record.path
    times = file.stat()
    with file.open("r+b") as opened:
        opened.seek(-1, os.SEEK_END)
        opened.write(bytes([file.read_bytes()[-1] ^ 1]))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert refused(data_dir, record).endswith("its content is not what was written")


def test_what_is_remembered_has_a_limit(
    data_dir: Path, record: ArtifactRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_hashes, "_REMEMBERED", 2)
    monkeypatch.setattr(file_hashes, "_hashes", {})
    records = [record, keep(data_dir, ARRAY), keep(data_dir, ARRAY)]
    calls = hashed(monkeypatch)
    for one in (*records, records[2], records[1], records[0]):
        open_artifact(data_dir, one)
    assert (len(file_hashes._hashes), len(calls)) == (2, 4)
