"""The graph: what every server has at its roots, and what the features add, built and printed."""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry.schema.config import StrawberryConfig

from app.errors import NotFound
from app.kinds import KINDS, Kind
from app.schema.connections import check_page_size, cursors_checked
from app.schema.context import GraphContext, Info
from app.schema.dataset import Dataset, DatasetConnection
from app.schema.dataset_ref import DatasetRef, find_dataset
from app.schema.errors import Error, exception_handlers
from app.schema.execution import FactorQLExecutor
from app.schema.health import Health, probe_health
from app.schema.mutations.annotate_run import annotate_run
from app.schema.mutations.cancel_run import cancel_run
from app.schema.mutations.delete_dataset import delete_dataset
from app.schema.mutations.delete_run import delete_run
from app.schema.mutations.ingest_dataset import ingest_dataset
from app.schema.node import Node
from app.schema.node_ids import decode_id, not_an_id, parse_row_key
from app.schema.roots import graph_roots
from app.schema.run import OtherRun, Run
from app.schema.run_lists import (
    AfterArgument,
    FirstArgument,
    RunConnection,
    RunOrder,
    RunWhere,
    run_list,
)
from app.schema.runs import find_run, is_run, load_run, to_run
from app.schema.scalars import SCALARS
from app.schema.subscription import Subscription
from app.schema.unset import given
from db import datasets as dataset_store


async def _dataset(context: GraphContext, key: str) -> Dataset:
    dataset_id = parse_row_key(key)
    found = await context.loaders.datasets.load(dataset_id)
    if found is None:
        raise NotFound(f"there is no dataset {dataset_id}")
    return Dataset.from_record(found)


NODES = {"Dataset": _dataset}


@strawberry.type
class _Query:
    @strawberry.field(description="Anything that has a global id.")
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The global id.")]
    ) -> Node | None:
        node_type, key = decode_id(id)
        if is_run(node_type, info.context):
            return to_run(await load_run(node_type, parse_row_key(key), info.context), info.context)
        loads = dict(NODES)
        for root in graph_roots(info.context.services.kinds):
            loads |= getattr(root, "NODES", {})
        if node_type in loads:
            return await loads[node_type](info.context, key)
        if info.schema.get_type_by_name(node_type) is None:
            raise not_an_id()
        raise NotFound(f"a {node_type} is no Node", hint="it has a root field of its own")

    @strawberry.field(description="One run.")
    async def run(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its global id.")]
    ) -> Run | None:
        return to_run(await find_run(id, info.context), info.context)

    runs = run_list(RunConnection, RunWhere, RunOrder, "Runs of every kind, page by page.", plural="runs")

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

    @strawberry.field(description="The state of the server.")
    async def health(self, info: Info) -> Health:
        return await probe_health(info.context.services)


@strawberry.type
class _Mutation:
    cancel_run = strawberry.mutation(
        cancel_run,
        description="Cancel a run that waits or is under way; its process, or its fetch, is ended.",
    )
    delete_run = strawberry.mutation(
        delete_run, description="Delete an ended run with its results, for good."
    )
    annotate_run = strawberry.mutation(annotate_run, description="Change the tags and the note of a run.")
    ingest_dataset = strawberry.mutation(
        ingest_dataset,
        description="Take a file in as an immutable dataset. Impossible rows are refused and listed, "
        "suspicious values kept and counted; nothing is repaired.",
    )
    delete_dataset = strawberry.mutation(
        delete_dataset,
        description="Delete a version of a dataset: its name then stands for the newest version left. Runs "
        "keep it as their `dataset`, and those that wait or are under way go on. Taking the same content in "
        "again brings it back; the operator's `factorql gc` removes files that nothing needs.",
    )


def build_schema(kinds: tuple[Kind, ...] = KINDS) -> strawberry.Schema:
    """Return the graph of the core, the features and these kinds of runs. Its context is a GraphContext;
    building takes a moment, so keep the result. Raises ValueError where two add the same field."""
    added = graph_roots(kinds)
    return strawberry.Schema(
        _joined(
            "Query",
            [_Query, *(root.Query for root in added if hasattr(root, "Query"))],
            "What can be read. A thing that is asked for by its id and does not exist is null, with an "
            "error of the code NOT_FOUND.",
        ),
        _joined(
            "Mutation",
            [*(root.Mutation for root in added if hasattr(root, "Mutation")), _Mutation],
            "What changes something. Expected errors are members of the result types, by `Error`.",
        ),
        Subscription,
        # Reached through interfaces alone.
        types=[
            Error,
            OtherRun,
            *(run_type for root in added for run_type in getattr(root, "RUNS", {}).values()),
            *(extra for root in added for extra in getattr(root, "TYPES", ())),
        ],
        config=StrawberryConfig(scalar_map=SCALARS),
        execution_context_class=FactorQLExecutor,
        exception_handlers=exception_handlers(),
    )


def print_schema_text() -> str:
    """Return the graph in the schema definition language, as `schema.graphql` holds it."""
    return build_schema().as_str() + "\n"


def _joined(name: str, parts: list[type], description: str) -> type:
    """Return the parts' fields as one type."""
    taken: set[str] = set()
    for part in parts:
        fields = {field.name for field in part.__strawberry_definition__.fields}
        if taken & fields:
            raise ValueError(f"{name} has two fields {', '.join(sorted(taken & fields))}")
        taken |= fields
    return strawberry.type(type(name, tuple(parts), {}), description=description)
