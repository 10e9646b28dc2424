"""Appending one run to the logs of a folder that others read, and perhaps write, at the same time.

A reader never sees half a line of ours: a line is one write, and a series appears under its name when it is
whole. What a crash of the machine leaves is what was acknowledged, since everything is synchronised to disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from app.legacy_logs.records import LegacyRun, LegacySeries
from app.legacy_logs.write import (
    factor_file_name,
    returns_file_name,
    write_factor_csv,
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
    a run id. A new log gets the header; in one that exists the row has the newest order whatever its header
    says, as it always was in these logs. Raises OSError and filelock.Timeout; nothing is appended then.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with FileLock(directory / LOCK_NAME, timeout=LOCK_SECONDS):
        factor = row_of(run_id)[0].factor
        log = directory / factor_file_name(factor)
        taken = _run_ids(log)
        while run_id in taken or (directory / returns_file_name(factor, run_id)).exists():
            run_id = next_run_id(run_id)
        run, series = row_of(run_id)
        returns = None if series is None else directory / returns_file_name(factor, run_id)
        if series is not None and returns is not None:
            _create(returns, write_returns_csv(series))
        try:
            _append(log, write_factor_csv([run]))
        except BaseException:
            if returns is not None:
                returns.unlink(missing_ok=True)
            raise
    return run_id


def _run_ids(log: Path) -> frozenset[str]:
    """What stands in the first column, header included."""
    try:
        lines = log.read_bytes().splitlines()
    except FileNotFoundError:
        return frozenset()
    firsts = (line.partition(b",")[0].strip().strip(b'"') for line in lines)
    return frozenset(first.decode("ascii", errors="replace") for first in firsts)


def _append(log: Path, content: bytes) -> None:
    """The content, without its header where the log has something; all of it or nothing."""
    handle = os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(handle).st_size
        if size > 0:
            ended = os.pread(handle, 1, size - 1) in (b"\n", b"\r")
            # A line that somebody was cut off in must not take ours with it.
            content = (b"" if ended else b"\n") + content.partition(b"\n")[2]
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
