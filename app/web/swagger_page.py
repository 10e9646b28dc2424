"""Swagger UI, served from files inside this package: REST described for people, and tried out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router

from app.web.static_files import (
    CHECKED_EACH_TIME,
    CONTENT_SECURITY_POLICY,
    StaticFile,
    files_below,
    no_such_file,
)

PAGE_PATH = "/docs"
ASSETS_PATH = "/docs"
"""Where `swagger_assets` is mounted: the page names its assets relative to itself, as `docs/...`."""

_PAGE = "index.html"
# the style sheet holds its icons
_POLICY = CONTENT_SECURITY_POLICY.replace("img-src 'self'", "img-src 'self' data:")


def swagger_page(request: Request) -> Response:
    """The page. It reads `openapi.json` beside it, so it belongs at `PAGE_PATH`."""
    return _respond(_assets()[_PAGE], request)


def _swagger_asset(request: Request) -> Response:
    """One file beside the page, or 404. Synchronous, to compress in a thread."""
    name = request.path_params["name"]
    if name == _PAGE or name not in _assets():
        return no_such_file()
    return _respond(_assets()[name], request)


def _without_slash(_request: Request) -> Response:
    # relative, since a proxy may serve all of this below a path of its own
    return RedirectResponse(f"..{PAGE_PATH}")


swagger_assets = Router([Route("/", _without_slash), Route("/{name}", _swagger_asset)])
"""The scripts, the styles and the licences: an ASGI app to mount at `ASSETS_PATH`."""


def _respond(file: StaticFile, request: Request) -> Response:
    response = file.respond(request, cache_control=CHECKED_EACH_TIME)
    response.headers["content-security-policy"] = _POLICY
    return response


@cache
def _assets() -> Mapping[str, StaticFile]:
    return files_below(files(__package__).joinpath("swagger"))
