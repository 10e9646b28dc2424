"""Folders of arrays: whole or not there, whatever happens to the writer."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from app.datasets.array_folder import (
    DamagedFolder,
    read_array_folder,
    verify_array_folder,
    write_array_folder,
)
from app.storage import file_hashes
from app.storage.folders import TEMPORARY_PREFIX, remove_folder, stale_temporaries
from tests.app.datasets.files import damage, flip_in_manifest, rewrite_manifest

ARRAYS = (
    ("price", np.arange(12.0).reshape(3, 4)),
    ("dates", np.array(["2021-01-01", "NaT"], dtype="datetime64[D]")),
    ("nothing", np.empty((0, 4))),
    ("flags", np.array([True, False])),
)


def write(target: Path) -> bool:
    return write_array_folder(target, ARRAYS, {"format": 1, "note": "é"})


def change_entry(folder: Path, **entry: object) -> None:
    """What the manifest says of the prices."""
    rewrite_manifest(folder, lambda manifest: manifest["arrays"]["price"].update(entry), sealed=True)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert write(tmp_path / "parents" / "made" / "x")

    content = read_array_folder(tmp_path / "parents" / "made" / "x")

    assert content.document == {"format": 1, "note": "é"}
    assert list(content.shapes) == sorted(name for name, _ in ARRAYS)
    for name, array in ARRAYS:
        np.testing.assert_array_equal(content.read(name), array)
        assert content.read(name).dtype == array.dtype


def test_arrays_are_memory_maps_that_cannot_be_written(tmp_path: Path) -> None:
    write(tmp_path / "x")

    price = read_array_folder(tmp_path / "x").read("price")

    assert isinstance(price.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        price[0, 0] = 1


def test_a_folder_that_exists_stays_as_it_is(tmp_path: Path) -> None:
    write(tmp_path / "x")
    before = (tmp_path / "x" / "manifest.json").stat()

    assert not write_array_folder(tmp_path / "x", [("price", np.zeros(3))], {})

    assert (tmp_path / "x" / "manifest.json").stat() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_only_the_named_files_are_in_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "x")

    names = sorted(path.name for path in (tmp_path / "x").iterdir())

    assert names == [*(f"array-{number:03d}.npy" for number in range(4)), "manifest.json"]


@pytest.mark.parametrize("file", ["array-000.npy", "manifest.json"])
def test_a_missing_file_is_noticed(tmp_path: Path, file: str) -> None:
    write(tmp_path / "x")
    (tmp_path / "x" / file).unlink()

    with pytest.raises(DamagedFolder, match=r"missing|not there"):
        read_array_folder(tmp_path / "x")


def test_a_truncated_file_is_noticed(tmp_path: Path) -> None:
    write(tmp_path / "x")
    os.truncate(tmp_path / "x" / "array-000.npy", 100)

    with pytest.raises(DamagedFolder, match=r"price \(array-000.npy\) has 100 bytes instead of 224"):
        read_array_folder(tmp_path / "x")


def test_another_array_of_the_same_size_is_noticed(tmp_path: Path) -> None:
    write(tmp_path / "x")
    path = tmp_path / "x" / "array-000.npy"
    np.save(path, np.arange(12.0).reshape(4, 3))
    change_entry(tmp_path / "x", sha256=hashlib.sha256(path.read_bytes()).hexdigest())

    with pytest.raises(DamagedFolder, match="holds another array"):
        read_array_folder(tmp_path / "x").read("price")


def test_a_pickled_array_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "x")
    path = tmp_path / "x" / "array-000.npy"
    np.save(path, np.array([object()] * 3, dtype=object), allow_pickle=True)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    change_entry(tmp_path / "x", bytes=path.stat().st_size, shape=[3], dtype="|O", sha256=sha256)

    with pytest.raises(DamagedFolder, match="cannot be read: it holds Python objects"):
        read_array_folder(tmp_path / "x").read("price")


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        "{}",
        '{"arrays": {"a": {}}, "document": {}}',
        '{"arrays": [], "document": {}}',
        '{"arrays": {"a": {"file": "../x/array-000.npy", "bytes": 1}}, "document": {}}',
        '{"arrays": {"a": {"file": 7}}, "document": {}}',
    ],
)
def test_a_manifest_that_makes_no_sense_is_damage(tmp_path: Path, manifest: str) -> None:
    write(tmp_path / "x")
    (tmp_path / "x" / "manifest.json").write_text(manifest)

    with pytest.raises(DamagedFolder):
        read_array_folder(tmp_path / "x", must_be_sealed=False)


@pytest.mark.parametrize("word", ["note", "format", "price", "array-000", "<f8", "sha256"])
def test_a_changed_bit_of_the_manifest_is_noticed(tmp_path: Path, word: str) -> None:
    write(tmp_path / "x")
    flip_in_manifest(tmp_path / "x", word)

    with pytest.raises(DamagedFolder, match=r"manifest.json has changed"):
        read_array_folder(tmp_path / "x")


def test_how_a_manifest_is_laid_out_does_not_matter(tmp_path: Path) -> None:
    write(tmp_path / "x")
    rewrite_manifest(tmp_path / "x", sealed=True)

    assert read_array_folder(tmp_path / "x").is_sealed


def test_a_manifest_without_a_hash_is_read_only_on_demand(tmp_path: Path) -> None:
    write(tmp_path / "x")
    rewrite_manifest(tmp_path / "x", sealed=False)

    with pytest.raises(DamagedFolder, match="has no hash"):
        read_array_folder(tmp_path / "x")
    assert not read_array_folder(tmp_path / "x", must_be_sealed=False).is_sealed


def test_a_changed_byte_is_found_when_the_array_is_read(tmp_path: Path) -> None:
    write(tmp_path / "x")
    damage(tmp_path / "x", "price")

    content = read_array_folder(tmp_path / "x")
    content.read("flags")
    with pytest.raises(DamagedFolder, match=r"the file of price \(array-000.npy\) has changed"):
        content.read("price")
    with pytest.raises(DamagedFolder, match="has changed"):
        verify_array_folder(tmp_path / "x")


def test_a_byte_that_changes_after_an_array_was_read_is_found(tmp_path: Path) -> None:
    """Even by somebody who sets the time of the modification back."""
    write(tmp_path / "x")
    content = read_array_folder(tmp_path / "x")
    content.read("price")
    path = tmp_path / "x" / "array-000.npy"
    times = path.stat()
    damage(tmp_path / "x", "price")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    with pytest.raises(DamagedFolder, match="has changed"):
        content.read("price")


def test_a_file_is_hashed_once_by_whatever_name_its_folder_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "x")
    read_array_folder(tmp_path / "x").read("price")
    (tmp_path / "link").symlink_to("x")
    monkeypatch.setattr(file_hashes.hashlib, "file_digest", None)

    read_array_folder(tmp_path / "x").read("price")
    read_array_folder(tmp_path / "link").read("price")


def test_verification_reads_what_is_remembered_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk may lose a bit without any sign of it."""
    write(tmp_path / "x")
    read_array_folder(tmp_path / "x").read("price")
    names = []
    monkeypatch.setattr(file_hashes, "_remember", lambda identity, _: names.append(Path(identity.path).name))

    verify_array_folder(tmp_path / "x")

    assert names == [f"array-{number:03}.npy" for number in (1, 3, 2, 0)]


