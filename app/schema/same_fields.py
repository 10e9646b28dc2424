"""Records as types of the graph that have the same fields."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

T = TypeVar("T")


def same_fields(graph_type: type[T], record: Any, **converted: Any) -> T:
    """An object of `graph_type` with the record's values, but for those that are given here."""
    names = [item.name for item in fields(graph_type) if item.name not in converted]
    return graph_type(**{name: getattr(record, name) for name in names}, **converted)
