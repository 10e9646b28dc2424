"""What the series of a factor count in; most are returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OTHER_UNITS: Final[Mapping[str, str]] = {
    "TURNOVER": "one-way fraction of a leg's capital per period",
    "BREADTH": "assets",
    "IC": "rank correlation",
    "SIGNAL_AUTOCORRELATION": "rank correlation",
}
"""Of those that are not returns."""
