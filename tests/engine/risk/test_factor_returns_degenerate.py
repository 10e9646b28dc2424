"""Cross-sections that do not determine every factor: least norm, no infinity, no exception."""

from __future__ import annotations

import numpy as np
import pytest

from engine.risk.estimation_sample import RegressionWeighting
from engine.risk.factor_returns import FactorReturns, RegressionMode
from tests.engine.risk.asset_panels import AssetPanel, asset_panel, with_holes

MODES = list(RegressionMode)
JOINT = RegressionMode.JOINT
pytestmark = pytest.mark.parametrize("mode", MODES)


def assert_finite_or_nan(result: FactorReturns) -> None:
    for values in (result.returns, result.specific, result.r_squared, result.condition_number):
        assert not np.isinf(values).any()
    assert not np.isinf(result.t_statistics).any()


def changed_styles(panel: AssetPanel, style: int, values: np.ndarray | float) -> AssetPanel:
    styles = panel.styles.copy()
    styles[:, :, style] = values
    return panel.with_(styles=styles)


def test_equal_styles_share_the_return_of_one(mode: RegressionMode):
    panel = asset_panel(41)
    twins = changed_styles(panel, 2, panel.styles[:, :, 1]).estimate(mode=mode)
    one = panel.with_(styles=panel.styles[:, :, :2], style_names=panel.style_names[:2]).estimate(mode=mode)
    np.testing.assert_allclose(twins.returns[:, :7], one.returns[:, :7], rtol=0, atol=1e-13)
    np.testing.assert_allclose(twins.returns[:, 7:], one.returns[:, [7, 7]] / 2, rtol=0, atol=1e-13)
    np.testing.assert_allclose(twins.specific, one.specific, rtol=0, atol=1e-13)
    np.testing.assert_allclose(twins.r_squared, one.r_squared, rtol=0, atol=1e-12)
    np.testing.assert_allclose(twins.t_statistics[:, :7], one.t_statistics[:, :7], rtol=1e-8)
    assert np.isnan(twins.t_statistics[:, 7:]).all(), "the data do not tell them apart"
    assert (twins.condition_number < 10).all()


