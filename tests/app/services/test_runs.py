"""Launching, waiting, canceling, deleting and annotating as callers see it; nothing is computed here."""

from __future__ import annotations

import asyncio
import datetime as dt
from contextlib import AsyncExitStack

import pytest

from app.context import Services
from app.datasets.service import DatasetRef, delete_dataset, resolve_dataset
from app.errors import (
    DatasetNotFound,
    InvalidInput,
    MissingField,
    QueueFull,
    RunNotCancelable,
    RunNotDeletable,
    RunNotFound,
)
from app.features.factors.service import launch_factor
from app.runs.events import EventHub, InvalidCursor, run_events
from app.runs.lifecycle import annotate_run, cancel_run, delete_run, get_run, wait_for_run
from app.settings import Settings
from db.datasets import add_dataset
from db.records import AssetRecord, NewDataset, PerformanceRecord, RunKind, RunResults, RunStatus
from db.runs.queue import UNSET, claim_run, finish_run
from engine.factors.registry import FactorName
from tests.stores import on_both_databases as pytest_generate_tests  # noqa: F401

NOW = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
SMB = FactorName.SMB


@pytest.fixture
async def services(store, tmp_path):
    settings = Settings(data_dir=tmp_path, max_queued_runs=3)
    services = Services(settings, store, EventHub(store), None)
    await add(services, "real", fields=("price", "market_cap", "volume"))
    yield services
    await services.events.close()


async def add(services, name, *, synthetic=False, fields=("price",), content=None):
    new = NewDataset(
        name=name,
        fingerprint=f"{content or name:0>64}",
        source="test",
        licence=None,
        note=None,
        synthetic=synthetic,
        calendar="EVERY_DAY",
        fields=fields,
        date_count=10,
        first_date=dt.date(2024, 1, 1),
        last_date=dt.date(2024, 1, 10),
        observation_count=20,
        quality={},
        assets=(
            AssetRecord(ordinal=0, asset="btc", attributes={"sector": "money"}),
            AssetRecord(ordinal=1, asset="usdt", attributes={"stable": "true"}),
        ),
    )
    return (await add_dataset(services.store, new, NOW))[0]


async def succeed(services, run_id):
    run = await claim_run(services.store, "worker:1:1", NOW, kinds=tuple(RunKind))
    assert run.id == run_id
    results = RunResults(performance=PerformanceRecord(), series=())
    assert await finish_run(services.store, run.id, run.attempt, "worker:1:1", results, NOW)


async def test_the_same_config_is_one_run_however_it_is_spelt(services):
    first = await launch_factor(services, SMB, {})
    again = await launch_factor(services, SMB, {"breakpoint": 0.5, "weighting_method": "equal"})
    other = await launch_factor(services, SMB, {"breakpoint": 0.4})
    assert (first.reused, again.reused, other.reused) == (False, True, False)
    assert first.run.id == again.run.id != other.run.id


async def test_another_dataset_is_another_run_and_the_same_content_is_not(services):
    fields = ("price", "market_cap", "volume")
    other = await add(services, "other", fields=fields)
    renamed = await add(services, "renamed", fields=fields, content="real")
    first = await launch_factor(services, SMB, {}, dataset=DatasetRef(name="real"))
    assert not (await launch_factor(services, SMB, {}, dataset=DatasetRef(id=other.id))).reused
    assert (await launch_factor(services, SMB, {}, dataset=DatasetRef(id=renamed.id))).run.id == first.run.id


async def test_force_makes_another(services):
    first = await launch_factor(services, SMB, {})
    forced = await launch_factor(services, SMB, {}, force=True)
    assert (forced.reused, forced.run.forced) == (False, True)
    assert forced.run.id != first.run.id


async def test_a_canceled_run_is_not_reused(services):
    first = await launch_factor(services, SMB, {})
    await cancel_run(services, first.run.id)
    assert not (await launch_factor(services, SMB, {})).reused


async def test_the_only_real_dataset_is_the_default(services):
    await add(services, "sample", synthetic=True)
    assert (await resolve_dataset(services, None)).name == "real"
    await add(services, "second")
    with pytest.raises(InvalidInput, match="real"):
        await resolve_dataset(services, None)


async def test_a_deleted_dataset_cannot_be_computed_on(services):
    dataset = await resolve_dataset(services, DatasetRef(name="real"))
    await delete_dataset(services, dataset.id)
    for ref in (DatasetRef(name="real"), DatasetRef(id=dataset.id), None):
        with pytest.raises(DatasetNotFound):
            await launch_factor(services, SMB, {}, dataset=ref)


async def test_a_field_that_the_dataset_lacks_is_named_before_anything_is_queued(services):
    with pytest.raises(MissingField, match="fees") as caught:
        await launch_factor(services, FactorName.VALUE, {})
    assert caught.value.field == "fees"
    assert caught.value.hint == "it has price, market_cap, volume"


async def test_selectors_are_checked_against_the_dataset(services):
    await launch_factor(services, SMB, {"exclude": ["usdt", "sector=money"]})
    with pytest.raises(InvalidInput, match="usdc") as caught:
        await launch_factor(services, SMB, {"exclude": ["usdc"]})
    assert caught.value.field_errors[0].path == ("exclude",)


