"""No look-ahead, and nothing that should not matter matters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.factors.compute import compute_factor
from engine.factors.config import LongSide
from engine.factors.registry import FactorName, parse_config
from engine.panel import Panel
from engine.periods import Rebalance, period_grid
from tests.engine.panels import holdings_frame, panel_of, synthetic_frame, with_book_values

PANEL = panel_of(with_book_values(synthetic_frame(5, assets=24, days=330)))
OPTIONS = {"market_cap_threshold": 5e6, "liquidity_threshold": 1e6, "min_assets": 6}
CONFIGS = {
    "smb": ("SMB", {}),
    "smb by cap": ("SMB", {"weighting_method": "MARKET_CAP"}),
    "smb by variance": ("SMB", {"weighting_method": "INVERSE_VARIANCE"}),
    "market": ("MARKET", {"top_n": 5}),
    "value": ("VALUE", {}),
    "momentum": ("MOMENTUM", {"volatility_adjusted": True}),
    "momentum_v2": ("MOMENTUM_V2", {}),
    "growth": ("GROWTH", {}),
    "growth monthly": ("GROWTH", {"rebalance": "MONTHLY", "growth_window": 1}),
    "momentum_v2 daily": ("MOMENTUM_V2", {"rebalance": "DAILY"}),
    "value with lags": ("VALUE", {"execution_lag_days": 1, "publication_lag_days": 10, "cost_bps": 10.0}),
    "value by book": ("VALUE", {"fundamental": "BOOK_VALUE", "long_side": "LOW"}),
    "value by book, late": ("VALUE", {"fundamental": "BOOK_VALUE", "publication_lag_days": 10}),
    "smb excluding extremes": ("SMB", {"max_abs_return": 0.1, "extreme_returns": "EXCLUDE"}),
}


def config_of(name: str):
    factor, own = CONFIGS[name]
    options = {key: value for key, value in OPTIONS.items() if factor != "MARKET" or key != "min_assets"}
    return parse_config(FactorName(factor), options | own)


def decided(result, panel: Panel):
    """What was decided before the period: everything in the compositions but what they earned."""
    return holdings_frame(result, panel).drop(columns="period_return")


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("damage", ["deleted", "changed", "scaled"])
def test_the_numbers_of_a_period_do_not_decide_its_portfolio(name, damage):
    config = config_of(name)
    before = compute_factor(PANEL, config)
    grid = period_grid(PANEL, config.rebalance)
    rng = np.random.default_rng(1)
    for index in rng.choice(len(before.dates), size=3, replace=False):
        period = int(np.flatnonzero(grid.ends == before.dates[index])[0])
        rows = slice(grid.first_rows[period], grid.stop_rows[period])
        fields = {key: values.copy() for key, values in PANEL.fields.items()}
        for values in fields.values():
            if damage == "deleted":
                values[rows] = np.nan
            elif damage == "changed":
                values[rows] = rng.lognormal(10, 3, values[rows].shape)
            else:
                values[rows] *= rng.lognormal(0, 1, values.shape[1])
        after = compute_factor(replace(PANEL, fields=fields), config)

        day = before.dates[index].astype("datetime64[ns]")
        left, right = decided(before, PANEL), decided(after, PANEL)
        left = left[left["period"] <= day].reset_index(drop=True)
        right = right[right["period"] <= day].reset_index(drop=True)
        assert left.equals(right)


@pytest.mark.parametrize("name", CONFIGS)
def test_appending_data_changes_no_past_number(name):
    config = config_of(name)
    whole = compute_factor(PANEL, config)
    for days in (201, 260, 300):
        part = replace(
            PANEL,
            dates=PANEL.dates[:days],
            fields={key: values[:days].copy() for key, values in PANEL.fields.items()},
        )
        earlier = compute_factor(part, config)
        count = len(earlier.dates)
        assert 0 < count < len(whole.dates)
        np.testing.assert_array_equal(earlier.dates, whole.dates[:count])
        np.testing.assert_array_equal(earlier.factor, whole.factor[:count])
        left, right = holdings_frame(earlier, part), holdings_frame(whole, PANEL)
        assert left.equals(right[right["period"] <= left["period"].max()].pipe(_same_order, left))


@pytest.mark.parametrize("factor", ["VALUE", "GROWTH"])
@pytest.mark.parametrize("lag", [1, 7, 30])
def test_figures_that_are_not_published_yet_decide_nothing(factor, lag):
    config = parse_config(FactorName(factor), OPTIONS | {"publication_lag_days": lag})
    before = compute_factor(PANEL, config)
    late = PANEL.dates > before.formation_dates[-1] - lag
    fields = dict(PANEL.fields)
    for name in ("fees", "dau", "revenue"):
        fields[name] = np.where(late[:, None], np.nan, PANEL.fields[name])
    after = compute_factor(replace(PANEL, fields=fields), config)
    assert decided(before, PANEL).equals(decided(after, PANEL))
    fields["fees"] = np.where(PANEL.dates[:, None] == PANEL.dates[~late][-1], np.nan, fields["fees"])
    another_day = compute_factor(replace(PANEL, fields=fields), config)
    assert not decided(before, PANEL).equals(decided(another_day, PANEL))


@pytest.mark.parametrize("lag", [0, 1, 30])
def test_a_book_value_decides_from_the_day_on_which_it_is_known(lag):
    options = {"fundamental": "BOOK_VALUE", "publication_lag_days": lag}
    config = parse_config(FactorName("VALUE"), OPTIONS | options)
    before = compute_factor(PANEL, config)
    last_known = before.formation_dates[-1] - lag

    def without(dates):
        book = np.where(dates[:, None], np.nan, PANEL.fields["book_value"])
        return compute_factor(replace(PANEL, fields={**PANEL.fields, "book_value": book}), config)

    assert decided(before, PANEL).equals(decided(without(PANEL.dates > last_known), PANEL))
    published = PANEL.dates[np.isfinite(PANEL.fields["book_value"]).any(axis=1)]
    newest = published[published <= last_known][-3:]
    assert not decided(before, PANEL).equals(decided(without(np.isin(PANEL.dates, newest)), PANEL))


def test_costs_and_flags_change_no_portfolio_and_no_gross_number():
    plain = compute_factor(PANEL, config_of("smb"))
    costly = compute_factor(
        PANEL,
        replace(config_of("smb"), cost_bps=50.0, short_carry_bps=1.0, max_abs_return=0.05, quantiles=3),
    )
    assert holdings_frame(plain, PANEL).equals(holdings_frame(costly, PANEL))
    np.testing.assert_array_equal(plain.factor, costly.factor)
    assert costly.performance == replace(
        plain.performance,
        extreme_returns=costly.performance.extreme_returns,
        break_even_cost_bps=costly.performance.break_even_cost_bps,
    )
    assert (costly.net < costly.factor).all()
    assert costly.performance.extreme_returns > 0


def _same_order(frame, like):
    """Legs follow one another, so cutting the tail leaves gaps in the index only."""
    return frame.reset_index(drop=True)[like.columns]


@pytest.mark.parametrize("name", CONFIGS)
def test_appended_assets_that_are_never_eligible_change_nothing(name):
    config = config_of(name)
    before = compute_factor(PANEL, config)
    shape = (len(PANEL.dates), 1)
    fields = {}
    for key, values in PANEL.fields.items():
        unpriced = np.full(shape, np.nan) if key == "price" else np.full(shape, 1e12)
        fields[key] = np.hstack([unpriced, values])
    after = compute_factor(replace(PANEL, assets=("a", *PANEL.assets), fields=fields), config)
    np.testing.assert_array_equal(before.factor, after.factor)
    assert before.performance == after.performance


@pytest.mark.parametrize("name", [name for name in CONFIGS if name != "smb by cap"])
def test_the_units_of_prices_do_not_matter(name):
    config = config_of(name)
    before = compute_factor(PANEL, config)
    scale = 2.0 ** np.random.default_rng(2).integers(-8, 8, len(PANEL.assets))
    after = compute_factor(
        replace(PANEL, fields={**PANEL.fields, "price": PANEL.fields["price"] * scale}), config
    )
    np.testing.assert_array_equal(before.factor, after.factor)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_order_of_assets_in_the_input_does_not_matter(name):
    config = config_of(name)
    frame = with_book_values(synthetic_frame(5, assets=24, days=330))
    shuffled = panel_of(frame.sample(frac=1.0, random_state=3))
    np.testing.assert_array_equal(
        compute_factor(PANEL, config).factor, compute_factor(shuffled, config).factor
    )


def test_renaming_assets_matters_only_to_ties():
    fields = {key: values[:, ::-1].copy() for key, values in PANEL.fields.items()}
    fields["market_cap"] = fields["market_cap"] * (1 + 1e-9 * np.arange(len(PANEL.assets)))  # no ties
    config = config_of("smb")
    mirrored = replace(PANEL, fields={key: values[:, ::-1].copy() for key, values in fields.items()})
    np.testing.assert_allclose(
        compute_factor(replace(PANEL, fields=fields), config).factor,
        compute_factor(mirrored, config).factor,
        rtol=1e-13,
        atol=1e-15,
    )


def test_value_low_negates_the_gross_returns_of_high():
    high = compute_factor(PANEL, config_of("value"))
    low = compute_factor(PANEL, replace(config_of("value"), long_side=LongSide.LOW))
    np.testing.assert_array_equal(high.factor, -low.factor)


def test_the_last_period_counts_only_if_the_data_reaches_its_end():
    grid = period_grid(PANEL, Rebalance.WEEKLY)
    assert grid.ends[-1] <= PANEL.dates[-1] < grid.ends[-1] + 7
    shorter = replace(
        PANEL,
        dates=PANEL.dates[: grid.stop_rows[-1] - 1],
        fields={key: values[: grid.stop_rows[-1] - 1] for key, values in PANEL.fields.items()},
    )
    assert len(period_grid(shorter, Rebalance.WEEKLY)) == len(grid) - 1
