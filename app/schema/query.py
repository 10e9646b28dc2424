"""The query root."""

from __future__ import annotations

import asyncio
from typing import Annotated

import strawberry

from app.errors import NotFound, RunNotFound
from app.schema.connections import check_page_size, cursors_checked
from app.schema.context import GraphContext, Info
from app.schema.dataset import Dataset, DatasetConnection
from app.schema.dataset_ref import DatasetRef, find_dataset
from app.schema.enums import FactorName, RunOrigin
from app.schema.exposures.betas import asset_betas, factor_correlations
from app.schema.exposures.exposures import exposures
from app.schema.factor import Factor
from app.schema.factor_run import FactorRun
from app.schema.factor_runs import (
    LATEST,
    AfterArgument,
    FactorRunConnection,
    FirstArgument,
    OrderArgument,
    WhereArgument,
)
from app.schema.fetches.runs import FetchRunConnection, FetchRunWhere, to_fetch_filter
from app.schema.fetches.source import Source
from app.schema.filters import to_run_filter, to_run_order
from app.schema.health import Health, probe_health
from app.schema.import_batch import ImportBatch, ImportBatchConnection
from app.schema.node import Node
from app.schema.node_ids import NodeType, decode_id, parse_factor_key, parse_row_key, row_id
from app.schema.risk.runs import (
    RiskModelRunConnection,
    RiskModelRunOrder,
    RiskModelRunWhere,
    to_risk_model_filter,
    to_risk_model_order,
)
from app.schema.run import Run
from app.schema.runs import find_run, is_run, load_run, to_run
from app.schema.sweeps.runs import (
    SweepRunConnection,
    SweepRunOrder,
    SweepRunWhere,
    to_sweep_filter,
    to_sweep_order,
)
from app.schema.unset import given
from app.services.fetches import list_sources
from app.services.results import latest_results
from db import datasets as dataset_store
from db import import_queries, run_queries
from db.records import RunKind
from engine.factors.registry import FACTORS


