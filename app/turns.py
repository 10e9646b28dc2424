"""Room for a few at a time, and for a bounded number of others that wait for their turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.errors import QueueFull


class Turns:
    """At most `at_once` inside at a time; first come, first served. `what` names them in the error."""

    def __init__(self, what: str, at_once: int) -> None:
        self._what = what
        self._at_once = at_once
        self._room = asyncio.Semaphore(at_once)
        self._asked = 0

    @asynccontextmanager
    async def turn(self, *, most_waiting: int) -> AsyncIterator[None]:
        """Wait for a turn. Raises QueueFull where `most_waiting` wait already."""
        if self._asked >= self._at_once + most_waiting:
            raise QueueFull(f"{most_waiting:,} {self._what} wait already", hint="try again in a moment")
        self._asked += 1
        try:
            async with self._room:
                yield
        finally:
            self._asked -= 1
