"""Launch a fetch, or find the same one under way."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, TypeAlias

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.features.fetches.graph.run import FetchRun
from app.features.fetches.service import launch_fetch
from app.schema.context import Info
from app.schema.enums import SourceName
from app.schema.errors import Error, InvalidInput, Path, QueueFull
from app.schema.launch import check_wait, launched, wait_argument
from app.schema.unset import given
from app.sources import errors


@strawberry.input(description="Daily data to fetch from a vendor into an immutable dataset.")
class FetchDatasetInput:
    source: SourceName = strawberry.field(description="Where from; `sources` says what each has.")
    start_date: date = strawberry.field(description="The first day (UTC), from 1970-01-01.")
    end_date: date | None = strawberry.field(
        default=strawberry.UNSET,
        description="The last day (UTC). Absent or null: yesterday, the last day that is over, and the "
        "latest that may be asked for.",
    )
    assets: list[str] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Which assets, in the source's own words, 1 to 5,000. Absent or null: all that the "
        "source recommends; an InvalidInput where it lists none.",
    )
    name: str = strawberry.field(
        description="The dataset's name: 1 to 100 letters, digits, '.', '_' or '-'. A name that exists gets "
        "a new version."
    )
    tags: list[str] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Words to find the fetch by: up to 20, of up to 50 characters. One that is reused keeps "
        "its own.",
    )
    note: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A remark of up to 2000 characters, kept with the dataset too. A fetch that is reused "
        "keeps its own.",
    )
    refresh: bool = strawberry.field(
        default=False,
        description="Whether to ask the vendor anew for what its kept answers would tell, in a fetch of its "
        "own.",
    )


@strawberry.type(description="The fetch was launched, or the same one was under way.")
class FetchDatasetSuccess:
    run: FetchRun = strawberry.field(
        description="The fetch as it is after waiting; follow it with `runEvents` unless it has ended."
    )
    reused: bool = strawberry.field(
        description="Whether the same fetch was waiting or running already. One that has ended is not "
        "reused: what the vendor says may have changed since."
    )


@strawberry.type(description="The source needs a key that the server does not have.")
class SourceNotConfigured(Error):
    shows: ClassVar = (errors.SourceNotConfigured,)


FetchDatasetResult: TypeAlias = Annotated[
    FetchDatasetSuccess | InvalidInput | SourceNotConfigured | QueueFull,
    strawberry.union(
        "FetchDatasetResult", description="The fetch, or why there is none. Keep a default branch."
    ),
]

_SPELLING = {"dataset_name": "name", "start": "startDate", "end": "endDate"}


async def fetch_dataset(
    info: Info,
    input: Annotated[FetchDatasetInput, strawberry.argument(description="What to fetch.")],
    wait_seconds: wait_argument("fetch") = 0,  # type: ignore[valid-type]
) -> FetchDatasetResult:
    check_wait(wait_seconds)
    services = info.context.services

    def locate(part: str) -> Path:
        return ("input", _SPELLING.get(part, to_camel_case(part)))

    launching = launch_fetch(
        services,
        input.source,
        start=input.start_date,
        end=given(input.end_date),
        assets=given(input.assets),
        dataset_name=input.name,
        tags=given(input.tags) or (),
        note=given(input.note),
        refresh=input.refresh,
    )
    return await launched(info, launching, FetchDatasetSuccess, wait_seconds, locate)
