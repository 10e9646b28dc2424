"""GraphiQL, served from files inside this package: the page at the GraphQL endpoint, its assets beside it."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

ASSETS_PATH = "/graphiql"
"""Where `graphiql_assets` is mounted: the page names its assets relative to itself, as `graphiql/...`."""

# 'self' covers WebSockets to the same host and port. Nothing inline: neither scripts nor styles.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

_SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_PAGE = "index.html"
_HASHED_SUFFIXES = {".css", ".js", ".svg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asset:
    content: bytes
    media_type: str
    etag: str
    cache_control: str


def graphiql_page(request: Request) -> Response:
    """The GraphiQL page. Its script sends requests to `graphql` beside it, so it belongs at that address."""
    return _respond(request, _PAGE)


def _graphiql_asset(request: Request) -> Response:
    """One file beside the page, or 404. Synchronous, to compress the script in a thread."""
    name = request.path_params["name"]
    if name == _PAGE or name not in _assets():
        return Response("There is no such file.", 404, _SECURITY_HEADERS, "text/plain")
    return _respond(request, name)


graphiql_assets = Router([Route("/{name}", _graphiql_asset)])
"""The script, the stylesheet, the mark and the licences: an ASGI app to mount at `ASSETS_PATH`."""


def _respond(request: Request, name: str) -> Response:
    asset = _assets()[name]
    headers = {
        **_SECURITY_HEADERS,
        "cache-control": asset.cache_control,
        "etag": asset.etag,
        "vary": "accept, accept-encoding",
    }
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(_gzipped(name), headers=headers, media_type=asset.media_type)
    return Response(asset.content, headers=headers, media_type=asset.media_type)


@cache
def _assets() -> dict[str, _Asset]:
    folder = files(__package__).joinpath("graphiql")
    return {entry.name: _asset(entry.name, entry.read_bytes()) for entry in folder.iterdir()}


def _asset(name: str, content: bytes) -> _Asset:
    suffix = PurePosixPath(name).suffix
    return _Asset(
        content=content,
        media_type=_MEDIA_TYPES[suffix],
        # Weak: the same tag stands for the compressed and the plain form.
        etag=f'W/"{hashlib.sha256(content).hexdigest()[:32]}"',
        # A name with a content hash never changes its content; the page that names them may.
        cache_control="public, max-age=31536000, immutable" if suffix in _HASHED_SUFFIXES else "no-cache",
    )


@cache
def _gzipped(name: str) -> bytes:
    return gzip.compress(_assets()[name].content, mtime=0)
