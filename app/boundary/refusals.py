"""Requests that are refused before anything runs: their status and their JSON body."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.boundary.error_masking import public_error
from app.errors import INTERNAL, FactorQLError, InvalidInput, LimitExceeded, StorageFailure, Unauthenticated

logger = logging.getLogger(__name__)

JSON = "application/json; charset=utf-8"
GRAPHQL_PATH = "/graphql"
"""Whose answers hold nothing that GraphQL does not have."""
SAFE_HEADERS: Mapping[str, str] = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class Refusal(Exception):
    """An HTTP request that is answered with a status of its own and a GraphQL error as its body."""

    def __init__(self, status: int, error: FactorQLError, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(error))
        self.status = status
        self.error = error
        self.headers = dict(headers or {})

    def response(self, *, with_detail: bool = False) -> Response:
        """`with_detail` for clients of REST, who look for the message there."""
        body: dict[str, object] = {"errors": [public_error(self.error)]}
        if with_detail:
            body["detail"] = str(self.error)
        return Response(
            orjson.dumps(body),
            status_code=self.status,
            headers={**SAFE_HEADERS, **self.headers},
            media_type=JSON,
        )


def malformed(message: str, *, hint: str | None = None, status: int = 400) -> Refusal:
    """A request that does not follow the protocol."""
    return Refusal(status, InvalidInput(message, hint=hint))


def too_large(message: str) -> Refusal:
    """A body above its cap; the connection is closed because the rest of it is not read."""
    return Refusal(413, LimitExceeded(message), {"connection": "close"})


def not_kept(error: OSError) -> Refusal:
    """An upload for which the server's disk has no room; the connection is closed as above."""
    logger.error("an upload cannot be kept: %s", error)
    failure = StorageFailure(
        f"the upload cannot be kept: {error.strerror or 'the disk fails'}", hint="try again later"
    )
    return Refusal(507, failure, {"connection": "close"})


class ServerStops(FactorQLError):
    code = "SERVER_STOPS"
    public_code = INTERNAL
    for_operator = True


def stopping() -> Refusal:
    """A request that had not come to its end when the server had to."""
    return Refusal(
        503, ServerStops("the server stops", hint="ask whether it was carried out, and else send it again")
    )


def unauthenticated(error: Unauthenticated) -> Refusal:
    return Refusal(401, error, {"www-authenticate": 'Bearer realm="factorql"'})


async def refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer an HTTP request, or a WebSocket handshake, with a refusal."""
    response = refusal.response(with_detail=scope["path"] != GRAPHQL_PATH)
    if scope["type"] == "http":
        await response(scope, receive, send)
    elif "websocket.http.response" in scope.get("extensions", {}):
        await send(
            {
                "type": "websocket.http.response.start",
                "status": response.status_code,
                "headers": response.raw_headers,
            }
        )
        await send({"type": "websocket.http.response.body", "body": response.body})
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": str(refusal)[:100]})
