"""Reading results across runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from db.records import PerformanceRecord, RunKind, RunOrigin, RunRecord
from db.runs import read as run_queries
from db.runs import results as result_store
from db.store import Store
from engine.factors.registry import FactorName


@dataclass(frozen=True, slots=True)
class RunWithPerformance:
    run: RunRecord
    performance: PerformanceRecord


async def latest_results(
    store: Store,
    *,
    now: datetime,
    factors: Sequence[FactorName] | None = None,
    dataset_id: int | None = None,
    origin: RunOrigin | None = None,
) -> list[RunWithPerformance]:
    """Return the run of each factor that succeeded last: best annualised return first, undefined last."""
    names = None if factors is None else [factor.value for factor in factors]
    runs = await run_queries.latest_runs(
        store, kind=RunKind.FACTOR, now=now, subjects=names, dataset_id=dataset_id, origin=origin
    )
    return sorted(await with_performance(store, runs.values()), key=_best_first)


async def with_performance(store: Store, runs: Iterable[RunRecord]) -> list[RunWithPerformance]:
    """Return succeeded factor runs with their metrics; a run that was deleted since is left out."""
    found = list(runs)
    performance = await result_store.get_performance(store, [run.id for run in found])
    return [RunWithPerformance(run, performance[run.id]) for run in found if run.id in performance]


def _best_first(found: RunWithPerformance) -> tuple[float, str]:
    annualized = found.performance.annualized_return
    return (math.inf if annualized is None else -annualized, found.run.subject)
