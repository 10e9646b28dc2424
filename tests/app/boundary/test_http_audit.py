"""GraphQL over HTTP.

The cases are those of the audit suite of the npm package `graphql-http` (`serverAudits`, 61 of them), run
against a live server of this application: 61 of 61 are `ok`. To repeat that: serve the application,
`npm install graphql-http graphql`, and call every `fn` of `serverAudits({url})`. The essential ones are
kept here so that they run with every test.
"""

import httpx
import pytest

from app.boundary.encoding import GRAPHQL_JSON, JSON, negotiate
from tests.app.boundary.live_server import application

BOTH = pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON])
APPLICATION = application()


async def post(parameters=None, accept=JSON, content=None, content_type=JSON):
    transport = httpx.ASGITransport(APPLICATION)
    headers = {"accept": accept, "content-type": content_type, "x-factorql-request": "1"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.post("/graphql", headers=headers, json=parameters, content=content)


async def get(accept=JSON, **parameters):
    transport = httpx.ASGITransport(APPLICATION)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get("/graphql", headers={"accept": accept}, params=parameters)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, JSON),
        ("*/*", JSON),
        (JSON, JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, {JSON}", JSON),
        (f"{GRAPHQL_JSON}, {JSON};q=0.9", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.1, {JSON};q=0.9", JSON),
        (f"{GRAPHQL_JSON};charset=utf-8, */*;q=0.5", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0, {JSON};q=nonsense", JSON),
        ("text/html", JSON),
    ],
)
def test_the_media_type_follows_accept(accept, media_type):
    assert negotiate(accept) == media_type


@BOTH
async def test_a_result_is_200_in_utf_8_under_the_accepted_type(accept):
    response = await post({"query": '{ hello(name: "Run🏃") }'}, accept)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{accept}; charset=utf-8"
    assert response.json() == {"data": {"hello": "hello Run🏃"}}
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


@BOTH
@pytest.mark.parametrize(
    "parameters",
    [
        {"query": "{"},
        {"query": "{ 8f31403dfe404bccbb0e835f2629c6a7 }"},
        {"query": "query ($id: ID!) { run(id: $id) { id } }", "variables": {"id": None}},
        {"query": "query A { hello }", "operationName": "B"},
        {"query": "query A { hello } query B { hello }"},
        {"query": "fragment F on Query { hello }"},
    ],
)
async def test_what_was_not_executed_has_no_data_and_is_400_under_the_newer_type(accept, parameters):
    response = await post(parameters, accept)
    assert response.status_code == (400 if accept == GRAPHQL_JSON else 200)
    body = response.json()
    assert "data" not in body
    assert [e["extensions"]["code"] for e in body["errors"]] == ["BAD_USER_INPUT"]


@BOTH
async def test_what_failed_while_it_was_executed_is_200_with_data(accept):
    response = await post({"query": "{ hello missing }"}, accept)
    assert response.status_code == 200
    assert response.json()["data"] == {"hello": "hello world", "missing": None}
    assert response.json()["errors"][0]["path"] == ["missing"]


@BOTH
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{ not json",
        b'"{ hello }"',
        b'["{ hello }"]',
        b'[{"query": "{ hello }"}]',
        b"null",
        b"7",
        b'{"query": NaN}',
        b'\xff{"query": "{ hello }"}',
        b"[" * 100_000,
    ],
)
async def test_a_body_that_is_no_json_object_is_400(accept, content):
    response = await post(content=content, accept=accept)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"qeury": "{ hello }"},
        {"query": ""},
        {"query": "  "},
        *({"query": value} for value in ({"ob": "ject"}, 0, False, ["array"], None)),
        *({"query": "{ hello }", "operationName": value} for value in ({"ob": "ject"}, 0, False, ["array"])),
        *({"query": "{ hello }", "variables": value} for value in ("string", 0, False, ["array"])),
        *({"query": "{ hello }", "extensions": value} for value in ("string", 0, False, ["array"])),
    ],
)
async def test_parameters_of_another_kind_are_400(parameters):
    assert (await post(parameters)).status_code == 400


@pytest.mark.parametrize("parameter", ["variables", "operationName", "extensions"])
async def test_parameters_may_be_null(parameter):
    response = await post({"query": "{ hello }", parameter: None})
    assert response.json() == {"data": {"hello": "hello world"}}


async def test_operation_name_and_variables_and_extensions_are_taken():
    response = await post(
        {
            "query": "query A { hello } query B($n: String!) { hello(name: $n) }",
            "operationName": "B",
            "variables": {"n": "there"},
            "extensions": {"some": "value"},
        }
    )
    assert response.json() == {"data": {"hello": "hello there"}}


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/xml"]
)
async def test_other_content_types_are_415(content_type):
    response = await post(content=b'{"query": "{ hello }"}', content_type=content_type)
    assert response.status_code == 415


async def test_an_encoded_body_is_415():
    transport = httpx.ASGITransport(APPLICATION)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        headers = {"content-type": JSON, "content-encoding": "gzip"}
        assert (await client.post("/graphql", headers=headers, content=b"x")).status_code == 415


class TestGet:
    async def test_queries_run_with_variables_as_json_text(self):
        response = await get(
            query="query A($n: String!) { hello(name: $n) }", variables='{"n": "get"}', operationName="A"
        )
        assert response.json() == {"data": {"hello": "hello get"}}

    @BOTH
    async def test_mutations_are_405(self, accept):
        response = await get(accept, query="mutation { touch }")
        assert (response.status_code, response.headers["allow"]) == (405, "POST")

    async def test_a_mutation_behind_a_query_of_another_name_is_405_too(self):
        document = "query Q { hello } mutation M { touch }"
        assert (await get(query=document, operationName="M")).status_code == 405
        assert (await get(query=document, operationName="Q")).status_code == 200

    async def test_subscriptions_are_refused_with_a_pointer_to_websockets(self):
        for response in (
            await get(query="subscription { forever }"),
            await post({"query": "subscription { forever }"}),
        ):
            assert response.status_code == 400
            assert "graphql-transport-ws" in response.json()["errors"][0]["extensions"]["hint"]

    @pytest.mark.parametrize(
        "parameters",
        [
            {},
            {"query": ""},
            {"query": "{ hello }", "variables": "{"},
            {"query": "{ hello }", "variables": "7"},
            {"query": ["{ hello }", "{ hello }"]},
        ],
    )
    async def test_malformed_parameters_are_400(self, parameters):
        assert (await get(**parameters)).status_code == 400

    async def test_the_page_is_for_browsers(self):
        assert "GraphiQL" in (await get("text/html,*/*")).text
        assert "GraphiQL" in (await get("text/html,*/*", query="{ hello }")).text, "a link opens the editor"
        for accepted in ("*/*", "application/json", "text/html,application/json"):
            assert (await get(accepted, query="{ hello }")).json() == {"data": {"hello": "hello world"}}
        assert (await get("*/*")).status_code == 400


async def test_other_methods_are_405():
    transport = httpx.ASGITransport(APPLICATION)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        response = await client.put("/graphql", json={"query": "{ hello }"})
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, POST")
