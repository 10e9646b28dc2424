"""Hashes of files, shared by the threads of a process."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.storage import file_hashes
from app.storage.file_hashes import file_hash, forget_hashes, known_hashes, remember_hashes


class Disk:
    """Stands in for hashing: says when a file is being read, and waits until it may go on."""

    def __init__(self) -> None:
        self.reads = 0
        self.reading = threading.Event()
        self.may_go_on = threading.Event()

    def __call__(self, file: object, name: str) -> "Disk":
        self.reads += 1
        self.reading.set()
        assert self.may_go_on.wait(10)
        return self

    def hexdigest(self) -> str:
        return "ab" * 32


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(file_hashes.hashlib, "file_digest", disk)
    return disk


def hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return file_hash(file, file.name)


def test_what_is_remembered_is_told_while_a_file_is_read(tmp_path: Path, disk: Disk) -> None:
    """The event loop asks, and must not wait for a disk."""
    path = tmp_path / "large"
    path.touch()
    with ThreadPoolExecutor(2) as threads:
        hashing = threads.submit(hash_of, path)
        assert disk.reading.wait(10)

        def ask() -> tuple[object, ...]:
            remember_hashes(())
            forget_hashes(str(tmp_path))
            return known_hashes(str(tmp_path))

        asking = threads.submit(ask)
        try:
            assert asking.result(2) == ()
        finally:
            disk.may_go_on.set()
        assert hashing.result(10) == "ab" * 32
    assert [known.identity.path for known in known_hashes(str(tmp_path))] == [str(path)]


def test_several_readers_of_a_new_file_read_it_once(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "large"
    path.touch()
    with ThreadPoolExecutor(4) as threads:
        hashing = [threads.submit(hash_of, path) for _ in range(4)]
        assert disk.reading.wait(10)
        disk.may_go_on.set()
        assert {one.result(10) for one in hashing} == {"ab" * 32}
    assert disk.reads == 1


def test_files_are_read_side_by_side(tmp_path: Path, disk: Disk) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.touch()
    second.touch()
    with ThreadPoolExecutor(2) as threads:
        hashing = threads.submit(hash_of, first)
        assert disk.reading.wait(10)
        disk.reading.clear()
        other = threads.submit(hash_of, second)
        try:
            assert disk.reading.wait(2)
        finally:
            disk.may_go_on.set()
        assert hashing.result(10) == other.result(10)