def test_removing_takes_the_folder_and_spares_who_has_it_open(tmp_path: Path) -> None:
    write(tmp_path / "x")
    price = read_array_folder(tmp_path / "x").read("price")

    remove_folder(tmp_path / "x")
    remove_folder(tmp_path / "x")

    assert list(tmp_path.iterdir()) == []
    assert price.sum() == 66


# -- failing writes ----------------------------------------------------------------------------------------


def fail_with(code: int, calls_before: int = 0):
    """A stand-in for a system call that fails after some calls."""
    calls = iter(range(10_000))

    def fail(*args: object, **kwargs: object) -> None:
        if next(calls) >= calls_before:
            raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize("calls_before", range(7))
def test_a_full_disk_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls_before: int
) -> None:
    """Whichever fsync the disk fails at: those of the files, the manifest or the folder."""
    monkeypatch.setattr(os, "fsync", fail_with(errno.ENOSPC, calls_before))

    if calls_before < 6:
        with pytest.raises(OSError, match="No space left"):
            write(tmp_path / "x")
        assert list(tmp_path.iterdir()) == []
    else:  # only the fsync after the rename fails: the folder is whole, and the failure is told
        with pytest.raises(OSError, match="No space left"):
            write(tmp_path / "x")
        verify_array_folder(tmp_path / "x")
        assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_write_that_is_cut_short_leaves_nothing_behind(tmp_path: Path) -> None:
    """A real limit on file sizes, since it fails in the middle of an array."""
    program = (
        "import resource, signal, sys, numpy as np; from pathlib import Path\n"
        "from app.datasets.array_folder import write_array_folder\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: write_array_folder(Path(sys.argv[1]), [('a', np.zeros(1000)), ('b', np.zeros(50_000))], {})\n"
        "except OSError as error: print(error.strerror)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "x")], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "File too large"
    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        write(tmp_path / "file" / "x")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# -- several processes -------------------------------------------------------------------------------------

WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from app.datasets import array_folder

target, stage = Path(sys.argv[1]), sys.argv[2]
arrays = [("a", np.arange(1000.0)), ("b", np.arange(2000.0))]
if stage != "whole":
    write = array_folder._write_array if stage == "array" else array_folder._write_synced
    def stall(path, content):
        write(path, content)
        print("stalled", flush=True)
        time.sleep(60)
    setattr(array_folder, "_write_array" if stage == "array" else "_write_synced", stall)
print("ready", flush=True)
sys.stdin.readline()
print(array_folder.write_array_folder(target, arrays, {"format": 1}), flush=True)
"""


def start_writer(target: Path, stage: str = "whole") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(target), stage],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def let_go(process: subprocess.Popen[str]) -> None:
    process.stdin.write("\n")
    process.stdin.flush()


def test_processes_that_write_the_same_at_once_all_succeed(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path / "x") for _ in range(4)]
    for writer in writers:
        let_go(writer)
    answers = [writer.communicate(timeout=30)[0].strip() for writer in writers]

    assert sorted(answers) == ["False", "False", "False", "True"]
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    verify_array_folder(tmp_path / "x")


@pytest.mark.parametrize("stage", ["array", "manifest"])
def test_a_killed_writer_leaves_only_a_temporary_folder_that_is_found(tmp_path: Path, stage: str) -> None:
    writer = start_writer(tmp_path / "x", stage)
    let_go(writer)
    assert writer.stdout.readline() == "stalled\n"

    while_alive = stale_temporaries(tmp_path, grace_seconds=0)
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=30)

    assert while_alive == ()
    assert not (tmp_path / "x").exists()
    (left,) = stale_temporaries(tmp_path, grace_seconds=0)
    assert left.parent == tmp_path
    assert write(tmp_path / "x")
    verify_array_folder(tmp_path / "x")


def test_fresh_temporary_folders_are_not_stale_yet(tmp_path: Path) -> None:
    fresh = tmp_path / f"{TEMPORARY_PREFIX}1-abc"
    fresh.mkdir()
    old = tmp_path / f"{TEMPORARY_PREFIX}2-abc"
    old.mkdir()
    os.utime(old, (time.time() - 3600, time.time() - 3600))
    (tmp_path / "x").mkdir()

    assert stale_temporaries(tmp_path) == (old,)
    assert stale_temporaries(tmp_path / "gone") == ()
