"""Fetches in the graph: launched, followed, read, listed, canceled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import strawberry

from app.schema.node_ids import decode_id, encode_id
from app.settings import Settings
from app.sources import registry
from app.sources.names import SourceName
from app.sources.source import Source
from app.wiring import open_services
from db.runs.queue import report_progress
from engine.factors.registry import FactorName
from tests.app.execution.processes import eventually
from tests.app.schema.fetching import (
    CONFIG,
    COUNTS,
    add_fetch,
    fetch_id,
    launch_fetch,
    running_fetch,
)
from tests.app.schema.graph import Graph, Population, refusal, run_id
from tests.app.sources.fetching import unpaced
from tests.app.sources.stand_ins import coinmetrics
from tests.app.sources.stand_ins.faults import Fault, Faults, serve_in_thread
from tests.db.samples import WORKER, later

FETCH = """mutation ($input: FetchDatasetInput!, $wait: Float! = 0) {
  fetchDataset(input: $input, waitSeconds: $wait) {
    __typename
    ... on FetchDatasetSuccess { reused run {
        id status failure { code message } source startDate endDate assets datasetName refresh tags note
        forced engineVersion dataset { name fields quality { lostAssets { asset code } } }
        progress { fraction stage fetch { assetsDone } }
        report { progress { assetsTotal requests } lostAssets { asset code reason } notes } } }
    ... on Error { code message hint }
    ... on InvalidInput { fieldErrors { path code message } } } }"""

EVENTS = """subscription ($run: ID!) { runEvents(runId: $run) {
  kind status progress { fraction stage fetch {
    assetsDone assetsTotal assetsLost requests cachedResponses bytes retries } }
  run { __typename ... on FetchRun { report { notes } } } } }"""

WANTED = {"source": "COINMETRICS", "startDate": "2024-01-01", "endDate": "2024-03-01", "name": "coins"}


async def fetch(graph: Graph, wait: float = 0, **changes: Any) -> dict[str, Any]:
    data = await graph.ask(FETCH, input=WANTED | changes, wait=wait)
    return data["fetchDataset"]


# -- launching ---------------------------------------------------------------------------------------------


async def test_a_fetch_waits_with_its_config(graph: Graph) -> None:
    made = await fetch(graph, assets=["btc", " ETH ", "btc"], tags=["b", "a"], note="why", refresh=True)
    run = made["run"]
    assert (made["__typename"], made["reused"], run["status"]) == ("FetchDatasetSuccess", False, "QUEUED")
    assert decode_id(run["id"])[0] == "FetchRun"
    assert (run["source"], run["datasetName"], run["refresh"]) == ("COINMETRICS", "coins", True)
    assert (run["startDate"], run["endDate"], run["assets"]) == ("2024-01-01", "2024-03-01", ["btc", "ETH"])
    assert (run["tags"], run["note"], run["forced"]) == (["a", "b"], "why", True)
    assert (run["dataset"], run["report"], run["engineVersion"]) == (None, None, None)
    assert run["progress"] == {"fraction": 0, "stage": "queued", "fetch": None}


async def test_the_same_fetch_is_reused_while_it_is_under_way(graph: Graph) -> None:
    first = await fetch(graph)
    again = await fetch(graph, tags=["other"])
    refreshed = await fetch(graph, refresh=True)
    other = await fetch(graph, name="other")
    assert [one["reused"] for one in (first, again, refreshed, other)] == [False, True, False, False]
    assert first["run"]["id"] == again["run"]["id"]
    assert len({one["run"]["id"] for one in (first, refreshed, other)}) == 3


async def test_without_an_end_it_goes_to_the_last_day_that_is_over(graph: Graph) -> None:
    before = datetime.now(UTC).date()
    run = (await fetch(graph, endDate=None))["run"]
    after = datetime.now(UTC).date()
    assert run["endDate"] in {str(today - timedelta(days=1)) for today in (before, after)}


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": "../coins"}, "name", "INVALID_NAME"),
        ({"startDate": "2024-03-02"}, "startDate", "OUT_OF_RANGE"),
        ({"startDate": "1969-12-31"}, "startDate", "OUT_OF_RANGE"),
        ({"endDate": "2999-01-01"}, "endDate", "OUT_OF_RANGE"),
        ({"assets": []}, "assets", "EMPTY"),
        ({"assets": [" "]}, "assets", "OUT_OF_RANGE"),
        ({"assets": ["a\nb"]}, "assets", "OUT_OF_RANGE"),
        ({"assets": [str(number) for number in range(5_001)]}, "assets", "TOO_MANY"),
        ({"source": "YAHOO"}, "assets", "REQUIRED"),
        ({"tags": [""]}, "tags", "OUT_OF_RANGE"),
        ({"note": "x" * 2_001}, "note", "TOO_LONG"),
    ],
)
async def test_faults_name_the_field(graph: Graph, changes: dict[str, Any], field: str, code: str) -> None:
    result = await fetch(graph, **changes)
    assert (result["__typename"], result["code"]) == ("InvalidInput", "INVALID_INPUT")
    (fault,) = result["fieldErrors"]
    assert (fault["path"], fault["code"]) == (["input", field], code)
    assert (await graph.ask("{ fetchRuns { totalCount } }"))["fetchRuns"]["totalCount"] == 0


@pytest.mark.parametrize("source", ["ARTEMIS", "CRYPTO"])
async def test_a_source_without_its_key_is_not_configured(graph: Graph, source: str) -> None:
    result = await fetch(graph, source=source)
    assert (result["__typename"], result["code"]) == ("SourceNotConfigured", "SOURCE_NOT_CONFIGURED")
    assert "ARTEMIS_API_KEY" in result["hint"]


async def test_a_full_queue_is_told(graph: Graph) -> None:
    settings = graph.services.settings.model_copy(update={"max_queued_runs": 1})
    small = Graph(graph.schema, replace(graph.services, settings=settings))
    assert (await fetch(small))["__typename"] == "FetchDatasetSuccess"
    assert (await fetch(small, name="another"))["code"] == "QUEUE_FULL"


# -- reading -----------------------------------------------------------------------------------------------


async def test_sources_name_their_key_and_never_tell_it(graph: Graph) -> None:
    query = "{ sources { name title description fields licence needsAssets key configured } }"
    found = {one["name"]: one for one in (await graph.ask(query))["sources"]}
    assert list(found) == [name.value for name in SourceName]
    assert (found["COINMETRICS"]["key"], found["COINMETRICS"]["configured"]) == (None, True)
    assert (found["ARTEMIS"]["key"], found["ARTEMIS"]["configured"]) == ("ARTEMIS_API_KEY", False)
    assert "price" in found["COINMETRICS"]["fields"]
    assert [name for name, one in found.items() if one["needsAssets"]] == ["YAHOO"]

    settings = graph.services.settings.model_copy(
        update={"artemis_api_key": Settings(ARTEMIS_API_KEY="s3cret", _env_file=None).artemis_api_key}
    )
    keyed = Graph(graph.schema, replace(graph.services, settings=settings))
    answer = await keyed.ask(query)
    assert all(one["configured"] for one in answer["sources"])
    assert "s3cret" not in repr(answer)


async def test_a_finished_fetch_has_a_report_and_its_dataset_says_what_is_lost(graph: Graph) -> None:
    run = await add_fetch(graph.services.store)
    data = await graph.ask(
        """query ($id: ID!) {
          run(id: $id) { __typename ...all }
          node(id: $id) { __typename id }
        }
        fragment all on FetchRun { status progress { fetch { bytes } }
          report { progress { assetsDone assetsTotal assetsLost requests cachedResponses bytes retries }
                   lostAssets { asset code reason } notes }
          dataset { name quality { lostAssets { asset code reason } } } }""",
        id=fetch_id(run),
    )
    found = data["run"]
    lost = [{"asset": "NOPE", "code": "UNKNOWN_ASSET", "reason": "there is no asset NOPE"}]
    assert data["node"] == {"__typename": "FetchRun", "id": fetch_id(run)}
    assert found["report"]["progress"] == {
        "assetsDone": 6,
        "assetsTotal": 6,
        "assetsLost": 1,
        "requests": 9,
        "cachedResponses": 2,
        "bytes": 5e9,
        "retries": 3,
    }
    assert found["report"]["lostAssets"] == lost
    assert found["report"]["notes"] == ["no traded volume"]
    assert found["dataset"] == {"name": "fetched", "quality": {"lostAssets": lost}}
    assert found["progress"]["fetch"] == {"bytes": 5e9}


async def test_runs_that_compute_have_no_numbers_of_a_fetch(graph: Graph, population: Population) -> None:
    smb = run_id(population.runs[FactorName.SMB])
    data = await graph.ask("query ($id: ID!) { run(id: $id) { progress { fetch { bytes } } } }", id=smb)
    assert data["run"]["progress"] == {"fetch": None}


async def test_an_id_of_another_kind_finds_nothing(graph: Graph) -> None:
    run = await add_fetch(graph.services.store)
    error = await refusal(graph, "query ($id: ID!) { run(id: $id) { id } }", id=run_id(run))
    assert error.code == "RUN_NOT_FOUND"
    error = await refusal(graph, "query ($id: ID!) { run(id: $id) { id } }", id=encode_id("FetchRun", 10**9))
    assert (error.code, error.message) == ("RUN_NOT_FOUND", "there is no fetch 1000000000")


async def test_fetches_are_listed_apart_newest_first(graph: Graph, population: Population) -> None:
    store = graph.services.store
    done = await add_fetch(store, tags=("nightly",))
    waiting = await launch_fetch(store, replace(CONFIG, dataset_name="other"))
    query = """query ($where: FetchRunWhere, $first: Int! = 50, $after: String) {
      fetchRuns(where: $where, first: $first, after: $after) {
        totalCount nodes { id } edges { cursor } pageInfo { hasNextPage endCursor } } }"""

    async def ids(**where: Any) -> list[str]:
        page = (await graph.ask(query, where=where))["fetchRuns"]
        assert page["totalCount"] == len(page["nodes"])
        return [node["id"] for node in page["nodes"]]

    assert await ids() == [fetch_id(waiting), fetch_id(done)]
    assert await ids(status={"eq": "SUCCEEDED"}) == [fetch_id(done)]
    assert await ids(tag={"eq": "nightly"}) == [fetch_id(done)]
    assert await ids(dataset={"eq": {"name": "fetched"}}) == [fetch_id(done)]
    assert await ids(finishedAt={"gte": later(39).isoformat()}) == [fetch_id(done)]
    assert await ids(finishedAt={"gte": later(41).isoformat()}) == []
    first = (await graph.ask(query, first=1))["fetchRuns"]
    rest = (await graph.ask(query, first=1, after=first["pageInfo"]["endCursor"]))["fetchRuns"]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert [first["nodes"][0]["id"], rest["nodes"][0]["id"]] == [fetch_id(waiting), fetch_id(done)]
    factor_runs = await graph.ask("{ factorRuns { nodes { id } } sweepRuns { nodes { id } } }")
    assert not {fetch_id(done), fetch_id(waiting)} & {
        node["id"] for page in factor_runs.values() for node in page["nodes"]
    }


async def test_fetches_are_annotated_and_deleted_as_other_runs(graph: Graph) -> None:
    run = await add_fetch(graph.services.store)
    data = await graph.ask(
        """mutation ($id: ID!) {
          annotateRun(id: $id, tags: ["kept"]) { ... on AnnotateRunSuccess { run { __typename tags } } }
          cancelRun(id: $id) { __typename }
          deleteRun(id: $id) { __typename }
        }""",
        id=fetch_id(run),
    )
    assert data["annotateRun"]["run"] == {"__typename": "FetchRun", "tags": ["kept"]}
    assert data["cancelRun"]["__typename"] == "RunNotCancelable"
    assert data["deleteRun"]["__typename"] == "DeleteRunSuccess"
    left = await graph.ask('{ dataset(ref: {name: "fetched"}) { name } }')
    assert left["dataset"] == {"name": "fetched"}, "the dataset outlives its fetch"


async def test_progress_is_told_in_numbers(graph: Graph) -> None:
    store = graph.services.store
    run = await running_fetch(store)
    events = []
    async with asyncio.timeout(30):
        async for result in graph.subscribe(EVENTS, run=fetch_id(run)):
            assert result.errors is None, result.errors
            assert result.data is not None
            event = result.data["runEvents"]
            events.append(event)
            if event["kind"] == "SNAPSHOT":
                await report_progress(store, run.id, 1, WORKER, 0.5, "half", later(2), counts=COUNTS)
                graph.services.events.notify()
            if event["kind"] == "PROGRESS":
                break
    assert events[0]["progress"]["fetch"] is None
    assert events[-1]["progress"] == {
        "fraction": 0.5,
        "stage": "half",
        "fetch": {
            "assetsDone": 6,
            "assetsTotal": 6,
            "assetsLost": 1,
            "requests": 9,
            "cachedResponses": 2,
            "bytes": 5e9,
            "retries": 3,
        },
    }


async def test_health_says_how_many_fetches_go_on_at_once(graph: Graph) -> None:
    assert (await graph.ask("{ health { maxConcurrentFetches } }"))["health"] == {"maxConcurrentFetches": 2}


# -- carried out -------------------------------------------------------------------------------------------


@pytest.fixture
def vendor() -> Iterator[tuple[Faults, str]]:
    faults = Faults()
    with serve_in_thread(coinmetrics.application(faults)) as address:
        yield faults, address


@pytest.fixture
async def live(
    vendor: tuple[Faults, str],
    schema: strawberry.Schema,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Graph]:
    """A graph whose server fetches, without the pace that the real vendor asks for."""
    build_sources = registry.build_sources

    def build_unpaced(settings: Settings) -> Mapping[SourceName, Source]:
        sources = dict(build_sources(settings))
        return sources | {SourceName.COINMETRICS: unpaced(sources[SourceName.COINMETRICS])}

    monkeypatch.setattr(registry, "build_sources", build_unpaced)
    settings = Settings(data_dir=tmp_path, database_url=None, coinmetrics_base_url=vendor[1], _env_file=None)
    async with open_services(settings, execute=True) as services:
        yield Graph(schema, services)


async def test_a_fetch_makes_a_dataset_and_says_what_it_lost(live: Graph) -> None:
    made = await fetch(live, wait=20, assets=["btc", "eth", "noprice", "NOPE"])
    run = made["run"]
    assert (run["status"], run["failure"]) == ("SUCCEEDED", None)
    lost = [(one["asset"], one["code"]) for one in run["report"]["lostAssets"]]
    assert lost == [("NOPE", "UNKNOWN_ASSET"), ("noprice", "NO_DATA")]
    assert run["report"]["progress"]["assetsTotal"] == 4
    assert run["progress"]["fetch"] == {"assetsDone": 4}
    assert run["dataset"]["name"] == "coins"
    assert {"price", "market_cap"} <= set(run["dataset"]["fields"])
    in_quality = run["dataset"]["quality"]["lostAssets"]
    assert [(one["asset"], one["code"]) for one in in_quality] == lost
    assert not (await fetch(live))["reused"], "one that has ended is not reused"


async def test_a_fetch_of_nothing_fails_and_leaves_no_dataset(live: Graph) -> None:
    run = (await fetch(live, wait=20, assets=["aave"]))["run"]
    assert (run["status"], run["failure"]["code"]) == ("FAILED", "SOURCE_EMPTY")
    assert (run["dataset"], run["report"]) == (None, None)


async def test_a_canceled_fetch_stops_asking(live: Graph, vendor: tuple[Faults, str]) -> None:
    faults, _ = vendor
    faults.add(Fault(delay_seconds=30), when=lambda asked: "timeseries" in asked.path)
    run = (await fetch(live, assets=["btc"]))["run"]
    assert await asyncio.to_thread(eventually, lambda: faults.asked("timeseries"), 20)
    data = await live.ask(
        "mutation ($id: ID!) { cancelRun(id: $id) { ... on CancelRunSuccess { run { status } } } }",
        id=run["id"],
    )
    assert data["cancelRun"]["run"]["status"] == "CANCELED"
    executor = live.services.executor
    assert executor is not None
    assert await asyncio.to_thread(eventually, lambda: executor.running_count == 0)
    assert (await live.ask("{ datasets { nodes { name } } }"))["datasets"]["nodes"] == []
