"""Risk models at the roots of the graph."""

from __future__ import annotations

import strawberry

from app.features.risk.graph.enums import RiskModelRunSortField
from app.features.risk.graph.launch import build_risk_model
from app.features.risk.graph.run import RiskModelRun
from app.features.risk.graph.style_configs import STYLE_TYPES
from app.schema.run_lists import order_type, run_connection, run_list, where_type
from db.records import RunKind

RUNS = {RunKind.RISK_MODEL: RiskModelRun}
TYPES = (*STYLE_TYPES.values(),)

RiskModelRunWhere = where_type(
    "RiskModelRunWhere",
    "risk models",
    status="In which state.",
    dataset="Estimated from which dataset.",
    tag="With at least one tag that fits.",
    created_at="When the run was added.",
    started_at="When its computation began.",
    finished_at="When it ended.",
)


@strawberry.type
class Query:
    risk_model_runs = run_list(
        run_connection(RiskModelRun, "risk model", "risk models", RunKind.RISK_MODEL),
        RiskModelRunWhere,
        order_type("RiskModelRunOrder", RiskModelRunSortField),
        "Risk models, page by page.",
        plural="risk models",
        kind=RunKind.RISK_MODEL,
    )


@strawberry.type
class Mutation:
    build_risk_model = strawberry.mutation(
        build_risk_model,
        description="Estimate a factor risk model of a dataset's assets. The same options, dataset and "
        "engine version are the same run: it is returned as it is, unless `force` is set; failed and "
        "canceled runs are not reused.",
    )
