"""Options as they are declared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pytest

from engine.config import Config, option, options_of, parse, part, to_json
from engine.errors import InvalidConfig
from engine.factors.registry import FACTORS
from engine.risk.config import RiskModelConfig
from engine.risk.portfolio_risk import ValueAtRiskConfig
from engine.risk.scores.registry import STYLES

PARTS = [one.kind for name, one in options_of(RiskModelConfig).items() if name in {"universe", "covariance"}]
CONFIGS = [
    *(factor.config_type for factor in FACTORS.values()),
    *(style.config_type for style in STYLES.values()),
    RiskModelConfig,
    ValueAtRiskConfig,
    *PARTS,
    options_of(RiskModelConfig)["specific"].kind,
]


@pytest.mark.parametrize("config_type", CONFIGS)
def test_every_option_says_what_it_means_and_what_null_means(config_type: type[Config]) -> None:
    for one in options_of(config_type).values():
        assert one.text, one.name
        assert not one.text.endswith("."), one.name
        assert bool(one.null) == one.nullable, one.name
        assert one.low is None or one.default is None or one.low <= one.default, one.name
        assert one.high is None or one.default is None or one.default <= one.high, one.name


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner(Config):
    depth: float = option(1.0, 0.0, 10.0, "How deep")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer(Config):
    size: int = option(low=1, text="How many")
    colour: Colour = option(Colour.RED, text="Which")
    names: tuple[str, ...] | None = option(None, text="Whose", null="all")
    inner: Inner = part(Inner, "Inside")


def test_a_config_goes_through_json_and_back() -> None:
    config = parse(Outer, {"size": 2.0, "colour": "blue", "names": ["b", "a", "b"], "inner": {"depth": 3}})
    assert config == Outer(size=2, colour=Colour.BLUE, names=("a", "b"), inner=Inner(depth=3.0))
    stored = {"size": 2, "colour": "BLUE", "names": ["a", "b"], "inner": {"depth": 3.0}}
    assert to_json(config) == stored
    assert parse(Outer, stored) == config


def test_every_fault_is_named_by_its_way() -> None:
    with pytest.raises(InvalidConfig) as refused:
        parse(Outer, {"colour": "green", "inner": {"depth": 11, "width": 1}, "names": None})
    assert [(fault.option, fault.code) for fault in refused.value.faults] == [
        ("size", "REQUIRED"),
        ("colour", "UNKNOWN_VALUE"),
        ("inner.width", "UNKNOWN_OPTION"),
        ("inner.depth", "OUT_OF_RANGE"),
    ]