def test_styles_of_unequal_size_share_by_least_norm(mode: RegressionMode):
    panel = asset_panel(42)
    pair = changed_styles(panel, 2, -3.0 * panel.styles[:, :, 1]).estimate(mode=mode)
    one = panel.with_(styles=panel.styles[:, :, :2], style_names=panel.style_names[:2]).estimate(mode=mode)
    expected = one.returns[:, [7]] * np.array([0.1, -0.3])
    np.testing.assert_allclose(pair.returns[:, 7:], expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(pair.specific, one.specific, rtol=0, atol=1e-13)


def test_a_style_that_is_zero_for_all_has_no_return_and_changes_nothing(mode: RegressionMode):
    panel = asset_panel(43)
    void = changed_styles(panel, 1, 0.0).estimate(mode=mode)
    kept = [0, 2]
    without = panel.with_(styles=panel.styles[:, :, kept], style_names=("style_0", "style_2")).estimate(
        mode=mode
    )
    assert np.isnan(void.returns[:, 7]).all()
    assert np.isnan(void.t_statistics[:, 7]).all()
    np.testing.assert_allclose(np.delete(void.returns, 7, axis=1), without.returns, rtol=0, atol=1e-14)
    np.testing.assert_allclose(void.specific, without.specific, rtol=0, atol=1e-14)
    np.testing.assert_allclose(np.delete(void.t_statistics, 7, axis=1), without.t_statistics, rtol=1e-9)


def test_what_a_constant_style_explains_is_the_markets(mode: RegressionMode):
    panel = asset_panel(44)
    result = changed_styles(panel, 1, 0.7).estimate(mode=mode)
    assert_finite_or_nan(result)
    if mode is JOINT:
        kept = [0, 2]
        one = panel.with_(styles=panel.styles[:, :, kept], style_names=("style_0", "style_2")).estimate()
        np.testing.assert_array_equal(result.returns[:, 7], 0.0)
        np.testing.assert_allclose(np.delete(result.returns, 7, axis=1), one.returns, rtol=0, atol=1e-14)
        assert np.isnan(result.t_statistics[:, 7]).all()


def test_a_single_sector_is_the_market(mode: RegressionMode):
    panel = asset_panel(45)
    one = panel.with_(sectors=np.zeros(120, dtype=np.int16), sector_names=("ALL",)).estimate(mode=mode)
    np.testing.assert_array_equal(one.returns[:, 1], 0.0)
    assert np.isfinite(one.returns).all()
    assert np.isnan(one.t_statistics[:, 1]).all()
    assert np.isfinite(np.delete(one.t_statistics, 1, axis=1)).all()


@pytest.mark.parametrize("assets", [1, 2, 3, 6, 9])
def test_fewer_assets_than_factors_have_factor_returns_all_the_same(mode: RegressionMode, assets: int):
    panel = asset_panel(46, dates=20, assets=9)
    panel = panel.with_(universe=np.arange(9) < assets)
    result = panel.estimate(mode=mode, winsor=0.0)
    assert_finite_or_nan(result)
    assert np.isfinite(result.returns[:, 0]).all()
    assert np.isfinite(result.specific).all(), "those outside the universe are explained too"
    assert (result.assets == assets).all()


def test_the_least_norm_is_that_of_the_pseudoinverse(mode: RegressionMode):
    """Four assets of one sector and five styles, against numpy's minimum-norm solution."""
    random = np.random.default_rng(4)
    panel = asset_panel(47, dates=1, assets=4, sectors=1, styles=5)
    panel = panel.with_(returns=random.normal(0.0, 0.02, (1, 4)))
    result = panel.estimate(mode=mode, winsor=0.0)
    w = np.sqrt(panel.caps[0])
    y, x = panel.returns[0], panel.styles[0]
    mean = np.average(y, weights=w)
    if mode is JOINT:
        x = x - np.average(x, axis=0, weights=w)
    root = np.sqrt(w)[:, None]
    target = y if mode is RegressionMode.TORANIKO_RAW else y - mean
    expected = np.linalg.lstsq(root * x, root[:, 0] * target, rcond=1e-10)[0]
    np.testing.assert_allclose(result.returns[0, 2:], expected, rtol=1e-9)
    if mode is not RegressionMode.TORANIKO_RAW:
        np.testing.assert_allclose(result.specific, 0.0, rtol=0, atol=1e-14)
        assert np.isnan(result.t_statistics[0, 2:]).all()


def test_a_date_without_estimating_assets_is_empty_and_alone(mode: RegressionMode):
    panel = asset_panel(48)
    universe = panel.universe.copy()
    universe[3] = False
    result, whole = panel.with_(universe=universe).estimate(mode=mode), panel.estimate(mode=mode)
    for values in (result.returns, result.specific, result.t_statistics):
        assert np.isnan(values[3]).all()
    assert np.isnan([result.r_squared[3], result.condition_number[3]]).all()
    assert result.assets[3] == 0
    np.testing.assert_array_equal(np.delete(result.returns, 3, axis=0), np.delete(whole.returns, 3, axis=0))


def test_assets_of_a_sector_that_did_not_estimate_are_exposed_to_the_market_and_styles(mode: RegressionMode):
    panel = asset_panel(49)
    outside = panel.sectors == 2
    universe = panel.universe & ~outside
    unknown = np.where(outside, -1, panel.sectors)
    for part in (panel.with_(universe=universe), panel.with_(sectors=unknown)):
        result = part.estimate(mode=mode, winsor=0.0)
        assert np.isnan(result.returns[:, 3]).all()
        fit = result.returns[:, :1] + np.einsum("tnk,tk->tn", panel.styles, result.returns[:, 6:])
        np.testing.assert_allclose(
            np.where(outside, result.specific, 0.0),
            np.where(outside, np.clip(panel.returns, *_bounds(panel, outside, mode)) - fit, 0.0),
            rtol=0,
            atol=1e-14,
        )


def _bounds(panel: AssetPanel, outside: np.ndarray, mode: RegressionMode) -> tuple[np.ndarray, np.ndarray]:
    """Two-stage residuals are of returns within the extremes of the estimating assets, others' of any."""
    if mode is JOINT:
        return np.array([[-np.inf]]), np.array([[np.inf]])
    inside = np.where(outside, np.nan, panel.returns)
    return np.nanmin(inside, axis=1, keepdims=True), np.nanmax(inside, axis=1, keepdims=True)


def test_an_asset_without_a_return_or_a_style_exposure_has_no_specific_return(mode: RegressionMode):
    panel = with_holes(asset_panel(52))
    assert np.isinf(panel.returns).any()
    known = np.isfinite(panel.returns) & np.isfinite(panel.styles).all(axis=2)
    result = panel.estimate(mode=mode)
    np.testing.assert_array_equal(np.isfinite(result.specific), known)
    np.testing.assert_array_equal(np.isnan(result.specific), ~known)


def test_equal_returns_are_the_markets_and_have_no_r_squared(mode: RegressionMode):
    panel = asset_panel(50, dates=5)
    result = panel.with_(returns=np.full((5, 120), 0.01)).estimate(mode=mode)
    np.testing.assert_allclose(result.returns[:, 0], 0.01, rtol=1e-12)
    assert np.isnan(result.r_squared).all()
    assert_finite_or_nan(result)


@pytest.mark.parametrize("weighting", RegressionWeighting)
def test_values_near_the_largest_double_spoil_their_date_at_most(
    mode: RegressionMode, weighting: RegressionWeighting
):
    panel = asset_panel(51, dates=6)
    returns, caps, styles = panel.returns.copy(), panel.caps.copy(), panel.styles.copy()
    returns[1, :60], caps[2, :60], styles[3, :60, 1] = 1.7e308, 1e307, 1e200
    caps[4, 60:] = 1e-300
    extreme = panel.with_(returns=returns, caps=caps, styles=styles)
    result = extreme.estimate(mode=mode, weighting=weighting)
    whole = panel.estimate(mode=mode, weighting=weighting)
    assert_finite_or_nan(result)
    assert np.isnan(result.returns[3, 6:]).all(), "not a 0 that looks like an estimate"
    assert np.isnan(result.specific[3]).all()
    np.testing.assert_array_equal(result.returns[[0, 5]], whole.returns[[0, 5]])
