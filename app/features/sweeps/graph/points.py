"""The points of a sweep, and pages of them."""

from __future__ import annotations

from typing import Any, Final

import strawberry

from app.boundary.cost_rules import cost
from app.features.factors.graph.factor_config import FactorConfig, to_factor_config
from app.features.sweeps.graph.enums import SweepMetric
from app.features.sweeps.graph.values import SweepValue
from app.features.sweeps.points import PointList, PointOrder
from app.features.sweeps.results import SweepResults, stored_plan
from app.schema.connections import PageInfo, page_info
from app.schema.enums import SortDirection
from app.schema.errors import in_graph_spelling
from app.schema.options import measured
from app.schema.run import Failure
from app.schema.unset import given
from db.pages import Page
from db.records import RunRecord
from engine.config import to_json
from engine.errors import InvalidConfig
from engine.factors.registry import FactorName, parse_config
from engine.factors.sweepable import SWEEP_METRICS
from engine.statistics.performance import Unit
from engine.sweeps.points import SPAN_SHARPE

_FIRST: Final = (SPAN_SHARPE, "sharpe_ratio", "gross_sharpe_ratio")


@strawberry.type(
    description="One configuration that a sweep tried, with its metrics: of its returns after costs, where "
    "it has any. All metrics are null where it failed; a single one is where it is not defined."
)
@measured(({name: SWEEP_METRICS[name] for name in _FIRST} | SWEEP_METRICS).values(), own_first=True)
class SweepPoint:
    run: strawberry.Private[RunRecord]
    number: int = strawberry.field(
        description="Its number in the sweep, from 0; the last axis varies fastest."
    )
    position: list[int] = strawberry.field(
        description="The place of its value on each axis, from 0.", metadata=cost(size=4)
    )
    values: list[SweepValue] = strawberry.field(description="Its value on each axis.", metadata=cost(size=4))
    failure: Failure | None = strawberry.field(
        description="Why it could not be computed; null if it could be."
    )

    @strawberry.field(description="All its options, defaults included. Null where they do not go together.")
    def config(self) -> FactorConfig | None:
        factor = FactorName(self.run.subject)
        try:
            config = parse_config(factor, stored_plan(self.run).options(self.position))
        except InvalidConfig:
            return None
        return to_factor_config(factor, to_json(config))

    @classmethod
    def of(cls, run: RunRecord, results: SweepResults, number: int) -> SweepPoint:
        position = results.positions[number].tolist()
        values = [
            SweepValue.of(axis.option, axis.values[place])
            for axis, place in zip(results.axes, position, strict=True)
        ]
        failure = results.failure(number)
        return cls(
            run=run,
            number=number,
            position=position,
            values=values,
            failure=None
            if failure is None
            else Failure(code=failure.code, message=in_graph_spelling(failure.message)),
            **{name: _metric(results, name, number) for name in SWEEP_METRICS},
        )


def _metric(results: SweepResults, name: str, number: int) -> float | int | None:
    value = results.metric(name, number)
    return int(value) if SWEEP_METRICS[name].unit is Unit.COUNT and value is not None else value


@strawberry.input(description="Which points. Absent and null conditions are none.")
class SweepPointWhere:
    failed: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Only those that failed, or only those that did not."
    )


@strawberry.input(
    description="An order of points. Undefined values come last in either direction; ties are broken by "
    "number."
)
class SweepPointOrder:
    metric: SweepMetric = strawberry.field(description="What to sort by.")
    direction: SortDirection = strawberry.field(default=SortDirection.DESC, description="In which direction.")


@strawberry.type(description="A point and its place in the list.")
class SweepPointEdge:
    cursor: str = strawberry.field(description="Continues the list after this point.")
    node: SweepPoint = strawberry.field(description="The point.")


@strawberry.type(description="A page of points.")
class SweepPointConnection:
    edges: list[SweepPointEdge] = strawberry.field(description="The points of the page with their cursors.")
    nodes: list[SweepPoint] = strawberry.field(description="The points of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int = strawberry.field(description="Number of points that fit the filter.")

    @classmethod
    def from_page(
        cls,
        run: RunRecord,
        results: SweepResults,
        page: Page[int],
        *,
        total_count: int,
        after: str | None,
    ) -> SweepPointConnection:
        nodes = [SweepPoint.of(run, results, number) for number in page.items]
        return cls(
            edges=[
                SweepPointEdge(cursor=cursor, node=node)
                for cursor, node in zip(page.cursors, nodes, strict=True)
            ],
            nodes=nodes,
            page_info=page_info(page, after),
            total_count=total_count,
        )


def point_list(run: RunRecord, where: Any, order: Any) -> PointList:
    """What the arguments of a page of points mean; best points first unless said otherwise."""
    wanted, asked = given(where), given(order)
    by = PointOrder() if asked is None else PointOrder(metric=asked.metric.value, direction=asked.direction)
    return PointList(
        sweep=f"{run.id} {run.identity_hash}",
        order=by,
        failed=None if wanted is None else given(wanted.failed),
    )
