"""`factorql risk` as its users meet it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.datasets.snapshot import open_snapshot
from engine.risk.model import RiskModel, build_risk_model
from scripts.cli import main

HELD = {
    "syn-aurora": 0.35,
    "syn-amber": 0.25,
    "syn-cactus": 0.15,
    "syn-delta": -0.1,
    "syn-ballast-dollar": 0.2,
}
DELISTED = "syn-acorn"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    """A data directory with the bundled sample and a risk model of it, run 7."""
    path = tmp_path_factory.mktemp("data")
    assert run(path, "demo", "--no-serve").exit_code == 0
    built = run(path, "risk", "build", "--dataset", "sample-synthetic")
    assert built.exit_code == 0, built.output
    assert "run 7: risk model of sample-synthetic (synthetic)" in built.output
    return path


@pytest.fixture(scope="module")
def model(data_dir) -> RiskModel:
    """The same by the engine alone."""
    (snapshot,) = (path for path in (data_dir / "datasets").iterdir() if not path.name.startswith("."))
    return build_risk_model(open_snapshot(data_dir / "datasets", snapshot.name))


@pytest.fixture
def held(tmp_path) -> Path:
    return written(tmp_path, HELD)


def written(folder: Path, weights: dict[str, float], name: str = "book") -> Path:
    path = folder / f"{name}.csv"
    path.write_text("asset,weight\n" + "".join(f"{asset},{weight}\n" for asset, weight in weights.items()))
    return path


def run(data_dir: Path, *arguments: object) -> Result:
    variables = {"FACTORQL_DATA_DIR": str(data_dir), "FACTORQL_DATABASE_URL": ""}
    return CliRunner(env=variables).invoke(main, [str(one) for one in arguments])


def told(data_dir: Path, *arguments: object):
    result = run(data_dir, "risk", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def fails(result: Result, code: int, *words: str) -> None:
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    for word in words:
        assert word in result.stderr


def covariance(model: RiskModel) -> np.ndarray:
    """(N, N) of the latest forecast; 0 for assets that have none."""
    forecast = model.outlook.forecast(-1)
    exposures = np.nan_to_num(forecast.exposures)
    specific = np.nan_to_num(forecast.specific)
    return exposures @ forecast.covariance @ exposures.T + np.diag(specific**2)


def weights_of(model: RiskModel) -> np.ndarray:
    return np.array([HELD.get(asset, 0.0) for asset in model.assets])


def test_the_same_model_is_found_again(data_dir, tmp_path):
    again = told(data_dir, "build")
    assert (again["id"], again["reused"]) == (7, True)
    options = tmp_path / "options.json"
    options.write_text(json.dumps(again["config"]))
    assert told(data_dir, "build", "--config", options)["id"] == 7
    other = told(data_dir, "build", "--styles", "size,beta", "--set", "covariance.volatilityHalfLife=42")
    assert (other["id"], other["reused"]) == (8, False)
    assert other["config"]["covariance"]["volatility_half_life"] == 42.0
    styles = [one["name"] for one in other["model"]["factors"] if one["kind"] == "STYLE"]
    assert styles == ["SIZE", "BETA"]


def test_a_model_is_shown_with_the_numbers_of_the_engine(data_dir, model):
    shown = told(data_dir, "show", 7)["model"]
    returns = model.factor_returns.returns
    for at, (one, name) in enumerate(zip(shown["factors"], model.factors, strict=True)):
        own = returns[np.isfinite(returns[:, at]), at]
        assert one["name"] == name
        assert one["mean_return"] == pytest.approx(own.mean() * 365, rel=1e-12)
        assert one["volatility"] == pytest.approx(own.std(ddof=1) * 365**0.5, rel=1e-12)
        assert one["forecast"] == pytest.approx(model.outlook.covariance.volatilities[-1, at], rel=1e-12)
    assert shown["mean_r_squared"] == pytest.approx(np.nanmean(model.factor_returns.r_squared))
    assert shown["bias"]["random"]["mean_q"] == pytest.approx(model.validation.random.statistics.mean_q)
    text = run(data_dir, "risk", "show", 7).output
    assert "left out: value (the dataset has no book_value or sales or cash_flow)" in text
    assert "Out of sample" in text
    assert "RISK_MODEL" not in text
    general = run(data_dir, "show", 7).output
    assert "universe.min_history_rows=63" in general
    assert "`factorql risk show 7` shows its factors" in general


def test_a_portfolio_is_measured_as_with_the_whole_covariance_matrix(data_dir, model, held):
    found = told(data_dir, "portfolio", "--portfolio", held, "--benchmark", "market", 7)
    whole, weights = covariance(model), weights_of(model)
    caps = np.where(model.outlook.universe[-1], model.outlook.caps[-1], 0.0)
    index = caps / caps.sum()
    volatility = float(np.sqrt(weights @ whole @ weights))
    assert found["date"] == "2023-12-31"
    assert found["portfolio"]["volatility"] == pytest.approx(volatility, rel=1e-12)
    assert found["value_at_risk"]["loss"] == pytest.approx(1.6448536269514722 * volatility / 365**0.5)
    active = weights - index
    assert found["active"]["volatility"] == pytest.approx(float(np.sqrt(active @ whole @ active)), rel=1e-12)
    assert found["beta"] == pytest.approx(weights @ whole @ index / (index @ whole @ index), rel=1e-12)
    own = found["portfolio"]
    assert sum(one["contribution"] for one in own["assets"]) == pytest.approx(volatility, rel=1e-12)
    by_factor = sum(one["contribution"] for one in own["factors"]) + own["specific_contribution"]
    assert by_factor == pytest.approx(volatility, rel=1e-12)
    assert {one["asset"]: one["weight"] for one in own["assets"]} == HELD
    assert found["benchmark"]["volatility"] == pytest.approx(float(np.sqrt(index @ whole @ index)))


def test_the_latest_model_is_taken_and_an_earlier_day_may_be_asked_for(data_dir, held):
    built = told(data_dir, "build", "--set", "winsor=0.04")
    latest = told(data_dir, "portfolio", "--portfolio", held)
    assert latest["run"] == built["id"]
    earlier = told(data_dir, "portfolio", 7, "--portfolio", held, "--date", "2023-06-15")
    assert earlier["date"] == "2023-05-31"
    assert earlier["portfolio"]["volatility"] != latest["portfolio"]["volatility"]


def test_a_benchmark_may_be_a_file(data_dir, held, tmp_path):
    same = told(data_dir, "portfolio", 7, "--portfolio", held, "--benchmark", held)
    assert same["active"]["volatility"] == 0.0
    assert same["beta"] == pytest.approx(1.0)
    other = written(tmp_path, {"syn-aurora": 1.0}, "index")
    assert told(data_dir, "portfolio", 7, "--portfolio", held, "--benchmark", other)["beta"] < 1.0


def test_the_tables_and_the_picture(data_dir, held, tmp_path):
    picture = tmp_path / "risk.png"
    result = run(
        data_dir, "risk", "portfolio", 7, "--portfolio", held, "--benchmark", "market", "--plot", picture
    )
    assert result.exit_code == 0, result.output
    assert result.output.startswith(
        "Risk of book by risk model 7 of sample-synthetic (synthetic), 2023-12-31"
    )
    assert "tracking error" in result.output
    assert "-0.0 %" not in result.output
    assert picture.read_bytes().startswith(b"\x89PNG")
    drawing = tmp_path / "risk.svg"
    assert run(data_dir, "risk", "portfolio", 7, "--portfolio", held, "--plot", drawing).exit_code == 0
    assert "<svg" in drawing.read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("build", "--set", "winsor=3"), 2, ["winsor must be from 0 to 0.25"]),
        (("build", "--set", "momentum.lag=3"), 2, ["no style is named momentum"]),
        (("build", "--styles", "momentum", "--set", "momentum.lag=9000"), 2, ["styles.0.lag must be from"]),
        (("build", "--dataset", "nobody"), 1, ["nobody"]),
        (("build", "--styles", "value"), 1, ["book_value"]),
        (("build", "--set", "min_assets=1000"), 1, ["TOO_FEW_RETURNS"]),
        (("show", 1), 1, ["there is no risk model 1"]),
        (("show", 999), 1, ["there is no run 999"]),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(data_dir, arguments, code, words):
    fails(run(data_dir, "risk", *arguments), code, *words)


@pytest.mark.parametrize(
    ("weights", "arguments", "code", "words"),
    [
        ({DELISTED: 1.0}, (), 1, ["has no forecast for syn-acorn"]),
        ({"syn-auror": 1.0}, (), 1, ["syn-auror", "syn-aurora"]),
        (HELD, ("--date", "2020-01-01"), 2, ["the first is of 2021-05-31"]),
        (HELD, ("--confidence", "2"), 2, ["confidence must be from 0.5"]),
        (HELD, ("--horizon", "0"), 2, ["horizon_days must be from 1"]),
        (HELD, ("--benchmark", "nothing.csv"), 2, ["--benchmark takes market or a file"]),
        (HELD, ("--plot", "risk.gif"), 2, ["--plot writes"]),
    ],
)
def test_a_portfolio_that_cannot_be_measured(data_dir, tmp_path, weights, arguments, code, words):
    file = written(tmp_path, weights)
    fails(run(data_dir, "risk", "portfolio", 7, "--portfolio", file, *arguments), code, *words)


def test_arrays_that_were_lost_or_changed_are_told(data_dir, held):
    built = told(data_dir, "build", "--set", "winsor=0.03")
    ours = max((data_dir / "artifacts").iterdir(), key=lambda folder: folder.stat().st_mtime)
    scores = ours / "specific_risk.npy"
    content = bytearray(scores.read_bytes())
    content[-1] ^= 1
    scores.write_bytes(bytes(content))
    fails(run(data_dir, "risk", "portfolio", built["id"], "--portfolio", held), 1, "specific_risk", "changed")
    scores.unlink()
    fails(run(data_dir, "risk", "portfolio", built["id"], "--portfolio", held), 1, "specific_risk")
    assert run(data_dir, "risk", "show", built["id"]).exit_code == 0


def test_without_a_model_one_is_asked_for(tmp_path, held):
    fails(run(tmp_path / "empty", "risk", "portfolio", "--portfolio", held), 1, "factorql risk build")
