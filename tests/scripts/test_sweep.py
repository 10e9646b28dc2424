"""`factorql sweep` and `promote` as their users meet them, and the values that `--set` can name."""

from __future__ import annotations

import json
import re
import shutil
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.errors import InvalidInput
from engine.factors.registry import FactorName
from scripts.cli import main
from scripts.options import parse_settings, parse_sweep_settings
from tests.e2e.held_datasets import held_datasets
from tests.e2e.servers import Command, commands, wait_for

SWEEP = (
    *("sweep", "momentum", "--set", "lookbackPeriods=1..4", "--set", "breakpoint=0.2..0.4:0.1"),
    *("--set", "cost_bps=25", "--set", "minAssets=20,61"),
)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    """A data directory with the bundled sample and the six runs of the demo."""
    path = tmp_path_factory.mktemp("data")
    result = run(path, "demo", "--no-serve")
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture(scope="module")
def swept(data_dir):
    """24 points, of which the half that asks for 61 of 60 assets fails."""
    return run_json(data_dir, *SWEEP, "--tag", "grid", "--heatmap", "lookbackPeriods,breakpoint")


def run(data_dir: Path, *arguments: str, **environment: str) -> Result:
    variables = {"FACTORQL_DATA_DIR": str(data_dir), "FACTORQL_DATABASE_URL": ""} | environment
    return CliRunner(env=variables).invoke(main, list(arguments))


def run_json(data_dir: Path, *arguments: str):
    result = run(data_dir, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


# -- values ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1..4", [1, 2, 3, 4]),
        ("0.1..0.5:0.1", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("0.1..0.35:0.1", [0.1, 0.2, 0.3]),
        ("-1..0:0.25", [-1, -0.75, -0.5, -0.25, 0]),
        ("1e8..3e8:1e8", [100_000_000, 200_000_000, 300_000_000]),
        ("off,1..3,1e6", [None, 1, 2, 3, 1e6]),
        ("null, 5", [None, 5]),
        ("true,false", [True, False]),
        ("equal,market_cap", ["equal", "market_cap"]),
        ("1..1000", list(range(1, 1001))),
    ],
)
def test_values_of_an_axis(text, values):
    parsed = parse_sweep_settings(FactorName.SMB, [f"marketCapThreshold={text}"])
    assert parsed.base == {}
    (axis,) = parsed.axes
    assert axis.option == "market_cap_threshold"
    assert list(axis.values) == values
    assert [type(value) for value in axis.values] == [type(value) for value in values]


def test_single_values_are_fixed_and_lists_of_names_are_axes_of_single_names():
    parsed = parse_sweep_settings(
        FactorName.GROWTH,
        [
            *("minAssets=7", "liquidity_threshold=off", "weighting=EQUAL", "breakpoint=0.3..0.3"),
            *("exclude=[a,b..c]", "universe=sector=l1,sector=l2", "growthMetrics=fees,off"),
        ],
    )
    assert parsed.base == {
        "min_assets": 7,
        "liquidity_threshold": None,
        "weighting_method": "EQUAL",
        "breakpoint": 0.3,
        "exclude": ["a", "b..c"],
    }
    assert {axis.option: axis.values for axis in parsed.axes} == {
        "universe": ("sector=l1", "sector=l2"),
        "growth_metrics": ("fees", None),
    }


def test_a_computation_still_takes_lists_of_names():
    assert parse_settings(FactorName.SMB, ["exclude=a,b", "universe=off"]) == {
        "exclude": ["a", "b"],
        "universe": None,
    }


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("breakpoint=0.1..0.5", "needs a step"),
        ("lookbackPeriods=0..1000", "at most 1,000 values"),
        ("lookbackPeriods=1..1000000000", "at most 1,000 values"),
        ("lookbackPeriods=1..1000,1001,1002", "at most 1,000 values"),
        ("breakpoint=0..1e15:1e-15", "at most 1,000 values"),
        ("lookbackPeriods=1..1e999999999", "ranges such as"),
        ("lookbackPeriods=5..1", "upwards"),
        ("lookbackPeriods=1..5:0", "upwards"),
        ("lookbackPeriods=1..5:-1", "upwards"),
        ("lookbackPeriods=1..", "ranges such as"),
        ("lookbackPeriods=..5", "ranges such as"),
        ("lookbackPeriods=1..5:", "ranges such as"),
        ("lookbackPeriods=1..2..3", "ranges such as"),
        ("lookbackPeriods=one..two", "ranges such as"),
        ("lookbackPeriods=nan..5", "ranges such as"),
        ("lookbackPeriods=1,,2", "empty value"),
        ("exclude=[a],[b]", "single names"),
        ("lookbackPeriods", "key=value"),
        ("=1,2", "key=value"),
    ],
)
def test_malformed_values_are_refused(setting, words):
    with pytest.raises(InvalidInput, match=re.escape(words)):
        parse_sweep_settings(FactorName.MOMENTUM, [setting])


