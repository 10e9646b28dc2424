"""The graphql-transport-ws protocol on one WebSocket, within limits.

The close codes are those of the protocol: 4400 malformed message, 4401 subscribe before
connection_init, 4403 wrong or missing token, 4406 other subprotocol, 4408 no connection_init in time,
4409 id in use, 4429 second connection_init; and of WebSockets: 1009 message too large, 1013 the client
does not read.

An operation that the client gives up, by `complete` or by closing, is cancelled wherever it stands; but a
mutation runs to its end, as over HTTP, and nobody is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

import orjson
import strawberry
from graphql import GraphQLError
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from app.boundary.access import Access, Caller
from app.boundary.encoding import encode
from app.boundary.error_masking import internal_error, public_errors
from app.boundary.guarded_schema import is_mutation
from app.boundary.headers import authorization_of
from app.boundary.http_request import OperationRequest, parse_operation
from app.boundary.refusals import Refusal
from app.errors import LimitExceeded, Unauthenticated

_LONGEST_ID = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """What one WebSocket may hold, and how long it may keep the server waiting."""

    message_bytes: int = 65_536
    operations: int = 20
    init_timeout_seconds: float = 10.0
    send_timeout_seconds: float = 10.0
    """A message that the client's buffers do not take for so long ends the connection."""
    close_timeout_seconds: float = 1.0


