"""Answers of REST, and what becomes of errors: a status and a detail, as the older system had them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.boundary.encoding import encode
from app.boundary.error_masking import internal_error
from app.boundary.http_body import discard_rest
from app.boundary.refusals import JSON, SAFE_HEADERS, Refusal, stopping
from app.errors import DatasetDamaged, FactorQLError
from app.execution.worker import codes
from app.runs.awaited import RunFailed
from app.sources.errors import SourceNotConfigured
from app.storage.places import told_error
from db.runs.queue import WORKER_LOST
from engine.errors import NoPeriods

NO_RETURNS = "No factor returns computed - check data availability"
KEY_NOT_SET = "ARTEMIS_API_KEY environment variable not set"
RETRY_SECONDS = 5

_FAULTS_OF_OURS = frozenset(
    {codes.COMPUTATION_CRASHED, codes.INTERNAL_ERROR, WORKER_LOST, DatasetDamaged.code}
)

Endpoint = Callable[[Request], Awaitable[Response]]


class RestError(Exception):
    """Answered as it is: `detail` is a line of text, or a list of faults where the status is 422."""

    def __init__(self, status: int, detail: object) -> None:
        super().__init__(str(detail))
        self.status = status
        self.detail = detail


def answer(
    content: dict[str, Any] | list[Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(encode(content), status, {**SAFE_HEADERS, **(headers or {})}, media_type=JSON)


def answering(endpoint: Endpoint) -> Endpoint:
    """The endpoint with all its errors as answers. Unexpected ones are logged, and shown as an id alone."""

    @wraps(endpoint)
    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it
        except asyncio.CancelledError:
            # Nobody but the server cancels, once it has waited long enough for requests to end.
            return _of_refusal(stopping())
        except Refusal as refusal:
            return _of_refusal(refusal)
        except Exception as error:
            return error_answer(error)

    return answered


def error_answer(error: Exception) -> Response:
    """Expected errors with their message, others with the id under which they are logged."""
    match error:
        case RestError():
            return answer({"detail": error.detail}, error.status)
        case RunFailed() if error.reason == NoPeriods.code:
            return answer({"detail": NO_RETURNS}, 400)
        case RunFailed() if error.reason in _FAULTS_OF_OURS:
            return answer({"detail": str(error)}, 500)
        case SourceNotConfigured():
            return answer({"detail": KEY_NOT_SET}, error.http_status)
    told = told_error(error)
    if told is not None:
        status = told.http_status
        headers = {"retry-after": str(RETRY_SECONDS)} if status == 503 else None
        return answer({"detail": _with_hint(told)}, status, headers)
    masked = internal_error(error, doing="answering a request")
    error_id = masked["extensions"]["errorId"]
    return answer({"detail": f"{masked['message']} (error id {error_id})"}, 500)


def _of_refusal(refusal: Refusal) -> Response:
    kind = _EarlyAnswer if refusal.status == 413 else Response
    content = encode({"detail": _with_hint(refusal.error)})
    return kind(content, refusal.status, {**SAFE_HEADERS, **refusal.headers}, media_type=JSON)


class _EarlyAnswer(Response):
    """Goes out whole before the rest of a body that was cut is let go."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await discard_rest(Request(scope, receive))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _with_hint(error: FactorQLError) -> str:
    return str(error) if error.hint is None else f"{error} ({error.hint})"
