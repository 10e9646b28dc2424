"""Judges the rows of a file one by one: keeps them as columns, or refuses and lists them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from app.datasets.cells import (
    INVALID_ASSET,
    MISSING_DAY,
    AssetReader,
    CellFault,
    DateReader,
    Numbers,
    WrongType,
    asset_fault,
    read_numbers,
)
from app.datasets.columns import NEVER_NEGATIVE, ColumnPlan
from app.datasets.limits import ReadLimits
from app.datasets.quality import MAX_REFUSED_LISTED, QualityCode, RefusedRow
from app.datasets.source import Chunk, shown
from app.errors import InvalidFile, LimitExceeded
from engine.panel import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows that were kept, in the file's order.

    lines: (n,) their places in the file. days: (n,) int32 since 1970-01-01.
    asset_codes: (n,) int32 into assets. values: field -> (n,) float64, finite or NaN = missing.
    timed: whether any date has a time of day. refused: the first MAX_REFUSED_LISTED refusals, in order.
    """

    lines: NDArray[np.int64]
    days: NDArray[np.int32]
    asset_codes: NDArray[np.int32]
    assets: tuple[str, ...]
    values: dict[str, FloatArray]
    timed: bool
    rows_read: int
    refusals: Counter[QualityCode]
    refused: tuple[RefusedRow, ...]
    notes: tuple[str, ...]


class RowCollector:
    """Takes chunk after chunk. Further columns stay in `wanted` as long as they hold nothing but numbers."""

    def __init__(self, plan: ColumnPlan, filename: str, unit: str, limits: ReadLimits) -> None:
        self.wanted = plan.used()
        self._plan = plan
        self._filename = filename
        self._unit = unit
        self._limits = limits
        self._dates = DateReader()
        self._assets = AssetReader()
        self._lines: list[NDArray[np.int64]] = []
        self._days: list[NDArray[np.int32]] = []
        self._codes: list[NDArray[np.int32]] = []
        self._values: dict[int, list[FloatArray]] = {column: [] for column in {**plan.fields, **plan.further}}
        self._timed = False
        self._rows_read = 0
        self._rows_kept = 0
        self._refusals: Counter[QualityCode] = Counter()
        self._refused: list[RefusedRow] = []
        self._notes = [f"column {shown(name)} was left out: it names no field" for name in plan.left_out]

    def add(self, chunk: Chunk) -> None:
        """Raises InvalidFile for a date that cannot be read, LimitExceeded."""
        days = self._read_days(chunk)
        codes = self._read_assets(chunk)
        numbers = self._read_all_numbers(chunk)
        present = ~self._is_blank(chunk, days, codes, numbers)
        undated = present & (days == MISSING_DAY)
        if undated.any():
            self._fail(chunk, int(undated.argmax()), "the date is empty")

        judge = _Judge(chunk, present)
        self._judge_assets(judge, codes)
        for column, cells in numbers.items():
            if column in self._plan.fields:
                judge.judge_numbers(self._plan.fields[column], cells)
        self._list(judge, chunk)
        self._keep(judge.accepted, chunk, days, codes, numbers)
        self._rows_read += int(np.count_nonzero(present)) + len(chunk.malformed)
        self._check_limits()

    def finish(self) -> Rows:
        """All rows that were kept. The collector must not be used afterwards."""
        names = {**self._plan.fields, **self._plan.further}
        return Rows(
            lines=_join(self._lines, np.int64),
            days=_join(self._days, np.int32),
            asset_codes=_join(self._codes, np.int32),
            assets=self._assets.assets,
            values={
                names[column]: _join(self._values.pop(column), np.float64) for column in list(self._values)
            },
            timed=self._timed,
            rows_read=self._rows_read,
            refusals=self._refusals,
            refused=tuple(self._refused),
            notes=tuple(self._notes),
        )

    def _read_days(self, chunk: Chunk) -> NDArray[np.int32]:
        try:
            result = self._dates.read(chunk.columns[self._plan.date])
        except CellFault as fault:
            self._fail(chunk, fault.row, fault.reason)
        except WrongType as error:
            raise self._wrong_type(self._plan.date, error, "dates") from error
        self._timed |= result.timed
        return result.days

    def _read_assets(self, chunk: Chunk) -> NDArray[np.int32]:
        try:
            return self._assets.read(chunk.columns[self._plan.asset])
        except WrongType as error:
            raise self._wrong_type(self._plan.asset, error, "asset ids") from error

    def _read_all_numbers(self, chunk: Chunk) -> dict[int, Numbers]:
        numbers = {}
        for column in list(self._values):
            try:
                cells = read_numbers(chunk.columns[column])
            except WrongType as error:
                if column in self._plan.fields:
                    raise self._wrong_type(column, error, "numbers") from error
                self._leave_out(column, f"it holds {error}, not numbers")
                continue
            if column in self._plan.further:
                fault = _first_fault(cells)
                if fault is not None:
                    row, text = fault
                    self._leave_out(column, f"{self._unit} {chunk.lines[row]} holds {text}, not a number")
                    continue
            numbers[column] = cells
        return numbers

    def _leave_out(self, column: int, reason: str) -> None:
        """A column that is no field by name costs no row: it is not taken at all."""
        del self._values[column]
        self.wanted.discard(column)
        self._notes.append(f"column {shown(self._plan.names[column])} was left out: {reason}")

    def _is_blank(
        self,
        chunk: Chunk,
        days: NDArray[np.int32],
        codes: NDArray[np.int32],
        numbers: dict[int, Numbers],
    ) -> NDArray[np.bool_]:
        """Lines with nothing in any column that is used, which are no rows."""
        blank = (days == MISSING_DAY) & (codes == INVALID_ASSET)
        if blank.any():
            ids = chunk.columns[self._plan.asset]
            blank[blank] = [not (ids[row].as_py() or "").strip() for row in np.flatnonzero(blank)]
            for cells in numbers.values():
                blank &= np.isnan(cells.values)
                if cells.faulty is not None:
                    blank &= ~cells.faulty
        return blank

    def _judge_assets(self, judge: _Judge, codes: NDArray[np.int32]) -> None:
        ids = judge.chunk.columns[self._plan.asset]

        def reason(row: int) -> str:
            text = ids[row].as_py()
            return asset_fault("" if text is None else str(text).strip()) or ""

        judge.refuse(codes == INVALID_ASSET, QualityCode.INVALID_ASSET, reason)

    def _list(self, judge: _Judge, chunk: Chunk) -> None:
        self._refusals.update(judge.counts)
        if chunk.malformed:
            self._refusals[QualityCode.WRONG_COLUMN_COUNT] += len(chunk.malformed)
        free = MAX_REFUSED_LISTED - len(self._refused)
        listed = sorted([*judge.listed, *chunk.malformed], key=lambda row: row.line)
        self._refused += listed[:free]

    def _keep(
        self,
        accepted: NDArray[np.bool_],
        chunk: Chunk,
        days: NDArray[np.int32],
        codes: NDArray[np.int32],
        numbers: dict[int, Numbers],
    ) -> None:
        everything = bool(accepted.all())
        self._lines.append(chunk.lines if everything else chunk.lines[accepted])
        self._days.append(days if everything else days[accepted])
        self._codes.append(codes if everything else codes[accepted])
        for column, cells in numbers.items():
            self._values[column].append(cells.values if everything else cells.values[accepted])
        self._rows_kept += int(np.count_nonzero(accepted))

    def _check_limits(self) -> None:
        if self._rows_read > self._limits.max_rows:
            raise LimitExceeded(
                f"{self._filename} has more than {self._limits.max_rows:,} rows, the most that is read"
            )
        cells = self._rows_kept * len(self._values)
        if cells > self._limits.max_cells:
            raise LimitExceeded(
                f"{self._filename} holds more than {self._limits.max_cells:,} values "
                f"({len(self._values)} numeric columns), the most that is read"
            )

    def _fail(self, chunk: Chunk, row: int, reason: str) -> NoReturn:
        raise InvalidFile(f"{self._filename}: {self._unit} {chunk.lines[row]}: {reason}")

    def _wrong_type(self, column: int, error: WrongType, expected: str) -> InvalidFile:
        name = shown(self._plan.names[column])
        return InvalidFile(f"{self._filename}: column {name} holds {error}, not {expected}")


