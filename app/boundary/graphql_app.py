"""The graph as an ASGI application: queries and mutations over HTTP, everything over WebSockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import strawberry
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from app.boundary.access import Access
from app.boundary.cost_rules import CostLimits
from app.boundary.encoding import GRAPHQL_JSON, JSON, encode, negotiate
from app.boundary.error_masking import internal_error, is_request_error, public_errors
from app.boundary.guarded_schema import guarded
from app.boundary.headers import asks_for_page, authorization_of
from app.boundary.http_body import discard_rest
from app.boundary.http_request import OperationRequest, operation_request
from app.boundary.refusals import SAFE_HEADERS, Refusal, malformed, stopping, unauthenticated
from app.boundary.transport_ws import SocketLimits, TransportSession
from app.errors import INTERNAL, Unauthenticated
from app.settings import Settings

ContextFactory = Callable[[HTTPConnection], object]
"""Called once an operation, so that data loaders are never shared between two, also on one WebSocket."""


class FactorQLApp:
    """Serves one schema at one path; mount it with both `Route` and `WebSocketRoute`.

    `context_factory` makes the `info.context` of one operation. `render_page` answers a browser's GET
    with the GraphiQL page. What a caller may run, and how large an operation may be, is enforced here;
    hosts, origins and other paths are the middleware's part.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        settings: Settings,
        context_factory: ContextFactory,
        *,
        render_page: Callable[[Request], Awaitable[Response]] | None = None,
        cost_limits: CostLimits | None = None,
        socket_limits: SocketLimits | None = None,
    ) -> None:
        self.schema = guarded(schema, cost_limits)
        self.settings = settings
        self.access = Access.of(settings)
        self.context_factory = context_factory
        self.render_page = render_page
        self.socket_limits = socket_limits or SocketLimits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            session = TransportSession(
                WebSocket(scope, receive, send),
                self.schema,
                self.access,
                self.context_factory,
                self.socket_limits,
            )
            # Nobody but the server cancels, once it has waited long enough for mutations to end.
            with suppress(asyncio.CancelledError):
                await session.run()
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Refusal as refusal:
            await _send_refusal(refusal, request, send)
        except ClientDisconnect:
            # Nobody is left to answer.
            return
        except asyncio.CancelledError:
            # Nobody but the server cancels, once it has waited long enough for requests to end.
            await _send_refusal(stopping(), request, send)
        else:
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._answer_or_refuse(request)
        except (Refusal, ClientDisconnect):
            raise
        except Exception as error:
            body = encode({"errors": [internal_error(error, doing="answering a request")]})
            return Response(body, 500, SAFE_HEADERS, media_type=f"{JSON}; charset=utf-8")

    async def _answer_or_refuse(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD", "POST"):
            raise _method_not_allowed("The graph is asked by GET or POST.", "GET, HEAD, POST")
        if self.render_page is not None and asks_for_page(request.scope):
            return await self.render_page(request)
        try:
            caller = self.access.admit(authorization_of(request.scope))
        except Unauthenticated as error:
            raise unauthenticated(error) from None
        allowed = self.access.operations(caller)
        async with operation_request(request, self.settings) as asked:
            result = await self._execute(request, asked, allowed)
        return self._respond(result, negotiate(request.headers.get("accept")))

    async def _execute(
        self, request: Request, asked: OperationRequest, allowed: frozenset[OperationType]
    ) -> ExecutionResult:
        over_http = {OperationType.QUERY}
        if request.method == "POST":
            over_http.add(OperationType.MUTATION)
        try:
            return await self.schema.execute(
                asked.query,
                variable_values=asked.variables,
                operation_name=asked.operation_name,
                operation_extensions=asked.extensions,
                context_value=self.context_factory(request),
                allowed_operation_types=over_http & allowed,
            )
        except CannotGetOperationTypeError as error:
            reason = GraphQLError(error.as_http_error_reason(), original_error=error)
            return ExecutionResult(data=None, errors=[reason])
        except InvalidOperationTypeError as error:
            raise self._refusal(error.operation_type, request.method, allowed) from None

    def _refusal(self, operation: OperationType, method: str, allowed: frozenset[OperationType]) -> Refusal:
        if operation is OperationType.SUBSCRIPTION:
            return malformed(
                "Subscriptions are not served over HTTP.",
                hint="Open a WebSocket with the subprotocol graphql-transport-ws.",
            )
        if operation not in allowed:
            return unauthenticated(self.access.refusal(operation))
        return _method_not_allowed(f"A {operation.value} cannot be sent by {method}.", "POST")

    def _respond(self, result: ExecutionResult, media_type: str) -> Response:
        """Status as GraphQL over HTTP has it: what was not executed is a 400 under the newer media type,
        under `application/json` a 200; faults of the server that left nothing to show are a 500."""
        body: dict[str, Any] = {}
        if result.errors:
            body["errors"] = public_errors(result.errors)
        status = 200
        if result.data is None and result.errors and is_request_error(result.errors):
            status = 400 if media_type == GRAPHQL_JSON else 200
            if any(error["extensions"]["code"] == INTERNAL for error in body["errors"]):
                status = 500
        else:
            body["data"] = result.data
        if result.extensions:
            body["extensions"] = result.extensions
        try:
            content = encode(body)
        except TypeError as error:
            status = 500
            content = encode({"errors": [internal_error(error, doing="encoding a result")]})
        return Response(content, status, SAFE_HEADERS, media_type=f"{media_type}; charset=utf-8")


async def _send_refusal(refusal: Refusal, request: Request, send: Send) -> None:
    """The answer goes out whole before the rest of a body that was cut is let go."""
    response = refusal.response()
    await send(
        {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
    )
    await send({"type": "http.response.body", "body": response.body, "more_body": True})
    if refusal.status in (413, 507):
        await discard_rest(request)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _method_not_allowed(message: str, allow: str) -> Refusal:
    refusal = malformed(message, status=405)
    refusal.headers["allow"] = allow
    return refusal
