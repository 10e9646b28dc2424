"""Runs of every kind: by global id, and as the type of the graph that fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.errors import RunNotFound
from app.schema.context import GraphContext
from app.schema.factor_run import FactorRun
from app.schema.fetches.run import FetchRun
from app.schema.node_ids import NodeType, row_key
from app.schema.other_run import OtherRun
from app.schema.risk.run import RiskModelRun
from app.schema.run import NODE_TYPES, Run, node_type_of
from app.schema.sweeps.run import SweepRun
from db.records import RunKind, RunRecord

_NODE_TYPES = (*NODE_TYPES.values(), NodeType.OTHER_RUN)
_FROM_RECORD: Mapping[str, Callable[[RunRecord], Run]] = {
    RunKind.FACTOR: FactorRun.from_record,
    RunKind.SWEEP: SweepRun.from_record,
    RunKind.FETCH: FetchRun.from_record,
    RunKind.RISK_MODEL: RiskModelRun.from_record,
}
_IN_WORDS = {
    NodeType.SWEEP_RUN: "sweep",
    NodeType.FETCH_RUN: "fetch",
    NodeType.RISK_MODEL_RUN: "risk model",
}


def to_run(record: RunRecord) -> Run:
    """The run as its own type."""
    return _FROM_RECORD.get(record.kind, OtherRun.from_record)(record)


def is_run(node_type: NodeType) -> bool:
    """Whether ids of this type are those of runs."""
    return node_type in _NODE_TYPES


async def find_run(global_id: str, context: GraphContext, path: tuple[str, ...] = ("id",)) -> RunRecord:
    """The run of any kind with that global id, which stood at `path` in the arguments.

    Raises InvalidInput for an id of something else, RunNotFound, also where the run is of another kind.
    """
    node_type, key = row_key(global_id, _NODE_TYPES, path)
    return await load_run(node_type, key, context)


async def load_run(node_type: NodeType, key: int, context: GraphContext) -> RunRecord:
    """The run of that type with that key. Raises RunNotFound."""
    found = await context.loaders.runs.load(key)
    if found is None or node_type_of(found) is not node_type:
        raise RunNotFound(f"there is no {_IN_WORDS.get(node_type, 'run')} {key}")
    return found
