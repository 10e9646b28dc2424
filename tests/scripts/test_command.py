"""The `factorql` command as its users meet it: output, JSON, exit codes, one-line errors."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scripts.cli import COMMANDS, main
from tests.app.datasets.files import damage

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    """A data directory in which `factorql demo` ran once."""
    path = tmp_path_factory.mktemp("data")
    result = run(path, "demo", "--no-serve")
    assert result.exit_code == 0, result.output
    return path


def run(data_dir: Path, *arguments: str, **environment: str) -> Result:
    variables = {"FACTORQL_DATA_DIR": str(data_dir), "FACTORQL_DATABASE_URL": ""} | environment
    return CliRunner(env=variables).invoke(main, list(arguments))


def run_json(data_dir: Path, *arguments: str):
    result = run(data_dir, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def assert_one_line_error(result: Result, code: int, *words: str) -> None:
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, tmp_path):
    result = run(tmp_path, name, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_a_second_demo_computes_nothing(data_dir):
    result = run(data_dir, "demo", "--no-serve")
    assert "0 factor models computed, 6 reused" in result.output
    assert "SYNTHETIC" in result.output
    assert len(run_json(data_dir, "runs")) == 6


def test_compare_lists_the_best_first_and_labels_what_is_invented(data_dir):
    found = run_json(data_dir, "compare")
    annualized = [item["performance"]["annualized_return"] for item in found]
    assert len(found) == 6
    assert annualized == sorted(annualized, reverse=True)
    assert all(item["dataset"]["synthetic"] for item in found)
    assert "(synthetic)" in run(data_dir, "compare").output


def test_the_same_config_is_one_run_and_force_makes_a_second_with_the_same_numbers(data_dir):
    arguments = ("compute", "smb", "--set", "breakpoint=0.3", "--set", "marketCapThreshold=2e8")
    first = run_json(data_dir, *arguments)
    again = run_json(data_dir, *arguments)
    forced = run_json(data_dir, *arguments, "--force")
    assert (first["reused"], again["reused"], forced["reused"]) == (False, True, False)
    assert first["id"] == again["id"] != forced["id"]
    assert first["performance"] == forced["performance"]
    assert first["config"]["market_cap_threshold"] == 2e8


def test_null_switches_a_filter_off(data_dir):
    made = run_json(data_dir, "compute", "momentum", "--set", "liquidityThreshold=null")
    assert made["config"]["liquidity_threshold"] is None


def test_show_prints_metrics_settings_and_holdings(data_dir):
    result = run(data_dir, "show", "1")
    for word in ("Sharpe ratio", "settings: ", "held in the period", "syn-"):
        assert word in result.output
    shown = run_json(data_dir, "show", "1")
    assert sum(shown["latest_composition"]["long"].values()) == pytest.approx(1.0)


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_show_draws_a_picture(data_dir, tmp_path, suffix):
    picture = tmp_path / f"run.{suffix}"
    assert run(data_dir, "show", "1", "--plot", str(picture)).exit_code == 0
    head = picture.read_bytes()[:200]
    assert head.startswith(b"\x89PNG") if suffix == "png" else b"<svg" in picture.read_bytes()


def test_lists_are_tables_and_json(data_dir):
    assert "sample-synthetic" in run(data_dir, "datasets").output
    assert run_json(data_dir, "datasets")[0]["synthetic"] is True
    assert {item["name"] for item in run_json(data_dir, "factors")} == {
        "smb",
        "market",
        "value",
        "momentum",
        "momentum_v2",
        "growth",
    }
    assert [item["factor"] for item in run_json(data_dir, "runs", "--factor", "growth")] == ["growth"]
    meant = "Periods of the price return, 1 to 12. Default 3. Not null."
    assert run_json(data_dir, "factors", "momentum")["lookback_periods"] == meant
    assert meant in run(data_dir, "factors", "MOMENTUM").output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("compute", "smb", "--set", "breakpoint=0.6", "--set", "min_assets=2"), 2, ("0.6", "min_assets")),
        (("compute", "smb", "--set", "weighting=by_feel"), 2, ("equal", "by_feel")),
        (("compute", "smb", "--set", "startDate=2022-01-01", "--set", "endDate=2021-01-01"), 2, ("before",)),
        (("compute", "smb", "--set", "colour=red"), 2, ("colour",)),
        (("compute", "smb", "--dataset", "nowhere"), 1, ("nowhere", "sample-synthetic")),
        (("compute", "smb", "--set", "minAssets=61"), 1, ("NO_PERIODS", "at most")),
        (("compute", "smb", "--set", "maxWeight=0.01"), 1, ("INFEASIBLE_MAX_WEIGHT",)),
        (("show", "4711"), 1, ("4711",)),
        (("show", "1", "--plot", "picture.gif"), 2, (".png",)),
        (("ingest", __file__, "--name", "bad name"), 2, ("bad name",)),
        (("ingest", __file__, "--name", "source"), 1, ("test_command.py",)),
        (("serve", "--host", "0.0.0.0"), 1, ("FACTORQL_API_TOKEN",)),
    ],
)
def test_mistakes_are_answered_in_one_line(data_dir, arguments, code, words):
    assert_one_line_error(run(data_dir, *arguments), code, *words)


@pytest.mark.parametrize(
    "arguments",
    [
        ("compute", "nosuchfactor"),
        ("compute", "smb", "--set", "breakpoint"),
        ("ingest", "absent.csv"),
        ("show",),
    ],
)
def test_wrong_usage_exits_with_2(data_dir, arguments):
    assert run(data_dir, *arguments).exit_code == 2


def test_a_bad_setting_is_named(data_dir):
    result = run(data_dir, "runs", FACTORQL_MAX_CONCURRENT_RUNS="many")
    assert_one_line_error(result, 2, "FACTORQL_MAX_CONCURRENT_RUNS")


def test_a_taken_port_is_one_line(data_dir):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert_one_line_error(run(data_dir, "serve", "--port", str(port)), 1, str(port), "--port")


def test_ingest_tells_what_it_found_and_knows_the_same_content_again(tmp_path):
    data_dir = tmp_path / "data"
    file = tmp_path / "prices.csv"
    rows = [f"2024-01-0{day},{asset},{day}" for day in range(1, 5) for asset in ("a", "b")]
    file.write_text("date,asset,price\n" + "\n".join([*rows, rows[0], "2024-01-05,a,lots"]) + "\n")
    first = run(data_dir, "ingest", str(file), "--name", "tiny", "--licence", "CC0")
    assert first.exit_code == 0, first.output
    for words in ("version 1: ingested", "repeat another row", "text where a number belongs", "line 11"):
        assert words in first.output
    assert "already there" in run(data_dir, "ingest", str(file), "--name", "tiny").output


def test_logs_go_in_and_come_out(data_dir, tmp_path):
    logs, out = tmp_path / "logs", tmp_path / "out"
    logs.mkdir()
    (logs / "value.csv").write_text(
        "run_id,factor,breakpoint,min_assets,weighting_method,cumulative_returns,annualized_return\n"
        "20240301_101500,value,0.5,30,equal,0.42,0.093\n20240302_1015"
    )
    dry = run(data_dir, "import-logs", str(logs), "--dry-run")
    assert "1 runs imported" in dry.output
    assert "value.csv:3" in dry.output
    assert len(run_json(data_dir, "runs", "--origin", "imported")) == 0
    assert run(data_dir, "import-logs", str(logs)).exit_code == 0
    assert len(run_json(data_dir, "runs", "--origin", "imported")) == 1
    assert run(data_dir, "export-logs", str(out)).exit_code == 0
    assert "20240301_101500,value,0.5,30,equal,0.42,0.093" in (out / "value.csv").read_text()
    assert_one_line_error(run(data_dir, "export-logs", str(out)), 1, "already")


def test_gc_removes_what_nothing_needs(data_dir):
    assert run_json(data_dir, "gc", "--dry-run")["snapshots"] == []
    stray = data_dir / "datasets" / ("0" * 64)
    stray.mkdir()
    assert run_json(data_dir, "gc")["snapshots"] == [], "it may belong to an ingest under way"
    os.utime(stray, (0, 0))
    assert run_json(data_dir, "gc")["snapshots"] == [stray.name]
    assert not stray.exists()
    arrays = data_dir / "artifacts" / ("0" * 32)
    arrays.mkdir(parents=True)
    assert run_json(data_dir, "gc")["artifacts"] == [], "its run may be about to end"
    os.utime(arrays, (0, 0))
    assert "0 snapshots, 1 sets of arrays, " in run(data_dir, "gc", "--dry-run").output
    assert run_json(data_dir, "gc")["artifacts"] == [arrays.name]
    assert not arrays.exists()
    assert run(data_dir, "compute", "value", "--force").exit_code == 0


def test_the_printed_schema_is_the_committed_one(data_dir):
    assert run(data_dir, "schema").stdout == (ROOT / "schema.graphql").read_text()


def test_migrate_names_the_revision(data_dir):
    assert "sqlite store is at revision" in run(data_dir, "migrate").output


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes to read-only folders")
def test_a_read_only_data_directory_is_one_line(tmp_path):
    tmp_path.chmod(0o500)
    assert_one_line_error(run(tmp_path, "runs"), 1, "read-only", "FACTORQL_DATA_DIR")


def test_a_data_directory_that_cannot_be_made_is_one_line(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    assert_one_line_error(run(file / "data", "runs"), 1, "FACTORQL_DATA_DIR")


def test_the_installed_command_runs(data_dir):
    done = subprocess.run(
        [sys.executable, "-m", "scripts", "runs", "--json"],
        env={**os.environ, "FACTORQL_DATA_DIR": str(data_dir)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert len(json.loads(done.stdout)) >= 6


@pytest.mark.parametrize("table", ["series", "composition", "run_document"])
def test_show_notices_what_is_damaged_of_a_run(data_dir, tmp_path, table):
    shutil.copytree(data_dir, tmp_path / "data")
    with closing(sqlite3.connect(tmp_path / "data" / "factorql.sqlite")) as store:
        place = f"rowid = (SELECT min(rowid) FROM {table} WHERE run_id = 2)"
        (packed,) = store.execute(f"SELECT packed FROM {table} WHERE {place}").fetchone()
        changed = packed[:-1] + bytes([packed[-1] ^ 1])
        store.execute(f"UPDATE {table} SET packed = ? WHERE {place}", (changed,))
        store.commit()
    for options in ((), ("--json",), ("--monthly",)):
        result = run(tmp_path / "data", "show", "2", *options)
        assert_one_line_error(result, 1, "RESULT_DAMAGED", "run 2: ", "checksum")
        assert result.stdout == ""
    assert run(tmp_path / "data", "show", "1").exit_code == 0


def test_show_tells_what_a_newer_version_packed(data_dir, tmp_path):
    shutil.copytree(data_dir, tmp_path / "data")
    with closing(sqlite3.connect(tmp_path / "data" / "factorql.sqlite")) as store:
        store.execute("UPDATE series SET codec_version = 99 WHERE run_id = 2")
        store.commit()
    result = run(tmp_path / "data", "show", "2")
    assert_one_line_error(result, 1, "RESULT_UNREADABLE", "run 2: ", "newer version", "update FactorQL")
    assert "damage" not in result.output


def test_a_damaged_sample_is_mended_by_the_next_demo(data_dir, tmp_path):
    shutil.copytree(data_dir, tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / "cache")
    (folder,) = (tmp_path / "data" / "datasets").iterdir()
    damage(folder, "field:price")
    compute = ("compute", "smb", "--set", "breakpoint=0.45")
    assert_one_line_error(run(tmp_path / "data", *compute), 1, "DATASET_DAMAGED", "field price")
    assert run(tmp_path / "data", "demo", "--no-serve").exit_code == 0
    assert run(tmp_path / "data", *compute).exit_code == 0
