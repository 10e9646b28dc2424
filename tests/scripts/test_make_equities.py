"""The invented stock market: its files come in as what was simulated, and a risk model finds what made it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from app.datasets.fingerprint import fingerprint
from app.datasets.quality import QualityCode
from app.datasets.read import ReadPanel, read_long_form
from engine.panel import SINCE_EVER, Calendar
from engine.periods import as_of_field
from engine.risk.config import RiskModelConfig
from engine.risk.covariance import CovarianceConfig
from engine.risk.model import RiskModel, build_risk_model
from engine.risk.specific_risk import SpecificRiskConfig
from scripts.equity_market import FACTORS, SECTORS, STYLES, KnownEquities, sessions, simulate_equities
from scripts.make_equities import NOTE, command

ASSETS, DAYS, SEED = 300, 1000, 11
ALL_OF_IT = RiskModelConfig(
    winsor=0.0,
    covariance=CovarianceConfig(
        volatility_half_life=5_000.0,
        volatility_lags=0,
        correlation_half_life=5_000.0,
        correlation_lags=0,
        regime_half_life=None,
    ),
    specific=SpecificRiskConfig(half_life=5_000.0, lags=0, regime_half_life=None, shrinkage=0.0),
)
"""Weights nearly equal over the history, so that estimates are as near the truth as it allows."""


@dataclass(frozen=True, slots=True)
class Written:
    folder: Path
    told: str
    read: ReadPanel


def written(folder: Path, *options: str) -> Written:
    result = CliRunner().invoke(command, [str(folder), *options], catch_exceptions=False)
    assert result.exit_code == 0
    (data,) = folder.glob("synthetic-equities.*")
    return Written(
        folder,
        result.output,
        read_long_form(data, filename=data.name, attributes=folder / "attributes.csv"),
    )


@pytest.fixture(scope="module")
def known() -> KnownEquities:
    return simulate_equities(ASSETS, DAYS, SEED)


@pytest.fixture(scope="module")
def taken_in(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("equities") / "new"
    return written(folder, "--assets", str(ASSETS), "--days", str(DAYS), "--seed", str(SEED))


@pytest.fixture(scope="module")
def model(taken_in: Written) -> RiskModel:
    return build_risk_model(taken_in.read.panel, ALL_OF_IT)


def test_the_files_come_in_as_the_panel_that_was_simulated(taken_in: Written, known: KnownEquities) -> None:
    assert fingerprint(taken_in.read.panel) == fingerprint(known.panel)
    assert taken_in.read.panel.calendar is Calendar.OBSERVED
    assert taken_in.read.quality.rows_refused == 0


def test_parquet_holds_the_same_as_csv(tmp_path: Path) -> None:
    options = ("--assets", "60", "--days", "300")
    files = [written(tmp_path / ending, *options, "--format", ending) for ending in ("csv", "parquet")]

    assert (tmp_path / "parquet" / "synthetic-equities.parquet").read_bytes().startswith(b"PAR1")
    assert len({fingerprint(one.read.panel) for one in files}) == 1


def test_it_says_that_it_is_invented_and_how_to_take_it_in(taken_in: Written) -> None:
    first, *_, last = taken_in.told.strip().splitlines()

    assert first == NOTE
    assert NOTE.startswith("SYNTHETIC")
    assert shlex.split(last) == [
        *("factorql", "ingest", str(taken_in.folder / "synthetic-equities.csv")),
        *("--attributes", str(taken_in.folder / "attributes.csv")),
        *("--name", "synthetic-equities", "--note", NOTE),
    ]
    assert taken_in.read.quality.notes[0] == "SYNTHETIC: marked as invented: all assets"


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "synthetic-equities.csv").mkdir()

    result = CliRunner().invoke(command, [str(tmp_path), "--assets", "55", "--days", "30"])

    assert result.exit_code == 1
    assert "cannot be written" in result.output


def test_it_has_the_defects_of_a_real_market(known: KnownEquities, taken_in: Written) -> None:
    panel = known.panel
    priced = np.isfinite(panel.fields["price"])
    first, last = priced.argmax(axis=0), len(priced) - 1 - priced[::-1].argmax(axis=0)
    changes = [own for own in panel.attribute_changes["sector"] if len(own) > 1]

    assert 0.10 < (first > 0).mean() < 0.20
    assert 0.05 < (last < len(priced) - 1).mean() < 0.10
    assert taken_in.read.quality.count_of(QualityCode.GAP) > 100
    assert len(changes) == 6
    assert all(own[0].since == SINCE_EVER and own[0].value != own[1].value for own in changes)
    assert not np.isin(
        sessions(1_300).astype("datetime64[D]").astype(str), ["2018-12-25", "2022-07-04"]
    ).any()
    assert np.is_busday(panel.dates).all()
    assert (np.diff(panel.dates).astype(int) > 3).any()


def test_caps_are_closes_times_the_shares_known_and_prices_end_at_the_close(known: KnownEquities) -> None:
    fields = known.panel.fields
    shares = as_of_field(known.panel, "shares", known.panel.dates)
    priced = np.isfinite(fields["price"])
    last = len(priced) - 1 - priced[::-1].argmax(axis=0)
    column = np.arange(ASSETS)

    np.testing.assert_allclose((fields["close"] * shares)[priced], fields["market_cap"][priced], rtol=2e-6)
    np.testing.assert_allclose(fields["price"][last, column], fields["close"][last, column], rtol=1e-6)
    jumps = fields["close"][1:] / fields["close"][:-1] / (fields["price"][1:] / fields["price"][:-1])
    assert np.nanmin(jumps) == pytest.approx(0.5, abs=0.01), "splits are in the close alone"
    assert np.nanmax(jumps) == pytest.approx(1.0, abs=1e-5)
    caps = fields["market_cap"][1:] / fields["market_cap"][:-1] / (fields["price"][1:] / fields["price"][:-1])
    assert np.nanmin(caps) > 0.96, "neither splits nor dividends nor new shares change a cap much"
    assert np.nanmax(caps) < 1.04


def test_numbers_have_as_many_digits_as_vendors_give(known: KnownEquities) -> None:
    for values in known.panel.fields.values():
        some = values[np.isfinite(values)][:2_000].tolist()
        assert some == [float(f"{value:.7g}") for value in some]


def test_the_same_seed_gives_the_same_market_and_another_one_another() -> None:
    markets = [fingerprint(simulate_equities(60, 40, seed).panel) for seed in (1, 1, 2)]

    assert markets[0] == markets[1] != markets[2]


def test_the_stated_covariance_is_that_of_the_factor_returns(known: KnownEquities) -> None:
    """Cap shares drift, so that sectors agree roughly, and the rest within 5 standard errors."""
    realised = np.sqrt(np.nanvar(known.factor_returns, axis=0) * 252)
    stated = np.sqrt(known.factor_covariance.diagonal())
    correlations = np.corrcoef(known.factor_returns[1:].T)[0, -len(STYLES) :]

    np.testing.assert_allclose(realised, stated, rtol=0.12)
    np.testing.assert_allclose(correlations, [-0.3, 0.2, 0.3], atol=0.15)


def test_a_risk_model_finds_the_volatilities_of_the_factors(known: KnownEquities, model: RiskModel) -> None:
    """To 12% the market, and to 25% the others: with some 25 assets a sector, a factor return is estimated
    with an error of its own, which adds to its volatility."""
    at = [model.factors.index(name) for name in FACTORS]
    found = model.outlook.covariance.volatilities[-1][at]
    ratio = found / np.sqrt(known.factor_covariance.diagonal())

    assert ratio[0] == pytest.approx(1.0, abs=0.12)
    np.testing.assert_allclose(ratio, 1.0, atol=0.25)
    others = [
        volatility
        for name, volatility in zip(model.factors, model.outlook.covariance.volatilities[-1], strict=True)
        if name not in FACTORS
    ]
    assert len(others) == 4
    assert max(others) < 0.05, "styles that move nothing"


def test_it_finds_the_factor_returns_themselves(known: KnownEquities, model: RiskModel) -> None:
    at = [model.factors.index(name) for name in FACTORS]
    found, true = model.factor_returns.returns[252:, at], known.factor_returns[253:]
    alike = [np.corrcoef(found[:, column], true[:, column])[0, 1] for column in range(len(FACTORS))]

    assert alike[0] > 0.98
    assert min(alike[1 : 1 + len(SECTORS)]) > 0.8
    assert min(alike[-len(STYLES) :]) > 0.85


def test_it_finds_the_specific_volatilities(known: KnownEquities, model: RiskModel) -> None:
    """Of the assets with two years: to 20% each, 3% on average. What the largest do by themselves moves their
    sectors' returns too, and looks less specific than it is."""
    specific = model.outlook.specific
    counted = specific.observations[-1] > 500
    counted &= ~np.isnan(known.exposures[:, 0])
    ratio = (specific.volatilities[-1] / known.specific_volatilities)[counted]

    assert len(ratio) > 200
    assert ratio.mean() == pytest.approx(1.0, abs=0.03)
    np.testing.assert_allclose(ratio, 1.0, atol=0.2)


