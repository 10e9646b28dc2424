"""Reading lists of runs: filters, orders, pages, the latest ones."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.errors import BadCursor, DatasetNotFound, InvalidInput
from app.features.legacy.log_rows import last_runs
from db.runs.queue import cancel_run
from engine.factors.registry import FactorName
from tests.app.schema.graph import Graph, Population, config_of, refusal, run_id
from tests.db.samples import later, new_results, succeeded


async def test_runs_are_filtered_sorted_and_counted(graph: Graph, population: Population) -> None:
    data = await graph.ask(
        """{ factorRuns(
          where: {factor: {oneOf: [VALUE, GROWTH, SMB]}, status: {eq: SUCCEEDED}, origin: {eq: COMPUTED},
                  dataset: {eq: {name: "panel"}}, tag: {eq: "nightly"}, annualizedReturn: {gte: 0.1},
                  finishedAt: {lte: "2030-01-01T00:00:00Z"}, numPeriods: {eq: 5}}
          orderBy: [{field: ANNUALIZED_RETURN, direction: ASC}], first: 1) {
            totalCount pageInfo { hasNextPage } edges { cursor node { factor { name } } }
            nodes { performance { annualizedReturn } } } }"""
    )
    page = data["factorRuns"]
    assert page["totalCount"] == 2
    assert page["pageInfo"]["hasNextPage"] is True
    assert page["edges"][0]["node"] == {"factor": {"name": "VALUE"}}
    assert page["nodes"] == [{"performance": {"annualizedReturn": 0.2}}]


async def test_absent_and_null_conditions_are_none(graph: Graph, population: Population) -> None:
    everything = (await graph.ask("{ factorRuns { totalCount } }"))["factorRuns"]["totalCount"]
    assert everything == 10
    for where in ("null", "{}", "{factor: null}", "{factor: {}}", "{factor: {eq: null, oneOf: null}}"):
        data = await graph.ask(f"{{ factorRuns(where: {where}, orderBy: null, first: 0) {{ totalCount }} }}")
        assert data["factorRuns"]["totalCount"] == everything
    data = await graph.ask("{ factorRuns(where: {factor: {oneOf: []}}) { totalCount nodes { id } } }")
    assert data["factorRuns"] == {"totalCount": 0, "nodes": []}


async def test_cursors_belong_to_their_list(graph: Graph, population: Population) -> None:
    query = """query ($after: String, $where: FactorRunWhere) {
      factorRuns(first: 2, after: $after, where: $where) {
        nodes { id } pageInfo { endCursor hasPreviousPage } } }"""
    page = (await graph.ask(query))["factorRuns"]
    cursor = page["pageInfo"]["endCursor"]
    following = (await graph.ask(query, after=cursor))["factorRuns"]
    assert following["pageInfo"]["hasPreviousPage"] is True
    assert not {node["id"] for node in page["nodes"]} & {node["id"] for node in following["nodes"]}
    error = await refusal(graph, query, after=cursor, where={"status": {"eq": "QUEUED"}})
    assert isinstance(error, BadCursor)


@pytest.mark.parametrize("first", [-1, 101, 2**31 - 1])
async def test_pages_have_a_hard_cap(graph: Graph, population: Population, first: int) -> None:
    error = await refusal(graph, f"{{ factorRuns(first: {first}) {{ nodes {{ id }} }} }}")
    assert isinstance(error, InvalidInput)
    result = await graph.execute(
        f"{{ factor(name: SMB) {{ runs(first: {first}) {{ nodes {{ id }} }} }}"
        f'   dataset(ref: {{name: "panel"}}) {{ assets(first: {first}) {{ totalCount }} }}'
        f"   importBatches {{ nodes {{ quarantine(first: {first}) {{ line }} }} }} }}"
    )
    assert result.errors is not None
    assert all(isinstance(error.original_error, InvalidInput) for error in result.errors)
    assert len(result.errors) == 3


async def test_the_runs_of_a_factor_are_its_own(graph: Graph, population: Population) -> None:
    data = await graph.ask(
        """{ factors { name latestRun { status factor { name } }
             missing: latestRun(where: {tag: {eq: "no"}}) { id }
             runs(where: {status: {oneOf: [SUCCEEDED]}}, first: 5) { totalCount nodes { factor { name } } }
             other: runs(where: {factor: {eq: SMB}}) { totalCount nodes { id } } } }"""
    )
    for factor in data["factors"]:
        own = {"factor": {"name": factor["name"]}}
        assert factor["latestRun"] == {"status": "SUCCEEDED", **own}
        assert factor["missing"] is None
        expected = 2 if factor["name"] == "SMB" else 1
        assert factor["runs"] == {"totalCount": expected, "nodes": [own] * expected}
        assert factor["other"]["totalCount"] == len(factor["other"]["nodes"])
        assert factor["other"]["totalCount"] == (5 if factor["name"] == "SMB" else 0)


async def test_a_cursor_of_one_factor_fails_only_the_others(graph: Graph, population: Population) -> None:
    first = await graph.ask("{ factor(name: SMB) { runs(first: 1) { pageInfo { endCursor } } } }")
    cursor = first["factor"]["runs"]["pageInfo"]["endCursor"]
    result = await graph.execute(
        "query ($after: String) { factors { name runs(first: 1, after: $after) { nodes { id } } } }",
        after=cursor,
    )
    assert result.data is not None
    assert [factor["name"] for factor in result.data["factors"] if factor["runs"] is not None] == ["SMB"]
    assert result.errors is not None
    assert all(isinstance(error.original_error, BadCursor) for error in result.errors)


async def test_readers_agree_that_a_run_dated_in_the_future_is_not_the_latest(
    graph: Graph, population: Population
) -> None:
    services = graph.services
    await cancel_run(services.store, population.queued.id, later(99))
    wrong = await succeeded(
        services.store,
        population.dataset_id,
        at=datetime(2999, 1, 1, tzinfo=UTC),
        identity_hash="of a wrong clock",
        config=config_of(FactorName.SMB),
    )
    query = "{ latestFactorRuns(factors: [SMB]) { id } factor(name: SMB) { latestRun { id } } }"
    right = run_id(population.runs[FactorName.SMB])
    assert await graph.ask(query) == {
        "latestFactorRuns": [{"id": right}],
        "factor": {"latestRun": {"id": right}},
    }
    listed = await last_runs(services.store, FactorName.SMB, 9, now=services.now())
    assert listed[-1].run.id == population.runs[FactorName.SMB].id
    assert listed[0].run.id == wrong.id


async def test_latest_runs_come_best_first(graph: Graph, population: Population) -> None:
    store = graph.services.store
    await cancel_run(store, population.queued.id, later(99))
    await succeeded(
        store,
        population.dataset_id,
        new_results(annualized_return=None),
        at=later(100),
        subject="GROWTH",
        identity_hash="newer",
        config=config_of(FactorName.GROWTH),
    )
    data = await graph.ask(
        """{ latestFactorRuns { factor { name } performance { annualizedReturn } }
             some: latestFactorRuns(factors: [VALUE, MARKET], dataset: {name: "panel"}, origin: COMPUTED)
             { factor { name } }
             imported: latestFactorRuns(origin: IMPORTED) { legacyRunId } none: latestFactorRuns(factors: [])
             { id } }"""
    )
    assert [run["factor"]["name"] for run in data["latestFactorRuns"]] == [
        "MOMENTUM_V2",
        "MOMENTUM",
        "VALUE",
        "MARKET",
        "SMB",
        "GROWTH",
    ]
    assert data["some"] == [{"factor": {"name": "VALUE"}}, {"factor": {"name": "MARKET"}}]
    assert data["imported"] == [{"legacyRunId": population.imported_run_id}]
    assert data["none"] == []


async def test_unknown_datasets_in_a_filter_are_told(graph: Graph, population: Population) -> None:
    error = await refusal(graph, '{ factorRuns(where: {dataset: {oneOf: [{name: "x"}]}}) { nodes { id } } }')
    assert isinstance(error, DatasetNotFound)
    assert isinstance(
        await refusal(graph, '{ latestFactorRuns(dataset: {name: "x"}) { id } }'), DatasetNotFound
    )
