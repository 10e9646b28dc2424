"""Computing as the older system did: what was asked for last is the factor's latest run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from weakref import WeakKeyDictionary, WeakValueDictionary

from app.context import Services
from app.datasets.service import DatasetRef
from app.features.factors.service import launch_factor
from app.features.legacy.log_rows import last_runs
from app.runs.awaited import await_success
from db.records import RunRecord, RunStatus
from db.store import Store
from engine.factors.registry import FactorName

_turns: WeakKeyDictionary[Store, WeakValueDictionary[str, asyncio.Lock]] = WeakKeyDictionary()
"""By identity: requests for the same run wait for each other."""


async def compute_last(
    services: Services, factor: FactorName, options: Mapping[str, object], *, dataset: DatasetRef
) -> RunRecord:
    """The run of these options, succeeded, and the latest of its factor when it ended.

    One that exists is taken if it still is the factor's latest; else the same is computed again, because
    whoever reads the latest run next means this one. Raises what `launch_factor` and `await_success` raise.
    """
    launch = await launch_factor(services, factor, options, dataset=dataset)
    run = launch.run
    if not launch.reused or run.status is not RunStatus.SUCCEEDED:
        return await await_success(services, run.id)
    turns = _turns.setdefault(services.store, WeakValueDictionary())
    turn = turns.setdefault(run.identity_hash, asyncio.Lock())
    async with turn:
        latest = await last_runs(services.store, factor, 1, now=services.now())
        if latest and latest[0].run.identity_hash == run.identity_hash:
            return latest[0].run
        again = await launch_factor(services, factor, options, dataset=dataset, force=True)
        return await await_success(services, again.run.id)
