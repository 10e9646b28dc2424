"""Following runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from app.errors import InvalidInput, RunNotFound
from app.runs.events import InvalidCursor
from app.schema.node_ids import encode_id
from db.records import RunKind
from db.runs.queue import cancel_run, claim_run, delete_run, finish_run, report_progress
from engine.factors.registry import FactorName
from tests.app.schema.graph import Graph, Population, add_dataset, config_of, run_id
from tests.db.samples import WORKER, later, launch, new_results

EVENTS = """subscription ($run: ID, $after: String) { runEvents(runId: $run, after: $after) {
  cursor kind at status message progress { fraction stage }
  run { id status ... on FactorRun { performance { sharpeRatio }
        series(select: [{transform: ROLLING_SHARPE}]) { values } } } } }"""


async def follow(graph: Graph, **variables: Any) -> AsyncGenerator[dict[str, Any], None]:
    async with aclosing(graph.subscribe(EVENTS, **variables)) as results:
        async for result in results:
            assert result.errors is None, result.errors
            assert result.data is not None
            yield result.data["runEvents"]


async def first_event(graph: Graph, **variables: Any) -> dict[str, Any]:
    async with asyncio.timeout(30), aclosing(follow(graph, **variables)) as events:
        return await anext(events)


async def kinds(graph: Graph, **variables: Any) -> list[str]:
    async with asyncio.timeout(30):
        return [event["kind"] async for event in follow(graph, **variables)]


async def test_a_run_is_followed_to_its_end(graph: Graph) -> None:
    store = graph.services.store
    config = config_of(FactorName.SMB)
    queued = await launch(store, await add_dataset(store), config=config)
    events = []
    async with asyncio.timeout(30):
        async for event in follow(graph, run=run_id(queued)):
            events.append(event)
            if event["kind"] == "SNAPSHOT":
                assert await claim_run(store, WORKER, later(1), kinds=tuple(RunKind))
                await report_progress(store, queued.id, 1, WORKER, 0.5, "computing", later(2))
                await finish_run(store, queued.id, 1, WORKER, new_results(), later(3))
                graph.services.events.notify()
    assert [event["kind"] for event in events] == ["SNAPSHOT", "STARTED", "PROGRESS", "SUCCEEDED"]
    assert events[0]["run"]["performance"] is None
    assert events[2]["progress"] == {"fraction": 0.5, "stage": "computing"}
    assert events[2]["status"] == "RUNNING"
    assert events[3]["at"] == later(3).isoformat()
    assert events[3]["run"]["status"] == "SUCCEEDED"
    assert events[3]["run"]["performance"] == {"sharpeRatio": 1.5}, "nothing of the beginning is cached"
    assert events[3]["run"]["series"] == [{"values": [None] * 5}]


async def test_an_ended_run_is_a_snapshot_and_the_end(graph: Graph, population: Population) -> None:
    assert await kinds(graph, run=run_id(population.failed)) == ["SNAPSHOT"]


async def test_a_cursor_resumes_after_its_event(graph: Graph) -> None:
    store = graph.services.store
    queued = await launch(store, await add_dataset(store), config=config_of(FactorName.SMB))
    cursor = (await first_event(graph, run=run_id(queued)))["cursor"]
    await claim_run(store, WORKER, later(1), kinds=tuple(RunKind))
    await cancel_run(store, queued.id, later(2))
    assert await kinds(graph, run=run_id(queued), after=cursor) == ["STARTED", "CANCELED"]


async def test_all_runs_begin_with_those_that_have_not_ended(graph: Graph, population: Population) -> None:
    event = await first_event(graph)
    assert event["kind"] == "SNAPSHOT"
    assert event["run"]["id"] == run_id(population.queued)


async def test_a_stopped_subscription_leaves_nothing_behind(graph: Graph, population: Population) -> None:
    tasks = asyncio.all_tasks()
    async with aclosing(follow(graph)) as events:
        await anext(events)
        assert graph.services.events._listeners == 1
    assert graph.services.events._listeners == 0
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == tasks


async def test_a_run_that_is_deleted_before_its_end_was_told_is_an_error(graph: Graph) -> None:
    store = graph.services.store
    queued = await launch(store, await add_dataset(store), config=config_of(FactorName.SMB))
    async with asyncio.timeout(30), aclosing(graph.subscribe(EVENTS, run=run_id(queued))) as results:
        first = await anext(results)
        assert first.errors is None
        await cancel_run(store, queued.id, later(1))
        await delete_run(store, queued.id)
        (error,) = [error async for result in results for error in result.errors or ()]
    assert isinstance(error.original_error, RunNotFound)


@pytest.mark.parametrize(
    ("variables", "expected", "code"),
    [
        ({"run": "garbage"}, InvalidInput, "INVALID_INPUT"),
        ({"run": encode_id("Dataset", 1)}, InvalidInput, "INVALID_INPUT"),
        ({"run": encode_id("FactorRun", 10**9)}, RunNotFound, "RUN_NOT_FOUND"),
        ({"after": "garbage"}, InvalidCursor, "BAD_CURSOR"),
    ],
)
async def test_wrong_arguments_are_expected_errors(
    graph: Graph, variables: dict[str, str], expected: type[Exception], code: str
) -> None:
    results = [result async for result in graph.subscribe(EVENTS, **variables)]
    (result,) = results
    assert result.errors is not None
    (error,) = result.errors
    assert type(error.original_error) is expected
    assert error.original_error.code == code