# -- the command -------------------------------------------------------------------------------------------


def test_json_has_every_point_and_statistic(swept):
    result = swept["result"]
    assert (swept["kind"], swept["status"], swept["reused"]) == ("SWEEP", "SUCCEEDED", False)
    assert (result["point_count"], result["failed_count"]) == (24, 12)
    assert result["failures"][0]["code"] == "NO_PERIODS"
    points = result["points"]
    assert [point["number"] for point in points] == list(range(24))
    assert points[1]["values"] == {"lookback_periods": 1, "breakpoint": 0.2, "min_assets": 61}
    assert points[1]["failure"]["code"] == "NO_PERIODS"
    assert points[1]["metrics"]["sharpe_ratio"] is None
    sharpe = [-9.0 if point["failure"] else point["metrics"]["span_sharpe_ratio"] for point in points]
    assert result["best"] == points[sharpe.index(max(sharpe))]
    assert swept["config"]["base"]["cost_bps"] == 25
    assert 0 <= result["deflated_sharpe"]["probability"] <= 1
    assert sum(one["count"] for one in result["overfitting"]["logit_histogram"]) == 12_870
    assert result["walk_forward"]["num_choices"] == len(result["walk_forward"]["choices"])
    assert "12 more failed" in result["verdict"]


def test_the_heat_map_is_the_mean_of_the_points_of_a_cell(swept):
    cells = swept["result"]["heat_map"]
    assert (cells["x_values"], cells["y_values"]) == ([1, 2, 3, 4], [0.2, 0.3, 0.4])
    for point in swept["result"]["points"]:
        if point["failure"] is None:  # one a cell
            down = cells["y_values"].index(point["values"]["breakpoint"])
            across = cells["x_values"].index(point["values"]["lookback_periods"])
            assert cells["cells"][down][across] == pytest.approx(point["metrics"]["span_sharpe_ratio"])


def test_text_tells_the_plan_the_best_the_luck_and_the_verdict(data_dir, swept):
    told = run(data_dir, *SWEEP, "--heatmap", "lookback_periods,breakpoint")
    assert told.exit_code == 0, told.output
    assert not told.stderr
    result, lines = swept["result"], told.stdout.splitlines()
    assert lines[0].startswith(f"run {swept['id']}: sweep of momentum on sample-synthetic (synthetic)")
    assert lines[0].endswith("(it existed already)")
    assert "24 points; 12 failed" in lines
    assert "  breakpoint: 0.2, 0.3, 0.4" in lines
    assert "  for all points: cost_bps=25" in lines
    assert any(line.startswith("  failed, 12 points: NO_PERIODS: none of") for line in lines)
    best = result["best"]
    values = ", ".join(f"{name}={value}" for name, value in best["values"].items())
    assert f"best point {best['number']}: {values}" in lines
    assert f"  Sharpe ratio              {best['metrics']['span_sharpe_ratio']:.4f}" in lines
    shown = lines.index("best 10 of 12 points")
    numbers = [int(line.split()[0]) for line in lines[shown + 2 : shown + 12]]
    succeeded = [point for point in result["points"] if point["failure"] is None]
    ranked = sorted(succeeded, key=lambda point: -point["metrics"]["span_sharpe_ratio"])
    assert numbers == [point["number"] for point in ranked[:10]]
    for words in ("neighbours of the best", "deflated Sharpe ratio", "walk-forward", "effective trials"):
        assert words in told.stdout
    assert result["verdict"] in lines
    cells = result["heat_map"]["cells"]
    header = next(n for n, line in enumerate(lines) if re.fullmatch(r" +1 +2 +3 +4", line))
    assert lines[header - 1] == "Sharpe ratio, breakpoint down, lookback_periods across"
    assert lines[header + 1].split() == ["0.2", *(f"{cell:.2f}" for cell in cells[0])]
    assert lines[-1] == f"`factorql promote {swept['id']} {best['number']}` makes the best point a full run"


