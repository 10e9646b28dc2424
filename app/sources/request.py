"""One request to a vendor, and how it may be shown: its keys are sent and appear nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from yarl import URL

from app.sources.answers import redact, shorten
from app.sources.errors import SourceError, SourceRejected

ErrorT = TypeVar("ErrorT", bound=SourceError)

_MAX_SHOWN_PATH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A vendor's address and manners.

    name: for messages. base_url: http(s), without a slash at its end. burst: requests that may go at once
    after a rest. concurrency: requests under way at once.
    """

    name: str
    base_url: str
    requests_per_second: float
    burst: int = 1
    concurrency: int = 8

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        _ = parts.port  # raises ValueError
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or "@" in parts.netloc
            or parts.query
            or parts.fragment
            or quote(self.base_url, safe="/%:[]") != self.base_url
            or self.base_url.endswith("/")
        ):
            raise ValueError(f"the base URL of {self.name} is not one: http(s)://host, without / at its end")
        if not self.requests_per_second > 0 or self.burst < 1 or self.concurrency < 1:
            raise ValueError(f"{self.name} needs a rate, a burst and a concurrency above zero")

    @property
    def origin(self) -> str:
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc.lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Get:
    """One request. path: starts with a slash, its segments quoted. params: the public query, in order.
    secrets: added to the query when it is sent, and nowhere else."""

    host: Host
    path: str
    params: tuple[tuple[str, str], ...] = ()
    secrets: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or quote(self.path, safe="/%:@!$&'()*+,;=~") != self.path:
            raise ValueError("the path of a request must start with / and be quoted")

    @property
    def public_url(self) -> str:
        """Without secrets: what an answer is kept under."""
        return self._url(self.params)

    def url_to_send(self) -> URL:
        """With secrets: for the session only."""
        return URL(self._url(self.params + self.secrets), encoded=True)

    def hide(self, text: str) -> str:
        """`text` without the secrets' values, plain or quoted."""
        return redact(text, self._hidden())

    def is_echoed_in(self, body: bytes) -> bool:
        """Whether the vendor's answer holds a secret."""
        return any(value.encode() in body for value in self._hidden())

    def _url(self, params: tuple[tuple[str, str], ...]) -> str:
        query = urlencode(params, quote_via=quote, safe=",:")
        return f"{self.host.base_url}{self.path}" + (f"?{query}" if query else "")

    def _hidden(self) -> tuple[str, ...]:
        values = [value for _, value in self.secrets if value]
        return (*values, *(quote(value, safe="") for value in values))


class Asked:
    """What was asked, in words that may be shown, and the errors that say so."""

    def __init__(self, get: Get) -> None:
        path = get.hide(get.path)
        if len(path) > _MAX_SHOWN_PATH:
            path = path[: _MAX_SHOWN_PATH - 1] + "…"
        self.words = f"{get.host.name}, asked for {path}"
        self.has_key = bool(get.secrets)
        self._get = get

    def error(self, kind: type[ErrorT], reason: str) -> ErrorT:
        return kind(self._get.hide(f"{self.words}: {reason}"))

    def rejection(self, status: int, vendor_says: str | None) -> SourceRejected:
        # Hidden before it is cut, so that no half of a key is left at the end.
        said = f"; it says: {shorten(self._get.hide(vendor_says))}" if vendor_says else ""
        return SourceRejected(self._get.hide(f"{self.words}: HTTP {status}{said}"), status=status)
