"""Factor covariances: closed forms, the constraint, what is out of reach of the future, and calibration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import LedoitWolf

from engine.errors import InvalidConfig
from engine.risk.covariance import (
    CovarianceConfig,
    CovarianceEstimator,
    EigenfactorDates,
    factor_covariances,
    restated,
)
from engine.risk.newey_west import newey_west_covariance

PLAIN = {"eigenfactor": EigenfactorDates.OFF, "regime_half_life": None}


def estimate(returns, at_rows, *, constraints=None, redundant=None, **options):
    return factor_covariances(
        returns,
        np.datetime64("2020-01-01") + np.arange(len(returns)),
        [f"f{k}" for k in range(returns.shape[1])],
        np.asarray(at_rows),
        252,
        constraints=constraints,
        redundant=redundant,
        config=CovarianceConfig(**options),
    )


def stationary(seed: int, rows: int, factors: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal returns and their covariance a row."""
    random = np.random.default_rng(seed)
    mixing = 0.01 * random.normal(size=(factors, factors))
    return random.normal(size=(rows, factors)) @ mixing.T, mixing @ mixing.T


def market_and_sectors(seed: int, rows: int, sectors: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Returns of a market, sectors and one style whose cap-weighted sector sum is 0 under cap shares that
    move, and those shares (rows, F)."""
    random = np.random.default_rng(seed)
    shares = np.exp(0.02 * random.normal(size=(rows, sectors)).cumsum(axis=0))
    shares /= shares.sum(axis=1, keepdims=True)
    own = 0.01 * random.normal(size=(rows, sectors))
    own -= (shares * own).sum(axis=1, keepdims=True)
    market, style = 0.01 * random.normal(size=(2, rows, 1))
    return np.hstack([market, own, style]), np.pad(shares, ((0, 0), (1, 1)))


def test_two_factors_have_volatilities_and_correlation_of_their_own_half_lives():
    returns = stationary(1, 300, 2)[0]
    result = estimate(
        returns,
        [299],
        volatility_half_life=20.0,
        volatility_lags=3,
        correlation_half_life=100.0,
        correlation_lags=1,
        **PLAIN,
    )
    variances = np.diag(newey_west_covariance(returns, 20.0, 3))
    slow = newey_west_covariance(returns, 100.0, 1)
    correlation = slow[0, 1] / np.sqrt(slow[0, 0] * slow[1, 1])
    np.testing.assert_allclose(result.volatilities[0], np.sqrt(252 * variances), rtol=1e-10)
    assert result.matrices[0][0, 1] == pytest.approx(252 * correlation * np.sqrt(variances.prod()), rel=1e-10)
    assert result.correlations()[0][0, 1] == pytest.approx(correlation, rel=1e-10)


def test_the_estimates_converge_to_the_covariance_of_a_stationary_market():
    returns, true = stationary(2, 20_000, 3)
    options = {"volatility_half_life": 4000.0, "correlation_half_life": 4000.0, "regime_half_life": None}
    matrix = estimate(returns, [19_999], **options).matrices[0]
    scale = np.sqrt(np.outer(np.diag(true), np.diag(true)))
    np.testing.assert_allclose(matrix / 252 / scale, true / scale, atol=0.08)


@pytest.mark.parametrize("estimator", list(CovarianceEstimator))
def test_what_comes_later_changes_no_covariance(estimator):
    returns, _ = stationary(3, 300, 4)
    changed = returns.copy()
    changed[201:] *= 50.0
    options = {"estimator": estimator, "eigenfactor": EigenfactorDates.ALL, "eigenfactor_simulations": 20}
    both = [estimate(values, [100, 200], **options) for values in (returns, changed)]
    np.testing.assert_array_equal(both[0].matrices, both[1].matrices)
    np.testing.assert_array_equal(both[0].matrices[1], estimate(returns[:201], [200], **options).matrices[0])
    changed[200, 0] += 0.5
    assert (estimate(changed, [200], **options).matrices[0] != both[0].matrices[1]).any()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(list(CovarianceEstimator)),
    st.floats(0.0, 0.95),
    st.integers(0, 8),
)
def test_matrices_are_symmetric_and_positive_semidefinite_in_spite_of_gaps(seed, estimator, share, lags):
    random = np.random.default_rng(seed)
    returns = random.normal(size=(70, 6)) * 10.0 ** random.integers(-6, 2, 6)
    returns[random.random(returns.shape) < share] = np.nan
    returns[:, 1] = returns[:, 0]
    returns[:, 2] = 0.01
    result = estimate(
        returns,
        [40, 55, 69],
        estimator=estimator,
        eigenfactor=EigenfactorDates.ALL,
        eigenfactor_simulations=10,
        correlation_lags=lags,
        min_observations=2,
    )
    assert np.isfinite(result.matrices).all()
    np.testing.assert_array_equal(result.matrices, result.matrices.transpose(0, 2, 1))
    eigenvalues = np.linalg.eigvalsh(result.matrices)
    assert (eigenvalues[:, 0] >= -1e-14 * eigenvalues[:, -1]).all()
    np.testing.assert_array_less(np.abs(result.correlations()), 1.0 + 1e-12)


def test_an_empty_sector_is_estimated_from_its_own_dates():
    returns = stationary(4, 400, 3)[0]
    gaps = returns.copy()
    gaps[:150, 1] = np.nan
    whole, partial = (estimate(values, [399], **PLAIN) for values in (returns, gaps))
    assert partial.observations.tolist() == [[400, 250, 400]]
    np.testing.assert_allclose(
        partial.matrices[0][np.ix_([0, 2], [0, 2])], whole.matrices[0][np.ix_([0, 2], [0, 2])], rtol=1e-10
    )
    own = np.diag(newey_west_covariance(returns[150:], 84.0, 5))[1]
    assert partial.volatilities[0, 1] == pytest.approx(np.sqrt(252 * own), rel=1e-9)


def test_a_factor_without_returns_moves_nothing():
    returns = stationary(5, 200, 3)[0]
    returns[:, 1] = np.nan
    result = estimate(returns, [199])
    assert result.observations[0, 1] == 0
    np.testing.assert_allclose(result.matrices[0][1], 0.0, atol=1e-18)
    others = estimate(returns[:, [0, 2]], [199])
    np.testing.assert_allclose(
        result.matrices[0][np.ix_([0, 2], [0, 2])], others.matrices[0], rtol=1e-9, atol=1e-12
    )
    np.testing.assert_array_equal(result.correlations()[0][1], [0.0, 1.0, 0.0])


def test_a_factor_without_returns_is_no_rounding_noise_beside_a_constraint():
    returns, shares = market_and_sectors(0, 200)
    returns = np.insert(returns, 5, np.nan, axis=1)
    rows = np.arange(100, 200, 7)
    redundant = np.array([1.0, -1.0, -1.0, -1.0, -1.0, 0.0, 0.0])
    result = estimate(returns, rows, constraints=np.insert(shares, 5, 0.0, axis=1)[rows], redundant=redundant)
    assert (result.matrices[:, 5] == 0.0).all()
    assert (result.matrices[:, :, 5] == 0.0).all()
    np.testing.assert_array_equal(result.correlations()[:, 5], np.eye(7)[np.full(len(rows), 5)])


def test_dates_with_too_little_history_are_left_out():
    returns = stationary(6, 100, 2)[0]
    returns[:30] = np.nan
    result = estimate(returns, [20, 88, 89, 99])
    np.testing.assert_array_equal(result.rows, [89, 99])
    np.testing.assert_array_equal(result.dates, np.datetime64("2020-01-01") + np.array([89, 99]))
    assert result.matrices.shape == (2, 2, 2)
    empty = estimate(returns, [20])
    assert empty.matrices.shape == (0, 2, 2)
    assert empty.correlations().shape == (0, 2, 2)


def test_the_constraint_of_the_date_holds_and_the_risk_of_no_portfolio_changes():
    returns, shares = market_and_sectors(7, 500)
    redundant = np.array([1.0, -1.0, -1.0, -1.0, -1.0, 0.0])
    constraints = shares[[300, 499]]
    free = estimate(returns, [300, 499], **PLAIN)
    held = estimate(returns, [300, 499], constraints=constraints, redundant=redundant, **PLAIN)
    sector = np.random.default_rng(8).integers(0, 4, 30)
    exposures = np.hstack([np.ones((30, 1)), np.eye(4)[sector], np.linspace(-2.0, 2.0, 30)[:, None]])
    for at in range(2):
        np.testing.assert_allclose(constraints[at] @ held.matrices[at], 0.0, atol=1e-16)
        np.testing.assert_allclose(
            exposures @ held.matrices[at] @ exposures.T,
            exposures @ free.matrices[at] @ exposures.T,
            rtol=1e-9,
            atol=1e-12,
        )


def test_each_date_has_its_own_constraint_where_earlier_dates_are_left_out():
    returns, shares = market_and_sectors(15, 200)
    rows = [10, 100, 199]
    result = estimate(returns, rows, constraints=shares[rows], **PLAIN)
    np.testing.assert_array_equal(result.rows, rows[1:])
    for at, row in enumerate(rows[1:]):
        np.testing.assert_allclose(shares[row] @ result.matrices[at], 0.0, atol=1e-16)


def test_the_eigenfactor_adjustment_keeps_the_constraint():
    returns, shares = market_and_sectors(9, 400)
    constraints = shares[[399]]
    plain = estimate(returns, [399], constraints=constraints, **PLAIN)
    adjusted = estimate(returns, [399], constraints=constraints, regime_half_life=None)
    np.testing.assert_allclose(constraints[0] @ adjusted.matrices[0], 0.0, atol=1e-16)
    biases = adjusted.eigenfactor_biases[0]
    assert np.isnan(biases[0])
    before, after = (np.linalg.eigvalsh(result.matrices[0]) for result in (plain, adjusted))
    expected = np.sort(before[1:] * (1.4 * (biases[1:] - 1.0) + 1.0) ** 2)
    np.testing.assert_allclose(after[1:], expected, rtol=1e-9)


def test_a_constraint_of_nothing_changes_nothing():
    matrix = stationary(10, 5, 3)[1]
    np.testing.assert_array_equal(restated(matrix, np.zeros(3)), matrix)
    np.testing.assert_array_equal(restated(matrix, np.full(3, np.nan)), matrix)


def test_the_eigenfactor_adjustment_is_made_where_asked_for():
    returns = stationary(11, 300, 5)[0]
    results = {
        dates: estimate(
            returns, [150, 299], eigenfactor=dates, eigenfactor_simulations=50, regime_half_life=None
        )
        for dates in EigenfactorDates
    }
    off, latest, everywhere = (results[dates] for dates in ("OFF", "LATEST", "ALL"))
    assert np.isnan(off.eigenfactor_biases).all()
    np.testing.assert_array_equal(latest.matrices[0], off.matrices[0])
    np.testing.assert_array_equal(latest.matrices[1], everywhere.matrices[1])
    assert (everywhere.matrices[0] != off.matrices[0]).any()
    assert (latest.matrices[1] != off.matrices[1]).any()


def test_the_eigenfactor_adjustment_brings_the_risk_of_optimised_portfolios_closer():
    random = np.random.default_rng(12)
    ratios = {EigenfactorDates.OFF: [], EigenfactorDates.ALL: []}
    options = {"volatility_half_life": 10_000.0, "correlation_half_life": 10_000.0}
    for seed in range(20):
        returns, true = stationary(100 + seed, 100, 15)
        for dates, into in ratios.items():
            result = estimate(
                returns,
                [99],
                eigenfactor=dates,
                eigenfactor_scale=1.0,
                eigenfactor_simulations=200,
                volatility_lags=0,
                correlation_lags=0,
                regime_half_life=None,
                **options,
            )
            weights = np.linalg.solve(result.matrices[0], random.normal(size=(15, 20)))
            realised, forecast = (
                np.einsum("ip,ij,jp->p", weights, matrix, weights)
                for matrix in (252 * true, result.matrices[0])
            )
            into.extend(np.sqrt(realised / forecast))
    off, adjusted = np.mean(ratios[EigenfactorDates.OFF]), np.mean(ratios[EigenfactorDates.ALL])
    assert off > 1.12
    assert abs(adjusted - 1.0) < 0.5 * (off - 1.0)


def test_the_regime_scales_all_volatilities_alike():
    returns = stationary(13, 400, 4)[0]
    returns[-8:] *= 5.0
    plain = estimate(returns, [300, 399], **PLAIN)
    scaled = estimate(returns, [300, 399], eigenfactor=EigenfactorDates.OFF)
    assert scaled.regime_multipliers[1] > 1.3 > scaled.regime_multipliers[0]
    np.testing.assert_array_equal(plain.regime_multipliers, [1.0, 1.0])
    np.testing.assert_allclose(
        scaled.volatilities, plain.volatilities * scaled.regime_multipliers[:, None], rtol=1e-12
    )


def test_ledoit_wolf_takes_the_place_of_half_lives_and_lags():
    returns = stationary(14, 90, 6)[0]
    matrix = estimate(returns, [89], estimator=CovarianceEstimator.LEDOIT_WOLF, **PLAIN).matrices[0]
    np.testing.assert_allclose(matrix, 252 * LedoitWolf().fit(returns).covariance_, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize(
    ("options", "faulty"),
    [
        ({"volatility_half_life": 0.5, "correlation_lags": -1}, ["volatility_half_life", "correlation_lags"]),
        ({"eigenfactor_scale": float("nan")}, ["eigenfactor_scale"]),
        ({"min_observations": 1}, ["min_observations"]),
    ],
)
def test_options_out_of_range_are_refused_together(options, faulty):
    with pytest.raises(InvalidConfig) as caught:
        CovarianceConfig(**options)
    assert [fault.option for fault in caught.value.faults] == faulty


@pytest.mark.parametrize("at_rows", [[3, 2], [-1], [70], [5, 5]])
def test_rows_that_do_not_ascend_in_the_history_are_refused(at_rows):
    with pytest.raises(ValueError, match="at_rows"):
        estimate(np.zeros((70, 2)), at_rows)


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="constraints"):
        estimate(np.zeros((70, 2)), [69], constraints=np.zeros((1, 3)))
    with pytest.raises(ValueError, match="names"):
        factor_covariances(np.zeros((3, 2)), np.arange(3).astype("M8[D]"), ["a"], np.array([2]), 252)
