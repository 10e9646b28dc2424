"""Risk of a portfolio: its parts add up, and agree with the dense covariance matrix."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import norm

from engine.errors import InvalidConfig, MissingRisk
from engine.risk.portfolio_risk import ValueAtRiskConfig, portfolio_risk
from tests.engine.risk.forecasts import dense, forecast_of, random_forecast

NAN = np.nan


def long_short(seed: int, assets: int) -> np.ndarray:
    weights = np.random.default_rng(seed).normal(size=assets)
    return weights / np.abs(weights).sum()


def test_two_assets_by_hand():
    forecast = forecast_of([[1.0], [0.5]], [[0.04]], [0.3, 0.1])
    total = portfolio_risk(forecast, np.array([0.6, 0.4]), 252).total
    # x = 0.8: factor 0.64 * 0.04 = 0.0256; specific 0.36 * 0.09 + 0.16 * 0.01 = 0.034
    assert total.volatility == pytest.approx(math.sqrt(0.0596), rel=1e-14)
    assert total.factor_volatility == pytest.approx(0.16, rel=1e-14)
    assert total.specific_volatility == pytest.approx(math.sqrt(0.034), rel=1e-14)
    assert total.exposures.tolist() == pytest.approx([0.8])
    assert total.factor_shares.tolist() == pytest.approx([0.0256 / 0.0596])
    assert total.specific_share == pytest.approx(0.034 / 0.0596)
    # Cov(r_1, r_p) = 1 * 0.04 * 0.8 + 0.6 * 0.09 = 0.086
    assert total.asset_marginals[0] == pytest.approx(0.086 / math.sqrt(0.0596), rel=1e-14)
    assert total.asset_shares.tolist() == pytest.approx([0.6 * 0.086 / 0.0596, 1 - 0.6 * 0.086 / 0.0596])


@pytest.mark.parametrize("rank", [6, 4, 0])
def test_risk_is_that_of_the_dense_matrix(rank):
    forecast = random_forecast(1, 40, 6, rank=rank or None)
    if rank == 0:
        forecast = dataclasses.replace(forecast, covariance=np.zeros((6, 6)))
    weights, benchmark = long_short(2, 40), np.full(40, 1 / 40)
    matrix = dense(forecast)
    risk = portfolio_risk(forecast, weights, 252, benchmark=benchmark)
    assert risk.total.volatility == pytest.approx(math.sqrt(weights @ matrix @ weights), rel=1e-12)
    marginals = matrix @ weights / risk.total.volatility
    np.testing.assert_allclose(risk.total.asset_marginals, marginals, rtol=1e-11, atol=1e-15)
    active = weights - benchmark
    assert risk.active.volatility == pytest.approx(math.sqrt(active @ matrix @ active), rel=1e-12)
    assert risk.benchmark.volatility == pytest.approx(math.sqrt(benchmark @ matrix @ benchmark), rel=1e-12)
    beta = (weights @ matrix @ benchmark) / (benchmark @ matrix @ benchmark)
    assert risk.beta == pytest.approx(beta, rel=1e-11)
    np.testing.assert_allclose(risk.active.exposures, forecast.exposures.T @ active, atol=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_contributions_add_up_by_factor_and_by_asset(seed):
    forecast = random_forecast(seed, 500, 20, rank=19)
    risk = portfolio_risk(forecast, long_short(seed, 500), 252, benchmark=np.full(500, 0.002))
    for part in (risk.total, risk.benchmark, risk.active):
        by_factor = part.factor_contributions.sum() + part.specific_contribution
        assert by_factor == pytest.approx(part.volatility, rel=1e-14)
        assert part.asset_contributions.sum() == pytest.approx(part.volatility, rel=1e-14)
        assert part.factor_shares.sum() + part.specific_share == pytest.approx(1.0, rel=1e-14)
        assert part.asset_shares.sum() == pytest.approx(1.0, rel=1e-14)
        assert part.volatility == pytest.approx(
            math.hypot(part.factor_volatility, part.specific_volatility), rel=1e-14
        )


def test_a_factor_contributes_exposure_times_volatility_times_correlation():
    forecast = random_forecast(3, 50, 4)
    weights = long_short(4, 50)
    total = portfolio_risk(forecast, weights, 252).total
    volatilities = np.sqrt(np.diag(forecast.covariance))
    rho = forecast.covariance @ (forecast.exposures.T @ weights) / volatilities / total.volatility
    np.testing.assert_allclose(total.factor_volatilities, volatilities, rtol=1e-12)
    np.testing.assert_allclose(total.factor_correlations, rho, rtol=1e-10)
    np.testing.assert_allclose(total.factor_marginals, volatilities * rho, rtol=1e-10)
    np.testing.assert_allclose(total.factor_contributions, total.exposures * volatilities * rho, rtol=1e-10)


def test_marginals_are_derivatives():
    forecast = random_forecast(5, 10, 3)
    weights, step = long_short(6, 10), 1e-6
    total = portfolio_risk(forecast, weights, 252).total
    for asset in range(10):
        more, less = weights.copy(), weights.copy()
        more[asset] += step
        less[asset] -= step
        rise = portfolio_risk(forecast, more, 252).total.volatility
        fall = portfolio_risk(forecast, less, 252).total.volatility
        assert total.asset_marginals[asset] == pytest.approx((rise - fall) / (2 * step), rel=1e-6, abs=1e-9)


def test_a_held_asset_without_forecast_is_named():
    forecast = random_forecast(7, 5, 2)
    exposures, specific = forecast.exposures.copy(), forecast.specific.copy()
    exposures[1, 1] = NAN
    specific[3] = NAN
    forecast = dataclasses.replace(forecast, exposures=exposures, specific=specific)
    with pytest.raises(MissingRisk, match="A1, A3") as caught:
        portfolio_risk(forecast, np.full(5, 0.2), 252)
    assert caught.value.assets == ("A1", "A3")
    held = np.array([0.5, 0.0, 0.5, 0.0, 0.0])
    with pytest.raises(MissingRisk, match="A3"):
        portfolio_risk(forecast, held, 252, benchmark=np.array([0.0, 0.0, 0.0, 1.0, 0.0]))
    total = portfolio_risk(forecast, held, 252, benchmark=held).total
    assert np.isnan(total.asset_marginals[[1, 3]]).all()
    assert total.asset_contributions[[1, 3]].tolist() == [0.0, 0.0]
    assert np.isfinite(total.asset_marginals[[0, 2, 4]]).all()
    assert total.asset_contributions.sum() == pytest.approx(total.volatility, rel=1e-14)


def test_many_missing_assets_make_a_short_message():
    message = str(MissingRisk(tuple(f"A{at}" for at in range(3_000))))
    assert message == "the risk model has no forecast for A0, A1, A2, A3, A4 and 2,995 more"


def test_a_portfolio_without_risk_has_no_shares():
    forecast = random_forecast(8, 4, 2)
    risk = portfolio_risk(forecast, np.full(4, 0.25), 252, benchmark=np.zeros(4))
    assert math.isnan(risk.beta)
    nothing = risk.benchmark
    assert (nothing.volatility, nothing.specific_contribution) == (0.0, 0.0)
    assert not nothing.factor_contributions.any()
    assert not nothing.asset_contributions.any()
    for undefined in (nothing.factor_shares, nothing.factor_correlations, nothing.asset_marginals):
        assert np.isnan(undefined).all()
    same = portfolio_risk(forecast, np.full(4, 0.25), 252, benchmark=np.full(4, 0.25))
    assert same.active.volatility == 0.0
    assert same.beta == pytest.approx(1.0, rel=1e-14)


def test_a_factor_that_does_not_move_has_no_correlation():
    forecast = forecast_of([[1.0, 1.0]], [[0.04, 0.0], [0.0, 0.0]], [0.1])
    total = portfolio_risk(forecast, np.ones(1), 252).total
    assert np.isnan(total.factor_correlations).tolist() == [False, True]
    assert total.factor_contributions[1] == 0.0


def test_value_at_risk_is_the_normal_quantile_over_the_horizon():
    forecast = forecast_of([[1.0]], [[0.04]], [0.0])
    config = ValueAtRiskConfig(confidence=0.99, horizon_days=10)
    risk = portfolio_risk(forecast, np.ones(1), 365, value_at_risk=config)
    assert risk.value_at_risk == pytest.approx(norm.ppf(0.99) * 0.2 * math.sqrt(10 / 365), rel=1e-12)
    assert portfolio_risk(forecast, np.ones(1), 252).value_at_risk == pytest.approx(
        1.6448536269514722 * 0.2 / math.sqrt(252), rel=1e-12
    )
    assert (risk.benchmark, risk.active, risk.beta) == (None, None, None)


@pytest.mark.parametrize("options", [{"confidence": 1.0}, {"confidence": NAN}, {"horizon_days": 0}])
def test_a_value_at_risk_out_of_range_is_refused(options):
    with pytest.raises(InvalidConfig):
        ValueAtRiskConfig(**options)


@pytest.mark.parametrize("bad", [NAN, np.inf, -2e6])
def test_weights_out_of_range_are_refused(bad):
    forecast = random_forecast(9, 3, 1)
    with pytest.raises(InvalidConfig) as caught:
        portfolio_risk(forecast, np.array([0.0, bad, 0.0]), 252)
    assert caught.value.faults[0].option == "weights"
    with pytest.raises(InvalidConfig) as caught:
        portfolio_risk(forecast, np.zeros(3), 252, benchmark=np.array([0.0, bad, 0.0]))
    assert caught.value.faults[0].option == "benchmark"


def test_a_forecast_that_is_none_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        forecast_of([[1.0, 2.0]], [[1.0]], [0.1])
    with pytest.raises(ValueError, match="not finite"):
        forecast_of([[1.0]], [[NAN]], [0.1])
    with pytest.raises(ValueError, match="semi-definite"):
        forecast_of([[1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]], [0.1])
    with pytest.raises(ValueError, match="symmetric"):
        forecast_of([[1.0, 2.0]], [[1.0, 0.2], [0.1, 1.0]], [0.1])
    with pytest.raises(ValueError, match="below 0"):
        forecast_of([[1.0]], [[1.0]], [-0.1])
    with pytest.raises(ValueError, match="do not fit"):
        portfolio_risk(random_forecast(1, 3, 1), np.ones(2), 252)


def test_no_contribution_is_a_negative_zero():
    forecast = forecast_of([[1.0, 0.0], [1.0, 1.0]], [[0.04, -0.01], [-0.01, 0.02]], [0.3, 0.1])
    found = portfolio_risk(forecast, np.array([1.0, 0.0]), 252).total
    assert found.factor_marginals[1] < 0.0
    for values in (found.factor_contributions, found.factor_shares, found.asset_contributions):
        assert values[1] == 0.0
        assert not np.signbit(values[1])
