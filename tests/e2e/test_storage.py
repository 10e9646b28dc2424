"""Places that cannot be written to, fill up, or were written by a newer version."""

from __future__ import annotations

import ctypes
import os
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.e2e.graph import (
    INGEST,
    LAUNCH,
    dataset_names,
    ended,
    ingest,
    launched,
    small_spec,
    states,
    status_of,
)
from tests.e2e.held_datasets import held_datasets
from tests.e2e.panels import panel_csv
from tests.e2e.servers import Server, call_command, run_command, wait_for

pytestmark = pytest.mark.slow

COMMANDS = pytest.mark.parametrize("arguments", [["serve", "--port", "0"], ["runs"]], ids=["serve", "runs"])

_DROP_FROM_BOUNDING_SET = 24
_CAPABILITIES_OVER_PERMISSIONS = (1, 2)


def heed_permissions() -> None:
    """In the process about to start: root, too, is held to the permissions of files."""
    if os.geteuid() == 0:
        for capability in _CAPABILITIES_OVER_PERMISSIONS:
            if ctypes.CDLL(None, use_errno=True).prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "capabilities cannot be given up")


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    mode = path.stat().st_mode
    path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        path.chmod(mode)


@contextmanager
def full_disk(pid: int, size: int) -> Iterator[None]:
    """Inside the block, files of the process do not grow beyond `size` bytes."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def assert_one_line(exit_code: int, stderr: str, *words: str) -> None:
    assert exit_code == 1, stderr
    assert stderr.startswith("error: "), stderr
    assert len(stderr.splitlines()) == 1, stderr
    for word in words:
        assert word in stderr


def everything_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# -- read-only ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "arguments", "words"),
    [
        (".", ["serve", "--port", "0"], ["data is read-only", "FACTORQL_DATA_DIR"]),
        ("factorql.sqlite", ["ingest", "other.csv", "--name", "other"], ["factorql.sqlite", "readonly"]),
    ],
)
def test_what_is_read_only_is_told_in_one_line(
    tmp_path: Path, small: Path, part: str, arguments: list[str], words: list[str]
) -> None:
    (tmp_path / "other.csv").write_bytes(panel_csv(seed=6))
    before = everything_below(small / "datasets")
    with read_only(small / part):
        done = run_command(tmp_path, *arguments, before_start=heed_permissions)
    assert_one_line(done.returncode, done.stderr, *words)
    assert done.stdout == ""
    assert everything_below(small / "datasets") == before


@COMMANDS
def test_a_data_directory_that_is_a_file_is_told_in_one_line(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "data").write_text("")
    done = call_command(tmp_path / "data", *arguments)
    assert_one_line(done.exit_code, done.stderr, "cannot be created", "FACTORQL_DATA_DIR")


# -- full --------------------------------------------------------------------------------------------------


def test_a_disk_that_fills_while_a_command_ingests_leaves_nothing_behind(tmp_path: Path, small: Path) -> None:
    (tmp_path / "large.csv").write_bytes(panel_csv(assets=60, days=900))
    before = everything_below(small)
    with full_disk(os.getpid(), 300_000):
        done = call_command(small, "ingest", str(tmp_path / "large.csv"), "--name", "large")
    assert_one_line(done.exit_code, done.stderr, "cannot be written", "free space")
    assert everything_below(small) == before


def test_a_full_disk_loses_nothing_and_a_server_goes_on_once_there_is_space(
    start: Callable[..., Server], small: Path
) -> None:
    server = start(Server, max_concurrent_runs="1").ready()
    done = launched(server)
    assert ended(server, done) == "SUCCEEDED"
    snapshots = everything_below(small / "datasets")
    with held_datasets(small) as release:
        ids = [launched(server, force=True) for _ in range(3)]
        wait_for(server.computing)
        wait_for(lambda: status_of(server, ids[0]) == "RUNNING")
        with full_disk(server.process.pid, (small / "factorql.sqlite-wal").stat().st_size):
            refusal = server.post(LAUNCH, input={"spec": small_spec(), "force": True}).json()
            (error,) = refusal["errors"]
            assert error["extensions"]["code"] == "INTERNAL"
            assert "database cannot be used" in error["message"]
            assert str(small) not in error["message"]
            for days in (220, 600):  # the first is too much for the database only, the second in itself
                answer = ingest(server, "more", "more.csv", panel_csv(seed=7, days=days))
                assert (answer["__typename"], answer["code"]) == ("StorageFailure", "STORAGE_FAILURE")
            upload = server.send_files(
                INGEST, {"file": None, "name": "more"}, [("variables.file", "more.csv", bytes(3_000_000))]
            )
            assert upload.status_code == 507
            assert "cannot be kept" in upload.json()["errors"][0]["message"]
            release()
            wait_for(lambda: "trying again" in server.output)
            assert dataset_names(server) == ["small 1"]
            assert everything_below(small / "datasets") == snapshots
    assert [ended(server, run_id, 30) for run_id in ids] == ["SUCCEEDED"] * 3
    assert states(server).keys() == {done, *ids}
    assert {run["attempt"] for run in states(server).values()} == {1}
    assert ingest(server, "more", "more.csv", panel_csv(seed=7))["created"] is True
    assert "Traceback" not in server.output


# -- newer -------------------------------------------------------------------------------------------------


@COMMANDS
def test_a_store_of_a_newer_version_is_left_alone(small: Path, arguments: list[str]) -> None:
    with closing(sqlite3.connect(small / "factorql.sqlite")) as store, store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")
    before = (small / "factorql.sqlite").read_bytes()
    done = call_command(small, *arguments)
    assert_one_line(done.exit_code, done.stderr, "9999", "newer version")
    assert (small / "factorql.sqlite").read_bytes() == before
