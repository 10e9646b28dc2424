"""Fetches in the store, for asking the graph about them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from app.datasets.quality import LostAsset
from app.features.fetches.config import FetchConfig
from app.features.fetches.report import FetchReport
from app.schema.node_ids import encode_id
from app.sources.harvest import SourceRequest
from app.sources.names import SourceName
from db.records import RunKind, RunRecord, RunResults
from db.runs.queue import claim_run, finish_run, launch_run
from db.runs.read import get_runs
from db.store import Store
from tests.app.schema.graph import ASSETS, QUALITY
from tests.db.samples import NOW, WORKER, later, new_dataset, new_run

CONFIG = FetchConfig(
    source=SourceName.COINMETRICS,
    request=SourceRequest(start=date(2024, 1, 1), end=date(2024, 3, 1), assets=("btc", "NOPE")),
    dataset_name="fetched",
)
COUNTS = {
    "assets_done": 6,
    "assets_total": 6,
    "assets_lost": 1,
    "requests": 9,
    "cached_responses": 2,
    "bytes": 5_000_000_000,
    "retries": 3,
}
LOST = LostAsset(asset="NOPE", code="UNKNOWN_ASSET", reason="there is no asset NOPE")
REPORT = FetchReport(counts=COUNTS, lost=(LOST,), notes=("no traded volume",))


async def launch_fetch(store: Store, config: FetchConfig = CONFIG, **changes: Any) -> RunRecord:
    """A fetch that waits."""
    new = new_run(
        None,
        kind=RunKind.FETCH,
        subject=None,
        engine_version=None,
        config=config.to_json(),
        **{"identity_hash": f"identity of {config.dataset_name}", **changes},
    )
    run, _ = await launch_run(store, new, max_queued=10, now=NOW)
    return run


async def running_fetch(store: Store, **changes: Any) -> RunRecord:
    await launch_fetch(store, **changes)
    claimed = await claim_run(store, WORKER, later(1), kinds=[RunKind.FETCH])
    assert claimed is not None
    return claimed


async def add_fetch(store: Store, **changes: Any) -> RunRecord:
    """A fetch that succeeded, with a dataset that says what was lost."""
    run = await running_fetch(store, **changes)
    dataset = new_dataset(
        name=run.config["dataset_name"],
        fingerprint="f2",
        assets=ASSETS,
        quality=replace(QUALITY, lost=(LOST,)).to_json(),
    )
    results = RunResults(dataset=dataset, documents=(REPORT.to_document(),))
    assert await finish_run(store, run.id, run.attempt, WORKER, results, later(40), counts=COUNTS)
    return (await get_runs(store, [run.id]))[run.id]


def fetch_id(run: RunRecord) -> str:
    return encode_id("FetchRun", run.id)
