"""Pages of ordered lists by keyset: a cursor holds the sort values of a row, never an offset.

NULLs come last in either direction. A cursor is checked against the list, filter and order that made it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import ColumnElement, UnaryExpression, and_, false, or_

from db.errors import InvalidCursor

MAX_PAGE_SIZE = 100

T = TypeVar("T")

_DIGEST_BYTES = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Part of an ordered list; `cursors[i]` continues the list after `items[i]`."""

    items: tuple[T, ...]
    cursors: tuple[str, ...]
    has_next_page: bool


@dataclass(frozen=True, slots=True)
class SortKey:
    """One column of an order. The last key of an order must be unique."""

    column: ColumnElement[Any]
    descending: bool
    nullable: bool

    def accepts(self, value: Any) -> bool:
        if value is None:
            return self.nullable
        if issubclass(self.column.type.python_type, str):
            return isinstance(value, str)
        # Further digits would be an error of the driver.
        return isinstance(value, int | float) and abs(value) < 2**63

    def ordering(self) -> UnaryExpression[Any]:
        ordered = self.column.desc() if self.descending else self.column.asc()
        return ordered.nulls_last() if self.nullable else ordered

    def after(self, value: Any) -> ColumnElement[bool]:
        if value is None:
            return false()
        beyond = self.column < value if self.descending else self.column > value
        return or_(beyond, self.column.is_(None)) if self.nullable else beyond

    def same(self, value: Any) -> ColumnElement[bool]:
        return self.column.is_(None) if value is None else self.column == value


def check_page_size(first: int) -> None:
    """ValueError unless `first` is from 0 to MAX_PAGE_SIZE."""
    if not 0 <= first <= MAX_PAGE_SIZE:
        raise ValueError(f"a page has at most {MAX_PAGE_SIZE} items, {first} were asked for")


def after_values(keys: Sequence[SortKey], values: Sequence[Any]) -> ColumnElement[bool]:
    """The condition that a row comes after the one with these sort values."""
    alternatives = []
    for position, (key, value) in enumerate(zip(keys, values, strict=True)):
        before = [key.same(value) for key, value in zip(keys[:position], values[:position], strict=True)]
        alternatives.append(and_(*before, key.after(value)))
    after = or_(*alternatives)
    head, first_value = keys[0], values[0]
    if head.nullable or first_value is None:
        return after
    # Implied by the rest, but a bound that an index can start from.
    return and_(head.column <= first_value if head.descending else head.column >= first_value, after)


def encode_cursor(scope: str, values: Sequence[Any]) -> str:
    """Opaque and url-safe. `values` are plain JSON; `scope` names the list, its filter and its order."""
    payload = orjson.dumps(list(values))
    return base64.urlsafe_b64encode(_digest(scope, payload) + payload).rstrip(b"=").decode()


def decode_cursor(scope: str, cursor: str, keys: Sequence[SortKey]) -> list[Any]:
    """The values, one a key, of a cursor of this very scope. Errors: InvalidCursor."""
    try:
        text = cursor.encode("ascii")
        content = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise InvalidCursor from None
    digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if digest != _digest(scope, payload):
        raise InvalidCursor
    values: list[Any] = orjson.loads(payload)
    if len(values) != len(keys) or not all(map(SortKey.accepts, keys, values)):
        raise InvalidCursor
    return values


def _digest(scope: str, payload: bytes) -> bytes:
    hashed = hashlib.blake2b(scope.encode(), digest_size=_DIGEST_BYTES)
    hashed.update(b"\x00" + payload)
    return hashed.digest()
