"""Compute one point of a sweep as a run of its own."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.features.factors.graph.compute import ComputeFactorSuccess
from app.features.sweeps.service import promote_point as promote
from app.schema.context import Info
from app.schema.errors import (
    DatasetNotFound,
    InvalidInput,
    MissingField,
    Path,
    QueueFull,
    RunNotFound,
)
from app.schema.launch import WaitSeconds, check_wait, launched
from app.schema.node_ids import row_id
from app.schema.unset import given


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
    wait_seconds: WaitSeconds = 0,
) -> PromotePointResult:
    check_wait(wait_seconds)
    services = info.context.services

    def locate(part: str) -> Path:
        return ("input", to_camel_case(part)) if part in _OF_THE_INPUT else ("input", "point")

    sweep_id = row_id(input.sweep, "SweepRun", ("input", "sweep"))
    launching = promote(
        services,
        sweep_id,
        input.point,
        tags=given(input.tags) or (),
        note=given(input.note),
        force=input.force,
    )
    return await launched(info, launching, ComputeFactorSuccess, wait_seconds, locate)