def test_it_forecasts_the_risk_that_portfolios_have(known: KnownEquities, model: RiskModel) -> None:
    """To 10%, long only and market neutral, of 30 assets."""
    forecast = model.outlook.forecast(len(model.outlook.dates) - 1)
    held = np.flatnonzero(~np.isnan(known.exposures[:, 0]) & np.isfinite(forecast.specific))
    random = np.random.default_rng(3)
    for signs in (np.ones(30), np.repeat([1.0, -1.0], 15)):
        for _ in range(50):
            own = random.choice(held, 30, replace=False)
            weights = signs / 30
            true = variance(
                weights, known.exposures[own], known.factor_covariance, known.specific_volatilities[own]
            )
            found = variance(weights, forecast.exposures[own], forecast.covariance, forecast.specific[own])
            assert np.sqrt(found / true) == pytest.approx(1.0, abs=0.1)


def variance(
    weights: np.ndarray, exposures: np.ndarray, covariance: np.ndarray, specific: np.ndarray
) -> float:
    total = exposures @ covariance @ exposures.T + np.diag(specific**2)
    return float(weights @ total @ weights)


def test_a_model_of_default_options_can_be_built(taken_in: Written) -> None:
    model = build_risk_model(taken_in.read.panel)

    assert model.skipped_styles == ()
    assert set(FACTORS) < set(model.factors)
    assert len(model.outlook.dates) > 40
