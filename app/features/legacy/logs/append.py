"""Appending one run to the logs of a folder that others read, and perhaps write, at the same time.

A reader never sees half a line of ours: a line is one write, and a series appears under its name when it is
whole. What a crash of the machine leaves is what was acknowledged, since everything is synchronised to disk.
"""

from __future__ import annotations

import codecs
import csv
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from app.features.legacy.logs.columns import NEWEST_ORDER, Header
from app.features.legacy.logs.records import LegacyRun, LegacySeries
from app.features.legacy.logs.write import (
    factor_file_name,
    returns_file_name,
    write_factor_csv,
    write_factor_row,
    write_returns_csv,
)

LOCK_NAME = ".factorql.lock"
LOCK_SECONDS = 30.0


def append_run(
    directory: Path,
    run_id: str,
    next_run_id: Callable[[str], str],
    row_of: Callable[[str], tuple[LegacyRun, LegacySeries | None]],
) -> str:
    """Append a run to `<factor>.csv` and write its `<factor>_<run id>_returns.csv`; its run id.

    That is `run_id`, or the first of its successors that neither file has yet. `row_of` makes the records of
    a run id. A new log has the newest order of columns. In one that exists the row has the order of its
    header, by which others read it: a value for which that has no column is left out, one that is unknown
    here stays empty. Raises OSError and filelock.Timeout; nothing is appended then.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with FileLock(directory / LOCK_NAME, timeout=LOCK_SECONDS):
        factor = row_of(run_id)[0].factor
        log = directory / factor_file_name(factor)
        existing = _read(log)
        while run_id in existing.run_ids or (directory / returns_file_name(factor, run_id)).exists():
            run_id = next_run_id(run_id)
        run, series = row_of(run_id)
        returns = None if series is None else directory / returns_file_name(factor, run_id)
        if series is not None and returns is not None:
            _create(returns, write_returns_csv(series))
        try:
            _append(log, write_factor_csv([run]), write_factor_row(run, existing.columns))
        except BaseException:
            if returns is not None:
                returns.unlink(missing_ok=True)
            raise
    return run_id


@dataclass(frozen=True, slots=True)
class _Existing:
    """run_ids: what stands in the first column, header included. columns: those that a row is to have."""

    run_ids: frozenset[str]
    columns: tuple[str, ...]


def _read(log: Path) -> _Existing:
    try:
        content = log.read_bytes()
    except FileNotFoundError:
        content = b""
    lines = [line for line in content.removeprefix(codecs.BOM_UTF8).splitlines() if line.strip()]
    firsts = (line.partition(b",")[0].strip().strip(b'"') for line in lines)
    return _Existing(
        run_ids=frozenset(first.decode("ascii", errors="replace") for first in firsts),
        columns=_columns_of(lines[0]) if lines else NEWEST_ORDER.columns,
    )


def _columns_of(first_line: bytes) -> tuple[str, ...]:
    """Those that the line names if it is a header, else the newest order."""
    try:
        cells = next(csv.reader([first_line.decode()], skipinitialspace=True))
    except (UnicodeDecodeError, csv.Error):
        return NEWEST_ORDER.columns
    header = Header.of([cell.strip() for cell in cells])
    return header.columns if header.names_runs else NEWEST_ORDER.columns


def _append(log: Path, first_lines: bytes, line: bytes) -> None:
    """The line, or what a log without any begins with; all of it or nothing."""
    handle = os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(handle).st_size
        content = first_lines
        if size > 0:
            ended = os.pread(handle, 1, size - 1) in (b"\n", b"\r")
            # A line that somebody was cut off in must not take ours with it.
            content = line if ended else b"\n" + line
        try:
            if os.write(handle, content) != len(content):
                raise OSError(f"{log.name} could be written only in part")
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
    if size == 0:
        _synchronise(log.parent)


def _create(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _synchronise(path.parent)


def _synchronise(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
