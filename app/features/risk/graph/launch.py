"""Launch the estimation of a risk model, or find the one that is the same."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.features.risk.graph.config import RiskModelConfigInput, styles_by_member
from app.features.risk.graph.run import RiskModelRun
from app.features.risk.service import launch_risk_model
from app.runs.launch import Launch
from app.schema.context import Info
from app.schema.dataset_ref import DatasetRef
from app.schema.errors import (
    DatasetNotFound,
    InvalidInput,
    MissingField,
    Path,
    QueueFull,
)
from app.schema.launch import WaitSeconds, check_wait, launched
from app.schema.unset import given

_CONFIG = ("input", "config")


@strawberry.input(description="A risk model to estimate.")
class BuildRiskModelInput:
    config: RiskModelConfigInput | None = strawberry.field(
        default=strawberry.UNSET, description="Its options; absent or null: the defaults."
    )
    dataset: DatasetRef | None = strawberry.field(
        default=strawberry.UNSET,
        description="What to estimate it from: prices and market caps, with the attribute `sector` of its "
        "assets for sectors. Absent or null: the only dataset that is not synthetic, or the only one; an "
        "InvalidInput where that is not clear.",
    )
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
        default=False, description="Whether to estimate anew even if the same run exists already."
    )


@strawberry.type(description="The risk model was launched, or existed already.")
class BuildRiskModelSuccess:
    run: RiskModelRun = strawberry.field(
        description="The run as it is after waiting; follow it with `runEvents` unless it has ended."
    )
    reused: bool = strawberry.field(
        description="Whether the same risk model existed already, waiting, running or done."
    )


BuildRiskModelResult: TypeAlias = Annotated[
    BuildRiskModelSuccess | InvalidInput | DatasetNotFound | MissingField | QueueFull,
    strawberry.union(
        "BuildRiskModelResult", description="The run, or why there is none. Keep a default branch."
    ),
]


async def build_risk_model(
    info: Info,
    input: Annotated[BuildRiskModelInput, strawberry.argument(description="What to estimate.")],
    wait_seconds: WaitSeconds = 0,
) -> BuildRiskModelResult:
    check_wait(wait_seconds)
    services = info.context.services
    ref, config = given(input.dataset), given(input.config)
    dataset = None if ref is None else ref.to_service(("input", "dataset"))
    options = {} if config is None else config.to_options(_CONFIG)

    def locate(part: str) -> Path:
        return ("input", to_camel_case(part))

    async def launching() -> Launch:
        with styles_by_member([] if config is None else config.members()):
            return await launch_risk_model(
                services,
                options,
                dataset=dataset,
                tags=given(input.tags) or (),
                note=given(input.note),
                force=input.force,
            )

    return await launched(info, launching(), BuildRiskModelSuccess, wait_seconds, locate)
