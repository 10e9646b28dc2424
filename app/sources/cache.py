"""Vendors' answers kept on disk for a while, so that a fetch that is started again asks for what it lacks.

One file an answer, named by the SHA-256 of its address without secrets:

    {"format": 1, "url": "https://...", "stored_at": "...", "bytes": 92, "sha256": "..."}
    <the body, zlib>

Any file may be deleted at any time. A file that is not whole and exactly as written counts as absent, so
writers rename without waiting for the disk.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import stat
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final

FORMAT: Final = 1
TEMPORARY_PREFIX: Final = ".temporary-"
TEMPORARY_GRACE: Final = timedelta(hours=1)
_SUFFIX: Final = ".response"
_ENTRY_NAME = re.compile(r"[0-9a-f]{64}" + re.escape(_SUFFIX))
_MAX_HEADER_BYTES: Final = 64 * 1024
_COMPRESSION_LEVEL: Final = 3
_NO_ENTRY: Final = (ValueError, KeyError, TypeError, OverflowError, RecursionError, zlib.error)
"""What reading a file that is no entry may raise."""

_log = logging.getLogger(__name__)


def responses_dir(cache_dir: Path) -> Path:
    """Where the entries are; all of it may be deleted at any time."""
    return cache_dir / "responses"


def utc_now() -> datetime:
    return datetime.now(UTC)


class ResponseCache:
    """The entries of one folder, shared with other processes. All calls block on the disk.

    folder: made when the first entry is. time_to_live: an older entry counts as absent. clock: aware times.
    """

    def __init__(
        self, folder: Path, time_to_live: timedelta, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._folder = folder
        self._time_to_live = time_to_live
        self._clock = clock
        self._complained = False

    def read(self, url: str, not_before: datetime | None = None) -> bytes | None:
        """The body that was stored for `url`, None if there is none that is good and young enough.

        url: without secrets. not_before: an entry stored earlier counts as absent too.
        """
        try:
            with _open_plain_file(self._folder / _entry_name(url)) as file:
                header = _read_header(file)
                if header["url"] != url or not self._is_current(header, not_before):
                    return None
                return _read_body(file, header)
        except (OSError, *_NO_ENTRY):
            return None

    def store(self, url: str, body: bytes) -> None:
        """Keep `body` in place of what was there. Not being able to is no error."""
        header = {
            "format": FORMAT,
            "url": url,
            "stored_at": self._clock().isoformat(),
            "bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        content = json.dumps(header).encode() + b"\n" + zlib.compress(body, _COMPRESSION_LEVEL)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _write_whole(self._folder / _entry_name(url), content)
        except OSError as error:
            if not self._complained:  # a full disk would repeat it for every answer
                self._complained = True
                _log.warning("answers of vendors cannot be kept for a restart: %s", error.strerror)

    def _is_current(self, header: dict[str, Any], not_before: datetime | None) -> bool:
        stored_at = datetime.fromisoformat(header["stored_at"])
        now = self._clock()
        # An entry from the future was stored by a clock that cannot be compared with this one.
        return now - self._time_to_live < stored_at <= now and (not_before is None or stored_at >= not_before)


def stale_responses(
    cache_dir: Path, time_to_live: timedelta, clock: Callable[[], datetime] = utc_now
) -> tuple[Path, ...]:
    """Entries that are too old or cannot be read, and what killed writers left: to be deleted.

    Files that were never the cache's are not among them.
    """
    folder = responses_dir(cache_dir)
    if not folder.is_dir():
        return ()
    stale = []
    for path in sorted(folder.iterdir()):
        with suppress(OSError):
            if _ENTRY_NAME.fullmatch(path.name):
                if _is_older(path, clock() - time_to_live):
                    stale.append(path)
            elif path.name.startswith(TEMPORARY_PREFIX):
                age_seconds = time.time() - path.lstat().st_mtime
                if age_seconds >= TEMPORARY_GRACE.total_seconds():
                    stale.append(path)
    return tuple(stale)


def _is_older(path: Path, moment: datetime) -> bool:
    with _open_plain_file(path) as file:
        try:
            return datetime.fromisoformat(_read_header(file)["stored_at"]) <= moment
        except _NO_ENTRY:
            return True


def _entry_name(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest() + _SUFFIX


def _open_plain_file(path: Path) -> BinaryIO:
    """Raises OSError for a link, a folder or a device too, and never waits for a pipe's other end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a plain file")
    return os.fdopen(descriptor, "rb")


def _read_header(file: BinaryIO) -> dict[str, Any]:
    line = file.readline(_MAX_HEADER_BYTES)
    header = json.loads(line)
    if not line.endswith(b"\n") or not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError("not an entry")
    return header


def _read_body(file: BinaryIO, header: dict[str, Any]) -> bytes:
    size = header["bytes"]
    if not isinstance(size, int) or size < 0:
        raise ValueError("not an entry")
    decompressor = zlib.decompressobj()
    body = decompressor.decompress(file.read(), size + 1)  # no more memory than the entry claims to need
    if (
        len(body) != size
        or not decompressor.eof
        or decompressor.unused_data
        or hashlib.sha256(body).hexdigest() != header["sha256"]
    ):
        raise ValueError("a damaged entry")
    return body


def _write_whole(target: Path, content: bytes) -> None:
    temporary = target.parent / f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:
            file.write(content)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
