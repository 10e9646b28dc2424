"""Column types that behave the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Integer, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# SQLite gives AUTOINCREMENT only to a column of exactly this type.
RowId = BigInteger().with_variant(Integer(), "sqlite")


def microseconds_of(moment: datetime) -> int:
    """Whole microseconds since 1970-01-01 UTC. A naive datetime is a ValueError."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone: the store keeps aware UTC times only")
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(microseconds: int) -> datetime:
    """The aware UTC datetime of `microseconds` since 1970-01-01."""
    return _EPOCH + microseconds * _MICROSECOND


def finite_or_none(value: float | None) -> float | None:
    """NaN and infinities never reach a column: they become None."""
    return None if value is None or not math.isfinite(value) else float(value)


def is_row_id(value: int) -> bool:
    """Whether a row can have this id at all: larger numbers would be an error of the driver."""
    return 0 < value < 2**63


def to_json(value: Any) -> str:
    """JSON that both databases take: ASCII only; a non-finite number is a ValueError."""
    return json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime kept as integer microseconds: exact, and ordered alike on both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds_of(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else moment_of(value)


class PlainText(TypeDecorator[str]):
    """Text that both databases can hold: NUL and lone surrogates, which PostgreSQL refuses, become U+FFFD."""

    impl = Text
    cache_ok = True

    @property
    def python_type(self) -> type[str]:
        return str

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or (value.isascii() and "\x00" not in value):
            return value
        return value.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
