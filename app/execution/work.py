"""What a flight carries out, whatever kind of run it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from app.execution.conversation import Ended
from app.execution.protocol import Failure, Progress
from db.records import NewDataset, RunResults

NoteProgress = Callable[[Progress], None]
"""Called from any thread."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A dataset whose files are in place; its row, the report and the run's end are to be committed together.
    `counts` are those of the fetch's progress at its end."""

    dataset: NewDataset
    results: RunResults
    counts: Mapping[str, int]


Outcome = RunResults | Fetched | Failure | Ended


class Work(Protocol):
    """`name` stands in messages ("the computation"); it may take `timeout_seconds`."""

    name: str
    timeout_seconds: float

    async def outcome(self, note: NoteProgress) -> Outcome:
        """Do it, once. Raises nothing but StoreUnavailable and what is a fault of the program."""
        ...

    def stop(self) -> None:
        """Cut it short, from any thread and at any moment, also before it begins: the outcome is Ended."""
        ...
