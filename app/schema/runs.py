"""Runs of every kind: by global id, and as the type of the graph that fits."""

from __future__ import annotations

from app.errors import RunNotFound
from app.kinds import by_name
from app.schema.context import GraphContext
from app.schema.node_ids import row_key
from app.schema.run import OtherRun, Run
from db.records import RunRecord


def to_run(record: RunRecord, context: GraphContext) -> Run:
    """Return the run as its own type."""
    return context.run_type(record).from_record(record)


def is_run(node_type: str, context: GraphContext) -> bool:
    """Return whether ids of this type are those of runs."""
    return node_type in _node_types(context)


async def find_run(global_id: str, context: GraphContext, path: tuple[str, ...] = ("id",)) -> RunRecord:
    """Find the run of any kind with that global id, which stood at `path` in the arguments.

    Raises InvalidInput for an id of something else, RunNotFound, also where the run is of another kind.
    """
    node_type, key = row_key(global_id, _node_types(context), path)
    return await load_run(node_type, key, context)


async def load_run(node_type: str, key: int, context: GraphContext) -> RunRecord:
    """Load the run of that type with that key. Raises RunNotFound."""
    found = await context.loaders.runs.load(key)
    if found is None or context.run_type(found).__name__ != node_type:
        nouns = {kind.node: kind.noun for kind in by_name(context.services.kinds).values()}
        raise RunNotFound(f"there is no {nouns.get(node_type, 'run')} {key}")
    return found


def _node_types(context: GraphContext) -> tuple[str, ...]:
    return (*(run_type.__name__ for run_type in context.run_types.values()), OtherRun.__name__)
