"""Runs and events of a newer version in the graph: each is an OtherRun, and nothing fails because of them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from app.errors import InvalidInput, RunNotFound
from app.schema.node_ids import encode_id
from db.records import RunRecord
from db.runs.queue import cancel_run
from tests.app.schema.graph import Graph, Population, add_dataset, refusal, run_id
from tests.db.samples import later, launch, running, succeeded
from tests.newer_store import UNKNOWN_KIND, make_unknown

FIELDS = """__typename id kind status origin createdAt finishedAt durationMs tags note attempt forced
  progress { fraction stage fetch { assetsTotal } } failure { code } dataset { name }"""
EVENTS = f"subscription ($run: ID) {{ runEvents(runId: $run) {{ kind status run {{ {FIELDS} }} }} }}"


@pytest.fixture
async def other(graph: Graph) -> RunRecord:
    """A running run of an unknown kind."""
    store = graph.services.store
    return await make_unknown(store, await running(store, await add_dataset(store, name="old"), tags=("x",)))


def other_id(run: RunRecord) -> str:
    return encode_id("OtherRun", run.id)


async def events_of(graph: Graph, most: int, **variables: Any) -> list[dict[str, Any]]:
    """At most so many; fewer where the stream ends."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(30), aclosing(graph.subscribe(EVENTS, **variables)) as results:
        async for result in results:
            assert result.errors is None, result.errors
            assert result.data is not None
            found.append(result.data["runEvents"])
            if len(found) == most:
                break
    return found


@pytest.mark.parametrize("field", ["run", "node"])
async def test_it_is_found_by_its_id(graph: Graph, other: RunRecord, field: str) -> None:
    query = f"query ($id: ID!) {{ found: {field}(id: $id) {{ ... on Run {{ {FIELDS} }} }} }}"
    found = (await graph.ask(query, id=other_id(other)))["found"]
    assert (found["__typename"], found["id"], found["kind"]) == ("OtherRun", other_id(other), UNKNOWN_KIND)
    assert (found["status"], found["tags"], found["dataset"]) == ("RUNNING", ["x"], {"name": "old"})


async def test_known_runs_say_their_kind(graph: Graph, population: Population) -> None:
    query = "query ($id: ID!) { run(id: $id) { __typename kind } }"
    found = (await graph.ask(query, id=run_id(population.queued)))["run"]
    assert found == {"__typename": "FactorRun", "kind": "FACTOR"}


async def test_an_id_of_another_kind_finds_nothing(graph: Graph, other: RunRecord) -> None:
    query = "query ($id: ID!) { run(id: $id) { id } }"
    assert isinstance(await refusal(graph, query, id=run_id(other)), RunNotFound)
    known = await launch(graph.services.store, await add_dataset(graph.services.store), identity_hash="known")
    assert isinstance(await refusal(graph, query, id=other_id(known)), RunNotFound)
    for wrong in ("0", "x"):
        error = await refusal(graph, query, id=encode_id("OtherRun", wrong))
        assert isinstance(error, InvalidInput | RunNotFound)


async def test_who_follows_it_is_told_of_events_of_unknown_kinds_too(graph: Graph, other: RunRecord) -> None:
    store = graph.services.store
    (snapshot,) = await events_of(graph, 1, run=other_id(other))
    assert (snapshot["kind"], snapshot["run"]["__typename"]) == ("SNAPSHOT", "OtherRun")
    await cancel_run(store, other.id, later(5))
    query = EVENTS.replace("$run: ID", "$run: ID, $after: String").replace("$run)", "$run, after: $after)")
    cursor = "ZXZlbnQ6MA=="  # before all events
    async with aclosing(graph.subscribe(query, run=other_id(other), after=cursor)) as results:
        told = [result.data["runEvents"] async for result in results if result.data is not None]
    assert [(one["kind"], one["status"]) for one in told] == [
        ("OTHER", "QUEUED"),
        ("STARTED", "RUNNING"),
        ("CANCELED", "CANCELED"),
    ]


async def test_who_follows_all_runs_is_told_of_it_and_of_the_others(graph: Graph, other: RunRecord) -> None:
    store = graph.services.store
    known = await launch(store, await add_dataset(store), identity_hash="known")
    told = await events_of(graph, 2)
    assert {(one["run"]["__typename"], one["run"]["id"]) for one in told} == {
        ("OtherRun", other_id(other)),
        ("FactorRun", run_id(known)),
    }


async def test_it_is_counted_by_health_and_in_no_list_of_factor_runs(graph: Graph, other: RunRecord) -> None:
    await make_unknown(
        graph.services.store, await launch(graph.services.store, other.dataset_id or 0, identity_hash="2")
    )
    data = await graph.ask(
        "{ health { queuedRuns runningRuns } factorRuns { totalCount nodes { id } } latestFactorRuns { id } }"
    )
    assert data == {
        "health": {"queuedRuns": 1, "runningRuns": 1},
        "factorRuns": {"totalCount": 0, "nodes": []},
        "latestFactorRuns": [],
    }


async def test_it_is_annotated_canceled_and_deleted(graph: Graph, other: RunRecord) -> None:
    async def change(call: str, success: str) -> dict[str, Any]:
        query = f"mutation ($id: ID!) {{ changed: {call} {{ __typename {success} }} }}"
        return (await graph.ask(query, id=other_id(other)))["changed"]

    with_run = f"... on %s {{ run {{ {FIELDS} }} }}"
    annotated = await change('annotateRun(id: $id, note: "why")', with_run % "AnnotateRunSuccess")
    assert (annotated["run"]["__typename"], annotated["run"]["note"]) == ("OtherRun", "why")
    assert (await change("deleteRun(id: $id)", ""))["__typename"] == "RunNotDeletable"
    canceled = await change("cancelRun(id: $id)", with_run % "CancelRunSuccess")
    assert (canceled["run"]["__typename"], canceled["run"]["status"]) == ("OtherRun", "CANCELED")
    assert (await change("cancelRun(id: $id)", ""))["__typename"] == "RunNotCancelable"
    deleted = await change("deleteRun(id: $id)", "... on DeleteRunSuccess { deletedId }")
    assert deleted == {"__typename": "DeleteRunSuccess", "deletedId": other_id(other)}


async def test_a_fetchs_progress_is_asked_of_it_in_vain(graph: Graph) -> None:
    """Whatever a newer kind counts, by whatever names."""
    store = graph.services.store
    run = await make_unknown(store, await succeeded(store, await add_dataset(store)))
    async with store.write() as connection:
        await connection.exec_driver_sql("UPDATE run SET progress_counts = '{\"orders\": 3}'")
    query = f"query ($id: ID!) {{ run(id: $id) {{ {FIELDS} }} }}"
    assert (await graph.ask(query, id=other_id(run)))["run"]["progress"]["fetch"] is None
