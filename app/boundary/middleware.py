"""What every request passes before a route sees it: the host, the page it comes from, the token."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.boundary.access import Access, as_address, is_loopback
from app.boundary.headers import (
    Host,
    Origin,
    asks_for_page,
    authorization_of,
    one_header,
    parse_host,
    parse_origin,
)
from app.boundary.refusals import Refusal, malformed, refuse, unauthenticated
from app.errors import InvalidInput, Unauthenticated
from app.settings import Settings

REQUEST_HEADER = "x-factorql-request"
RUN_HEADER = "x-factorql-run"
DATASET_HEADER = "x-factorql-dataset"
"""Of an answer of REST: names the run, as the graph does."""
_FORM_CONTENT_TYPES = frozenset(
    {"", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}
)


def boundary_middleware(
    settings: Settings,
    *,
    graphql_path: str = "/graphql",
    open_paths: Collection[str] = ("/health",),
    open_prefixes: Collection[str] = (),
) -> list[Middleware]:
    """The guards in their order, for `Starlette(middleware=...)`.

    `open_paths` and what begins with one of `open_prefixes` can be read without a token: liveness and
    static files, nothing that shows data. Raises InvalidInput if a configured host or origin is none.
    """
    origins = allowed_origins(settings.cors_origins)
    return [
        Middleware(TrustedHost, allowed_hosts=settings.allowed_hosts),
        Middleware(
            CORSMiddleware,
            allow_origins=[str(origin) for origin in origins],
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", REQUEST_HEADER],
            expose_headers=["retry-after", RUN_HEADER, DATASET_HEADER],
        ),
        Middleware(CrossSiteGuard, allowed_origins=origins),
        Middleware(
            TokenGuard,
            access=Access.of(settings),
            graphql_path=graphql_path,
            open_paths=frozenset(open_paths),
            open_prefixes=tuple(open_prefixes),
        ),
    ]


def allowed_origins(configured: Collection[str]) -> frozenset[Origin]:
    """The configured origins; InvalidInput if one is none. A wildcard is not accepted."""
    origins = set()
    for text in configured:
        origin = parse_origin(text.rstrip("/"))
        if origin is None:
            raise InvalidInput(
                f"Not an origin in FACTORQL_CORS_ORIGINS: {text!r}.",
                hint="Write scheme, host and port, as in https://example.org or http://localhost:3000.",
            )
        origins.add(origin)
    return frozenset(origins)


class _Guard(ABC):
    """Refuses what its rule objects to; everything that is no request passes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    @abstractmethod
    def check(self, scope: Scope) -> None:
        """Raises a Refusal."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            try:
                self.check(scope)
            except Refusal as refusal:
                await refuse(refusal, scope, receive, send)
                return
        await self.app(scope, receive, send)


class TrustedHost(_Guard):
    """The Host must be this machine's own (any port) or configured; else 400.

    Without this a page could rebind its own name to the server's address and read as its own origin.
    Configured are names, names with a port, and `*.example.org` for the names below one.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str] = ()) -> None:
        super().__init__(app)
        self.hosts: set[Host] = set()
        self.suffixes: set[Host] = set()
        for text in allowed_hosts:
            is_suffix = text.startswith("*.")
            host = parse_host(text[2:] if is_suffix else text)
            if host is None:
                raise InvalidInput(
                    f"Not a host in FACTORQL_ALLOWED_HOSTS: {text!r}.",
                    hint="Name each host, as in example.org, example.org:8443 or *.example.org.",
                )
            (self.suffixes if is_suffix else self.hosts).add(host)

    def check(self, scope: Scope) -> None:
        host = parse_host(one_header(scope, "host"))
        if host is None or not self._trusts(host):
            raise malformed(
                "The request names a host that this server does not answer for.",
                hint="Add it to FACTORQL_ALLOWED_HOSTS.",
            )

    def _trusts(self, host: Host) -> bool:
        if is_loopback(host.name) or host in self.hosts or Host(host.name, None) in self.hosts:
            return True
        return any(
            host.name.endswith(f".{suffix.name}") and suffix.port in (None, host.port)
            for suffix in self.suffixes
        )


