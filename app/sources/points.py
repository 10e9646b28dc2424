"""A vendor's points (day, value), in whatever order and however often, made one clean series an asset."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.sources.harvest import AssetSeries

_SECONDS_A_DAY: Final = 86_400
_EPOCH: Final = date(1970, 1, 1).toordinal()
_FIRST_DAY: Final = date.min.toordinal() - _EPOCH
_LAST_DAY: Final = date.max.toordinal() - _EPOCH

_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|\+00:?00)?)?", flags=re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """One field of one asset.

    days: (n,) int32 since 1970-01-01, ascending, unique. values: (n,) float64, NaN = missing.
    merged: points that repeated another one. contradicted: days left out because two points differ.
    """

    days: NDArray[np.int32]
    values: NDArray[np.float64]
    merged: int
    contradicted: int


def merge_points(
    days: Sequence[int] | NDArray[Any], values: Sequence[float] | NDArray[Any], *, start: date, end: date
) -> Points:
    """Sort the points, cut them to start..end (both included) and settle days that occur twice.

    days: (n,) whole days since 1970-01-01, any order. values: (n,), NaN = missing.
    Equal points, NaN with NaN too, become one and are counted in `merged`; a day on which two points differ
    is left out and counted once in `contradicted`, with none of its points in `merged`.
    Raises ValueError where the lengths differ.
    """
    all_days = np.asarray(days, dtype=np.int64)
    all_values = np.asarray(values, dtype=np.float64)
    if all_days.ndim != 1 or all_days.shape != all_values.shape:
        raise ValueError(f"{all_days.size} days for {all_values.size} values")
    inside = (all_days >= start.toordinal() - _EPOCH) & (all_days <= end.toordinal() - _EPOCH)
    all_days, all_values = all_days[inside], all_values[inside]
    order = np.argsort(all_days, kind="stable")
    all_days, all_values = all_days[order], all_values[order]

    unique, first, counts = np.unique(all_days, return_index=True, return_counts=True)
    first_values = all_values[first]
    expected = np.repeat(first_values, counts)
    differs = (all_values != expected) & ~(np.isnan(all_values) & np.isnan(expected))
    agreed = ~np.isin(unique, all_days[differs])
    return Points(
        days=unique[agreed].astype(np.int32),
        values=first_values[agreed],
        merged=int((counts[agreed] - 1).sum()),
        contradicted=int((~agreed).sum()),
    )


def join_fields(
    asset: str, fields: Mapping[str, Points], attributes: Mapping[str, str] | None = None
) -> AssetSeries:
    """The fields side by side on all days that any has; days without one finite value are left out.

    A field that has no point on a day is NaN there. `merged` and `contradicted` are sums over the fields.
    """
    all_days = [points.days for points in fields.values()]
    days = np.unique(np.concatenate(all_days)) if all_days else np.empty(0, dtype=np.int32)
    values = {}
    known = np.zeros(len(days), dtype=bool)
    for name, points in fields.items():
        column = np.full(len(days), np.nan)
        column[np.searchsorted(days, points.days)] = points.values
        values[name] = column
        known |= np.isfinite(column)
    return AssetSeries(
        asset=asset,
        days=days[known].astype(np.int32, copy=False),
        values={name: column[known] for name, column in values.items()},
        attributes=dict(attributes or {}),
        merged=sum(points.merged for points in fields.values()),
        contradicted=sum(points.contradicted for points in fields.values()),
    )


def day_of_iso(text: str) -> int:
    """Days since 1970-01-01 of a date, or of a UTC time, whose time of day is dropped. Raises ValueError."""
    match = _ISO.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("not an ISO date")
    return date.fromisoformat(match[1]).toordinal() - _EPOCH


def day_of_unix(seconds: int | float | str, offset_seconds: int = 0) -> int:
    """Days since 1970-01-01 of a Unix time, on the clock that is `offset_seconds` ahead of UTC.

    Raises ValueError for what is no number, or lies outside the years 1 to 9999.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float | str):
        raise ValueError("not a Unix time")
    try:
        whole = int(seconds) if isinstance(seconds, str) else math.floor(seconds)
    except (ValueError, OverflowError) as error:
        raise ValueError("not a Unix time") from error
    day = (whole + offset_seconds) // _SECONDS_A_DAY
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise ValueError("a Unix time outside the calendar")
    return day


def number(value: object) -> float:
    """A number, or a text that is one; None and the empty text are NaN. Raises ValueError for the rest."""
    if value is None or value == "":
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("not a number")
    if isinstance(value, str) and "_" in value:  # Python's own spelling of long numbers, nobody else's
        raise ValueError("not a number")
    try:
        return float(value)
    except (ValueError, OverflowError) as error:
        raise ValueError("not a number") from error
