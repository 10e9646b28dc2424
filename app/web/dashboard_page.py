"""The dashboard, served from files inside this package: plain modules that need no build.

The modules name each other relatively, so all of them lie under one prefix that is a hash of all content:
what is under it never changes and is kept by browsers, and a changed file gives everything a new address.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from app.web.static_files import (
    CHECKED_EACH_TIME,
    FOR_EVER,
    StaticFile,
    files_below,
    no_such_file,
    static_file,
)

ASSETS_PATH = "/dashboard"
"""Where `dashboard_assets` is mounted: the page names its assets relative to itself, as `dashboard/...`."""

_PAGE = "index.html"
_FIRST_VIEW = ("main.js", "pages/overview.js")
_STATIC_IMPORT = re.compile(r'(?:^|\n)(?:import|export)\s[^;"]*?from\s*"(\.[^"]+)";')


def dashboard_page(request: Request) -> Response:
    """The page. Its modules send requests to `graphql` beside it, so it belongs at the root."""
    return _page().respond(request, cache_control=CHECKED_EACH_TIME)


def first_view_files() -> list[str]:
    """The files, without the page, that a browser loads before the overview is drawn."""
    styles = re.findall(r'rel="stylesheet" href="\{\{assets\}\}/([^"]+)"', _template())
    return [*styles, *_modules_of_first_view()]


def _dashboard_asset(request: Request) -> Response:
    """One file under the current prefix, or 404. Synchronous, to compress in a thread."""
    name = request.path_params["name"]
    if request.path_params["version"] != _version() or name == _PAGE or name not in _files():
        return no_such_file()
    return _files()[name].respond(request, cache_control=FOR_EVER)


dashboard_assets = Router([Route("/{version}/{name:path}", _dashboard_asset)])
"""The modules, the styles and the licences: an ASGI app to mount at `ASSETS_PATH`."""


@cache
def _files() -> Mapping[str, StaticFile]:
    return files_below(files(__package__).joinpath("dashboard"))


@cache
def _version() -> str:
    digest = hashlib.sha256()
    for name in sorted(_files()):
        digest.update(f"{name}\0{len(_files()[name].content)}\0".encode())
        digest.update(_files()[name].content)
    return digest.hexdigest()[:16]


def _template() -> str:
    return _files()[_PAGE].content.decode()


@cache
def _page() -> StaticFile:
    assets = f"{ASSETS_PATH.removeprefix('/')}/{_version()}"
    # Else a browser would learn of each module only from the one that imports it.
    preloads = "\n    ".join(
        f'<link rel="modulepreload" href="{assets}/{name}">' for name in _modules_of_first_view()
    )
    text = _template().replace("{{preloads}}", preloads).replace("{{assets}}", assets)
    return static_file(_PAGE, text.encode())


@cache
def _modules_of_first_view() -> tuple[str, ...]:
    """The modules that the first view imports, directly or not."""
    found: dict[str, None] = {}
    waiting = list(_FIRST_VIEW)
    while waiting:
        name = waiting.pop(0)
        if name in found:
            continue
        found[name] = None
        if name.startswith("vendor/"):  # bundled: they import nothing
            continue
        text = _files()[name].content.decode()
        waiting += [_resolved(name, address) for address in _STATIC_IMPORT.findall(text)]
    return tuple(found)


def _resolved(importer: str, address: str) -> str:
    parts = importer.split("/")[:-1]
    for step in address.split("/"):
        if step == "..":
            parts.pop()
        elif step != ".":
            parts.append(step)
    return "/".join(parts)
