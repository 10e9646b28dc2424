"""Runs and events of a newer version: kept as they are, counted, and left to those who know them."""

from __future__ import annotations

from db.records import RunKind, RunStatus
from db.runs.events import read_events
from db.runs.queue import annotate_run, cancel_run, claim_run, delete_run, list_claims
from db.runs.read import count_runs, get_runs, latest_runs, page_runs, page_runs_by_subject
from db.store import Store
from tests.db.samples import NOW, WORKER, add_sample_dataset, later, launch, running, succeeded
from tests.newer_store import UNKNOWN_EVENT, UNKNOWN_KIND, make_unknown


async def test_a_run_of_an_unknown_kind_is_read_as_it_is(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    known = await succeeded(store, dataset_id, identity_hash="known")
    run = await make_unknown(store, await succeeded(store, dataset_id))
    assert (run.kind, run.subject, run.status) == (UNKNOWN_KIND, None, RunStatus.SUCCEEDED)
    assert (await get_runs(store, [run.id]))[run.id] == run
    listed = await page_runs(store, kind=None, first=10)
    assert [one.id for one in listed.items] == [run.id, known.id]
    assert await count_runs(store, kind=None) == 2
    kinds = [event.kind for event in await read_events(store, after_id=0, run_id=run.id, limit=9)]
    assert kinds == [UNKNOWN_EVENT, "STARTED", "SUCCEEDED"]


async def test_a_run_of_an_unknown_kind_is_in_no_list_of_a_known_one(store: Store) -> None:
    run = await succeeded(store, await add_sample_dataset(store))
    async with store.write() as connection:
        await connection.exec_driver_sql(f"UPDATE run SET kind = '{UNKNOWN_KIND}'")  # its factor stays
    assert (await get_runs(store, [run.id]))[run.id].subject == "SMB"
    for kind in RunKind:
        assert (await page_runs(store, kind=kind, first=10)).items == ()
        assert (await page_runs_by_subject(store, ["SMB"], kind=kind, first=10))["SMB"].items == ()
        assert await count_runs(store, kind=kind) == 0
    assert await latest_runs(store, kind=RunKind.FACTOR, now=later(600)) == {}


async def test_only_who_knows_a_kind_claims_and_recovers_its_runs(store: Store) -> None:
    dataset_id = await add_sample_dataset(store)
    await make_unknown(store, await running(store, dataset_id, identity_hash="goes on"))
    await make_unknown(store, await launch(store, dataset_id, identity_hash="waits"))
    assert await claim_run(store, WORKER, later(1), kinds=tuple(RunKind)) is None
    assert await list_claims(store, tuple(RunKind)) == []
    known = await running(store, dataset_id)
    assert [claim.run_id for claim in await list_claims(store, tuple(RunKind))] == [known.id]


async def test_a_run_of_an_unknown_kind_is_annotated_canceled_and_deleted(store: Store) -> None:
    run = await make_unknown(store, await running(store, await add_sample_dataset(store)))
    annotated = await annotate_run(store, run.id, tags=("x",), note="why")
    assert annotated is not None
    assert (annotated.kind, annotated.tags, annotated.note) == (UNKNOWN_KIND, ("x",), "why")
    assert await delete_run(store, run.id) == (annotated, False)
    canceled = await cancel_run(store, run.id, NOW)
    assert canceled is not None
    assert (canceled[0].kind, canceled[0].status, canceled[1]) == (UNKNOWN_KIND, RunStatus.CANCELED, True)
    assert await delete_run(store, run.id) == (canceled[0], True)
    assert await get_runs(store, [run.id]) == {}
