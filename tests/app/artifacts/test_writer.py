"""Artifacts are written whole or not at all, whatever order, thread or disk they meet."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from app.errors import NoSpace, StorageFailure
from app.storage.artifacts.writer import ArtifactWriter
from app.storage.folders import GRACE_SECONDS, stale_temporaries

SCORES = np.random.default_rng(1).normal(size=(40, 7, 3))
MISSING = SCORES > 1


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def load(data_dir: Path, path: str) -> np.ndarray:
    return np.load(data_dir / path, allow_pickle=False)


@pytest.fixture
def artifacts_dir(tmp_path: Path) -> Path:
    return tmp_path / "data" / "artifacts"


def test_rows_in_any_order_and_whole_arrays_are_what_numpy_reads(artifacts_dir: Path) -> None:
    codes = np.arange(12, dtype=np.int32).reshape(2, 6)
    with ArtifactWriter(artifacts_dir) as writer:
        scores = writer.rows("scores", "<f8", SCORES.shape)
        missing = writer.rows("missing_scores", np.bool_, MISSING.shape)
        for first in (30, 0, 10, 20):
            scores.write(first, SCORES[first : first + 10])
            missing.write(first, MISSING[first : first + 10])
        writer.add("sectors", codes)
        writer.add("columns_first", np.asfortranarray(SCORES))
        writer.add("none", np.zeros((0, 5)))
        written = writer.finish()

    assert [one.name for one in written] == ["scores", "missing_scores", "sectors", "columns_first", "none"]
    expected = {
        "scores": (SCORES, "<f8"),
        "missing_scores": (MISSING, "|b1"),
        "sectors": (codes, "<i4"),
        "columns_first": (SCORES, "<f8"),
        "none": (np.zeros((0, 5)), "<f8"),
    }
    for one in written:
        array, dtype = expected[one.name]
        assert re.fullmatch(rf"artifacts/[0-9a-f]{{32}}/{one.name}\.npy", one.path)
        content = (artifacts_dir.parent / one.path).read_bytes()
        assert (one.dtype, one.shape, one.byte_count) == (dtype, array.shape, len(content))
        assert one.sha256 == hashlib.sha256(content).hexdigest()
        np.testing.assert_array_equal(load(artifacts_dir.parent, one.path), array, strict=True)
    (folder,) = names_in(artifacts_dir)
    assert names_in(artifacts_dir / folder) == sorted(f"{name}.npy" for name in expected)


def test_rows_come_from_several_threads(artifacts_dir: Path) -> None:
    array = np.random.default_rng(2).normal(size=(600, 50, 4))
    together = threading.Barrier(8)
    with ArtifactWriter(artifacts_dir) as writer:
        rows = writer.rows("scores", "<f8", array.shape)

        def write(worker: int) -> None:
            together.wait()
            for row in reversed(range(worker, 600, 8)):
                rows.write(row, array[row : row + 1])

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(8)))
        (one,) = writer.finish()
    np.testing.assert_array_equal(load(artifacts_dir.parent, one.path), array)


def test_numbers_of_the_other_byte_order_and_narrower_ones_are_stored_alike(artifacts_dir: Path) -> None:
    with ArtifactWriter(artifacts_dir) as writer:
        writer.add("swapped", np.arange(5.0).astype(">f8"))
        wide = writer.rows("wide", "<f8", (5,))
        wide.write(0, np.arange(5, dtype=np.int32))
        written = writer.finish()
    for one in written:
        assert one.dtype == "<f8"
        np.testing.assert_array_equal(load(artifacts_dir.parent, one.path), np.arange(5.0), strict=True)


@pytest.mark.parametrize("rows", [[], [(0, 5)], [(0, 4), (5, 10)], [(1, 10)], [(0, 9)]])
def test_a_missing_row_is_refused_and_leaves_nothing(artifacts_dir: Path, rows) -> None:
    with ArtifactWriter(artifacts_dir) as writer:
        scores = writer.rows("scores", "<f8", (10, 2))
        for first, last in rows:
            scores.write(first, np.ones((last - first, 2)))
        with pytest.raises(ValueError, match=r"scores: .* rows were not written"):
            writer.finish()
    assert names_in(artifacts_dir) == []


def test_a_row_that_failed_is_missing(artifacts_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ArtifactWriter(artifacts_dir) as writer:
        scores = writer.rows("scores", "<f8", (2, 2))
        scores.write(0, np.ones((1, 2)))
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", fail_with(errno.EIO))
            with pytest.raises(StorageFailure, match="Input/output error"):
                scores.write(1, np.ones((1, 2)))
        with pytest.raises(ValueError, match="1 rows were not written, the first is 1"):
            writer.finish()


@pytest.mark.parametrize(
    ("first", "array"),
    [
        (0, np.ones((1, 2))),  # another shape
        (0, np.ones((1, 3, 1))),
        (0, np.ones(3)),
        (-1, np.ones((2, 3))),
        (9, np.ones((2, 3))),
        (11, np.ones((0, 3))),
        (5, np.ones((1, 3))),  # was written before
        (3, np.ones((4, 3))),
        (0, np.ones((1, 3), dtype=np.complex128)),
        (0, np.array([["1", "2", "3"]])),
    ],
)
def test_rows_that_do_not_fit_are_refused(artifacts_dir: Path, first: int, array: np.ndarray) -> None:
    with ArtifactWriter(artifacts_dir) as writer:
        rows = writer.rows("scores", "<f8", (10, 3))
        rows.write(5, np.ones((1, 3)))
        with pytest.raises(ValueError, match="scores"):
            rows.write(first, array)
        rows.write(0, np.ones((5, 3)))
        rows.write(6, np.ones((4, 3)))
        assert writer.finish()


def test_numbers_that_would_lose_digits_are_refused(artifacts_dir: Path) -> None:
    with ArtifactWriter(artifacts_dir) as writer, pytest.raises(ValueError, match="int32"):
        writer.rows("sectors", "<i4", (3,)).write(0, np.ones(3))


@pytest.mark.parametrize("name", ["", "../x", "a/b", "Scores", "x.npy", "1x", "a" * 65, "é", "x\n"])
def test_names_that_could_leave_the_folder_are_refused(artifacts_dir: Path, name: str) -> None:
    with ArtifactWriter(artifacts_dir) as writer, pytest.raises(ValueError, match="is no name"):
        writer.add(name, np.ones(3))


@pytest.mark.parametrize(
    ("dtype", "shape"), [("O", (3,)), ("U5", (3,)), ("M8[D]", (3,)), ("<f8", ()), ("<f8", (-1, 2))]
)
def test_what_is_no_array_of_numbers_is_refused(artifacts_dir: Path, dtype: str, shape) -> None:
    with ArtifactWriter(artifacts_dir) as writer, pytest.raises(ValueError, match="cannot have the type"):
        writer.rows("x", dtype, shape)


def test_nothing_is_written_twice_or_after_the_end(artifacts_dir: Path) -> None:
    with ArtifactWriter(artifacts_dir) as writer:
        writer.add("x", np.ones(3))
        with pytest.raises(ValueError, match="taken"):
            writer.add("x", np.ones(3))
        writer.finish()
        with pytest.raises(ValueError, match="before"):
            writer.finish()
        with pytest.raises(ValueError, match="before"):
            writer.add("y", np.ones(3))
    with pytest.raises(ValueError, match="inside"):
        ArtifactWriter(artifacts_dir).add("x", np.ones(3))
    assert len(names_in(artifacts_dir)) == 1


def test_an_error_meanwhile_leaves_nothing(artifacts_dir: Path) -> None:
    with suppress(KeyboardInterrupt), ArtifactWriter(artifacts_dir) as writer:
        writer.add("x", np.ones(3))
        raise KeyboardInterrupt
    assert names_in(artifacts_dir) == []


def test_a_writer_that_is_not_finished_leaves_nothing(artifacts_dir: Path) -> None:
    with ArtifactWriter(artifacts_dir) as writer:
        writer.add("x", np.ones(3))
        assert len(names_in(artifacts_dir)) == 1
    assert names_in(artifacts_dir) == []


def test_a_finished_folder_is_young(artifacts_dir: Path) -> None:
    """However long its writing took: what removes folders without a run goes by their age."""
    with ArtifactWriter(artifacts_dir) as writer:
        writer.add("x", np.ones(3))
        (temporary,) = artifacts_dir.iterdir()
        os.utime(temporary, (0, 0))
        writer.finish()
    (folder,) = artifacts_dir.iterdir()
    assert folder.stat().st_mtime > 1e9


# -- failing disks -----------------------------------------------------------------------------------------


def fail_with(code: int, calls_before: int = 0):
    """A stand-in for a system call that fails after some calls."""
    calls = iter(range(10_000))

    def fail(*args: object, **kwargs: object) -> None:
        if next(calls) >= calls_before:
            raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize("calls_before", range(4))
def test_a_full_disk_leaves_nothing_behind(
    artifacts_dir: Path, monkeypatch: pytest.MonkeyPatch, calls_before: int
) -> None:
    """Whichever fsync it fails at: those of the two files, of their folder or, once it has its name, of that
    folder's parent."""
    artifacts_dir.mkdir(parents=True)
    with ArtifactWriter(artifacts_dir) as writer:
        writer.add("a", np.ones(3))
        writer.add("b", np.ones(3))
        monkeypatch.setattr(os, "fsync", fail_with(errno.ENOSPC, calls_before))
        with pytest.raises(NoSpace, match="no space left") as caught:
            writer.finish()
    assert (caught.value.code, caught.value.hint is not None) == ("NO_SPACE", True)
    assert names_in(artifacts_dir) == []


