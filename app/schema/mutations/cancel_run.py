"""End a run before it has ended by itself."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

from app.runs import lifecycle as service
from app.schema.context import Info
from app.schema.errors import InvalidInput, RunNotCancelable, RunNotFound
from app.schema.run import Run
from app.schema.runs import find_run, to_run


@strawberry.type(description="The run is canceled; its computation is being ended.")
class CancelRunSuccess:
    run: Run = strawberry.field(description="The canceled run.")


CancelRunResult: TypeAlias = Annotated[
    CancelRunSuccess | InvalidInput | RunNotFound | RunNotCancelable,
    strawberry.union(
        "CancelRunResult", description="The run, or why it was not canceled. Keep a default branch."
    ),
]


async def cancel_run(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The run's global id.")]
) -> CancelRunResult:
    found = await find_run(id, info.context)
    run = await service.cancel_run(info.context.services, found.id)
    return CancelRunSuccess(run=to_run(run, info.context))
