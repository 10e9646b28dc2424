"""A server of the sample graph on a free loopback port, in a thread, stopped at the end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from app.boundary.graphql_app import FactorQLApp
from app.boundary.middleware import boundary_middleware
from app.boundary.server import uvicorn_options
from app.boundary.transport_ws import SocketLimits
from app.settings import Settings
from tests.app.boundary.sample_schema import build_sample_schema


async def page(request: Request) -> HTMLResponse:
    return HTMLResponse("<title>GraphiQL</title>")


async def health(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


def settings_of(**values: object) -> Settings:
    """Settings that no environment or `.env` of the machine can change."""
    return Settings(_env_file=None, **values)


def application(settings: Settings | None = None, socket_limits: SocketLimits | None = None) -> Starlette:
    """Assembled as the real one is."""
    settings = settings or settings_of()
    graph = FactorQLApp(
        build_sample_schema(),
        settings,
        lambda connection: object(),
        render_page=page,
        socket_limits=socket_limits,
    )
    return Starlette(
        routes=[
            Route("/graphql", graph),
            WebSocketRoute("/graphql", graph),
            Route("/health", health),
            Route("/private", health, methods=["GET", "POST"]),
        ],
        middleware=boundary_middleware(settings),
    )


@dataclass(frozen=True)
class LiveServer:
    port: int
    server: uvicorn.Server

    @property
    def connections(self) -> int:
        """Open ones, seen from the server."""
        return len(self.server.server_state.connections)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"


@contextmanager
def live_server(
    settings: Settings | None = None, socket_limits: SocketLimits | None = None
) -> Iterator[LiveServer]:
    settings = settings or settings_of()
    listener = socket.create_server(("127.0.0.1", 0))
    options = uvicorn_options(settings, socket_limits)
    config = uvicorn.Config(
        application(settings, socket_limits), **options, log_level="critical", access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            thread.join(0.005)
        yield LiveServer(listener.getsockname()[1], server)
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
