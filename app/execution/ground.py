"""What all runs of one executor share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from app.execution.launcher import Launcher
from app.execution.timing import Timing
from app.execution.vendors import Vendors
from app.settings import Settings
from db.errors import StoreUnavailable
from db.store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """`on_event` is called after every change of a run, `on_succeeded` with the id of each run whose results
    were committed by this executor. It must not raise."""

    store: Store
    settings: Settings
    worker: str
    launcher: Launcher
    vendors: Vendors
    timing: Timing
    on_event: Callable[[], None]
    on_succeeded: Callable[[int], Awaitable[None]] | None = None
    fingerprints: dict[int, str] = field(default_factory=dict)
    """By dataset id; neither ever changes."""

    async def persistently(self, run_id: int, access: Callable[[], Awaitable[T]]) -> T:
        """Try again for a while when the database is busy or away; StoreUnavailable when it stays so."""
        for wait in self.timing.commit_retries:
            try:
                return await access()
            except StoreUnavailable as error:
                log.warning("run %d: trying again in %g s: %s", run_id, wait, error)
                await asyncio.sleep(wait)
        return await access()
