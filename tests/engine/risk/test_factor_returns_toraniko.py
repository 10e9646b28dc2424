"""The two-stage modes against toraniko where it loses nothing, and each of its faults that is not ours.

Rows given twice, which count twice in toraniko, have no place in arrays of one cell a date and asset.
"""

from __future__ import annotations

import numpy as np
import pytest

from engine.risk.factor_returns import RegressionMode
from tests.engine.risk.asset_panels import AssetPanel, asset_panel
from tests.engine.risk.toraniko_oracle import toraniko

MODES = list(RegressionMode)
TWO_STAGE = [
    pytest.param(RegressionMode.TORANIKO_RESIDUAL, True, id="residual"),
    pytest.param(RegressionMode.TORANIKO_RAW, False, id="raw"),
]


@pytest.fixture(scope="module")
def ragged() -> AssetPanel:
    """300 assets x 1,200 days: later listings, the last on day 900, delistings and gaps."""
    panel = asset_panel(21, dates=1200, assets=300, sectors=11)
    random = np.random.default_rng(3)
    returns = panel.returns.copy()
    days = np.arange(1200)[:, None]
    first = np.where(random.random(300) < 0.4, random.integers(0, 900, 300), 0)
    last = np.where(random.random(300) < 0.2, random.integers(900, 1200, 300), 1200)
    returns[(days < first) | (days > last) | (random.random(returns.shape) < 0.02)] = np.nan
    return panel.with_(returns=returns)


@pytest.mark.parametrize(("mode", "on_residuals"), TWO_STAGE)
def test_factor_returns_and_residuals_are_toranikos(ragged: AssetPanel, mode: RegressionMode, on_residuals):
    factors, residuals = toraniko(ragged, on_residuals=on_residuals)
    result = ragged.estimate(mode=mode)
    np.testing.assert_allclose(result.returns, factors, rtol=0, atol=1e-12)
    listed = np.isfinite(ragged.returns)
    np.testing.assert_array_equal(np.isfinite(result.specific), listed)
    kept = np.isfinite(residuals)
    np.testing.assert_allclose(result.specific[kept], residuals[kept], rtol=0, atol=1e-12)

    # It takes the columns of its table of residuals from the first hundred dates.
    late = ~listed[:100].any(axis=0)
    assert late.sum() > 50
    assert not kept[:, late].any()
    np.testing.assert_array_equal(kept[:, ~late], listed[:, ~late])


def test_without_winsorisation_too():
    panel = asset_panel(22, assets=60)
    factors, residuals = toraniko(panel, winsor=0.0)
    result = panel.estimate(mode=RegressionMode.TORANIKO_RESIDUAL, winsor=0.0)
    np.testing.assert_allclose(result.returns, factors, rtol=0, atol=1e-13)
    np.testing.assert_allclose(result.specific, residuals, rtol=0, atol=1e-13)


class TestFaultsOfToraniko:
    def test_a_missing_return_loses_one_asset_not_the_date(self):
        panel = asset_panel(31)
        without = np.ones_like(panel.universe)
        without[7, 20] = False
        expected, _ = toraniko(panel, rows=without)
        returns = panel.returns.copy()
        returns[7, 20] = np.nan
        panel = panel.with_(returns=returns)
        lost, _ = toraniko(panel, rows=np.ones_like(without))
        assert np.isnan(lost[7]).all()
        result = panel.estimate(mode=RegressionMode.TORANIKO_RESIDUAL)
        np.testing.assert_allclose(result.returns, expected, rtol=0, atol=1e-13)
        assert np.isnan(result.specific[7, 20])
        assert np.isfinite(np.delete(result.specific[7], 20)).all()

    @pytest.mark.parametrize("cap", [np.nan, np.inf, -1e9])
    def test_a_bad_capitalisation_neither_aborts_nor_spoils(self, cap: float):
        panel = asset_panel(32, dates=3, assets=60)
        without = np.ones_like(panel.universe)
        without[1, 20] = False
        expected, _ = toraniko(panel, rows=without)
        caps = panel.caps.copy()
        caps[1, 20] = cap
        panel = panel.with_(caps=caps)
        try:
            with np.errstate(invalid="ignore"):
                spoilt = toraniko(panel)[0]
        except np.linalg.LinAlgError:
            spoilt = np.full_like(expected, np.nan)
        assert not np.isfinite(spoilt[1]).all()
        result = panel.estimate(mode=RegressionMode.TORANIKO_RESIDUAL)
        np.testing.assert_allclose(result.returns, expected, rtol=0, atol=1e-13)
        assert result.assets.tolist() == [60, 59, 60]
        assert np.isfinite(result.specific).all(), "its own return is still explained"

    def test_an_empty_sector_leaves_the_market_return_alone(self):
        panel = asset_panel(33, dates=4)
        empty = panel.with_(sector_names=(*panel.sector_names, "SECTOR_VOID"))
        market = toraniko(panel)[0][:, 0]
        assert (np.abs(toraniko(empty)[0][:, 0] - market) > 1e-6).all()
        for mode in MODES:
            before, after = panel.estimate(mode=mode), empty.estimate(mode=mode)
            assert np.isnan(after.returns[:, 6]).all()
            assert np.isnan(after.t_statistics[:, 6]).all()
            np.testing.assert_array_equal(np.delete(after.returns, 6, axis=1), before.returns)
            np.testing.assert_array_equal(after.specific, before.specific)
            np.testing.assert_allclose(
                np.delete(after.t_statistics, 6, axis=1), before.t_statistics, rtol=1e-12
            )

    def test_rows_given_twice_count_twice_only_there(self):
        panel = asset_panel(34, dates=3)
        once, _ = toraniko(panel)
        assert np.abs(toraniko(panel, twice=5)[0] - once).max() > 1e-6
        result = panel.estimate(mode=RegressionMode.TORANIKO_RESIDUAL)
        np.testing.assert_allclose(result.returns, once, rtol=0, atol=1e-13)
