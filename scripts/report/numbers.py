"""Numbers as a page shows them: a true minus, a narrow space before units, a dash for what is not defined."""

from __future__ import annotations

import math
from datetime import date, datetime

DASH = "–"
_NARROW = "\u202f"


def percent(value: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """A fraction as per cent."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{number(100.0 * value, _fitting(100.0 * value, digits), signed=signed)}{_NARROW}%"


def number(value: float | None, digits: int = 2, *, signed: bool = False) -> str:
    if value is None or not math.isfinite(value):
        return DASH
    if abs(value) >= 1e12:
        return f"{value:.2e}".replace("-", "−")
    shown = f"{value:+,.{digits}f}" if signed else f"{value:,.{digits}f}"
    if float(shown.replace(",", "")) == 0.0:
        shown = shown.lstrip("+-")
    return shown.replace("-", "−")


def significant(value: float | None) -> str:
    """A number of unknown size, in four digits."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0.0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4g}".replace("-", "−")
    return f"{value:,.0f}".replace("-", "−") if 1e4 <= abs(value) < 1e15 else f"{value:.2e}".replace("-", "−")


def count(value: int | None) -> str:
    return DASH if value is None else f"{value:,}"


def day(value: date | str | None) -> str:
    return DASH if value is None else str(value)


def moment(value: datetime | None) -> str:
    return DASH if value is None else value.astimezone().strftime("%Y-%m-%d %H:%M")


def _fitting(value: float, digits: int) -> int:
    """Fewer decimals where there are many digits before the point."""
    return 0 if abs(value) >= 1_000 else digits
