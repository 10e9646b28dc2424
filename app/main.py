"""The application: its routes, what stands before them, and what is open while it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

from app.boundary.graphql_app import FactorQLApp
from app.boundary.middleware import boundary_middleware
from app.schema.context import GraphContext
from app.schema.enums import HealthStatus
from app.schema.health import probe_health
from app.schema.schema import build_schema
from app.services.context import Services, open_services
from app.settings import Settings
from app.web.dashboard_page import ASSETS_PATH as DASHBOARD_PATH
from app.web.dashboard_page import dashboard_assets, dashboard_page
from app.web.graphiql_page import ASSETS_PATH, graphiql_assets, graphiql_page

GRAPHQL_PATH = "/graphql"
HEALTH_PATH = "/health"
PAGE_PATH = "/"

ServicesFactory = Callable[..., AbstractAsyncContextManager[Services]]
"""Called as `factory(settings, execute=True)`; see `open_services`."""


def create_app(
    settings: Settings | None = None, *, services_factory: ServicesFactory = open_services
) -> Starlette:
    """The application with its settings, those of the environment by default.

    Services open with the server and close with it. Raises InvalidInput for settings that name no host or
    origin.
    """
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with services_factory(chosen, execute=True) as services:
            app.state.services = services
            yield

    graph = FactorQLApp(build_schema(), chosen, _graph_context, render_page=_graphiql)
    return Starlette(
        routes=[
            Route(PAGE_PATH, dashboard_page),
            Route(HEALTH_PATH, _health),
            Mount(ASSETS_PATH, graphiql_assets),
            Mount(DASHBOARD_PATH, dashboard_assets),
            Route(GRAPHQL_PATH, graph),
            WebSocketRoute(GRAPHQL_PATH, graph),
        ],
        middleware=boundary_middleware(
            chosen,
            graphql_path=GRAPHQL_PATH,
            open_paths=(HEALTH_PATH, PAGE_PATH),
            open_prefixes=(f"{ASSETS_PATH}/", f"{DASHBOARD_PATH}/"),
        ),
        lifespan=lifespan,
    )


def _graph_context(connection: HTTPConnection) -> GraphContext:
    return GraphContext.of(connection.app.state.services)


async def _graphiql(request: Request) -> Response:
    return graphiql_page(request)


async def _health(request: Request) -> Response:
    """For probes: 200 while the store answers, else 503."""
    health = await probe_health(request.app.state.services)
    return JSONResponse(
        asdict(health),
        status_code=200 if health.status is HealthStatus.OK else 503,
        headers={"cache-control": "no-store"},
    )
