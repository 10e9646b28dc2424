"""Launch a computation, or find the one that is the same."""

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
    field_errors_at,
)
from app.schema.factor_run import FactorRun
from app.schema.inputs import ComputeFactorInput
from app.schema.mutations.waiting import check_wait
from app.schema.unset import given
from app.services.runs import launch_factor, wait_for_run


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
    wait_seconds: Annotated[
        float,
        strawberry.argument(
            description="How long to wait for the end, 0 to 30 seconds. When the time is over the live run "
            "is returned; a client that disconnects cancels nothing."
        ),
    ] = 0,
) -> ComputeFactorResult:
    check_wait(wait_seconds)
    services = info.context.services
    factor, spec, options = input.spec.chosen()
    ref = given(input.dataset)
    dataset = None if ref is None else ref.to_service(("input", "dataset"))

    def locate(option: str) -> Path:
        name = to_camel_case(option)
        return ("input", name) if option in _OF_THE_INPUT else ("input", "spec", to_camel_case(spec), name)

    with field_errors_at(locate):
        launch = await launch_factor(
            services,
            factor,
            options,
            dataset=dataset,
            tags=given(input.tags) or (),
            note=given(input.note),
            force=input.force,
        )
    run = launch.run
    if wait_seconds > 0 and not run.status.is_terminal:
        run = await wait_for_run(services, run.id, wait_seconds)
    return ComputeFactorSuccess(run=FactorRun.from_record(run), reused=launch.reused)
