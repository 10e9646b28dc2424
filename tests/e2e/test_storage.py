"""Places that cannot be written to, fill up, or were written by a newer version."""

from __future__ import annotations

import ctypes
import os
import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from tests.e2e.held_dataset import held_dataset
from tests.e2e.panels import panel_csv
from tests.e2e.servers import Server, run_command, wait_for

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


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1, done
    assert done.stderr.startswith("error: "), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


def everything_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# -- read-only ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("serve", "--port", "0"), ("runs",)], ids=["serve", "runs"])
def test_a_read_only_data_directory_is_told_in_one_line(
    tmp_path: Path, small: Path, arguments: tuple[str, ...]
) -> None:
    before = everything_below(small)
    with read_only(small):
        done = run_command(tmp_path, *arguments, before_start=heed_permissions)
    assert_one_line(done, "read-only", "FACTORQL_DATA_DIR")
    assert done.stdout == ""
    assert everything_below(small) == before


def test_a_data_directory_that_is_a_file_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert_one_line(run_command(tmp_path, "serve", "--port", "0"), "cannot be created", "FACTORQL_DATA_DIR")


@pytest.mark.parametrize("part", ["factorql.sqlite", "datasets"])
def test_a_read_only_part_of_it_is_told_in_one_line(tmp_path: Path, small: Path, part: str) -> None:
    (tmp_path / "other.csv").write_bytes(panel_csv(seed=6))
    before = everything_below(small / "datasets")
    with read_only(small / part):
        done = run_command(tmp_path, "ingest", "other.csv", "--name", "other", before_start=heed_permissions)
    assert_one_line(done, "writ", part)
    assert everything_below(small / "datasets") == before


# -- full --------------------------------------------------------------------------------------------------


def test_a_disk_that_fills_while_a_command_ingests_leaves_nothing_behind(tmp_path: Path, small: Path) -> None:
    (tmp_path / "large.csv").write_bytes(panel_csv(assets=60, days=900))
    before = everything_below(small)

    def fill_disk() -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))

    done = run_command(tmp_path, "ingest", "large.csv", "--name", "large", before_start=fill_disk)
    assert_one_line(done, "cannot be written", "free space")
    assert everything_below(small) == before


def test_a_full_disk_loses_nothing_and_a_server_goes_on_once_there_is_space(
    start: Callable[..., Server], small: Path
) -> None:
    server = start(Server, max_concurrent_runs="1").ready()
    done = launched(server)
    assert ended(server, done) == "SUCCEEDED"
    snapshots = everything_below(small / "datasets")
    with held_dataset(small) as release:
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


@pytest.mark.parametrize("arguments", [("serve", "--port", "0"), ("runs",)], ids=["serve", "runs"])
def test_a_store_of_a_newer_version_is_left_alone(
    tmp_path: Path, small: Path, arguments: tuple[str, ...]
) -> None:
    store = sqlite3.connect(small / "factorql.sqlite")
    with store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    before = (small / "factorql.sqlite").read_bytes()
    assert_one_line(run_command(tmp_path, *arguments), "9999", "newer version")
    assert (small / "factorql.sqlite").read_bytes() == before
