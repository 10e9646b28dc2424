"""Remove an ended run with its results."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

from app.runs import lifecycle as service
from app.schema.context import Info
from app.schema.errors import InvalidInput, RunNotDeletable, RunNotFound
from app.schema.runs import find_run


@strawberry.type(description="The run is gone for good, with its results.")
class DeleteRunSuccess:
    deleted_id: strawberry.ID = strawberry.field(description="The global id that the run had.")


DeleteRunResult: TypeAlias = Annotated[
    DeleteRunSuccess | InvalidInput | RunNotFound | RunNotDeletable,
    strawberry.union(
        "DeleteRunResult", description="The id, or why nothing was deleted. Keep a default branch."
    ),
]


async def delete_run(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The run's global id.")]
) -> DeleteRunResult:
    await service.delete_run(info.context.services, (await find_run(id, info.context)).id)
    return DeleteRunSuccess(deleted_id=id)
