"""Ledoit-Wolf shrinkage against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from engine.risk.shrinkage import ledoit_wolf


@pytest.mark.parametrize(("rows", "series"), [(5, 3), (60, 20), (20, 60), (900, 12), (30, 2)])
@pytest.mark.parametrize("scale", [1e-4, 1.0])
def test_the_matrix_is_that_of_scikit_learn(rows, series, scale):
    random = np.random.default_rng(rows + series)
    mixing = random.normal(size=(series, series)) * random.uniform(0.1, 3.0, series)
    values = scale * (random.standard_t(5, (rows, series)) @ mixing + 0.3)
    oracle = LedoitWolf().fit(values)
    matrix, share = ledoit_wolf(values)
    np.testing.assert_allclose(matrix, oracle.covariance_, rtol=1e-12, atol=1e-12 * scale**2)
    assert share == pytest.approx(oracle.shrinkage_, rel=1e-9)
    np.testing.assert_array_equal(matrix, matrix.T)


def test_one_series_keeps_its_variance():
    values = np.random.default_rng(0).normal(size=(40, 1))
    assert ledoit_wolf(values)[0][0, 0] == pytest.approx(values.var(), rel=1e-12)


def test_a_gap_takes_no_variance_away():
    values = np.random.default_rng(1).normal(size=(4000, 4))
    values[:3000, 2] = np.nan
    matrix, _ = ledoit_wolf(values)
    assert matrix[2, 2] == pytest.approx(values[3000:, 2].var(), rel=0.05)
    assert np.linalg.eigvalsh(matrix).min() > 0.0


@pytest.mark.parametrize("values", [np.full((5, 3), np.nan), np.zeros((0, 3)), np.full((4, 3), 0.5)])
def test_without_variation_the_matrix_is_zero(values):
    matrix, share = ledoit_wolf(values)
    np.testing.assert_array_equal(matrix, np.zeros((3, 3)))
    assert share == 0.0
