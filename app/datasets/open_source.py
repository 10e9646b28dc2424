"""Opens a file of rows as what its first bytes say it is, whatever its name."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.datasets.csv_source import CsvSource
from app.datasets.limits import ReadLimits
from app.datasets.parquet_source import ParquetSource
from app.datasets.source import RowSource
from app.errors import InvalidFile

_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_OTHER_FORMATS = {
    b"PK\x03\x04": "a zip archive or spreadsheet",
    b"\x28\xb5\x2f\xfd": "zstd-compressed",
    b"BZh": "bzip2-compressed",
    b"\xfd7zXZ": "xz-compressed",
    b"ARROW1": "an Arrow (Feather) file",
}


@contextmanager
def open_source(path: Path, *, filename: str, limits: ReadLimits) -> Iterator[RowSource]:
    """CSV, gzipped CSV or Parquet. `filename` is the name that messages use.

    Raises InvalidFile (unreadable, empty, no such format), LimitExceeded.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise InvalidFile(f"{filename} cannot be read: {error.strerror}") from error
    with file:
        try:
            start = file.read(8)
        except OSError as error:
            raise InvalidFile(f"{filename} cannot be read: {error.strerror}") from error
        _require_known(start, filename)
        if start.startswith(_PARQUET):
            with ParquetSource(path, filename, limits) as source:
                yield source
            return
        file.seek(0)
        gzipped = start.startswith(_GZIP)
        if gzipped:
            _require_text(path, filename)
        yield CsvSource(file, path.stat().st_size, filename, limits, gzipped=gzipped)


def _require_known(start: bytes, filename: str) -> None:
    if not start:
        raise InvalidFile(f"{filename} is empty")
    for magic, name in _OTHER_FORMATS.items():
        if start.startswith(magic):
            raise InvalidFile(f"{filename} is {name}", hint="give CSV, gzipped CSV or Parquet")
    if filename.lower().endswith((".parquet", ".pq")) and not start.startswith(_PARQUET):
        raise InvalidFile(f"{filename} is not a Parquet file", hint="CSV files must not be named .parquet")


def _require_text(path: Path, filename: str) -> None:
    """Gzipped Parquet is refused here by name; damaged gzip later, where all of it is read."""
    try:
        with gzip.open(path) as unpacked:
            start = unpacked.read(len(_PARQUET))
    except (OSError, EOFError, zlib.error):
        return
    if start == _PARQUET:
        raise InvalidFile(f"{filename} is gzipped Parquet", hint="unpack it first")
