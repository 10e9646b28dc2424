"""How the work is cut into blocks changes no digit, and the quick ways say what the slow ones do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine import periods
from engine.factors import formation
from engine.factors.compute import compute_factor
from engine.factors.models.growth import clipped_z_score
from engine.factors.models.momentum import reward_to_risk
from engine.factors.registry import FactorName, parse_config
from engine.panel import Calendar, Panel
from engine.periods import Rebalance, build_periods
from tests.engine.panels import holdings_frame, panel_of, synthetic_frame

PANEL = panel_of(synthetic_frame(5, assets=24, days=330))
OBSERVED = panel_of(synthetic_frame(6, assets=9, days=230, weekdays_only=True), "OBSERVED")
OPTIONS = {"market_cap_threshold": 5e6, "liquidity_threshold": 1e6, "min_assets": 6}
CONFIGS = {
    "smb": ("SMB", {}),
    "smb by variance": ("SMB", {"weighting_method": "INVERSE_VARIANCE", "max_weight": 0.5}),
    "market": ("MARKET", {"top_n": 5}),
    "value": ("VALUE", {}),
    "momentum": ("MOMENTUM", {"volatility_adjusted": True}),
    "momentum_v2": ("MOMENTUM_V2", {}),
    "growth": ("GROWTH", {}),
    "growth monthly": ("GROWTH", {"rebalance": "MONTHLY", "growth_window": 1}),
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("periods_a_block", [1, 3, 7])
def test_portfolios_do_not_depend_on_the_size_of_blocks(name, periods_a_block, monkeypatch):
    factor, own = CONFIGS[name]
    options = {key: value for key, value in OPTIONS.items() if factor != "MARKET" or key != "min_assets"}
    config = parse_config(FactorName(factor), options | own)
    whole = compute_factor(PANEL, config)
    monkeypatch.setattr(formation, "_BLOCK_CELLS", periods_a_block * len(PANEL.assets))
    cut = compute_factor(PANEL, config)

    assert whole.performance == cut.performance
    np.testing.assert_array_equal(whole.factor, cut.factor)
    assert holdings_frame(whole, PANEL).equals(holdings_frame(cut, PANEL))


@pytest.mark.parametrize("rebalance", Rebalance)
@pytest.mark.parametrize("panel", [PANEL, OBSERVED], ids=["every day", "observed"])
@pytest.mark.parametrize("assets", [1, 2, None])
def test_aggregates_do_not_depend_on_the_size_of_blocks(panel, rebalance, assets, monkeypatch):
    fields = {name: np.ascontiguousarray(values[:, :assets]) for name, values in panel.fields.items()}
    part = Panel(
        dates=panel.dates, assets=panel.assets[:assets], fields=fields, calendar=Calendar(panel.calendar)
    )
    whole = build_periods(part, rebalance)
    monkeypatch.setattr(periods, "_BLOCK_BYTES", 1)
    cut = build_periods(part, rebalance)
    for name in whole.fields:
        np.testing.assert_array_equal(whole.fields[name], cut.fields[name])


@pytest.mark.parametrize("rebalance", [Rebalance.WEEKLY, Rebalance.MONTHLY])
@pytest.mark.parametrize("panel", [PANEL, OBSERVED], ids=["every day", "observed"])
def test_aggregates_are_those_of_each_interval_alone(panel, rebalance):
    result = build_periods(panel, rebalance)
    prices = np.where(panel.fields["price"] > 0, panel.fields["price"], np.nan)
    for period, (first, stop) in enumerate(zip(result.grid.first_rows, result.grid.stop_rows, strict=True)):
        last = pd.DataFrame(prices[first:stop]).ffill().iloc[-1]
        np.testing.assert_array_equal(result.fields["price"][period], last)
        volume = pd.DataFrame(panel.fields["volume"][first:stop])
        np.testing.assert_allclose(result.fields["volume"][period], volume.sum(min_count=1), rtol=1e-14)
        users = pd.DataFrame(panel.fields["dau"][first:stop])
        np.testing.assert_allclose(result.fields["dau"][period], users.mean(), rtol=1e-14)


def test_reward_to_risk_keeps_its_digits_beside_an_extreme_return():
    rng = np.random.default_rng(0)
    returns = rng.normal(0.001, 0.01, (21, 200))
    returns[rng.integers(0, 21, 200), np.arange(200)] = 10.0 ** rng.integers(0, 9, 200)
    returns[:, :50] += 1e6  # hardly varies beside its size
    expected = np.abs(returns.mean(axis=0)) / returns.std(axis=0, ddof=1)
    np.testing.assert_allclose(reward_to_risk(list(returns)), expected, rtol=1e-9)


@pytest.mark.parametrize("constant", [0.0, 0.01, 1e-9, 1 / 3])
def test_reward_to_risk_of_a_constant_return_is_zero(constant):
    prices = (1 + constant) ** np.arange(22)
    returns = list((prices[1:] / prices[:-1] - 1.0)[:, None])
    assert reward_to_risk(returns) == 0.0


def test_z_scores_of_a_row_do_not_depend_on_its_neighbours_or_gaps():
    rng = np.random.default_rng(1)
    row = rng.normal(0, 1, 301)
    sparse = np.full((3, 1000), np.nan)
    columns = np.sort(rng.choice(1000, 301, replace=False))
    sparse[1, columns] = row
    sparse[2, :5] = 1.0
    np.testing.assert_array_equal(clipped_z_score(sparse)[1, columns], clipped_z_score(row[None])[0])
    assert np.isnan(clipped_z_score(sparse)[[0, 2]]).all()
