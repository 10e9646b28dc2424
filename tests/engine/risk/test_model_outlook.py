"""Forecasts of the whole risk model: their dates, their parts, and what became of them."""

from __future__ import annotations

import numpy as np
import pytest

from engine.panel import Calendar
from engine.risk.covariance import factor_covariances
from engine.risk.estimation_universe import EstimationUniverseConfig
from engine.risk.factor_returns import RegressionMode
from engine.risk.model import month_ends
from engine.risk.outcomes import Validation
from engine.risk.sectors import Sectors
from engine.risk.specific_risk import SpecificRiskConfig
from engine.risk.validation import EXPECTED_Q, bias_interval
from engine.risk.validation_portfolios import random_portfolios
from tests.engine.risk.model_panels import built, known_panel, quick_covariance, with_fields


def test_known_risk_is_found_again_and_its_forecasts_were_right():
    known = known_panel(7, dates=1_500, assets=300, sectors=4, steady=True)
    model = built(
        known.panel,
        covariance=quick_covariance(
            volatility_half_life=500.0, volatility_lags=0, correlation_lags=0, regime_half_life=None
        ),
        specific=SpecificRiskConfig(half_life=500.0, lags=0, regime_half_life=None, shrinkage=0.0),
        random_portfolios=50,
        random_size=50,
    )
    outlook = model.outlook
    annual = np.sqrt(252.0)
    np.testing.assert_allclose(
        outlook.covariance.volatilities[-1], known.factor_deviations * annual, rtol=0.08
    )
    ratio = outlook.specific.volatilities[-1] / (known.specific_deviations * annual)
    assert np.abs(ratio - 1.0).max() < 0.16  # 5 standard errors of about 1 / sqrt(2 * 1,000)
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)
    truth = np.cov(known.factors.T) * 252
    np.testing.assert_allclose(outlook.covariance.matrices[-1], truth, atol=0.12 * truth.diagonal().max())
    validation = model.validation
    assert isinstance(validation, Validation)
    assert validation.styles is not None
    assert validation.sectors is not None
    assert len(validation.starts) == len(outlook.rows) - 1
    low, high = bias_interval(len(validation.starts))
    for outcomes in (validation.random, validation.sectors, validation.styles):
        assert low < outcomes.statistics.mean_bias < high
        assert outcomes.statistics.mean_q == pytest.approx(EXPECTED_Q, abs=0.5)


def test_outcomes_are_those_of_the_months_after_the_forecasts():
    known = known_panel(8, dates=500)
    model = built(known.panel)
    validation, outlook = model.validation, model.outlook
    assert isinstance(validation, Validation)
    assert validation.sectors is not None
    at, prices, caps = 3, known.panel.fields["price"], known.panel.fields["market_cap"]
    start, end = int(validation.starts[at]) + 1, int(validation.ends[at]) + 1  # panel rows
    inside = known.sectors.codes == 1
    weights = np.where(inside, caps[start], 0.0) / caps[start][inside].sum()
    earned = weights @ (prices[end] / prices[start] - 1.0)
    assert validation.sectors.returns[1, at] == pytest.approx(earned)
    risk = outlook.forecast(at)
    exposure = weights @ risk.exposures
    variance = exposure @ risk.covariance @ exposure + weights**2 @ risk.specific**2
    assert validation.sectors.forecasts[1, at] == pytest.approx(np.sqrt(variance * (end - start) / 252))


def test_forecasts_are_of_month_ends_and_the_latest_date():
    model = built(known_panel(dates=200).panel)
    days = [day.isoformat() for day in model.outlook.dates.astype(object)]
    assert days == [
        "2015-01-31",
        "2015-02-28",
        "2015-03-31",
        "2015-04-30",
        "2015-05-31",
        "2015-06-30",
        "2015-07-19",
    ]
    assert month_ends(model.dates).tolist()[-1] == len(model.dates) - 1
    assert np.array_equal(model.outlook.dates, model.outlook.covariance.dates)
    assert np.array_equal(model.outlook.rows, model.outlook.specific.rows)