def test_a_narrow_terminal_gets_fewer_columns_and_the_heat_map_in_parts_but_no_cell_is_cut(data_dir, swept):
    told = run(data_dir, *SWEEP, "--heatmap", "lookbackPeriods,minAssets", FORCE_COLOR="1", COLUMNS="24")
    assert told.exit_code == 0, told.output
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", told.stdout)
    assert "…" not in text
    assert "\x1b[" in told.stdout, "cells are coloured"
    lines = text.splitlines()
    assert "point  lookback_periods  breakpoint  min_assets  Sharpe" in lines
    header = next(n for n, line in enumerate(lines) if line.split() == ["1", "2", "3"])
    assert [lines[header + row].split()[0] for row in range(5)] == ["1", "20", "61", "4", "20"]
    assert lines[header + 2].split() == ["61", "-", "-", "-"]
    wide = run(data_dir, *SWEEP, "--heatmap", "lookbackPeriods,minAssets").stdout.splitlines()
    cells = [line.split() for line in wide if re.match(r" *(20|61) +[-0-9.]+( |$)", line)][-2]
    assert cells == lines[header + 1].split() + lines[header + 4].split()[1:]


def test_the_same_sweep_in_other_words_is_one_run_and_force_makes_another(data_dir, swept):
    words = [part.replace("0.2..0.4:0.1", "0.2,0.30,4e-1").replace("cost_bps", "costBps") for part in SWEEP]
    again = run_json(data_dir, *words)
    assert (again["id"], again["reused"]) == (swept["id"], True)
    forced = run_json(data_dir, *SWEEP, "--force")
    assert forced["id"] != swept["id"]
    assert forced["result"]["points"] == swept["result"]["points"]


def test_a_sample_is_drawn_by_its_seed(data_dir):
    arguments = ("sweep", "smb", "--set", "breakpoint=0.1..0.5:0.05", "--set", "minAssets=5..50:5")
    told = run(data_dir, *arguments, "--sample", "7", "--seed", "3")
    assert "7 points, a sample of the grid's 90 (seed 3)" in told.stdout
    first = run_json(data_dir, *arguments, "--sample", "7", "--seed", "3")
    other = run_json(data_dir, *arguments, "--sample", "7", "--seed", "4")
    assert first["result"]["point_count"] == other["result"]["point_count"] == 7
    assert first["result"]["points"] != other["result"]["points"]


def test_runs_list_sweeps_beside_factor_runs(data_dir, swept):
    kinds = {item["id"]: item["kind"] for item in run_json(data_dir, "runs", "--limit", "100")}
    assert kinds[swept["id"]] == "SWEEP"
    assert kinds[1] == "FACTOR"
    assert swept["id"] in {item["id"] for item in run_json(data_dir, "runs", "--kind", "sweep")}
    assert {item["kind"] for item in run_json(data_dir, "runs", "--kind", "factor")} == {"FACTOR"}
    line = next(
        line for line in run(data_dir, "runs", "--tag", "grid").output.splitlines() if "momentum" in line
    )
    assert line.split()[:3] == [str(swept["id"]), "sweep", "momentum"]
    assert len(run_json(data_dir, "compare")) == 6, "a sweep is no result of a factor"


