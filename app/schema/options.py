"""Input and output types derived from what the engine declares: the options of configs, and metrics."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum, StrEnum
from inspect import get_annotations
from typing import Any, TypeVar

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.schema.unset import was_given
from engine.config import Config, Option, explained, meaning
from engine.statistics.performance import Metric, Unit

T = TypeVar("T", bound=type)

INPUT = "An absent option takes its default; null switches off what can be off."
NO_PARTS: Mapping[str, Any] = {}


def takes(options: Iterable[Option], parts: Mapping[str, Any] = NO_PARTS) -> Callable[[T], T]:
    """Give an input a field for each option, before its own: absent means the default, which the description
    tells. parts: the graph's types of options that are configs themselves, by name."""
    members = {}
    for one in sorted(options, key=lambda one: not one.required):
        absent = {} if one.required else {"default": strawberry.UNSET}
        graph_field = strawberry.field(description=in_camel_case(explained(one)), **absent)
        members[one.name] = (_type(one, parts, nullable=not one.required), graph_field)
    return with_fields(members)


def with_members(members: Mapping[str, tuple[Any, str]]) -> Callable[[T], T]:
    """Give an input of which one member is chosen its members: type and description, by name."""
    return with_fields(
        {
            name: (graph_type | None, strawberry.field(default=strawberry.UNSET, description=text))
            for name, (graph_type, text) in members.items()
        }
    )


def shows(
    options: Iterable[Option],
    parts: Mapping[str, Any] = NO_PARTS,
    *,
    nullable: bool = False,
    own_first: bool = False,
    costs: Mapping[str, Any] = NO_PARTS,
) -> Callable[[T], T]:
    """Give an output a field for each option, before or after its own. nullable: all may be unknown. costs:
    those of fields, by option."""
    return with_fields(
        {
            one.name: (
                _type(one, parts, nullable=nullable or one.nullable),
                strawberry.field(description=in_camel_case(meaning(one)), metadata=costs.get(one.name)),
            )
            for one in options
        },
        own_first=own_first,
    )


def measured(metrics: Iterable[Metric], *, own_first: bool = False) -> Callable[[T], T]:
    """Give an output a field for each metric, before or after its own; any may be undefined."""
    return with_fields(
        {
            one.name: (kind_of(one) | None, strawberry.field(description=in_camel_case(f"{one.text}.")))
            for one in metrics
        },
        own_first=own_first,
    )


def kind_of(metric: Metric) -> type:
    """Return the type of a metric's values."""
    return {Unit.DATE: date, Unit.COUNT: int}.get(metric.unit, float)


def metric_text(metric: Metric) -> str:
    """Return a metric's name and what it means in short."""
    text = re.split(r"[.;:] ", metric.text)[0]
    meaning = text[0].lower() + text[1:]
    return in_camel_case(f"{metric.label[0].upper()}{metric.label[1:]}: {meaning}.")


def described_enum(enum: T, description: str, values: Mapping[str, str], name: str | None = None) -> T:
    """Make `enum` an enum of the graph. `values`: the description of each member, by name."""
    strawberry.enum(enum, name=name, description=f"{description} Values may be added: keep a default branch.")
    for value in enum.__strawberry_definition__.values:
        value.description = values[value.name]
    return enum


def given_options(options: object) -> dict[str, Any]:
    """Return the options of an input that were given, those of its parts too, by the engine's names."""
    given = {item.name: getattr(options, item.name) for item in fields(options)}  # type: ignore[arg-type]
    return {
        name: given_options(value) if is_dataclass(value) else value
        for name, value in given.items()
        if was_given(value)
    }


def value_text(value: object) -> str:
    """Return an option's value for people."""
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value)) or "none"
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, bool):
        return "true" if value else "false"
    return "off" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)


def with_fields(members: Mapping[str, tuple[Any, Any]], *, own_first: bool = False) -> Callable[[T], T]:
    """Give a class fields, type and value by name, before or after its own."""

    def decorated(cls: T) -> T:
        derived = {name: graph_type for name, (graph_type, _) in members.items()}
        own = get_annotations(cls)
        cls.__annotations__ = own | derived if own_first else derived | own
        for name, (_, graph_field) in members.items():
            setattr(cls, name, graph_field)
        return cls

    return decorated


def _is_part(option: Option) -> bool:
    return issubclass(option.kind, Config)


def _type(option: Option, parts: Mapping[str, Any], *, nullable: bool) -> Any:
    kind: Any = parts[option.name] if _is_part(option) else option.choices or option.kind
    if (
        isinstance(kind, type)
        and issubclass(kind, StrEnum)
        and not hasattr(kind, "__strawberry_definition__")
    ):
        described_enum(kind, str(kind.__doc__), {member.name: f"`{member.name}`." for member in kind})
    if option.is_list:
        kind = list[kind]
    return kind | None if nullable else kind


def in_camel_case(text: str) -> str:
    """Name the options in a text as the graph does. They stand in backquotes, as do defaults."""
    return re.sub(r"(?<!Default )`(\w+)`", lambda match: f"`{to_camel_case(match[1])}`", text)
