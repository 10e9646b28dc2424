"""Following runs, whatever happens between two reads: the end of a run is told, and told once."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import aclosing
from functools import wraps
from inspect import iscoroutinefunction

import pytest

from app.errors import RunNotFound
from app.runs import events
from app.runs.events import EventHub, run_events
from db.records import RunKind, RunStatus
from db.runs.queue import (
    claim_run,
    delete_run,
    fail_run,
    finish_run,
    list_claims,
    report_progress,
    retry_or_lose,
)
from tests.db.samples import NOW, WORKER, add_sample_dataset, launch, new_results, running

READS = range(9)
"""More than a stream needs until it waits, so that an end comes before, between and after all of them."""


@pytest.fixture
async def hub(store, monkeypatch):
    monkeypatch.setattr(events, "POLL_SECONDS", 0.01)
    hub = EventHub(store)
    yield hub
    await hub.close()


@pytest.fixture
async def run(store):
    return await running(store, await add_sample_dataset(store))


async def fail(store, run, attempt=1):
    assert await fail_run(store, run.id, attempt, WORKER, "NO_PERIODS", "no period", NOW)


@pytest.fixture
def before_read(monkeypatch):
    """Lets something happen right before the follower's read of that number, counted from 0."""

    def arrange(number, happen):
        follower, numbers = asyncio.current_task(), itertools.count()

        def counted(read):
            @wraps(read)
            async def counted_read(*args, **options):
                if asyncio.current_task() is follower and next(numbers) == number:
                    await happen()
                return await read(*args, **options)

            return counted_read

        for name, read in list(vars(events).items()):
            if iscoroutinefunction(read) and read.__module__.startswith("db."):
                monkeypatch.setattr(events, name, counted(read))
        return numbers

    return arrange


async def follow(store, hub, count=None, *, found=None, **options):
    """What the stream tells, at most `count` moments; in `found` also where it raises in the end."""
    found = [] if found is None else found
    async with asyncio.timeout(30), aclosing(run_events(store, hub, **options)) as moments:
        async for moment in moments:
            found.append(moment)
            if len(found) == count:
                break
    return found


def told(moment):
    return (moment.event or moment.run).status


def ends(moments):
    return [told(moment) for moment in moments if told(moment).is_terminal]


@pytest.mark.parametrize("number", READS)
@pytest.mark.parametrize("resumed", [False, True])
async def test_an_end_between_any_two_reads_is_told_once_and_last(
    store, hub, run, before_read, number, resumed
):
    after = (await follow(store, hub, 1, run_id=run.id))[0].cursor if resumed else None
    before_read(number, lambda: fail(store, run))
    moments = await follow(store, hub, run_id=run.id, after=after)
    assert ends(moments) == [RunStatus.FAILED]
    assert told(moments[-1]) is RunStatus.FAILED
    assert moments[-1].run.failure_code == "NO_PERIODS", "the run as it is by then"


@pytest.mark.parametrize("number", READS)
@pytest.mark.parametrize("reads_between", [0, 1])
async def test_of_a_run_that_ends_and_is_deleted_the_end_is_told_or_that_it_is_gone(
    store, hub, run, before_read, number, reads_between
):
    before_read(number + reads_between, lambda: delete_run(store, run.id))
    before_read(number, lambda: fail(store, run))
    moments, gone = [], False
    try:
        await follow(store, hub, found=moments, run_id=run.id)
    except RunNotFound:
        gone = True
    assert len(ends(moments)) == (0 if gone else 1)


async def test_a_cursor_at_the_end_has_nothing_after_it(store, hub, run):
    (first,) = await follow(store, hub, 1, run_id=run.id)
    await fail(store, run)
    (last,) = await follow(store, hub, run_id=run.id, after=first.cursor)
    assert await follow(store, hub, run_id=run.id, after=last.cursor) == []


async def test_a_live_run_is_followed_to_its_end_even_from_a_cursor_of_another_store(store, hub, run):
    beyond = events._encode_cursor(10**6)
    following = asyncio.create_task(follow(store, hub, run_id=run.id, after=beyond))
    await asyncio.sleep(0.05)
    await fail(store, run)
    assert ends(await following) == [RunStatus.FAILED]


