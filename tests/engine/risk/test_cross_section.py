"""Cross-sections against numpy and plain loops, and what one bad value may not do to a date."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.risk import cross_section
from engine.risk.cross_section import nearest_quantiles, standardized, winsorized


def ragged(seed: int, dates: int = 40, assets: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Values with holes, and caps some of which are unknown."""
    random = np.random.default_rng(seed)
    values = random.standard_t(3, (dates, assets)) * 10.0 ** random.integers(-3, 4, (dates, 1))
    values[random.random(values.shape) < random.random((dates, 1))] = np.nan
    caps = np.exp(random.normal(20.0, 2.0, values.shape))
    caps[random.random(caps.shape) < 0.2] = np.nan
    return values, caps


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.2, 0.5])
def test_winsorising_clips_to_numpys_percentiles(share):
    values, _ = ragged(1)
    values[3] = np.nan
    values[5, :-1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy's about the row without a value
        low, high = np.nanpercentile(values, [100 * share, 100 * (1 - share)], axis=1, keepdims=True)
    np.testing.assert_allclose(winsorized(values, share), np.clip(values, low, high), rtol=1e-15, atol=0)


def test_winsorising_leaves_its_input_alone_and_missing_values_missing():
    values, _ = ragged(2)
    before = values.copy()
    out = winsorized(values, 0.05)
    np.testing.assert_array_equal(values, before)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(values))


def test_an_infinity_is_clipped_and_does_not_move_the_quantiles():
    values = np.arange(11.0)[None]
    infinite = np.concatenate([values, [[np.inf, -np.inf]]], axis=1)
    expected = np.clip(np.concatenate([values, [[99.0, -99.0]]], axis=1), 1.0, 9.0)
    np.testing.assert_allclose(winsorized(infinite, 0.1), expected, rtol=1e-15)


def test_a_share_beyond_a_half_is_refused():
    with pytest.raises(ValueError, match="not from 0"):
        winsorized(np.zeros((1, 3)), 0.6)


@pytest.mark.parametrize("weighted", [True, False])
def test_scores_are_those_of_a_plain_loop(weighted):
    values, caps = ragged(3)
    expected = np.full(values.shape, np.nan)
    for row, (x, cap) in enumerate(zip(values, caps, strict=True)):
        known = np.isfinite(x)
        counted = known & (cap > 0) if weighted else known
        if counted.sum() < 2:
            expected[row, known] = 0.0
            continue
        mean = np.average(x[counted], weights=cap[counted] if weighted else None)
        expected[row] = (x - mean) / x[counted].std(ddof=1)
    scores = standardized(values, caps if weighted else None)
    np.testing.assert_allclose(scores.values, expected, rtol=1e-11, atol=1e-12)
    assert scores.flat.any(), "the sample has a date with fewer than two values"


def test_the_cap_weighted_portfolio_scores_zero_and_the_deviation_is_one():
    values, caps = ragged(4, assets=100)
    values[:, :5] = 1.0  # enough values on each date
    scores = standardized(values, caps).values
    counted = np.isfinite(scores) & np.isfinite(caps)
    for row in range(len(scores)):
        inside = counted[row]
        assert np.average(scores[row, inside], weights=caps[row, inside]) == pytest.approx(0.0, abs=1e-12)
        assert scores[row, inside].std(ddof=1) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("bad", [np.nan, 0.0, -1.0, np.inf])
def test_an_asset_with_a_bad_cap_is_scored_by_the_others_numbers(bad):
    values, caps = ragged(5)
    values[:, :3] = np.random.default_rng(0).normal(size=(len(values), 3))
    caps[:, 1:3] = 1e9
    caps[:, 0] = bad
    without, others = values.copy(), standardized(values, caps).values
    without[:, 0] = np.nan
    expected = standardized(without, caps).values
    np.testing.assert_allclose(others[:, 1:], expected[:, 1:], rtol=1e-12, atol=1e-13)
    assert np.isfinite(others[:, 0]).all()


