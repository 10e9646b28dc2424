"""Fills a store with many plausible runs, quickly: for benchmarks, and for tests of pages and cursors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import insert, select

from db.codec import pack_series
from db.datasets import add_dataset
from db.models import Performance, Run, RunTag, Series
from db.records import RunStatus, SeriesRecord
from db.store import Store
from tests.db.samples import NOW, later, new_dataset

FACTORS = ("SMB", "MARKET", "VALUE", "MOMENTUM", "MOMENTUM_V2", "GROWTH")

METRICS = (
    "annualized_return",
    "cumulative_return",
    "annualized_volatility",
    "sharpe_ratio",
    "sortino_ratio",
    "max_drawdown",
    "calmar_ratio",
    "newey_west_t",
    "probabilistic_sharpe_ratio",
    "ic_mean",
    "ic_t",
    "mean_turnover",
    "alpha",
)

_ROWS_A_STATEMENT = 2_000
_CONFIG = {
    "breakpoint": 0.5,
    "min_assets": 30,
    "weighting_method": "EQUAL",
    "market_cap_threshold": 1e8,
    "liquidity_threshold": 3.5e7,
    "min_lifetime_days": 30,
    "rebalance": "WEEKLY",
    "missing_return": 0.0,
    "exclude": [],
}
# Mostly succeeded; a few of each other kind, so that some runs have no finishing time and no performance.
_STATUSES = (
    *([RunStatus.SUCCEEDED] * 17),
    RunStatus.FAILED,
    RunStatus.CANCELED,
    RunStatus.QUEUED,
)


async def seed_runs(store: Store, count: int, *, points: int = 0, metrics: Sequence[str] = METRICS) -> int:
    """Adds `count` runs of the six factors to a new dataset, the same for the same count; the dataset's id.

    The `metrics` have ties and nulls. With `points`, every succeeded run has three series of that length."""
    random = np.random.default_rng(count)
    record, _ = await add_dataset(store, new_dataset(name=f"seed {count}", fingerprint=f"seed {count}"), NOW)
    runs = [_run_row(record.id, position, random) for position in range(count)]
    async with store.write(exclusive=True) as connection:
        for start in range(0, count, _ROWS_A_STATEMENT):
            await connection.execute(insert(Run.__table__), runs[start : start + _ROWS_A_STATEMENT])
        statement = select(Run.id, Run.status).where(Run.dataset_id == record.id).order_by(Run.id)
        seeded = (await connection.execute(statement)).all()
        succeeded = [run_id for run_id, status in seeded if status == RunStatus.SUCCEEDED.value]
        tags = [
            {"run_id": run_id, "tag": tag}
            for run_id, _ in seeded
            for tag in (f"sweep-{run_id % 7}", "nightly" if run_id % 3 else "manual")
        ]
        await connection.execute(insert(RunTag.__table__), tags)
        rows = [_performance_row(run_id, metrics, random) for run_id in succeeded]
        await connection.execute(insert(Performance.__table__), rows)
        if points:
            await connection.execute(
                insert(Series.__table__),
                [row for run_id in succeeded for row in _series_rows(run_id, points, random)],
            )
    return record.id


def _run_row(dataset_id: int, position: int, random: np.random.Generator) -> dict[str, Any]:
    status = _STATUSES[random.integers(len(_STATUSES))]
    # Rounded to minutes, so that several runs share a time.
    created_at = later(60 * int(random.integers(100_000)))
    return {
        "kind": "FACTOR",
        "subject": FACTORS[random.integers(len(FACTORS))],
        "status": status.value,
        "origin": "COMPUTED",
        "config": _CONFIG,
        "unrecorded_fields": [],
        "identity_hash": f"{dataset_id}-{position}",
        "forced": False,
        "dataset_id": dataset_id,
        "engine_version": "1",
        "import_remarks": [],
        "created_at": created_at,
        "finished_at": created_at + timedelta(seconds=5) if status.is_terminal else None,
        "progress_fraction": 1.0 if status is RunStatus.SUCCEEDED else 0.0,
        "progress_stage": "done",
        "failure_code": "NO_PERIODS" if status is RunStatus.FAILED else None,
        "attempt": 1,
        "reuse": "SUCCEEDED",
        "losses": 0,
    }


def _performance_row(run_id: int, names: Sequence[str], random: np.random.Generator) -> dict[str, Any]:
    metrics = np.round(random.normal(0.1, 0.5, len(names)), 2)
    undefined = random.random(len(names)) < 0.05
    return {
        "run_id": run_id,
        **{
            name: None if gone else float(value)
            for name, value, gone in zip(names, metrics, undefined, strict=True)
        },
        "num_periods": int(random.integers(50, 300)),
        "start_date": date(2020, 1, 5),
        "end_date": date(2025, 12, 28),
        "undefined_metrics": [],
    }


def _series_rows(run_id: int, points: int, random: np.random.Generator) -> list[dict[str, Any]]:
    dates = np.datetime64("2020-01-05", "D") + 7 * np.arange(points)
    rows = []
    for name in ("FACTOR", "LONG", "SHORT"):
        blob = pack_series(SeriesRecord(name=name, times=dates, values=random.normal(0, 0.02, points)))
        rows.append(
            {
                "run_id": run_id,
                "name": name,
                "point_count": points,
                "first_date": dates[0].item(),
                "last_date": dates[-1].item(),
                "codec_version": blob.codec_version,
                "checksum": blob.checksum,
                "packed": blob.payload,
            }
        )
    return rows
