"""One cell of a log: text to a value and back. Empty and `nan` are missing (None); each reader may refuse.

Numbers are plain ASCII decimals: what Python's `float` takes beyond that (underscores, `infinity`, digits of
other scripts) never was in a log and would hide a misread column.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from app.features.legacy.logs.refusals import QuarantineCode, Refused, shown

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})( 00:00:00)?")
_RUN_ID = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})_([0-9]{2})([0-9]{2})([0-9]{2})")
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_WHOLE_NUMBER_LIMIT = 2**31

FORMULA_STARTS = "=+-@\t\r"
_NEEDS_GUARD = re.compile(f"'*[{re.escape(FORMULA_STARTS)}]")
_HAS_GUARD = re.compile(f"'+[{re.escape(FORMULA_STARTS)}]")


def is_missing(cell: str) -> bool:
    """Whether the (stripped) cell stands for a missing value."""
    return cell == "" or cell.lower() == "nan"


def number(cell: str, column: str) -> float | None:
    """A finite number. Refused: anything else that is not missing."""
    if is_missing(cell):
        return None
    value = float(cell) if _NUMBER.fullmatch(cell) else None
    if value is None or value in (float("inf"), float("-inf")):
        raise Refused(QuarantineCode.NOT_A_NUMBER, f"{column} is {shown(cell)}, not a finite number")
    return value


def whole_number(cell: str, column: str) -> int | None:
    """A whole number within 32 bits, `30` or (as pandas writes a column with gaps) `30.0`."""
    value = number(cell, column)
    if value is None:
        return None
    if not value.is_integer() or abs(value) >= _WHOLE_NUMBER_LIMIT:
        raise Refused(QuarantineCode.NOT_A_NUMBER, f"{column} is {shown(cell)}, not a whole number")
    return int(value)


def day(cell: str, column: str) -> date | None:
    """A date `2025-10-12`, with or without ` 00:00:00`."""
    if is_missing(cell):
        return None
    match = _DATE.fullmatch(cell)
    try:
        if match:
            return date.fromisoformat(match[1])
    except ValueError:
        pass
    raise Refused(QuarantineCode.NOT_A_DATE, f"{column} is {shown(cell)}, not a date")


def word(cell: str, column: str) -> str | None:
    """A name such as `market_cap`, in lower case: what today's names are does not matter here."""
    if is_missing(cell):
        return None
    value = cell.lower()
    if not _WORD.fullmatch(value):
        raise Refused(QuarantineCode.NOT_A_WORD, f"{column} is {shown(cell)}, not a name")
    return value


def run_id(cell: str) -> str:
    """A run id: the time of the run as `YYYYMMDD_HHMMSS`."""
    try:
        run_time(cell)
    except ValueError:
        raise Refused(
            QuarantineCode.BAD_RUN_ID, f"run_id is {shown(cell)}, not a time as in 20250302_091455"
        ) from None
    return cell


def run_time(legacy_run_id: str) -> datetime:
    """The time a run id names, taken as UTC. ValueError if it names none."""
    match = _RUN_ID.fullmatch(legacy_run_id)
    if not match:
        raise ValueError(f"not a run id: {shown(legacy_run_id)}")
    year, month, day_of_month, hour, minute, second = map(int, match.groups())
    return datetime(year, month, day_of_month, hour, minute, second, tzinfo=UTC)


def guarded(text: str) -> str:
    """`text`, with a `'` before it if a spreadsheet would take it for a formula. Inverse: `unguarded`."""
    return "'" + text if _NEEDS_GUARD.match(text) else text


def unguarded(cell: str) -> str:
    """The text that `guarded` was given; text that it would not have written is returned as it is."""
    return cell[1:] if _HAS_GUARD.match(cell) else cell


def is_guarded(cell: str) -> bool:
    """Whether the cell carries the mark of `guarded`, which only text does."""
    return _HAS_GUARD.match(cell) is not None
