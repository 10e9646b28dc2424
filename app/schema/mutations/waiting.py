"""How long a mutation may wait for the end of what it launched."""

from __future__ import annotations

from app.schema.errors import invalid_argument
from app.services.runs import MAX_WAIT_SECONDS


def check_wait(wait_seconds: float) -> None:
    """Raises InvalidInput unless the seconds are in range."""
    if not 0 <= wait_seconds <= MAX_WAIT_SECONDS:
        message = f"waitSeconds must be from 0 to {MAX_WAIT_SECONDS:g}, not {wait_seconds:g}"
        raise invalid_argument(("waitSeconds",), "OUT_OF_RANGE", message)
