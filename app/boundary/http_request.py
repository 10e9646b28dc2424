"""From an HTTP request to one GraphQL operation: GET parameters, JSON, or multipart with files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import orjson
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from app.boundary.http_body import close_files, read_body, read_multipart
from app.boundary.refusals import malformed
from app.settings import Settings

_Kind = TypeVar("_Kind")
_NOWHERE = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRequest:
    """One operation as a client asks for it; `variables` may hold uploaded files."""

    query: str
    variables: dict[str, object] | None = None
    operation_name: str | None = None
    extensions: dict[str, object] | None = None


@asynccontextmanager
async def operation_request(request: Request, settings: Settings) -> AsyncIterator[OperationRequest]:
    """Read and check the request; uploaded files are open inside the block.

    Raises a Refusal: 400 for what does not follow the protocol, 413 above a cap, 415 for other content.
    """
    if request.method in ("GET", "HEAD"):
        yield parse_operation(_from_parameters(request))
        return
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise malformed("Encoded bodies are not accepted.", status=415)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/json":
        body = await read_body(request, settings.max_json_bytes, "A JSON body")
        yield parse_operation(_json(body, "The body"))
    elif content_type == "multipart/form-data":
        form = await read_multipart(
            request,
            settings.max_upload_bytes,
            max_files=settings.max_upload_files,
            max_fields=2,
            max_field_bytes=settings.max_json_bytes,
        )
        try:
            yield parse_operation(_from_form(form))
        finally:
            await close_files(form)
    else:
        raise malformed(
            "The content type must be application/json, or multipart/form-data for uploads.", status=415
        )


def parse_operation(parameters: object) -> OperationRequest:
    """Check the shape of decoded parameters; a Refusal of 400 names the one that is wrong."""
    if isinstance(parameters, list):
        raise malformed("Batches of operations are not accepted; send one operation a request.")
    if not isinstance(parameters, dict):
        raise malformed("The request must be a JSON object with a query.")
    query = parameters.get("query")
    if not isinstance(query, str) or not query.strip():
        raise malformed("The parameter query must be a string that holds a GraphQL document.")
    variables = _optional(parameters, "variables", dict, "an object")
    operation_name = _optional(parameters, "operationName", str, "a string")
    extensions = _optional(parameters, "extensions", dict, "an object")
    return OperationRequest(
        query=query, variables=variables, operation_name=operation_name or None, extensions=extensions
    )


def _optional(parameters: Mapping[str, object], name: str, kind: type[_Kind], article: str) -> _Kind | None:
    value = parameters.get(name)
    if value is not None and not isinstance(value, kind):
        raise malformed(f"The parameter {name} must be {article} or null.")
    return value


def _from_parameters(request: Request) -> dict[str, object]:
    parameters: dict[str, object] = {}
    for name in ("query", "operationName", "variables", "extensions"):
        values = request.query_params.getlist(name)
        if len(values) > 1:
            raise malformed(f"The parameter {name} must not be repeated.")
        if values and values[0]:
            is_json = name in ("variables", "extensions")
            parameters[name] = _json(values[0], f"The parameter {name}") if is_json else values[0]
    return parameters


def _from_form(form: FormData) -> object:
    """`operations` with every place that `map` names filled with the file of that part."""
    operations = _json_field(form, "operations")
    places = _json_field(form, "map")
    if not isinstance(operations, dict) or not isinstance(places, dict):
        raise malformed("The form fields operations and map must be JSON objects.")
    for part, paths in places.items():
        file = form.get(part)
        if not isinstance(file, UploadFile):
            raise malformed(f"The map names the part {part[:100]!r}, which is no file of this form.")
        if not isinstance(paths, list):
            raise malformed("Each entry of the map must be a list of places.")
        for path in paths:
            _put(operations, path, file)
    return operations


def _put(operations: dict[str, object], path: object, file: UploadFile) -> None:
    """Replace the null at `variables.a.0.b` by the file."""
    keys = path.split(".") if isinstance(path, str) else [""]
    place: object = operations
    for key in keys[:-1]:
        place = _at(place, key)
    if keys[0] != "variables" or len(keys) < 2 or _at(place, keys[-1]) is not None:
        raise malformed(f"The map's place {str(path)[:100]!r} is not null in the variables.")
    if isinstance(place, list):
        place[int(keys[-1])] = file
    else:
        place[keys[-1]] = file


def _at(place: object, key: str) -> object:
    """What a JSON object or list holds under the key; something that is not None if nothing."""
    if isinstance(place, dict):
        return place.get(key, _NOWHERE)
    if isinstance(place, list) and key.isdecimal() and len(key) < 6 and int(key) < len(place):
        return place[int(key)]
    return _NOWHERE


def _json_field(form: FormData, name: str) -> object:
    value = form.get(name)
    if not isinstance(value, str):
        raise malformed(f"The form needs the field {name}.")
    return _json(value, f"The form field {name}")


def _json(text: str | bytes, what: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise malformed(f"{what} is not valid JSON: {error}.") from None
