"""Fetching many assets from a vendor that answers slowly and limits its rate, played by a server here."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import date
from pathlib import Path

from app.features.fetches.service import launch_fetch
from app.runs.lifecycle import wait_for_run
from app.settings import Settings
from app.sources.names import SourceName
from app.wiring import open_services
from db.records import RunRecord, RunStatus
from scripts.benchmarks.measure import Table
from tests.app.sources.stand_ins import coinbase
from tests.app.sources.stand_ins.faults import Faults, serve_in_thread

_LATENCY_SECONDS = 0.05
_REQUESTS_PER_SECOND = 10
_START, _END = date(2021, 1, 1), date(2025, 12, 31)


def measure_fetch(quick: bool) -> Table:
    """From launch to stored dataset, then once more from the cache of responses."""
    assets = 10 if quick else 200
    faults = Faults(latency_seconds=_LATENCY_SECONDS)
    faults.limit(_REQUESTS_PER_SECOND, seconds=1.0)
    vendor = coinbase.application(faults, listings=coinbase.many(assets), prepared=True)
    with tempfile.TemporaryDirectory(prefix="factorql-bench-") as folder, serve_in_thread(vendor) as url:
        settings = Settings(_env_file=None, data_dir=Path(folder), database_url=None, coinbase_base_url=url)
        timed = asyncio.run(_twice(settings))
    rows = []
    for what, (seconds, run) in zip(("from the vendor", "again, from the cache"), timed, strict=True):
        counts = run.progress_counts or {}
        least = counts["requests"] / _REQUESTS_PER_SECOND
        rows.append(
            (
                what,
                f"{counts['requests']:,}",
                f"{counts['retries']:,}",
                f"{seconds:.1f} s",
                f"{least:.1f} s",
                f"{seconds / least:.2f}" if least else "-",
            )
        )
    return Table(
        f"Fetch of {assets} assets x {(_END - _START).days + 1:,} days (Coinbase), answers after "
        f"{1000 * _LATENCY_SECONDS:.0f} ms, {_REQUESTS_PER_SECOND} requests/s allowed",
        ("", "requests", "retries", "took", "least by the rate", "ratio"),
        tuple(rows),
    )


async def _twice(settings: Settings) -> list[tuple[float, RunRecord]]:
    async with open_services(settings, execute=True) as services:
        timed = []
        for _ in range(2):
            start = time.perf_counter()
            launch = await launch_fetch(
                services, SourceName.COINBASE, start=_START, end=_END, dataset_name="bench"
            )
            run = launch.run
            while not run.status.is_terminal:
                run = await wait_for_run(services, run.id, 30.0)
            timed.append((time.perf_counter() - start, run))
            if run.status is not RunStatus.SUCCEEDED:
                raise RuntimeError(f"the fetch is {run.status}: {run.failure_message}")
        return timed
