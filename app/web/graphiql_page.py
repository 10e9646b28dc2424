"""GraphiQL, served from files inside this package: the page at the GraphQL endpoint, its assets beside it."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from app.web.static_files import CHECKED_EACH_TIME, FOR_EVER, StaticFile, files_below, no_such_file

ASSETS_PATH = "/graphiql"
"""Where `graphiql_assets` is mounted: the page names its assets relative to itself, as `graphiql/...`."""

_PAGE = "index.html"
_HASHED_SUFFIXES = {".css", ".js", ".svg"}


def graphiql_page(request: Request) -> Response:
    """The GraphiQL page. Its script sends requests to `graphql` beside it, so it belongs at that address."""
    return _assets()[_PAGE].respond(request, cache_control=CHECKED_EACH_TIME)


def _graphiql_asset(request: Request) -> Response:
    """One file beside the page, or 404. Synchronous, to compress the script in a thread."""
    name = request.path_params["name"]
    if name == _PAGE or name not in _assets():
        return no_such_file()
    # A name with a content hash never changes its content.
    hashed = PurePosixPath(name).suffix in _HASHED_SUFFIXES
    return _assets()[name].respond(request, cache_control=FOR_EVER if hashed else CHECKED_EACH_TIME)


graphiql_assets = Router([Route("/{name}", _graphiql_asset)])
"""The script, the stylesheet, the mark and the licences: an ASGI app to mount at `ASSETS_PATH`."""


@cache
def _assets() -> Mapping[str, StaticFile]:
    return files_below(files(__package__).joinpath("graphiql"))
