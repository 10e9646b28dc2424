"""What goes into a run beside its dataset, and what is asked of one that is under way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, insert, select, update

from db.columns import is_row_id
from db.models import RunCommand, RunInput
from db.records import RunCommandRecord, RunInputRecord, RunStatus
from db.runs.rows import run
from db.store import Store, store_access

run_input = RunInput.__table__
run_command = RunCommand.__table__


@store_access
async def get_inputs(store: Store, run_ids: Iterable[int]) -> dict[int, tuple[RunInputRecord, ...]]:
    """Return the inputs of each run by its id, in the order in which they were given; none: left out."""
    wanted = {run_id for run_id in run_ids if is_row_id(run_id)}
    columns = [run_input.c[name] for name in RunInputRecord.__dataclass_fields__]
    statement = select(run_input.c.run_id, *columns).where(run_input.c.run_id.in_(wanted))
    found: dict[int, list[RunInputRecord]] = {}
    async with store.read() as connection:
        for row in await connection.execute(statement.order_by(run_input.c.run_id, run_input.c.position)):
            values = dict(row._mapping)
            found.setdefault(values.pop("run_id"), []).append(RunInputRecord(**values))
    return {run_id: tuple(inputs) for run_id, inputs in found.items()}


@store_access
async def send_command(
    store: Store, run_id: int, command: str, arguments: Mapping[str, Any], now: datetime
) -> int | None:
    """Ask something of a run for the worker that has it or will have it; return the command's id, None for a
    run that has ended or does not exist."""
    if not is_row_id(run_id):
        return None
    row = {"run_id": run_id, "command": command, "arguments": dict(arguments), "requested_at": now}
    async with store.write(exclusive=True) as connection:
        live = run.c.status.in_([status.value for status in RunStatus if not status.is_terminal])
        if await connection.scalar(select(run.c.id).where(run.c.id == run_id, live)) is None:
            return None
        sent: int = (
            await connection.execute(insert(run_command).returning(run_command.c.id), row)
        ).scalar_one()
        return sent


@store_access
async def take_commands(
    store: Store, run_id: int, attempt: int, worker: str, now: datetime
) -> list[RunCommandRecord]:
    """Take the commands to a run that were not taken yet, oldest first; none where the claim is lost."""
    held = and_(
        run.c.id == run_id,
        run.c.status == RunStatus.RUNNING.value,
        run.c.claimed_by == worker,
        run.c.attempt == attempt,
    )
    waiting = and_(run_command.c.run_id == run_id, run_command.c.taken_at.is_(None))
    statement = update(run_command).where(waiting, exists().where(held)).values(taken_at=now)
    columns = (run_command.c.id, run_command.c.command, run_command.c.arguments, run_command.c.requested_at)
    async with store.write(exclusive=True) as connection:
        rows = (await connection.execute(statement.returning(*columns))).all()
    return [RunCommandRecord(*row) for row in sorted(rows)]