class _Judge:
    """Which rows of a chunk are refused; of several faults in one row the first one found counts."""

    def __init__(self, chunk: Chunk, present: NDArray[np.bool_]) -> None:
        self.chunk = chunk
        self.accepted = present.copy()
        self.counts: Counter[QualityCode] = Counter()
        self.listed: list[RefusedRow] = []

    def refuse(self, faulty: NDArray[np.bool_], code: QualityCode, reason_of: Callable[[int], str]) -> None:
        faulty = faulty & self.accepted
        rows = np.flatnonzero(faulty)
        if not len(rows):
            return
        self.accepted &= ~faulty
        self.counts[code] += len(rows)
        for row in rows[:MAX_REFUSED_LISTED].tolist():
            self.listed.append(RefusedRow(line=int(self.chunk.lines[row]), code=code, reason=reason_of(row)))

    def judge_numbers(self, field: str, cells: Numbers) -> None:
        values = cells.values
        if cells.faulty is not None:
            self.refuse(
                cells.faulty,
                QualityCode.NOT_A_NUMBER,
                lambda row: f"{field} is not a number: {shown(cells.text_of(row))}",
            )
        self.refuse(np.isinf(values), QualityCode.INFINITE, lambda row: f"{field} is infinite")
        if field in NEVER_NEGATIVE:
            self.refuse(values < 0, QualityCode.NEGATIVE, lambda row: f"{field} is negative: {values[row]:g}")


def _first_fault(cells: Numbers) -> tuple[int, str] | None:
    """The first cell that is text or infinite, and what it holds."""
    faulty = np.isinf(cells.values)
    if cells.faulty is not None:
        faulty |= cells.faulty
    if not faulty.any():
        return None
    row = int(faulty.argmax())
    is_text = cells.faulty is not None and bool(cells.faulty[row])
    return row, shown(cells.text_of(row)) if is_text else "an infinite value"


def _join(parts: list[NDArray[Any]], dtype: type) -> NDArray[Any]:
    joined = np.concatenate(parts) if parts else np.empty(0, dtype=dtype)
    parts.clear()
    return joined
