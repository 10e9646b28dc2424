"""Bodies and query parameters as models; what is wrong with them as the clients of FastAPI parse it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from app.boundary.http_body import read_body
from app.boundary.refusals import malformed
from app.rest.answers import RestError

Model = TypeVar("Model", bound=BaseModel)

_LONGEST_ECHO = 1_000
"""Characters of an input that an answer repeats."""


async def read_model(request: Request, model: type[Model]) -> Model:
    """The JSON body; numbers may stand in quotes.

    Raises RestError (422) for what is no JSON or no such model, Refusal (413, 415) for what is too long or
    said to be something else.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise malformed("Encoded bodies are not accepted.", status=415)
    cap: int = request.app.state.services.settings.max_json_bytes
    body = await read_body(request, cap, "A JSON body")
    if not body:
        raise RestError(422, [_fault(("body",), "missing", "Field required", None)])
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise malformed("The content type must be application/json.", status=415)
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        place = ("body", error.pos)
        raise RestError(422, [_fault(place, "json_invalid", f"JSON decode error: {error.msg}", {})]) from None
    return _validated(model, content, "body")


def query_model(request: Request, model: type[Model]) -> Model:
    """The query parameters; of a repeated one the last counts, unknown ones are ignored. Raises RestError."""
    return _validated(model, dict(request.query_params), "query")


def _validated(model: type[Model], content: object, part: str) -> Model:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_url=False)
        faults = [
            _fault((part, *one["loc"]), one["type"], one["msg"], one["input"], one.get("ctx"))
            for one in found
        ]
        raise RestError(422, faults) from None


def _fault(
    loc: Sequence[str | int], kind: str, message: str, value: object, context: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    fault = {"type": kind, "loc": list(loc), "msg": message, "input": _echo(value)}
    if context:
        fault["ctx"] = {name: _echo(part) for name, part in context.items()}
    return fault


def _echo(value: object) -> object:
    """The value as JSON can show it; null where it would be long."""
    try:
        shown = orjson.dumps(value, default=str)
    except TypeError:
        return None
    return orjson.loads(shown) if len(shown) <= _LONGEST_ECHO else None
