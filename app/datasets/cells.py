"""Turns the cells of dates, asset ids and numbers into arrays, and says which cells are at fault."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.datasets.source import shown

MAX_ASSET_LENGTH: Final = 200
FIRST_DATE: Final = date(1900, 1, 1)
LAST_DATE: Final = date(2200, 12, 31)

MISSING_TEXTS: Final = (
    *("", "NaN", "nan", "NAN", "NA", "N/A", "n/a", "#N/A"),
    *("null", "NULL", "Null", "None", "none"),
)
"""What a cell of a numeric column may hold in place of a value. Asset ids are taken as they are."""

MISSING_DAY: Final = np.iinfo(np.int32).min
INVALID_ASSET: Final = -1

Scalar = TypeVar("Scalar", bound=np.generic)

_EPOCH = date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = (FIRST_DATE - _EPOCH).days, (LAST_DATE - _EPOCH).days
_UNITS_PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_DATE_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?|[0-9]{4}/[0-9]{2}/[0-9]{2}|[0-9]{8}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?inf(inity)?", re.IGNORECASE)


class CellFault(Exception):
    """A cell that no row can do without is at fault: `row` of the array, and why."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row = row
        self.reason = reason


class WrongType(Exception):
    """A whole column is of a type that cannot hold what it should."""


# -- dates -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """days: (n,) int32 since 1970-01-01, MISSING_DAY for empty cells; timed: some cell has a time of day."""

    days: NDArray[np.int32]
    timed: bool


class DateReader:
    """Reads dates as written: a time zone is not converted, a time of day does not round.

    Text is ISO 8601 (2021-01-31, 20210131, 2021-01-31T00:00:00Z, 2021-01-31 00:00 UTC) or 2021/01/31.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, bool]] = {"": (MISSING_DAY, False)}

    def read(self, cells: pa.Array) -> Days:
        """Raises CellFault for the first cell that is no date or out of range, WrongType."""
        is_temporal = pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type)
        result = _days_of_temporal(cells) if is_temporal else self._days_of_text(cells)
        outside = (result.days < _FIRST_DAY) | (result.days > _LAST_DAY)
        outside &= result.days != MISSING_DAY
        if outside.any():
            row = int(outside.argmax())
            day = np.datetime64(int(result.days[row]), "D")
            raise CellFault(row, f"date {day} is outside {FIRST_DATE} .. {LAST_DATE}")
        return result

    def _days_of_text(self, cells: pa.Array) -> Days:
        codes, texts = _ids(cells)
        table = np.empty(len(texts) + 1, dtype=np.int32)
        timed = np.zeros(len(texts) + 1, dtype=bool)
        table[-1] = MISSING_DAY
        for code, text in enumerate(texts):
            known = self._known.get(text)
            if known is None:
                try:
                    known = _day_of_text(text)
                except ValueError:
                    row = int((codes == code).argmax())
                    raise CellFault(row, f"{shown(text)} is not a date (expected YYYY-MM-DD)") from None
                self._known[text] = known
            table[code], timed[code] = known
        return Days(days=table[codes], timed=bool(timed.any()))


def _day_of_text(text: str) -> tuple[int, bool]:
    plain = text.strip()
    if not plain:
        return MISSING_DAY, False
    if not _DATE_SHAPE.fullmatch(plain):
        raise ValueError(plain)
    moment = datetime.fromisoformat(plain.removesuffix("UTC").strip().replace("/", "-"))
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return (moment.date() - _EPOCH).days, moment - midnight != timedelta(0)


def _days_of_temporal(cells: pa.Array) -> Days:
    if pa.types.is_timestamp(cells.type):
        if cells.type.tz is not None:
            cells = pc.local_timestamp(cells)
        units = _plain(cells.cast(pa.int64()), np.int64, 0)
        days, rest = np.divmod(units, _UNITS_PER_DAY[cells.type.unit])
    else:
        days = _plain(cells.cast(pa.date32()).cast(pa.int32()), np.int32, 0).astype(np.int64)
        rest = np.zeros_like(days)
    missing = _nulls(cells)
    days = np.where(missing, MISSING_DAY, np.clip(days, MISSING_DAY + 1, np.iinfo(np.int32).max))
    return Days(days=days.astype(np.int32), timed=bool(rest[~missing].any()))


# -- asset ids ---------------------------------------------------------------------------------------------


class AssetReader:
    """Numbers asset ids by first appearance. Ids are stripped; their case is kept."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._known: dict[str, int] = {}

    @property
    def assets(self) -> tuple[str, ...]:
        """The ids, by code."""
        return tuple(self._codes)

    def read(self, cells: pa.Array) -> NDArray[np.int32]:
        """(n,) codes, INVALID_ASSET where the id is empty, too long or unprintable. Raises WrongType."""
        codes, texts = _ids(cells)
        table = np.empty(len(texts) + 1, dtype=np.int32)
        table[-1] = INVALID_ASSET
        for code, text in enumerate(texts):
            known = self._known.get(text)
            if known is None:
                known = self._known[text] = self._code_of(text.strip())
            table[code] = known
        return table[codes]

    def _code_of(self, asset: str) -> int:
        if asset_fault(asset) is not None:
            return INVALID_ASSET
        return self._codes.setdefault(asset, len(self._codes))


