"""Compute one point of a sweep as a run of its own."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.schema.context import Info
from app.schema.errors import (
    DatasetNotFound,
    InvalidInput,
    MissingField,
    Path,
    QueueFull,
    RunNotFound,
    field_errors_at,
)
from app.schema.factor_run import FactorRun
from app.schema.mutations.compute_factor import ComputeFactorSuccess
from app.schema.mutations.waiting import check_wait
from app.schema.node_ids import NodeType, row_id
from app.schema.unset import given
from app.services.runs import wait_for_run
from app.services.sweeps import promote_point as promote


@strawberry.input(description="A point of a sweep to compute as a factor run.")
class PromotePointInput:
    sweep: strawberry.ID = strawberry.field(description="The global id of a sweep that succeeded.")
    point: int = strawberry.field(description="The point's number.")
    tags: list[str] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Words to find the run by: up to 20, of up to 50 characters. A run that is reused keeps "
        "its own.",
    )
    note: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A remark of up to 2000 characters. A run that is reused keeps its own.",
    )
    force: bool = strawberry.field(
        default=False, description="Whether to compute anew even if the same run exists already."
    )


PromotePointResult: TypeAlias = Annotated[
    ComputeFactorSuccess | InvalidInput | RunNotFound | DatasetNotFound | MissingField | QueueFull,
    strawberry.union(
        "PromotePointResult", description="The factor run, or why there is none. Keep a default branch."
    ),
]

_OF_THE_INPUT = frozenset({"sweep", "point", "tags", "note", "dataset"})


async def promote_point(
    info: Info,
    input: Annotated[PromotePointInput, strawberry.argument(description="Which point of which sweep.")],
    wait_seconds: Annotated[
        float,
        strawberry.argument(
            description="How long to wait for the end, 0 to 30 seconds. When the time is over the live run "
            "is returned; a client that disconnects cancels nothing."
        ),
    ] = 0,
) -> PromotePointResult:
    check_wait(wait_seconds)
    services = info.context.services

    def locate(part: str) -> Path:
        return ("input", to_camel_case(part)) if part in _OF_THE_INPUT else ("input", "point")

    sweep_id = row_id(input.sweep, NodeType.SWEEP_RUN, ("input", "sweep"))
    with field_errors_at(locate):
        launch = await promote(
            services,
            sweep_id,
            input.point,
            tags=given(input.tags) or (),
            note=given(input.note),
            force=input.force,
        )
    run = launch.run
    if wait_seconds > 0 and not run.status.is_terminal:
        run = await wait_for_run(services, run.id, wait_seconds)
    return ComputeFactorSuccess(run=FactorRun.from_record(run), reused=launch.reused)
