"""Changing things through the graph; nothing is computed here."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import DatasetUnavailable
from app.features.factors.graph import compute as compute_module
from app.schema.node_ids import encode_id
from db.runs.read import get_runs
from engine.factors.registry import FactorName
from tests.app.schema.graph import Graph, Population, add_dataset, run_id

COMPUTE = """mutation ($input: ComputeFactorInput!, $wait: Float! = 0) {
  computeFactor(input: $input, waitSeconds: $wait) {
    __typename
    ... on ComputeFactorSuccess { reused run { id status tags note dataset { name } config { minAssets } } }
    ... on Error { message code hint }
    ... on InvalidInput { fieldErrors { path code message } }
    ... on MissingField { field } } }"""


async def compute(graph: Graph, wait: float = 0, **given: Any) -> dict[str, Any]:
    return (await graph.ask(COMPUTE, input=given, wait=wait))["computeFactor"]


def paths(result: dict[str, Any]) -> list[list[str]]:
    assert result["__typename"] == "InvalidInput", result
    return [fault["path"] for fault in result["fieldErrors"]]


# -- computeFactor -----------------------------------------------------------------------------------------


async def test_a_launched_run_waits_and_is_reused(graph: Graph) -> None:
    await add_dataset(graph.services.store)
    first = await compute(graph, spec={"smb": {"minAssets": 5}}, tags=["b", "a"], note="mine")
    assert first["__typename"] == "ComputeFactorSuccess"
    assert first["reused"] is False
    assert first["run"] | {"id": ""} == {
        "id": "",
        "status": "QUEUED",
        "tags": ["a", "b"],
        "note": "mine",
        "dataset": {"name": "panel"},
        "config": {"minAssets": 5},
    }
    again = await compute(graph, spec={"smb": {"minAssets": 5, "startDate": None}})
    assert again["reused"] is True
    assert again["run"]["id"] == first["run"]["id"]
    forced = await compute(graph, spec={"smb": {"minAssets": 5}}, force=True)
    assert forced["reused"] is False
    assert forced["run"]["id"] != first["run"]["id"]


async def test_the_live_run_is_returned_when_the_time_is_over(graph: Graph) -> None:
    await add_dataset(graph.services.store)
    result = await compute(graph, wait=0.05, spec={"smb": {}})
    assert result["run"]["status"] == "QUEUED"


async def test_faults_of_options_are_told_at_their_places(graph: Graph) -> None:
    await add_dataset(graph.services.store)
    result = await compute(
        graph, spec={"momentumV2": {"lookbackDays": 1, "minAssets": None, "maxWeight": 2.0}}
    )
    places = [["input", "spec", "momentumV2", name] for name in ("minAssets", "maxWeight", "lookbackDays")]
    assert sorted(paths(result)) == sorted(places)
    assert "lookbackDays must be from 2 to 365" in result["message"]
    assert "_" not in result["message"]
    assert result["code"] == "INVALID_INPUT"
    assert paths(await compute(graph, spec={"market": {"topN": 5, "minAssets": 6}})) == [
        ["input", "spec", "market", "minAssets"]
    ]
    assert paths(await compute(graph, spec={"smb": {"exclude": ["nothing"]}})) == [
        ["input", "spec", "smb", "exclude"]
    ]


async def test_faults_of_other_inputs_are_told_at_their_places(graph: Graph) -> None:
    await add_dataset(graph.services.store)
    smb: dict[str, Any] = {"spec": {"smb": {}}}
    assert paths(await compute(graph, **smb, tags=["x" * 51])) == [["input", "tags"]]
    assert paths(await compute(graph, **smb, note="x" * 2001)) == [["input", "note"]]
    assert paths(await compute(graph, **smb, dataset={"id": "nothing"})) == [["input", "dataset", "id"]]
    assert paths(await compute(graph, 30.5, **smb)) == [["waitSeconds"]]
    assert paths(await compute(graph, -1, **smb)) == [["waitSeconds"]]
    await add_dataset(graph.services.store, name="second", fingerprint="f2")
    assert paths(await compute(graph, **smb)) == [["input", "dataset"]]


async def test_a_dataset_must_exist(graph: Graph) -> None:
    result = await compute(graph, spec={"smb": {}})
    assert result["__typename"] == "DatasetNotFound"
    result = await compute(graph, spec={"smb": {}}, dataset={"name": "nothing"})
    assert (result["__typename"], result["code"]) == ("DatasetNotFound", "DATASET_NOT_FOUND")


async def test_a_missing_field_is_named(graph: Graph) -> None:
    await add_dataset(graph.services.store, fields=("price", "market_cap"))
    result = await compute(graph, spec={"value": {}})
    assert (result["__typename"], result["field"]) == ("MissingField", "fees")
    result = await compute(graph, spec={"smb": {}})
    assert (result["__typename"], result["field"]) == ("MissingField", "volume")
    assert "liquidityThreshold" in result["message"]
    result = await compute(graph, spec={"smb": {"liquidityThreshold": None}})
    assert result["__typename"] == "ComputeFactorSuccess"


async def test_a_full_queue_refuses(graph: Graph) -> None:
    await add_dataset(graph.services.store)
    settings = graph.services.settings.model_copy(update={"max_queued_runs": 1})
    narrow = Graph(
        graph.schema, type(graph.services)(settings, graph.services.store, graph.services.events, None)
    )
    assert (await compute(narrow, spec={"smb": {}}))["__typename"] == "ComputeFactorSuccess"
    assert (await compute(narrow, spec={"growth": {}}))["__typename"] == "QueueFull"
    assert (await compute(narrow, spec={"smb": {}}))["reused"] is True


async def test_an_error_that_is_no_member_of_the_result_is_a_graphql_error(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def launch(*_arguments: object, **_options: object) -> None:
        raise DatasetUnavailable("gone")

    monkeypatch.setattr(compute_module, "launch_factor", launch)
    result = await graph.execute(COMPUTE, input={"spec": {"smb": {}}})
    assert result.errors is not None
    assert isinstance(result.errors[0].original_error, DatasetUnavailable)


# -- runs --------------------------------------------------------------------------------------------------

FAULTS = "... on Error { message code hint } ... on InvalidInput { fieldErrors { path code } }"
RUN_MUTATIONS = {
    "cancelRun": f"""mutation ($id: ID!) {{ result: cancelRun(id: $id) {{
      __typename ... on CancelRunSuccess {{ run {{ id status }} }} {FAULTS} }} }}""",
    "deleteRun": f"""mutation ($id: ID!) {{ result: deleteRun(id: $id) {{
      __typename ... on DeleteRunSuccess {{ deletedId }} {FAULTS} }} }}""",
    "annotateRun": f"""mutation ($id: ID!, $tags: [String!], $note: String) {{
      result: annotateRun(id: $id, tags: $tags, note: $note) {{
        __typename ... on AnnotateRunSuccess {{ run {{ tags note }} }} {FAULTS} }} }}""",
}


async def change(graph: Graph, mutation: str, given: str, **variables: Any) -> dict[str, Any]:
    return (await graph.ask(RUN_MUTATIONS[mutation], id=given, **variables))["result"]


@pytest.mark.parametrize("mutation", RUN_MUTATIONS)
async def test_wrong_ids_are_typed(graph: Graph, mutation: str) -> None:
    garbage = await change(graph, mutation, "garbage")
    assert garbage["__typename"] == "InvalidInput"
    assert garbage["fieldErrors"] == [{"path": ["id"], "code": "INVALID_ID"}]
    assert (await change(graph, mutation, encode_id("Dataset", 1)))["__typename"] == "InvalidInput"
    unknown = await change(graph, mutation, encode_id("FactorRun", 10**9))
    assert (unknown["__typename"], unknown["code"]) == ("RunNotFound", "RUN_NOT_FOUND")


async def test_a_waiting_run_is_canceled_once(graph: Graph, population: Population) -> None:
    queued = run_id(population.queued)
    result = await change(graph, "cancelRun", queued)
    assert result["run"] == {"id": queued, "status": "CANCELED"}
    result = await change(graph, "cancelRun", queued)
    assert result["__typename"] == "RunNotCancelable"


async def test_an_ended_run_is_deleted_with_its_results(graph: Graph, population: Population) -> None:
    done = population.runs[FactorName.SMB]
    assert (await change(graph, "deleteRun", run_id(population.queued)))["__typename"] == "RunNotDeletable"
    assert (await change(graph, "deleteRun", run_id(done)))["deletedId"] == run_id(done)
    assert await get_runs(graph.services.store, [done.id]) == {}
    assert (await change(graph, "deleteRun", run_id(done)))["__typename"] == "RunNotFound"


async def test_tags_and_notes_change_only_where_they_are_given(graph: Graph, population: Population) -> None:
    queued = run_id(population.queued)
    for given, expected in (
        ({}, {"tags": ["a", "b"], "note": "waits"}),
        ({"tags": ["z", " z "]}, {"tags": ["z"], "note": "waits"}),
        ({"note": None}, {"tags": ["z"], "note": None}),
        ({"tags": None, "note": "new"}, {"tags": [], "note": "new"}),
    ):
        assert (await change(graph, "annotateRun", queued, **given))["run"] == expected
    refused = await change(graph, "annotateRun", queued, tags=[""])
    assert refused["fieldErrors"] == [{"path": ["tags"], "code": "OUT_OF_RANGE"}]
