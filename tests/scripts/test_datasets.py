"""`factorql datasets` and `datasets delete` as their users meet them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scripts.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data_dir(tmp_path) -> Path:
    """Three versions of `coins`, and the content of the first under another name."""
    data_dir = tmp_path / "data"
    for version, name in ((1, "coins"), (2, "coins"), (3, "coins"), (1, "copy")):
        file = tmp_path / f"{version}.csv"
        rows = [f"2024-01-0{day},{asset},{day + version}" for day in range(1, 5) for asset in ("a", "b")]
        file.write_text("\n".join(["date,asset,price", *rows]) + "\n")
        assert run(data_dir, "ingest", str(file), "--name", name).exit_code == 0
    return data_dir


def variables(data_dir: Path) -> dict[str, str]:
    return {"FACTORQL_DATA_DIR": str(data_dir), "FACTORQL_DATABASE_URL": ""}


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner(env=variables(data_dir)).invoke(main, list(arguments))


def listed(data_dir: Path) -> list[tuple[str, int, bool]]:
    """(name, version, whether the name stands for it) of each, newest first."""
    result = run(data_dir, "datasets", "--json")
    assert result.exit_code == 0, result.output
    return [(item["name"], item["version"], item["current"]) for item in json.loads(result.stdout)]


def on_a_terminal(data_dir: Path, *arguments: str, answer: str) -> subprocess.CompletedProcess[str]:
    terminal, stdin = pty.openpty()
    try:
        os.write(terminal, f"{answer}\n".encode())
        return subprocess.run(
            [sys.executable, "-m", "scripts", *arguments],
            env=os.environ | variables(data_dir),
            cwd=ROOT,
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        os.close(terminal)
        os.close(stdin)


def test_a_name_is_deleted_version_by_version_or_as_a_whole(data_dir):
    result = run(data_dir, "datasets", "delete", "coins", "--yes")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[:2] == ["deleted coins v3", "coins is now v2"]
    assert run(data_dir, "datasets", "delete", "coins", "--version", "1", "--yes").exit_code == 0
    assert listed(data_dir) == [("copy", 1, True), ("coins", 2, True)]
    assert run(data_dir, "ingest", str(data_dir.parent / "3.csv"), "--name", "coins").exit_code == 0
    result = run(data_dir, "datasets", "delete", "coins", "--all-versions", "--yes")
    assert result.stdout.splitlines()[:2] == [
        "deleted coins v2, coins v3",
        "no dataset is named coins any more",
    ]
    assert listed(data_dir) == [("copy", 1, True)]


@pytest.mark.parametrize(
    "arguments", [("delete", "copy", "--yes", "--json"), ("--json", "delete", "copy", "--yes")]
)
def test_what_was_deleted_is_told_as_json(data_dir, arguments):
    result = run(data_dir, "datasets", *arguments)
    assert result.exit_code == 0, result.output
    (deleted,) = json.loads(result.stdout)
    assert (deleted["name"], deleted["version"], deleted["deleted_at"] is None) == ("copy", 1, False)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nobody", "--yes"), 1, ("no dataset named 'nobody'", "coins, copy")),
        (("coins", "--version", "7", "--yes"), 1, ("'coins' has no version 7", "there is 1, 2, 3")),
        (("coins", "--version", "1", "--all-versions", "--yes"), 2, ("exclude each other",)),
        (("coins",), 2, ("no terminal", "--yes")),
        ((), 2, ("NAME",)),
    ],
)
def test_mistakes_delete_nothing(data_dir, arguments, code, words):
    before = listed(data_dir)
    result = run(data_dir, "datasets", "delete", *arguments)
    assert result.exit_code == code, result.output
    for word in words:
        assert word in result.stderr
    assert listed(data_dir) == before


def test_a_terminal_is_asked_first(data_dir):
    refused = on_a_terminal(data_dir, "datasets", "delete", "coins", answer="n")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Delete coins v3?" in refused.stderr
    assert len(listed(data_dir)) == 4
    done = on_a_terminal(data_dir, "datasets", "delete", "coins", "--all-versions", "--json", answer="y")
    assert done.returncode == 0, done.stderr
    assert "the 3 versions of coins" in done.stderr
    assert [item["version"] for item in json.loads(done.stdout)] == [1, 2, 3]


def test_gc_takes_the_files_in_time_but_not_those_that_another_name_has(data_dir):
    assert run(data_dir, "datasets", "delete", "coins", "--all-versions", "--yes").exit_code == 0
    assert "2 more snapshots are not needed" in run(data_dir, "gc").output
    for folder in (data_dir / "datasets").iterdir():
        os.utime(folder, (0, 0))
    assert run(data_dir, "gc").output.startswith("2 snapshots, ")
    assert len(list((data_dir / "datasets").iterdir())) == 1


def test_the_sample_is_loaded_again_after_it_was_deleted(tmp_path):
    assert "loaded" in run(tmp_path, "demo", "--no-serve").output
    assert run(tmp_path, "datasets", "delete", "sample-synthetic", "--yes").exit_code == 0
    assert "no datasets yet" in run(tmp_path, "datasets").output
    again = run(tmp_path, "demo", "--no-serve").output
    assert "sample-synthetic: loaded" in again
    assert "0 factor models computed, 6 reused" in again
