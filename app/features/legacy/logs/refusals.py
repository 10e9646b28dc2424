"""Why a line or a file is not taken in: the codes, and the error that carries one to whoever quarantines."""

from __future__ import annotations

from enum import StrEnum

WHOLE_FILE = 0
"""The line number that stands for a file as a whole; physical lines count from 1."""


class QuarantineCode(StrEnum):
    # of a file as a whole
    NOT_A_LOG = "NOT_A_LOG"
    EMPTY_FILE = "EMPTY_FILE"
    BAD_HEADER = "BAD_HEADER"  # also of each line that no known column order explains either
    TOO_MANY_LINES = "TOO_MANY_LINES"
    ORPHAN_SERIES = "ORPHAN_SERIES"
    # of a line's text
    NOT_UTF8 = "NOT_UTF8"
    LINE_TOO_LONG = "LINE_TOO_LONG"
    BROKEN_QUOTES = "BROKEN_QUOTES"
    CUT_OFF = "CUT_OFF"
    WRONG_VALUE_COUNT = "WRONG_VALUE_COUNT"
    # of a cell
    BAD_RUN_ID = "BAD_RUN_ID"
    NOT_A_NUMBER = "NOT_A_NUMBER"
    NOT_A_DATE = "NOT_A_DATE"
    NOT_A_WORD = "NOT_A_WORD"
    UNKNOWN_FACTOR = "UNKNOWN_FACTOR"
    FACTOR_MISMATCH = "FACTOR_MISMATCH"
    # of values that contradict each other, or say nothing
    DATES_OUT_OF_ORDER = "DATES_OUT_OF_ORDER"
    YEARS_NOT_POSITIVE = "YEARS_NOT_POSITIVE"
    YEARS_DISAGREE = "YEARS_DISAGREE"
    ANNUALIZED_DISAGREES = "ANNUALIZED_DISAGREES"
    CUMULATIVE_DISAGREES = "CUMULATIVE_DISAGREES"
    NO_RESULT = "NO_RESULT"
    AMBIGUOUS = "AMBIGUOUS"
    CONFLICT = "CONFLICT"


class Refused(Exception):
    """A line or a file cannot be taken in; `reason` is one line, fit for users."""

    def __init__(self, code: QuarantineCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


SHOWN_CHARACTERS = 60


def shown(text: str) -> str:
    """A cell as a reason quotes it: on one line, with control characters escaped, cut to 60 characters."""
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "...")
