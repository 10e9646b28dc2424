"""Reading datasets and imports, and deleting datasets."""

from __future__ import annotations

from typing import Any

from app.errors import BadCursor, DatasetNotFound
from app.schema.node_ids import encode_id
from engine.factors.registry import FactorName
from tests.app.schema.graph import Graph, Population, add_dataset, config_of, refusal, run_id
from tests.db.samples import succeeded


async def test_a_dataset_tells_what_it_is_made_of(graph: Graph, population: Population) -> None:
    data = await graph.ask(
        """{ dataset(ref: {name: "panel"}) {
          version current licence calendar fields assetCount firstDate deletedAt
          quality { rowsRead rowsRefused counts { code action count example } refused { line code } notes }
          coverage { field share assets firstDate }
          assets(first: 2) { totalCount nodes { asset attributes { name value } } } } }"""
    )
    dataset = data["dataset"]
    assert dataset["quality"] == {
        "rowsRead": 504,
        "rowsRefused": 1,
        "counts": [{"code": "NEGATIVE", "action": "REFUSED", "count": 1, "example": "line 7"}],
        "refused": [{"line": 7, "code": "NEGATIVE"}],
        "notes": ["a remark"],
    }
    assert dataset["coverage"] == [{"field": "price", "share": 1.0, "assets": 5, "firstDate": "2025-01-01"}]
    assert dataset["calendar"] == "EVERY_DAY"
    assert [node["asset"] for node in dataset["assets"]["nodes"]] == ["ada", "btc"]
    assert dataset["assets"]["nodes"][0]["attributes"] == [{"name": "sector", "value": "L1"}]
    assert dataset["assets"]["totalCount"] == 5


