"""A finished sweep in the store, for asking the graph about it."""

from __future__ import annotations

from functools import cache

from app.execution.worker.results import decode_result
from app.features.sweeps.job import encode_sweep
from app.schema.node_ids import encode_id
from db.records import RunKind, RunRecord, RunResults
from db.runs.read import get_runs
from db.store import Store
from engine.factors.registry import FactorName
from engine.factors.sweepable import SWEEPABLE_FACTORS, sweep
from engine.sweeps.grid import SweepAxis, SweepPlan, parse_plan, plan_to_json
from engine.sweeps.sweep import SweepResult
from tests.app.schema.graph import add_dataset
from tests.app.sweeping import BASE, panel
from tests.db.samples import later, succeeded

AXES = (
    SweepAxis(option="breakpoint", values=(0.2, 0.3, 0.5)),
    SweepAxis(option="lookback_periods", values=(1, 2, 4)),
    SweepAxis(option="volatility_adjusted", values=(True, False)),
)
"""18 points, of which those with one lookback period and the adjustment fail: 0, 6 and 12."""


@cache
def computed() -> tuple[SweepPlan, SweepResult, RunResults]:
    """(plan, what the engine gives, what the store is given)."""
    plan = parse_plan(SWEEPABLE_FACTORS[FactorName.MOMENTUM], BASE, AXES, partitions=4)
    result = sweep(panel(), plan)
    payload = b"".join(bytes(part) for part in encode_sweep(result))
    return plan, result, decode_result(memoryview(payload))


async def add_sweep(store: Store) -> RunRecord:
    plan, _, results = computed()
    run = await succeeded(
        store,
        await add_dataset(store),
        results,
        at=later(30),
        kind=RunKind.SWEEP,
        subject=plan.subject.factor.value,
        config=plan_to_json(plan),
        identity_hash="identity of a sweep",
        tags=("swept",),
    )
    return (await get_runs(store, [run.id]))[run.id]


def sweep_id(run: RunRecord) -> str:
    return encode_id("SweepRun", run.id)
