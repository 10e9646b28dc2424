"""Fetches and their sources at the roots of the graph."""

from __future__ import annotations

import asyncio

import strawberry

from app.boundary.cost_rules import cost
from app.features.fetches.graph.launch import fetch_dataset
from app.features.fetches.graph.run import FetchRun
from app.features.fetches.graph.source import Source
from app.features.fetches.service import list_sources
from app.schema.context import Info
from app.schema.run_lists import RunOrder, run_connection, run_list, where_type
from db.records import RunKind

RUNS = {RunKind.FETCH: FetchRun}

FetchRunWhere = where_type(
    "FetchRunWhere",
    "fetches",
    status="In which state.",
    dataset="That made which dataset.",
    tag="With at least one tag that fits.",
    created_at="When the fetch was added.",
    started_at="When it began to ask.",
    finished_at="When it ended.",
)


@strawberry.type
class Query:
    @strawberry.field(
        description="The vendors of data that this server knows, with or without their keys.",
        metadata=cost(size=5),
    )
    async def sources(self, info: Info) -> list[Source] | None:
        known = await asyncio.to_thread(list_sources, info.context.services.settings)
        return [Source.from_info(one) for one in known]

    fetch_runs = run_list(
        run_connection(FetchRun, "fetch", "fetches", RunKind.FETCH),
        FetchRunWhere,
        RunOrder,
        "Fetches from all sources, page by page.",
        plural="fetches",
        kind=RunKind.FETCH,
    )


@strawberry.type
class Mutation:
    fetch_dataset = strawberry.mutation(
        fetch_dataset,
        description="Fetch daily data from a vendor into an immutable dataset, in a run of its own. Assets "
        "that cannot be had are lost, each with its reason, and the others go on; where most are lost by the "
        "vendor's fault, the run fails and there is no dataset.",
    )
