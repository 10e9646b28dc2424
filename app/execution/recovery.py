"""Finds running runs whose server is gone, and puts them back into the queue."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from app.execution.heartbeat import ClaimKey
from app.execution.worker.identity import is_alive
from db.records import Claim, RunStatus
from db.runs.queue import list_claims, retry_or_lose
from db.store import Store

log = logging.getLogger(__name__)


class Recovery:
    """A claim is lost when its process, on this host, is dead; or when its heartbeat has stood still for
    `stale_seconds` of this server's own clock, so that clocks which disagree between hosts do no harm.
    Runs of other kinds are left to those who know them."""

    def __init__(
        self,
        stale_seconds: float,
        kinds: Collection[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stale_seconds = stale_seconds
        self._kinds = kinds
        self._clock = clock
        self._last_changes: dict[Claim, float] = {}

    async def recover(self, store: Store, attempted: Collection[ClaimKey], worker: str) -> int:
        """Put back the lost runs (or fail them, after too many losses) and say how many there were.

        `attempted` are `worker`'s own, which are never lost. Errors: StoreError."""
        now = self._clock()
        claims = await list_claims(store, self._kinds)
        # A heartbeat makes an unequal claim, so what is still in here has not had one since.
        self._last_changes = {claim: self._last_changes.get(claim, now) for claim in claims}
        recovered = 0
        for claim, last_change in self._last_changes.items():
            if claim.claimed_by == worker and (claim.run_id, claim.attempt) in attempted:
                continue
            if is_alive(claim.claimed_by) is False or now - last_change >= self._stale_seconds:
                status = await retry_or_lose(store, claim, now=datetime.now(UTC))
                if status is not None:
                    recovered += 1
                    log.warning(
                        "run %d lost its process (%s): it %s",
                        claim.run_id,
                        claim.claimed_by,
                        "waits to be begun again" if status is RunStatus.QUEUED else "has failed",
                    )
        return recovered
