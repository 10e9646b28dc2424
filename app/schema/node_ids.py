"""Global ids: opaque to clients, made and read here alone."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence

import strawberry

from app.errors import FieldError, InvalidInput
from engine.factors.registry import FactorName

_MAX_LENGTH = 200
_TYPE_NAME = re.compile(r"[A-Z][A-Za-z]{1,49}")
_NOT_AN_ID = "this is not the id of anything in this graph"
_MAX_DIGITS = 18  # fits a 64-bit integer


def encode_id(node_type: str, key: int | str) -> strawberry.ID:
    """Return the global id of the object with that key; node_type: its type's name in the graph."""
    text = f"{node_type}:{key}".encode()
    return strawberry.ID(base64.urlsafe_b64encode(text).decode().rstrip("="))


def decode_id(global_id: str, path: tuple[str, ...] = ("id",)) -> tuple[str, str]:
    """(type, key) of a global id that stood at `path` in the arguments.

    Raises InvalidInput for anything that encode_id does not give.
    """
    try:
        if len(global_id) > _MAX_LENGTH:
            raise ValueError(global_id)
        padded = global_id + "=" * (-len(global_id) % 4)
        text = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True).decode()
        node_type, _, key = text.partition(":")
        if not key or not _TYPE_NAME.fullmatch(node_type) or encode_id(node_type, key) != global_id:
            raise ValueError(global_id)
    except (ValueError, binascii.Error):
        raise not_an_id(path) from None
    return node_type, key


def row_id(global_id: str, expected: str, path: tuple[str, ...] = ("id",)) -> int:
    """The store's id of an object of the expected type. Raises InvalidInput for any other id."""
    return row_key(global_id, (expected,), path)[1]


def row_key(global_id: str, expected: Sequence[str], path: tuple[str, ...] = ("id",)) -> tuple[str, int]:
    """(type, the store's id) of an object of one of the expected types. Raises InvalidInput for any other."""
    node_type, key = decode_id(global_id, path)
    if node_type not in expected:
        raise _invalid(f"this is the id of a {node_type}, not of a {' or '.join(expected)}", path)
    return node_type, parse_row_key(key, path)


def parse_row_key(key: str, path: tuple[str, ...] = ("id",)) -> int:
    """The integer in the key of a stored object. Raises InvalidInput."""
    if not (key.isascii() and key.isdigit() and len(key) <= _MAX_DIGITS and str(int(key)) == key):
        raise not_an_id(path)
    return int(key)


def parse_factor_key(key: str, path: tuple[str, ...] = ("id",)) -> FactorName:
    """The factor that a key names. Raises InvalidInput."""
    try:
        return FactorName(key)
    except ValueError:
        raise not_an_id(path) from None


def not_an_id(path: tuple[str, ...] = ("id",)) -> InvalidInput:
    """Return the error for what is the id of nothing in the graph."""
    return _invalid(_NOT_AN_ID, path)


def _invalid(message: str, path: tuple[str, ...]) -> InvalidInput:
    return InvalidInput(message, (FieldError(path, "INVALID_ID", message),))