@pytest.mark.parametrize("constant", [0.0, 3.7, -1e9, 1e-20, 0.1 + 0.2])
@pytest.mark.parametrize("weighted", [True, False])
def test_a_constant_cross_section_scores_zero_and_is_flagged(constant, weighted):
    values = np.full((2, 7), constant)
    values[1] = np.arange(7.0)
    values[0, 3] = np.nan
    scores = standardized(values, np.exp(np.arange(14.0)).reshape(2, 7) if weighted else None)
    np.testing.assert_array_equal(scores.values[0], [0, 0, 0, np.nan, 0, 0, 0])
    np.testing.assert_array_equal(scores.flat, [True, False])


def test_rounding_noise_is_no_deviation():
    values = np.repeat([[0.1, 0.3]], 50, axis=0).reshape(1, -1) * [[3.0, 1.0] * 50]
    assert values.std() > 0
    scores = standardized(values, None)
    assert scores.flat.all()
    assert not scores.values.any()


def test_one_missing_value_changes_nothing_but_itself():
    values, caps = ragged(6)
    values = np.where(np.isnan(values), 0.5, values)
    caps[:, 4] = np.nan  # asset 4 takes no part in the numbers, so that only its own score can change
    whole = standardized(values, caps).values
    values[:, 4] = np.nan
    holed = standardized(values, caps).values
    np.testing.assert_array_equal(np.delete(holed, 4, axis=1), np.delete(whole, 4, axis=1))
    assert np.isnan(holed[:, 4]).all()


@pytest.mark.parametrize("weighted", [True, False])
def test_an_infinite_value_is_missing(weighted):
    values = np.array([[1.0, 2.0, 4.0, np.inf, np.nan], [5.0, 5.0, -np.inf, np.nan, 5.0]])
    caps = np.ones(values.shape) if weighted else None
    scores = standardized(values, caps)
    np.testing.assert_array_equal(np.isnan(scores.values), ~np.isfinite(values))
    np.testing.assert_array_equal(scores.flat, [False, True])
    np.testing.assert_allclose(scores.values[0, :3], standardized(values[:1, :3], None).values[0])


def test_dates_without_values_without_caps_or_beyond_double_precision_are_flat():
    values = np.array([[np.nan, np.nan], [1.0, 2.0], [1e200, -1e200], [1.0, 2.0]])
    caps = np.array([[1.0, 1.0], [np.nan, 0.0], [1.0, 1.0], [1e308, 1e308]])
    scores = standardized(values, caps)
    np.testing.assert_array_equal(scores.flat, [True, True, True, False])
    np.testing.assert_array_equal(scores.values[:3], [[np.nan, np.nan], [0.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(scores.values[3], np.array([-1, 1]) / np.sqrt(2))


@given(scale=st.floats(1e-6, 1e6), shift=st.floats(-100, 100), seed=st.integers(0, 50))
def test_scores_do_not_depend_on_the_unit_of_values_or_caps(scale, shift, seed):
    values, caps = ragged(seed, dates=3, assets=20)
    values = np.clip(values, -10, 10)
    values[:, :4] = [1.0, 2.0, 4.0, -3.0]
    caps[:, :4] = 1e8
    expected = standardized(values, caps).values
    actual = standardized(values * scale + shift * scale, caps * scale).values
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9)


def test_blocks_of_dates_do_not_show(monkeypatch):
    values, caps = ragged(7)
    whole = [winsorized(values, 0.05), standardized(values, caps).values, nearest_quantiles(values, 0.2)]
    monkeypatch.setattr(cross_section, "_BLOCK_BYTES", 3 * 8 * values.shape[1])
    parts = [winsorized(values, 0.05), standardized(values, caps).values, nearest_quantiles(values, 0.2)]
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_nearest_observation_to_a_quantile_rounds_halves_upwards():
    values = np.array([[3.0, 1.0, 2.0, np.nan], [4.0, 3.0, 1.0, 2.0], [np.nan] * 4])
    np.testing.assert_array_equal(nearest_quantiles(values, 0.25), [2.0, 2.0, np.nan])
    np.testing.assert_array_equal(nearest_quantiles(values, 0.5), [2.0, 3.0, np.nan])
