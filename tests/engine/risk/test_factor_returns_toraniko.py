"""The two-stage modes against toraniko where it loses nothing; for its faults see test_reference_faults."""

from __future__ import annotations

import numpy as np
import pytest

from engine.risk.factor_returns import RegressionMode
from tests.engine.risk.asset_panels import AssetPanel, asset_panel
from tests.engine.risk.toraniko_oracle import toraniko

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
