"""Vendors' answers kept on disk for a while."""

import json
import logging
import os
import time
import tracemalloc
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.sources.cache import ResponseCache, responses_dir, stale_responses

URL = "https://vendor.test/prices?asset=btc"
BODY = b'{"price": [1, 2, 3]}' * 50
NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path, clock: Clock) -> ResponseCache:
    return ResponseCache(responses_dir(tmp_path), HOUR, clock)


def only_entry(cache_dir: Path) -> Path:
    (path,) = responses_dir(cache_dir).iterdir()
    return path


def test_a_body_is_found_again(cache: ResponseCache) -> None:
    cache.store(URL, BODY)

    assert cache.read(URL) == BODY
    assert cache.read(URL + "&page=2") is None


def test_an_empty_body_is_a_body(cache: ResponseCache) -> None:
    cache.store(URL, b"")

    assert cache.read(URL) == b""


def test_nothing_is_there_before(cache: ResponseCache, tmp_path: Path) -> None:
    assert cache.read(URL) is None
    assert stale_responses(tmp_path, HOUR) == ()


def test_a_later_body_replaces_an_earlier_one(cache: ResponseCache, tmp_path: Path) -> None:
    cache.store(URL, b"earlier")
    cache.store(URL, b"later")

    assert cache.read(URL) == b"later"
    assert only_entry(tmp_path)


def test_an_entry_lives_for_its_time(cache: ResponseCache, clock: Clock) -> None:
    cache.store(URL, BODY)
    clock.now = NOON + HOUR - timedelta(seconds=1)
    assert cache.read(URL) == BODY

    clock.now = NOON + HOUR
    assert cache.read(URL) is None


def test_an_entry_may_be_too_old_for_one_reader(cache: ResponseCache, clock: Clock) -> None:
    cache.store(URL, BODY)
    clock.now = NOON + timedelta(minutes=5)

    assert cache.read(URL, not_before=NOON) == BODY
    assert cache.read(URL, not_before=NOON + timedelta(seconds=1)) is None


def test_an_entry_from_the_future_is_not_believed(cache: ResponseCache, clock: Clock) -> None:
    cache.store(URL, BODY)
    clock.now = NOON - timedelta(days=1)

    assert cache.read(URL) is None


