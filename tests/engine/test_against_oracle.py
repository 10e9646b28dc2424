"""The engine against the plain pandas reference: on synthetic panels and, where present, real ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.errors import MissingField
from engine.factors.compute import compute_factor
from tests.engine.panels import (
    engine_config,
    holdings_frame,
    panel_of,
    real_frame,
    synthetic_frame,
    with_book_values,
)
from tests.reference.pandas_oracle import OracleMissingField, run_factor

TOLERANCE = 1e-10
LOOSE = {"market_cap_threshold": 5e6, "liquidity_threshold": 1e6, "min_assets": 6, "min_lifetime_days": 20}

CASES = {
    "smb": ("smb", {}),
    "smb value weighted and capped": ("smb", {"weighting": "market_cap", "max_weight": 0.25}),
    "smb inverse variance": ("smb", {"weighting": "inverse_variance", "variance_lookback": 12}),
    "smb monthly": ("smb", {"rebalance": "MONTHLY"}),
    "smb daily": ("smb", {"rebalance": "DAILY", "breakpoint": 0.2, "end_date": "2020-05-10"}),
    "smb without filters": (
        "smb",
        {"market_cap_threshold": None, "liquidity_threshold": None, "min_lifetime_days": None},
    ),
    "smb in a date range": ("smb", {"start_date": "2020-04-01", "end_date": "2020-08-15"}),
    "smb total loss of the missing": ("smb", {"missing_return": -1.0}),
    "smb without some": ("smb", {"exclude": ["a001", "a002", "a003"]}),
    "smb in a universe": ("smb", {"universe": [f"a{i:03d}" for i in range(3, 30)]}),
    "market": ("market", {"top_n": 7}),
    "market equal": ("market", {"top_n": 7, "weighting": "equal"}),
    "market capped": ("market", {"top_n": 7, "max_weight": 0.2}),
    "value": ("value", {}),
    "value low": ("value", {"long_side": "LOW", "breakpoint": 0.3}),
    "momentum": ("momentum", {}),
    "momentum one period": ("momentum", {"lookback_periods": 1}),
    "momentum adjusted": ("momentum", {"volatility_adjusted": True, "breakpoint": 0.25}),
    "momentum adjusted long": ("momentum", {"volatility_adjusted": True, "lookback_periods": 12}),
    "momentum monthly": ("momentum", {"rebalance": "MONTHLY", "lookback_periods": 2}),
    "momentum_v2": ("momentum_v2", {}),
    "momentum_v2 short": (
        "momentum_v2",
        {"lookback_days": 5, "rebalance": "DAILY", "end_date": "2020-05-10"},
    ),
    "momentum_v2 monthly": ("momentum_v2", {"rebalance": "MONTHLY", "weighting": "market_cap"}),
    "growth": ("growth", {}),
    "growth of one": ("growth", {"growth_metrics": ["dau"], "growth_window": 1}),
    "growth monthly": ("growth", {"rebalance": "MONTHLY", "growth_window": 1, "weighting": "market_cap"}),
    "growth inverse variance": ("growth", {"weighting": "inverse_variance"}),
}


@pytest.fixture(scope="module")
def synthetic():
    return synthetic_frame(7)


@pytest.mark.parametrize("name", CASES)
def test_agrees_on_a_synthetic_panel(name, synthetic):
    factor, own = CASES[name]
    config = {key: value for key, value in LOOSE.items() if factor != "market" or key != "min_assets"} | own
    assert_same(synthetic, factor, config)


@pytest.mark.parametrize("factor", ["smb", "market", "momentum", "momentum_v2", "growth"])
@pytest.mark.parametrize("rebalance", ["WEEKLY", "MONTHLY", "DAILY"])
def test_agrees_on_observed_sessions(factor, rebalance):
    days = 80 if rebalance == "DAILY" else 190
    frame = synthetic_frame(11, assets=25, days=days, start="2021-01-06", weekdays_only=True)
    config = {"top_n": 5} if factor == "market" else {"min_assets": 5}
    config |= {"market_cap_threshold": 1e6, "liquidity_threshold": 1e5, "rebalance": rebalance}
    if factor == "growth":
        config["growth_window"] = 1
    assert_same(frame, factor, config, calendar="OBSERVED")


@pytest.mark.parametrize("rebalance", ["WEEKLY", "MONTHLY", "DAILY"])
@pytest.mark.parametrize("lag", [0, 5, 45])
def test_agrees_on_book_values_that_are_published_now_and_then(rebalance, lag):
    frame = synthetic_frame(23, assets=20, days=420, start="2020-02-05", weekdays_only=True)
    config = {"market_cap_threshold": None, "liquidity_threshold": None, "min_assets": 5}
    config |= {"fundamental": "BOOK_VALUE", "long_side": "LOW"}
    config |= {"rebalance": rebalance, "publication_lag_days": lag}
    if rebalance == "DAILY":
        config["start_date"] = "2021-05-03"  # a hundred of them are enough, the last publications among them
    assert_same(with_book_values(frame, every_days=120), "value", config, calendar="OBSERVED")


CRYPTO = {"market_cap_threshold": 1e7, "liquidity_threshold": 7e5, "min_assets": 10}
FACTORS = ["smb", "market", "value", "momentum", "momentum_v2", "growth"]


@pytest.mark.parametrize("factor", FACTORS)
def test_agrees_on_the_crypto_panel(factor):
    config = {key: value for key, value in CRYPTO.items() if factor != "market" or key != "min_assets"}
    assert_same(real_frame("crypto_panel"), factor, config)


@pytest.mark.parametrize("factor", ["smb", "market", "momentum", "momentum_v2"])
def test_agrees_on_the_wide_panel(factor):
    assert_same(real_frame("wide2021_panel"), factor, {})


@pytest.mark.parametrize("factor", ["value", "growth"])
def test_both_refuse_a_factor_whose_fields_are_absent(factor):
    frame = synthetic_frame(3, assets=8, days=60).drop(columns=["fees", "dau", "revenue"])
    with pytest.raises(OracleMissingField):
        run_factor(frame, factor, {})
    with pytest.raises(MissingField):
        compute_factor(panel_of(frame), engine_config(factor, {}))


def assert_same(frame: pd.DataFrame, factor: str, config: dict, calendar: str = "EVERY_DAY") -> None:
    panel = panel_of(frame, calendar)
    expected = run_factor(frame, factor, config, calendar=calendar)
    actual = compute_factor(panel, engine_config(factor, config))

    assert len(expected.returns) > 3, "a comparison of next to nothing"
    np.testing.assert_array_equal(actual.dates, expected.returns.index.to_numpy().astype("datetime64[D]"))
    _close(actual.factor, expected.returns["factor"])
    _close(actual.long, expected.returns["long"])
    if actual.short is None:
        assert expected.returns["short"].isna().all()
    else:
        _close(actual.short, expected.returns["short"])
    _assert_same_holdings(holdings_frame(actual, panel), expected.holdings)
    for name, value in expected.metrics.items():
        _assert_same_metric(name, getattr(actual.performance, name), value)


def _close(actual, expected) -> None:
    np.testing.assert_allclose(actual, expected.to_numpy(), rtol=TOLERANCE, atol=TOLERANCE)


def _assert_same_holdings(actual: pd.DataFrame, expected: pd.DataFrame) -> None:
    keys = ["period", "leg", "asset"]
    expected = expected.assign(period=expected["period"].astype("datetime64[ns]"))
    left = actual.sort_values(keys).reset_index(drop=True)
    right = expected.sort_values(keys).reset_index(drop=True)
    assert left[keys].astype(str).equals(right[keys].astype(str))
    for column in ("weight", "period_return", "signal", "market_cap"):
        np.testing.assert_allclose(
            left[column], right[column], rtol=TOLERANCE, atol=TOLERANCE, err_msg=column
        )


def _assert_same_metric(name: str, actual: object, expected: object) -> None:
    if isinstance(expected, pd.Timestamp):
        expected = expected.date()
    if isinstance(expected, float):
        assert actual == pytest.approx(expected, rel=TOLERANCE, abs=TOLERANCE), name
    else:
        assert actual == expected, name