class _Closed(Exception):
    """The connection is to be closed, or is closed already."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class TransportSession:
    """One connection from handshake to close."""

    def __init__(
        self,
        websocket: WebSocket,
        schema: strawberry.Schema,
        access: Access,
        context_factory: Callable[[HTTPConnection], object],
        limits: SocketLimits,
    ) -> None:
        self.websocket = websocket
        self.schema = schema
        self.access = access
        self.context_factory = context_factory
        self.limits = limits
        self.caller: Caller | None = None
        """Known once connection_init was accepted."""
        self.operations: dict[str, asyncio.Task[None]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        """Operations that still run, those included that were completed by the client and wind down."""
        self.mutations: set[asyncio.Task[None]] = set()
        self.failure: asyncio.Future[_Closed] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        offered = self.websocket.scope["subprotocols"]
        if GRAPHQL_TRANSPORT_WS_PROTOCOL not in offered:
            await self.websocket.accept()
            await self._close(4406, "Subprotocol not acceptable: use graphql-transport-ws")
            return
        await self.websocket.accept(GRAPHQL_TRANSPORT_WS_PROTOCOL)
        reader = asyncio.create_task(self._read())
        try:
            await asyncio.wait({reader, self.failure}, return_when=asyncio.FIRST_COMPLETED)
            closed = self.failure.result() if self.failure.done() else await reader
            await self._close(closed.code, closed.reason)
        finally:
            self.failure.cancel()
            self.operations.clear()
            for task in {reader, *self.tasks} - self.mutations:
                task.cancel()
            await asyncio.gather(reader, *self.tasks, return_exceptions=True)

    async def _read(self) -> _Closed:
        """Handle messages until the connection ends; why it did."""
        try:
            try:
                async with asyncio.timeout(self.limits.init_timeout_seconds):
                    while self.caller is None:
                        await self._handle(await self._receive())
            except TimeoutError:
                return _Closed(4408, "Connection initialisation timeout")
            while True:
                await self._handle(await self._receive())
        except _Closed as closed:
            return closed

    async def _receive(self) -> dict[str, Any]:
        message = await self.websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise _Closed(1000, "")
        text = message.get("text")
        if text is None:
            raise _Closed(4400, "Messages must be text")
        content = text.encode()
        if len(content) > self.limits.message_bytes:
            raise _Closed(1009, f"Messages are limited to {self.limits.message_bytes} bytes")
        try:
            decoded = orjson.loads(content)
        except orjson.JSONDecodeError:
            raise _Closed(4400, "Messages must be JSON") from None
        if not isinstance(decoded, dict):
            raise _Closed(4400, "Messages must be objects")
        return decoded

    async def _handle(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "connection_init":
                await self._init(message.get("payload"))
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                operation = self.operations.pop(_id_of(message), None)
                if operation is not None and operation not in self.mutations:
                    operation.cancel()
            case _:
                raise _Closed(4400, "Unknown message type")

    async def _init(self, payload: object) -> None:
        if self.caller is not None:
            raise _Closed(4429, "Too many initialisation requests")
        if payload is not None and not isinstance(payload, dict):
            raise _Closed(4400, "The payload of connection_init must be an object")
        try:
            caller = self.access.admit(self._authorization(payload or {}))
        except (Unauthenticated, Refusal) as error:
            raise _Closed(4403, f"Forbidden: {error}") from None
        await self._send({"type": "connection_ack"})
        self.caller = caller

    def _authorization(self, payload: dict[str, object]) -> bytes | None:
        """From the payload, whose keys follow the header's spelling in any case, else the handshake."""
        for name, value in payload.items():
            if name.lower() == "authorization" and value is not None:
                return str(value).encode()
        return authorization_of(self.websocket.scope)

    async def _subscribe(self, message: dict[str, Any]) -> None:
        if self.caller is None:
            raise _Closed(4401, "Unauthorized: send connection_init first")
        operation_id = _id_of(message)
        if operation_id in self.operations:
            raise _Closed(4409, "Subscriber for this id already exists")
        try:
            asked = parse_operation(message.get("payload"))
        except Refusal as refusal:
            raise _Closed(4400, str(refusal)) from None
        if len(self.tasks) >= self.limits.operations:
            error = LimitExceeded(f"A WebSocket is limited to {self.limits.operations} operations at once.")
            await self._send_errors(operation_id, error)
            return
        task = asyncio.create_task(self._operate(operation_id, asked, self.caller))
        if is_mutation(self.schema, asked.query, asked.operation_name):
            self.mutations.add(task)
        self.operations[operation_id] = task
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(self.mutations.discard)

    async def _operate(self, operation_id: str, asked: OperationRequest, caller: Caller) -> None:
        """One operation from its first result to its `complete` or `error`."""
        try:
            try:
                if await self._send_results(operation_id, asked, caller) and self._forget(operation_id):
                    await self._send({"type": "complete", "id": operation_id})
            except _Closed:
                raise
            except Exception as error:
                if self._is_wanted(operation_id):
                    await self._send_errors(operation_id, error)
        except _Closed as closed:
            if not self.failure.done():
                self.failure.set_result(closed)
        finally:
            self._forget(operation_id)

    async def _send_results(self, operation_id: str, asked: OperationRequest, caller: Caller) -> bool:
        """Whether the operation was executed and is to be completed; else its errors were sent."""
        stream = await self.schema.stream(
            asked.query,
            variable_values=asked.variables,
            operation_name=asked.operation_name,
            operation_extensions=asked.extensions,
            context_value=self.context_factory(self.websocket),
            allowed_operation_types=self.access.operations(caller),
        )
        async with aclosing(stream):
            async for result in stream:
                if not self._is_wanted(operation_id):
                    return False
                if isinstance(result, PreExecutionError):
                    await self._send_errors(operation_id, *(result.errors or ()))
                    return False
                await self._send_next(operation_id, result)
        return True

    async def _send_next(self, operation_id: str, result: ExecutionResult) -> None:
        payload: dict[str, Any] = {"data": result.data}
        if result.errors:
            payload["errors"] = public_errors(result.errors)
        if result.extensions:
            payload["extensions"] = result.extensions
        message = {"type": "next", "id": operation_id, "payload": payload}
        try:
            content = encode(message)
        except TypeError as error:
            payload = {"errors": [internal_error(error, doing="encoding a result")]}
            content = encode({**message, "payload": payload})
        await self._send_encoded(content)

    async def _send_errors(self, operation_id: str, *errors: Exception) -> None:
        self._forget(operation_id)
        located = [self._as_graphql_error(error) for error in errors]
        await self._send({"type": "error", "id": operation_id, "payload": public_errors(located)})

    def _as_graphql_error(self, error: Exception) -> GraphQLError:
        cause = error.original_error if isinstance(error, GraphQLError) else error
        if isinstance(cause, InvalidOperationTypeError):
            cause = self.access.refusal(cause.operation_type)
            return GraphQLError(str(cause), original_error=cause)
        if isinstance(error, GraphQLError):
            return error
        return GraphQLError(str(error), original_error=error)

    def _is_wanted(self, operation_id: str) -> bool:
        """Return whether the client still waits for the operation that asks, not for another of its id."""
        return self.operations.get(operation_id) is asyncio.current_task()

    def _forget(self, operation_id: str) -> bool:
        """Free the id of the operation that asks; return whether the client still waited for it."""
        wanted = self._is_wanted(operation_id)
        if wanted:
            del self.operations[operation_id]
        return wanted

    async def _send(self, message: dict[str, Any]) -> None:
        await self._send_encoded(encode(message))

    async def _send_encoded(self, content: bytes) -> None:
        """As text, which the protocol wants; _Closed if the client does not take it in time or has gone."""
        try:
            async with asyncio.timeout(self.limits.send_timeout_seconds):
                await self.websocket.send_text(content.decode())
        except TimeoutError:
            raise _Closed(1013, "The client does not read") from None
        except (WebSocketDisconnect, RuntimeError, OSError):
            raise _Closed(1000, "") from None

    async def _close(self, code: int, reason: str) -> None:
        """A client that has gone or does not read is not waited for."""
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
            async with asyncio.timeout(self.limits.close_timeout_seconds):
                # A close frame has room for 123 bytes.
                await self.websocket.close(code, reason.encode()[:120].decode(errors="ignore"))


def _id_of(message: dict[str, Any]) -> str:
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not 0 < len(operation_id) <= _LONGEST_ID:
        raise _Closed(4400, f"The id must be a string of 1 to {_LONGEST_ID} characters")
    return operation_id
