"""How a run was configured: one type a factor, derived from its config, and what they share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, Final

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.schema import enums  # noqa: F401 (with descriptions of their values)
from app.schema.options import in_camel_case, shows, value_text
from engine.config import Option, meaning, options_of
from engine.factors.config import LongShortConfig
from engine.factors.definition import FactorDefinition
from engine.factors.registry import FACTORS

_FIRST: Final = ("breakpoint", "min_assets", "weighting_method", "variance_lookback", "max_weight")
_THEN: Final = ("market_cap_threshold", "liquidity_threshold", "min_lifetime_days")
_SHARED: Final = {name: options_of(LongShortConfig)[name] for name in (*_FIRST, *_THEN)} | dict(
    options_of(LongShortConfig)
)


@strawberry.type(description="An option and its value in words.")
class OptionValue:
    name: str = strawberry.field(description="The option's name: that of the field beside it.")
    meaning: str = strawberry.field(description="What the option means.")
    text: str = strawberry.field(description="Its value for people: `0.25`, `EQUAL`, `btc, eth`, `off`.")


@strawberry.interface(
    description=(
        "The options of a factor, all of them, defaults included. Null means that the option is off, or that "
        "the factor or an earlier engine does not have it, unless `unrecordedFields` lists it: then nobody "
        "knows (imported runs)."
    )
)
@shows(_SHARED.values(), nullable=True)
class FactorConfig:
    unrecorded_fields: list[str] = strawberry.field(
        description="Names of the fields here that the source of an imported run does not tell. Empty for "
        "computed runs."
    )
    factor: strawberry.Private[str]

    @strawberry.field(
        description="The factor's options with their values in words, those aside that `unrecordedFields` "
        "lists: for clients that show factors which they do not know."
    )
    def options(self) -> list[OptionValue]:
        return [
            OptionValue(
                name=to_camel_case(name),
                meaning=in_camel_case(meaning(option)),
                text=value_text(getattr(self, name)),
            )
            for name, option in options_of(FACTORS[self.factor].config_type).items()
            if to_camel_case(name) not in self.unrecorded_fields
        ]


def _config_type(factor: FactorDefinition) -> type[FactorConfig]:
    options = options_of(factor.config_type).values()
    own = shows([one for one in options if one.name not in _SHARED], nullable=True)
    derived = own(type(factor.config_type.__name__, (FactorConfig,), {"__module__": __name__}))
    return strawberry.type(derived, description=f"The options of {factor.name}.")


CONFIG_TYPES: Mapping[str, type[FactorConfig]] = {
    name: _config_type(factor) for name, factor in FACTORS.items()
}


def to_factor_config(
    factor: str, options: Mapping[str, Any], unrecorded: Collection[str] = ()
) -> FactorConfig:
    """Return the config of a factor by its stored options (snake_case, JSON types).

    An option of the factor that is not stored counts as unrecorded, like those named so, unless all runs
    without it had the same.
    """
    own = options_of(FACTORS[factor].config_type)
    values: dict[str, Any] = {}
    unknown: list[str] = []
    for name, option in (_SHARED | dict(own)).items():
        value = options.get(name)
        if value is None and name not in unrecorded:
            value = option.before
        values[name] = None if value is None else _typed(value, option)
        if name in own and value is None and (name in unrecorded or name not in options):
            unknown.append(to_camel_case(name))
    return CONFIG_TYPES[factor](**values, unrecorded_fields=unknown, factor=factor)


def _typed(value: Any, option: Option) -> Any:
    """Give a value of a JSON type its own."""
    if option.choices is not None:
        return [option.choices(name) for name in value]
    if option.kind is date:
        return date.fromisoformat(value)
    return option.kind(value) if issubclass(option.kind, StrEnum) else value
