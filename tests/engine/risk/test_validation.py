"""Bias statistics: right, low and high forecasts told apart, and a model judged out of sample."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.risk.covariance import CovarianceConfig, EigenfactorDates, factor_covariances
from engine.risk.specific_risk import specific_risks
from engine.risk.validation import (
    EXPECTED_Q,
    bias_interval,
    bias_statistics,
    mean_rolling_deviation,
    period_forecasts,
    period_returns,
    rolling_bias,
)
from engine.risk.validation_portfolios import factor_portfolios, random_portfolios, sector_portfolios

NAN = np.nan


def outcomes(seed: int, portfolios: int = 200, periods: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """Normal returns and the volatilities they were drawn with."""
    random = np.random.default_rng(seed)
    volatilities = random.uniform(0.01, 0.1, (portfolios, periods))
    return random.normal(size=volatilities.shape) * volatilities, volatilities


def test_right_forecasts_have_a_bias_of_one_and_the_expected_q():
    statistics = bias_statistics(*outcomes(1))
    assert statistics.mean_bias == pytest.approx(1.0, abs=0.01)
    assert statistics.mean_q == pytest.approx(EXPECTED_Q, abs=0.03)
    assert pytest.approx(2.27, abs=0.005) == EXPECTED_Q
    low, high = bias_interval(240)
    assert np.mean((statistics.bias > low) & (statistics.bias < high)) == pytest.approx(0.95, abs=0.04)


@pytest.mark.parametrize("wrong", [0.5, 2.0])
def test_wrong_forecasts_show_in_both(wrong):
    returns, volatilities = outcomes(2)
    statistics = bias_statistics(returns, volatilities / wrong)
    assert statistics.mean_bias == pytest.approx(wrong, rel=0.01)
    assert statistics.mean_q > EXPECTED_Q + 0.5


def test_forecasts_that_are_right_on_average_alone_have_a_higher_q():
    returns, volatilities = outcomes(3)
    shuffled = np.random.default_rng(4).permuted(volatilities, axis=1)
    assert bias_statistics(returns, shuffled).mean_q > bias_statistics(returns, volatilities).mean_q + 0.3


def test_statistics_are_those_of_the_periods_that_count():
    returns = np.array([[0.02, NAN, 0.01, 0.05, -0.03, 0.0]])
    forecasts = np.array([[0.01, 0.01, NAN, 0.0, 0.02, 0.01]])
    statistics = bias_statistics(returns, forecasts)
    z = np.array([2.0, -1.5, 0.0])
    assert statistics.observations[0] == 3
    assert statistics.bias[0] == pytest.approx(z.std(ddof=1))
    assert statistics.q[0] == pytest.approx((4.0 - math.log(4.0) + 2.25 - math.log(2.25)) / 2.0)


def test_a_portfolio_without_periods_has_no_statistics_and_spoils_no_mean():
    returns, volatilities = outcomes(5, 2)
    returns[1] = NAN
    statistics = bias_statistics(returns, volatilities)
    assert np.isnan([statistics.bias[1], statistics.q[1]]).all()
    assert statistics.mean_bias == statistics.bias[0]
    assert math.isnan(bias_statistics(returns[1:], volatilities[1:]).mean_q)
    with pytest.raises(ValueError, match="same periods"):
        bias_statistics(returns, volatilities[:, 1:])


def test_rolling_bias_is_that_of_each_window():
    returns, volatilities = outcomes(6, 3, 30)
    returns[1, 5] = NAN
    rolling = rolling_bias(returns, volatilities, 12)
    assert rolling.shape == (3, 19)
    expected = bias_statistics(returns[:, 7:19], volatilities[:, 7:19]).bias
    np.testing.assert_allclose(rolling[:, 7], expected)
    np.testing.assert_array_equal(np.isnan(rolling[1]), np.arange(19) <= 5)
    assert rolling_bias(returns[:, :11], volatilities[:, :11]).shape == (3, 0)
    assert np.isnan(mean_rolling_deviation(np.empty((2, 0)))).all()


def test_the_mean_rolling_deviation_of_right_forecasts_is_known():
    assert mean_rolling_deviation(rolling_bias(*outcomes(7))).mean() == pytest.approx(0.17, abs=0.01)


def test_a_forecast_is_the_root_of_factor_and_specific_variance_over_the_period():
    weights = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    exposures = np.array([[1.0, 0.2], [1.0, -0.4], [NAN, 0.0]])
    covariance = np.array([[0.04, 0.001], [0.001, 0.01]])
    specific = np.array([0.3, 0.2, 0.1])
    forecasts = period_forecasts(weights, exposures, covariance, specific, 21, 252)
    for portfolio in (0, 1):
        held = weights[portfolio, :2]
        asset = exposures[:2] @ covariance @ exposures[:2].T + np.diag(specific[:2] ** 2)
        assert forecasts[portfolio] == pytest.approx(math.sqrt(held @ asset @ held * 21 / 252))
    assert np.isnan(forecasts[2])
    assert np.isfinite(period_forecasts(weights, np.zeros((3, 2)), covariance, specific, 1, 252)).all()


def test_holdings_are_bought_and_held():
    returns = np.array([[0.1, NAN], [0.1, -0.5]])
    np.testing.assert_allclose(
        period_returns(np.array([[0.5, 0.5], [1.0, 0.0]]), returns), [0.5 * 0.21 - 0.25, 0.21]
    )


@pytest.mark.parametrize(("lags", "unbiased"), [(0, False), (5, True)])
def test_newey_west_lags_take_the_bias_of_autocorrelated_factors(lags, unbiased):
    random = np.random.default_rng(9)
    rows, month = 12_000, 21
    factors = 0.01 * random.normal(size=(rows, 4))
    # A moving average: what is known spreads into prices over three days.
    factors[2:] = (factors[2:] + factors[1:-1] + factors[:-2]) / 3.0
    at_rows = np.arange(600, rows - month, month)
    config = CovarianceConfig(volatility_lags=lags, eigenfactor=EigenfactorDates.OFF, regime_half_life=None)
    dates = np.datetime64("2000-01-01") + np.arange(rows)
    covariance = factor_covariances(factors, dates, "abcd", at_rows, 252, config=config)
    forecasts = covariance.volatilities.T * math.sqrt(month / 252)
    outcome = np.array([factors[row + 1 : row + 1 + month].sum(axis=0) for row in at_rows]).T
    bias = bias_statistics(outcome, forecasts).mean_bias
    assert (abs(bias - 1.0) < 0.2) == unbiased
    assert bias > 1.0


def test_forecasts_of_a_stationary_market_are_unbiased_out_of_sample():
    random = np.random.default_rng(8)
    rows, assets, sectors, month = 2600, 150, 5, 21
    sector = random.integers(0, sectors, assets)
    styles = random.normal(size=(assets, 2))
    caps = np.exp(random.normal(size=assets))
    exposures = np.hstack([np.ones((assets, 1)), np.eye(sectors)[sector], styles])
    factors = random.normal(size=(rows, 8)) * [0.01, 0.006, 0.005, 0.004, 0.006, 0.007, 0.003, 0.002]
    specific = random.normal(size=(rows, assets)) * random.uniform(0.01, 0.03, assets)
    returns = factors @ exposures.T + specific
    at_rows = np.arange(300, rows - month, month)
    dates = np.datetime64("2015-01-01") + np.arange(rows)
    priced = np.ones((rows, assets), dtype=bool)
    covariance = factor_covariances(
        factors, dates, "abcdefgh", at_rows, 252, config=CovarianceConfig(eigenfactor=EigenfactorDates.OFF)
    )
    risk = specific_risks(specific, np.tile(caps, (rows, 1)), sector, priced, dates, at_rows, 252)
    eligible = np.ones(assets, dtype=bool)
    weights = np.vstack(
        [
            random_portfolios(caps, eligible, count=20, size=40),
            sector_portfolios(caps, sector, sectors, eligible),
            factor_portfolios(caps, styles, eligible),
        ]
    )
    forecasts, outcome = (np.empty((len(weights), len(at_rows))) for _ in range(2))
    for at, row in enumerate(at_rows):
        forecasts[:, at] = period_forecasts(
            weights, exposures, covariance.matrices[at], risk.volatilities[at], month, 252
        )
        outcome[:, at] = period_returns(weights, returns[row + 1 : row + 1 + month])
    statistics = bias_statistics(outcome, forecasts)
    error = 1.0 / math.sqrt(2.0 * len(at_rows))
    assert (np.abs(statistics.bias - 1.0) < 3.5 * error).all()
    assert statistics.mean_bias == pytest.approx(1.0, abs=2.0 * error)
    assert statistics.mean_q == pytest.approx(EXPECTED_Q, abs=0.25)
