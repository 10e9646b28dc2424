"""Options of a risk model: round trips through JSON, and every fault by its name."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import fields
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.config import MAX_PARTS, parse, to_json
from engine.errors import InvalidConfig
from engine.risk.config import DEFAULT_STYLES, RiskModelConfig
from engine.risk.covariance import CovarianceConfig, CovarianceEstimator, EigenfactorDates
from engine.risk.estimation_sample import RegressionWeighting
from engine.risk.estimation_universe import EstimationUniverseConfig
from engine.risk.factor_returns import RegressionMode
from engine.risk.scores.momentum import MomentumConfig
from engine.risk.scores.registry import TORANIKO_STYLES
from engine.risk.scores.user import UserConfig
from engine.risk.scores.value import ValueConfig, ValueMeasure
from engine.risk.specific_risk import SpecificRiskConfig

EVERYTHING = RiskModelConfig(
    styles=(
        MomentumConfig(trailing_days=252, lag=5, min_share=0.8),
        ValueConfig(book=None, measure=ValueMeasure.RATIOS),
        UserConfig(name="ACTIVE", field="dau", logarithm=True, winsor=0.0),
    ),
    mode=RegressionMode.TORANIKO_RAW,
    weighting=RegressionWeighting.CAP,
    max_abs_return=None,
    universe=EstimationUniverseConfig(market_cap_threshold=1e7, top_n=500),
    covariance=CovarianceConfig(
        estimator=CovarianceEstimator.LEDOIT_WOLF, eigenfactor=EigenfactorDates.ALL, regime_half_life=None
    ),
    specific=SpecificRiskConfig(lags=3, regime_half_life=None),
    start_date=date(2019, 1, 31),
    end_date=date(2020, 6, 1),
)


@pytest.mark.parametrize(
    "config",
    [
        RiskModelConfig(),
        EVERYTHING,
        RiskModelConfig(styles=()),
        RiskModelConfig(styles=DEFAULT_STYLES),
        RiskModelConfig(styles=TORANIKO_STYLES),
    ],
)
def test_json_and_back_is_the_same_config(config):
    written = to_json(config)
    assert parse(RiskModelConfig, json.loads(json.dumps(written))) == config
    assert parse(RiskModelConfig, written) == config
    assert list(written) == [item.name for item in fields(RiskModelConfig)]


def test_every_option_is_written():
    written = to_json(EVERYTHING)
    assert written["mode"] == "TORANIKO_RAW"
    assert written["start_date"] == "2019-01-31"
    assert written["max_abs_return"] is None
    assert written["covariance"]["estimator"] == "LEDOIT_WOLF"
    assert set(written["universe"]) == {item.name for item in fields(EstimationUniverseConfig)}
    assert written["styles"][0] == {
        "style": "MOMENTUM",
        "winsor": 0.01,
        "trailing_days": 252,
        "half_life": 126.0,
        "lag": 5,
        "min_share": 0.8,
    }
    assert written["styles"][2]["style"] == "USER"
    assert to_json(RiskModelConfig())["styles"] is None


def test_absence_is_the_default_and_null_switches_off():
    assert parse(RiskModelConfig, {}) == RiskModelConfig()
    assert parse(RiskModelConfig, {"max_abs_return": None}).max_abs_return is None
    found = parse(RiskModelConfig, {"covariance": {"regime_half_life": None}, "specific": {}})
    assert found.covariance == CovarianceConfig(regime_half_life=None)
    assert found.specific == SpecificRiskConfig()


def test_names_may_be_in_any_case_and_numbers_whole():
    found = parse(
        RiskModelConfig,
        {"mode": "toraniko_raw", "winsor": 0, "styles": [{"style": "size", "tail_share": 0.2}]},
    )
    assert found.mode is RegressionMode.TORANIKO_RAW
    assert isinstance(found.winsor, float)
    assert found.styles is not None
    assert (found.styles[0].label, found.styles[0].tail_share) == ("SIZE", 0.2)


@pytest.mark.parametrize(
    ("options", "option", "code"),
    [
        ({"winsor": 0.3}, "winsor", "OUT_OF_RANGE"),
        ({"winsor": None}, "winsor", "NOT_NULLABLE"),
        ({"winsor": "wide"}, "winsor", "WRONG_TYPE"),
        ({"winsor": float("nan")}, "winsor", "NOT_FINITE"),
        ({"max_abs_return": 10**400}, "max_abs_return", "NOT_FINITE"),
        ({"min_assets": True}, "min_assets", "WRONG_TYPE"),
        ({"seed": 2**31}, "seed", "WRONG_TYPE"),
        ({"mode": "BY_FEEL"}, "mode", "UNKNOWN_VALUE"),
        ({"start_date": "2021-02-30"}, "start_date", "WRONG_TYPE"),
        ({"start_date": "2021-02-01", "end_date": "2021-01-01"}, "end_date", "END_BEFORE_START"),
        ({"colour": 1}, "colour", "UNKNOWN_OPTION"),
        ({"covariance": None}, "covariance", "NOT_NULLABLE"),
        ({"covariance": [1]}, "covariance", "WRONG_TYPE"),
        ({"covariance": {"colour": 1}}, "covariance.colour", "UNKNOWN_OPTION"),
        ({"covariance": {"volatility_half_life": 0.5}}, "covariance.volatility_half_life", "OUT_OF_RANGE"),
        ({"covariance": {"eigenfactor": 3}}, "covariance.eigenfactor", "UNKNOWN_VALUE"),
        ({"specific": {"lags": 1.5}}, "specific.lags", "WRONG_TYPE"),
        ({"universe": {"top_n": 0}}, "universe.top_n", "OUT_OF_RANGE"),
        ({"styles": {"style": "SIZE"}}, "styles", "WRONG_TYPE"),
        ({"styles": [{"style": "SIZE"}] * (MAX_PARTS + 1)}, "styles", "TOO_MANY"),
        ({"styles": ["SIZE"]}, "styles.0", "WRONG_TYPE"),
        ({"styles": [{}]}, "styles.0.style", "REQUIRED"),
        ({"styles": [{"style": "TASTE"}]}, "styles.0.style", "UNKNOWN_VALUE"),
        ({"styles": [{"style": None}]}, "styles.0.style", "NOT_NULLABLE"),
        ({"styles": [{"style": "SIZE"}, {"style": "MOMENTUM", "lag": 300}]}, "styles.1.lag", "OUT_OF_RANGE"),
        ({"styles": [{"style": "SIZE", "lag": 3}]}, "styles.0.lag", "UNKNOWN_OPTION"),
        ({"styles": [{"style": "SIZE"}, {"style": "SIZE"}]}, "styles", "DUPLICATE"),
        ({"styles": [{"style": "USER", "name": "MARKET", "field": "x"}]}, "styles", "DUPLICATE"),
        ({"styles": [{"style": "USER", "field": "x"}]}, "styles.0.name", "REQUIRED"),
        ({"styles": [{"style": "USER", "name": " ", "field": "x"}]}, "styles.0.name", "EMPTY"),
        ({"styles": [{"style": "USER", "name": "A\nB", "field": "x"}]}, "styles.0.name", "NOT_PRINTABLE"),
        ({"styles": [{"style": "USER", "name": 5, "field": "x"}]}, "styles.0.name", "WRONG_TYPE"),
        ({"styles": [{"style": "USER", "name": "N" * 201, "field": "x"}]}, "styles.0.name", "TOO_LONG"),
        (
            {"styles": [{"style": "USER", "name": "X", "field": "x", "negated": 1}]},
            "styles.0.negated",
            "WRONG_TYPE",
        ),
        ({"styles": [{"style": "LIQUIDITY", "month_days": 99}]}, "styles.0.quarter_days", "NOT_ASCENDING"),
        (
            {"styles": [{"style": "VALUE", "book": None, "sales": None, "cash_flow": None}]},
            "styles.0.book",
            "EMPTY",
        ),
    ],
)
def test_a_bad_option_is_named_by_its_way(options, option, code):
    with pytest.raises(InvalidConfig) as caught:
        parse(RiskModelConfig, options)
    assert [(fault.option, fault.code) for fault in caught.value.faults] == [(option, code)]
    assert option in caught.value.faults[0].message or option.rpartition(".")[0] in str(caught.value)


def test_all_faults_are_reported_together():
    with pytest.raises(InvalidConfig) as caught:
        parse(
            RiskModelConfig,
            {
                "winsor": 0.3,
                "colour": 1,
                "covariance": {"volatility_lags": 61, "correlation_lags": "x"},
                "specific": 3,
                "styles": [{"style": "MOMENTUM", "lag": 300, "half_life": 0}, {"style": "TASTE"}, 5],
                "start_date": "2021-02-01",
                "end_date": "2021-01-01",
            },
        )
    assert {fault.option for fault in caught.value.faults} == {
        "winsor",
        "colour",
        "covariance.volatility_lags",
        "covariance.correlation_lags",
        "specific",
        "styles.0.lag",
        "styles.0.half_life",
        "styles.1.style",
        "styles.2",
        "end_date",
    }


def test_a_fault_names_the_whole_way_in_its_message():
    with pytest.raises(InvalidConfig) as caught:
        parse(RiskModelConfig, {"styles": [{"style": "MOMENTUM", "lag": 300}]})
    assert str(caught.value) == "styles.0.lag must be from 0 to 252, not 300"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["style", "name", "field", "lag", "winsor", "top_n", "lags", "book"]), inner
        )
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # other work on the machine makes it so
@given(st.dictionaries(st.sampled_from([item.name for item in fields(RiskModelConfig)]), JSON, max_size=4))
def test_whatever_comes_in_is_a_config_or_a_typed_refusal(options):
    with suppress(InvalidConfig):
        config = parse(RiskModelConfig, options)
        assert parse(RiskModelConfig, to_json(config)) == config
