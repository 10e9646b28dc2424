"""How the HTTP server is to be run, so that what it reads before the application is bounded too."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app.boundary.transport_ws import SocketLimits
from app.settings import Settings

MAX_HEADER_BYTES = 65_536
_ABORT_AFTER_SECONDS = 5.0


def uvicorn_options(settings: Settings, socket_limits: SocketLimits | None = None) -> dict[str, Any]:
    """Keyword arguments for `uvicorn.Config`: host, port and every limit of the server itself.

    Request line and headers are limited to 64 KB, WebSocket messages as the application limits them.
    Compression of WebSocket messages is off: it costs more than it saves on one machine. Forwarded
    headers are not believed, since no proxy is known.
    """
    limits = socket_limits or SocketLimits()
    return {
        "host": settings.host,
        "port": settings.port,
        "http": BoundedHttpProtocol,
        "ws": ClosingWebSocketProtocol,
        "ws_max_size": limits.message_bytes,
        "ws_per_message_deflate": False,
        "ws_ping_interval": 20.0,
        "ws_ping_timeout": 20.0,
        "timeout_keep_alive": 15,
        "timeout_graceful_shutdown": 5,
        "proxy_headers": False,
        "server_header": False,
    }


class WindingUpServer(uvicorn.Server):
    """Stops without letting requests that wait hold it up, and always closes what the application opened.

    `interrupted` tells whether Ctrl-C came before this server listened to it: then it stops once it has
    started.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        before_shutdown: Callable[[], None],
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(config)
        self._before_shutdown = before_shutdown
        self._interrupted = interrupted

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.should_exit = self.should_exit or self._interrupted()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._before_shutdown()
        await super().shutdown(sockets)
        if not self.lifespan.shutdown_event.is_set():
            # A second Ctrl-C cuts requests short; computations are to be put back all the same.
            await self.lifespan.shutdown()


class BoundedHttpProtocol(HttpToolsProtocol):
    """The server's parser has no limit of its own for the request line and headers."""

    _in_head = True
    _head_bytes = 0

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response("The request line and headers are too long.")


class ClosingWebSocketProtocol(WebSocketsSansIOProtocol):
    """Does not wait for ever to flush to a client that has stopped reading."""

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self.loop.call_later(_ABORT_AFTER_SECONDS, self.transport.abort)
