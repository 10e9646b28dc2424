"""How fast requests may go to one host: a token bucket, in the order of arrival, and a limit at one time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

LATENESS_SECONDS: Final = 0.05
"""How far a waiter that the event loop woke late may catch up. Without it every late timer would lower the
rate; with more of it a stall of the process would end in a rush."""


class Gate:
    """One host's gate. Belongs to one event loop.

    requests_per_second: refills the bucket. burst: its size, so as many may go at once after a rest.
    concurrency: requests under way at once. clock: monotonic, in seconds; `sleep` must agree with it.
    In no time t do more than burst + t * requests_per_second requests start, plus those that catch up.
    """

    def __init__(
        self,
        *,
        requests_per_second: float,
        burst: int = 1,
        concurrency: int = 8,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._interval = 1.0 / requests_per_second
        self._credit = (burst - 1) * self._interval
        self._clock = clock
        self._sleep = sleep
        self._under_way = asyncio.Semaphore(concurrency)
        self._queue = asyncio.Lock()
        # When the next token is there. It lies in the past by what was saved up.
        self._next = clock() - self._credit

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a token and for room; the room is held inside the block.

        Who is canceled while waiting takes no token and no place in the order.
        """
        # Room first: a token that is taken is used at once and does not age.
        async with self._under_way:
            await self._take()
            yield

    def pause(self, seconds: float) -> None:
        """Let nobody start for so long, and empty the bucket."""
        self._next = max(self._next, self._clock() + seconds)

    async def _take(self) -> None:
        credit = self._credit
        if self._queue.locked():
            credit = max(credit, LATENESS_SECONDS)
        async with self._queue:
            while (wait := self._next - self._clock()) > 0:  # again, since a pause may have come in between
                credit = max(credit, LATENESS_SECONDS)
                await self._sleep(wait)
            self._next = max(self._next, self._clock() - credit) + self._interval