def test_covariances_meet_the_sector_constraint_of_their_date():
    known = known_panel()
    caps = known.panel.fields["market_cap"] * np.linspace(1.0, 5.0, 200)[:, None] ** known.sectors.codes
    outlook = built(with_fields(known.panel, market_cap=caps)).outlook
    for at, row in enumerate(outlook.rows.tolist()):
        shares = np.bincount(known.sectors.codes, caps[row + 1]) / caps[row + 1].sum()
        constraint = np.concatenate([[0.0], shares, [0.0]])
        left = outlook.covariance.matrices[at] @ constraint
        assert np.abs(left).max() < 1e-12


def test_the_sector_constraint_changes_the_risk_of_no_portfolio():
    known = known_panel()
    caps = known.panel.fields["market_cap"] * np.linspace(1.0, 5.0, 200)[:, None] ** known.sectors.codes
    model = built(with_fields(known.panel, market_cap=caps))
    outlook = model.outlook
    free = factor_covariances(
        model.factor_returns.returns, model.dates, model.factors, outlook.rows, 252, config=quick_covariance()
    )
    weights = np.random.default_rng(1).normal(size=60)
    for at in range(len(outlook.rows)):
        exposure = weights @ outlook.exposures(at)
        variance = exposure @ outlook.covariance.matrices[at] @ exposure
        assert variance == pytest.approx(exposure @ free.matrices[at] @ exposure)


def test_the_parts_of_a_forecast_are_of_one_date():
    known = known_panel()
    codes = (known.sectors.codes + np.arange(200)[:, None]) % 3
    sectors = Sectors(codes=codes, names=known.sectors.names)
    caps = known.panel.fields["market_cap"] * np.linspace(1.0, 5.0, 200)[:, None]
    panel = with_fields(known.panel, market_cap=caps)
    early = built(panel, sectors).outlook
    late = built(panel, sectors, specific=SpecificRiskConfig(min_observations=100)).outlook
    skipped = len(early.rows) - len(late.rows)
    assert skipped == 3
    assert np.array_equal(late.rows, early.rows[skipped:])
    np.testing.assert_array_equal(late.covariance.matrices, early.covariance.matrices[skipped:])
    np.testing.assert_array_equal(late.covariance.volatilities, early.covariance.volatilities[skipped:])
    np.testing.assert_array_equal(late.styles, early.styles[skipped:])
    np.testing.assert_array_equal(late.sectors, codes[late.rows + 1])
    np.testing.assert_array_equal(late.caps, caps[late.rows + 1])
    signal = known.panel.fields["signal"][late.rows + 1]
    ranks = late.styles[:, :, 0].argsort(axis=1)
    np.testing.assert_array_equal(ranks, signal.argsort(axis=1))


def test_the_portfolios_are_of_the_estimation_universe():
    known = known_panel(dates=500)
    universe = EstimationUniverseConfig(min_history_rows=0, top_n=10)
    validation = built(known.panel, universe=universe).validation
    assert isinstance(validation, Validation)
    caps, prices = known.panel.fields["market_cap"][0], known.panel.fields["price"]
    weights = random_portfolios(caps, caps >= np.sort(caps)[-10], count=20)
    assert ((weights > 0.0).sum(axis=1) == 5).all()
    start, end = validation.starts + 1, validation.ends + 1
    earned = weights @ (prices[end] / prices[start] - 1.0).T
    np.testing.assert_allclose(validation.random.returns, earned)


def test_the_modes_of_toraniko_weigh_scores_and_sectors_equally():
    known = known_panel()
    model = built(known.panel, mode=RegressionMode.TORANIKO_RESIDUAL)
    np.testing.assert_allclose(model.outlook.styles.mean(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(model.factor_returns.returns[:, 1:4].sum(axis=1), 0.0, atol=1e-12)
    left = model.outlook.covariance.matrices @ np.array([0.0, 1.0, 1.0, 1.0, 0.0])
    assert np.abs(left).max() < 1e-12
    assert np.abs(built(known.panel).outlook.styles.mean(axis=1)).max() > 1e-3


def test_risk_is_annualised_by_the_calendar():
    sessions = built(known_panel(calendar=Calendar.OBSERVED).panel)
    days = built(known_panel(calendar=Calendar.EVERY_DAY).panel)
    assert (sessions.days_per_year, days.days_per_year) == (252, 365)
    scale = np.sqrt(365 / 252)
    np.testing.assert_allclose(
        days.outlook.covariance.volatilities, sessions.outlook.covariance.volatilities * scale
    )
    np.testing.assert_allclose(
        days.outlook.specific.volatilities, sessions.outlook.specific.volatilities * scale
    )
