"""Everything that changes a run: launch, claim, progress, end, retry, cancel, delete, annotate.

Each change is one short transaction that also appends the run's event. What is done on behalf of a claim is
fenced: it happens only while the run is RUNNING, claimed by that worker, in that attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from db.columns import is_row_id
from db.datasets import write_dataset
from db.errors import DatasetGone, QueueFull
from db.models import Dataset, Worker
from db.records import (
    UNSET,
    Claim,
    NewRun,
    Reuse,
    RunEventKind,
    RunOrigin,
    RunRecord,
    RunResults,
    RunStatus,
    Unset,
)
from db.runs.events import append_events
from db.runs.inputs import run_input
from db.runs.results import pack_results, write_results
from db.runs.rows import fetch_run, run, run_record, run_tag, select_runs
from db.store import Store, store_access

WORKER_LOST = "WORKER_LOST"

worker_table = Worker.__table__
_LIVE = (RunStatus.QUEUED.value, RunStatus.RUNNING.value)
_TERMINAL = tuple(status.value for status in RunStatus if status.is_terminal)


@store_access
async def launch_run(store: Store, new: NewRun, *, max_queued: int, now: datetime) -> tuple[RunRecord, bool]:
    """Queue a run, or return the unforced one with the same identity that `new.reuse` allows to be taken
    instead: (run, reused).

    Errors: QueueFull when `max_queued` runs wait already; DatasetGone."""
    async with store.read() as connection:
        existing = await _reusable(connection, new)
    if existing is not None:
        return existing, True
    try:
        async with store.write(exclusive=True) as connection:
            existing = await _reusable(connection, new)
            if existing is not None:
                return existing, True
            return await _queue(connection, new, max_queued, now), False
    except IntegrityError:
        # The unique index has the last word, whoever wrote the other run.
        async with store.read() as connection:
            existing = await _reusable(connection, new)
        if existing is None:
            raise
        return existing, True


async def _reusable(connection: AsyncConnection, new: NewRun) -> RunRecord | None:
    if new.forced or new.reuse is Reuse.NEVER:
        return None
    succeeded = (run.c.status == RunStatus.SUCCEEDED.value) & (run.c.reuse == Reuse.SUCCEEDED.value)
    row = (
        await connection.execute(
            select_runs().where(
                run.c.identity_hash == new.identity_hash,
                (run.c.status.in_(_LIVE) & (run.c.reuse != Reuse.NEVER.value)) | succeeded,
                ~run.c.forced,
                run.c.origin == RunOrigin.COMPUTED.value,
            )
        )
    ).first()
    return None if row is None else run_record(row)


async def _queue(connection: AsyncConnection, new: NewRun, max_queued: int, now: datetime) -> RunRecord:
    if new.dataset_id is not None:
        dataset = Dataset.__table__
        present = select(dataset.c.id).where(dataset.c.id == new.dataset_id, dataset.c.deleted_at.is_(None))
        if await connection.scalar(present) is None:
            raise DatasetGone(new.dataset_id)
    queued = select(func.count()).where(run.c.status == RunStatus.QUEUED.value)
    if new.engine_version is not None:
        # What waits for another version of the engine must not keep this one from working.
        queued = queued.where(run.c.engine_version.is_(None) | (run.c.engine_version == new.engine_version))
    if (await connection.scalar(queued) or 0) >= max_queued:
        raise QueueFull(max_queued)
    row = {
        "kind": str(new.kind),
        "subject": new.subject,
        "status": RunStatus.QUEUED.value,
        "origin": RunOrigin.COMPUTED.value,
        "config": dict(new.config),
        "unrecorded_fields": [],
        "identity_hash": new.identity_hash,
        "forced": new.forced,
        "dataset_id": new.dataset_id,
        "engine_version": new.engine_version,
        "import_remarks": [],
        "created_at": now,
        "progress_fraction": 0.0,
        "progress_stage": "queued",
        "attempt": 0,
        "note": new.note,
        "reuse": new.reuse.value,
        "losses": 0,
    }
    run_id: int = (await connection.execute(insert(run).returning(run.c.id), row)).scalar_one()
    if new.inputs:
        rows = [{"run_id": run_id, "position": at, **asdict(one)} for at, one in enumerate(new.inputs)]
        await connection.execute(insert(run_input), rows)
    await _set_tags(connection, run_id, new.tags)
    await append_events(connection, [run_id], RunEventKind.QUEUED, now)
    record = await fetch_run(connection, run_id)
    assert record is not None  # noqa: S101
    return record


@store_access
async def claim_run(
    store: Store,
    worker: str,
    now: datetime,
    *,
    kinds: Collection[str],
    engine_version: str | None = None,
    has_data: Callable[[str], bool] = lambda fingerprint: True,
) -> RunRecord | None:
    """Hand `worker` (host:pid:start time) the oldest QUEUED run that it can carry out; None when none waits.

    It can carry out runs of these kinds that were queued for its engine's version (None: for any) and whose
    dataset, by fingerprint, it has; fetches have neither. Exceptions of `has_data` pass through."""
    waits = and_(run.c.status == RunStatus.QUEUED.value, run.c.kind.in_(list(map(str, kinds))))
    if engine_version is not None:
        waits &= run.c.engine_version.is_(None) | (run.c.engine_version == engine_version)
    # Without a transaction first: an idle worker that polls must not keep taking the write lock.
    needed = select(run.c.dataset_id, Dataset.__table__.c.fingerprint).distinct()
    async with store.read() as connection:
        waiting = await connection.execute(
            needed.select_from(run.join(Dataset.__table__, isouter=True)).where(waits)
        )
        fingerprints: dict[int | None, str | None] = {row.dataset_id: row.fingerprint for row in waiting}
    there = [number for number, name in fingerprints.items() if name is not None and has_data(name)]
    if not there and None not in fingerprints:
        return None
    oldest = (
        select(run.c.id)
        .where(waits, run.c.dataset_id.is_(None) | run.c.dataset_id.in_(there))
        .order_by(run.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    statement = (
        update(run)
        .where(run.c.id == oldest, run.c.status == RunStatus.QUEUED.value)
        .values(
            status=RunStatus.RUNNING.value,
            claimed_by=worker,
            attempt=run.c.attempt + 1,
            started_at=now,
            heartbeat_at=now,
            progress_fraction=0.0,
            progress_stage="starting",
            progress_counts=None,
        )
        .returning(run.c.id)
    )
    async with store.write(exclusive=True) as connection:
        run_id = (await connection.execute(statement)).scalar_one_or_none()
        if run_id is None:
            return None
        await append_events(connection, [run_id], RunEventKind.STARTED, now)
        return await fetch_run(connection, run_id)


@store_access
async def heartbeat(store: Store, claims: Sequence[tuple[int, int]], worker: str, now: datetime) -> set[int]:
    """Say that `worker` is alive, and for all (run id, attempt) pairs at once that it holds them; return the
    run ids that it still holds."""
    statement = (
        update(run)
        .where(
            run.c.status == RunStatus.RUNNING.value,
            run.c.claimed_by == worker,
            tuple_(run.c.id, run.c.attempt).in_(list(claims)),
        )
        .values(heartbeat_at=now)
        .returning(run.c.id)
    )
    async with store.write() as connection:
        await connection.execute(delete(worker_table).where(worker_table.c.name == worker))
        await connection.execute(insert(worker_table), {"name": worker, "heartbeat_at": now})
        return set((await connection.scalars(statement)).all())


@store_access
async def remove_workers(store: Store, *names: str, silent_since: datetime | None = None) -> None:
    """Forget workers that have stopped, by name, and those that were heard of last before `silent_since`."""
    gone = worker_table.c.name.in_(names)
    if silent_since is not None:
        gone |= worker_table.c.heartbeat_at < silent_since
    async with store.write() as connection:
        await connection.execute(delete(worker_table).where(gone))


@store_access
async def report_progress(
    store: Store,
    run_id: int,
    attempt: int,
    worker: str,
    fraction: float,
    stage: str,
    now: datetime,
    *,
    counts: Mapping[str, int] | None = None,
) -> bool:
    """Sets progress, `fraction` from 0 to 1 (else ValueError); False when the claim is lost."""
    if not 0 <= fraction <= 1:
        raise ValueError(f"progress is a fraction from 0 to 1, not {fraction}")
    async with store.write(exclusive=True) as connection:
        held = await _update_held(
            connection,
            _fence(run_id, attempt, worker),
            {
                "progress_fraction": float(fraction),
                "progress_stage": stage,
                "progress_counts": None if counts is None else dict(counts),
            },
        )
        if held:
            await append_events(connection, [run_id], RunEventKind.PROGRESS, now)
        return held


@store_access
async def finish_run(
    store: Store,
    run_id: int,
    attempt: int,
    worker: str,
    results: RunResults,
    now: datetime,
    *,
    counts: Mapping[str, int] | None = None,
) -> bool:
    """Commit results, SUCCEEDED and the event together; False, and nothing written, if the claim is lost.

    A dataset among the results becomes the current version of its name, and the run's own. `counts`: those of
    its progress at the end; None leaves them. Errors: ValueError for results that cannot be packed."""
    # In a thread, and before the transaction: neither this loop nor other writers wait for it.
    packed = await asyncio.to_thread(pack_results, run_id, results)
    ended: dict[str, Any] = {
        "status": RunStatus.SUCCEEDED.value,
        "finished_at": now,
        "progress_fraction": 1.0,
        "progress_stage": "done",
    }
    if counts is not None:
        ended["progress_counts"] = dict(counts)
    async with store.write(exclusive=True) as connection:
        held = await _update_held(connection, _fence(run_id, attempt, worker), ended)
        if held:
            if results.dataset is not None:
                made, _ = await write_dataset(connection, results.dataset, now)
                await connection.execute(update(run).where(run.c.id == run_id).values(dataset_id=made.id))
            await write_results(connection, packed)
            await append_events(connection, [run_id], RunEventKind.SUCCEEDED, now)
        return held


@store_access
async def fail_run(
    store: Store, run_id: int, attempt: int, worker: str, code: str, message: str, now: datetime
) -> bool:
    """FAILED with the reason; False, and nothing written, when the claim is lost."""
    async with store.write(exclusive=True) as connection:
        return await _fail(connection, _fence(run_id, attempt, worker), run_id, code, message, now)


@store_access
async def list_claims(store: Store, kinds: Collection[str]) -> list[Claim]:
    """Return who holds which running run of these kinds, oldest first: only who knows a kind knows what
    becomes of a lost run."""
    columns = (run.c.id, run.c.claimed_by, run.c.attempt, run.c.heartbeat_at)
    known = run.c.kind.in_(list(map(str, kinds)))
    statement = select(*columns).where(run.c.status == RunStatus.RUNNING.value, known).order_by(run.c.id)
    async with store.read() as connection:
        return [
            Claim(run_id=run_id, claimed_by=worker, attempt=attempt, heartbeat_at=heartbeat_at)
            for run_id, worker, attempt, heartbeat_at in await connection.execute(statement)
        ]


@store_access
async def retry_or_lose(
    store: Store, claim: Claim, *, max_losses: int = 3, now: datetime
) -> RunStatus | None:
    """Take a run away from a dead worker: QUEUED again, or FAILED (WORKER_LOST) at its loss `max_losses`.

    None, and nothing written, when the claim changed since it was listed - a heartbeat is a change, too."""
    unchanged = _unchanged(claim)
    async with store.write(exclusive=True) as connection:
        losses = 1 + (await connection.scalar(select(run.c.losses).where(run.c.id == claim.run_id)) or 0)
        message = f"the worker {claim.claimed_by} was lost ({losses} of {max_losses})"
        if losses >= max_losses:
            lost = await _fail(connection, unchanged, claim.run_id, WORKER_LOST, message, now, losses=losses)
            return RunStatus.FAILED if lost else None
        requeued = await _requeue(connection, unchanged, claim.run_id, message, now, losses=losses)
        return RunStatus.QUEUED if requeued else None


@store_access
async def put_back(store: Store, claim: Claim, *, now: datetime) -> bool:
    """Queue a run again whose worker stops, which is no loss; False when the claim changed meanwhile."""
    async with store.write(exclusive=True) as connection:
        message = f"the worker {claim.claimed_by} stopped"
        return await _requeue(connection, _unchanged(claim), claim.run_id, message, now)


def _unchanged(claim: Claim) -> ColumnElement[bool]:
    held_by = _fence(claim.run_id, claim.attempt, claim.claimed_by)
    return and_(held_by, run.c.heartbeat_at == claim.heartbeat_at)


async def _requeue(
    connection: AsyncConnection,
    held_by: ColumnElement[bool],
    run_id: int,
    message: str,
    now: datetime,
    **changes: int,
) -> bool:
    requeued = await _update_held(
        connection,
        held_by,
        {
            "status": RunStatus.QUEUED.value,
            "claimed_by": None,
            "heartbeat_at": None,
            "started_at": None,
            "progress_fraction": 0.0,
            "progress_stage": "queued",
            "progress_counts": None,
            **changes,
        },
    )
    if requeued:
        await append_events(connection, [run_id], RunEventKind.RETRIED, now, message)
    return requeued


@store_access
async def cancel_run(store: Store, run_id: int, now: datetime) -> tuple[RunRecord, bool] | None:
    """CANCELED at once when QUEUED or RUNNING: (run, True); a terminal run as it is: (run, False); None when
    there is no such run. Whoever computes it notices that the claim is lost."""
    if not is_row_id(run_id):
        return None
    async with store.write(exclusive=True) as connection:
        live = and_(run.c.id == run_id, run.c.status.in_(_LIVE))
        canceled = await _update_held(
            connection, live, {"status": RunStatus.CANCELED.value, "finished_at": now}
        )
        if canceled:
            await append_events(connection, [run_id], RunEventKind.CANCELED, now)
        record = await fetch_run(connection, run_id)
        return None if record is None else (record, canceled)


@store_access
async def delete_run(store: Store, run_id: int) -> tuple[RunRecord, bool] | None:
    """Deletes a terminal run with all its results, tags and events: (run, True); a live one is left as it is:
    (run, False); None when there is no such run."""
    if not is_row_id(run_id):
        return None
    async with store.write(exclusive=True) as connection:
        record = await fetch_run(connection, run_id)
        if record is None:
            return None
        if record.status.is_terminal:
            await connection.execute(delete(run).where(run.c.id == run_id, run.c.status.in_(_TERMINAL)))
        return record, record.status.is_terminal


@store_access
async def annotate_run(
    store: Store,
    run_id: int,
    *,
    tags: tuple[str, ...] | None = None,
    note: str | Unset | None = UNSET,
) -> RunRecord | None:
    """Replaces the tags (None leaves them) and the note (UNSET leaves it, None empties it) of any run; None
    when there is no such run."""
    if not is_row_id(run_id):
        return None
    async with store.write() as connection:
        # Held until the end, so that two who replace the tags at once do not mix them.
        locked = select(run.c.id).where(run.c.id == run_id).with_for_update()
        if await connection.scalar(locked) is None:
            return None
        if note is not UNSET:
            await connection.execute(update(run).where(run.c.id == run_id).values(note=note))
        if tags is not None:
            await connection.execute(delete(run_tag).where(run_tag.c.run_id == run_id))
            await _set_tags(connection, run_id, tags)
        return await fetch_run(connection, run_id)


def _fence(run_id: int, attempt: int, worker: str) -> ColumnElement[bool]:
    """That the run is still claimed by that worker, in that attempt."""
    return and_(
        run.c.id == run_id,
        run.c.status == RunStatus.RUNNING.value,
        run.c.claimed_by == worker,
        run.c.attempt == attempt,
    )


async def _update_held(
    connection: AsyncConnection, held_by: ColumnElement[bool], changes: dict[str, Any]
) -> bool:
    """Change the run that the condition holds for; False where it holds for none."""
    changed = await connection.execute(update(run).where(held_by).values(changes).returning(run.c.id))
    return changed.first() is not None


async def _fail(
    connection: AsyncConnection,
    held_by: ColumnElement[bool],
    run_id: int,
    code: str,
    message: str,
    now: datetime,
    **changes: int,
) -> bool:
    failure = {"failure_code": code, "failure_message": message, **changes}
    held = await _update_held(
        connection, held_by, {"status": RunStatus.FAILED.value, "finished_at": now, **failure}
    )
    if held:
        await append_events(connection, [run_id], RunEventKind.FAILED, now, message)
    return held


async def _set_tags(connection: AsyncConnection, run_id: int, tags: Sequence[str]) -> None:
    if tags:
        rows = [{"run_id": run_id, "tag": tag} for tag in dict.fromkeys(tags)]
        await connection.execute(insert(run_tag), rows)
