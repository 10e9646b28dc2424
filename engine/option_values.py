"""One option's value: from the JSON type that a client sends to the type that a config holds, and back."""

from __future__ import annotations

import math
from datetime import date
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

MAX_NAMES = 10_000
MAX_TEXT = 200
_MAX_INT = 2**31 - 1


class BadValue(Exception):
    """`code` is that of the config's fault, the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def coerced(name: str, value: object, hint: Any) -> object:
    """`value` as the option's type `hint`: bool, int, float, text, a date, an enum, a tuple of names, or one
    of them or None. `name` is for the message. Raises BadValue."""
    variants = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if value is None:
        if NoneType in variants:
            return None
        raise BadValue("NOT_NULLABLE", f"{name} cannot be null")
    kind = next(variant for variant in variants if variant is not NoneType)
    if get_origin(kind) is tuple:
        return _coerce_names(name, value)
    if kind is bool:
        if isinstance(value, bool):
            return value
        raise BadValue("WRONG_TYPE", f"{name} must be true or false, not {value!r}")
    if kind is int or kind is float:
        return _coerce_number(name, value, kind)
    if kind is date:
        return _coerce_date(name, value)
    if kind is str:
        return _coerce_text(name, value)
    return _coerce_enum(name, value, kind)


def _coerce_number(name: str, value: object, kind: type) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadValue("WRONG_TYPE", f"{name} must be a number, not {value!r}")
    if not _is_finite(value):
        raise BadValue("NOT_FINITE", f"{name} must be a finite number")
    if kind is float:
        return float(value)
    if value != int(value) or abs(value) > _MAX_INT:
        raise BadValue("WRONG_TYPE", f"{name} must be a whole number, not {value!r}")
    return int(value)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond double precision
        return False


def _coerce_text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise BadValue("WRONG_TYPE", f"{name} must be text, not {value!r}")
    if len(value) > MAX_TEXT:
        raise BadValue("TOO_LONG", f"{name} takes at most {MAX_TEXT} characters, not {len(value)}")
    return value


def _coerce_date(name: str, value: object) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise BadValue("WRONG_TYPE", f"{name} must be a date such as 2021-01-31, not {value!r}") from None


def _coerce_enum(name: str, value: object, kind: type[StrEnum]) -> StrEnum:
    try:
        return kind(str(value).upper())
    except ValueError:
        choices = ", ".join(member.lower() for member in kind)
        raise BadValue("UNKNOWN_VALUE", f"{name} must be one of {choices}, not {value!r}") from None


def _coerce_names(name: str, value: object) -> tuple[str, ...]:
    """A set of names, sorted, so that the order in which they were given makes no other run."""
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise BadValue("WRONG_TYPE", f"{name} must be a list of names")
    if len(value) > MAX_NAMES:
        raise BadValue("TOO_MANY", f"{name} takes at most {MAX_NAMES} names, not {len(value)}")
    return tuple(sorted(set(value)))


def to_json(value: object) -> object:
    """An option's value in JSON types; `coerced` gives the same value back."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
