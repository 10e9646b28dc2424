"""Pages of fetches."""

from __future__ import annotations

from dataclasses import fields

import strawberry

from app.schema.connections import PageInfo, page_info
from app.schema.context import GraphContext, Info
from app.schema.fetches.run import FetchRun
from app.schema.filters import (
    DatasetFilter,
    DateTimeFilter,
    FactorRunWhere,
    RunStatusFilter,
    StringFilter,
    to_run_filter,
)
from app.schema.unset import given
from db.pages import Page
from db.records import RunKind, RunRecord
from db.run_queries import RunFilter, count_runs


@strawberry.input(
    description="Which fetches. All conditions that are given must hold; absent and null ones are none."
)
class FetchRunWhere:
    status: RunStatusFilter | None = strawberry.field(default=strawberry.UNSET, description="In which state.")
    dataset: DatasetFilter | None = strawberry.field(
        default=strawberry.UNSET, description="That made which dataset."
    )
    tag: StringFilter | None = strawberry.field(
        default=strawberry.UNSET, description="With at least one tag that fits."
    )
    created_at: DateTimeFilter | None = strawberry.field(
        default=strawberry.UNSET, description="When the fetch was added."
    )
    started_at: DateTimeFilter | None = strawberry.field(
        default=strawberry.UNSET, description="When it began to ask."
    )
    finished_at: DateTimeFilter | None = strawberry.field(
        default=strawberry.UNSET, description="When it ended."
    )


@strawberry.type(description="A fetch and its place in the list.")
class FetchRunEdge:
    cursor: str = strawberry.field(description="Continues the list after this fetch.")
    node: FetchRun = strawberry.field(description="The fetch.")


@strawberry.type(description="A page of fetches, newest first.")
class FetchRunConnection:
    where: strawberry.Private[RunFilter]
    edges: list[FetchRunEdge] = strawberry.field(description="The fetches of the page with their cursors.")
    nodes: list[FetchRun] = strawberry.field(description="The fetches of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")

    @strawberry.field(description="Number of fetches that fit the filter; counted only when asked for.")
    async def total_count(self, info: Info) -> int | None:
        return await count_runs(info.context.services.store, self.where, kind=RunKind.FETCH)

    @classmethod
    def from_page(cls, page: Page[RunRecord], where: RunFilter, after: str | None) -> FetchRunConnection:
        nodes = [FetchRun.from_record(record) for record in page.items]
        return cls(
            where=where,
            edges=[
                FetchRunEdge(cursor=cursor, node=node)
                for cursor, node in zip(page.cursors, nodes, strict=True)
            ],
            nodes=nodes,
            page_info=page_info(page, after),
        )


async def to_fetch_filter(where: FetchRunWhere | None, context: GraphContext) -> RunFilter:
    """The store's filter. Raises InvalidInput for ids that are none, DatasetNotFound for unknown names."""
    wanted = given(where)
    if wanted is None:
        return RunFilter()
    conditions = {item.name: getattr(wanted, item.name) for item in fields(FetchRunWhere)}
    return await to_run_filter(FactorRunWhere(**conditions), context)
