"""Factor inputs: every option of the engine, absent and null kept apart."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import strawberry
from graphql import GraphQLInputObjectType
from graphql.utilities import print_type
from strawberry.utils.str_converters import to_camel_case

from app.features.factors.graph.inputs import ComputeFactorInput
from engine.config import to_json
from engine.errors import InvalidConfig
from engine.factors.config import FactorConfig
from engine.factors.registry import FACTORS, FactorName, parse_config

SPELLINGS = {factor: to_camel_case(factor.value.lower()) for factor in FactorName}
INPUTS = {
    FactorName.SMB: "SmbInput",
    FactorName.MARKET: "MarketInput",
    FactorName.VALUE: "ValueInput",
    FactorName.MOMENTUM: "MomentumInput",
    FactorName.MOMENTUM_V2: "MomentumV2Input",
    FactorName.GROWTH: "GrowthInput",
}


@strawberry.type
class _Probe:
    @strawberry.field
    def config(self, input: ComputeFactorInput) -> str:
        factor, _, options = input.spec.chosen()
        PARSED.append(parse_config(factor, options))
        return factor


PARSED: list[FactorConfig] = []
PROBE = strawberry.Schema(_Probe)


def parsed(factor: FactorName, options: dict[str, Any]) -> FactorConfig:
    """The config that a client's options lead to. Raises InvalidConfig."""
    result = PROBE.execute_sync(
        "query ($input: ComputeFactorInput!) { config(input: $input) }",
        variable_values={"input": {"spec": {SPELLINGS[factor]: options}}},
    )
    for error in result.errors or ():
        raise error.original_error or error
    return PARSED.pop()


@pytest.mark.parametrize("factor", FactorName)
def test_an_input_has_every_option_of_its_factor(schema: strawberry.Schema, factor: FactorName) -> None:
    graph_input = schema._schema.type_map[INPUTS[factor]]
    assert isinstance(graph_input, GraphQLInputObjectType)
    options = {to_camel_case(item.name) for item in fields(FACTORS[factor].config_type)}
    assert set(graph_input.fields) == options
    assert " = " not in print_type(graph_input), "a default in the schema would hide that an option is absent"


@pytest.mark.parametrize("factor", FactorName)
def test_no_option_means_the_defaults(factor: FactorName) -> None:
    assert parsed(factor, {}) == FACTORS[factor].config_type()


@pytest.mark.parametrize("factor", FactorName)
def test_null_switches_a_filter_off(factor: FactorName) -> None:
    options = {"marketCapThreshold": None, "liquidityThreshold": None, "minLifetimeDays": None}
    config = parsed(factor, options)
    assert config.market_cap_threshold is None
    assert config.liquidity_threshold is None
    assert config.min_lifetime_days is None
    assert FACTORS[factor].config_type().market_cap_threshold == 100_000_000


@pytest.mark.parametrize("factor", FactorName)
def test_every_option_arrives(factor: FactorName) -> None:
    stored = to_json(parse_config(factor, _unusual(factor)))
    defaults = to_json(FACTORS[factor].config_type())
    assert all(stored[name] != defaults[name] for name in stored), "every option differs from its default"
    options = {to_camel_case(name): value for name, value in stored.items()}
    if "growthMetrics" in options:
        options["growthMetrics"] = [name.upper() for name in options["growthMetrics"]]
    assert to_json(parsed(factor, options)) == stored


def test_what_cannot_be_off_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="lookback_periods cannot be null"):
        parsed(FactorName.MOMENTUM, {"lookbackPeriods": None})


def test_a_spec_names_exactly_one_factor() -> None:
    for spec in ({}, {"smb": {}, "market": {}}, {"smb": None}):
        result = PROBE.execute_sync(
            "query ($input: ComputeFactorInput!) { config(input: $input) }",
            variable_values={"input": {"spec": spec}},
        )
        assert result.data is None
        assert result.errors


def _unusual(factor: FactorName) -> dict[str, Any]:
    own = {
        FactorName.SMB: {},
        FactorName.MARKET: {"top_n": 7},
        FactorName.VALUE: {"long_side": "LOW", "fundamental": "BOOK_VALUE"},
        FactorName.MOMENTUM: {"lookback_periods": 5, "volatility_adjusted": True},
        FactorName.MOMENTUM_V2: {"lookback_days": 30},
        FactorName.GROWTH: {"growth_window": 4, "growth_metrics": ["fees", "revenue"]},
    }[factor]
    if factor is not FactorName.MARKET:
        own |= {"breakpoint": 0.3, "min_assets": 12}
    return own | {
        "start_date": "2021-01-31",
        "end_date": "2022-01-31",
        "weighting_method": "INVERSE_VARIANCE",
        "variance_lookback": 30,
        "max_weight": 0.5,
        "market_cap_threshold": 5.0,
        "liquidity_threshold": 7.0,
        "min_lifetime_days": 3,
        "rebalance": "MONTHLY",
        "missing_return": -1.0,
        "exclude": ["usdt", "sector=meme"],
        "universe": ["btc"],
        "cost_bps": 12.5,
        "short_carry_bps": 300.0,
        "execution_lag_days": 1,
        "publication_lag_days": 2,
        "max_abs_return": 3.0,
        "extreme_returns": "EXCLUDE",
        "quantiles": 7,
    }
