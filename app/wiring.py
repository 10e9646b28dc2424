"""Opens and closes together what services work with: the store, events, and what carries runs out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from app.context import Services
from app.kinds import KINDS, Kind, features_of
from app.runs.events import EventHub
from app.settings import Settings
from app.storage.places import prepare_data_dir
from db.store import Store

if TYPE_CHECKING:
    from app.execution.executor import RunExecutor

JOBS = "app.jobs"
"""What children run. No setting, request or row chooses it."""


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

    return RunExecutor(
        store,
        settings,
        events.notify,
        on_succeeded=_on_succeeded(store, settings, kinds),
        kinds=kinds,
        computation=jobs,
    )


def _on_succeeded(
    store: Store, settings: Settings, kinds: tuple[Kind, ...]
) -> Callable[[int], Awaitable[None]] | None:
    """Return what tells all features that want to know of a run that has succeeded; None where none does."""
    modules = [import_module(f"{feature.package}.start") for feature in features_of(kinds) if feature.starts]
    hooks = [hook for module in modules if (hook := module.on_succeeded(store, settings)) is not None]
    if not hooks:
        return None

    async def tell_all(run_id: int) -> None:
        for hook in hooks:
            await hook(run_id)

    return tell_all
