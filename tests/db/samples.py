"""Small datasets, runs and results for tests; every option can be replaced."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from db.datasets import add_dataset
from db.records import (
    ArtifactRecord,
    AssetRecord,
    CompositionRecord,
    DocumentRecord,
    LegRecord,
    NewDataset,
    NewRun,
    PerformanceRecord,
    RunKind,
    RunRecord,
    RunResults,
    SeriesRecord,
    UndefinedMetricRecord,
)
from db.runs.queue import claim_run, finish_run, launch_run
from db.store import Store

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WORKER = "host:100:2026-03-01T11:00:00Z"

_DATASET = NewDataset(
    name="panel",
    fingerprint="f1",
    source="file.csv",
    licence="CC0",
    note=None,
    synthetic=False,
    calendar="EVERY_DAY",
    fields=("price", "mc"),
    date_count=100,
    first_date=date(2025, 1, 1),
    last_date=date(2025, 4, 10),
    observation_count=200,
    quality={"refused": 0, "notes": ["gap"]},
    assets=(
        AssetRecord(ordinal=0, asset="btc", attributes={"sector": "L1"}, observation_count=100),
        AssetRecord(
            ordinal=1,
            asset="éth",
            first_date=date(2025, 1, 1),
            last_date=date(2025, 4, 10),
            observation_count=100,
        ),
    ),
)

_RUN = NewRun(
    kind=RunKind.FACTOR,
    subject="SMB",
    config={"breakpoint": 0.5, "max_weight": None, "exclude": ["usdt"]},
    identity_hash="identity",
    dataset_id=0,
    engine_version="1",
)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def new_dataset(**changes: Any) -> NewDataset:
    return replace(_DATASET, **changes)


def new_run(dataset_id: int | None, **changes: Any) -> NewRun:
    return replace(_RUN, dataset_id=dataset_id, **changes)


def new_leg(count: int, shift: float = 0.0) -> LegRecord:
    returns = np.linspace(-0.1, 0.1, count) + shift
    if count:
        returns[0] = np.nan
    return LegRecord(
        asset_ordinals=np.arange(count, dtype=np.int32),
        weights=np.full(count, 1 / max(count, 1)),
        period_returns=returns,
        signals=np.linspace(1, 2, count),
        market_caps=np.linspace(1e6, 1e9, count),
    )


def new_composition(start: date, days: int = 7, *, short: bool = True) -> CompositionRecord:
    return CompositionRecord(
        period_start=start,
        period_end=start + timedelta(days=days),
        long=new_leg(3),
        short=new_leg(2, 0.5) if short else None,
    )


def new_series(name: str = "FACTOR", count: int = 5) -> SeriesRecord:
    return SeriesRecord(
        name=name,
        times=np.datetime64("2025-01-05", "D") + 7 * np.arange(count),
        values=np.linspace(-0.05, 0.05, count),
    )


def new_results(**changes: Any) -> RunResults:
    """Performance, three series, and compositions for (2025-01-05, 01-12], a gap, and (01-19, 01-26]."""
    performance = PerformanceRecord(
        **{
            "annualized_return": 0.25,
            "sharpe_ratio": 1.5,
            "num_periods": 5,
            "end_date": date(2025, 2, 2),
            "undefined_metrics": (
                UndefinedMetricRecord(metric="sortino_ratio", reason="TOO_FEW", detail="1 negative return"),
            ),
            **changes,
        }
    )
    return RunResults(
        performance=performance,
        series=tuple(new_series(name) for name in ("FACTOR", "LONG", "SHORT")),
        compositions=(new_composition(date(2025, 1, 5)), new_composition(date(2025, 1, 19))),
    )


def new_document(name: str = "SWEEP", scale: float = 1.0) -> DocumentRecord:
    return DocumentRecord(
        name=name,
        facts={"axes": [{"option": "breakpoint", "values": [0.1, 0.5]}], "scale": scale},
        arrays={"sharpe": scale * np.array([0.5, np.nan, np.inf]), "point": np.arange(3, dtype=np.int32)},
    )


def new_artifact(name: str = "scores", folder: str = "ab" * 16, **changes: Any) -> ArtifactRecord:
    artifact = ArtifactRecord(
        name=name,
        path=f"artifacts/{folder}/{name}.npy",
        dtype="<f8",
        shape=(1500, 3000, 12),
        byte_count=432_000_128,
        sha256="0123456789abcdef" * 4,
    )
    return replace(artifact, **changes)


async def add_sample_dataset(store: Store, **changes: Any) -> int:
    record, _ = await add_dataset(store, new_dataset(**changes), NOW)
    return record.id


async def launch(store: Store, dataset_id: int, **changes: Any) -> RunRecord:
    record, _ = await launch_run(store, new_run(dataset_id, **changes), max_queued=10_000, now=NOW)
    return record


async def running(store: Store, dataset_id: int, **changes: Any) -> RunRecord:
    """A run launched and claimed by WORKER; nothing else may be waiting."""
    await launch(store, dataset_id, **changes)
    claimed = await claim_run(store, WORKER, later(1), kinds=tuple(RunKind))
    assert claimed is not None
    return claimed


async def succeeded(
    store: Store,
    dataset_id: int,
    results: RunResults | None = None,
    *,
    at: datetime | None = None,
    **changes: Any,
) -> RunRecord:
    claimed = await running(store, dataset_id, **changes)
    assert await finish_run(store, claimed.id, 1, WORKER, results or new_results(), at or later(2))
    return claimed


async def modelled(store: Store, dataset_id: int, *artifacts: ArtifactRecord, **changes: Any) -> RunRecord:
    """A risk model that succeeded: one document, and these artifacts."""
    results = RunResults(documents=(new_document("RISK_MODEL"),), artifacts=artifacts)
    options = {"kind": RunKind.RISK_MODEL, "subject": None, "identity_hash": "risk"} | changes
    return await succeeded(store, dataset_id, results, **options)


async def swept(store: Store, dataset_id: int, **changes: Any) -> RunRecord:
    """A sweep that succeeded: one document, and nothing that factor runs have."""
    results = RunResults(documents=(new_document(),))
    return await succeeded(store, dataset_id, results, kind=RunKind.SWEEP, **changes)
