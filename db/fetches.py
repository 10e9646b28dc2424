"""The end of a fetch: its dataset, its report and SUCCEEDED, committed together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select

from db.datasets import write_dataset
from db.events import append_events
from db.records import NewDataset, RunEventKind, RunResults, RunStatus
from db.results import pack_results, write_results
from db.run_rows import run
from db.runs import fence, update_held
from db.store import Store, store_access


@store_access
async def finish_fetch(
    store: Store,
    run_id: int,
    attempt: int,
    worker: str,
    dataset: NewDataset,
    results: RunResults,
    counts: Mapping[str, int],
    now: datetime,
) -> bool:
    """The snapshot is the current version of its name and the run has succeeded with it; False, and nothing
    written, if the claim is lost.

    Errors: ValueError for results that cannot be packed."""
    packed = await asyncio.to_thread(pack_results, run_id, results)
    held_by = fence(run_id, attempt, worker)
    async with store.write(exclusive=True) as connection:
        if await connection.scalar(select(run.c.id).where(held_by)) is None:
            return False
        record, _ = await write_dataset(connection, dataset, now)
        ended = {
            "status": RunStatus.SUCCEEDED.value,
            "finished_at": now,
            "progress_fraction": 1.0,
            "progress_stage": "done",
            "progress_counts": dict(counts),
            "dataset_id": record.id,
        }
        if not await update_held(connection, held_by, ended):  # the claims are changed in exclusive turns
            raise RuntimeError(f"run {run_id} lost its claim in the middle of a transaction")
        await write_results(connection, packed)
        await append_events(connection, [run_id], RunEventKind.SUCCEEDED, now)
        return True
