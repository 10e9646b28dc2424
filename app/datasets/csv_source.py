"""Reads CSV, plain or gzipped, in blocks of lines, with exact line numbers and bounded memory."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping, Set
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv

from app.datasets.cells import MISSING_TEXTS
from app.datasets.limits import ReadLimits
from app.datasets.quality import QualityCode, RefusedRow
from app.datasets.source import Chunk, shown
from app.errors import InvalidFile, LimitExceeded

BLOCK_BYTES = 4 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TEXT = pa.dictionary(pa.int32(), pa.string())


class CsvSource:
    """A CSV file whose first line names its columns.

    Raises InvalidFile, LimitExceeded; both while opening and while its rows are taken.
    """

    unit = "line"

    def __init__(
        self, file: BinaryIO, size: int, filename: str, limits: ReadLimits, *, gzipped: bool
    ) -> None:
        self._blocks = _BlocksOfLines(file, size, filename, limits, gzipped=gzipped)
        self._filename = filename
        first = next(self._blocks, b"")
        header, _, self._rest = first.removeprefix(_BYTE_ORDER_MARK).partition(b"\n")
        self.names = _column_names(header, filename)
        if len(self.names) > limits.max_columns:
            raise LimitExceeded(
                f"{filename} has {len(self.names):,} columns; at most {limits.max_columns:,} are read"
            )

    def fraction_read(self) -> float:
        return self._blocks.fraction_read()

    def chunks(self, wanted: Set[int], *, text_columns: Set[int]) -> Iterator[Chunk]:
        line = 2
        block: bytes | None = self._rest
        while block is not None:
            if block:
                line_count = block.count(b"\n") + (not block.endswith(b"\n"))
                yield self._parse(block, line, line_count, wanted, text_columns)
                line += line_count
            block = next(self._blocks, None)

    def _parse(
        self, block: bytes, first_line: int, line_count: int, wanted: Set[int], text_columns: Set[int]
    ) -> Chunk:
        try:
            try:
                table, invalid = self._convert(block, _types(wanted, text_columns, pa.float64()))
            except pa.ArrowInvalid:
                # some cell is no number: the row collector finds out which
                table, invalid = self._convert(block, _types(wanted, text_columns, pa.string()))
        except pa.ArrowInvalid as error:
            reason = str(error).splitlines()[0]
            raise InvalidFile(
                f"{self._filename}: lines from {first_line} cannot be parsed: {reason}"
            ) from error
        if table.num_rows + len(invalid) != line_count or block.count(b'"') % 2:
            raise InvalidFile(
                f"{self._filename}: somewhere from line {first_line} to {first_line + line_count - 1} a "
                "quoted value is not closed on its line, or lines end in a bare carriage return",
                hint="write one row a line, without line breaks inside values",
            )
        numbers = np.array([row.number for row in invalid], dtype=np.int64)
        lines = np.delete(np.arange(line_count, dtype=np.int64), numbers - 1) + first_line
        return Chunk(
            lines=lines,
            columns={int(name): table.column(name).combine_chunks() for name in table.column_names},
            malformed=tuple(
                RefusedRow(
                    line=first_line + row.number - 1,
                    code=QualityCode.WRONG_COLUMN_COUNT,
                    reason=f"{row.actual_columns} columns where the header has {row.expected_columns}",
                )
                for row in invalid
            ),
        )

    def _convert(
        self, block: bytes, types: Mapping[str, pa.DataType]
    ) -> tuple[pa.Table, list[pyarrow.csv.InvalidRow]]:
        invalid: list[pyarrow.csv.InvalidRow] = []

        def skip(row: pyarrow.csv.InvalidRow) -> str:
            invalid.append(row)
            return "skip"

        table = pyarrow.csv.read_csv(
            pa.BufferReader(block),
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False,
                block_size=len(block) + 1,
                column_names=[str(column) for column in range(len(self.names))],
            ),
            parse_options=pyarrow.csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=skip),
            convert_options=pyarrow.csv.ConvertOptions(
                check_utf8=False,
                column_types=types,
                include_columns=list(types),
                null_values=MISSING_TEXTS,
                strings_can_be_null=False,
            ),
        )
        return table, invalid


class _BlocksOfLines:
    """Iterates over blocks of whole lines of checked UTF-8, about BLOCK_BYTES each."""

    def __init__(
        self, file: BinaryIO, size: int, filename: str, limits: ReadLimits, *, gzipped: bool
    ) -> None:
        self._file = file
        self._size = size
        self._filename = filename
        self._limit = limits.max_decompressed_bytes
        self._read: Callable[[int], bytes] = gzip.GzipFile(fileobj=file).read if gzipped else file.read
        self._total = 0
        self._lines = 0
        self._unfinished = b""
        self._ended = False

    def fraction_read(self) -> float:
        return min(1.0, self._file.tell() / max(1, self._size))

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while not self._ended:
            data = self._next_bytes()
            self._ended = not data
            whole, newline, unfinished = data.rpartition(b"\n")
            if newline:
                block = self._unfinished + whole + newline
                self._unfinished = unfinished
                return self._checked(block)
            self._unfinished += unfinished
            if len(self._unfinished) > BLOCK_BYTES:
                raise InvalidFile(f"{self._filename}: line {self._lines + 1} is too long to be a row")
        if not self._unfinished:
            raise StopIteration
        block, self._unfinished = self._unfinished, b""
        return self._checked(block)

    def _next_bytes(self) -> bytes:
        try:
            data = self._read(BLOCK_BYTES)
        except EOFError as error:
            raise InvalidFile(f"{self._filename}: the gzip data ends early; is it truncated?") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise InvalidFile(f"{self._filename}: the gzip data is damaged ({error})") from error
        except OSError as error:
            raise InvalidFile(f"{self._filename} cannot be read: {error.strerror}") from error
        self._total += len(data)
        if self._total > self._limit:
            raise LimitExceeded(
                f"{self._filename} holds more than {self._limit:,} bytes of text, the most that is read"
            )
        return data

    def _checked(self, block: bytes) -> bytes:
        if not block.isascii():
            try:
                block.decode("utf-8")
            except UnicodeDecodeError as error:
                line = self._lines + block.count(b"\n", 0, error.start) + 1
                raise InvalidFile(
                    f"{self._filename}: line {line} is not UTF-8 text (byte 0x{block[error.start]:02x})",
                    hint="save the file as UTF-8",
                ) from error
        self._lines += block.count(b"\n")
        return block


def _column_names(header: bytes, filename: str) -> tuple[str, ...]:
    text = header.decode("utf-8").removesuffix("\r")
    if not text.strip():
        raise InvalidFile(
            f"{filename}: the first line is empty",
            hint="the first line must name the columns, e.g. date,asset,price",
        )
    if "\r" in text:
        raise InvalidFile(f"{filename}: lines end in bare carriage returns", hint="end lines with LF or CRLF")
    try:
        (names,) = csv.reader([text], strict=True)
    except csv.Error as error:
        raise InvalidFile(f"{filename}: the first line does not name columns: {shown(text)}") from error
    return tuple(names)


def _types(wanted: Set[int], text_columns: Set[int], number: pa.DataType) -> dict[str, pa.DataType]:
    return {str(column): _TEXT if column in text_columns else number for column in sorted(wanted)}
