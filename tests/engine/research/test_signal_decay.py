"""Persistence and decay of signals against scipy, row by row, and statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.factors.research import ranks
from engine.factors.research.ranks import rank_ic
from engine.factors.research.signal_decay import HorizonIC, half_life, ic_decay, signal_autocorrelation
from engine.statistics.regression import newey_west_lag

UNDEFINED = {"mean": None, "std": None, "t": None}


def spearman(x, y):
    both = np.isfinite(x) & np.isfinite(y)
    if both.sum() < 3 or np.ptp(x[both]) == 0 or np.ptp(y[both]) == 0:
        return math.nan
    return stats.spearmanr(x[both], y[both]).statistic


def market(seed=0, *, periods=90, assets=30, missing=0.05):
    """(signals, rows, prices): signals that tell the next returns apart, with gaps in all three."""
    generator = np.random.default_rng(seed)
    rows = np.setdiff1d(np.arange(4, periods - 1), [20, 21, 50])
    moves = generator.normal(0.0, 0.05, (periods, assets))
    prices = 100.0 * np.exp(np.cumsum(moves, axis=0))
    signals = moves[rows + 1] + 0.5 * generator.normal(0.0, 0.05, (len(rows), assets))
    signals[::5] = signals[::5].round(1)
    signals[generator.random(signals.shape) < 0.1] = np.nan
    signals[:40, 3] = np.nan
    signals[:, 4] = np.nan
    signals[30, 2:] = np.nan
    signals[31] = 1.0
    prices[generator.random(prices.shape) < missing] = np.nan
    return signals, rows, prices


def decay_by_row(signals, rows, prices, last_row, horizon):
    out = []
    for of_row, row in zip(signals, rows, strict=True):
        if row + horizon <= last_row:
            out.append(spearman(of_row, prices[row + horizon] / prices[row] - 1.0))
    return np.array([value for value in out if not math.isnan(value)])


# -- persistence -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block_cells", [1, 100, 1 << 15])
def test_autocorrelation_is_that_of_scipy(monkeypatch, block_cells):
    monkeypatch.setattr(ranks, "_BLOCK_CELLS", block_cells)
    signals, rows, _ = market()
    expected = [math.nan]
    for at in range(1, len(rows)):
        consecutive = rows[at] == rows[at - 1] + 1
        expected.append(spearman(signals[at], signals[at - 1]) if consecutive else math.nan)
    # the first, two after gaps, two beside the short row and two beside the constant one, one of them shared
    assert np.isnan(expected).sum() == 6
    np.testing.assert_allclose(signal_autocorrelation(signals, rows), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("count", [0, 1])
def test_a_single_row_has_no_autocorrelation(count):
    np.testing.assert_array_equal(
        signal_autocorrelation(np.ones((count, 5)), np.arange(count)), np.full(count, np.nan)
    )


@given(st.floats(0.01, 0.99))
def test_half_life_halves(rho):
    assert rho ** half_life(rho) == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize("rho", [1.0, 0.0, -0.5, -1.0, math.nan, math.nextafter(1.0, 2.0)])
def test_what_does_not_decay_has_no_half_life(rho):
    assert half_life(rho) is None


# -- decay -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block_cells", [1, 100, 1 << 15])
@pytest.mark.parametrize("missing", [0.0, 0.003, 0.1])
@pytest.mark.parametrize("sign", [1, -1])
def test_decay_is_that_of_loops(monkeypatch, sign, missing, block_cells):
    monkeypatch.setattr(ranks, "_BLOCK_CELLS", block_cells)
    signals, rows, prices = market(missing=missing)
    last_row = 85  # the latest rows have no return over the longer horizons, though prices exist
    for result in ic_decay(signals, rows, prices, last_row, sign):
        expected = sign * decay_by_row(signals, rows, prices, last_row, result.horizon)
        n = len(expected)
        lags = {"maxlags": max(result.horizon - 1, newey_west_lag(n)), "use_correction": False}
        t = sm.OLS(expected, np.ones(n)).fit(cov_type="HAC", cov_kwds=lags).tvalues[0]
        assert result.num_periods == n > 60
        assert result.mean == pytest.approx(expected.mean(), rel=1e-10)
        assert result.std == pytest.approx(expected.std(ddof=1), rel=1e-10)
        assert result.t == pytest.approx(t, rel=1e-8)


def test_horizons_are_one_to_eight_unless_said():
    signals, rows, prices = market()
    default = ic_decay(signals, rows, prices, 89, 1)
    assert [result.horizon for result in default] == list(range(1, 9))
    assert ic_decay(signals, rows, prices, 89, 1, (5, 2)) == (default[4], default[1])
    assert default[0].mean > 0.5 > default[7].mean > 0.0  # it tells the next period apart, and no later one


def test_overlap_of_returns_lengthens_the_lag():
    signals, rows, prices = market()
    [result] = ic_decay(signals, rows, prices, 89, 1, [8])
    coefficients = decay_by_row(signals, rows, prices, 89, 8)
    t = sm.OLS(coefficients, np.ones(len(coefficients))).fit(
        cov_type="HAC", cov_kwds={"maxlags": 7, "use_correction": False}
    )
    assert newey_west_lag(len(coefficients)) < 7
    assert result.t == pytest.approx(t.tvalues[0], rel=1e-8)


def test_the_first_horizon_is_the_information_coefficient():
    signals, rows, prices = market()
    coefficients = rank_ic(signals, prices[rows + 1] / prices[rows] - 1.0, -1)
    assert ic_decay(signals, rows, prices, 89, -1, [1])[0].mean == np.nanmean(coefficients)


def test_prices_after_the_last_row_do_not_matter():
    signals, rows, prices = market()
    expected = ic_decay(signals, rows, prices, 70, 1)
    prices[71:] = np.nan
    assert ic_decay(signals, rows, prices, 70, 1) == expected


@given(st.integers(0, 10_000))
def test_prices_have_no_unit(seed):
    signals, rows, prices = market(seed, assets=8)
    units = 2.0 ** np.random.default_rng(seed).integers(-9, 9, 8)  # exact: no rounding to break a tie
    assert ic_decay(signals, rows, prices * units, 89, 1) == ic_decay(signals, rows, prices, 89, 1)


def test_horizons_past_the_end_are_not_defined():
    signals = np.array([[1.0, 2.0, 3.0], [1.0, 3.0, 2.0]])
    prices = np.array([[10.0, 10.0, 10.0], [11.0, 12.0, 13.0], [12.0, 15.0, 14.0]])
    one, two, three = ic_decay(signals, np.arange(2), prices, 2, 1, range(1, 4))
    # over one period: 10 % 20 % 30 % with 1 2 3, then 1/11 1/4 1/13 with 1 3 2; over two: 20 % 50 % 40 %
    assert (one.num_periods, one.mean, one.t) == (2, pytest.approx(0.75), None)
    assert one.std == pytest.approx(0.5 / math.sqrt(2))
    assert two == HorizonIC(horizon=2, mean=0.5, std=None, t=None, num_periods=1)
    assert three == HorizonIC(horizon=3, num_periods=0, **UNDEFINED)


def test_a_signal_that_never_varies_has_no_coefficients():
    _, rows, prices = market()
    for signals in (np.ones((len(rows), 30)), np.full((len(rows), 30), np.nan)):
        assert ic_decay(signals, rows, prices, 89, 1, [1]) == (
            HorizonIC(horizon=1, num_periods=0, **UNDEFINED),
        )


def test_inputs_are_left_alone():
    signals, rows, prices = market()
    before = signals.copy(), prices.copy()
    ic_decay(signals, rows, prices, 89, 1)
    signal_autocorrelation(signals, rows)
    np.testing.assert_array_equal(signals, before[0])
    np.testing.assert_array_equal(prices, before[1])


def test_what_cannot_be_measured_is_refused():
    signals, rows, prices = market()
    with pytest.raises(ValueError, match="has no prices"):
        ic_decay(signals, rows, prices, 90, 1)
    with pytest.raises(ValueError, match="at least 1 period"):
        ic_decay(signals, rows, prices, 89, 1, [0, 1])
    with pytest.raises(ValueError, match="do not fit"):
        ic_decay(signals, rows, prices[:, 1:], 89, 1)