async def test_many_events_are_told_page_by_page_and_the_end_is_the_last(store, hub, run, monkeypatch):
    monkeypatch.setattr(events, "_PAGE", 3)
    (first,) = await follow(store, hub, 1, run_id=run.id)
    for step in range(5):
        await report_progress(store, run.id, 1, WORKER, step / 5, "computing", NOW)
    await finish_run(store, run.id, 1, WORKER, new_results(), NOW)
    moments = await follow(store, hub, run_id=run.id, after=first.cursor)
    assert [moment.event.kind for moment in moments] == ["PROGRESS"] * 5 + ["SUCCEEDED"]
    assert len({moment.cursor for moment in moments}) == 6


async def test_a_run_that_is_tried_again_has_not_ended(store, hub, run):
    following = asyncio.create_task(follow(store, hub, run_id=run.id))
    await asyncio.sleep(0.05)
    await retry_or_lose(store, (await list_claims(store, tuple(RunKind)))[0], now=NOW)
    await asyncio.sleep(0.05)
    await claim_run(store, WORKER, NOW, kinds=tuple(RunKind))
    await fail(store, run, attempt=2)
    kinds = [moment.event.kind for moment in (await following)[1:]]
    assert kinds == ["RETRIED", "STARTED", "FAILED"]


async def test_eight_clients_see_the_end_of_every_run_that_fails_at_once(store, hub):
    dataset_id = await add_sample_dataset(store)

    async def client(name):
        heard = []
        for number in range(3):
            one = await launch(store, dataset_id, identity_hash=f"{name} {number}")
            heard.append(ends(await follow(store, hub, run_id=one.id)))
        return heard

    async def fail_all():
        while True:
            if (claimed := await claim_run(store, WORKER, NOW, kinds=tuple(RunKind))) is None:
                await asyncio.sleep(0.001)
            else:
                await fail(store, claimed)
                hub.notify()

    failing = asyncio.create_task(fail_all())
    heard = await asyncio.gather(*map(client, range(8)))
    failing.cancel()
    assert heard == [[[RunStatus.FAILED]] * 3] * 8


# -- all runs ----------------------------------------------------------------------------------------------


async def queue(store, count, mark=""):
    """Ids of new runs, newest first."""
    dataset_id = await add_sample_dataset(store)
    return [(await launch(store, dataset_id, identity_hash=f"{mark}{n}")).id for n in range(count)][::-1]


async def test_the_snapshot_has_every_live_run_in_few_reads(store, hub, before_read, monkeypatch):
    monkeypatch.setattr(events, "_PAGE", 10)
    ids = await queue(store, 25)
    reads = before_read(-1, None)
    moments = await follow(store, hub, len(ids))
    assert [moment.run.id for moment in moments] == ids
    assert all(moment.event is None for moment in moments)
    assert next(reads) <= 2 + 3


async def test_a_snapshot_that_was_cut_off_goes_on_where_it_was(store, hub):
    ids = await queue(store, 3)
    before = await follow(store, hub, 2)
    (new,) = await queue(store, 1, "new")
    rest = await follow(store, hub, 2, after=before[-1].cursor)
    assert [moment.run.id for moment in before + rest] == [*ids, new]
    assert [moment.event and moment.event.kind for moment in rest] == [None, "QUEUED"]
    (event,) = await follow(store, hub, 1, after=rest[0].cursor)
    assert event.run.id == new


async def test_a_run_that_ends_amid_the_snapshot_is_told_all_the_same(store, hub, before_read):
    ids = await queue(store, 2)

    async def end_both():
        for _ in ids:
            await fail(store, await claim_run(store, WORKER, NOW, kinds=tuple(RunKind)))

    before_read(2, end_both)
    found = {}
    async with asyncio.timeout(30), aclosing(run_events(store, hub)) as moments:
        async for moment in moments:
            found[moment.run.id] = told(moment)
            if list(found.values()).count(RunStatus.FAILED) == 2:
                break
    assert sorted(found) == ids[::-1]
