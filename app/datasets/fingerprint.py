"""A panel's identity: a SHA-256 over its content, independent of file format, row order and machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.panel import DatedValue, FloatArray, Panel

_DOMAIN = "factorql-panel-1"
_ROWS_A_BLOCK = 512


def fingerprint(panel: Panel) -> str:
    """64 hexadecimal digits over dates, asset ids, calendar, attributes and the fields by name.

    Changes of attributes are part of it where there are any. One bit pattern stands for every NaN and one for
    both zeros, since no computation tells them apart.
    """
    header: dict[str, Any] = {
        "calendar": panel.calendar.value,
        "assets": list(panel.assets),
        "attributes": {name: list(values) for name, values in panel.attributes.items()},
        "fields": sorted(panel.fields),
        "date_count": len(panel.dates),
    }
    if panel.attribute_changes:
        header["attribute_changes"] = changes_to_json(panel.attribute_changes)
    digest = hashlib.sha256()
    for text in (_DOMAIN, json.dumps(header, sort_keys=True, ensure_ascii=True, separators=(",", ":"))):
        digest.update(len(text).to_bytes(8, "little"))
        digest.update(text.encode())
    digest.update(days_of(panel.dates).data)
    for name in sorted(panel.fields):
        values = panel.fields[name]
        for first in range(0, len(values), _ROWS_A_BLOCK):
            digest.update(canonical(values[first : first + _ROWS_A_BLOCK]).data)
    return digest.hexdigest()


def changes_to_json(
    changes: Mapping[str, tuple[tuple[DatedValue, ...], ...]],
) -> dict[str, list[list[list[str | None]]]]:
    """name -> by asset -> [ISO date, value] pairs."""
    return {
        name: [[[since.isoformat(), value] for since, value in history] for history in histories]
        for name, histories in changes.items()
    }


def changes_from_json(document: Mapping[str, Any]) -> dict[str, tuple[tuple[DatedValue, ...], ...]]:
    """The inverse of changes_to_json. Raises ValueError, TypeError."""
    return {
        name: tuple(
            tuple(DatedValue(date.fromisoformat(since), value) for since, value in history)
            for history in histories
        )
        for name, histories in document.items()
    }


def days_of(dates: NDArray[Any]) -> NDArray[np.int32]:
    """(T,) little-endian int32 days since 1970-01-01."""
    return dates.astype("datetime64[D]").astype(np.int64).astype("<i4")


def canonical(values: FloatArray) -> FloatArray:
    """A contiguous little-endian copy with the default NaN for every NaN and 0.0 for -0.0."""
    plain = np.add(values, 0.0, dtype="<f8")
    plain[np.isnan(plain)] = np.nan
    return np.ascontiguousarray(plain)
