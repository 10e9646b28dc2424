"""Reading single things, over both databases."""

from __future__ import annotations

import pytest

from app.errors import DatasetNotFound, FactorQLError, InvalidInput, NotFound, RunNotFound
from app.schema.node_ids import encode_id
from db.records import RunKind
from db.runs.queue import claim_run
from engine.factors.registry import FactorName
from tests.app.schema.graph import Graph, Population, add_dataset, refusal, run_id
from tests.db.samples import WORKER, later, launch


async def test_a_run_is_found_by_its_id(graph: Graph, population: Population) -> None:
    run = population.runs[FactorName.MOMENTUM]
    data = await graph.ask(
        """query ($id: ID!) { run(id: $id) {
          __typename id status origin durationMs progress { fraction } failure { code } tags forced attempt
          dataset { name label synthetic }
          ... on FactorRun { factor { name } legacyRunId importBatchId importRemarks
            config { __typename breakpoint exclude universe unrecordedFields
              ... on MomentumConfig { lookbackPeriods } } } } }""",
        id=run_id(run),
    )
    assert data["run"] == {
        "__typename": "FactorRun",
        "id": run_id(run),
        "status": "SUCCEEDED",
        "origin": "COMPUTED",
        "durationMs": 12_000.0,
        "progress": {"fraction": 1.0},
        "failure": None,
        "tags": ["nightly"],
        "forced": False,
        "attempt": 1,
        "dataset": {"name": "panel", "label": "panel v1", "synthetic": False},
        "factor": {"name": "MOMENTUM"},
        "legacyRunId": None,
        "importBatchId": None,
        "importRemarks": [],
        "config": {
            "__typename": "MomentumConfig",
            "breakpoint": 0.5,
            "exclude": [],
            "universe": None,
            "unrecordedFields": [],
            "lookbackPeriods": 3,
        },
    }


async def test_a_failed_run_says_why(graph: Graph, population: Population) -> None:
    data = await graph.ask(
        "query ($id: ID!) { run(id: $id) { status failure { code message }"
        " ... on FactorRun { performance { years } series { name } monthlyReturns { year } compositionDates"
        " composition { date } } } }",
        id=run_id(population.failed),
    )
    assert data["run"] == {
        "status": "FAILED",
        "failure": {"code": "NO_PERIODS", "message": "no period could be formed"},
        "performance": None,
        "series": None,
        "monthlyReturns": None,
        "compositionDates": [],
        "composition": None,
    }


async def test_an_imported_run_tells_what_was_not_recorded(graph: Graph, population: Population) -> None:
    data = await graph.ask(
        """query ($id: String!) { importedRun(factor: SMB, legacyRunId: $id) {
          origin legacyRunId importRemarks importBatchId dataset { id } engineVersion
          config { breakpoint weightingMethod minAssets unrecordedFields }
          performance { sharpeRatio maxDrawdown undefinedMetrics { metric reason detail } }
          series(select: [{transform: ROLLING_SHARPE}, {name: LONG}], maxPoints: 60) {
            windowPeriods sourcePointCount values }
          composition { date } } }""",
        id=population.imported_run_id,
    )
    run = data["importedRun"]
    assert run["origin"] == "IMPORTED"
    assert run["importRemarks"] == ["SUSPECT: the Sharpe ratio contradicts the returns"]
    assert run["importBatchId"] == encode_id("ImportBatch", population.batch_id)
    assert run["dataset"] is run["engineVersion"] is run["composition"] is None
    assert run["config"]["breakpoint"] == 0.3
    assert run["config"]["minAssets"] is None
    assert {"minAssets", "marketCapThreshold"} <= set(run["config"]["unrecordedFields"])
    assert "breakpoint" not in run["config"]["unrecordedFields"]
    first, *later = run["performance"]["undefinedMetrics"]
    assert first == {"metric": "maxDrawdown", "reason": "NOT_RECORDED", "detail": "the log has no value"}
    assert {entry["reason"] for entry in later} == {"NOT_RECORDED"}
    assert {"icMean", "alpha", "extremeReturns"} <= {entry["metric"] for entry in later}
    rolling, long = run["series"]
    assert rolling["windowPeriods"] == 26
    assert long["values"] == [None] * 60


async def test_nodes_of_every_type_are_found(graph: Graph, population: Population) -> None:
    ids = {
        "Factor": encode_id("Factor", "GROWTH"),
        "FactorRun": run_id(population.queued),
        "Dataset": encode_id("Dataset", population.dataset_id),
    }
    for name, node_id in ids.items():
        data = await graph.ask("query ($id: ID!) { node(id: $id) { __typename id } }", id=node_id)
        assert data["node"] == {"__typename": name, "id": node_id}


@pytest.mark.parametrize(
    ("query", "given", "expected"),
    [
        ("node", "no id", InvalidInput),
        ("run", "no id", InvalidInput),
        ("run", encode_id("Dataset", 1), InvalidInput),
        ("run", encode_id("FactorRun", 10**9), RunNotFound),
        ("node", encode_id("FactorRun", 10**9), RunNotFound),
        ("node", encode_id("Dataset", 10**9), NotFound),
        ("node", encode_id("Factor", "ALPHA"), InvalidInput),
        ("node", encode_id("ImportBatch", 1), NotFound),
        ("importBatch", encode_id("ImportBatch", 10**9), NotFound),
    ],
)
async def test_wrong_ids_are_expected_errors(
    graph: Graph, query: str, given: str, expected: type[FactorQLError]
) -> None:
    error = await refusal(graph, f"query ($id: ID!) {{ {query}(id: $id) {{ __typename }} }}", id=given)
    assert type(error) is expected


async def test_what_is_not_there_is_an_expected_error(graph: Graph) -> None:
    error = await refusal(graph, '{ importedRun(factor: SMB, legacyRunId: "x") { id } }')
    assert isinstance(error, RunNotFound)
    error = await refusal(graph, '{ dataset(ref: {name: "nothing"}) { id } }')
    assert isinstance(error, DatasetNotFound)
    error = await refusal(graph, '{ dataset(ref: {id: "nothing"}) { id } }')
    assert isinstance(error, InvalidInput)
    assert error.field_errors[0].path == ("ref", "id")


async def test_health_says_what_waits(graph: Graph, population: Population) -> None:
    data = await graph.ask(
        "{ health { status version schemaRevision storeDialect queuedRuns runningRuns executes } }"
    )
    health = data["health"]
    assert health["status"] == "OK"
    assert (health["queuedRuns"], health["runningRuns"]) == (1, 0)
    assert health["storeDialect"] == graph.services.store.dialect
    assert health["schemaRevision"]
    assert health["executes"] is False


async def test_health_counts_runs_of_every_kind(graph: Graph) -> None:
    store = graph.services.store
    dataset_id = await add_dataset(store)
    for kind in RunKind:
        fetch = kind is RunKind.FETCH
        for number in range(3):
            await launch(
                store,
                None if fetch else dataset_id,
                kind=kind,
                subject="SMB" if kind in (RunKind.FACTOR, RunKind.SWEEP) else None,
                engine_version=None if fetch else "1",
                identity_hash=f"{kind} {number}",
            )
        assert await claim_run(store, WORKER, later(1), kinds=[kind])
    data = await graph.ask("{ health { queuedRuns runningRuns } }")
    assert data["health"] == {"queuedRuns": 2 * len(RunKind), "runningRuns": len(RunKind)}
