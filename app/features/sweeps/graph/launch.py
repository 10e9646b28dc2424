"""Launch a sweep, or find the one that is the same."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.features.factors.graph.inputs import FactorSpec
from app.features.sweeps.graph.run import SweepRun
from app.features.sweeps.graph.values import SweepAxisInput
from app.features.sweeps.service import launch_sweep
from app.schema.context import Info
from app.schema.dataset_ref import DatasetRef
from app.schema.errors import (
    DatasetNotFound,
    InvalidInput,
    MissingField,
    Path,
    QueueFull,
    invalid_argument,
)
from app.schema.launch import check_wait, launched, wait_argument
from app.schema.unset import given
from engine.sweeps.grid import MAX_AXES, MAX_PARTITIONS


@strawberry.input(
    description="A factor to compute in many configurations: all combinations of the axes' values, up to "
    "10,000, or a sample of up to 10^15 combinations."
)
class SweepFactorInput:
    spec: FactorSpec = strawberry.field(
        description="The factor, and the options that all points share; one that is swept too counts for "
        "nothing here."
    )
    dataset: DatasetRef | None = strawberry.field(
        default=strawberry.UNSET,
        description="What to compute it from. Absent or null: the only dataset that is not synthetic, or the "
        "only one; an InvalidInput where that is not clear.",
    )
    axes: list[SweepAxisInput] = strawberry.field(
        description="What to vary: 1 to 10 options of the factor, each once. The last varies fastest. "
        "Combinations whose values do not go together fail by themselves."
    )
    sample_size: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="How many different combinations to draw, 1 to 10,000. Absent or null: all are tried.",
    )
    seed: int = strawberry.field(default=0, description="The seed of the draw, from 0.")
    partitions: int = strawberry.field(
        default=MAX_PARTITIONS,
        description="Blocks of periods for the probability of overfitting: an even number from 4 to 16.",
    )
    tags: list[str] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Words to find the sweep by: up to 20, of up to 50 characters. One that is reused keeps "
        "its own.",
    )
    note: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A remark of up to 2000 characters. A sweep that is reused keeps its own.",
    )
    force: bool = strawberry.field(
        default=False, description="Whether to compute anew even if the same sweep exists already."
    )


@strawberry.type(description="The sweep was launched, or existed already.")
class SweepFactorSuccess:
    run: SweepRun = strawberry.field(
        description="The sweep as it is after waiting; follow it with `runEvents` unless it has ended."
    )
    reused: bool = strawberry.field(
        description="Whether the same sweep existed already, waiting, running or done."
    )


SweepFactorResult: TypeAlias = Annotated[
    SweepFactorSuccess | InvalidInput | DatasetNotFound | MissingField | QueueFull,
    strawberry.union(
        "SweepFactorResult", description="The sweep, or why there is none. Keep a default branch."
    ),
]

_AXES = ("input", "axes")


async def sweep_factor(
    info: Info,
    input: Annotated[SweepFactorInput, strawberry.argument(description="What to compute.")],
    wait_seconds: wait_argument("sweep") = 0,  # type: ignore[valid-type]
) -> SweepFactorResult:
    check_wait(wait_seconds)
    if len(input.axes) > MAX_AXES:
        message = f"a sweep varies 1 to {MAX_AXES} options, not {len(input.axes):,}"
        raise invalid_argument(_AXES, "TOO_MANY", message)
    services = info.context.services
    factor, spec, options = input.spec.chosen()
    ref = given(input.dataset)
    dataset = None if ref is None else ref.to_service(("input", "dataset"))

    def locate(part: str) -> Path:
        return ("input", "spec", to_camel_case(spec)) if part == "base" else ("input", to_camel_case(part))

    axes = [axis.to_axis((*_AXES, str(number))) for number, axis in enumerate(input.axes)]
    launching = launch_sweep(
        services,
        factor,
        options,
        axes,
        sample_size=given(input.sample_size),
        seed=input.seed,
        partitions=input.partitions,
        dataset=dataset,
        tags=given(input.tags) or (),
        note=given(input.note),
        force=input.force,
    )
    return await launched(info, launching, SweepFactorSuccess, wait_seconds, locate)
