"""Options: defaults, nulls, ranges, round trips, and what a config needs."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import to_json
from engine.errors import InvalidConfig, MissingField
from engine.factors.config import LongSide, WeightingMethod
from engine.factors.eligibility import require_selectors
from engine.factors.registry import FactorName, needed_fields, parse_config

ALL_FIELDS = ("price", "market_cap", "volume", "fees", "dau", "revenue")


@pytest.mark.parametrize("factor", FactorName)
def test_defaults_are_the_documented_ones(factor):
    config = parse_config(factor, {})
    assert (config.market_cap_threshold, config.liquidity_threshold) == (100_000_000.0, 35_000_000.0)
    assert (config.min_lifetime_days, config.missing_return, config.rebalance) == (30, 0.0, "WEEKLY")
    assert config.weighting_method == ("MARKET_CAP" if factor is FactorName.MARKET else "EQUAL")
    if factor is not FactorName.MARKET:
        assert config.breakpoint == (0.25 if factor is FactorName.MOMENTUM_V2 else 0.5)
        assert config.min_assets == 30


@pytest.mark.parametrize("factor", FactorName)
def test_json_and_back_is_the_same_config(factor):
    options = {
        "start_date": "2021-01-31",
        "liquidity_threshold": None,
        "exclude": ["b", "a", "a"],
        "universe": ["sector=l1"],
        "weighting_method": "inverse_variance",
    }
    config = parse_config(factor, options)
    text = json.dumps(to_json(config))
    assert parse_config(factor, json.loads(text)) == config
    assert config.start_date == dt.date(2021, 1, 31)
    assert config.exclude == ("a", "b")


def test_null_switches_a_filter_off_and_absence_does_not():
    assert parse_config(FactorName.SMB, {"market_cap_threshold": None}).market_cap_threshold is None
    assert parse_config(FactorName.SMB, {}).market_cap_threshold == 1e8


@pytest.mark.parametrize(
    ("factor", "options", "code"),
    [
        ("SMB", {"breakpoint": 0.6}, "OUT_OF_RANGE"),
        ("SMB", {"breakpoint": 0.05}, "OUT_OF_RANGE"),
        ("SMB", {"min_assets": 2}, "OUT_OF_RANGE"),
        ("SMB", {"min_assets": 5.5}, "WRONG_TYPE"),
        ("SMB", {"min_assets": True}, "WRONG_TYPE"),
        ("SMB", {"breakpoint": "wide"}, "WRONG_TYPE"),
        ("SMB", {"breakpoint": float("nan")}, "NOT_FINITE"),
        ("SMB", {"breakpoint": None}, "NOT_NULLABLE"),
        ("SMB", {"weighting_method": "by_feel"}, "UNKNOWN_VALUE"),
        ("SMB", {"start_date": "2021-02-30"}, "WRONG_TYPE"),
        ("SMB", {"start_date": "2021-02-01", "end_date": "2021-01-01"}, "END_BEFORE_START"),
        ("SMB", {"missing_return": 0.1}, "OUT_OF_RANGE"),
        ("SMB", {"max_weight": 1.5}, "OUT_OF_RANGE"),
        ("SMB", {"variance_lookback": 7}, "OUT_OF_RANGE"),
        ("SMB", {"market_cap_threshold": -1}, "OUT_OF_RANGE"),
        ("SMB", {"top_n": 10}, "UNKNOWN_OPTION"),
        ("SMB", {"exclude": "btc"}, "WRONG_TYPE"),
        ("SMB", {"universe": []}, "EMPTY"),
        ("MARKET", {"top_n": 0}, "OUT_OF_RANGE"),
        ("MARKET", {"min_assets": 11}, "NOT_EQUAL_TO_TOP_N"),
        ("MARKET", {"breakpoint": 0.5}, "UNKNOWN_OPTION"),
        ("MOMENTUM", {"lookback_periods": 13}, "OUT_OF_RANGE"),
        ("MOMENTUM", {"lookback_periods": 1, "volatility_adjusted": True}, "LOOKBACK_TOO_SHORT"),
        ("MOMENTUM_V2", {"lookback_days": 1}, "OUT_OF_RANGE"),
        ("GROWTH", {"growth_metrics": ["price"]}, "UNKNOWN_METRIC"),
        ("GROWTH", {"growth_metrics": []}, "UNKNOWN_METRIC"),
        ("VALUE", {"long_side": "MIDDLE"}, "UNKNOWN_VALUE"),
        ("VALUE", {"fundamental": "DAU"}, "UNKNOWN_VALUE"),
        ("VALUE", {"fundamental": None}, "NOT_NULLABLE"),
    ],
)
def test_a_bad_option_is_named(factor, options, code):
    with pytest.raises(InvalidConfig) as caught:
        parse_config(FactorName(factor), options)
    assert [fault.code for fault in caught.value.faults] == [code]
    assert caught.value.faults[0].option in options


def test_all_faults_are_reported_together():
    with pytest.raises(InvalidConfig) as caught:
        parse_config(FactorName.SMB, {"breakpoint": 0.6, "min_assets": "x", "colour": 1})
    assert {fault.option for fault in caught.value.faults} == {"breakpoint", "min_assets", "colour"}


def test_min_assets_of_the_market_is_its_top_n():
    assert parse_config(FactorName.MARKET, {"top_n": 7}).min_assets == 7
    assert parse_config(FactorName.MARKET, {"top_n": 7, "min_assets": 7}).min_eligible == 7


@given(st.dictionaries(st.text(max_size=12), st.none() | st.floats() | st.text(max_size=5), max_size=4))
def test_whatever_comes_in_is_a_config_or_a_typed_refusal(options):
    for factor in FactorName:
        with suppress(InvalidConfig):
            assert parse_config(factor, options).factor == factor


@pytest.mark.parametrize(
    ("factor", "options", "available", "missing"),
    [
        ("SMB", {}, ("price",), "market_cap"),
        ("SMB", {}, ("price", "market_cap"), "volume"),
        ("MOMENTUM", {"market_cap_threshold": None}, ("price",), "volume"),
        (
            "MOMENTUM",
            {"market_cap_threshold": None, "liquidity_threshold": None, "weighting_method": "MARKET_CAP"},
            ("price",),
            "market_cap",
        ),
        ("VALUE", {}, ("price", "market_cap", "volume", "book_value"), "fees"),
        ("VALUE", {"fundamental": "BOOK_VALUE"}, ("price", "market_cap", "volume", "fees"), "book_value"),
        ("GROWTH", {}, ("price", "market_cap", "volume"), "fees or dau or revenue"),
        ("GROWTH", {"growth_metrics": ["revenue"]}, ("price", "market_cap", "volume", "fees"), "revenue"),
    ],
)
def test_an_absent_field_is_named(factor, options, available, missing):
    config = parse_config(FactorName(factor), options)
    with pytest.raises(MissingField) as caught:
        needed_fields(config, available)
    assert caught.value.field == missing


def test_value_needs_the_field_of_its_fundamental_alone():
    available = ("price", "market_cap", "volume", "fees", "book_value")
    for fundamental, needed, other in (("fees", "fees", "book_value"), ("book_value", "book_value", "fees")):
        fields = needed_fields(parse_config(FactorName.VALUE, {"fundamental": fundamental}), available)
        assert needed in fields
        assert other not in fields


def test_growth_skips_default_metrics_that_are_absent():
    config = parse_config(FactorName.GROWTH, {})
    assert "dau" in needed_fields(config, ("price", "market_cap", "volume", "dau"))


def test_a_factor_without_filters_needs_its_own_fields_only():
    options = {"market_cap_threshold": None, "liquidity_threshold": None}
    assert needed_fields(parse_config(FactorName.MOMENTUM, options), ("price",)) == ("price",)


def test_selectors_must_name_something_that_exists():
    attributes = {"sector": ("l1", None)}
    config = parse_config(FactorName.SMB, {"exclude": ["btc", "sector=l1"], "universe": ["sector=l1", "btc"]})
    require_selectors(config, ("btc", "eth"), attributes)
    for bad in ("usdt", "sector=l2", "colour=red"):
        with pytest.raises(InvalidConfig, match=bad):
            require_selectors(parse_config(FactorName.SMB, {"exclude": [bad]}), ("btc",), attributes)


def test_enums_are_typed():
    config = parse_config(FactorName.VALUE, {"long_side": "low", "weighting_method": "market_cap"})
    assert (config.long_side, config.weighting_method) == (LongSide.LOW, WeightingMethod.MARKET_CAP)