async def test_assets_are_paged_to_the_end(graph: Graph, population: Population) -> None:
    seen, after = [], None
    while True:
        data = await graph.ask(
            """query ($after: String) { dataset(ref: {name: "panel"}) { assets(first: 2, after: $after) {
              edges { cursor node { asset } } pageInfo { hasNextPage hasPreviousPage endCursor } } } }""",
            after=after,
        )
        page = data["dataset"]["assets"]
        seen += [edge["node"]["asset"] for edge in page["edges"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == ["ada", "btc", "eth", "uni", "xrp"]
    result = await graph.execute(
        '{ dataset(ref: {name: "panel"}) { assets(first: 2, after: "x") { totalCount } } }'
    )
    assert result.errors is not None
    assert isinstance(result.errors[0].original_error, BadCursor)


async def test_synthetic_data_says_so_wherever_it_is_named(graph: Graph) -> None:
    store = graph.services.store
    dataset_id = await add_dataset(store, name="invented", synthetic=True)
    await succeeded(store, dataset_id, config=config_of(FactorName.SMB))
    data = await graph.ask(
        "{ latestFactorRuns { dataset { label synthetic } } datasets { nodes { label synthetic } } }"
    )
    label = {"label": "invented v1 (synthetic)", "synthetic": True}
    assert data["latestFactorRuns"] == [{"dataset": label}]
    assert data["datasets"]["nodes"] == [label]


async def test_datasets_are_paged_and_counted(graph: Graph) -> None:
    for number in range(3):
        await add_dataset(graph.services.store, name=f"d{number}", fingerprint=f"f{number}")
    query = """query ($after: String) { datasets(first: 2, after: $after) {
      totalCount nodes { name } pageInfo { hasNextPage endCursor } } }"""
    first = (await graph.ask(query))["datasets"]
    assert [node["name"] for node in first["nodes"]] == ["d2", "d1"]
    assert first["totalCount"] == 3
    rest = (await graph.ask(query, after=first["pageInfo"]["endCursor"]))["datasets"]
    assert [node["name"] for node in rest["nodes"]] == ["d0"]
    assert not rest["pageInfo"]["hasNextPage"]
    assert isinstance(await refusal(graph, query, after="x"), BadCursor)


async def test_imports_are_listed_with_what_they_refused(graph: Graph, population: Population) -> None:
    data = await graph.ask(
        """{ importBatches { totalCount nodes { id source imported repaired merged seriesAttached
             monthlySetsAttached quarantined quarantine { file line raw code reason }
             skipped: quarantine(skip: 1) { line } } }
             factor(name: SMB) { importedMonthlyMetrics { asOfDate rows { metric value formatted } } } }"""
    )
    (batch,) = data["importBatches"]["nodes"]
    assert data["importBatches"]["totalCount"] == 1
    assert batch["id"] == encode_id("ImportBatch", population.batch_id)
    assert (batch["imported"], batch["repaired"], batch["merged"]) == (1, 1, 2)
    assert (batch["seriesAttached"], batch["monthlySetsAttached"], batch["quarantined"]) == (1, 1, 1)
    assert batch["quarantine"] == [
        {
            "file": "smb.csv",
            "line": 3,
            "raw": "a?b",
            "code": "WRONG_COLUMNS",
            "reason": "4 columns, not 14",
        }
    ]
    assert batch["skipped"] == []
    assert data["factor"]["importedMonthlyMetrics"] == [
        {
            "asOfDate": "2024-01-31",
            "rows": [
                {"metric": "Sharpe", "value": 1.2, "formatted": "1.20"},
                {"metric": "Best", "value": None, "formatted": "btc"},
            ],
        }
    ]


DELETE = """mutation ($ref: DatasetRef!) { result: deleteDataset(ref: $ref) {
  __typename ... on DeleteDatasetSuccess { dataset { id name version current deletedAt } }
  ... on Error { message code } ... on InvalidInput { fieldErrors { path code } } } }"""


async def delete(graph: Graph, **ref: str) -> dict[str, Any]:
    return (await graph.ask(DELETE, ref=ref))["result"]


async def test_a_deleted_dataset_is_hidden_and_stays_what_its_runs_were_computed_from(
    graph: Graph, population: Population
) -> None:
    dataset = encode_id("Dataset", population.dataset_id)
    deleted = (await delete(graph, name="panel"))["dataset"]
    assert deleted["deletedAt"] is not None
    shown = {"id": dataset, "name": "panel", "version": 1, "current": False}
    assert deleted == {**shown, "deletedAt": deleted["deletedAt"]}
    data = await graph.ask(
        """query ($id: ID!, $run: ID!) {
          datasets { totalCount }
          dataset(ref: {id: $id}) { ...Shown assets { totalCount } }
          node(id: $id) { ...Shown }
          run(id: $run) { dataset { ...Shown } ... on FactorRun { composition { long { asset } } } }
          factorRuns(where: {dataset: {eq: {id: $id}}, status: {eq: SUCCEEDED}}) { totalCount }
        }
        fragment Shown on Dataset { id name version current deletedAt }""",
        id=dataset,
        run=run_id(population.runs[FactorName.SMB]),
    )
    assert data["datasets"]["totalCount"] == 0
    assert data["dataset"] == {**deleted, "assets": {"totalCount": 5}}
    assert data["node"] == data["run"]["dataset"] == deleted
    assert data["run"]["composition"]["long"][0]["asset"] in {"ada", "btc", "eth", "uni", "xrp"}
    assert data["factorRuns"]["totalCount"] == len(FactorName)


async def test_a_deleted_dataset_is_not_found_by_name_nor_computed_on(
    graph: Graph, population: Population
) -> None:
    dataset = encode_id("Dataset", population.dataset_id)
    await delete(graph, id=dataset)
    assert isinstance(await refusal(graph, '{ dataset(ref: {name: "panel"}) { id } }'), DatasetNotFound)
    for ref in ({"id": dataset}, {"name": "panel"}):
        assert (await delete(graph, **ref))["code"] == "DATASET_NOT_FOUND"
        data = await graph.ask(
            """mutation ($ref: DatasetRef!) {
              computeFactor(input: {spec: {smb: {minAssets: 6}}, dataset: $ref}) { __typename } }""",
            ref=ref,
        )
        assert data["computeFactor"]["__typename"] == "DatasetNotFound"


async def test_the_name_of_a_deleted_version_stands_for_the_newest_left(graph: Graph) -> None:
    for number in range(2):
        await add_dataset(graph.services.store, name="panel", fingerprint=f"f{number}")
    assert (await delete(graph, name="panel"))["dataset"]["version"] == 2
    left = (await graph.ask('{ dataset(ref: {name: "panel"}) { version current } }'))["dataset"]
    assert left == {"version": 1, "current": True}


async def test_what_is_no_dataset_cannot_be_deleted(graph: Graph, population: Population) -> None:
    refused = await delete(graph, id=run_id(population.queued))
    assert refused["fieldErrors"] == [{"path": ["ref", "id"], "code": "INVALID_ID"}]
    unknown = encode_id("Dataset", 10**9)
    refused = await delete(graph, id=unknown)
    assert (refused["__typename"], unknown in refused["message"]) == ("DatasetNotFound", True)
    assert (await delete(graph, name="nobody"))["__typename"] == "DatasetNotFound"
