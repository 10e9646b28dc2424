"""Reads Parquet in batches; text stays dictionary-encoded, or a small file could unpack without bound."""

from __future__ import annotations

from collections.abc import Iterator, Set
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from app.datasets.limits import ReadLimits
from app.datasets.source import Chunk
from app.errors import InvalidFile, LimitExceeded

BATCH_ROWS = 1 << 16
_DAMAGE = (pa.ArrowException, OSError, UnicodeDecodeError)


class ParquetSource:
    """A Parquet file. Raises InvalidFile, LimitExceeded; both while opening and while its rows are taken."""

    unit = "row"

    def __init__(self, path: Path, filename: str, limits: ReadLimits) -> None:
        self._filename = filename
        try:
            self._file = _open(path)
        except _DAMAGE as error:
            raise self._damaged(error) from error
        self.names = tuple(self._file.schema_arrow.names)
        self._row_count = self._file.metadata.num_rows
        self._rows_read = 0
        try:
            self._check(limits)
        except LimitExceeded:
            self._file.close()
            raise

    def __enter__(self) -> ParquetSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def fraction_read(self) -> float:
        return float(min(1.0, self._rows_read / max(1, self._row_count)))

    def chunks(self, wanted: Set[int], *, text_columns: Set[int]) -> Iterator[Chunk]:
        columns = sorted(wanted)
        batches = self._file.iter_batches(
            BATCH_ROWS, columns=[self.names[column] for column in columns], use_threads=False
        )
        while True:
            try:
                batch = next(batches, None)
            except _DAMAGE as error:
                raise self._damaged(error) from error
            if batch is None:
                return
            first_row = self._rows_read + 1
            self._rows_read += batch.num_rows
            yield Chunk(
                lines=np.arange(first_row, first_row + batch.num_rows, dtype=np.int64),
                columns={column: batch.column(self.names[column]) for column in columns if column in wanted},
            )

    def _check(self, limits: ReadLimits) -> None:
        metadata = self._file.metadata
        size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
        for what, count, limit in (
            ("columns", metadata.num_columns, limits.max_columns),
            ("rows", metadata.num_rows, limits.max_rows),
            ("bytes when decompressed", size, limits.max_decompressed_bytes),
        ):
            if count > limit:
                raise LimitExceeded(f"{self._filename} has {count:,} {what}; at most {limit:,} are read")

    def _damaged(self, error: Exception) -> InvalidFile:
        reason = str(error).splitlines()[0]
        return InvalidFile(f"{self._filename}: the Parquet data is damaged or incomplete ({reason})")


def _open(path: Path) -> pyarrow.parquet.ParquetFile:
    with pyarrow.parquet.ParquetFile(path) as file:
        text_columns = [
            field.name
            for field in file.schema_arrow
            if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        ]
        metadata = file.metadata
    return pyarrow.parquet.ParquetFile(path, metadata=metadata, read_dictionary=text_columns)
