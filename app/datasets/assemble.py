"""Builds a panel of the rows that were kept: merges repetitions, finds the calendar, fills the arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.datasets.limits import ReadLimits
from app.datasets.rows import Rows
from app.datasets.source import shown
from app.errors import InvalidFile, LimitExceeded
from engine.panel import PRICE, Calendar, FloatArray, Panel

MIN_SPAN_OF_SESSIONS_DAYS = 21
MIN_SESSIONS = 10
_SATURDAY = 5
_MONDAY_OFFSET = 3  # 1970-01-01 was a Thursday: day number + 3 counts from a Monday


@dataclass(frozen=True, slots=True, kw_only=True)
class AssembledPanel:
    """A panel and what became of the rows. `absent` names fields that the file has but without any value."""

    panel: Panel
    rows_kept: int
    rows_merged: int
    rows_empty: int
    absent: tuple[str, ...]
    calendar_detected: bool


def assemble_panel(
    rows: Rows, *, filename: str, unit: str, calendar: Calendar | None, limits: ReadLimits
) -> AssembledPanel:
    """Rows to (T, N) arrays, NaN where there is no row; EVERY_DAY panels have a row for each calendar day.

    Raises InvalidFile when rows contradict each other or none has a price, LimitExceeded when dates x assets
    x fields is too much to hold.
    """
    values = {field: column for field, column in rows.values.items() if not np.isnan(column).all()}
    absent = tuple(field for field in rows.values if field not in values)
    if PRICE not in values:
        raise _no_price(rows, filename, unit)

    distinct = _distinct_rows(rows, values, filename, unit)
    observed = distinct[~_is_empty(values)[distinct]]
    days = rows.days[observed]
    assets, columns = _columns_of_assets(rows, observed)
    detected = detect_calendar(days)
    panel_calendar = calendar or detected
    dates, date_rows = _rows_of_days(days, panel_calendar)

    cells = len(dates) * len(assets) * len(values)
    if cells > limits.max_cells:
        raise LimitExceeded(
            f"{filename}: {len(dates):,} dates ({dates[0]} .. {dates[-1]}) x {len(assets):,} assets x "
            f"{len(values)} fields make {cells:,} values; at most {limits.max_cells:,} are held",
            hint="look for a mistaken date, or split the file",
        )
    flat = date_rows * len(assets) + columns
    fields: dict[str, FloatArray] = {}
    for field in sorted(values):
        filled = np.full(len(dates) * len(assets), np.nan)
        filled[flat] = values.pop(field)[observed]
        fields[field] = filled.reshape(len(dates), len(assets))
    return AssembledPanel(
        panel=Panel(dates=dates, assets=assets, fields=fields, calendar=panel_calendar),
        rows_kept=len(observed),
        rows_merged=len(rows.days) - len(distinct),
        rows_empty=len(distinct) - len(observed),
        absent=absent,
        calendar_detected=calendar is None,
    )


def detect_calendar(days: NDArray[np.int32]) -> Calendar:
    """OBSERVED when three weeks or more hold ten dates or more, none at a weekend; else EVERY_DAY.

    days: (n,) since 1970-01-01, in any order.
    """
    dates = np.unique(days)
    enough = dates[-1] - dates[0] + 1 >= MIN_SPAN_OF_SESSIONS_DAYS and len(dates) >= MIN_SESSIONS
    is_weekend = (dates + _MONDAY_OFFSET) % 7 >= _SATURDAY
    return Calendar.OBSERVED if enough and not is_weekend.any() else Calendar.EVERY_DAY


def _no_price(rows: Rows, filename: str, unit: str) -> InvalidFile:
    if len(rows.days):
        return InvalidFile(f"{filename}: no row has a price")
    if not rows.rows_read:
        return InvalidFile(f"{filename} has no rows")
    first = rows.refused[0]
    return InvalidFile(
        f"{filename}: all {rows.rows_read:,} rows were refused, the first because {first.reason} "
        f"({unit} {first.line})"
    )


def _is_empty(values: dict[str, FloatArray]) -> NDArray[np.bool_]:
    """(n,) rows without any value."""
    empty = np.ones(len(values[PRICE]), dtype=bool)
    for column in values.values():
        empty &= np.isnan(column)
    return empty


def _distinct_rows(rows: Rows, values: dict[str, FloatArray], filename: str, unit: str) -> NDArray[np.int64]:
    """Indices of the first row of each (date, asset). Raises InvalidFile if a later one says otherwise."""
    keys = rows.days.astype(np.int64) * max(1, len(rows.assets)) + rows.asset_codes
    if bool((keys[1:] > keys[:-1]).all()):
        return np.arange(len(keys))
    order = np.argsort(keys, kind="stable")
    repeats = np.flatnonzero(keys[order[1:]] == keys[order[:-1]]) + 1
    if len(repeats):
        earlier, later = order[repeats - 1], order[repeats]
        where = f"{filename}: {unit}s {{}} and {{}}"
        if rows.timed:
            first = int(later.argmin())
            raise InvalidFile(
                f"{where.format(rows.lines[earlier[first]], rows.lines[later[first]])} are two times of one "
                f"day for {_named(rows, later[first])}; the data must be daily",
                hint="keep one row a day and asset",
            )
        differs = np.zeros(len(repeats), dtype=bool)
        for column in values.values():
            left, right = column[earlier], column[later]
            differs |= (left != right) & ~(np.isnan(left) & np.isnan(right))
        if differs.any():
            conflicts = np.flatnonzero(differs)
            first = int(conflicts[later[conflicts].argmin()])
            raise _conflict(rows, values, int(earlier[first]), int(later[first]), len(conflicts), where)
    return np.sort(np.delete(order, repeats))


def _conflict(
    rows: Rows, values: dict[str, FloatArray], earlier: int, later: int, count: int, where: str
) -> InvalidFile:
    field = next(
        field
        for field, column in values.items()
        if column[earlier] != column[later] and not (np.isnan(column[earlier]) and np.isnan(column[later]))
    )
    left, right = (
        "none" if np.isnan(values[field][row]) else f"{values[field][row]:.15g}" for row in (earlier, later)
    )
    others = f"; {count - 1:,} more rows contradict an earlier one" if count > 1 else ""
    return InvalidFile(
        f"{where.format(rows.lines[earlier], rows.lines[later])} contradict each other for "
        f"{_named(rows, later)}: {field} is {left} and {right}{others}",
        hint="keep one row a date and asset",
    )


def _named(rows: Rows, row: int) -> str:
    return f"{shown(rows.assets[rows.asset_codes[row]])} on {np.datetime64(int(rows.days[row]), 'D')}"


def _columns_of_assets(rows: Rows, observed: NDArray[np.int64]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The ids that were observed, ascending, and the column of each observed row."""
    codes = rows.asset_codes[observed]
    used = np.flatnonzero(np.bincount(codes, minlength=len(rows.assets)))
    ordered = sorted(used.tolist(), key=lambda code: rows.assets[code])
    column_of_code = np.zeros(len(rows.assets), dtype=np.int64)
    column_of_code[ordered] = np.arange(len(ordered))
    return tuple(rows.assets[code] for code in ordered), column_of_code[codes]


def _rows_of_days(
    days: NDArray[np.int32], calendar: Calendar
) -> tuple[NDArray[np.datetime64], NDArray[np.int64]]:
    """The panel's dates and the panel row of each observed row."""
    if calendar is Calendar.EVERY_DAY:
        first, last = int(days.min()), int(days.max())
        dates = np.arange(first, last + 1).astype("datetime64[D]")
        return dates, days.astype(np.int64) - first
    sessions, positions = np.unique(days, return_inverse=True)
    return sessions.astype(np.int64).astype("datetime64[D]"), positions.astype(np.int64)
