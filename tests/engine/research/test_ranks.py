"""Ranks and rank correlations of rows against scipy's, cell by cell and row by row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import stats

from engine.factors.research import ranks
from engine.factors.research.ranks import rank_ic, row_ranks, row_spearman

TINY_BLOCK = 64  # cells: a few rows, so that arrays of a test span many blocks

# few distinct values, so that ties are common; not finite = missing
cells = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 2.0, -1.5]),
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.sampled_from([np.nan, np.inf, -np.inf]),
)
tables = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=cells)


def spearman_by_row(left, right, min_count=3):
    rho = np.full(len(left), np.nan)
    for row, (x, y) in enumerate(zip(left, right, strict=True)):
        both = np.isfinite(x) & np.isfinite(y)
        if both.sum() >= max(min_count, 2) and np.ptp(x[both]) > 0 and np.ptp(y[both]) > 0:
            rho[row] = stats.spearmanr(x[both], y[both]).statistic
    return rho


def ranks_by_row(values):
    expected = np.full(values.shape, np.nan)
    for row, of_row in enumerate(values):
        finite = np.isfinite(of_row)
        expected[row, finite] = stats.rankdata(of_row[finite])
    return expected


def cross_sections(seed=0, *, rows=60, columns=45):
    """Two tables with missing cells, a column that lists late, an empty one, ties, constants, short rows."""
    generator = np.random.default_rng(seed)
    left, right = generator.standard_normal((2, rows, columns))
    left[::3] = left[::3].round(1)
    right[::4] = right[::4].round(0)
    left[generator.random(left.shape) < 0.2] = np.nan
    right[generator.random(right.shape) < 0.2] = np.nan
    left[: rows // 2, 7] = np.nan
    right[:, 11] = np.nan
    left[5] = 3.0
    right[6] = -2.0
    left[7, 2:] = np.nan
    left[8, 3:] = np.inf
    left[9] = np.nan
    return left, right


@given(tables)
def test_ranks_are_those_of_scipy(values):
    np.testing.assert_array_equal(row_ranks(values), ranks_by_row(values))


@given(st.data())
def test_correlations_are_those_of_scipy(data):
    left = data.draw(tables)
    right = data.draw(arrays(np.float64, left.shape, elements=cells))
    min_count = data.draw(st.integers(0, 5))
    np.testing.assert_allclose(
        row_spearman(left, right, min_count), spearman_by_row(left, right, min_count), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("block_cells", [1, TINY_BLOCK, 1 << 15])
def test_blocks_do_not_show(monkeypatch, block_cells):
    monkeypatch.setattr(ranks, "_BLOCK_CELLS", block_cells)
    left, right = cross_sections()
    expected = spearman_by_row(left, right)
    assert 3 <= np.isnan(expected).sum() < 10
    np.testing.assert_allclose(row_spearman(left, right), expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(row_ranks(left), ranks_by_row(left))


def test_large_rows_stay_exact():
    generator = np.random.default_rng(3)
    left, right = generator.standard_normal((2, 3, 20_000))
    left[1] = left[1].round(2)
    right[2] = left[2] ** 3
    rho = row_spearman(left, right)
    np.testing.assert_allclose(rho, spearman_by_row(left, right), rtol=0, atol=1e-12)
    assert rho[2] == 1.0


@given(st.data())
def test_increasing_transforms_change_nothing(data):
    values = data.draw(arrays(np.float64, (3, 8), elements=st.integers(-30, 30).map(float)))
    other = data.draw(arrays(np.float64, (3, 8), elements=st.integers(-30, 30).map(float)))
    for transformed in (values**3, np.exp(values), 2.0 * values - 7.0):
        np.testing.assert_array_equal(row_ranks(transformed), row_ranks(values))
        np.testing.assert_array_equal(row_spearman(transformed, other), row_spearman(values, other))
    np.testing.assert_array_equal(row_spearman(-values, other), -row_spearman(values, other))


@given(st.permutations(range(45)))
def test_the_order_of_columns_changes_nothing(order):  # indexing columns gives arrays in Fortran order too
    left, right = cross_sections(1)
    np.testing.assert_array_equal(rank_ic(left[:, order], right[:, order], 1), rank_ic(left, right, 1))


def test_inputs_are_left_alone():
    left, right = cross_sections(2)
    before = left.copy(), right.copy()
    row_ranks(left)
    row_spearman(left, right)
    np.testing.assert_array_equal(left, before[0])
    np.testing.assert_array_equal(right, before[1])


def test_information_coefficient_is_positive_where_the_long_leg_wins():
    signals = np.array([[1.0, 2.0, 3.0, 4.0]])
    returns = np.array([[0.4, 0.3, 0.2, np.nan]])
    assert rank_ic(signals, returns, 1).tolist() == [-1.0]
    assert rank_ic(signals, returns, -1).tolist() == [1.0]


def test_information_coefficient_needs_three_assets():
    signals = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, np.nan], [np.nan] * 3])
    returns = np.array([[0.1, 0.0, 0.3], [0.1, 0.2, 0.3], [0.1, 0.2, 0.3]])
    np.testing.assert_array_equal(rank_ic(signals, returns, 1), [0.5, np.nan, np.nan])


def test_empty_tables():
    assert row_spearman(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0,)
    np.testing.assert_array_equal(row_spearman(np.zeros((2, 0)), np.zeros((2, 0))), [np.nan, np.nan])
    assert row_ranks(np.zeros((2, 0))).shape == (2, 0)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="one shape"):
        row_spearman(np.zeros((2, 3)), np.zeros((2, 4)))
