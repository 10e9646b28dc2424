"""A seventh factor costs a module and a place in the registry, and nothing in any other room."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

MODULE = '''
from dataclasses import dataclass
from enum import StrEnum

from engine.config import option
from engine.factors.config import LongShortConfig, LongSide
from engine.factors.definition import FactorDefinition
from engine.panel import PRICE


class Pace(StrEnum):
    """How the drift is counted."""

    SLOW = "SLOW"
    FAST = "FAST"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftConfig(LongShortConfig):
    factor = "DRIFT"

    drift_periods: int = option(2, 1, 9, "Periods of the drift")
    pace: Pace = option(Pace.SLOW, text="How the drift is counted")


def drift(context, config):
    return context.field(PRICE) / context.field(PRICE, config.drift_periods) - 1.0


DRIFT = FactorDefinition(
    title="Drift (a toy)",
    description="Buys what drifted up and sells what drifted down.",
    signal="price return over drift_periods",
    required_fields=(PRICE,),
    config_type=DriftConfig,
    compute_signal=drift,
    long_side=LongSide.HIGH,
)
'''

GRAPH = '''
import json

from app.schema.context import GraphContext
from app.graph import build_schema
from scripts.console import run_with_services

QUERY = """
mutation {
  computeFactor(input: {spec: {drift: {driftPeriods: 3, pace: FAST}}}, waitSeconds: 30) {
    ... on ComputeFactorSuccess {
      reused
      run { factor { name title }
            config { minAssets options { name text } ... on DriftConfig { driftPeriods pace } }
            performance { numPeriods sharpeRatio } }
    }
    ... on InvalidInput { message }
  }
}
"""
FURTHER = """{ factors { name defaultConfig { ... on DriftConfig { driftPeriods } } }
  factorRuns(where: {factor: {eq: DRIFT}}) { totalCount } }"""


async def work(services):
    schema = build_schema()
    found = {}
    for query in (QUERY, FURTHER):
        result = await schema.execute(query, context_value=GraphContext.of(services))
        assert result.errors is None, result.errors
        found |= result.data
    print(json.dumps(found))


run_with_services(work, execute=True)
'''


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with one factor more, and the bundled sample in its store."""
    root = tmp_path_factory.mktemp("program")
    for room in ("app", "db", "scripts"):
        (root / room).symlink_to(ROOT / room)
    shutil.copytree(ROOT / "engine", root / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "engine/factors/drift.py").write_text(MODULE)
    registry = root / "engine/factors/registry.py"
    text = registry.read_text().replace(
        "import VALUE\n", "import VALUE\nfrom engine.factors.drift import DRIFT\n"
    )
    assert "MOMENTUM_V2, GROWTH)" in text
    registry.write_text(text.replace("MOMENTUM_V2, GROWTH)", "MOMENTUM_V2, GROWTH, DRIFT)"))
    run(root, "-m", "scripts", "demo", "--no-serve")
    return root


def run(root: Path, *arguments: str) -> str:
    environment = {**os.environ, "FACTORQL_DATA_DIR": str(root / "data"), "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_computes_sweeps_and_shows_it(tree: Path) -> None:
    (listed,) = [
        one for one in json.loads(run(tree, "-m", "scripts", "factors", "--json")) if one["name"] == "drift"
    ]
    assert (listed["title"], listed["defaults"]["drift_periods"]) == ("Drift (a toy)", 2)
    assert "drift" in run(tree, "-m", "scripts", "compute", "--help")
    computed = json.loads(run(tree, "-m", "scripts", "compute", "drift", "--set", "driftPeriods=4", "--json"))
    assert computed["config"]["drift_periods"] == 4
    assert computed["performance"]["num_periods"] > 100
    swept = run(
        tree, "-m", "scripts", "sweep", "drift", "--set", "driftPeriods=1..3", "--set", "pace=slow,fast"
    )
    assert "drift_periods" in swept
    assert "Drift" in run(tree, "-m", "scripts", "show", str(computed["id"]))


def test_the_graph_takes_computes_and_filters_it(tree: Path) -> None:
    found = json.loads(run(tree, "-c", GRAPH))
    launched = found["computeFactor"]
    assert launched["run"]["factor"] == {"name": "DRIFT", "title": "Drift (a toy)"}
    told = launched["run"]["config"].pop("options")
    assert launched["run"]["config"] == {"minAssets": 30, "driftPeriods": 3, "pace": "FAST"}
    assert told[-2:] == [{"name": "driftPeriods", "text": "3"}, {"name": "pace", "text": "FAST"}]
    assert launched["run"]["performance"]["numPeriods"] > 100
    assert {"name": "DRIFT", "defaultConfig": {"driftPeriods": 2}} in found["factors"]
    assert found["factorRuns"]["totalCount"] >= 2


def test_rest_has_it(tree: Path) -> None:
    listed = run(
        tree, "-c", "from app.rest.openapi import openapi_document; print(*openapi_document()['paths'])"
    )
    assert "/compute/drift" in listed.split()


def test_the_printed_graph_has_it_as_an_option_to_sweep(tree: Path) -> None:
    printed = run(tree, "-m", "scripts", "schema")
    assert "input DriftInput {" in printed
    assert "type DriftConfig implements FactorConfig {" in printed
    assert '"""Of DRIFT: periods of the drift."""\n  DRIFT_PERIODS' in printed
    assert "Periods of the drift, 1 to 9. Default 2. Not null." in printed
