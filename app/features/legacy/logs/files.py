"""A file as it lies there: what its name says it is, and its bytes as numbered lines of text.

Lines are physical: a row of these logs never spans two, so that an unclosed quote costs its own line and no
other, and every line keeps the number an editor shows.
"""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass

from app.features.legacy.logs.records import FileKind
from app.features.legacy.logs.refusals import QuarantineCode, Refused

MAX_LINES = 50_000
MAX_LINE_BYTES = 10_000
MAX_RAW_CHARACTERS = 100_000
"""How much of a text quarantine keeps; beyond it the cut is marked, and the file itself is the record."""

_RETURNS_NAME = re.compile(r"(?P<factor>.+)_(?P<run_id>[0-9]{8}_[0-9]{6})_returns\.csv")
_MONTHLY_NAME = re.compile(r"(?P<factor>.+)_monthly_metrics\.csv")
_FACTOR_NAME = re.compile(r"(?P<factor>.+)\.csv")


@dataclass(frozen=True, slots=True)
class FileName:
    """What a name says: `factor` for the three kinds of log, `legacy_run_id` for a returns file only.

    The factor is not checked: any `<word>.csv` may be the log of a factor that is unknown here.
    """

    kind: FileKind
    factor: str = ""
    legacy_run_id: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A physical line, numbered from 1, without its end. `fault` is set where it could not be read as text.

    `text` is for reading, `raw` for keeping: there, what a database or a terminal would choke on is escaped.
    """

    number: int
    text: str
    ended: bool
    fault: Refused | None = None

    @property
    def raw(self) -> str:
        return storable(self.text)

    def cells(self) -> list[str]:
        """The line's values, unquoted and stripped. Refused if it is no text or its quotes do not close."""
        if self.fault is not None:
            raise self.fault
        try:
            values = next(csv.reader([self.text], strict=True, skipinitialspace=True))
        except csv.Error:
            raise Refused(QuarantineCode.BROKEN_QUOTES, "its quotes do not close or do not match") from None
        return [value.strip(" \t") for value in values]


def classify(name: str) -> FileName:
    """What the file is by its name, folders before it and upper or lower case aside."""
    base = re.split(r"[/\\]", name)[-1].lower()
    if base.startswith((".", "readme")) or base.endswith(".md"):
        return FileName(FileKind.IGNORED)
    if match := _RETURNS_NAME.fullmatch(base):
        return FileName(FileKind.RETURNS, match["factor"], match["run_id"])
    if match := _MONTHLY_NAME.fullmatch(base):
        return FileName(FileKind.MONTHLY_METRICS, match["factor"])
    if match := _FACTOR_NAME.fullmatch(base):
        return FileName(FileKind.FACTOR_LOG, match["factor"])
    return FileName(FileKind.NOT_A_LOG)


def non_blank_lines(content: bytes) -> list[Line]:
    """The file's lines that hold more than white space, without a byte-order mark.

    Ends are LF, CRLF or CR. A line that is too long or not UTF-8 comes with its fault, its text escaped.
    Raises Refused (TOO_MANY_LINES) past 50,000 lines, before anything is split, and EMPTY_FILE.
    """
    content = content.removeprefix(codecs.BOM_UTF8)
    if max(content.count(b"\n"), content.count(b"\r")) > MAX_LINES:
        raise Refused(QuarantineCode.TOO_MANY_LINES, f"more than {MAX_LINES} lines")
    lines = []
    for number, physical in enumerate(content.splitlines(keepends=True), start=1):
        encoded = physical.rstrip(b"\r\n")
        if encoded.strip():
            lines.append(_line(number, encoded, ended=len(encoded) < len(physical)))
    if not lines:
        raise Refused(QuarantineCode.EMPTY_FILE, "the file is empty")
    return lines


def _line(number: int, encoded: bytes, *, ended: bool) -> Line:
    if len(encoded) > MAX_LINE_BYTES:
        fault = Refused(QuarantineCode.LINE_TOO_LONG, f"longer than {MAX_LINE_BYTES} bytes")
        return Line(number, _escaped(encoded), ended, fault)
    try:
        return Line(number, encoded.decode(), ended)
    except UnicodeDecodeError:
        fault = Refused(QuarantineCode.NOT_UTF8, "not UTF-8 text")
        return Line(number, _escaped(encoded), ended, fault)


def raw_text(content: bytes) -> str:
    """A whole file's text for quarantine: what is not UTF-8 escaped, cut (and marked so) if it is long."""
    return storable(_escaped(content.removeprefix(codecs.BOM_UTF8)))


def storable(text: str) -> str:
    """`text` as any database takes it: no NUL, no lone surrogate, and cut (and marked so) if it is long."""
    text = text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    if len(text) <= MAX_RAW_CHARACTERS:
        return text
    return text[:MAX_RAW_CHARACTERS] + " [cut here]"


def _escaped(encoded: bytes) -> str:
    # four bytes are the most that one character takes: no need to decode all of a huge file
    return encoded[: 4 * MAX_RAW_CHARACTERS + 4].decode("utf-8", "backslashreplace")
