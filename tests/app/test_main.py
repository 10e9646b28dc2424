"""The application as a client meets it: routes, life, and one computation from upload to result."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from app.boundary.server import uvicorn_options
from app.context import Services
from app.datasets.sample import sample_panel_path
from app.main import create_app
from app.runs.events import EventHub
from app.schema.node_ids import encode_id
from app.settings import Settings
from db.store import Store


def settings_of(folder: Path, **values: object) -> Settings:
    return Settings(data_dir=folder, max_concurrent_runs=1, _env_file=None, **values)


@asynccontextmanager
async def without_executor(settings: Settings, *, execute: bool) -> AsyncIterator[Services]:
    assert execute
    settings.data_dir.mkdir(exist_ok=True)
    async with await Store.open(settings.store_url) as store:
        events = EventHub(store)
        yield Services(settings, store, events, executor=None)
        await events.close()


@contextmanager
def serving(settings: Settings, **options: Any) -> Iterator[httpx.Client]:
    """A client of the application, which runs in a thread on a free loopback port."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(settings, **options)
    config = uvicorn.Config(app, **uvicorn_options(settings), log_level="critical", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            thread.join(0.005)
        assert server.started, "the application did not start"
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


@contextmanager
def websocket(client: httpx.Client) -> Iterator[ClientConnection]:
    """An initialised connection to the graph."""
    url = str(client.base_url.copy_with(scheme="ws", path="/graphql"))
    with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as connection:
        connection.send(json.dumps({"type": "connection_init"}))
        assert json.loads(connection.recv(timeout=30))["type"] == "connection_ack"
        yield connection


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    """Quick: nothing is computed."""
    with serving(settings_of(tmp_path), services_factory=without_executor) as client:
        yield client


def ask(client: httpx.Client, query: str, **variables: Any) -> dict[str, Any]:
    response = client.post("/graphql", json={"query": query, "variables": variables})
    assert response.status_code == 200, response.text
    body = response.json()
    assert "errors" not in body, body
    return body["data"]


def test_a_browser_finds_the_dashboard(client: httpx.Client) -> None:
    page = client.get("/", headers={"accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    script = next(part for part in page.text.split('"') if part.endswith("/main.js"))
    assert client.get(f"/{script}").status_code == 200


def test_a_browser_finds_graphiql(client: httpx.Client) -> None:
    page = client.get("/graphql", headers={"accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    script = next(part for part in page.text.split('"') if part.endswith(".js"))
    assert client.get(f"/{script}").status_code == 200


def test_a_query_is_answered(client: httpx.Client) -> None:
    assert len(ask(client, "{ factors { name } }")["factors"]) == 6
    response = client.get("/graphql", params={"query": "{ factors { name } }"})
    assert len(response.json()["data"]["factors"]) == 6


def test_health_tells_what_works_and_no_secret(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, api_token="the-token-of-the-test")
    with serving(settings, services_factory=without_executor) as client:
        response = client.get("/health")
        assert response.status_code == 200
        assert response.json()["status"] == "healthy"
        assert "the-token-of-the-test" not in response.text
        assert str(tmp_path) not in response.text
        assert client.post("/graphql", json={"query": "{ factors { name } }"}).status_code == 401


def test_health_is_503_while_the_store_does_not_answer(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(_engine: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr("app.health.schema_revision", unreachable)
    response = client.get("/health")
    assert response.status_code == 503
    assert response.json()["status"] == "unhealthy"
    assert ask(client, "{ health { status queuedRuns } }")["health"] == {
        "status": "DEGRADED",
        "queuedRuns": None,
    }


def test_expected_errors_have_codes(client: httpx.Client) -> None:
    for query, code in (
        ('{ run(id: "x") { id } }', "BAD_USER_INPUT"),
        ('{ dataset(ref: {name: "x"}) { id } }', "NOT_FOUND"),
        ('{ factorRuns(after: "x") { nodes { id } } }', "BAD_CURSOR"),
        ("{ factorRuns(first: 101) { nodes { id } } }", "LIMIT_EXCEEDED"),
        ("{ nothing }", "BAD_USER_INPUT"),
    ):
        (error,) = client.post("/graphql", json={"query": query}).json()["errors"]
        assert error["extensions"]["code"] == code, error


def test_two_operations_of_a_socket_share_nothing_but_the_services(client: httpx.Client) -> None:
    with websocket(client) as connection:
        for number in ("1", "2"):
            subscribe(connection, number, "{ factors { runs { totalCount } } }")
            assert [event["factors"][0] for event in events(connection, number)] == [
                {"runs": {"totalCount": 0}}
            ]


def test_a_subscription_that_cannot_be_served_says_why(client: httpx.Client) -> None:
    unknown = encode_id("FactorRun", 10**9)
    with websocket(client) as connection:
        for number, (arguments, code) in enumerate(
            (
                ('runId: "garbage"', "BAD_USER_INPUT"),
                (f'runId: "{unknown}"', "NOT_FOUND"),
                ('after: "garbage"', "BAD_CURSOR"),
            )
        ):
            subscribe(connection, str(number), f"subscription {{ runEvents({arguments}) {{ cursor }} }}")
            message = json.loads(connection.recv(timeout=30))
            errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
            assert [error["extensions"]["code"] for error in errors] == [code], message
            if message["type"] == "next":
                assert json.loads(connection.recv(timeout=30)) == {"id": str(number), "type": "complete"}


# -- from upload to result ---------------------------------------------------------------------------------

INGEST = """mutation ($file: Upload!) { ingestDataset(file: $file, name: "sample", synthetic: true) {
  ... on IngestDatasetSuccess { dataset { id assetCount } } ... on Error { message } } }"""

COMPUTE = """mutation ($spec: FactorSpec!, $wait: Float!) {
  computeFactor(input: {spec: $spec}, waitSeconds: $wait) {
    ... on ComputeFactorSuccess { reused run { id status failure { message }
      performance { numPeriods sharpeRatio } dataset { label } } }
    ... on Error { message } } }"""

RESULT = """query ($id: ID!) { run(id: $id) { status durationMs ... on FactorRun {
  series(select: [{transform: GROWTH_OF_100}, {name: SHORT}]) { dates values }
  composition { long { asset weight } short { asset weight } } compositionDates
  monthlyReturns { year month return } } } }"""


def test_a_computation_from_upload_to_result(tmp_path: Path) -> None:
    with serving(settings_of(tmp_path)) as client:
        assert upload_sample(client)["assetCount"] == 60
        done = ask(client, COMPUTE, spec={"momentum": {}}, wait=30)["computeFactor"]
        assert done["run"]["status"] == "SUCCEEDED", done
        assert done["run"]["performance"]["numPeriods"] > 100
        assert done["run"]["dataset"] == {"label": "sample v1 (synthetic)"}
        run = ask(client, RESULT, id=done["run"]["id"])["run"]
        growth, short = run["series"]
        assert growth["dates"] == short["dates"]
        assert (
            len(growth["dates"]) == len(run["compositionDates"]) == done["run"]["performance"]["numPeriods"]
        )
        for leg in ("long", "short"):
            assert sum(holding["weight"] for holding in run["composition"][leg]) == pytest.approx(1)
        follow_a_run(client)
        assert ask(client, "{ latestFactorRuns { factor { name } } }")["latestFactorRuns"]


def follow_a_run(client: httpx.Client) -> None:
    """Launched over HTTP, followed over a WebSocket to its end, then found again."""
    launched = ask(client, COMPUTE, spec={"smb": {"rebalance": "MONTHLY"}}, wait=0)["computeFactor"]
    with websocket(client) as connection:
        query = f"""subscription {{ runEvents(runId: "{launched["run"]["id"]}") {{
          kind run {{ status ... on FactorRun {{ performance {{ numPeriods }} }} }} }} }}"""
        subscribe(connection, "1", query)
        seen = [event["runEvents"] for event in events(connection, "1")]
    assert seen[0]["kind"] == "SNAPSHOT"
    assert seen[-1]["run"]["status"] == "SUCCEEDED"
    assert seen[-1]["run"]["performance"]["numPeriods"] > 20
    again = ask(client, COMPUTE, spec={"smb": {"rebalance": "MONTHLY"}}, wait=0)["computeFactor"]
    assert again["reused"] is True
    assert again["run"]["id"] == launched["run"]["id"]


def upload_sample(client: httpx.Client) -> dict[str, Any]:
    path = sample_panel_path()
    response = client.post(
        "/graphql",
        data={
            "operations": json.dumps({"query": INGEST, "variables": {"file": None}}),
            "map": json.dumps({"0": ["variables.file"]}),
        },
        files={"0": (path.name, path.read_bytes())},
        headers={"x-factorql-request": "1"},
    )
    return response.json()["data"]["ingestDataset"]["dataset"]


def subscribe(connection: ClientConnection, number: str, query: str) -> None:
    connection.send(json.dumps({"id": number, "type": "subscribe", "payload": {"query": query}}))


def events(connection: ClientConnection, number: str) -> Iterator[dict[str, Any]]:
    """The data of each event, until the operation is complete."""
    while (message := json.loads(connection.recv(timeout=30)))["type"] == "next":
        assert message["id"] == number
        assert not message["payload"].get("errors"), message
        yield message["payload"]["data"]
    assert message["type"] == "complete", message
