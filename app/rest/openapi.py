"""The description of REST as an OpenAPI document: paths by hand, schemas from the models."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.rest import models
from app.rest.models import Factor
from app.schema.health import product_version

_REF = "#/components/schemas/{model}"
_GUARDS = {
    "400": "Not a request that this server answers, such as one that names another host.",
    "401": "A token is needed, or the one that was sent is wrong.",
    "403": "The request comes from a page of another site.",
}
_EXAMPLE_SPAN = {"start_date": "2021-01-01", "end_date": "2023-12-31"}
_EXAMPLE_TICKERS = ["AAPL", "MSFT", "GOOGL", "AMZN", "META", "NVDA"]
_LIST_OF_LOGS = {"type": "array", "items": {"$ref": _REF.format(model="Log")}, "minItems": 1}
_MAP_OF_SERIES = {"type": "object", "additionalProperties": {"$ref": _REF.format(model="FactorSeries")}}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    """answer: a model, or a schema. factor: what the body has to name.
    problems: status to text, beside those that all have."""

    name: str
    summary: str
    answer: type[BaseModel] | dict[str, Any]
    method: str = "get"
    body: type[BaseModel] | None = None
    factor: Factor | None = None
    query: type[BaseModel] | None = None
    path_parameter: str | None = None
    problems: dict[str, str]


def _read(
    name: str, summary: str, answer: Any, *, problems: dict[str, str] | None = None, **rest: Any
) -> _Operation:
    return _Operation(name=name, summary=summary, answer=answer, problems=problems or {}, **rest)


_NOT_FOUND = {"404": "`Factor 'x' not found`, or `No logs found for factor: x`."}
_INVALID = {"422": "Something is missing, malformed or out of range."}
_COMPUTING = {
    "400": "`No factor returns computed - check data availability`, or what else the run failed with.",
    "413": "The body is too large.",
    "415": "The body is not application/json.",
    "500": "`ARTEMIS_API_KEY environment variable not set` where there is no dataset, or a fault of ours.",
    "503": "Too many runs wait, or the run is not over: ask again after the seconds of Retry-After.",
    **_INVALID,
}


def _computation(factor: Factor) -> _Operation:
    return _read(
        f"compute_{factor.value}",
        f"Compute the {factor.value} factor.",
        models.Computed,
        method="post",
        body=models.ComputeRequest,
        factor=factor,
        query=models.LookbackQuery if factor is Factor.MOMENTUM else None,
        problems=_COMPUTING,
    )


_OPERATIONS: dict[str, _Operation] = {
    "/": _read("root", "This overview; a browser is shown the dashboard.", models.Root),
    "/health": _read(
        "health",
        "Whether the server works.",
        models.Health,
        problems={"503": "The store does not answer."},
    ),
    "/factors": _read("list_factors", "The factor models.", models.Factors),
    "/factors/compare": _read(
        "compare_factors", "The latest run of each factor, the best first.", models.Comparison
    ),
    "/factors/time-series": _read(
        "time_series",
        "Returns of the latest run of each factor.",
        _MAP_OF_SERIES,
        query=models.TimeSeriesQuery,
        problems={"404": "`Factor 'x' not found`.", **_INVALID},
    ),
    "/factors/{factor}/logs": _read(
        "factor_logs",
        "The last runs of a factor, the most recent last.",
        _LIST_OF_LOGS,
        query=models.LogsQuery,
        path_parameter="factor",
        problems=_NOT_FOUND | _INVALID,
    ),
    "/factors/{factor}/latest": _read(
        "latest_log", "The latest run of a factor.", models.Log, path_parameter="factor", problems=_NOT_FOUND
    ),
    **{f"/compute/{factor.value}": _computation(factor) for factor in Factor},
    "/compute/equity-factors": _read(
        "compute_equity_factors",
        "Compute the factors of a few equities, fetched from Yahoo unless a dataset has them all.",
        models.EquityFactorsComputed,
        method="post",
        body=models.EquityFactorsRequest,
        problems=_COMPUTING,
    ),
}


def endpoints() -> dict[str, str]:
    """What each path does, in a line."""
    described = {path: operation.summary for path, operation in _OPERATIONS.items() if path != "/"}
    return described | {
        "/openapi.json": "The description of all this.",
        "/docs": "The same for people.",
        "/graphql": "The graph.",
    }


@cache
def openapi_document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    answers = [
        operation.answer for operation in _OPERATIONS.values() if not isinstance(operation.answer, dict)
    ]
    bodies = [operation.body for operation in _OPERATIONS.values() if operation.body is not None]
    queries = [operation.query for operation in _OPERATIONS.values() if operation.query is not None]
    shown: list[Any] = [
        (model, "serialization")
        for model in dict.fromkeys(
            [*answers, models.Log, models.FactorSeries, models.Problem, models.ValidationProblem]
        )
    ]
    taken: list[Any] = [(model, "validation") for model in dict.fromkeys([*bodies, *queries])]
    _, definitions = models_json_schema(shown + taken, ref_template=_REF)
    schemas = definitions["$defs"]
    parameters = {model: _query_parameters(schemas.pop(model.__name__)) for model in dict.fromkeys(queries)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Factor Models API",
            "version": product_version(),
            "summary": "Factor models over REST; the graph at /graphql has more.",
        },
        "servers": [{"url": "/"}],
        "paths": {
            path: {operation.method: _described(operation, parameters)}
            for path, operation in _OPERATIONS.items()
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        # with no token configured none is needed
        "security": [{}, {"token": []}],
    }


def _described(
    operation: _Operation, parameters: dict[type[BaseModel], list[dict[str, Any]]]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": {"200": {"description": "Done.", "content": _json(operation.answer)}}
        | {
            status: {
                "description": text,
                "content": _json(
                    models.ValidationProblem
                    if status == "422"
                    else operation.answer
                    if operation.name == "health" and status == "503"
                    else models.Problem
                ),
            }
            for status, text in sorted((_GUARDS | operation.problems).items())
        },
    }
    listed = list(parameters.get(operation.query, [])) if operation.query is not None else []
    if operation.path_parameter is not None:
        names = {"$ref": _REF.format(model="Factor")}
        listed.insert(0, {"name": operation.path_parameter, "in": "path", "required": True, "schema": names})
    if listed:
        described["parameters"] = listed
    if operation.body is not None:
        content = _json(_body(operation.body, operation.factor))
        content["application/json"]["example"] = _EXAMPLE_SPAN | (
            {"factor": operation.factor.value} if operation.factor else {"tickers": _EXAMPLE_TICKERS}
        )
        described["requestBody"] = {"required": True, "content": content}
    return described


def _body(model: type[BaseModel], factor: Factor | None) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": _REF.format(model=model.__name__)}
    if factor is None:
        return schema
    named = {"type": "object", "properties": {"factor": {"const": factor.value}}}
    return {"allOf": [schema, named]}


def _json(answer: type[BaseModel] | dict[str, Any]) -> dict[str, Any]:
    schema = answer if isinstance(answer, dict) else {"$ref": _REF.format(model=answer.__name__)}
    return {"application/json": {"schema": schema}}


def _query_parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": member.get("description", ""),
            "schema": {
                key: value
                for key, value in member.items()
                if key not in ("description", "title") and value is not None
            },
        }
        for name, member in schema["properties"].items()
    ]
