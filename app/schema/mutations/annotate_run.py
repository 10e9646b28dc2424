"""Change what people wrote about a run."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

from app.runs import lifecycle as service
from app.schema.context import Info
from app.schema.errors import InvalidInput, RunNotFound
from app.schema.run import Run
from app.schema.runs import find_run, to_run
from app.schema.unset import was_given
from db.records import UNSET


@strawberry.type(description="The run has the new tags and note.")
class AnnotateRunSuccess:
    run: Run = strawberry.field(description="The run.")


AnnotateRunResult: TypeAlias = Annotated[
    AnnotateRunSuccess | InvalidInput | RunNotFound,
    strawberry.union(
        "AnnotateRunResult", description="The run, or why it was not changed. Keep a default branch."
    ),
]


async def annotate_run(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The run's global id.")],
    tags: Annotated[
        list[str] | None,
        strawberry.argument(
            description="All its tags: up to 20, of up to 50 characters. Absent: as they are; null: none."
        ),
    ] = strawberry.UNSET,
    note: Annotated[
        str | None,
        strawberry.argument(description="Its note, up to 2000 characters. Absent: as it is; null: none."),
    ] = strawberry.UNSET,
) -> AnnotateRunResult:
    run = await service.annotate_run(
        info.context.services,
        (await find_run(id, info.context)).id,
        tags=(tags or ()) if was_given(tags) else None,
        note=note if was_given(note) else UNSET,
    )
    return AnnotateRunSuccess(run=to_run(run, info.context))
