"""Pages of risk models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import strawberry

from app.schema.connections import PageInfo, page_info
from app.schema.context import GraphContext, Info
from app.schema.enums import SortDirection
from app.schema.filters import (
    DatasetFilter,
    DateTimeFilter,
    FactorRunWhere,
    RunStatusFilter,
    StringFilter,
    to_run_filter,
)
from app.schema.risk.enums import RiskModelRunSortField
from app.schema.risk.run import RiskModelRun
from app.schema.unset import given
from db.pages import Page
from db.records import RunKind, RunRecord
from db.run_queries import RunFilter, RunOrder, RunSortField, count_runs


@strawberry.input(
    description="Which risk models. All conditions that are given must hold; absent and null ones are none."
)
class RiskModelRunWhere:
    status: RunStatusFilter | None = strawberry.field(default=strawberry.UNSET, description="In which state.")
    dataset: DatasetFilter | None = strawberry.field(
        default=strawberry.UNSET, description="Estimated from which dataset."
    )
    tag: StringFilter | None = strawberry.field(
        default=strawberry.UNSET, description="With at least one tag that fits."
    )
    created_at: DateTimeFilter | None = strawberry.field(
        default=strawberry.UNSET, description="When the run was added."
    )
    started_at: DateTimeFilter | None = strawberry.field(
        default=strawberry.UNSET, description="When its computation began."
    )
    finished_at: DateTimeFilter | None = strawberry.field(
        default=strawberry.UNSET, description="When it ended."
    )


@strawberry.input(description="One key of an order; ties are broken by age.")
class RiskModelRunOrder:
    field: RiskModelRunSortField = strawberry.field(description="What to sort by.")
    direction: SortDirection = strawberry.field(default=SortDirection.DESC, description="In which direction.")


@strawberry.type(description="A risk model and its place in the list.")
class RiskModelRunEdge:
    cursor: str = strawberry.field(description="Continues the list after this risk model.")
    node: RiskModelRun = strawberry.field(description="The risk model.")


@strawberry.type(description="A page of risk models.")
class RiskModelRunConnection:
    where: strawberry.Private[RunFilter]
    edges: list[RiskModelRunEdge] = strawberry.field(
        description="The risk models of the page with their cursors."
    )
    nodes: list[RiskModelRun] = strawberry.field(description="The risk models of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")

    @strawberry.field(description="Number of risk models that fit the filter; counted only when asked for.")
    async def total_count(self, info: Info) -> int | None:
        return await count_runs(info.context.services.store, self.where, kind=RunKind.RISK_MODEL)

    @classmethod
    def from_page(cls, page: Page[RunRecord], where: RunFilter, after: str | None) -> RiskModelRunConnection:
        nodes = [RiskModelRun.from_record(record) for record in page.items]
        return cls(
            where=where,
            edges=[
                RiskModelRunEdge(cursor=cursor, node=node)
                for cursor, node in zip(page.cursors, nodes, strict=True)
            ],
            nodes=nodes,
            page_info=page_info(page, after),
        )


async def to_risk_model_filter(where: RiskModelRunWhere | None, context: GraphContext) -> RunFilter:
    """The store's filter. Raises InvalidInput for ids that are none, DatasetNotFound for unknown names."""
    wanted = given(where)
    if wanted is None:
        return RunFilter()
    conditions = {item.name: getattr(wanted, item.name) for item in fields(RiskModelRunWhere)}
    return await to_run_filter(FactorRunWhere(**conditions), context)


def to_risk_model_order(order: Sequence[RiskModelRunOrder] | None) -> tuple[RunOrder, ...]:
    """The store's order; empty where none was given, which means newest first."""
    return tuple(RunOrder(RunSortField(one.field.value), one.direction) for one in given(order) or ())
