"""Factor returns against an explicitly constrained regression, against statsmodels, and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.risk.estimation_sample import RegressionWeighting
from engine.risk.factor_returns import BLOCK_VALUES, FactorReturns, RegressionMode, estimate
from tests.engine.risk.asset_panels import AssetPanel, asset_panel, with_holes

MODES = list(RegressionMode)
TWO_STAGE = [RegressionMode.TORANIKO_RESIDUAL, RegressionMode.TORANIKO_RAW]


def weights_of(panel: AssetPanel, row: int, used: np.ndarray, weighting: RegressionWeighting) -> np.ndarray:
    caps = panel.caps[row, used]
    return {
        RegressionWeighting.SQRT_CAP: np.sqrt(caps),
        RegressionWeighting.CAP: caps,
        RegressionWeighting.EQUAL: np.ones(len(caps)),
    }[weighting]


def exposures(panel: AssetPanel, row: int) -> np.ndarray:
    """(N, F) of all assets: 1, one column a sector, styles."""
    one_hot = panel.sectors[row][:, None] == np.arange(len(panel.sector_names))
    return np.column_stack([np.ones(len(one_hot)), one_hot, panel.styles[row]])


def shares_of(panel: AssetPanel, row: int, used: np.ndarray) -> np.ndarray:
    caps, codes = panel.caps[row, used], panel.sectors[row, used]
    return np.array([caps[codes == s].sum() for s in range(len(panel.sector_names))]) / caps.sum()


def winsorised(values: np.ndarray, share: float = 0.05) -> np.ndarray:
    return np.clip(values, np.quantile(values, share), np.quantile(values, 1 - share))


def constrained_least_squares(
    panel: AssetPanel, row: int, weighting: RegressionWeighting = RegressionWeighting.SQRT_CAP
) -> np.ndarray:
    """(F,) by the conditions of Karush, Kuhn and Tucker, one multiplier for the sectors' constraint."""
    used = panel.used(row)
    x, y = exposures(panel, row)[used], winsorised(panel.returns[row, used])
    w = weights_of(panel, row, used, weighting)
    w = w / w.max()
    constraint = np.concatenate([[0.0], shares_of(panel, row, used), np.zeros(len(panel.style_names))])
    present = np.concatenate([[True], constraint[1 : 1 + len(panel.sector_names)] > 0, np.ones(3, bool)])
    x, constraint = x[:, present], constraint[present]
    normal = x.T @ (w[:, None] * x) / w.sum()
    left = np.block([[normal, constraint[:, None]], [constraint[None, :], np.zeros((1, 1))]])
    right = np.concatenate([x.T @ (w * y) / w.sum(), [0.0]])
    out = np.full(len(present), np.nan)
    out[present] = np.linalg.lstsq(left, right, rcond=None)[0][:-1]
    return out


def arrays(result: FactorReturns) -> tuple[np.ndarray, ...]:
    return (
        result.returns,
        result.specific,
        result.r_squared,
        result.assets,
        result.condition_number,
        result.t_statistics,
    )


def assert_same(left: FactorReturns, right: FactorReturns, rows: slice = slice(None)) -> None:
    for a, b in zip(arrays(left), arrays(right), strict=True):
        np.testing.assert_allclose(a[rows], b[rows], rtol=1e-9, atol=1e-13)


