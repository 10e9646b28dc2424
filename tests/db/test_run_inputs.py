"""What goes into a run beside its dataset, which run is taken instead of another, and commands."""

from __future__ import annotations

import pytest

from db.records import Reuse, RunInputRecord, RunStatus
from db.runs.inputs import get_inputs, send_command, take_commands
from db.runs.queue import cancel_run, delete_run, launch_run
from db.runs.read import get_runs
from db.store import Store
from tests.db.samples import NOW, WORKER, add_sample_dataset, later, launch, new_run, running, succeeded


async def test_inputs_come_back_in_their_order_and_outlive_their_sources(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    source = await succeeded(store, dataset_id, identity_hash="source")
    inputs = (
        RunInputRecord(role="leg", fingerprint="source", source_run_id=source.id),
        RunInputRecord(role="benchmark", fingerprint="f1", dataset_id=dataset_id),
        RunInputRecord(role="leg", fingerprint="source", source_run_id=source.id),
    )
    run = await launch(store, dataset_id, kind="STRATEGY", inputs=inputs)
    assert await get_inputs(store, [run.id, source.id, 10**30]) == {run.id: inputs}
    await delete_run(store, source.id)
    kept = (await get_inputs(store, [run.id]))[run.id]
    assert [(one.role, one.fingerprint, one.source_run_id) for one in kept] == [
        ("leg", "source", None),
        ("benchmark", "f1", None),
        ("leg", "source", None),
    ]
    await cancel_run(store, run.id, NOW)
    await delete_run(store, run.id)
    assert await get_inputs(store, [run.id]) == {}


@pytest.mark.parametrize(
    ("reuse", "live", "ended"),
    [(Reuse.NEVER, False, False), (Reuse.LIVE, True, False), (Reuse.SUCCEEDED, True, True)],
)
async def test_what_exists_is_returned_as_far_as_its_kind_allows(
    store: Store, reuse: Reuse, live: bool, ended: bool
) -> None:
    dataset_id = await add_sample_dataset(store)
    new = new_run(dataset_id, reuse=reuse)
    first, _ = await launch_run(store, new, max_queued=10, now=NOW)
    again, reused = await launch_run(store, new, max_queued=10, now=NOW)
    assert (reused, again.id == first.id) == (live, live)
    if not live:
        await cancel_run(store, again.id, NOW)
    done = await succeeded(store, dataset_id, reuse=reuse)
    anew, reused = await launch_run(store, new, max_queued=10, now=later(9))
    assert (reused, anew.id == done.id) == (ended, ended)
    assert (await get_runs(store, [done.id]))[done.id].status is RunStatus.SUCCEEDED


async def test_commands_are_taken_once_in_order_by_who_has_the_run(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    run = await running(store, dataset_id)
    first = await send_command(store, run.id, "pause", {}, NOW)
    second = await send_command(store, run.id, "order", {"side": "BUY", "quantity": 3}, later(1))
    assert await take_commands(store, run.id, run.attempt + 1, WORKER, later(2)) == []
    taken = await take_commands(store, run.id, run.attempt, WORKER, later(2))
    assert [(one.id, one.command) for one in taken] == [(first, "pause"), (second, "order")]
    assert (taken[1].arguments, taken[1].requested_at) == ({"side": "BUY", "quantity": 3}, later(1))
    assert await take_commands(store, run.id, run.attempt, WORKER, later(3)) == []


async def test_nothing_is_asked_of_what_has_ended(store: Store) -> None:
    run = await succeeded(store, await add_sample_dataset(store))
    assert await send_command(store, run.id, "stop", {}, NOW) is None
    assert await send_command(store, run.id + 1, "stop", {}, NOW) is None
    assert await send_command(store, 2**70, "stop", {}, NOW) is None
