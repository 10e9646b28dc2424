"""One mechanism for every config: an option is declared once, as a field of a frozen dataclass, with its
default, its range and what it means; from that come parsing, JSON, and whatever else lists options."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import date
from enum import StrEnum
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from engine.errors import ConfigFault, InvalidConfig

MAX_NAMES = 10_000
MAX_TEXT = 200
MAX_PARTS = 50
_MAX_INT = 2**31 - 1

C = TypeVar("C", bound="Config")


def option(
    default: Any = MISSING, low: float | None = None, high: float | None = None, text: str = "", **facts: Any
) -> Any:
    """Declare an option, a field of a Config: without a default it must be given. See Option."""
    return field(default=default, metadata={"low": low, "high": high, "text": text, **facts})


def redeclared(config_type: type[Config], name: str, default: Any) -> Any:
    """Declare an option of a base anew, with another default."""
    return field(default=default, metadata=config_type.__dataclass_fields__[name].metadata)


def part(config_type: type[Config], text: str) -> Any:
    """Declare an option that is a config of its own, with the defaults of its type."""
    return field(default_factory=config_type, metadata={"text": text})


@dataclass(frozen=True, slots=True)
class Option:
    """An option as it was declared.

    kind: bool, int, float, str, date, a StrEnum or a Config; of a list that of its items. low, high: its
    inclusive range. text: what it means, without the last full stop; other options stand in backquotes. null:
    what None means, for options that may be None. sweepable: whether configs that differ in it can be
    compared with each other. before: what held before there was the option, for configs that were stored
    then. choices: the names that a list may hold. variants: of a list of configs, their types by the value of
    the tag that tells them apart.
    """

    name: str
    kind: Any
    is_list: bool
    nullable: bool
    required: bool
    default: Any
    low: float | None = None
    high: float | None = None
    text: str = ""
    null: str = ""
    sweepable: bool = True
    before: Any = None
    choices: type[StrEnum] | None = None
    variants: Mapping[Any, type[Config]] | None = None

    def coerce(self, value: object) -> Any:
        """Return a value, of a JSON type or its own, in the option's own type. Raises InvalidConfig."""
        try:
            return _coerced(self, value, self.name)
        except _BadValue as error:
            raise InvalidConfig((ConfigFault(self.name, error.code, str(error)),)) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A set of options. Construction validates and raises InvalidConfig with every fault."""

    def __post_init__(self) -> None:
        faults = [*_range_faults(self), *self._cross_faults()]
        if faults:
            raise InvalidConfig(tuple(faults))

    def _cross_faults(self) -> list[ConfigFault]:
        """Return the faults beyond ranges, of options that do not go together."""
        return []


def options_of(config_type: type[Config]) -> Mapping[str, Option]:
    """Return the options of a config in their order, by name."""
    key: Any = config_type
    return _declared(key)


@cache
def _declared(config_type: Any) -> Mapping[str, Option]:
    hints = get_type_hints(config_type)
    found = {}
    for item in fields(config_type):
        hint = hints[item.name]
        variants = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        kind = next(variant for variant in variants if variant is not NoneType)
        is_list = get_origin(kind) is tuple
        default = item.default if item.default_factory is MISSING else item.default_factory()
        found[item.name] = Option(
            name=item.name,
            kind=get_args(kind)[0] if is_list else kind,
            is_list=is_list,
            nullable=NoneType in variants,
            required=default is MISSING,
            default=default,
            **item.metadata,
        )
    return MappingProxyType(found)


def meaning(one: Option) -> str:
    """Return what an option means, what null does, and what held before there was the option."""
    text = f"{one.text}." + (f" Null = {one.null}." if one.nullable else "")
    return text + (f" Runs of earlier engines had {_words(one.before)}." if one.before else "")


def explained(one: Option) -> str:
    """Return what an option means, its range and default, and what null does, for who is to set it."""
    first, rest = re.split(r"(?=[.;] )|$", one.text, maxsplit=1)
    parts = [f"{first}{_range(one)}{rest}."]
    if one.nullable and one.default is None:
        parts.append(f"Default: null, {one.null}.")
    elif not one.required:
        parts += [] if issubclass(one.kind, Config) else [f"Default {_words(one.default)}."]
        parts.append(f"Null: {one.null}." if one.nullable else "Not null.")
    return " ".join(parts)


def _range(one: Option) -> str:
    if one.low is None:
        return ""
    if one.high is None:
        return f", at least {_words(one.low)}" if one.low else ""
    return f", {_words(one.low)} to {_words(one.high)}"


def _words(value: Any) -> str:
    if isinstance(value, StrEnum):
        return value.name
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:,.10f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else f"`{value}`" if value else "none"


def parse(config_type: type[C], options: Mapping[str, object], *, owner: str = "") -> C:
    """Return a checked config. An absent option takes its default, None switches it off where it can be off.

    Accepts JSON types and the typed ones (enums by name in any case, dates as ISO text, lists or tuples of
    text); options that are configs are objects of their options. Raises InvalidConfig with every fault, each
    named by its way: "covariance.volatility_half_life", "styles.0.lag". owner: whose options they are, for
    the message about one that is unknown.
    """
    faults: list[ConfigFault] = []
    try:
        return _parsed(config_type, options, "", faults, owner)
    except _Faulty:
        raise InvalidConfig(tuple(faults)) from None


def to_json(config: Config) -> dict[str, Any]:
    """Return every option of a config in JSON types; `parse` gives the same config back."""
    return {name: _plain(getattr(config, name), known) for name, known in options_of(type(config)).items()}


def span_faults(start: date | None, end: date | None) -> list[ConfigFault]:
    """Return the fault of an end that lies before its start."""
    if start is None or end is None or end >= start:
        return []
    return [ConfigFault("end_date", "END_BEFORE_START", f"end_date {end} lies before start_date {start}")]


class _Faulty(Exception):
    """Options that make no config, which says nothing of its neighbours."""


class _BadValue(Exception):
    """`code` is that of the config's fault, the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _range_faults(config: Config) -> list[ConfigFault]:
    """Check each option against its range: None is an option switched off and NaN is out of every range."""
    faults = []
    for item in fields(config):
        low, high = item.metadata.get("low"), item.metadata.get("high")
        value = getattr(config, item.name)
        if value is None or (low is None and high is None):
            continue
        if (low is None or value >= low) and (high is None or value <= high):
            continue
        bounds = f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
        faults.append(ConfigFault(item.name, "OUT_OF_RANGE", f"{item.name} must be {bounds}, not {value!r}"))
    return faults