class CrossSiteGuard(_Guard):
    """Refuses (403) what a page of another site makes a browser send.

    A request is foreign if its Origin is neither the Host it is sent to nor configured (`null` never
    is), or if it has no Origin and the browser's own Sec-Fetch-Site says `cross-site` or `same-site`.
    1. Foreign requests of every method and WebSocket handshakes are refused. Following a link is not
       foreign: a GET without Origin that says Sec-Fetch-Mode `navigate` passes. It changes nothing, and
       only the reader sees what it shows.
    2. A POST without Origin whose content type a plain form could send, or that names none, needs the
       header `x-factorql-request` with any value: old browsers send such forms from other sites without
       Origin, but no page can add the header without asking first (preflight), which is refused.
    3. Everything else passes: the server's own pages, configured origins, and programs, which send
       neither Origin nor Sec-Fetch-Site.
    """

    def __init__(self, app: ASGIApp, allowed_origins: frozenset[Origin] = frozenset()) -> None:
        super().__init__(app)
        self.allowed_origins = allowed_origins

    def check(self, scope: Scope) -> None:
        method = scope.get("method", "GET")
        origin = one_header(scope, "origin")
        if origin is not None:
            if not self._allows(origin, scope):
                raise _cross_site(f"Requests from pages of {origin[:200]!r} are not accepted.")
            return
        site = one_header(scope, "sec-fetch-site")
        follows_link = method in ("GET", "HEAD") and one_header(scope, "sec-fetch-mode") == "navigate"
        if site in ("cross-site", "same-site") and not follows_link:
            raise _cross_site("Requests from pages of other sites are not accepted.")
        if method == "POST" and one_header(scope, REQUEST_HEADER) is None:
            content_type = (one_header(scope, "content-type") or "").partition(";")[0].strip().lower()
            if content_type in _FORM_CONTENT_TYPES:
                raise Refusal(
                    403,
                    InvalidInput(
                        f"A POST of {content_type or 'no content type'} needs the header {REQUEST_HEADER}.",
                        hint=f"Add '{REQUEST_HEADER}: 1', or send application/json.",
                    ),
                )

    def _allows(self, text: str, scope: Scope) -> bool:
        origin, host = parse_origin(text), parse_host(one_header(scope, "host"))
        if origin is None or host is None:
            return False
        return origin.is_at(host) or origin in self.allowed_origins


class TokenGuard(_Guard):
    """With a token configured, refuses (401) whoever may not even read, before a body is looked at.

    A wrong token is refused everywhere. Without one pass: reading of the open paths and of the GraphiQL
    page (which shows no data by itself); WebSockets to the graph, where the token may come in
    connection_init; and with `allow_anonymous_reads` every GET and HEAD, and a POST to the graph, which
    refuses mutations when it has parsed the operation. Without a configured token everything passes, but
    only over the loopback interface.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        graphql_path: str,
        open_paths: frozenset[str] = frozenset(),
        open_prefixes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(app)
        self.access = access
        self.graphql_path = graphql_path
        self.open_paths = open_paths
        self.open_prefixes = open_prefixes

    def check(self, scope: Scope) -> None:
        try:
            if not self.access.needs_token:
                _require_loopback(scope)
                return
            authorization = authorization_of(scope)
            if authorization is None and self._goes_without(scope):
                return
            self.access.admit(authorization)
        except Unauthenticated as error:
            raise unauthenticated(error) from None
        if authorization is None and not self._may_be_a_read(scope):
            raise unauthenticated(Unauthenticated("A token is needed to change anything."))

    def _goes_without(self, scope: Scope) -> bool:
        path = scope["path"]
        if scope["type"] == "websocket":
            return path == self.graphql_path
        if scope["method"] not in ("GET", "HEAD"):
            return False
        return (
            path in self.open_paths
            or path.startswith(self.open_prefixes)
            or (path == self.graphql_path and asks_for_page(scope))
        )

    def _may_be_a_read(self, scope: Scope) -> bool:
        if scope["type"] == "websocket" or scope["method"] in ("GET", "HEAD"):
            return True
        return scope["method"] == "POST" and scope["path"] == self.graphql_path


def _require_loopback(scope: Scope) -> None:
    """The address that was connected to, not the Host a client claims."""
    server = scope.get("server")
    address = as_address(server[0]) if server else None
    if address is not None and not address.is_loopback:
        raise Unauthenticated(
            "This server has no token and answers only to its own machine.",
            hint="Set FACTORQL_API_TOKEN.",
        )


def _cross_site(message: str) -> Refusal:
    return Refusal(403, InvalidInput(message, hint="Add the page's origin to FACTORQL_CORS_ORIGINS."))
