"""Pages of runs."""

from __future__ import annotations

from typing import Annotated

import strawberry

from app.schema.connections import PageInfo, page_info
from app.schema.context import Info
from app.schema.factor_run import FactorRun
from app.schema.filters import FactorRunOrder, FactorRunWhere
from db.pages import Page
from db.records import RunKind, RunRecord
from db.run_queries import RunFilter, count_runs

LATEST = (
    "A run that is dated more than 5 minutes ahead of this server's clock, which a wrong clock does, is the "
    "latest only where there is no other; of runs of the same time it is the one added last."
)

WhereArgument = Annotated[
    FactorRunWhere | None, strawberry.argument(description="Which runs; absent or null for all.")
]
OrderArgument = Annotated[
    list[FactorRunOrder] | None,
    strawberry.argument(description="In which order; absent, null or empty for the newest first."),
]
FirstArgument = Annotated[int, strawberry.argument(description="How many at most, up to 100.")]
AfterArgument = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor after which to go on. It belongs to this very list, filter and order; any "
        "other is refused."
    ),
]


@strawberry.type(description="A run and its place in the list.")
class FactorRunEdge:
    cursor: str = strawberry.field(description="Continues the list after this run.")
    node: FactorRun = strawberry.field(description="The run.")


@strawberry.type(description="A page of runs.")
class FactorRunConnection:
    where: strawberry.Private[RunFilter]
    edges: list[FactorRunEdge] = strawberry.field(description="The runs of the page with their cursors.")
    nodes: list[FactorRun] = strawberry.field(description="The runs of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")

    @strawberry.field(description="Number of runs that fit the filter; counted only when asked for.")
    async def total_count(self, info: Info) -> int | None:
        return await count_runs(info.context.services.store, self.where, kind=RunKind.FACTOR)

    @classmethod
    def from_page(cls, page: Page[RunRecord], where: RunFilter, after: str | None) -> FactorRunConnection:
        nodes = [FactorRun.from_record(record) for record in page.items]
        return cls(
            where=where,
            edges=[
                FactorRunEdge(cursor=cursor, node=node)
                for cursor, node in zip(page.cursors, nodes, strict=True)
            ],
            nodes=nodes,
            page_info=page_info(page, after),
        )
