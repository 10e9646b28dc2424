"""What every service works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.kinds import KINDS, Kind
from app.runs.events import EventHub
from app.settings import Settings
from app.turns import Turns
from db.store import Store

if TYPE_CHECKING:
    from app.execution.executor import RunExecutor

_WRITES_AT_ONCE = 4
"""Of each sort that clients ask for. Writes take turns: however many of one sort wait, those of another, or a
run's end, have no more before them."""


@dataclass(frozen=True, slots=True)
class Services:
    """`executor` is None where runs are only read or queued: another process computes them."""

    settings: Settings
    store: Store
    events: EventHub
    executor: RunExecutor | None
    kinds: tuple[Kind, ...] = KINDS
    launches: Turns = field(default_factory=lambda: Turns("launches", _WRITES_AT_ONCE))
    edits: Turns = field(default_factory=lambda: Turns("changes of runs", _WRITES_AT_ONCE))

    def now(self) -> datetime:
        return datetime.now(UTC)

    def run_changed(self, *, queued: bool = False) -> None:
        """Tell followers, and for a queued run the executor, at once."""
        self.events.notify()
        if queued and self.executor is not None:
            self.executor.notify()