def asset_fault(asset: str) -> str | None:
    """Why a stripped text cannot be an asset id, if it cannot."""
    if not asset:
        return "the asset id is empty"
    if len(asset) > MAX_ASSET_LENGTH:
        return f"the asset id has {len(asset):,} characters, at most {MAX_ASSET_LENGTH} are allowed"
    if not asset.isprintable():
        return f"the asset id {shown(asset)} holds unprintable characters"
    return None


# -- numbers -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """values: (n,) float64, NaN where missing or text. faulty: (n,) cells that hold text, None for none."""

    values: NDArray[np.float64]
    faulty: NDArray[np.bool_] | None = None
    text_of: Callable[[int], str] = str


def read_numbers(cells: pa.Array) -> Numbers:
    """Numbers of any width, decimals, or text. Raises WrongType for other types."""
    if pa.types.is_dictionary(cells.type) and not _is_text(cells.type.value_type):
        cells = cells.dictionary_decode()
    kind = cells.type
    if pa.types.is_null(kind):
        return Numbers(values=np.full(len(cells), np.nan))
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return Numbers(values=_plain(pc.cast(cells, pa.float64(), safe=False), np.float64, np.nan))
    if _is_text(kind) or (pa.types.is_dictionary(kind) and _is_text(kind.value_type)):
        return _numbers_of_text(cells)
    raise WrongType(str(kind))


def _numbers_of_text(cells: pa.Array) -> Numbers:
    codes, texts = _dictionary(cells)
    table = np.full(len(texts) + 1, np.nan)
    faulty = np.zeros(len(texts) + 1, dtype=bool)
    for code, text in enumerate(texts):
        plain = text.strip()
        if _NUMBER.fullmatch(plain):
            table[code] = float(plain)
        else:
            faulty[code] = plain not in MISSING_TEXTS
    return Numbers(
        values=table[codes],
        faulty=faulty[codes] if faulty.any() else None,
        text_of=lambda row: texts[codes[row]],
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _plain(cells: pa.Array, dtype: type[Scalar], missing: float) -> NDArray[Scalar]:
    """(n,) values of an array of this type, `missing` for null. Array.to_numpy would import pandas for it."""
    values = np.frombuffer(cells.buffers()[1] or b"", dtype=dtype)[cells.offset : cells.offset + len(cells)]
    return np.where(_nulls(cells), dtype(missing), values) if cells.null_count else values


def _nulls(cells: pa.Array) -> NDArray[np.bool_]:
    """(n,) whether each value is null."""
    if not cells.null_count:
        return np.zeros(len(cells), dtype=bool)
    return _plain(pc.is_null(cells).cast(pa.uint8()), np.uint8, 0).astype(bool)


def _ids(cells: pa.Array) -> tuple[NDArray[np.int32], list[str]]:
    """Text, or whole numbers as text. Raises WrongType."""
    if pa.types.is_integer(cells.type) or pa.types.is_null(cells.type):
        cells = cells.cast(pa.string())
    value_type = cells.type.value_type if pa.types.is_dictionary(cells.type) else cells.type
    if not _is_text(value_type):
        raise WrongType(str(value_type))
    return _dictionary(cells)


def _dictionary(cells: pa.Array) -> tuple[NDArray[np.int32], list[str]]:
    """Text as (codes, texts); code -1 for null, so that it finds what is appended to a table of the texts."""
    if not pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_encode()
    codes = _plain(cells.indices.cast(pa.int32()), np.int32, -1)
    try:
        return codes, ["" if text is None else text for text in cells.dictionary.to_pylist()]
    except UnicodeDecodeError as error:
        raise WrongType("text that is not UTF-8") from error
