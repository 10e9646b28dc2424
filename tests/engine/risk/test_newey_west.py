"""Weighted variances and covariances against explicit loops and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.sandwich_covariance import S_hac_simple

from engine.risk.newey_west import (
    RunningVariances,
    effective_count,
    exponential_weights,
    newey_west_covariance,
)


def autocorrelated(seed: int, rows: int, series: int, phi: float = 0.4) -> np.ndarray:
    values = np.random.default_rng(seed).normal(0.002, 0.02, (rows, series))
    for row in range(1, rows):
        values[row] += phi * values[row - 1]
    return values


def with_gaps(seed: int, values: np.ndarray, share: float = 0.2) -> np.ndarray:
    return np.where(np.random.default_rng(seed).random(values.shape) < share, np.nan, values)


def by_loops(values: np.ndarray, half_life: float | None, lags: int) -> np.ndarray:
    """The definition, one product at a time."""
    rows, series = values.shape
    weight = [1.0 if half_life is None else 2.0 ** (-(rows - 1 - t) / half_life) for t in range(rows)]
    known = np.isfinite(values)
    means = [
        sum(weight[t] * values[t, i] for t in range(rows) if known[t, i])
        / max(sum(weight[t] for t in range(rows) if known[t, i]), 1e-300)
        for i in range(series)
    ]
    result = np.zeros((series, series))
    for i in range(series):
        for j in range(series):
            total, shared = 0.0, 0.0
            for t in range(rows):
                if known[t, i] and known[t, j]:
                    shared += weight[t]
                for s in range(max(t - lags, 0), min(t + lags, rows - 1) + 1):
                    if known[t, i] and known[s, j]:
                        bartlett = 1.0 - abs(t - s) / (lags + 1)
                        root = (weight[t] * weight[s]) ** 0.5
                        total += bartlett * root * (values[t, i] - means[i]) * (values[s, j] - means[j])
            result[i, j] = total / shared if shared else 0.0
    return result


@pytest.mark.parametrize("lags", [0, 1, 5, 40])
@pytest.mark.parametrize("half_life", [None, 7.0, 84.0])
@pytest.mark.parametrize("gaps", [False, True])
def test_covariances_are_those_of_explicit_loops(half_life, lags, gaps):
    values = autocorrelated(1, 35, 3)
    if gaps:
        values = with_gaps(2, values)
    expected = by_loops(values, half_life, lags)
    np.testing.assert_allclose(
        newey_west_covariance(values, half_life, lags), expected, rtol=1e-11, atol=1e-18
    )


@pytest.mark.parametrize("lags", [0, 2, 5])
def test_without_weights_the_long_run_covariance_is_that_of_statsmodels(lags):
    values = autocorrelated(3, 400, 4)
    expected = S_hac_simple(values - values.mean(axis=0), nlags=lags) / len(values)
    np.testing.assert_allclose(newey_west_covariance(values, None, lags), expected, rtol=1e-12)


@pytest.mark.parametrize("lags", [0, 1, 5])
@pytest.mark.parametrize("half_life", [None, 9.0])
def test_running_variances_are_the_diagonal_at_every_row(half_life, lags):
    values = with_gaps(5, autocorrelated(4, 60, 6), 0.3)
    values[:20, 3] = np.nan
    values[:, 4] = np.nan
    values[:7, 5] = np.inf
    running = RunningVariances(6, half_life, lags)
    assert np.isnan(running.variances()).all()
    for row in range(60):
        running.add(values[row])
        known = np.isfinite(values[: row + 1])
        expected = np.diag(newey_west_covariance(values[: row + 1], half_life, lags))
        expected = np.where(known.any(axis=0), expected, np.nan)
        np.testing.assert_allclose(running.variances(), expected, rtol=1e-9, atol=1e-17)
        np.testing.assert_array_equal(running.observations, known.sum(axis=0))


def test_a_late_listing_has_the_variance_of_its_own_rows():
    values = autocorrelated(6, 90, 1)
    running = RunningVariances(1, 20.0, 5)
    for row in np.vstack([np.full((50, 1), np.nan), values]):
        running.add(row)
    assert running.variances()[0] == pytest.approx(newey_west_covariance(values, 20.0, 5)[0, 0], rel=1e-9)


def test_trends_add_to_the_variance_and_reversals_take_from_it():
    for phi, more in ((0.5, True), (-0.5, False)):
        values = autocorrelated(7, 2000, 1, phi)
        assert (newey_west_covariance(values, None, 5) > newey_west_covariance(values, None, 0)) == more


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 25), st.integers(0, 30), st.sampled_from([None, 1.0, 30.0]))
def test_complete_covariances_are_symmetric_and_positive_semidefinite(seed, rows, lags, half_life):
    values = np.random.default_rng(seed).normal(size=(rows, 4))
    matrix = newey_west_covariance(values, half_life, lags)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() >= -1e-13


def test_covariances_are_symmetric_and_variances_non_negative_in_spite_of_gaps():
    for seed in range(20):
        matrix = newey_west_covariance(with_gaps(seed, autocorrelated(seed, 15, 5, -0.8), 0.6), 5.0, 4)
        np.testing.assert_array_equal(matrix, matrix.T)
        assert (np.diag(matrix) >= 0.0).all()


def test_series_that_never_meet_have_no_covariance():
    values = autocorrelated(8, 40, 2)
    values[:20, 0] = np.nan
    values[20:, 1] = np.nan
    assert newey_west_covariance(values, None, 0)[0, 1] == 0.0


def test_values_of_no_weight_left_are_forgotten():
    values = autocorrelated(9, 1200, 2)
    values[60:, 0] = np.nan
    running = RunningVariances(2, 1.0, 2)
    for row in values:
        running.add(row)
    assert np.isnan(running.variances()[0])
    assert newey_west_covariance(values, 1.0, 2)[0].tolist() == [0.0, 0.0]
    assert running.variances()[1] == pytest.approx(newey_west_covariance(values, 1.0, 2)[1, 1], rel=1e-9)


def test_weights_halve_each_half_life_and_the_newest_is_one():
    np.testing.assert_allclose(exponential_weights(7, 3.0)[::3], [0.25, 0.5, 1.0])
    np.testing.assert_array_equal(exponential_weights(3, None), np.ones(3))


def test_the_effective_count_lies_below_the_count():
    assert effective_count(250, None) == pytest.approx(250.0)
    ratio = 0.5 ** (1 / 84)
    assert effective_count(20_000, 84.0) == pytest.approx((1 + ratio) / (1 - ratio))
