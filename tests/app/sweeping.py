"""Sweeps on a small panel: launched through the services, computed in this process unless said otherwise."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from app.context import Services
from app.datasets.snapshot import write_snapshot
from app.execution.worker.protocol import ComputeRequest
from app.execution.worker.results import decode_result
from app.jobs import compute
from db.datasets import add_dataset, get_datasets
from db.records import AssetRecord, DatasetRecord, NewDataset, RunKind, RunRecord
from db.runs.queue import claim_run, fail_run, finish_run
from db.runs.read import get_runs
from engine.errors import EngineError
from engine.panel import Calendar, Panel
from engine.sweeps.grid import SweepAxis

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
WORKER = "worker:1:1"
BASE = {"min_assets": 5, "market_cap_threshold": None, "liquidity_threshold": None, "min_lifetime_days": None}
AXES = (
    SweepAxis(option="breakpoint", values=(0.2, 0.3, 0.5)),
    SweepAxis(option="lookback_periods", values=(1, 2, 3, 4)),
)


def panel(*, days: int = 900, assets: int = 14, seed: int = 3) -> Panel:
    """Random walks without any skill to be found."""
    random = np.random.default_rng(seed)
    price = 100 * np.exp(np.cumsum(random.normal(0, 0.03, (days, assets)), axis=0))
    return Panel(
        dates=np.datetime64("2021-01-01") + np.arange(days),
        assets=tuple(f"asset-{number:02}" for number in range(assets)),
        fields={
            "price": price,
            "market_cap": price * random.uniform(1e6, 1e8, assets),
            "volume": random.uniform(1e6, 1e8, (days, assets)),
        },
        calendar=Calendar.EVERY_DAY,
    )


async def add_panel(services: Services, content: Panel, name: str = "panel") -> DatasetRecord:
    """The panel as a dataset, with its files."""
    new = NewDataset(
        name=name,
        fingerprint=write_snapshot(content, services.settings.datasets_dir),
        source="test",
        licence=None,
        note=None,
        synthetic=False,
        calendar=content.calendar.value,
        fields=tuple(content.fields),
        date_count=len(content.dates),
        first_date=content.dates[0].item(),
        last_date=content.dates[-1].item(),
        observation_count=content.fields["price"].size,
        quality={},
        assets=tuple(
            AssetRecord(ordinal=ordinal, asset=asset, attributes={"half": "ab"[ordinal % 2]})
            for ordinal, asset in enumerate(content.assets)
        ),
    )
    return (await add_dataset(services.store, new, NOW))[0]


async def request_for(services: Services, run: RunRecord) -> ComputeRequest:
    """As the executor makes it."""
    assert run.dataset_id is not None
    dataset = (await get_datasets(services.store, [run.dataset_id]))[run.dataset_id]
    return ComputeRequest(
        datasets_dir=str(services.settings.datasets_dir),
        cache_dir=str(services.settings.cache_dir),
        artifacts_dir=str(services.settings.artifacts_dir),
        fingerprint=dataset.fingerprint,
        kind=run.kind,
        subject=run.subject,
        identity=run.identity_hash,
        config=run.config,
        memory_limit_bytes=2**30,
        cpu_limit_seconds=60,
    )


async def compute_next(services: Services) -> RunRecord:
    """The run that has waited longest, once it has ended."""
    run = await claim_run(services.store, WORKER, NOW, kinds=tuple(RunKind))
    assert run is not None
    request = await request_for(services, run)
    fence: tuple[Any, ...] = (run.id, run.attempt, WORKER)
    try:
        payload = b"".join(bytes(part) for part in compute(request, lambda *_: None))
    except EngineError as error:
        await fail_run(services.store, *fence, error.code, str(error), NOW)
    else:
        assert await finish_run(services.store, *fence, decode_result(memoryview(payload)), NOW)
    return (await get_runs(services.store, [run.id]))[run.id]
