"""What an attempt carries out, whatever kind of run it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from app.execution.worker.exchange import ChildExited
from app.execution.worker.protocol import Failure, Progress
from db.records import RunResults

NoteProgress = Callable[[Progress], None]
"""Called from any thread."""


Outcome = RunResults | Failure | ChildExited


class RunTask(Protocol):
    """`name` stands in messages ("the computation"); it may take `timeout_seconds`."""

    name: str
    timeout_seconds: float

    async def outcome(self, note: NoteProgress) -> Outcome:
        """Do it, once. Raises nothing but StoreUnavailable and what is a fault of the program."""
        ...

    def stop(self) -> None:
        """Cut it short, from any thread and at any moment, also before it begins; the outcome is then
        ChildExited."""
        ...
