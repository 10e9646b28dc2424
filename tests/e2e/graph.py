"""What the tests ask the graph."""

from __future__ import annotations

from typing import Any

from tests.e2e.servers import Server, wait_for

LAUNCH = """
mutation Launch($input: ComputeFactorInput!, $waitSeconds: Float! = 0) {
  computeFactor(input: $input, waitSeconds: $waitSeconds) {
    __typename
    ... on ComputeFactorSuccess { reused run { id status failure { code message } } }
    ... on Error { message code hint }
    ... on InvalidInput { fieldErrors { path code message } }
    ... on MissingField { field }
  }
}
"""
CANCEL = """
mutation Cancel($id: ID!) {
  cancelRun(id: $id) {
    __typename
    ... on CancelRunSuccess { run { id status } }
    ... on Error { message code }
    ... on InvalidInput { fieldErrors { path code } }
  }
}
"""
STATES = """
query States($after: String) {
  factorRuns(first: 100, after: $after) {
    nodes { id status attempt failure { code message } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
RESULTS = """
query Results($id: ID!) {
  run(id: $id) {
    status attempt failure { code }
    ... on FactorRun {
      config { marketCapThreshold }
      performance { numPeriods cumulativeReturn startDate endDate }
      series(select: [{name: FACTOR}, {name: LONG}, {name: SHORT}]) { dates values sampled }
      compositionDates
      composition { date long { asset weight } short { asset weight } }
    }
  }
}
"""
EVENTS = """
subscription Events($runId: ID, $after: String) {
  runEvents(runId: $runId, after: $after) { cursor kind status run { id } }
}
"""
INGEST = """
mutation Ingest($file: Upload!, $name: String!) {
  ingestDataset(file: $file, name: $name) {
    __typename
    ... on IngestDatasetSuccess {
      created
      quality { rowsRead rowsKept rowsRefused rowsMerged counts { code count } refused { line code } }
      dataset { id name version fingerprint fields assetCount dateCount observationCount calendar }
    }
    ... on Error { message code hint }
    ... on InvalidInput { fieldErrors { path code message } }
  }
}
"""
TERMINAL = {"SUCCEEDED", "FAILED", "CANCELED"}


def small_spec(factor: str = "smb", **options: object) -> dict[str, Any]:
    """A factor on the dataset `small`, which has too few assets for the default of `minAssets`."""
    return {factor: {"minAssets": 5, **options}}


def launch(server: Server, *, wait: float = 0, **input_fields: object) -> dict[str, Any]:
    """What computeFactor answers. By default SMB on the dataset `small`."""
    given = {"spec": small_spec(), "dataset": {"name": "small"}, **input_fields}
    return server.ask(LAUNCH, input=given, waitSeconds=wait)["computeFactor"]


def launched(server: Server, **input_fields: object) -> str:
    """The id of a run that was acknowledged."""
    answer = launch(server, **input_fields)
    assert answer["__typename"] == "ComputeFactorSuccess", answer
    return answer["run"]["id"]


def states(server: Server) -> dict[str, dict[str, Any]]:
    """All runs by id."""
    found: dict[str, dict[str, Any]] = {}
    after = None
    while True:
        page = server.ask(STATES, after=after)["factorRuns"]
        found |= {run["id"]: run for run in page["nodes"]}
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def status_of(server: Server, run_id: str) -> str:
    return server.ask("query ($id: ID!) { run(id: $id) { status } }", id=run_id)["run"]["status"]


def ended(server: Server, run_id: str, seconds: float = 20.0) -> str:
    """The status that the run has in the end."""

    def terminal_status() -> str | None:
        status = status_of(server, run_id)
        return status if status in TERMINAL else None

    return wait_for(terminal_status, seconds)


def ingest(server: Server, name: str, file: str, content: bytes) -> dict[str, Any]:
    """What ingestDataset answers to an upload."""
    variables = {"file": None, "name": name}
    return server.upload(INGEST, variables, [("variables.file", file, content)])["ingestDataset"]


def dataset_names(server: Server) -> list[str]:
    nodes = server.ask("{ datasets(first: 100) { nodes { name version } } }")["datasets"]["nodes"]
    return sorted(f"{node['name']} {node['version']}" for node in nodes)
