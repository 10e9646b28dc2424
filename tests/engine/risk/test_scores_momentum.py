"""Momentum and reversal against plain loops, and what gaps may not do to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.risk.scores.compound import compound_growth
from engine.risk.scores.inputs import score_inputs
from engine.risk.scores.momentum import MomentumConfig, raw_momentum
from engine.risk.scores.reversal import ReversalConfig, raw_reversal
from engine.risk.scores.windows import observed_counts, trailing_sums, weighted_sums
from tests.engine.risk.score_panels import panel_of


def ragged_returns(seed: int, dates: int = 90, assets: int = 12, spread: float = 0.05) -> np.ndarray:
    random = np.random.default_rng(seed)
    returns = np.maximum(random.standard_t(2, (dates, assets)) * spread, -0.99)
    returns[random.random(returns.shape) < 0.1] = np.nan
    returns[: dates // 3, 0] = np.nan
    return returns


def windows(values: np.ndarray, window: int):
    """(row, the rows of its window from the newest back), for plain loops."""
    for row in range(len(values)):
        yield row, values[max(row - window + 1, 0) : row + 1][::-1]


@pytest.mark.parametrize("spread", [1e-6, 0.01, 0.3, 3.0])
@pytest.mark.parametrize("window", [2, 17, 60, 500])
def test_compound_growth_is_the_product_over_the_window(spread, window):
    returns = ragged_returns(1, spread=spread)
    weights = 0.5 ** (np.arange(window) / 20.0)
    expected = np.empty(returns.shape)
    for row, newest_first in windows(np.nan_to_num(returns), window):
        expected[row] = np.prod(1 + weights[: len(newest_first), None] * newest_first, axis=0) - 1
    actual = compound_growth(returns, half_life=20.0, window=window)
    np.testing.assert_allclose(1 + actual, 1 + expected, rtol=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-0.999, 50.0), min_size=1, max_size=40), st.integers(2, 30), st.floats(1.0, 300.0))
def test_compound_growth_of_any_returns(returns, window, half_life):
    column = np.array(returns)[:, None]
    weights = 0.5 ** (np.arange(window) / half_life)
    expected = [np.prod(1 + weights[: len(x)] * x[:, 0]) for _, x in windows(column, window)]
    actual = 1 + compound_growth(column, half_life=half_life, window=window)[:, 0]
    np.testing.assert_allclose(actual, expected, rtol=1e-11)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1.0, -2.0])
def test_an_impossible_return_grows_by_nothing_and_touches_no_other_asset(bad):
    returns = ragged_returns(2)
    holed = returns.copy()
    returns[40, 3], holed[40, 3] = 0.0, bad
    options = {"half_life": 20.0, "window": 30}
    np.testing.assert_array_equal(compound_growth(holed, **options), compound_growth(returns, **options))


def test_weighted_and_plain_sums_are_those_of_a_loop():
    values = np.random.default_rng(3).normal(size=(70, 5))
    for window in (1, 2, 21, 69, 70, 71, 200):
        weights = 0.5 ** (np.arange(window) / 9.0)
        plain, weighted, counts = np.empty(values.shape), np.empty(values.shape), np.empty(values.shape)
        for row, newest_first in windows(values, window):
            plain[row] = newest_first.sum(axis=0)
            weighted[row] = weights[: len(newest_first)] @ newest_first
            counts[row] = (newest_first > 0).sum(axis=0)
        np.testing.assert_allclose(trailing_sums(values, window), plain, atol=1e-12)
        np.testing.assert_allclose(weighted_sums(values, half_life=9.0, window=window), weighted, atol=1e-12)
        np.testing.assert_array_equal(observed_counts(values > 0, window), counts)


def test_plain_sums_of_small_values_survive_large_ones_before():
    values = np.full((50, 1), 1e-12)
    values[:10] = 1e9
    np.testing.assert_allclose(trailing_sums(values, 21)[-1], 21e-12, rtol=1e-14)


def test_momentum_leaves_the_last_month_out():
    returns = ragged_returns(4)
    config = MomentumConfig(trailing_days=30, half_life=10.0, lag=5)
    changed = returns.copy()
    changed[-5:] = 0.5
    np.testing.assert_array_equal(raw_momentum(changed, config)[-1], raw_momentum(returns, config)[-1])
    changed[-6] = 0.5
    assert (raw_momentum(changed, config)[-1] != raw_momentum(returns, config)[-1]).all()


def test_a_gap_takes_its_place_in_the_window_and_does_not_stretch_it():
    """toraniko's window holds an asset's own last rows, so that after a gap it reaches back further."""
    prices = np.full((120, 2), 100.0)
    prices[20:] = 150.0  # the only growth, on row 20, with a weight that its age decides
    prices[40:50, 1] = np.nan
    panel = panel_of(price=prices, market_cap=prices)
    config = MomentumConfig(trailing_days=60, half_life=15.0, lag=0)
    raw = raw_momentum(score_inputs(panel).returns, config)
    np.testing.assert_allclose(raw[60:, 1], raw[60:, 0], atol=1e-12)
    assert raw[79, 1] == pytest.approx(0.5 * 0.5 ** (59 / 15.0))
    assert raw[80, 1] == pytest.approx(0.0, abs=1e-12)


def test_momentum_needs_its_share_of_the_window():
    returns = np.full((40, 1), 0.01)
    returns[:5] = np.nan
    config = MomentumConfig(trailing_days=20, half_life=10.0, lag=3, min_share=0.5)
    known = np.isfinite(raw_momentum(returns, config)[:, 0])
    assert known.argmax() == 5 + 10 - 1 + 3
    assert known[17:].all()
    full = MomentumConfig(trailing_days=20, half_life=10.0, lag=3, min_share=1.0)
    assert np.isfinite(raw_momentum(returns, full)[:, 0]).argmax() == 5 + 20 - 1 + 3


def test_a_window_longer_than_the_panel_has_no_momentum():
    assert np.isnan(raw_momentum(np.full((10, 2), 0.01), MomentumConfig())).all()


def test_reversal_is_minus_the_weighted_log_return():
    returns = ragged_returns(5)
    config = ReversalConfig()
    weights = 0.5 ** (np.arange(21) / 5.0)
    raw = raw_reversal(returns, config)
    for row, newest_first in windows(returns, 21):
        known = np.isfinite(newest_first)
        logs = np.where(known, np.log1p(np.nan_to_num(newest_first)), 0.0)
        expected = np.where(known.sum(axis=0) >= 10.5, -(weights[: len(logs)] @ logs), np.nan)
        np.testing.assert_allclose(raw[row], expected, atol=1e-13)
    assert np.isnan(raw[:10]).all()
