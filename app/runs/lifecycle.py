"""The life of a run as a caller sees it: wait, cancel, delete, annotate."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from app.context import Services
from app.errors import (
    RunNotCancelable,
    RunNotDeletable,
    RunNotFound,
)
from app.runs.launch import checked_note, checked_tags
from app.storage.artifacts.place import remove_artifacts
from db.records import RunRecord
from db.runs import queue as run_store
from db.runs import read as run_queries
from db.runs.artifacts import get_artifacts

log = logging.getLogger(__name__)

MAX_WAIT_SECONDS = 30.0


async def wait_for_run(services: Services, run_id: int, seconds: float) -> RunRecord:
    """The run once it has ended, or as it is when the time is over or the server stops.

    Raises RunNotFound.
    """
    deadline = asyncio.get_running_loop().time() + min(seconds, MAX_WAIT_SECONDS)
    with services.events.listening():
        while True:
            changed = asyncio.ensure_future(services.events.changed())
            try:
                run = await get_run(services, run_id)
                remaining = deadline - asyncio.get_running_loop().time()
                if run.status.is_terminal or remaining <= 0 or services.events.waits_end:
                    return run
                await asyncio.wait([changed], timeout=remaining)
            finally:
                changed.cancel()


async def get_run(services: Services, run_id: int) -> RunRecord:
    run = (await run_queries.get_runs(services.store, [run_id])).get(run_id)
    if run is None:
        raise RunNotFound(f"there is no run {run_id}")
    return run


async def cancel_run(services: Services, run_id: int) -> RunRecord:
    """End a queued or running run; its computation is killed. Raises RunNotFound, RunNotCancelable."""
    outcome = await run_store.cancel_run(services.store, run_id, services.now())
    if outcome is None:
        raise RunNotFound(f"there is no run {run_id}")
    run, canceled = outcome
    if not canceled:
        raise RunNotCancelable(f"run {run_id} has ended already: {run.status.lower()}")
    if services.executor is not None:
        services.executor.kill(run_id)
    services.run_changed()
    return run


async def delete_run(services: Services, run_id: int) -> RunRecord:
    """Remove an ended run with its results and arrays for good.

    Raises RunNotFound, RunNotDeletable, and QueueFull where too many changes wait.
    """
    artifacts = await get_artifacts(services.store, run_id)
    async with services.edits.turn(most_waiting=services.settings.max_queued_runs):
        outcome = await run_store.delete_run(services.store, run_id)
    if outcome is None:
        raise RunNotFound(f"there is no run {run_id}")
    run, deleted = outcome
    if not deleted:
        raise RunNotDeletable(f"run {run_id} is {run.status.lower()}", hint="cancel it first")
    if artifacts:
        paths = [artifact.path for artifact in artifacts.values()]
        try:
            await asyncio.to_thread(remove_artifacts, services.settings.artifacts_dir, paths)
        except OSError as error:  # the run is gone all the same, and the next gc finds them
            log.warning("arrays of run %s cannot be deleted: %s", run_id, error)
    return run


async def annotate_run(
    services: Services, run_id: int, *, tags: Sequence[str] | None, note: str | run_store.Unset | None
) -> RunRecord:
    """Replace a run's tags and note; None leaves the tags, Unset the note.

    Raises RunNotFound, InvalidInput, and QueueFull where too many changes wait.
    """
    new_tags = None if tags is None else checked_tags(tags)
    new_note = note if isinstance(note, run_store.Unset) else checked_note(note)
    async with services.edits.turn(most_waiting=services.settings.max_queued_runs):
        run = await run_store.annotate_run(services.store, run_id, tags=new_tags, note=new_note)
    if run is None:
        raise RunNotFound(f"there is no run {run_id}")
    return run