class TestJointRegression:
    def test_recovers_the_factors_that_made_the_returns(self):
        panel = asset_panel(1)
        random = np.random.default_rng(5)
        made = random.normal(0.0, 0.01, (30, 9))
        made[:, 1] = 0.0
        for row in range(30):
            shares = shares_of(panel, row, panel.used(row))
            made[row, 1] = -(shares[1:] @ made[row, 2:6]) / shares[0]
        returns = np.stack([exposures(panel, row) @ made[row] for row in range(30)])
        result = panel.with_(returns=returns).estimate(winsor=0.0)
        assert result.names == ("MARKET", *panel.sector_names, *panel.style_names)
        np.testing.assert_allclose(result.returns, made, rtol=0, atol=1e-14)
        np.testing.assert_allclose(result.specific, 0.0, rtol=0, atol=1e-14)
        np.testing.assert_allclose(result.r_squared, 1.0, rtol=1e-12)
        assert np.isnan(result.t_statistics).all(), "nothing is left to judge by"

    @pytest.mark.parametrize("weighting", RegressionWeighting)
    def test_is_the_constrained_least_squares_fit(self, weighting: RegressionWeighting):
        panel = with_holes(asset_panel(2))
        result = panel.estimate(weighting=weighting)
        for row in range(30):
            expected = constrained_least_squares(panel, row, weighting)
            np.testing.assert_allclose(result.returns[row], expected, rtol=0, atol=2e-14)
            used = panel.used(row)
            assert result.assets[row] == used.sum()
            assert abs(shares_of(panel, row, used) @ result.returns[row, 1:6]) < 1e-16

    def test_the_market_is_the_capitalisation_weighted_return_of_its_sectors(self):
        panel = asset_panel(3, styles=0)
        result = panel.estimate(weighting=RegressionWeighting.CAP, winsor=0.0)
        expected = (panel.caps * panel.returns).sum(axis=1) / panel.caps.sum(axis=1)
        np.testing.assert_allclose(result.returns[:, 0], expected, rtol=0, atol=1e-16)

    def test_specific_returns_are_not_winsorised_and_cover_assets_that_do_not_estimate(self):
        panel = with_holes(asset_panel(4))
        result = panel.estimate()
        beyond = 0
        for row in range(30):
            x = exposures(panel, row)
            fit = x @ np.nan_to_num(result.returns[row])
            known = np.isfinite(panel.returns[row]) & np.isfinite(panel.styles[row]).all(axis=1)
            np.testing.assert_allclose(
                result.specific[row], np.where(known, panel.returns[row] - fit, np.nan), rtol=0, atol=1e-15
            )
            beyond += (known & ~panel.used(row)).sum()
        assert beyond > 300

    def test_t_statistics_and_r_squared_are_those_of_weighted_least_squares(self):
        panel = with_holes(asset_panel(6))
        result = panel.estimate()
        for row in (0, 11, 29):
            used = panel.used(row)
            shares = shares_of(panel, row, used)
            # The last sector follows from the others by the constraint.
            expand = np.delete(np.eye(9), 5, axis=1)
            expand[5, 1:5] = -shares[:4] / shares[4]
            w = weights_of(panel, row, used, RegressionWeighting.SQRT_CAP)
            model = sm.WLS(
                winsorised(panel.returns[row, used]), exposures(panel, row)[used] @ expand, weights=w
            )
            fit = model.fit()
            errors = np.sqrt(np.diag(expand @ fit.cov_params() @ expand.T))
            np.testing.assert_allclose(result.t_statistics[row], expand @ fit.params / errors, rtol=1e-9)
            np.testing.assert_allclose(result.r_squared[row], fit.rsquared, rtol=1e-11)

    def test_condition_number_is_of_styles_within_sectors_at_unit_length(self):
        panel = asset_panel(7)
        result = panel.estimate()
        w = np.sqrt(panel.caps[8])
        dummies = exposures(panel, 8)[:, 1:6] * np.sqrt(w)[:, None]
        styles = panel.styles[8] * np.sqrt(w)[:, None]
        within = styles - dummies @ np.linalg.lstsq(dummies, styles, rcond=None)[0]
        expected = np.linalg.cond(within / np.linalg.norm(within, axis=0))
        np.testing.assert_allclose(result.condition_number[8], expected, rtol=1e-9)
        assert expected > 1.2

    @pytest.mark.parametrize(
        ("own_part", "error"), [(0.1, 1e-16), (4e-3, 2e-15), (1e-4, 1e-12), (1e-6, 1e-10)]
    )
    def test_nearly_collinear_styles_keep_their_digits(self, own_part: float, error: float):
        panel = asset_panel(8)
        styles = panel.styles.copy()
        styles[:, :, 1] = styles[:, :, 0] + own_part * styles[:, :, 1]
        made = np.array([0.01, 0.002, 0.003])
        result = panel.with_(styles=styles, returns=styles @ made).estimate(winsor=0.0)
        np.testing.assert_allclose(result.returns[:, -3:], np.tile(made, (30, 1)), rtol=0, atol=error)
        assert (result.condition_number > 1.0 / own_part).all()

    def test_sectors_may_be_given_once(self):
        panel = asset_panel(9)
        fixed = panel.with_(sectors=np.tile(panel.sectors[0], (30, 1)))
        once = fixed.with_(sectors=panel.sectors[0], universe=np.ones(120, dtype=bool))
        assert_same(fixed.estimate(), once.estimate())

    def test_an_asset_that_changes_sector_counts_where_it_is(self):
        panel = asset_panel(10)
        assert (panel.sectors != panel.sectors[0]).any()
        moved = panel.with_(sectors=np.tile(panel.sectors[0], (30, 1)))
        assert_same(panel.estimate(), moved.estimate(), slice(0, 1))
        for row in range(30):
            np.testing.assert_allclose(
                panel.estimate().returns[row], constrained_least_squares(panel, row), rtol=0, atol=2e-14
            )

    def test_dates_do_not_touch_each_other_across_blocks(self):
        panel = with_holes(asset_panel(11, dates=700, assets=200))
        assert BLOCK_VALUES // 200 < 700
        whole = panel.estimate()
        for row in (0, BLOCK_VALUES // 200 - 1, BLOCK_VALUES // 200, 699):
            cut = {
                name: getattr(panel, name)[row : row + 1]
                for name in ("returns", "caps", "sectors", "styles", "universe")
            }
            alone = panel.with_(**cut).estimate()
            for a, b in zip(arrays(whole), arrays(alone), strict=True):
                np.testing.assert_allclose(a[row], b[0], rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("mode", TWO_STAGE)
def test_two_stages_are_judged_by_their_own_residuals_and_explain_together(mode: RegressionMode):
    panel = asset_panel(12)
    result = panel.estimate(mode=mode)
    y, w = winsorised(panel.returns[4]), np.sqrt(panel.caps[4])
    to_sectors = np.vstack([np.full(5, 0.2), np.eye(5) - 0.2])
    first = sm.WLS(y, exposures(panel, 4)[:, 1:6], weights=w).fit()
    second = sm.WLS(
        first.resid if mode is RegressionMode.TORANIKO_RESIDUAL else y, panel.styles[4], weights=w
    ).fit()
    errors = np.sqrt(np.diag(to_sectors @ first.cov_params() @ to_sectors.T))
    expected = np.concatenate([to_sectors @ first.params / errors, second.tvalues])
    np.testing.assert_allclose(result.t_statistics[4], expected, rtol=1e-9)
    unexplained = first.resid - panel.styles[4] @ second.params
    about_mean = y - np.average(y, weights=w)
    share = (w * unexplained**2).sum() / (w * about_mean**2).sum()
    np.testing.assert_allclose(result.r_squared[4], 1.0 - share, rtol=1e-10)


def test_two_stages_are_biased_where_styles_follow_sectors_and_one_is_not():
    panel = asset_panel(13, dates=300)
    made = np.array([0.004, -0.002, 0.003])
    random = np.random.default_rng(2)
    panel = panel.with_(returns=panel.styles @ made + random.normal(0.0, 0.002, panel.returns.shape))
    joint = panel.estimate(winsor=0.0).returns[:, -3:]
    staged = panel.estimate(mode=RegressionMode.TORANIKO_RESIDUAL, winsor=0.0).returns[:, -3:]
    error = joint.std(axis=0, ddof=1) / np.sqrt(300)
    assert (np.abs(joint.mean(axis=0) - made) < 4 * error).all()
    assert (np.abs(staged.mean(axis=0) - made) > 20 * error).any()


def test_refuses_shapes_codes_names_and_shares_that_do_not_fit():
    panel = asset_panel(14, dates=3)
    with pytest.raises(ValueError, match="do not fit"):
        panel.with_(caps=panel.caps[:2]).estimate()
    with pytest.raises(ValueError, match="do not fit"):
        panel.with_(style_names=("one",)).estimate()
    with pytest.raises(ValueError, match="sector codes run from -1 to 4"):
        panel.with_(sectors=panel.sectors + 1).estimate()
    with pytest.raises(ValueError, match="sector codes"):
        panel.with_(sectors=panel.sectors - 2).estimate()
    with pytest.raises(ValueError, match="names of their own"):
        panel.with_(style_names=("a", "b", "SECTOR_0")).estimate()
    for share in (-0.01, 0.5, np.nan):
        with pytest.raises(ValueError, match="share to winsorise"):
            panel.estimate(winsor=share)


@pytest.mark.parametrize("mode", MODES)
def test_inputs_stay_as_they_were(mode: RegressionMode):
    panel, same = (with_holes(asset_panel(15)) for _ in range(2))
    panel.estimate(mode=mode)
    for name in ("returns", "caps", "sectors", "styles", "universe"):
        np.testing.assert_array_equal(getattr(panel, name), getattr(same, name))


@pytest.mark.parametrize("mode", MODES)
def test_empty_panels_have_no_factor_returns(mode: RegressionMode):
    for dates, assets in ((0, 5), (4, 0)):
        result = estimate(
            np.zeros((dates, assets)),
            np.ones((dates, assets)),
            np.zeros((dates, assets), dtype=np.int16),
            ["ONE"],
            np.zeros((dates, assets, 2)),
            ["a", "b"],
            np.ones((dates, assets), dtype=bool),
            mode=mode,
        )
        assert result.returns.shape == (dates, 4)
        assert np.isnan(result.returns).all()
        assert result.specific.shape == (dates, assets)


seeds = st.integers(0, 10_000)


class TestInvariances:
    @settings(max_examples=15, deadline=None)
    @given(seed=seeds, mode=st.sampled_from(MODES))
    def test_the_order_of_assets_does_not_matter(self, seed: int, mode: RegressionMode):
        panel = with_holes(asset_panel(seed, dates=4, assets=40), seed)
        order = np.random.default_rng(seed).permutation(40)
        turned = panel.with_(
            **{
                name: getattr(panel, name)[:, order]
                for name in ("returns", "caps", "sectors", "styles", "universe")
            }
        ).estimate(mode=mode)
        straight = panel.estimate(mode=mode)
        np.testing.assert_allclose(turned.returns, straight.returns, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(turned.specific, straight.specific[:, order], rtol=1e-9, atol=1e-14)

    @settings(max_examples=15, deadline=None)
    @given(seed=seeds, mode=st.sampled_from(MODES), scale=st.sampled_from([1e-12, 1e-3, 7.0, 1e15]))
    def test_the_currency_of_capitalisations_does_not_matter(
        self, seed: int, mode: RegressionMode, scale: float
    ):
        panel = with_holes(asset_panel(seed, dates=4, assets=40), seed)
        scaled = panel.with_(caps=panel.caps * scale)
        assert_same(panel.estimate(mode=mode), scaled.estimate(mode=mode))

    @settings(max_examples=15, deadline=None)
    @given(seed=seeds, mode=st.sampled_from(MODES), scale=st.sampled_from([1e-9, 0.3, -1.0, 1e9]))
    def test_a_style_in_other_units_has_a_return_in_other_units(
        self, seed: int, mode: RegressionMode, scale: float
    ):
        panel = with_holes(asset_panel(seed, dates=4, assets=40), seed)
        styles = panel.styles.copy()
        styles[:, :, 1] *= scale
        scaled, plain = panel.with_(styles=styles).estimate(mode=mode), panel.estimate(mode=mode)
        units = np.ones(9)
        units[7] = scale
        np.testing.assert_allclose(scaled.returns * units, plain.returns, rtol=1e-8, atol=1e-13)
        np.testing.assert_allclose(scaled.specific, plain.specific, rtol=1e-8, atol=1e-13)
        np.testing.assert_allclose(scaled.condition_number, plain.condition_number, rtol=1e-8)

    @settings(max_examples=15, deadline=None)
    @given(seed=seeds, shift=st.sampled_from([-3.0, 0.5, 100.0]))
    def test_what_is_added_to_a_style_is_the_markets(self, seed: int, shift: float):
        panel = asset_panel(seed, dates=4, assets=40)
        styles = panel.styles.copy()
        styles[:, :, 0] += shift
        moved, plain = panel.with_(styles=styles).estimate(), panel.estimate()
        np.testing.assert_allclose(moved.returns[:, 1:], plain.returns[:, 1:], rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(
            moved.returns[:, 0], plain.returns[:, 0] - shift * plain.returns[:, 6], rtol=1e-8, atol=1e-11
        )


def test_nothing_that_is_given_is_changed():
    panel = with_holes(asset_panel(17))
    # Memory that a date's styles share with the caller, as scores have it.
    styles = np.ascontiguousarray(panel.styles.transpose(0, 2, 1)).transpose(0, 2, 1)
    inputs = (panel.returns, panel.caps, panel.sectors, styles, panel.universe)
    before = [values.copy() for values in inputs]
    panel.with_(styles=styles).estimate()
    for values, expected in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(values, expected)
