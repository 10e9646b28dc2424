"""Least squares and Newey-West errors against statsmodels and numpy."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from engine.statistics.regression import newey_west_lag, newey_west_standard_error_of_mean, regress_on
from engine.statistics.undefined import Undefined, UndefinedReason


def autocorrelated(seed: int, n: int, phi: float) -> np.ndarray:
    shocks = np.random.default_rng(seed).normal(0.001, 0.03, n)
    for step in range(1, n):
        shocks[step] += phi * shocks[step - 1]
    return shocks


def hac(values: np.ndarray, lag: int):
    model = sm.OLS(values, np.ones(len(values)))
    return model.fit(cov_type="HAC", cov_kwds={"maxlags": lag, "use_correction": False})


@pytest.mark.parametrize("phi", [-0.7, 0.0, 0.6])
@pytest.mark.parametrize(("n", "lag"), [(3, 1), (30, 0), (30, 3), (257, 4), (12, 11), (12, 20)])
def test_the_standard_error_is_that_of_statsmodels(n, lag, phi):
    values = autocorrelated(n + lag, n, phi)
    assert newey_west_standard_error_of_mean(values, lag) == pytest.approx(hac(values, lag).bse[0], rel=1e-9)


def test_autocorrelation_widens_the_error_and_reversal_narrows_it():
    trending, reverting = autocorrelated(1, 400, 0.6), autocorrelated(1, 400, -0.6)
    for values, widens in ((trending, True), (reverting, False)):
        plain = newey_west_standard_error_of_mean(values, 0)
        assert (newey_west_standard_error_of_mean(values, 6) > plain) is widens


@given(st.integers(1, 2_000_000))
def test_the_lag_is_the_floor_of_the_rule_in_whole_numbers(n):
    lag = newey_west_lag(n)  # lag <= 4 (n / 100)^(2/9) < lag + 1, to the ninth power
    assert lag**9 * 100**2 <= 4**9 * n**2 < (lag + 1) ** 9 * 100**2


@pytest.mark.parametrize(("n", "lag"), [(3, 1), (99, 3), (100, 4), (51_199, 15), (51_200, 16)])
def test_the_lag_where_the_rule_is_exact(n, lag):
    assert newey_west_lag(n) == lag


@pytest.mark.parametrize("seed", range(3))
def test_the_line_is_that_of_statsmodels(seed):
    random = np.random.default_rng(seed)
    market = random.normal(0.002, 0.04, 80)
    returns = 0.003 + 0.7 * market + random.normal(0.0, 0.02, 80)
    intercept, slope = sm.OLS(returns, sm.add_constant(market)).fit().params
    line = regress_on(returns, market)
    assert line.intercept == pytest.approx(intercept, rel=1e-9)
    assert line.slope == pytest.approx(slope, rel=1e-9)


def test_the_line_survives_a_mean_that_dwarfs_the_deviation():
    market = 1e6 + np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    line = regress_on(2.0 * (market - 1e6) - 1.0, market)
    assert line.slope == pytest.approx(2.0, rel=1e-12)
    assert line.intercept == pytest.approx(-1.0 - 2e6, rel=1e-12)


@given(
    st.lists(st.floats(-0.5, 0.5), min_size=3, max_size=30).filter(lambda values: np.std(values) > 1e-3),
    st.floats(-3.0, 3.0),
    st.floats(-0.1, 0.1),
)
def test_a_line_is_recovered(market, slope, intercept):
    market = np.array(market)
    line = regress_on(intercept + slope * market, market)
    assert line.slope == pytest.approx(slope, abs=1e-9)
    assert line.intercept == pytest.approx(intercept, abs=1e-9)


def test_where_there_is_no_line():
    with pytest.raises(Undefined) as short:
        regress_on(np.array([0.1, 0.2]), np.array([0.1, 0.2]))
    assert short.value.reason is UndefinedReason.TOO_FEW_PERIODS
    with pytest.raises(Undefined) as flat:
        regress_on(np.array([0.1, 0.2, 0.3]), np.full(3, 0.1))
    assert flat.value.reason is UndefinedReason.ZERO_VOLATILITY
    assert regress_on(np.full(3, 0.1), np.array([0.1, 0.2, 0.3])).slope == pytest.approx(0.0, abs=1e-15)
    with pytest.raises(ValueError, match="3 returns"):
        regress_on(np.zeros(3), np.zeros(4))


def test_where_there_is_no_standard_error():
    with pytest.raises(Undefined) as short:
        newey_west_standard_error_of_mean(np.array([0.1]), 0)
    assert short.value.reason is UndefinedReason.TOO_FEW_PERIODS
    with pytest.raises(ValueError, match="-1"):
        newey_west_standard_error_of_mean(np.zeros(3), -1)