async def test_a_full_queue_is_said_so(services):
    for share in (0.2, 0.3, 0.4):
        await launch_factor(services, SMB, {"breakpoint": share})
    with pytest.raises(QueueFull, match="3"):
        await launch_factor(services, SMB, {})
    assert (await launch_factor(services, SMB, {"breakpoint": 0.2})).reused


@pytest.mark.parametrize("tags", [[""], ["x" * 51], [str(i) for i in range(21)], ["a\nb"]])
async def test_bad_tags_are_refused(services, tags):
    with pytest.raises(InvalidInput, match="tag"):
        await launch_factor(services, SMB, {}, tags=tags)


async def test_waiting_returns_the_live_run_when_time_is_over(services):
    launch = await launch_factor(services, SMB, {})
    assert (await wait_for_run(services, launch.run.id, 0)).status is RunStatus.QUEUED
    assert (await wait_for_run(services, launch.run.id, 0.2)).status is RunStatus.QUEUED


async def test_waiting_ends_with_the_run(services):
    launch = await launch_factor(services, SMB, {})
    waiting = asyncio.create_task(wait_for_run(services, launch.run.id, 20))
    await asyncio.sleep(0.05)
    await succeed(services, launch.run.id)  # as another process would: nobody notifies this one
    assert (await asyncio.wait_for(waiting, 30)).status is RunStatus.SUCCEEDED


async def test_what_has_ended_cannot_be_canceled_and_what_has_not_cannot_be_deleted(services):
    launch = await launch_factor(services, SMB, {})
    with pytest.raises(RunNotDeletable):
        await delete_run(services, launch.run.id)
    await cancel_run(services, launch.run.id)
    with pytest.raises(RunNotCancelable, match="canceled"):
        await cancel_run(services, launch.run.id)
    await delete_run(services, launch.run.id)
    for use in (get_run, cancel_run, delete_run):
        with pytest.raises(RunNotFound):
            await use(services, launch.run.id)


async def test_launches_that_wait_hold_up_no_annotation_and_no_cancellation(services):
    run = (await launch_factor(services, SMB, {})).run
    async with AsyncExitStack() as busy:
        for _ in range(4):
            await busy.enter_async_context(services.launches.turn(most_waiting=0))
        async with asyncio.timeout(30):
            assert (await annotate_run(services, run.id, tags=["a"], note=None)).tags == ("a",)
            await cancel_run(services, run.id)
            await delete_run(services, run.id)


async def test_annotations_replace_what_they_name(services):
    run = (await launch_factor(services, SMB, {}, tags=["b", "a", " a "], note="first")).run
    assert (run.tags, run.note) == (("a", "b"), "first")
    run = await annotate_run(services, run.id, tags=None, note=None)
    assert (run.tags, run.note) == (("a", "b"), None)
    run = await annotate_run(services, run.id, tags=["c"], note=UNSET)
    assert (run.tags, run.note) == (("c",), None)
    with pytest.raises(RunNotFound):
        await annotate_run(services, 10**6, tags=[], note=None)


async def follow(services, count=None, **options):
    found = []
    async for event in run_events(services.store, services.events, **options):
        found.append(event)
        if len(found) == count:
            break
    return found


async def test_a_stream_of_one_run_ends_with_it(services):
    run_id = (await launch_factor(services, SMB, {})).run.id
    following = asyncio.create_task(follow(services, run_id=run_id))
    await asyncio.sleep(0.05)
    await succeed(services, run_id)
    events = await asyncio.wait_for(following, 30)
    assert events[0].event is None, "a snapshot first"
    assert [event.event.kind for event in events[1:]] == ["STARTED", "SUCCEEDED"]
    assert events[-1].run.status is RunStatus.SUCCEEDED


async def test_a_stream_resumes_where_it_was_left(services):
    run_id = (await launch_factor(services, SMB, {})).run.id
    first = (await follow(services, 1, run_id=run_id))[0]
    await succeed(services, run_id)
    rest = await asyncio.wait_for(follow(services, run_id=run_id, after=first.cursor), 30)
    assert [event.event.kind for event in rest] == ["STARTED", "SUCCEEDED"]
    last = await asyncio.wait_for(follow(services, run_id=run_id, after=rest[0].cursor), 30)
    assert [event.event.kind for event in last] == ["SUCCEEDED"]


async def test_an_ended_run_is_one_snapshot(services):
    run_id = (await launch_factor(services, SMB, {})).run.id
    await cancel_run(services, run_id)
    events = await asyncio.wait_for(follow(services, run_id=run_id), 30)
    assert [event.run.status for event in events] == [RunStatus.CANCELED]


@pytest.mark.parametrize(
    "cursor", ["", "x", "ZXZlbnQ6LTE=", "ZXZlbnQ6", "ZXZlbnQ6MTIzNDU2Nzg5MDEyMzQ1Njc4OTA="]
)
async def test_a_foreign_cursor_is_refused(services, cursor):
    with pytest.raises(InvalidCursor):
        await follow(services, 1, after=cursor)


async def test_an_unknown_run_cannot_be_followed(services):
    with pytest.raises(RunNotFound):
        await follow(services, 1, run_id=4711)
