"""The return series of a sweep."""

from __future__ import annotations

from enum import StrEnum


class SweepSeriesName(StrEnum):
    """BEST_POINT is what the best point earned, 0 where it held nothing; WALK_FORWARD what choosing the best
    so far would have earned, from its first choice on."""

    BEST_POINT = "BEST_POINT"
    WALK_FORWARD = "WALK_FORWARD"
