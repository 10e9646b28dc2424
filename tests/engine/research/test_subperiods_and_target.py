"""Regimes and targets where the answer is known without a reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.factors.compute import FactorResult, compute_factor
from engine.factors.registry import FactorName, parse_config
from engine.factors.research.extremes import extremes
from engine.factors.research.subperiods import subperiods
from engine.factors.research.target import target_portfolio
from tests.engine.panels import panel_of, synthetic_frame

PANEL = panel_of(synthetic_frame(11, assets=20, days=330))
OPTIONS = {"min_assets": 6, "market_cap_threshold": None, "liquidity_threshold": None}


def computed(panel=PANEL, **options) -> FactorResult:
    return compute_factor(panel, parse_config(FactorName.SMB, OPTIONS | options))


def regimes(result: FactorResult) -> dict[str, int]:
    return {one.label: one.num_periods for one in subperiods(result) if one.kind == "REGIME"}


@pytest.mark.parametrize(("market_return", "label"), [(0.0001, "UP"), (-0.0001, "DOWN"), (0.0, "DOWN")])
def test_a_market_that_only_rises_is_up_and_one_that_stands_still_is_not(market_return, label):
    result = computed()
    known = int((result.rows >= 25).sum())  # 26 levels of the market up to the formation
    steady = replace(result, market=np.full(len(result.market), market_return))
    assert regimes(steady) == {label: known}


def test_a_regime_needs_all_of_its_half_year_and_looks_at_nothing_later():
    result = computed()
    market = np.full(len(result.market), 0.01)
    market[30] = np.nan
    held = result.rows + 1
    unknown = int(((result.rows < 25) | ((result.rows >= 30) & (result.rows <= 55))).sum())
    assert sum(regimes(replace(result, market=market)).values()) == len(held) - unknown
    crash = np.full(len(result.market), 0.01)
    crash[-1] = -0.99  # in the last period itself: its portfolio was formed before
    assert "DOWN" not in regimes(replace(result, market=crash))


def test_years_hold_every_period_once():
    result = computed()
    years = [one for one in subperiods(result) if one.kind == "YEAR"]
    assert sum(one.num_periods for one in years) == len(result.factor)


def test_nothing_is_held_after_a_skipped_period():
    last_weeks = PANEL.dates > np.datetime64("2020-11-08")
    lost = np.isin(np.arange(len(PANEL.dates)), np.flatnonzero(last_weeks)[:7])
    fields = {name: np.where(lost[:, None], np.nan, values) for name, values in PANEL.fields.items()}
    result = computed(replace(PANEL, fields=fields))
    assert str(result.dates[-1]) == "2020-11-15"  # held without prices; the one after cannot be formed
    target = target_portfolio(result)
    assert str(target.formation_date) == "2020-11-22"
    assert target.long.previous_weights.sum() == 0.0
    np.testing.assert_array_equal(target.long.trades, target.long.weights)


def test_a_target_that_cannot_be_formed_says_why():
    counts = [len(leg) for leg in (computed().signals[-1],)]
    assert counts
    late = PANEL.dates > np.datetime64("2020-11-15")
    gone = np.arange(len(PANEL.assets)) > 3
    fields = {name: np.where(late[:, None] & gone, np.nan, values) for name, values in PANEL.fields.items()}
    target = target_portfolio(computed(replace(PANEL, fields=fields)))
    assert target.long is None
    assert target.short is None
    assert "6 are needed" in target.absence
    assert target.eligible <= 4


@pytest.mark.parametrize("more_days", [0, 1])
def test_what_is_held_now_is_what_was_formed_a_period_before_even_if_its_exit_lies_ahead(more_days):
    """With an execution lag the period that ends on the last day of the data is not reported yet."""
    until = int((np.datetime64("2020-11-22") - PANEL.dates[0]).astype(int)) + 1 + more_days
    fields = {name: values[:until] for name, values in PANEL.fields.items()}
    panel = replace(PANEL, dates=PANEL.dates[:until], fields=fields)
    target = target_portfolio(computed(panel, execution_lag_days=1))
    fields = {name: values[: until + 7] for name, values in PANEL.fields.items()}
    later = computed(replace(PANEL, dates=PANEL.dates[: until + 7], fields=fields), execution_lag_days=1)
    formed = later.rows == np.flatnonzero(later.periods.grid.ends == np.datetime64("2020-11-15"))[0]
    place = int(np.flatnonzero(formed)[0])
    held = later.long_leg.assets[later.long_leg.offsets[place] : later.long_leg.offsets[place + 1]]
    assert target.long.assets[target.long.previous_weights > 0].tolist() == held.tolist()


def test_the_largest_returns_are_found_among_thousands_that_do_not_move():
    result = computed()
    count = len(result.long_leg.assets)
    moved = np.zeros(count)
    moved[-2:] = (0.5, -0.7)
    still = replace(
        result,
        long_leg=replace(result.long_leg, period_returns=moved),
        short_leg=replace(result.short_leg, period_returns=np.zeros(len(result.short_leg.assets))),
    )
    found = [position.period_return for position in extremes(still).positions]
    assert found[:2] == [-0.7, 0.5]


def test_extremes_survive_ties_and_few_holdings():
    result = computed()
    flat = replace(
        result,
        long_leg=replace(result.long_leg, period_returns=np.full_like(result.long_leg.period_returns, 0.1)),
        short_leg=replace(
            result.short_leg, period_returns=np.full_like(result.short_leg.period_returns, np.nan)
        ),
    )
    found = extremes(flat)
    assert [one.leg for one in found.positions] == ["LONG"] * 5
    assert {one.date for one in found.positions} == {result.dates[0].item()}
    assert [one.asset for one in found.positions] == sorted(one.asset for one in found.positions)
