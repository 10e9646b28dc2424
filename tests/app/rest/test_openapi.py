"""The description of REST: valid, complete, and what the server does is what it says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.datasets.service import ingest_sample
from app.features.factors.service import launch_factor
from app.rest import models
from app.rest.openapi import endpoints, openapi_document
from app.rest.routes import rest_routes
from app.wiring import open_services
from engine.factors.registry import FactorName
from tests.app.test_main import serving, settings_of

EXAMPLES = 10
MAY_ANSWER = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """With the sample and a run; a full computation takes milliseconds."""
    configured = settings_of(tmp_path_factory.mktemp("described"))

    async def prepare() -> None:
        async with open_services(configured, execute=False) as services:
            await ingest_sample(services)
            await launch_factor(services, FactorName.SMB, {})

    asyncio.run(prepare())
    with serving(configured) as client:
        yield str(client.base_url)


def test_it_is_valid() -> None:
    OpenAPIV31SpecValidator(openapi_document()).validate()
    assert openapi_document()["openapi"].startswith("3.1")


def test_it_has_every_path_that_is_served_and_no_other() -> None:
    served = {
        (route.path, method.lower())
        for route in rest_routes(render_page=lambda request: None)
        for method in route.methods
        if method != "HEAD" and route.path != "/openapi.json"
    }
    described = {
        (path, method) for path, methods in openapi_document()["paths"].items() for method in methods
    }
    assert served == described
    assert {path for path, _ in served} - {"/"} <= endpoints().keys()


def test_it_says_which_values_are_taken() -> None:
    document = openapi_document()
    request = document["components"]["schemas"]["ComputeRequest"]
    assert set(request["required"]) == {"factor", "start_date", "end_date"}
    defaults = {name: member.get("default") for name, member in request["properties"].items()}
    asked = models.ComputeRequest(factor="smb", start_date="2021-01-01", end_date="2021-01-02")
    assert all(value == getattr(asked, name) for name, value in defaults.items() if value is not None)
    (limit,) = parameters_of("/factors/{factor}/logs", "get", "query")
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}
    (lookback,) = parameters_of("/compute/momentum", "post", "query")
    assert lookback["schema"] == {"type": "integer", "minimum": 1, "maximum": 12, "default": 3}


def examples_of(path: str) -> list[dict[str, Any]]:
    body = openapi_document()["paths"][path].get("post", {}).get("requestBody")
    return [] if body is None else [body["content"]["application/json"]["example"]]


def parameters_of(path: str, method: str, place: str) -> list[dict[str, Any]]:
    listed = openapi_document()["paths"][path][method]["parameters"]
    return [parameter for parameter in listed if parameter["in"] == place]


def test_it_is_served_as_it_is(empty: httpx.Client) -> None:
    response = empty.get("/openapi.json")
    assert response.headers["content-type"].startswith("application/json")
    assert response.json() == openapi_document()


def test_the_server_does_what_it_says(url: str) -> None:
    """Requests that fit the description and requests that do not: every answer is a described one."""
    schema = schemathesis.openapi.from_dict(openapi_document())
    schema.config.update(base_url=url)
    checks = [check for check in schemathesis.checks.CHECKS.get_all() if check.__name__ in MAY_ANSWER]
    assert {check.__name__ for check in checks} == MAY_ANSWER
    statuses: dict[str, set[int]] = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        # what is fetched from a vendor is another test's
        if operation.path == "/compute/equity-factors":
            continue
        strategy = operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE)
        strategy |= operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def run(case: Any) -> None:
            answer = case.call_and_validate(checks=checks, headers={"x-factorql-request": "1"})
            statuses.setdefault(case.operation.path, set()).add(answer.status_code)

        run()
        for example in examples_of(operation.path):
            answer = httpx.post(f"{url}{operation.path}", json=example, timeout=60, trust_env=False)
            operation.Case(body=example, media_type="application/json").validate_response(
                schemathesis.Response.from_httpx(answer, verify=False), checks=checks
            )
            statuses[operation.path].add(answer.status_code)
    assert len(statuses) == len(openapi_document()["paths"]) - 1
    for path, seen in statuses.items():
        if path.startswith("/compute"):
            assert {200, 422} <= seen, path
        else:
            assert seen & {200, 404}, path


def test_the_page_asks_nothing_of_other_machines(empty: httpx.Client) -> None:
    page = empty.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert not re.search(r"https?:|unsafe|\*", policy)
    named = re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text)
    assert "docs/swagger-ui-bundle.js" in named
    for name in named:
        response = empty.get(f"/{name}")
        assert response.status_code == 200, name
        assert response.headers["content-security-policy"] == policy
    assert "Apache License" in empty.get("/docs/LICENSES.txt").text
    assert empty.get("/docs/index.html").status_code == 404
    assert empty.get("/docs/", follow_redirects=True).text == page.text
    assert empty.get("/docs/..%2fswagger_page.py").status_code == 404
