"""The eigenfactor bias against its closed form and against simulated returns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.risk.eigenfactor import (
    adjusted_eigenvalues,
    clipped_spectrum,
    from_spectrum,
    volatility_biases,
)


def test_of_one_factor_the_bias_is_the_mean_inverse_of_chi_square():
    biases = volatility_biases(np.array([0.04]), 62.0, simulations=200_000, seed=1)
    assert biases[0] == pytest.approx(math.sqrt(61.0 / 59.0), abs=5e-4)


def test_the_biases_are_those_of_simulated_returns():
    eigenvalues = np.array([1.0, 3.0, 4.0, 5.0])
    observations, simulations = 14, 20_000
    random = np.random.default_rng(2)
    returns = random.normal(size=(simulations, observations, 4)) * np.sqrt(eigenvalues)
    centred = returns - returns.mean(axis=1, keepdims=True)
    estimated, vectors = np.linalg.eigh(centred.transpose(0, 2, 1) @ centred / (observations - 1))
    true = np.einsum("mji,j,mji->mi", vectors, eigenvalues, vectors)
    expected = np.sqrt((true / estimated).mean(axis=0))
    biases = volatility_biases(eigenvalues, observations, simulations=simulations, seed=3)
    np.testing.assert_allclose(biases, expected, atol=0.015)


def test_small_eigenvalues_are_underestimated_and_large_ones_are_not():
    biases = volatility_biases(np.geomspace(1e-4, 1e-2, 20), 120.0, simulations=500, seed=4)
    assert biases[0] > 1.15
    assert 0.9 < biases[-1] < 1.05
    assert biases[0] > biases[10] > biases[19]


def test_with_many_observations_the_bias_disappears():
    biases = volatility_biases(np.array([1.0, 2.0, 5.0]), 1e6, simulations=100, seed=5)
    np.testing.assert_allclose(biases, 1.0, atol=1e-3)


def test_the_same_seed_gives_the_same_biases_and_another_seed_others():
    eigenvalues = np.array([1.0, 2.0, 5.0])
    first, again = (volatility_biases(eigenvalues, 50.0, simulations=100, seed=6) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first != volatility_biases(eigenvalues, 50.0, simulations=100, seed=7)).all()


def test_the_biases_do_not_depend_on_the_unit():
    eigenvalues = np.array([1.0, 2.0, 5.0])
    one, other = (volatility_biases(u * eigenvalues, 50.0, simulations=50, seed=8) for u in (1.0, 1e-8))
    np.testing.assert_allclose(one, other, rtol=1e-9)


def test_eigenvalues_that_constraints_make_zero_take_no_part():
    with_zero = volatility_biases(np.array([1e-19, 1.0, 2.0, 5.0]), 50.0, simulations=50, seed=9)
    assert np.isnan(with_zero[0])
    np.testing.assert_array_equal(
        with_zero[1:], volatility_biases(np.array([1.0, 2.0, 5.0]), 50.0, simulations=50, seed=9)
    )


@pytest.mark.parametrize(("eigenvalues", "observations"), [([1.0, 2.0, 3.0], 5.0), ([0.0, 0.0], 90.0)])
def test_where_nothing_can_be_said_there_is_no_bias(eigenvalues, observations):
    biases = volatility_biases(np.array(eigenvalues), observations, simulations=50, seed=10)
    assert np.isnan(biases).all()
    np.testing.assert_array_equal(adjusted_eigenvalues(np.array(eigenvalues), biases, 1.4), eigenvalues)


def test_the_scale_multiplies_the_excess_of_the_bias():
    adjusted = adjusted_eigenvalues(np.array([1.0, 4.0]), np.array([1.5, 0.9]), 1.4)
    np.testing.assert_allclose(adjusted, [1.7**2, 4.0 * 0.86**2])


def test_a_spectrum_gives_back_its_matrix_and_loses_what_is_negative():
    matrix = np.array([[1.0, 2.0], [2.0, 1.0]])  # eigenvalues -1 and 3
    values, vectors = clipped_spectrum(matrix)
    np.testing.assert_allclose(values, [0.0, 3.0])
    np.testing.assert_allclose(from_spectrum(values, vectors), np.full((2, 2), 1.5))
    positive = np.array([[2.0, 0.5], [0.5, 1.0]])
    np.testing.assert_allclose(from_spectrum(*clipped_spectrum(positive)), positive, rtol=1e-14)