def test_a_promoted_point_has_the_numbers_of_the_sweep(data_dir, swept):
    best = swept["result"]["best"]
    made = run_json(data_dir, "promote", str(swept["id"]), str(best["number"]), "--tag", "chosen")
    assert (made["kind"], made["tags"], made["sweep"]) == ("FACTOR", ["chosen"], swept["id"])
    assert best["values"].items() <= made["config"].items()
    assert made["config"]["cost_bps"] == 25
    gross, net = made["performance"], made["net_performance"]
    figures = dict(best["metrics"])
    del figures["span_sharpe_ratio"]
    assert figures.pop("gross_sharpe_ratio") == gross["sharpe_ratio"]
    assert figures == {name: net[name] for name in figures}
    assert figures["annualized_return"] != gross["annualized_return"]
    again = run(data_dir, "promote", str(swept["id"]), str(best["number"]))
    assert f"run {made['id']} (it existed already)" in again.stdout
    assert f"after costs: annualised {100 * net['annualized_return']:.1f} %" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "breakpoint=0.3"), ("several values",)),
        ((), ("several values",)),
        (("--set", "breakpoint="), ("breakpoint", "no values")),
        (("--set", "breakpoint=0.5..0.1"), ("breakpoint", "upwards")),
        (("--set", "breakpoint=0.1..0.5"), ("breakpoint", "step")),
        (("--set", "lookbackPeriods=1..1000000000"), ("at most 1,000",)),
        (("--set", "lookbackPeriods=1..13"), ("lookback_periods", "13")),
        (("--set", "lookbackPeriods=1,2,1.0"), ("lookback_periods", "twice")),
        (("--set", "colour=red,blue"), ("colour",)),
        (("--set", "quantiles=2,3"), ("quantiles",)),
        (("--set", "weighting=equal,by_feel"), ("BY_FEEL",)),
        (("--set", "breakpoint=0.1,0.2", "--set", "break_point=1"), ("break_point",)),
        (("--set", "breakpoint=0.1,0.2", "--set", "Breakpoint=0.3"), ("Breakpoint", "twice")),
        (("--set", "minAssets=5..1004", "--set", "varianceLookback=8..520"), ("513,000 points", "10,000")),
        (("--set", "breakpoint=0.1,0.2", "--sample", "0"), ("sample_size",)),
        (("--set", "breakpoint=0.1,0.2", "--seed", "-1"), ("seed",)),
        (("--set", "breakpoint=0.1,0.2", "--partitions", "5"), ("partitions", "even")),
        (("--set", "universe=sector=none,nobody"), ("universe",)),
        (("--set", "breakpoint=0.1,0.2", "--heatmap", "breakpoint"), ("--heatmap", "X,Y")),
        (("--set", "breakpoint=0.1,0.2", "--heatmap", "breakpoint,costBps"), ("cost_bps", "not swept")),
        (("--set", "breakpoint=0.1,0.2", "--heatmap", "breakpoint,breakpoint"), ("different",)),
        (
            ("--set", "minAssets=5..105", "--set", "costBps=0,1", "--heatmap", "min_assets,costBps"),
            ("101 values",),
        ),
    ],
)
def test_mistakes_are_answered_in_one_line(data_dir, arguments, words):
    assert_one_line_error(run(data_dir, "sweep", "momentum", *arguments), 2, *words)


def test_a_heat_map_that_cannot_be_drawn_is_known_before_the_launch(data_dir):
    arguments = ("sweep", "market", "--set", "topN=7,8", "--heatmap", "topN,costBps")
    assert_one_line_error(run(data_dir, *arguments), 2, "cost_bps")
    assert run_json(data_dir, "runs", "--factor", "market", "--kind", "sweep") == []


def test_what_cannot_be_done_is_answered_in_one_line(data_dir, swept):
    nowhere = run(data_dir, "sweep", "smb", "--set", "breakpoint=0.1,0.2", "--dataset", "nowhere")
    assert_one_line_error(nowhere, 1, "nowhere", "sample-synthetic")
    hopeless = run(data_dir, "sweep", "smb", "--set", "minAssets=61,62")
    assert_one_line_error(hopeless, 1, "ALL_POINTS_FAILED", "at most")
    sweep_id, failed = str(swept["id"]), "1"
    assert_one_line_error(run(data_dir, "promote", "1", "0"), 1, "no sweep 1")
    assert_one_line_error(run(data_dir, "promote", sweep_id, "24"), 2, "from 0 to 23")
    assert_one_line_error(run(data_dir, "promote", sweep_id, failed), 2, "could not be computed")


def assert_one_line_error(result: Result, code: int, *words: str) -> None:
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in result.stderr


def test_ctrl_c_cancels_the_sweep_and_says_so(data_dir, tmp_path):
    shutil.copytree(data_dir, tmp_path / "data")
    with commands(tmp_path) as start, held_datasets(tmp_path / "data"):
        command = start(Command, "sweep", "market", "--set", "topN=5,6,7")
        wait_for(lambda: len(command.processes()) == 3)  # itself, the forkserver, the computation
        assert command.end_by(signal.SIGINT) == 130
    assert re.search(r"^run \d+ canceled$", command.output, re.MULTILINE)
    assert "Traceback" not in command.output
    newest = run_json(tmp_path / "data", "runs", "--kind", "sweep", "--limit", "1")[0]
    assert (newest["factor"], newest["status"]) == ("market", "CANCELED")
