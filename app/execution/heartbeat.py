"""Keeps this process's claims alive, from a thread of its own; the pulse by which health knows that it can.

The thread has its own event loop and its own connection: something that blocks the server's loop for seconds
must not make other servers believe that its runs are lost.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from db.errors import StoreError
from db.runs.queue import heartbeat, remove_workers
from db.store import Store

_FORGOTTEN = timedelta(days=1)
"""After so long a worker that was killed leaves no trace."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pulse:
    """The last write that succeeded: when, or None before the first; and how many seconds ago it was, or the
    thread began."""

    last_write_at: datetime | None
    age_seconds: float


ClaimKey = tuple[int, int]
"""A run's id and the attempt that fences it."""


class HeartbeatThread:
    """Confirms this worker and all `claims()` in one transaction every `interval_seconds`; without claims,
    too: that tells whether the store can be written to.

    `on_lost` gets, in the thread, each claim that is not this worker's any more: canceled, or taken over."""

    def __init__(
        self,
        *,
        store_url: str,
        worker: str,
        claims: Callable[[], Collection[ClaimKey]],
        on_lost: Callable[[ClaimKey], None],
        interval_seconds: float,
    ) -> None:
        self._store_url = store_url
        self._worker = worker
        self._claims = claims
        self._on_lost = on_lost
        self._interval_seconds = interval_seconds
        self._stopping = threading.Event()
        self._store: Store | None = None
        self._last_write_at: datetime | None = None
        self._last_write = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="factorql-heartbeat", daemon=True)

    def start(self) -> None:
        self._last_write = time.monotonic()
        self._thread.start()

    @property
    def pulse(self) -> Pulse:
        """From any thread, and at no cost."""
        return Pulse(self._last_write_at, time.monotonic() - self._last_write)

    def stop(self) -> None:
        self._stopping.set()

    def join(self, timeout_seconds: float) -> None:
        """Wait until it has stopped: at once, unless the database keeps it waiting."""
        if self._thread.ident is not None:
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            failure = ""
            while not self._stopping.wait(self._interval_seconds):
                try:
                    runner.run(self._beat())
                    failure = ""
                except StoreError as error:
                    if str(error) != failure:  # once, not every few seconds
                        log.warning("no heartbeat: %s", error)
                    failure = str(error)
                except Exception:
                    log.exception("no heartbeat")
            if self._store is not None:
                with suppress(StoreError):
                    runner.run(remove_workers(self._store, self._worker))
                runner.run(self._store.close())

    async def _beat(self) -> None:
        claims = tuple(self._claims())
        now = datetime.now(UTC)
        if self._store is None:
            self._store = await Store.open(self._store_url, migrate=False)
            await remove_workers(self._store, silent_since=now - _FORGOTTEN)
        held = await heartbeat(self._store, claims, self._worker, now)
        self._last_write_at, self._last_write = now, time.monotonic()
        for claim in claims:
            if claim[0] not in held:
                self._on_lost(claim)
