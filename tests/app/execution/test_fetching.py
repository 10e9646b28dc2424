"""Fetches on their way: beside computations, canceled, timed out, put back; and what they leave behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pytest

from app.datasets.snapshot import open_snapshot, snapshot_fingerprints
from app.execution import attempt as attempts
from app.features.fetches.config import FetchConfig
from app.sources import registry
from app.sources.errors import SourceRefused
from app.sources.harvest import AssetSeries, Harvest, LossCode, SourceRequest
from app.sources.names import SourceName
from db.datasets import get_datasets
from db.records import NewRun, RunEventKind, RunKind, RunStatus
from db.runs.queue import cancel_run, launch_run
from db.runs.results import get_documents
from engine.panel import Calendar
from tests.app.execution.queueing import (
    FINGERPRINT,
    becomes,
    ended,
    events_of,
    executing,
    now,
    queue,
    run_of,
    settings_for,
)

CONFIG = FetchConfig(
    source=SourceName.COINBASE,
    request=SourceRequest(start=date(2024, 1, 1), end=date(2024, 1, 10)),
    dataset_name="fetched",
)


@dataclass
class ActingSource:
    """Does as told; counts how often it was begun."""

    act: Callable[[Harvest], Awaitable[None]]
    title: str = "Vendor"
    licence: str = "CC0"
    calendar: Calendar | None = Calendar.EVERY_DAY
    begun: list[SourceRequest] = field(default_factory=list)

    async def fetch(self, request, requests, harvest):
        self.begun.append(request)
        requests.usage.bytes += 1_500_000
        await self.act(harvest)


def bring(harvest: Harvest, *assets: str) -> None:
    for asset in assets:
        days = np.arange(19_723, 19_733, dtype=np.int32)
        harvest.add(AssetSeries(asset=asset, days=days, values={"price": np.arange(1.0, 11.0)}))


async def succeed(harvest: Harvest) -> None:
    harvest.expect(3)
    bring(harvest, "btc", "eth")
    harvest.lose("usdt", LossCode.STABLECOIN, "it is a stablecoin")


async def linger(harvest: Harvest) -> None:
    harvest.expect(4)
    bring(harvest, "btc")
    await asyncio.sleep(60)


@pytest.fixture
def settings(store_url, tmp_path):
    settings = settings_for(store_url, tmp_path, max_concurrent_runs=1, max_concurrent_fetches=1)
    settings.datasets_dir.mkdir(exist_ok=True)
    return settings


@pytest.fixture
def sourced(monkeypatch):
    def from_(act: Callable[[Harvest], Awaitable[None]]) -> ActingSource:
        source = ActingSource(act)
        monkeypatch.setattr(registry, "build_sources", lambda _: {SourceName.COINBASE: source})
        return source

    return from_


async def queue_fetch(store, config=CONFIG):
    new = NewRun(
        kind=RunKind.FETCH,
        subject=None,
        config=config.to_json(),
        identity_hash=repr(config),
        dataset_id=None,
        engine_version=None,
    )
    run, _ = await launch_run(store, new, max_queued=10, now=now())
    return run


def test_a_config_is_the_same_after_it_was_stored():
    assert FetchConfig.from_json(CONFIG.to_json()) == CONFIG


async def test_a_fetch_leaves_a_dataset_and_a_report(store, settings, sourced):
    source = sourced(succeed)
    run = await queue_fetch(store)
    async with executing(store, settings):
        run = await ended(store, run.id)
    assert (run.status, run.failure_message) == (RunStatus.SUCCEEDED, None)
    assert source.begun == [CONFIG.request]
    dataset = (await get_datasets(store, [run.dataset_id]))[run.dataset_id]
    assert (dataset.name, dataset.source, dataset.licence) == ("fetched", "Vendor", "CC0")
    panel = open_snapshot(settings.datasets_dir, dataset.fingerprint)
    np.testing.assert_array_equal(panel.fields["price"], np.repeat(np.arange(1.0, 11.0), 2).reshape(10, 2))
    assert dataset.quality["lost"] == [
        {"asset": "usdt", "code": "STABLECOIN", "reason": "it is a stablecoin"}
    ]
    facts = (await get_documents(store, [run.id], "FETCH"))[run.id].facts
    assert facts["lost"] == dataset.quality["lost"]
    assert facts["counts"] == run.progress_counts
    assert (run.progress_counts["assets_done"], run.progress_counts["bytes"]) == (3, 1_500_000)


async def test_progress_tells_assets_and_bytes(store, settings, sourced):
    sourced(linger)
    run = await queue_fetch(store)
    async with executing(store, settings):
        run = await becomes(store, run.id, lambda run: run.progress_counts)
    assert run.progress_stage == "1 of 4 assets, 1.5 MB"
    assert run.progress_fraction == pytest.approx(0.9 / 4)
    assert run.progress_counts["assets_total"] == 4


async def test_the_longer_a_fetch_takes_the_less_often_its_progress_is_told(
    store, settings, sourced, monkeypatch
):
    async def bring_slowly(harvest: Harvest) -> None:
        harvest.expect(200)
        for number in range(100):
            bring(harvest, f"c{number:03}")
            await asyncio.sleep(0.01)

    monkeypatch.setattr(attempts, "_PROGRESS_NOTES", 1)  # after a second, a second apart
    sourced(bring_slowly)
    run = await queue_fetch(store)
    async with executing(store, settings):
        await ended(store, run.id)
    told = [event for event in await events_of(store, run.id) if event.kind == RunEventKind.PROGRESS]
    assert 1 <= len(told) <= 8  # twenty or more at a steady pace


async def refused(harvest: Harvest) -> None:
    raise SourceRefused("Vendor refused the key", hint="set VENDOR_KEY")


async def broken(harvest: Harvest) -> None:
    raise ZeroDivisionError("secret detail")


async def nothing(harvest: Harvest) -> None:
    harvest.expect(1)
    harvest.lose("btc", LossCode.NO_DATA, "no point in this span")


@pytest.mark.parametrize(
    ("act", "code", "message"),
    [
        (refused, "SOURCE_REFUSED", "Vendor refused the key (set VENDOR_KEY)"),
        (broken, "INTERNAL_ERROR", "the fetch failed unexpectedly (error id "),
        (
            nothing,
            "SOURCE_EMPTY",
            "Vendor has no data from 2024-01-01 to 2024-01-10 (btc: no point in this span)",
        ),
    ],
)
async def test_what_a_source_ends_with_is_the_run_s_failure(store, settings, sourced, act, code, message):
    sourced(act)
    run = await queue_fetch(store)
    async with executing(store, settings):
        run = await ended(store, run.id)
    assert (run.status, run.failure_code) == (RunStatus.FAILED, code)
    assert run.failure_message.startswith(message)
    assert "secret" not in run.failure_message
    assert snapshot_fingerprints(settings.datasets_dir) == {FINGERPRINT}


async def test_a_fetch_that_this_program_does_not_understand_fails_at_once(store, settings, sourced):
    sourced(succeed)
    new = NewRun(
        kind=RunKind.FETCH,
        subject=None,
        config={**CONFIG.to_json(), "source": "OF_ANOTHER_VERSION"},
        identity_hash="another",
        dataset_id=None,
        engine_version=None,
    )
    run, _ = await launch_run(store, new, max_queued=10, now=now())
    async with executing(store, settings):
        run = await ended(store, run.id)
    assert (run.status, run.failure_code, run.attempt) == (RunStatus.FAILED, "INTERNAL_ERROR", 1)


async def test_a_canceled_fetch_ends_at_once_and_leaves_nothing(store, settings, sourced):
    ended_by = asyncio.Event()

    async def act(harvest: Harvest) -> None:
        try:
            await linger(harvest)
        except asyncio.CancelledError:
            ended_by.set()
            raise

    sourced(act)
    run = await queue_fetch(store)
    async with executing(store, settings) as executor:
        await becomes(store, run.id, lambda run: run.progress_counts)
        await cancel_run(store, run.id, now())
        executor.kill(run.id)
        async with asyncio.timeout(30):
            await ended_by.wait()
    assert (await run_of(store, run.id)).status is RunStatus.CANCELED
    assert snapshot_fingerprints(settings.datasets_dir) == {FINGERPRINT}


async def test_a_fetch_that_takes_too_long_fails(store, settings, sourced):
    sourced(linger)
    run = await queue_fetch(store)
    async with executing(store, settings.model_copy(update={"fetch_timeout_seconds": 0.2})):
        run = await ended(store, run.id)
    assert (run.failure_code, run.failure_message) == ("TIMED_OUT", "the fetch took longer than 0.2 seconds")


async def test_a_fetch_goes_back_to_the_queue_when_the_server_stops(store, settings, sourced):
    source = sourced(linger)
    run = await queue_fetch(store)
    async with executing(store, settings):
        await becomes(store, run.id, lambda run: run.progress_counts)
    assert (await run_of(store, run.id)).status is RunStatus.QUEUED
    source.act = succeed
    async with executing(store, settings):
        run = await ended(store, run.id)
    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 2)
    assert RunEventKind.RETRIED in [event.kind for event in await events_of(store, run.id)]


async def test_fetches_and_computations_do_not_wait_for_each_other(store, settings, sourced):
    sourced(linger)
    first = await queue_fetch(store)
    second = await queue_fetch(store, replace(CONFIG, dataset_name="other"))
    busy = await queue(store, "sleep")
    async with executing(store, settings):
        await becomes(store, first.id, lambda run: run.status is RunStatus.RUNNING)
        await becomes(store, busy.id, lambda run: run.status is RunStatus.RUNNING)
        assert (await run_of(store, second.id)).status is RunStatus.QUEUED
        waiting = await queue(store, "succeed")
        await cancel_run(store, first.id, now())
        await becomes(store, second.id, lambda run: run.status is RunStatus.RUNNING)
        assert (await run_of(store, waiting.id)).status is RunStatus.QUEUED
