"""Pages of factor runs."""

from __future__ import annotations

from typing import Annotated

import strawberry

from app.features.factors.graph.run import FactorRun
from app.schema.filters import FactorRunOrder, FactorRunWhere
from app.schema.run_lists import run_connection
from db.records import RunKind

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

FactorRunConnection = run_connection(FactorRun, "run", "runs", RunKind.FACTOR)
