"""The log of what happened to runs, in the order in which it became visible.

A reader that has seen event N never later finds an event before N that it had not seen: events are appended
in exclusive transactions only (`Store.write`), so that ids are committed in the order they were given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from db.columns import PlainText, UtcDateTime
from db.models import RunEvent
from db.records import RunEventKind, RunEventRecord, RunStatus
from db.runs.rows import run
from db.store import Store, store_access

event = RunEvent.__table__


async def append_events(
    connection: AsyncConnection,
    run_ids: Sequence[int],
    kind: RunEventKind,
    now: datetime,
    message: str | None = None,
) -> None:
    """Adds one event to each run, with the status and progress that the run has now.

    `connection` must come from an exclusive `Store.write`."""
    next_seq = (
        select(func.coalesce(func.max(event.c.seq), 0) + 1)
        .where(event.c.run_id == run.c.id)
        .correlate(run)
        .scalar_subquery()
    )
    happened = (
        select(
            run.c.id,
            next_seq,
            literal(now, UtcDateTime),
            literal(kind.value, PlainText),
            run.c.status,
            run.c.progress_fraction,
            run.c.progress_stage,
            run.c.progress_counts,
            literal(message, PlainText),
        )
        .where(run.c.id.in_(run_ids))
        .order_by(run.c.id)
    )
    columns = [column.name for column in event.c if column.name != "id"]
    await connection.execute(insert(event).from_select(columns, happened))


@store_access
async def last_event_id(store: Store) -> int:
    """The id of the newest event; 0 when there is none."""
    async with store.read() as connection:
        return (await connection.scalar(select(func.max(event.c.id)))) or 0


@store_access
async def read_events(store: Store, *, after_id: int, run_id: int | None, limit: int) -> list[RunEventRecord]:
    """At most `limit` events after `after_id`, oldest first; of one run, or of all when `run_id` is None."""
    statement = select(event).where(event.c.id > after_id).order_by(event.c.id).limit(limit)
    if run_id is not None:
        statement = statement.where(event.c.run_id == run_id)
    async with store.read() as connection:
        rows = (await connection.execute(statement)).all()
    return [
        RunEventRecord(
            id=row.id,
            run_id=row.run_id,
            seq=row.seq,
            at=row.at,
            kind=row.kind,
            status=RunStatus(row.status),
            progress_fraction=row.progress_fraction,
            progress_stage=row.progress_stage,
            progress_counts=row.progress_counts,
            message=row.message,
        )
        for row in rows
    ]
