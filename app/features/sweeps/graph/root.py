"""Sweeps at the roots of the graph."""

from __future__ import annotations

import strawberry

from app.features.sweeps.graph.enums import SweepRunSortField
from app.features.sweeps.graph.launch import sweep_factor
from app.features.sweeps.graph.promote_point import promote_point
from app.features.sweeps.graph.run import SweepRun
from app.schema.run_lists import order_type, run_connection, run_list, where_type
from db.records import RunKind

RUNS = {RunKind.SWEEP: SweepRun}

SweepRunWhere = where_type(
    "SweepRunWhere",
    "sweeps",
    factor="Of which factor.",
    status="In which state.",
    dataset="Computed from which dataset.",
    tag="With at least one tag that fits.",
    created_at="When the sweep was added.",
    started_at="When its computation began.",
    finished_at="When it ended.",
)


@strawberry.type
class Query:
    sweep_runs = run_list(
        run_connection(SweepRun, "sweep", "sweeps", RunKind.SWEEP),
        SweepRunWhere,
        order_type("SweepRunOrder", SweepRunSortField),
        "Sweeps of all factors, page by page.",
        plural="sweeps",
        kind=RunKind.SWEEP,
    )


@strawberry.type
class Mutation:
    sweep_factor = strawberry.mutation(
        sweep_factor,
        description="Compute a factor model in many configurations on one dataset, and measure how far the "
        "best of them is due to selection. The same sweep is returned as it is, unless `force` is set.",
    )
    promote_point = strawberry.mutation(
        promote_point,
        description="Compute one point of a sweep as a factor run on the sweep's own dataset version, with "
        "all that such a run has; unless the engine's version has changed since, its metrics are those of "
        "the point.",
    )
