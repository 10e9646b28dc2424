"""Launching, listing and following risk models as clients do."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import RunNotFound
from app.schema.node_ids import encode_id
from db.errors import CorruptBlob
from db.records import RunKind, RunRecord, RunResults
from db.runs.read import get_runs
from tests.app.modelling import panel
from tests.app.schema.graph import Graph, refusal
from tests.app.schema.modelling import add_model_dataset, model_id
from tests.db.samples import later, new_document, succeeded

PARTS = ("RISK_FACTOR_RETURNS", "RISK_COVERAGE", "RISK_COVARIANCE")
BUILD = """mutation ($input: BuildRiskModelInput!) { buildRiskModel(input: $input) {
  __typename
  ... on BuildRiskModelSuccess { reused run { id status tags note forced dataset { name }
    config { mode winsor maxAbsReturn startDate styles { style factor winsor
        ... on MomentumStyle { lag halfLife } ... on ValueStyle { book sales measure }
        ... on SizeStyle { tailShare } }
      universe { topN minHistoryRows liquidityThreshold }
      covariance { eigenfactor regimeHalfLife volatilityLags }
      specific { shrinkage regimeHalfLife } } } }
  ... on Error { message code hint }
  ... on InvalidInput { fieldErrors { path code message } }
  ... on MissingField { field }
} }"""


@pytest.fixture
async def dataset(graph: Graph) -> str:
    return (await add_model_dataset(graph.services, panel())).name


async def build(graph: Graph, **input: Any) -> dict[str, Any]:
    return (await graph.ask(BUILD, input=input))["buildRiskModel"]


async def faults(graph: Graph, **input: Any) -> list[tuple[list[str], str]]:
    found = await build(graph, **input)
    assert found["__typename"] == "InvalidInput", found
    return [(one["path"], one["code"]) for one in found["fieldErrors"]]


# -- launching ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("dataset")
async def test_the_defaults_are_launched_once(graph: Graph) -> None:
    first = await build(graph, tags=["b", "a", "b"], note="mine")
    run = first["run"]
    assert (first["reused"], run["status"], run["tags"], run["note"]) == (False, "QUEUED", ["a", "b"], "mine")
    assert run["dataset"] == {"name": "stocks"}
    assert run["config"]["styles"] is None
    assert (run["config"]["mode"], run["config"]["winsor"], run["config"]["maxAbsReturn"]) == (
        "JOINT",
        0.05,
        10.0,
    )
    again = await build(graph, config={"winsor": 0.05, "styles": None, "universe": {}}, dataset=None)
    assert (again["reused"], again["run"]["id"], again["run"]["note"]) == (True, run["id"], "mine")
    forced = await build(graph, force=True)
    assert (forced["reused"], forced["run"]["forced"]) == (False, True)
    other = await build(graph, config={"winsor": 0.04})
    assert len({run["id"], forced["run"]["id"], other["run"]["id"]}) == 3


@pytest.mark.usefixtures("dataset")
async def test_every_kind_of_option_arrives(graph: Graph) -> None:
    found = await build(
        graph,
        config={
            "mode": "TORANIKO_RAW",
            "maxAbsReturn": None,
            "startDate": "2015-02-01",
            "styles": [
                {"momentum": {"lag": 5, "winsor": 0.02}},
                {"size": {"tailShare": 0.2}},
                {"value": {"book": "other", "sales": None, "measure": "RATIOS"}},
                {"user": {"name": "MINE", "field": "signal"}},
            ],
            "universe": {"topN": 30, "minHistoryRows": 0},
            "covariance": {"eigenfactor": "OFF", "regimeHalfLife": None},
            "specific": {"shrinkage": 0.2},
        },
        dataset={"name": "stocks"},
    )
    shown = found["run"]["config"]
    momentum, size, value, mine = shown["styles"]
    assert momentum == {
        "style": "MOMENTUM",
        "factor": "MOMENTUM",
        "winsor": 0.02,
        "lag": 5,
        "halfLife": 126.0,
    }
    assert size == {"style": "SIZE", "factor": "SIZE", "winsor": 0.01, "tailShare": 0.2}
    assert (value["book"], value["sales"], value["measure"]) == ("other", None, "RATIOS")
    assert mine == {"style": "USER", "factor": "MINE", "winsor": 0.01}
    assert (shown["mode"], shown["maxAbsReturn"], shown["startDate"]) == ("TORANIKO_RAW", None, "2015-02-01")
    assert shown["universe"] == {"topN": 30, "minHistoryRows": 0, "liquidityThreshold": None}
    assert shown["covariance"] == {"eigenfactor": "OFF", "regimeHalfLife": None, "volatilityLags": 5}
    assert shown["specific"] == {"shrinkage": 0.2, "regimeHalfLife": 42.0}


@pytest.mark.usefixtures("dataset")
async def test_every_fault_points_into_the_input(graph: Graph) -> None:
    found = await faults(
        graph,
        config={
            "winsor": 0.5,
            "universe": {"topN": 0},
            "covariance": None,
            "specific": {"halfLife": 0.5, "sizeGroups": None},
            "styles": [
                {"size": {}},
                {"momentum": {"lag": -1, "minShare": 2}},
                {"beta": {"minObservations": 100, "trailingDays": 50}},
                {"residualVolatility": {"halfLife": 0}},
            ],
        },
    )
    at = ["input", "config"]
    assert sorted(found) == sorted(
        [
            ([*at, "winsor"], "OUT_OF_RANGE"),
            ([*at, "universe", "topN"], "OUT_OF_RANGE"),
            ([*at, "covariance"], "NOT_NULLABLE"),
            ([*at, "specific", "halfLife"], "OUT_OF_RANGE"),
            ([*at, "specific", "sizeGroups"], "NOT_NULLABLE"),
            ([*at, "styles", "1", "momentum", "lag"], "OUT_OF_RANGE"),
            ([*at, "styles", "1", "momentum", "minShare"], "OUT_OF_RANGE"),
            ([*at, "styles", "2", "beta", "minObservations"], "EXCEEDS_WINDOW"),
            ([*at, "styles", "3", "residualVolatility", "halfLife"], "OUT_OF_RANGE"),
        ]
    )


@pytest.mark.usefixtures("dataset")
async def test_single_faults(graph: Graph) -> None:
    at = ["input", "config"]
    span = {"startDate": "2016-01-01", "endDate": "2015-01-01"}
    assert await faults(graph, config=span) == [([*at, "endDate"], "END_BEFORE_START")]
    assert await faults(graph, config={"styles": [{"size": {}}, {"size": {}}]}) == [
        ([*at, "styles"], "DUPLICATE")
    ]
    named = {"styles": [{"user": {"name": "S1", "field": "signal"}}]}
    assert await faults(graph, config=named) == [([*at, "styles"], "DUPLICATE")]  # as a sector is
    many = {"styles": [{"user": {"name": f"U{at}", "field": "signal"}} for at in range(51)]}
    assert await faults(graph, config=many) == [([*at, "styles"], "TOO_MANY")]
    assert await faults(graph, tags=["x" * 51]) == [(["input", "tags"], "OUT_OF_RANGE")]
    assert await faults(graph, dataset={"id": encode_id("FactorRun", 1)}) == [
        (["input", "dataset", "id"], "INVALID_ID")
    ]
    found = await build(graph, config={"covariance": {"volatilityHalfLife": 0}})
    assert found["fieldErrors"][0]["message"] == (
        "covariance.volatilityHalfLife must be from 1 to 10000, not 0.0"
    )


@pytest.mark.usefixtures("dataset")
async def test_what_the_dataset_lacks_is_told_at_once(graph: Graph) -> None:
    for config, field in (
        ({"styles": [{"liquidity": {}}]}, "volume"),
        ({"universe": {"liquidityThreshold": 1e6}}, "volume"),
        ({"styles": [{"user": {"name": "U", "field": "karma"}}]}, "karma"),
        ({"styles": [{"value": {"book": "a", "sales": None, "cashFlow": "b"}}]}, "a or b"),
    ):
        found = await build(graph, config=config)
        assert (found["__typename"], found["field"]) == ("MissingField", field)
        assert found["hint"] == "it has price, market_cap, signal, other"
    found = await build(graph, dataset={"name": "none"})
    assert found["__typename"] == "DatasetNotFound"


@pytest.mark.usefixtures("dataset")
async def test_waiting_is_bounded(graph: Graph) -> None:
    query = "mutation ($wait: Float!) { buildRiskModel(input: {}, waitSeconds: $wait) { __typename } }"
    for seconds in (-1.0, 31.0):
        assert await graph.ask(query, wait=seconds) == {"buildRiskModel": {"__typename": "InvalidInput"}}


# -- lists, cancelling, deleting, notes, events ------------------------------------------------------------


async def test_risk_models_come_in_pages(graph: Graph, dataset: str, model: RunRecord) -> None:
    ids = [
        (await build(graph, dataset={"name": dataset}, config={"seed": seed}))["run"]["id"] for seed in (1, 2)
    ]
    query = """query ($where: RiskModelRunWhere, $order: [RiskModelRunOrder!], $first: Int!, $after: String) {
      riskModelRuns(where: $where, orderBy: $order, first: $first, after: $after) {
        totalCount nodes { id } edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }"""
    page = (await graph.ask(query, first=2))["riskModelRuns"]
    assert [node["id"] for node in page["nodes"]] == [ids[1], ids[0]]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, True)
    rest = (await graph.ask(query, first=2, after=page["pageInfo"]["endCursor"]))["riskModelRuns"]
    assert [edge["node"]["id"] for edge in rest["edges"]] == [model_id(model)]
    for where, expected in (
        ({"status": {"eq": "SUCCEEDED"}}, [model_id(model)]),
        ({"tag": {"eq": "modelled"}}, [model_id(model)]),
        ({"status": {"eq": "QUEUED"}}, [ids[1], ids[0]]),
        (
            {"dataset": {"eq": {"name": dataset}}, "finishedAt": {"gte": "2020-01-01T00:00:00Z"}},
            [model_id(model)],
        ),
        (None, [ids[1], ids[0], model_id(model)]),
    ):
        page = (await graph.ask(query, first=9, where=where))["riskModelRuns"]
        assert [node["id"] for node in page["nodes"]] == expected, where
        assert page["totalCount"] == len(expected)
    oldest = [{"field": "ID", "direction": "ASC"}]
    page = (await graph.ask(query, first=9, order=oldest))["riskModelRuns"]
    assert [node["id"] for node in page["nodes"]] == [model_id(model), *ids]
    assert (await graph.execute(query, first=101)).errors


async def test_lists_of_other_runs_have_none(graph: Graph, model: RunRecord) -> None:
    found = await graph.ask("{ factorRuns { totalCount } sweepRuns { totalCount } fetchRuns { totalCount } }")
    assert [one["totalCount"] for one in found.values()] == [0, 0, 0]


async def test_a_risk_model_is_a_node_and_a_run(graph: Graph, model: RunRecord) -> None:
    query = """query ($id: ID!) { node(id: $id) { __typename id }
      run(id: $id) { __typename origin dataset { name } engineVersion } }"""
    found = await graph.ask(query, id=model_id(model))
    assert found["node"] == {"__typename": "RiskModelRun", "id": model_id(model)}
    assert found["run"]["__typename"] == "RiskModelRun"
    assert found["run"]["dataset"] == {"name": "stocks"}
    query = "query ($id: ID!) { run(id: $id) { id } }"
    error = await refusal(graph, query, id=encode_id("FactorRun", model.id))
    assert isinstance(error, RunNotFound)
    error = await refusal(graph, query, id=encode_id("RiskModelRun", 10**9))
    assert str(error) == "there is no risk model 1000000000"


async def test_runs_are_annotated_canceled_and_deleted(graph: Graph, dataset: str, model: RunRecord) -> None:
    waiting = (await build(graph, dataset={"name": dataset}))["run"]["id"]
    query = """mutation ($waiting: ID!, $done: ID!) {
      annotateRun(id: $done, tags: ["new"], note: "seen") { ... on AnnotateRunSuccess { run { tags note } } }
      refused: cancelRun(id: $done) { __typename }
      cancelRun(id: $waiting) { ... on CancelRunSuccess { run { __typename status } } }
      deleteRun(id: $done) { __typename } }"""
    found = await graph.ask(query, waiting=waiting, done=model_id(model))
    assert found == {
        "annotateRun": {"run": {"tags": ["new"], "note": "seen"}},
        "refused": {"__typename": "RunNotCancelable"},
        "cancelRun": {"run": {"__typename": "RiskModelRun", "status": "CANCELED"}},
        "deleteRun": {"__typename": "DeleteRunSuccess"},
    }
    assert await get_runs(graph.services.store, [model.id]) == {}
    assert list(graph.services.settings.artifacts_dir.iterdir()) == []


async def test_a_risk_model_is_followed(graph: Graph, dataset: str) -> None:
    run = (await build(graph, dataset={"name": dataset}))["run"]["id"]
    query = """subscription ($id: ID) { runEvents(runId: $id) {
      kind status run { __typename ... on RiskModelRun { factors { name } } } } }"""
    results = graph.subscribe(query, id=run)
    first = (await anext(results)).data["runEvents"]
    await results.aclose()
    assert first == {
        "kind": "SNAPSHOT",
        "status": "QUEUED",
        "run": {"__typename": "RiskModelRun", "factors": None},
    }


async def test_a_damaged_model_leaves_the_others(graph: Graph, model: RunRecord) -> None:
    """Of two models in one page, one has lost its documents' sense."""
    damaged = await succeeded(
        graph.services.store,
        model.dataset_id or 0,
        RunResults(documents=(new_document("RISK_MODEL"), *map(new_document, PARTS))),
        at=later(60),
        kind=RunKind.RISK_MODEL,
        subject=None,
        config={},
        identity_hash="damaged",
    )
    result = await graph.execute("{ riskModelRuns { nodes { id status factors { name } } } }")
    assert result.data is not None
    bad, good = result.data["riskModelRuns"]["nodes"]
    assert (bad["id"], bad["factors"]) == (encode_id("RiskModelRun", damaged.id), None)
    assert len(good["factors"]) == 6
    assert result.errors is not None
    (error,) = result.errors
    assert isinstance(error.original_error, CorruptBlob)
