"""What all runs of one executor share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from app.execution.timing import Timing
from app.execution.worker.launcher import Launcher
from app.settings import Settings
from db.errors import StoreUnavailable
from db.store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")


class Resource(Protocol):
    """A thing that runs share while their executor lives."""

    def __init__(self, settings: Settings) -> None: ...

    async def close(self) -> None: ...


R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnvironment:
    """`on_event` is called after every change of a run, `on_succeeded` with the id of each run whose results
    were committed by this executor. It must not raise."""

    store: Store
    settings: Settings
    worker: str
    launcher: Launcher
    timing: Timing
    on_event: Callable[[], None]
    on_succeeded: Callable[[int], Awaitable[None]] | None = None
    fingerprints: dict[int, str] = field(default_factory=dict)
    """By dataset id; neither ever changes."""
    opened: dict[type, Any] = field(default_factory=dict)

    def shared(self, resource: type[R]) -> R:
        """Return the one of its type that all runs of this executor share, such as a client: made of the
        settings when it is first asked for, and closed with the executor."""
        if resource not in self.opened:
            self.opened[resource] = resource(self.settings)
        found: R = self.opened[resource]
        return found

    async def close(self) -> None:
        """Close what was shared. Runs must have ended."""
        for resource in self.opened.values():
            await resource.close()

    async def retry_on_unavailable(self, run_id: int, access: Callable[[], Awaitable[T]]) -> T:
        """Try again for a while when the database is busy or away; StoreUnavailable when it stays so."""
        for wait in self.timing.commit_retries:
            try:
                return await access()
            except StoreUnavailable as error:
                log.warning("run %d: trying again in %g s: %s", run_id, wait, error)
                await asyncio.sleep(wait)
        return await access()
