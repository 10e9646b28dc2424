"""What the older system's logs do in a server: each run that succeeds is appended where the settings say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app.settings import Settings
from db.store import Store


def on_succeeded(store: Store, settings: Settings) -> Callable[[int], Awaitable[None]] | None:
    """Return what appends a succeeded run to the logs; None where there is no folder for them."""
    if settings.csv_log_dir is None:
        return None
    from app.features.legacy.csv_log import CsvLog  # most servers write none

    return CsvLog(store, settings.csv_log_dir).append
