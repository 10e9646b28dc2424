"""Imports of the older system's logs at the roots of the graph."""

from __future__ import annotations

from typing import Annotated

import strawberry

from app.errors import NotFound, RunNotFound
from app.features.factors.graph.run import FactorRun
from app.features.legacy.graph.import_batch import ImportBatch, ImportBatchConnection
from app.features.legacy.graph.import_logs import import_factor_logs
from app.schema.connections import check_page_size, cursors_checked
from app.schema.context import Info
from app.schema.enums import FactorName
from app.schema.node_ids import row_id
from app.schema.run_lists import AfterArgument, FirstArgument
from app.schema.unset import given
from db.legacy import queries as import_queries
from db.runs import read as run_queries


@strawberry.type
class Query:
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
        key = row_id(id, "ImportBatch")
        found = await import_queries.get_batch(info.context.services.store, key)
        if found is None:
            raise NotFound("there is no such import")
        return ImportBatch.from_record(found)


@strawberry.type
class Mutation:
    import_factor_logs = strawberry.mutation(
        import_factor_logs,
        description="Import logs of the older system, each file as a whole or not at all. Repeating an "
        "import changes nothing.",
    )
