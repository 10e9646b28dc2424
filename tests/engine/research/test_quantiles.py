"""Quantile portfolios against plain loops, their analysis against pandas, statsmodels and enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import stats

from engine.factors.research import ranks
from engine.factors.research.quantiles import (
    QuantileBucket,
    analyse_quantiles,
    exact_spearman_p,
    quantile_returns,
    quantile_spread,
)
from engine.statistics.regression import newey_west_lag

WEEKS = np.datetime64("2022-01-02") + 7 * np.arange(400)

signal_cells = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 2.0]), st.floats(-1e3, 1e3), st.sampled_from([np.nan, np.inf])
)
signal_tables = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=signal_cells)


def quantile_returns_by_cell(signals, earned, count):
    means = np.full((len(signals), count), np.nan)
    for row, of_row in enumerate(signals):
        eligible = [column for column, signal in enumerate(of_row) if math.isfinite(signal)]
        if len(eligible) < count:
            continue
        members = [[] for _ in range(count)]
        for position, column in enumerate(sorted(eligible, key=lambda column: (of_row[column], column))):
            members[position * count // len(eligible)].append(earned[row, column])
        means[row] = [sum(of_bucket) / len(of_bucket) for of_bucket in members]
    return means


def earned_at(signals, seed=0):
    """A different return in every eligible cell, NaN elsewhere."""
    earned = np.random.default_rng(seed).standard_normal(signals.shape)
    return np.where(np.isfinite(signals), earned, np.nan)


@given(signal_tables, st.integers(1, 10))
def test_buckets_are_those_of_a_plain_loop(signals, count):
    earned = earned_at(signals)
    np.testing.assert_allclose(
        quantile_returns(signals, earned, count),
        quantile_returns_by_cell(signals, earned, count),
        rtol=0,
        atol=1e-12,
    )


@pytest.mark.parametrize("block_cells", [1, 200, 1 << 15])
def test_blocks_do_not_show(monkeypatch, block_cells):
    monkeypatch.setattr(ranks, "_BLOCK_CELLS", block_cells)
    generator = np.random.default_rng(5)
    signals = generator.standard_normal((50, 61))
    signals[::2] = signals[::2].round(1)  # ties, at the edges of buckets also
    signals[generator.random(signals.shape) < 0.2] = np.nan
    signals[:25, 4] = np.nan
    signals[7, 3:] = np.nan
    signals[8] = np.nan
    signals[9] = 1.0
    for layout in (signals, np.asfortranarray(signals)):
        earned = earned_at(layout)
        expected = quantile_returns_by_cell(layout, earned, 5)
        assert np.isnan(expected[:, 0]).sum() == 2
        np.testing.assert_allclose(quantile_returns(layout, earned, 5), expected, rtol=0, atol=1e-12)


def test_hand_worked_buckets():
    signals = np.array([[5.0, 1.0, np.nan, 1.0, 3.0, 9.0], [2.0, 2.0, 2.0, 2.0, 2.0, np.nan]])
    earned = np.array([[0.05, 0.01, np.nan, 0.02, 0.03, 0.09], [0.1, 0.2, 0.3, 0.4, 0.5, np.nan]])
    # ascending: columns 1 3 4 0 5 at positions 0 to 4; floor(2 p / 5) puts three in the lower half
    np.testing.assert_allclose(quantile_returns(signals, earned, 2), [[0.02, 0.07], [0.2, 0.45]], rtol=1e-14)


def test_a_wild_return_stays_in_its_bucket():
    signals = np.arange(10.0)[None]
    earned = np.full((1, 10), 0.01)
    earned[0, 9] = 1e15
    assert quantile_returns(signals, earned, 5)[0, :4].tolist() == [0.01] * 4


@given(st.data())
def test_transforms_and_order_change_nothing_without_ties(data):
    signals = data.draw(
        arrays(np.float64, (1, 14), elements=st.integers(-500, 500).map(float), unique=True), "signals"
    )
    order = data.draw(st.permutations(range(14)), "order")
    earned = earned_at(signals)
    expected = quantile_returns(signals, earned, 4)
    np.testing.assert_array_equal(quantile_returns(signals**3, earned, 4), expected)
    np.testing.assert_array_equal(quantile_returns(signals[:, order], earned[:, order], 4), expected)
    turned = quantile_returns(-signals, earned, 7)[:, ::-1]
    np.testing.assert_allclose(turned, quantile_returns(signals, earned, 7), rtol=0, atol=1e-14)


def test_what_cannot_be_split_is_refused():
    with pytest.raises(ValueError, match="one shape"):
        quantile_returns(np.zeros((2, 3)), np.zeros((2, 4)), 2)
    with pytest.raises(ValueError, match="at least one"):
        quantile_returns(np.zeros((2, 3)), np.zeros((2, 3)), 0)


def test_no_assets_make_no_buckets():
    assert quantile_returns(np.zeros((0, 3)), np.zeros((0, 3)), 2).shape == (0, 2)
    assert np.isnan(quantile_returns(np.zeros((2, 0)), np.zeros((2, 0)), 2)).all()


# -- analysis ----------------------------------------------------------------------------------------------


def sample_returns(periods=130, count=5):
    returns = np.random.default_rng(11).normal(0.002, 0.03, (periods, count))
    returns[[0, 17, periods - 1]] = np.nan  # the first and the last also: years run between those that count
    return WEEKS[:periods], returns


def test_buckets_measure_as_pandas_does():
    dates, returns = sample_returns()
    analysis = analyse_quantiles(dates, returns, 1, 52)
    frame = pd.DataFrame(returns, index=dates).dropna()
    years = (frame.index[-1] - frame.index[0]).days / 365
    growth = (1 + frame).prod()
    assert analysis.num_periods == 127
    assert [bucket.bucket for bucket in analysis.buckets] == [1, 2, 3, 4, 5]
    for column, bucket in enumerate(analysis.buckets):
        of_bucket = frame[column]
        assert bucket.num_periods == 127
        assert bucket.mean_return == pytest.approx(of_bucket.mean(), rel=1e-12)
        assert bucket.annualized_volatility == pytest.approx(of_bucket.std() * 52**0.5, rel=1e-12)
        assert bucket.sharpe_ratio == pytest.approx(of_bucket.mean() / of_bucket.std() * 52**0.5, rel=1e-12)
        assert bucket.cumulative_return == pytest.approx(growth[column] - 1, rel=1e-12)
        assert bucket.annualized_return == pytest.approx(growth[column] ** (1 / years) - 1, rel=1e-12)


@pytest.mark.parametrize("sign", [1, -1])
def test_spread_holds_the_end_of_the_long_leg(sign):
    dates, returns = sample_returns()
    analysis = analyse_quantiles(dates, returns, sign, 52)
    spread = pd.Series((returns[:, 4] - returns[:, 0]) * sign).dropna()
    lags = {"maxlags": newey_west_lag(127), "use_correction": False}
    t = sm.OLS(spread.to_numpy(), np.ones(127)).fit(cov_type="HAC", cov_kwds=lags).tvalues[0]
    assert analysis.spread_mean_return == pytest.approx(spread.mean(), rel=1e-12)
    assert analysis.spread_sharpe_ratio == pytest.approx(spread.mean() / spread.std() * 52**0.5, rel=1e-12)
    assert analysis.spread_newey_west_t == pytest.approx(t, rel=1e-9)
    np.testing.assert_array_equal(pd.Series(quantile_spread(returns, sign)).dropna(), spread)


@pytest.mark.parametrize("sign", [1, -1])
def test_monotonicity_is_not_turned(sign):
    returns = np.array([[0.01, 0.02, 0.03, 0.05, 0.04]]) + np.array([[0.0], [0.01], [-0.01]])
    analysis = analyse_quantiles(WEEKS[:3], returns, sign, 52)
    assert analysis.monotonicity == pytest.approx(0.9, rel=1e-15)
    assert analysis.monotonicity_p_value == pytest.approx(10 / 120, rel=1e-15)


def test_tied_means_are_permuted_too():
    returns = np.array([[0.01, 0.02, 0.02, 0.03]] * 2)
    analysis = analyse_quantiles(WEEKS[:2], returns, 1, 52)
    assert analysis.monotonicity == pytest.approx(stats.spearmanr(range(4), returns[0]).statistic, rel=1e-15)
    assert analysis.monotonicity_p_value == pytest.approx(4 / 24, rel=1e-15)


def test_nothing_to_analyse():
    for dates, returns in ((WEEKS[:0], np.zeros((0, 3))), (WEEKS[:2], np.full((2, 3), np.nan))):
        analysis = analyse_quantiles(dates, returns, 1, 52)
        nothing = dict.fromkeys(("mean_return", "annualized_return", "annualized_volatility"))
        nothing |= dict.fromkeys(("sharpe_ratio", "cumulative_return"))
        assert analysis.buckets == tuple(
            QuantileBucket(bucket=number, num_periods=0, **nothing) for number in (1, 2, 3)
        )
        assert analysis.num_periods == 0
        assert analysis.spread_mean_return is analysis.spread_newey_west_t is None
        assert analysis.monotonicity is analysis.monotonicity_p_value is analysis.spread_sharpe_ratio is None


def test_one_period_has_a_mean_but_no_rate():
    analysis = analyse_quantiles(WEEKS[:1], np.array([[0.01, -1.5]]), 1, 52)
    first, second = analysis.buckets
    assert (first.mean_return, first.annualized_return, first.sharpe_ratio) == (0.01, None, None)
    assert (second.cumulative_return, second.annualized_return) == (-1.0, -1.0)
    assert analysis.spread_mean_return == pytest.approx(-1.51)
    assert analysis.spread_sharpe_ratio is None
    assert (analysis.monotonicity, analysis.monotonicity_p_value) == (-1.0, 1.0)


def test_flat_and_overflowing_buckets_have_no_figures_that_lie():
    returns = np.stack([np.full(4, 0.01), np.full(4, 1e200)], axis=1)
    flat, huge = analyse_quantiles(WEEKS[:4], returns, 1, 52).buckets
    assert (flat.annualized_volatility, flat.sharpe_ratio) == (pytest.approx(0.0, abs=1e-15), None)
    assert huge.mean_return == 1e200
    assert huge.cumulative_return is huge.annualized_return is None


# -- exact p -----------------------------------------------------------------------------------------------


def p_by_enumeration(x, y):
    first = stats.zscore(stats.rankdata(x))
    second = stats.zscore(stats.rankdata(y))
    permuted = np.array(list(itertools.permutations(second))) @ first
    return np.mean(abs(permuted) >= abs(first @ second) - 1e-9)


@given(st.permutations(range(6)) | st.lists(st.integers(0, 3), min_size=2, max_size=6))
def test_p_counts_every_permutation(values):
    if len(set(values)) == 1:
        return
    rho = stats.spearmanr(range(len(values)), values).statistic
    tied = len(set(values)) < len(values)
    p = exact_spearman_p(rho, len(values), ranks=stats.rankdata(values) if tied else None)
    assert p == pytest.approx(p_by_enumeration(range(len(values)), values), rel=1e-12)


@pytest.mark.parametrize("values", [(3, 1, 2, 5, 4, 6, 8, 7), (1, 1, 2, 5, 4, 4, 4, 7)])
def test_p_is_that_of_scipy(values):
    numbers = np.arange(8.0)
    exact = stats.permutation_test(
        (stats.rankdata(values),),
        lambda ranked, axis: ((ranked - 4.5) * (numbers - 3.5)).sum(axis=axis),
        permutation_type="pairings",
        n_resamples=np.inf,
    )
    rho = stats.spearmanr(numbers, values).statistic
    assert exact_spearman_p(rho, 8, ranks=stats.rankdata(values)) == pytest.approx(exact.pvalue, rel=1e-12)


@pytest.mark.parametrize("n", range(2, 11))
def test_p_of_extremes(n):
    assert exact_spearman_p(1.0, n) == pytest.approx(2 / math.factorial(n), rel=1e-12)
    assert exact_spearman_p(-1.0, n) == exact_spearman_p(1.0, n)
    assert exact_spearman_p(0.0, n) == 1.0


def test_p_of_ten_is_tabulated():
    # sum of d^2 = 58 of 10 pairs: Zar (1972), doi:10.1080/01621459.1972.10481251, two-sided 0.05 at 0.648
    assert exact_spearman_p(1 - 6 * 58 / 990, 10) < 0.05 < exact_spearman_p(1 - 6 * 60 / 990, 10)


def test_p_is_refused_where_it_is_not_counted():
    for n in (0, 1, 11):
        with pytest.raises(ValueError, match="2 to 10"):
            exact_spearman_p(0.5, n)
    with pytest.raises(ValueError, match="do not vary"):
        exact_spearman_p(0.5, 3, ranks=np.full(3, 2.0))