def _parsed(
    config_type: type[C], options: Mapping[str, object], way: str, faults: list[ConfigFault], owner: str = ""
) -> C:
    """Parse the options at `way` ("", or ending with a dot); add to `faults` and raise _Faulty where they
    make no config."""
    known, found = options_of(config_type), len(faults)
    for name in options:
        if name not in known:
            says = (f"{owner} has", "it has") if owner else ("there is", "there are")
            message = f"{says[0]} no option {way + str(name)!r}; {says[1]} {', '.join(known)}"
            faults.append(ConfigFault(f"{way}{name}", "UNKNOWN_OPTION", message))
    values: dict[str, Any] = {}
    for name, one in known.items():
        if name in options:
            try:
                values[name] = _value(one, options[name], way + name, faults)
            except _BadValue as error:
                faults.append(ConfigFault(way + name, error.code, str(error)))
            except _Faulty:
                pass
        elif one.required:
            faults.append(ConfigFault(way + name, "REQUIRED", f"{way}{name} is required"))
    if not any(one.required and name not in values for name, one in known.items()):
        try:
            config = config_type(**values)
        except InvalidConfig as error:
            # A default that a faulty option would have replaced may be what does not fit.
            complete = len(faults) == found
            faults += [_placed(fault, way) for fault in error.faults if complete or fault.option in values]
        else:
            if len(faults) == found:
                return config
    raise _Faulty


def _placed(fault: ConfigFault, way: str) -> ConfigFault:
    starts = fault.message.startswith(fault.option) or not way
    message = way + fault.message if starts else f"{way.rstrip('.')}: {fault.message}"
    return ConfigFault(way + fault.option, fault.code, message)


def _value(one: Option, value: object, name: str, faults: list[ConfigFault]) -> Any:
    if not issubclass(one.kind, Config) or (value is None and one.nullable):
        return _coerced(one, value, name)
    if one.variants is not None:
        return _variants(one.variants, value, name, faults)
    if value is None:
        raise _null(name)
    if not isinstance(value, Mapping):
        raise _BadValue("WRONG_TYPE", f"{name} must be an object of options, not {value!r}")
    return _parsed(one.kind, value, f"{name}.", faults)


