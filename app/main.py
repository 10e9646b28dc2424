"""The application: its routes, what stands before them, and what is open while it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute

from app.boundary.graphql_app import FactorQLApp
from app.boundary.middleware import boundary_middleware
from app.context import Services
from app.graph import build_schema
from app.rest.routes import HEALTH_PATH, OPENAPI_PATH, ROOT_PATH, http_problem, rest_routes
from app.schema.context import GraphContext
from app.settings import Settings
from app.web.dashboard_page import ASSETS_PATH as DASHBOARD_PATH
from app.web.dashboard_page import dashboard_assets, dashboard_page
from app.web.graphiql_page import ASSETS_PATH, graphiql_assets, graphiql_page
from app.web.swagger_page import ASSETS_PATH as DOCS_ASSETS_PATH
from app.web.swagger_page import PAGE_PATH as DOCS_PATH
from app.web.swagger_page import swagger_assets, swagger_page
from app.wiring import open_services

GRAPHQL_PATH = "/graphql"

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
            *rest_routes(render_page=dashboard_page),
            Route(DOCS_PATH, swagger_page),
            Mount(DOCS_ASSETS_PATH, swagger_assets),
            Mount(ASSETS_PATH, graphiql_assets),
            Mount(DASHBOARD_PATH, dashboard_assets),
            Route(GRAPHQL_PATH, graph),
            WebSocketRoute(GRAPHQL_PATH, graph),
        ],
        middleware=boundary_middleware(
            chosen,
            graphql_path=GRAPHQL_PATH,
            open_paths=(HEALTH_PATH, ROOT_PATH, DOCS_PATH, OPENAPI_PATH),
            open_prefixes=(f"{ASSETS_PATH}/", f"{DASHBOARD_PATH}/", f"{DOCS_ASSETS_PATH}/"),
        ),
        exception_handlers={HTTPException: http_problem},
        lifespan=lifespan,
    )


def _graph_context(connection: HTTPConnection) -> GraphContext:
    return GraphContext.of(connection.app.state.services)


async def _graphiql(request: Request) -> Response:
    return graphiql_page(request)