def flip_last_byte(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def cut_in_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def make_empty(path: Path) -> None:
    path.write_bytes(b"")


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def make_foreign(path: Path) -> None:
    path.write_bytes(os.urandom(2000))


def nest_deeply(path: Path) -> None:
    path.write_bytes(b"[" * 50_000 + b"\n")


def change_header(**changes: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        header, body = path.read_bytes().split(b"\n", 1)
        path.write_bytes(json.dumps(json.loads(header) | changes).encode() + b"\n" + body)

    return change


def swap_body(path: Path) -> None:
    header, _ = path.read_bytes().split(b"\n", 1)
    path.write_bytes(header + b"\n" + zlib.compress(BODY.replace(b"1", b"9")))


def make_bomb(path: Path) -> None:
    header, _ = path.read_bytes().split(b"\n", 1)
    path.write_bytes(header + b"\n" + zlib.compress(bytes(50_000_000)))


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


DAMAGES = [
    flip_last_byte,
    cut_off,
    cut_in_header,
    make_empty,
    append,
    make_foreign,
    nest_deeply,
    swap_body,
    make_bomb,
    make_folder,
    make_pipe,
    make_link,
    change_header(format=2),
    change_header(url="https://vendor.test/other"),
    change_header(bytes=-1),
    change_header(bytes=10**30),
    change_header(bytes="1"),
    change_header(stored_at=None),
    change_header(stored_at="2025-01-01T12:00:00"),
    change_header(sha256="0" * 64),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_file_counts_as_absent(
    cache: ResponseCache, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    cache.store(URL, BODY)
    damage(only_entry(tmp_path))

    assert cache.read(URL) is None


@pytest.mark.parametrize("size", [-1, 100, 10**30])
def test_a_small_file_cannot_fill_the_memory(cache: ResponseCache, tmp_path: Path, size: int) -> None:
    cache.store(URL, BODY)
    make_bomb(only_entry(tmp_path))
    change_header(bytes=size)(only_entry(tmp_path))

    tracemalloc.start()
    try:
        assert cache.read(URL) is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 5_000_000


@pytest.mark.parametrize("damage", [damage for damage in DAMAGES if damage is not make_folder])
def test_a_damaged_file_is_replaced(
    cache: ResponseCache, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    cache.store(URL, BODY)
    damage(only_entry(tmp_path))
    cache.store(URL, BODY)

    assert cache.read(URL) == BODY


def test_not_being_able_to_keep_a_body_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "responses").write_text("a file where the folder should be")
    cache = ResponseCache(responses_dir(tmp_path), HOUR)

    with caplog.at_level(logging.WARNING):
        cache.store(URL, BODY)
        cache.store(URL, BODY)

    assert cache.read(URL) is None
    assert len(caplog.records) == 1


def test_a_full_disk_leaves_no_half_of_a_file(
    cache: ResponseCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.store(URL, b"earlier")

    def fail(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    cache.store(URL, b"later")

    assert cache.read(URL) == b"earlier"
    assert only_entry(tmp_path)


def test_many_writers_and_readers_see_whole_bodies(cache: ResponseCache, tmp_path: Path) -> None:
    bodies = {bytes([letter]) * 100_000 for letter in b"abcdefgh"}
    cache.store(URL, min(bodies))

    with ThreadPoolExecutor(8) as pool:
        for body in sorted(bodies) * 10:
            pool.submit(cache.store, URL, body)
        seen = set(pool.map(lambda _: cache.read(URL), range(200)))

    assert seen <= bodies
    assert only_entry(tmp_path)


def test_the_secretless_address_is_all_that_names_an_entry(cache: ResponseCache, tmp_path: Path) -> None:
    cache.store(URL, BODY)

    header = json.loads(only_entry(tmp_path).read_bytes().split(b"\n", 1)[0])

    assert header["url"] == URL
    assert header["stored_at"] == NOON.isoformat()


def test_expired_entries_are_stale(cache: ResponseCache, tmp_path: Path, clock: Clock) -> None:
    cache.store(URL, BODY)
    clock.now = NOON + timedelta(minutes=50)
    cache.store(URL + "&page=2", BODY)
    clock.now = NOON + HOUR

    (stale,) = stale_responses(tmp_path, HOUR, clock)

    assert json.loads(stale.read_bytes().split(b"\n", 1)[0])["url"] == URL
    assert len(stale_responses(tmp_path, timedelta(0), clock)) == 2  # whatever they were kept for at first


@pytest.mark.parametrize("damage", [make_empty, make_foreign, cut_in_header, change_header(format=2)])
def test_entries_that_cannot_be_read_are_stale(
    cache: ResponseCache, tmp_path: Path, clock: Clock, damage: Callable[[Path], None]
) -> None:
    cache.store(URL, BODY)
    damage(only_entry(tmp_path))

    assert stale_responses(tmp_path, HOUR, clock) == (only_entry(tmp_path),)


def test_what_a_killed_writer_left_is_stale_after_an_hour(tmp_path: Path, clock: Clock) -> None:
    folder = responses_dir(tmp_path)
    folder.mkdir()
    (old := folder / ".temporary-1-aa").write_bytes(b"half")
    (folder / ".temporary-2-bb").write_bytes(b"half")
    an_hour_ago = time.time() - 3601
    os.utime(old, (an_hour_ago, an_hour_ago))

    assert stale_responses(tmp_path, HOUR, clock) == (old,)


def test_files_of_others_are_never_stale(tmp_path: Path, clock: Clock) -> None:
    folder = responses_dir(tmp_path)
    folder.mkdir()
    (folder / "README").write_text("not the cache's")
    (folder / ("a" * 64 + ".response")).mkdir()

    assert stale_responses(tmp_path, HOUR, clock) == ()
