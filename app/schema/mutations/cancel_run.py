"""End a run before it has ended by itself."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

from app.schema.context import Info
from app.schema.errors import InvalidInput, RunNotCancelable, RunNotFound
from app.schema.factor_run import FactorRun
from app.schema.node_ids import NodeType, row_id
from app.services import runs as service


@strawberry.type(description="The run is canceled; its computation is being ended.")
class CancelRunSuccess:
    run: FactorRun = strawberry.field(description="The canceled run.")


CancelRunResult: TypeAlias = Annotated[
    CancelRunSuccess | InvalidInput | RunNotFound | RunNotCancelable,
    strawberry.union(
        "CancelRunResult", description="The run, or why it was not canceled. Keep a default branch."
    ),
]


async def cancel_run(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The run's global id.")]
) -> CancelRunResult:
    run = await service.cancel_run(info.context.services, row_id(id, NodeType.FACTOR_RUN))
    return CancelRunSuccess(run=FactorRun.from_record(run))
