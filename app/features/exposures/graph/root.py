"""Exposures at the root of the graph."""

from __future__ import annotations

import strawberry

from app.boundary.cost_rules import cost
from app.features.exposures.graph.betas import asset_betas, factor_correlations
from app.features.exposures.graph.exposures import exposures


@strawberry.type
class Query:
    exposures = strawberry.field(
        exposures,
        description="A portfolio's exposures to factors: betas, how well they are known, and what each "
        "factor contributed to its return. Expected errors are members of the result, by `Error`.",
        metadata=cost(work=20_000),
    )
    asset_betas = strawberry.field(
        asset_betas,
        description="Univariate betas of single assets to a factor run, from weekly simple returns.",
        metadata=cost(size=1_000, work=20_000),
    )
    factor_correlations = strawberry.field(
        factor_correlations,
        description="How factor runs move together, over the weeks that all have.",
        metadata=cost(work=5_000),
    )
