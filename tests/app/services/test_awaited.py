"""Which dataset REST computes on, and what becomes of who waits for a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import date
from pathlib import Path

import pytest

from app.context import Services
from app.errors import DatasetNotFound, InvalidInput, RunNotFound
from app.features.legacy.fetched import daily_dataset
from app.runs.awaited import RunFailed, RunNotOver, await_success
from app.runs.events import EventHub
from app.settings import Settings
from app.sources.errors import SourceNotConfigured
from db.records import RunKind, RunStatus
from db.runs.queue import cancel_run, claim_run, fail_run
from db.store import Store
from tests.db.samples import NOW, WORKER, add_sample_dataset, later, launch, succeeded

SPAN = {"start": date(2021, 1, 1), "end": date(2021, 12, 31)}
CRYPTO, EQUITY = "EVERY_DAY", "OBSERVED"


@pytest.fixture
async def services_of(store: Store, tmp_path: Path) -> AsyncIterator[Callable[..., Services]]:
    hub = EventHub(store)
    yield lambda **changes: Services(Settings(_env_file=None, data_dir=tmp_path, **changes), store, hub, None)
    await hub.close()


async def add(store: Store, name: str, calendar: str = CRYPTO, *, synthetic: bool = False) -> int:
    return await add_sample_dataset(
        store, name=name, fingerprint=name, calendar=calendar, synthetic=synthetic
    )


async def test_the_only_real_dataset_is_meant(store, services_of):
    await add(store, "sample", synthetic=True)
    only = await add(store, "stocks", EQUITY)
    assert (await daily_dataset(services_of(), **SPAN)).id == only


async def test_of_several_the_only_one_of_every_day_is_meant(store, services_of):
    await add(store, "stocks", EQUITY)
    await add(store, "others", EQUITY)
    with pytest.raises(InvalidInput, match="stocks") as caught:
        await daily_dataset(services_of(), **SPAN)
    assert "FACTORQL_REST_DATASET" in (caught.value.hint or "")
    coins = await add(store, "coins")
    assert (await daily_dataset(services_of(), **SPAN)).id == coins
    await add(store, "more coins")
    with pytest.raises(InvalidInput):
        await daily_dataset(services_of(), **SPAN)


async def test_the_named_one_is_meant_and_no_other(store, services_of):
    await add(store, "coins")
    stocks = await add(store, "stocks", EQUITY)
    assert (await daily_dataset(services_of(rest_dataset="stocks"), **SPAN)).id == stocks
    with pytest.raises(DatasetNotFound):
        await daily_dataset(services_of(rest_dataset="gone"), **SPAN)


async def test_without_any_the_vendor_is_asked_who_needs_a_key(services_of):
    with pytest.raises(SourceNotConfigured):
        await daily_dataset(services_of(), **SPAN)


async def test_success_is_the_run_and_everything_else_is_said(store, services_of):
    services = services_of(run_timeout_seconds=0.01)
    dataset_id = await add(store, "coins")
    done = await succeeded(store, dataset_id, identity_hash="1")
    assert (await await_success(services, done.id)).status is RunStatus.SUCCEEDED

    failing = await launch(store, dataset_id, identity_hash="2")
    claimed = await claim_run(store, WORKER, later(1), kinds=tuple(RunKind))
    assert claimed is not None
    await fail_run(store, failing.id, claimed.attempt, WORKER, "NO_PERIODS", "no period", later(2))
    with pytest.raises(RunFailed, match="no period") as failed:
        await await_success(services, failing.id)
    assert failed.value.reason == "NO_PERIODS"

    canceled = await launch(store, dataset_id, identity_hash="3")
    await cancel_run(store, canceled.id, NOW)
    with pytest.raises(RunFailed) as failed:
        await await_success(services, canceled.id)
    assert failed.value.reason == "CANCELED"
    with pytest.raises(RunNotFound):
        await await_success(services, 10**6)


async def test_who_waits_is_let_go_when_time_is_up_or_the_server_stops(store, services_of, monkeypatch):
    run = await launch(store, await add(store, "coins"), identity_hash="1")
    monkeypatch.setattr("app.runs.awaited._GRACE_SECONDS", 0.0)
    with pytest.raises(RunNotOver, match="queued"):
        await await_success(services_of(run_timeout_seconds=0.05), run.id)
    services = services_of(run_timeout_seconds=600)
    waiting = asyncio.create_task(await_success(services, run.id))
    await asyncio.sleep(0.05)
    services.events.end_waits()
    with pytest.raises(RunNotOver, match="stops"):
        await asyncio.wait_for(waiting, 30)
