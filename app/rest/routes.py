"""The paths of REST."""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.boundary.encoding import prefers_page
from app.rest import computations, reads
from app.rest.answers import answer
from app.rest.models import Factor
from app.rest.openapi import endpoints, openapi_document

ROOT_PATH = "/"
HEALTH_PATH = "/health"
OPENAPI_PATH = "/openapi.json"

RenderPage = Callable[[Request], Response]
"""Called in a thread."""


def rest_routes(render_page: RenderPage) -> list[Route]:
    """All paths but that of the documentation. `render_page` answers who would rather see a page at `/`."""

    async def root(request: Request) -> Response:
        if prefers_page(request.headers.get("accept")):
            response = await run_in_threadpool(render_page, request)
        else:
            response = answer(reads.root(endpoints()))
        response.headers["vary"] = "accept, accept-encoding"
        return response

    return [
        Route(ROOT_PATH, root),
        Route(HEALTH_PATH, reads.health),
        Route(OPENAPI_PATH, _openapi),
        Route("/factors", reads.factors),
        Route("/factors/compare", reads.compare),
        Route("/factors/time-series", reads.time_series),
        Route("/factors/{factor}/logs", reads.logs),
        Route("/factors/{factor}/latest", reads.latest),
        Route("/compute/equity-factors", computations.compute_equities, methods=["POST"]),
        *(
            Route(f"/compute/{factor.value}", computations.computing(factor), methods=["POST"])
            for factor in Factor
        ),
    ]


async def http_problem(_request: Request, error: Exception) -> Response:
    """For `Starlette(exception_handlers={HTTPException: ...})`: no such path, or not by this method."""
    assert isinstance(error, HTTPException)  # noqa: S101
    return answer({"detail": error.detail}, error.status_code, error.headers)


async def _openapi(_request: Request) -> Response:
    return answer(openapi_document())
