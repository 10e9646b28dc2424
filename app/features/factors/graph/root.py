"""Factors and factor runs at the roots of the graph."""

from __future__ import annotations

from typing import Annotated

import strawberry

from app.boundary.cost_rules import cost
from app.features.factors.graph.compute import compute_factor
from app.features.factors.graph.factor import Factor
from app.features.factors.graph.factor_config import CONFIG_TYPES
from app.features.factors.graph.run import FactorRun
from app.features.factors.graph.runs import LATEST, FactorRunConnection
from app.features.factors.latest import latest_results
from app.schema.context import GraphContext, Info
from app.schema.dataset_ref import DatasetRef, find_dataset
from app.schema.enums import FactorName, RunOrigin
from app.schema.filters import FactorRunOrder, FactorRunWhere
from app.schema.node_ids import parse_factor_key
from app.schema.run_lists import run_list
from app.schema.unset import given
from db.records import RunKind
from engine.factors.registry import FACTORS


async def _factor(_context: GraphContext, key: str) -> Factor:
    return Factor.from_definition(FACTORS[parse_factor_key(key)])


RUNS = {RunKind.FACTOR: FactorRun}
NODES = {"Factor": _factor}
TYPES = (*CONFIG_TYPES.values(),)


@strawberry.type
class Query:
    @strawberry.field(description="All factor models.", metadata=cost(size=6))
    def factors(self) -> list[Factor] | None:
        return [Factor.from_definition(definition) for definition in FACTORS.values()]

    @strawberry.field(description="One factor model.")
    def factor(
        self, name: Annotated[FactorName, strawberry.argument(description="The factor's name.")]
    ) -> Factor | None:
        return Factor.from_definition(FACTORS[name])

    factor_runs = run_list(
        FactorRunConnection,
        FactorRunWhere,
        FactorRunOrder,
        "Runs of all factors, page by page.",
        plural="runs",
        kind=RunKind.FACTOR,
    )

    @strawberry.field(
        description=(
            "The run of each factor that succeeded last (imported ones count by the time of their legacy "
            f"id), best annualised return first, undefined ones last. {LATEST}"
        ),
        metadata=cost(size=6),
    )
    async def latest_factor_runs(
        self,
        info: Info,
        factors: Annotated[
            list[FactorName] | None,
            strawberry.argument(description="Of which factors; absent or null for all."),
        ] = strawberry.UNSET,
        dataset: Annotated[
            DatasetRef | None,
            strawberry.argument(description="Only runs on this dataset; absent or null for any."),
        ] = strawberry.UNSET,
        origin: Annotated[
            RunOrigin | None,
            strawberry.argument(description="Only computed or only imported runs; absent or null for both."),
        ] = strawberry.UNSET,
    ) -> list[FactorRun] | None:
        ref = given(dataset)
        services = info.context.services
        found = await latest_results(
            services.store,
            now=services.now(),
            factors=given(factors),
            dataset_id=None if ref is None else (await find_dataset(ref, info.context)).id,
            origin=given(origin),
        )
        return [FactorRun.from_record(one.run, one.performance) for one in found]


@strawberry.type
class Mutation:
    compute_factor = strawberry.mutation(
        compute_factor,
        description="Compute a factor model on a dataset. The same factor, options, dataset and engine "
        "version are the same run: it is returned as it is, unless `force` is set; failed and canceled runs "
        "are not reused.",
    )
