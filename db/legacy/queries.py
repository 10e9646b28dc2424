"""Reading imports: their counts, what they quarantined, and the monthly metrics they brought."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from db.columns import is_row_id
from db.legacy.records import ImportBatchRecord, MonthlyMetricsRecord, QuarantineRecord
from db.models import ImportBatch, MonthlyMetrics, Quarantine
from db.pages import Page, SortKey, after_values, check_page_size, decode_cursor, encode_cursor
from db.store import Store, store_access

import_batch = ImportBatch.__table__
monthly = MonthlyMetrics.__table__
quarantine = Quarantine.__table__

_LIST_SCOPE = "import batches, newest first"
_BY_NEWEST = (SortKey(import_batch.c.id, descending=True, nullable=False),)


@store_access
async def get_batch(store: Store, batch_id: int) -> ImportBatchRecord | None:
    """One import with the lines it quarantined."""
    if not is_row_id(batch_id):
        return None
    async with store.read() as connection:
        statement = select(import_batch).where(import_batch.c.id == batch_id)
        records = await _batch_records(connection, (await connection.execute(statement)).all())
    return records[0] if records else None


@store_access
async def list_batches(store: Store, first: int, after: str | None = None) -> Page[ImportBatchRecord]:
    """Imports, newest first, with the lines they quarantined. Errors: InvalidCursor; ValueError unless
    0 <= first <= 100."""
    check_page_size(first)
    statement = select(import_batch).order_by(*(key.ordering() for key in _BY_NEWEST)).limit(first + 1)
    if after is not None:
        statement = statement.where(after_values(_BY_NEWEST, decode_cursor(_LIST_SCOPE, after, _BY_NEWEST)))
    async with store.read() as connection:
        rows = (await connection.execute(statement)).all()
        records = await _batch_records(connection, rows[:first])
    return Page(
        items=tuple(records),
        cursors=tuple(encode_cursor(_LIST_SCOPE, [row.id]) for row in rows[:first]),
        has_next_page=len(rows) > first,
    )


@store_access
async def quarantine_of(store: Store, batch_id: int) -> tuple[QuarantineRecord, ...]:
    """The lines that one import quarantined, in the order in which it met them."""
    async with store.read() as connection:
        return tuple((await _quarantined(connection, [batch_id])).get(batch_id, ()))


@store_access
async def monthly_metrics(
    store: Store, factors: Iterable[str]
) -> dict[str, tuple[MonthlyMetricsRecord, ...]]:
    """The monthly-metrics sheets of each factor, newest first; factors without any have none."""
    found: dict[str, list[MonthlyMetricsRecord]] = {factor: [] for factor in factors}
    statement = (
        select(monthly)
        .where(monthly.c.factor.in_(list(found)))
        .order_by(monthly.c.factor, monthly.c.as_of_date.desc())
    )
    async with store.read() as connection:
        for factor, as_of_date, batch_id, rows in await connection.execute(statement):
            found[factor].append(
                MonthlyMetricsRecord(
                    factor=factor,
                    as_of_date=as_of_date,
                    import_batch_id=batch_id,
                    rows=tuple((metric, value, formatted) for metric, value, formatted in rows),
                )
            )
    return {factor: tuple(sheets) for factor, sheets in found.items()}


async def _batch_records(connection: AsyncConnection, rows: Sequence[Any]) -> list[ImportBatchRecord]:
    lines = await _quarantined(connection, [row.id for row in rows])
    counts = [name for name in ImportBatchRecord.__slots__ if name in import_batch.c]
    return [
        ImportBatchRecord(
            **{name: row._mapping[name] for name in counts}, quarantine=tuple(lines.get(row.id, ()))
        )
        for row in rows
    ]


async def _quarantined(
    connection: AsyncConnection, batch_ids: Sequence[int]
) -> dict[int, list[QuarantineRecord]]:
    found: dict[int, list[QuarantineRecord]] = {}
    if batch_ids:
        statement = select(quarantine).where(quarantine.c.import_batch_id.in_(batch_ids))
        for row in await connection.execute(statement.order_by(quarantine.c.id)):
            found.setdefault(row.import_batch_id, []).append(
                QuarantineRecord(
                    file=row.file,
                    line=row.line,
                    raw=row.raw.decode("utf-8", "surrogatepass"),
                    code=row.code,
                    reason=row.reason,
                )
            )
    return found
