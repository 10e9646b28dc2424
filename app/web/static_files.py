"""Files inside this package as web pages see them: typed, tagged, compressed, and under one strict policy."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import Response

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

FOR_EVER = "public, max-age=31536000, immutable"
"""For an address that never stands for other content."""
CHECKED_EACH_TIME = "no-cache"


@dataclass(frozen=True)
class StaticFile:
    """One file's content and type; tag and compressed form are made once, when they are first asked for."""

    content: bytes
    media_type: str

    @cached_property
    def etag(self) -> str:
        # Weak: the same tag stands for the compressed and the plain form.
        return f'W/"{hashlib.sha256(self.content).hexdigest()[:32]}"'

    @cached_property
    def gzipped(self) -> bytes:
        return gzip.compress(self.content, mtime=0)

    def respond(self, request: Request, *, cache_control: str) -> Response:
        """200 with what the client accepts, or 304. Compresses: to be called in a thread."""
        headers = {
            **_SECURITY_HEADERS,
            "cache-control": cache_control,
            "etag": self.etag,
            "vary": "accept, accept-encoding",
        }
        if request.headers.get("if-none-match") == self.etag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            return Response(self.gzipped, headers=headers, media_type=self.media_type)
        return Response(self.content, headers=headers, media_type=self.media_type)


def static_file(name: str, content: bytes) -> StaticFile:
    """A file of the type that its name says. Raises KeyError for a type that no page needs."""
    return StaticFile(content, _MEDIA_TYPES[PurePosixPath(name).suffix])


def files_below(folder: Traversable, prefix: str = "") -> Mapping[str, StaticFile]:
    """All files below a folder by their path relative to it, with forward slashes."""
    found: dict[str, StaticFile] = {}
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.is_dir():
            found.update(files_below(entry, f"{name}/"))
        else:
            found[name] = static_file(entry.name, entry.read_bytes())
    return found


def no_such_file() -> Response:
    return Response("There is no such file.", 404, _SECURITY_HEADERS, "text/plain")
