"""Absent and null: the same for most arguments, and kept apart where absent means the default and null means
off."""

from __future__ import annotations

from typing import Any, TypeVar

import strawberry

T = TypeVar("T")


def given(value: T | None) -> T | None:
    """The value, None where it was absent: for arguments whose absence and null mean the same."""
    return None if value is strawberry.UNSET else value


def was_given(value: Any) -> bool:
    """Return whether a value or an explicit null was there."""
    return value is not strawberry.UNSET
