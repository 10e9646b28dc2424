"""The volatility regime multiplier: levels that a forecast missed, and nothing of the future."""

from __future__ import annotations

import numpy as np
import pytest

from engine.risk.newey_west import newey_west_covariance
from engine.risk.regime import bias_square, factor_bias_squares, regime_multipliers


def test_the_multiplier_is_the_root_of_the_weighted_mean_of_squares():
    squares = np.array([np.nan, 4.0, np.nan, 1.0])
    weight = 0.5 ** (2 / 10.0)  # two rows older, the gap counted
    expected = [1.0, 2.0, 2.0, ((4.0 * weight + 1.0) / (weight + 1.0)) ** 0.5]
    np.testing.assert_allclose(regime_multipliers(squares, 10.0), expected)


def test_the_bias_square_is_the_mean_over_series_with_return_and_forecast():
    returns = np.array([0.02, np.nan, 0.01, 0.05, 0.3])
    variances = np.array([1e-4, 1e-4, 1e-4, 0.0, np.nan])
    assert bias_square(returns, variances) == pytest.approx((4.0 + 1.0) / 2.0)
    weights = np.array([3.0, 1.0, 1.0, 1.0, 1.0])
    assert bias_square(returns, variances, weights) == pytest.approx((3.0 * 4.0 + 1.0) / 4.0)
    assert np.isnan(bias_square(returns, variances, np.array([0.0, 1.0, np.nan, 1.0, 1.0])))


def test_each_day_is_compared_with_the_volatilities_known_the_day_before():
    returns = np.random.default_rng(1).normal(0.0, 0.01, (120, 3))
    squares = factor_bias_squares(returns, 20.0, 60)
    assert np.isnan(squares[:60]).all()
    variances = np.diag(newey_west_covariance(returns[:100], 20.0, 0))
    assert squares[100] == pytest.approx((returns[100] ** 2 / variances).mean(), rel=1e-9)


def test_a_stationary_market_has_a_multiplier_near_one_and_a_crisis_a_higher_one():
    returns = np.random.default_rng(2).normal(0.0, 0.01, (1500, 10))
    calm = regime_multipliers(factor_bias_squares(returns, 84.0, 60), 42.0)
    assert calm[200:].mean() == pytest.approx(1.0, abs=0.03)
    returns[-10:] *= 4.0
    squares = factor_bias_squares(returns, 84.0, 60)
    stressed = regime_multipliers(squares, 42.0)
    assert stressed[-1] > 1.3
    np.testing.assert_array_equal(stressed[:-10], calm[:-10])
