"""Files uploaded by a client of the GraphQL multipart request specification, and what comes of them."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.e2e.graph import ingest, launch, small_spec
from tests.e2e.panels import panel_csv
from tests.e2e.servers import OWN_REQUEST, Server

pytestmark = pytest.mark.slow

IMPORT = """
mutation Import($files: [Upload!]!, $dryRun: Boolean! = false) {
  importFactorLogs(files: $files, dryRun: $dryRun) {
    __typename
    ... on ImportFactorLogsSuccess {
      ignoredFiles
      batch { id imported unchanged quarantined seriesAttached quarantine { file line raw code } }
    }
    ... on Error { message code }
    ... on InvalidInput { fieldErrors { path code } }
  }
}
"""
LOG = (
    b"run_id,factor,breakpoint,min_assets,weighting_method,cumulative_returns,annualized_return\n"
    b"20240301_101500,value,0.5,30,equal,0.42,0.093\n"
    b"20240302_1015"
)


def test_an_uploaded_panel_is_computed_and_the_same_upload_is_the_same_dataset(server: Server) -> None:
    content = panel_csv(seed=21, assets=10, days=120)
    first = ingest(server, "uploaded", "panel.csv", content)
    assert first["created"] is True
    dataset = first["dataset"]
    assert (dataset["name"], dataset["version"]) == ("uploaded", 1)
    assert (dataset["assetCount"], dataset["dateCount"], dataset["observationCount"]) == (10, 120, 1200)
    assert dataset["fields"] == ["dau", "fees", "market_cap", "price", "revenue", "volume"]

    for file, same in (
        ("panel.csv", content),
        ("renamed.csv", content),
        ("panel.csv.gz", gzip.compress(content)),
        ("panel.csv", content.replace(b"\n", b"\r\n")),
    ):
        again = ingest(server, "uploaded", file, same)
        assert again["created"] is False
        assert again["dataset"]["id"] == dataset["id"]
    newer = ingest(server, "uploaded", "panel.csv", panel_csv(seed=22, assets=10, days=120))
    assert (newer["created"], newer["dataset"]["version"]) == (True, 2)

    query = (
        "query ($ref: DatasetRef!) { dataset(ref: $ref) { version current source assets { totalCount } } }"
    )
    by_id = server.ask(query, ref={"id": dataset["id"]})["dataset"]
    assert by_id == {"version": 1, "current": False, "source": "panel.csv", "assets": {"totalCount": 10}}
    assert server.ask(query, ref={"name": "uploaded"})["dataset"]["version"] == 2
    for ref in ({"id": dataset["id"]}, {"name": "uploaded"}):
        answer = launch(server, spec=small_spec("momentum"), dataset=ref, wait=20)
        assert answer["run"]["status"] == "SUCCEEDED", answer


def test_uploaded_logs_are_imported_once_and_can_be_queried(server: Server) -> None:
    def import_logs(**variables: object) -> dict[str, Any]:
        files = [("variables.files.0", "value.csv", LOG), ("variables.files.1", "README.md", b"# logs\n")]
        return server.upload(IMPORT, {"files": [None, None], **variables}, files)["importFactorLogs"]

    imported = '{ importedRun(factor: VALUE, legacyRunId: "20240301_101500") { status origin'
    imported += " performance { cumulativeReturn annualizedReturn sharpeRatio } dataset { name } } }"
    dry = import_logs(dryRun=True)
    assert dry["__typename"] == "ImportFactorLogsSuccess", dry
    assert (dry["batch"]["id"], dry["batch"]["imported"]) == (None, 1)
    missing = server.post(imported).json()
    assert missing["data"]["importedRun"] is None

    done = import_logs()
    assert done["ignoredFiles"] == ["README.md"]
    assert (done["batch"]["imported"], done["batch"]["quarantined"]) == (1, 1)
    (line,) = done["batch"]["quarantine"]
    assert (line["file"], line["line"], line["raw"]) == ("value.csv", 3, "20240302_1015")
    assert server.ask(imported)["importedRun"] == {
        "status": "SUCCEEDED",
        "origin": "IMPORTED",
        "performance": {"cumulativeReturn": 0.42, "annualizedReturn": 0.093, "sharpeRatio": None},
        "dataset": None,
    }
    again = import_logs()
    assert (again["batch"]["imported"], again["batch"]["unchanged"]) == (0, 1)
    batches = server.ask("{ importBatches { nodes { id imported } } }")["importBatches"]["nodes"]
    assert batches == [{"id": done["batch"]["id"], "imported": 1}]


UPLOAD = 'mutation ($file: Upload!) { ingestDataset(file: $file, name: "x") { __typename } }'
FORM = {
    "operations": json.dumps({"query": UPLOAD, "variables": {"file": None}}),
    "map": json.dumps({"0": ["variables.file"]}),
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"operations": "{"}, "not valid JSON"),
        ({"operations": "[]"}, "JSON objects"),
        ({"map": None}, "needs the field map"),
        ({"map": '{"0": ["variables.nothing.file"]}'}, "variables.nothing.file"),
        ({"map": '{"0": ["query"]}'}, "'query'"),
        ({"map": '{"1": ["variables.file"]}'}, "no file of this form"),
        ({"map": '{"0": "variables.file"}'}, "list of places"),
    ],
)
def test_a_form_that_does_not_follow_the_specification_is_a_bad_request(
    server: Server, changes: dict[str, str | None], words: str
) -> None:
    form = {name: value for name, value in (FORM | changes).items() if value is not None}
    files = {"0": ("p.csv", panel_csv(days=3))}
    response = server.client.post(f"{server.url}/graphql", data=form, files=files, headers=OWN_REQUEST)
    assert response.status_code == 400
    assert words in response.json()["errors"][0]["message"]


def test_a_form_that_another_site_could_send_is_refused(server: Server) -> None:
    files = {"0": ("p.csv", panel_csv(days=3))}
    response = server.client.post(f"{server.url}/graphql", data=FORM, files=files)
    assert response.status_code == 403
    foreign = OWN_REQUEST | {"origin": "https://elsewhere.example"}
    response = server.client.post(f"{server.url}/graphql", data=FORM, files=files, headers=foreign)
    assert response.status_code == 403
    body = {"query": UPLOAD, "variables": {"file": "/etc/passwd"}}
    response = server.client.post(f"{server.url}/graphql", json=body).json()
    assert response["data"]["ingestDataset"]["__typename"] == "InvalidInput"