@pytest.mark.parametrize("calls_before", [0, 1])
def test_a_disk_that_is_full_while_rows_come(
    artifacts_dir: Path, monkeypatch: pytest.MonkeyPatch, calls_before: int
) -> None:
    """At the header, and at the first rows."""
    write = os.pwrite
    fail = fail_with(errno.ENOSPC, calls_before)
    with ArtifactWriter(artifacts_dir) as writer:
        monkeypatch.setattr(os, "pwrite", lambda *given: fail() or write(*given))
        with pytest.raises(NoSpace):
            writer.add("a", np.ones(3))
        monkeypatch.setattr(os, "pwrite", fail_with(errno.EDQUOT))
        with pytest.raises(NoSpace):
            writer.rows("b", "<f8", (2,))
    assert names_in(artifacts_dir) == []


def test_writes_that_take_less_than_given_are_continued(
    artifacts_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: write(file, memoryview(data)[:1000], at))
    with ArtifactWriter(artifacts_dir) as writer:
        writer.add("scores", SCORES)
        (one,) = writer.finish()
    np.testing.assert_array_equal(load(artifacts_dir.parent, one.path), SCORES)


def test_a_real_limit_in_the_middle_of_an_array_is_no_space(artifacts_dir: Path) -> None:
    program = (
        "import resource, signal, sys, numpy as np; from pathlib import Path\n"
        "from app.storage.artifacts.writer import ArtifactWriter\n"
        "from app.errors import NoSpace\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        "    with ArtifactWriter(Path(sys.argv[1])) as writer:\n"
        "        writer.add('a', np.zeros(1000)); writer.add('b', np.zeros(50_000)); writer.finish()\n"
        "except NoSpace as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(artifacts_dir)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "there is no space left for the run's arrays"
    assert names_in(artifacts_dir) == []


def test_a_parent_that_is_a_file_is_a_storage_failure(tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("in the way")
    with pytest.raises(StorageFailure), ArtifactWriter(tmp_path / "artifacts"):
        pass
    assert names_in(tmp_path) == ["artifacts"]


# -- other processes ---------------------------------------------------------------------------------------

STALLED = """
import sys, time
from pathlib import Path
import numpy as np
from app.storage.artifacts.writer import ArtifactWriter

with ArtifactWriter(Path(sys.argv[1])) as writer:
    writer.add("a", np.arange(1000.0))
    writer.rows("b", "<f8", (10, 10)).write(5, np.ones((1, 10)))
    print("stalled", flush=True)
    time.sleep(60)
"""


def test_a_killed_writer_leaves_only_a_temporary_that_nobody_has_locked(artifacts_dir: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STALLED, str(artifacts_dir)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "stalled\n"
        while_alive = stale_temporaries(artifacts_dir, grace_seconds=0)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert while_alive == ()
    (left,) = artifacts_dir.iterdir()
    assert stale_temporaries(artifacts_dir, grace_seconds=0) == (left,)
    assert stale_temporaries(artifacts_dir) == (), "there is a grace"


def test_a_writer_removes_what_killed_ones_left(artifacts_dir: Path) -> None:
    left, young, finished = (artifacts_dir / name for name in (".temporary-1-a", ".temporary-2-b", "c" * 32))
    long_ago = time.time() - 2 * GRACE_SECONDS
    with ArtifactWriter(artifacts_dir):
        (alive,) = artifacts_dir.iterdir()
        for folder in (left, young, finished):
            folder.mkdir()
            (folder / "scores.npy").write_bytes(b"x")
        for folder in (left, alive, finished):
            os.utime(folder, (long_ago, long_ago))
        with ArtifactWriter(artifacts_dir):
            assert not left.exists()
            assert alive.exists()
            assert young.exists()
            assert finished.exists()
