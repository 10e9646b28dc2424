"""What every service works with, opened and closed together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.kinds import KINDS, Kind
from app.services.events import EventHub
from app.settings import Settings
from app.storage import prepare_data_dir
from app.turns import Turns
from db.store import Store

if TYPE_CHECKING:
    from app.execution.executor import RunExecutor

JOBS = "app.jobs"
"""What children run. No setting, request or row chooses it."""
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


@asynccontextmanager
async def open_services(
    settings: Settings, *, execute: bool, kinds: tuple[Kind, ...] = KINDS, jobs: str = JOBS
) -> AsyncIterator[Services]:
    """Open and migrate the store; with `execute`, recover dead claims and start computing what is queued.

    jobs: the module that children run, which knows the jobs of all `kinds`.
    """
    prepare_data_dir(settings)
    async with await Store.open(settings.store_url) as store:
        events = EventHub(store)
        executor = _executor(store, settings, events, kinds, jobs) if execute else None
        if executor is not None:
            await executor.start()
        try:
            yield Services(settings, store, events, executor, kinds)
        finally:
            if executor is not None:
                await executor.stop()
            await events.close()


def _executor(
    store: Store, settings: Settings, events: EventHub, kinds: tuple[Kind, ...], jobs: str
) -> RunExecutor:
    # imported here: commands that only read start in half the time without
    from app.execution.executor import RunExecutor

    on_succeeded = None
    if settings.csv_log_dir is not None:
        from app.services.csv_log import CsvLog

        on_succeeded = CsvLog(store, settings.csv_log_dir).append
    return RunExecutor(
        store, settings, events.notify, on_succeeded=on_succeeded, kinds=kinds, computation=jobs
    )