def _variants(
    variants: Mapping[Any, type[Config]], value: object, name: str, faults: list[ConfigFault]
) -> tuple[Config, ...]:
    """Parse a list of configs, such as `styles`, each with its tag, such as `style`."""
    if not isinstance(value, list | tuple):
        raise _BadValue("WRONG_TYPE", f"{name} must be a list of {name}, not {value!r}")
    if len(value) > MAX_PARTS:
        raise _BadValue("TOO_MANY", f"{name} takes at most {MAX_PARTS} {name}, not {len(value)}")
    tag, found, parts = name[:-1], len(faults), []
    kind: type[StrEnum] = type(next(iter(variants)))
    for number, options in enumerate(value):
        way = f"{name}.{number}"
        try:
            if not isinstance(options, Mapping):
                message = f"{way} must be an object of a {tag}'s options, not {options!r}"
                raise _BadValue("WRONG_TYPE", message)
            if tag not in options:
                raise _BadValue("REQUIRED", f"{way}.{tag} is required: one of {', '.join(kind).lower()}")
            config_type = variants[_enum_member(f"{way}.{tag}", options[tag], kind)]
            others = {key: one for key, one in options.items() if key != tag}
            parts.append(_parsed(config_type, others, f"{way}.", faults))
        except _BadValue as error:
            at = f"{way}.{tag}" if isinstance(options, Mapping) else way
            faults.append(ConfigFault(at, error.code, str(error)))
        except _Faulty:
            pass
    if len(faults) > found:
        raise _Faulty
    return tuple(parts)


def _coerced(one: Option, value: object, name: str) -> object:
    if value is None:
        if one.nullable:
            return None
        raise _null(name)
    if one.is_list:
        return _names(name, value)
    if one.kind is bool:
        if isinstance(value, bool):
            return value
        raise _BadValue("WRONG_TYPE", f"{name} must be true or false, not {value!r}")
    if one.kind is int or one.kind is float:
        return _number(name, value, one.kind)
    if one.kind is date:
        return _date(name, value)
    return _text(name, value) if one.kind is str else _enum_member(name, value, one.kind)


def _null(name: str) -> _BadValue:
    return _BadValue("NOT_NULLABLE", f"{name} cannot be null")


def _number(name: str, value: object, kind: type) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _BadValue("WRONG_TYPE", f"{name} must be a number, not {value!r}")
    if not _is_finite(value):
        raise _BadValue("NOT_FINITE", f"{name} must be a finite number")
    if kind is float:
        return float(value)
    if value != int(value) or abs(value) > _MAX_INT:
        raise _BadValue("WRONG_TYPE", f"{name} must be a whole number, not {value!r}")
    return int(value)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond double precision
        return False


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _BadValue("WRONG_TYPE", f"{name} must be text, not {value!r}")
    if len(value) > MAX_TEXT:
        raise _BadValue("TOO_LONG", f"{name} takes at most {MAX_TEXT} characters, not {len(value)}")
    return value


def _date(name: str, value: object) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise _BadValue("WRONG_TYPE", f"{name} must be a date such as 2021-01-31, not {value!r}") from None


def _enum_member(name: str, value: object, kind: type[StrEnum]) -> StrEnum:
    if value is None:
        raise _null(name)
    try:
        return kind(str(value).upper())
    except ValueError:
        choices = ", ".join(member.lower() for member in kind)
        raise _BadValue("UNKNOWN_VALUE", f"{name} must be one of {choices}, not {value!r}") from None


def _names(name: str, value: object) -> tuple[str, ...]:
    """Return a set of names, sorted, so that the order in which they were given makes no other run."""
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise _BadValue("WRONG_TYPE", f"{name} must be a list of names")
    if len(value) > MAX_NAMES:
        raise _BadValue("TOO_MANY", f"{name} takes at most {MAX_NAMES} names, not {len(value)}")
    return tuple(sorted(set(value)))


def _plain(value: Any, one: Option) -> Any:
    if isinstance(value, Config):
        return to_json(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, tuple):
        return value
    if one.variants is None:
        return list(value)
    tag = one.name[:-1]
    return [{tag: getattr(item, tag).value, **to_json(item)} for item in value]
