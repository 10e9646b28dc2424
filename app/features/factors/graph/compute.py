"""Launch a computation, or find the one that is the same."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.features.factors.graph.inputs import ComputeFactorInput
from app.features.factors.graph.run import FactorRun
from app.features.factors.service import launch_factor
from app.schema.context import Info
from app.schema.errors import (
    DatasetNotFound,
    InvalidInput,
    MissingField,
    Path,
    QueueFull,
)
from app.schema.launch import WaitSeconds, check_wait, launched
from app.schema.unset import given


@strawberry.type(description="The run was launched, or existed already.")
class ComputeFactorSuccess:
    run: FactorRun = strawberry.field(
        description="The run as it is after waiting; follow it with `runEvents` unless it has ended."
    )
    reused: bool = strawberry.field(
        description="Whether the same computation existed already, waiting, running or done."
    )


ComputeFactorResult: TypeAlias = Annotated[
    ComputeFactorSuccess | InvalidInput | DatasetNotFound | MissingField | QueueFull,
    strawberry.union(
        "ComputeFactorResult", description="The run, or why there is none. Keep a default branch."
    ),
]

_OF_THE_INPUT = frozenset({"dataset", "tags", "note"})


async def compute_factor(
    info: Info,
    input: Annotated[ComputeFactorInput, strawberry.argument(description="What to compute.")],
    wait_seconds: WaitSeconds = 0,
) -> ComputeFactorResult:
    check_wait(wait_seconds)
    services = info.context.services
    factor, spec, options = input.spec.chosen()
    ref = given(input.dataset)
    dataset = None if ref is None else ref.to_service(("input", "dataset"))

    def locate(option: str) -> Path:
        name = to_camel_case(option)
        return ("input", name) if option in _OF_THE_INPUT else ("input", "spec", to_camel_case(spec), name)

    launching = launch_factor(
        services,
        factor,
        options,
        dataset=dataset,
        tags=given(input.tags) or (),
        note=given(input.note),
        force=input.force,
    )
    return await launched(info, launching, ComputeFactorSuccess, wait_seconds, locate)
