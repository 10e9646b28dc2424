"""Reading the request headers that decisions rest on: each once, in one spelling."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.types import Scope

from app.boundary.refusals import malformed

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_HOST = re.compile(
    r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_][a-z0-9_.-]*)(?::(?P<port>[0-9]{1,5}))?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Host:
    """A host name in lower case (IPv6 in brackets) and its port where one is written."""

    name: str
    port: int | None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a page comes from, as a browser says it; the port is always known."""

    scheme: str
    name: str
    port: int

    def is_at(self, host: Host) -> bool:
        """Whether requests to `host` stay at the origin. The scheme is left out: a proxy may end TLS."""
        return self.name == host.name and self.port == (host.port or _DEFAULT_PORTS[self.scheme])

    def __str__(self) -> str:
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.name}{port}"


def one_header(scope: Scope, name: str) -> str | None:
    """The header's value, None if absent; a 400 refusal if it is repeated, since readers would differ."""
    wanted = name.encode("ascii")
    values = [value for key, value in scope["headers"] if key == wanted]
    if len(values) > 1:
        raise malformed(f"The header {name} must not be repeated.")
    return values[0].decode("latin-1") if values else None


def parse_host(text: str | None) -> Host | None:
    """None if this is no host, with or without a port."""
    match = _HOST.fullmatch(text or "")
    if match is None:
        return None
    port = match["port"]
    return Host(match["name"].lower(), None if port is None else int(port))


def parse_origin(text: str) -> Origin | None:
    """None for what is no origin of a page: `null`, a path or user in it, another scheme."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    host = parse_host(parts.netloc)
    if scheme not in _DEFAULT_PORTS or host is None or parts.path or parts.query or parts.fragment:
        return None
    return Origin(scheme, host.name, port or _DEFAULT_PORTS[scheme])


def authorization_of(scope: Scope) -> bytes | None:
    """The Authorization header as it was sent."""
    value = one_header(scope, "authorization")
    return None if value is None else value.encode("latin-1")


def asks_for_page(scope: Scope) -> bool:
    """Whether a browser asks for the GraphiQL page of the graph: a GET that accepts HTML and no JSON.

    A query in the URL is then a link that opens it in the page's editor, not one to be answered.
    """
    accepted = one_header(scope, "accept") or ""
    return scope["method"] in ("GET", "HEAD") and "text/html" in accepted and "json" not in accepted