@strawberry.type(
    description="What can be read. A thing that is asked for by its id and does not exist is null, with an "
    "error of the code NOT_FOUND."
)
class Query:
    @strawberry.field(description="Anything that has a global id.")
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The global id.")]
    ) -> Node | None:
        node_type, key = decode_id(id)
        if node_type is NodeType.FACTOR:
            return Factor.from_definition(FACTORS[parse_factor_key(key)])
        if is_run(node_type):
            return to_run(await load_run(node_type, parse_row_key(key), info.context))
        if node_type is NodeType.DATASET:
            return await _dataset(info.context, parse_row_key(key))
        raise NotFound(f"a {node_type.value} is no Node", hint="it has a root field of its own")

    @strawberry.field(description="All factor models.")
    def factors(self) -> list[Factor] | None:
        return [Factor.from_definition(definition) for definition in FACTORS.values()]

    @strawberry.field(description="One factor model.")
    def factor(
        self, name: Annotated[FactorName, strawberry.argument(description="The factor's name.")]
    ) -> Factor | None:
        return Factor.from_definition(FACTORS[name])

    @strawberry.field(description="One run.")
    async def run(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its global id.")]
    ) -> Run | None:
        return to_run(await find_run(id, info.context))

    @strawberry.field(description="An imported run, by what the older system called it.")
    async def imported_run(
        self,
        info: Info,
        factor: Annotated[FactorName, strawberry.argument(description="The factor's name.")],
        legacy_run_id: Annotated[
            str, strawberry.argument(description="The older system's id, such as `20240107_120000`.")
        ],
    ) -> FactorRun | None:
        store = info.context.services.store
        found = await run_queries.find_imported(store, factor.value, legacy_run_id)
        if found is None:
            raise RunNotFound(f"no run {legacy_run_id[:100]!r} of {factor.lower()} was imported")
        return FactorRun.from_record(found)

    @strawberry.field(description="Runs of all factors, page by page.")
    async def factor_runs(
        self,
        info: Info,
        where: WhereArgument = strawberry.UNSET,
        order_by: OrderArgument = strawberry.UNSET,
        first: FirstArgument = 50,
        after: AfterArgument = strawberry.UNSET,
    ) -> FactorRunConnection | None:
        check_page_size(first)
        run_filter = await to_run_filter(where, info.context)
        with cursors_checked():
            page = await run_queries.page_runs(
                info.context.services.store,
                run_filter,
                to_run_order(order_by),
                kind=RunKind.FACTOR,
                first=first,
                after=given(after),
            )
        return FactorRunConnection.from_page(page, run_filter, given(after))

    @strawberry.field(description="Sweeps of all factors, page by page.")
    async def sweep_runs(
        self,
        info: Info,
        where: Annotated[
            SweepRunWhere | None, strawberry.argument(description="Which sweeps; absent or null for all.")
        ] = strawberry.UNSET,
        order_by: Annotated[
            list[SweepRunOrder] | None,
            strawberry.argument(description="In which order; absent, null or empty for the newest first."),
        ] = strawberry.UNSET,
        first: FirstArgument = 50,
        after: AfterArgument = strawberry.UNSET,
    ) -> SweepRunConnection | None:
        check_page_size(first)
        sweep_filter = await to_sweep_filter(where, info.context)
        with cursors_checked():
            page = await run_queries.page_runs(
                info.context.services.store,
                sweep_filter,
                to_sweep_order(order_by),
                kind=RunKind.SWEEP,
                first=first,
                after=given(after),
            )
        return SweepRunConnection.from_page(page, sweep_filter, given(after))

    @strawberry.field(description="Risk models, page by page.")
    async def risk_model_runs(
        self,
        info: Info,
        where: Annotated[
            RiskModelRunWhere | None,
            strawberry.argument(description="Which risk models; absent or null for all."),
        ] = strawberry.UNSET,
        order_by: Annotated[
            list[RiskModelRunOrder] | None,
            strawberry.argument(description="In which order; absent, null or empty for the newest first."),
        ] = strawberry.UNSET,
        first: FirstArgument = 50,
        after: AfterArgument = strawberry.UNSET,
    ) -> RiskModelRunConnection | None:
        check_page_size(first)
        model_filter = await to_risk_model_filter(where, info.context)
        with cursors_checked():
            page = await run_queries.page_runs(
                info.context.services.store,
                model_filter,
                to_risk_model_order(order_by),
                kind=RunKind.RISK_MODEL,
                first=first,
                after=given(after),
            )
        return RiskModelRunConnection.from_page(page, model_filter, given(after))

    @strawberry.field(description="The vendors of data that this server knows, with or without their keys.")
    async def sources(self, info: Info) -> list[Source] | None:
        known = await asyncio.to_thread(list_sources, info.context.services.settings)
        return [Source.from_info(one) for one in known]

    @strawberry.field(description="Fetches from all sources, newest first, page by page.")
    async def fetch_runs(
        self,
        info: Info,
        where: Annotated[
            FetchRunWhere | None, strawberry.argument(description="Which fetches; absent or null for all.")
        ] = strawberry.UNSET,
        first: FirstArgument = 50,
        after: AfterArgument = strawberry.UNSET,
    ) -> FetchRunConnection | None:
        check_page_size(first)
        fetch_filter = await to_fetch_filter(where, info.context)
        with cursors_checked():
            page = await run_queries.page_runs(
                info.context.services.store,
                fetch_filter,
                kind=RunKind.FETCH,
                first=first,
                after=given(after),
            )
        return FetchRunConnection.from_page(page, fetch_filter, given(after))

    @strawberry.field(
        description=(
            "The run of each factor that succeeded last (imported ones count by the time of their legacy "
            f"id), best annualised return first, undefined ones last. {LATEST}"
        )
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

    exposures = strawberry.field(
        exposures,
        description="A portfolio's exposures to factors: betas, how well they are known, and what each "
        "factor contributed to its return. Expected errors are members of the result, by `Error`.",
    )
    asset_betas = strawberry.field(
        asset_betas,
        description="Univariate betas of single assets to a factor run, from weekly simple returns.",
    )
    factor_correlations = strawberry.field(
        factor_correlations, description="How factor runs move together, over the weeks that all have."
    )

    @strawberry.field(description="All versions of all datasets that are not deleted, newest first.")
    async def datasets(
        self, info: Info, first: FirstArgument = 50, after: AfterArgument = strawberry.UNSET
    ) -> DatasetConnection | None:
        check_page_size(first)
        with cursors_checked():
            page = await dataset_store.list_datasets(
                info.context.services.store, first=first, after=given(after)
            )
        return DatasetConnection.from_page(page, given(after))

    @strawberry.field(description="One dataset.")
    async def dataset(
        self, info: Info, ref: Annotated[DatasetRef, strawberry.argument(description="Which one.")]
    ) -> Dataset | None:
        return Dataset.from_record(await find_dataset(ref, info.context, ("ref",)))

    @strawberry.field(description="Imports of older logs, newest first.")
    async def import_batches(
        self, info: Info, first: FirstArgument = 50, after: AfterArgument = strawberry.UNSET
    ) -> ImportBatchConnection | None:
        check_page_size(first)
        with cursors_checked():
            page = await import_queries.list_batches(info.context.services.store, first, given(after))
        return ImportBatchConnection.from_page(page, given(after))

    @strawberry.field(description="One import of older logs.")
    async def import_batch(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its global id.")]
    ) -> ImportBatch | None:
        key = row_id(id, NodeType.IMPORT_BATCH)
        found = await import_queries.get_batch(info.context.services.store, key)
        if found is None:
            raise NotFound("there is no such import")
        return ImportBatch.from_record(found)

    @strawberry.field(description="The state of the server.")
    async def health(self, info: Info) -> Health:
        return await probe_health(info.context.services)


async def _dataset(context: GraphContext, dataset_id: int) -> Dataset:
    found = await context.loaders.datasets.load(dataset_id)
    if found is None:
        raise NotFound(f"there is no dataset {dataset_id}")
    return Dataset.from_record(found)
