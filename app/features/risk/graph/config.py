"""The options of a risk model, as asked for and as shown: derived from its config."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import strawberry

from app.boundary.cost_rules import cost
from app.errors import FieldError, InvalidInput
from app.features.risk.graph.style_configs import StyleConfig, StyleInput, to_style
from app.schema.errors import Path
from app.schema.options import INPUT, given_options, shows, takes
from app.schema.unset import given
from engine.config import Config, options_of
from engine.risk.config import RiskModelConfig as EngineConfig

_OPTIONS = options_of(EngineConfig)
_PARTS = {"universe": "EstimationUniverse", "covariance": "FactorCovariance", "specific": "SpecificRisk"}
_UNIVERSE_FIRST = ("market_cap_threshold", "liquidity_threshold")


def _part(name: str, suffix: str, derive: Any, kind: Any, words: str) -> type:
    """Derive the type of a group of options."""
    config_type = _OPTIONS[name].kind
    options = sorted(options_of(config_type).values(), key=lambda one: one.name not in _UNIVERSE_FIRST)
    derived = derive(options)(type(_PARTS[name] + suffix, (), {"__module__": __name__}))
    return kind(derived, description=f"{str(config_type.__doc__).splitlines()[0]} {words}".strip())


_INPUT_PARTS = {name: _part(name, "Input", takes, strawberry.input, INPUT) for name in _PARTS}
_OUTPUT_PARTS = {name: _part(name, "Config", shows, strawberry.type, "") for name in _PARTS}


@strawberry.input(description=f"Options of a risk model. {INPUT}")
@takes(_OPTIONS.values(), {**_INPUT_PARTS, "styles": StyleInput})
class RiskModelConfigInput:
    def to_options(self, path: Path) -> dict[str, object]:
        """Return them in the engine's spelling. `path` is where it stands in the arguments. Raises
        InvalidInput."""
        options = given_options(self)
        if options.get("styles") is not None:
            options["styles"] = [
                style.to_options((*path, "styles", str(number)))
                for number, style in enumerate(options["styles"])
            ]
        return options

    def members(self) -> list[str]:
        """Return the names under which the styles' options stand in this input."""
        return [style.member for style in given(self.styles) or ()]


@contextmanager
def styles_by_member(members: Sequence[str]) -> Iterator[None]:
    """Inside, faults of a style's options (`config`, `styles`, number, option) are told where they stand in
    the input: (`config`, `styles`, number, member, option)."""
    try:
        yield
    except InvalidInput as error:
        error.field_errors = tuple(_at_member(fault, members) for fault in error.field_errors)
        raise


def _at_member(fault: FieldError, members: Sequence[str]) -> FieldError:
    head, number, rest = fault.path[:2], fault.path[2:3], fault.path[3:]
    if head != ("config", "styles") or not number or not number[0].isdecimal():
        return fault
    return FieldError((*head, *number, members[int(number[0])], *rest), fault.code, fault.message)


@strawberry.type(description="The options of a risk model, all of them, defaults included.")
@shows(_OPTIONS.values(), {**_OUTPUT_PARTS, "styles": StyleConfig}, costs={"styles": cost(size=7)})
class RiskModelConfig:
    @classmethod
    def of(cls, config: EngineConfig) -> RiskModelConfig:
        shown = _values(config)
        for name, part in _OUTPUT_PARTS.items():
            shown[name] = part(**_values(shown[name]))
        if config.styles is not None:
            shown["styles"] = [to_style(style) for style in config.styles]
        return cls(**shown)


def _values(config: Config) -> dict[str, Any]:
    return {name: getattr(config, name) for name in options_of(type(config))}
