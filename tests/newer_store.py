"""A store in which a newer version has left runs and events of kinds that this one does not know."""

from __future__ import annotations

from sqlalchemy import update

from db.models import Run, RunEvent
from db.records import RunRecord
from db.runs.rows import fetch_run
from db.store import Store

UNKNOWN_KIND = "SESSION"
UNKNOWN_EVENT = "PAUSED"


async def make_unknown(store: Store, run: RunRecord) -> RunRecord:
    """Make the run one of an unknown kind, and its first event one of an unknown kind too."""
    async with store.write() as connection:
        of_run = update(Run.__table__).where(Run.id == run.id)
        await connection.execute(of_run.values(kind=UNKNOWN_KIND, subject=None))
        first = update(RunEvent.__table__).where(RunEvent.run_id == run.id, RunEvent.seq == 1)
        await connection.execute(first.values(kind=UNKNOWN_EVENT))
        record = await fetch_run(connection, run.id)
    assert record is not None
    return record
