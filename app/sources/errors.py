"""What goes wrong with a vendor: each error is short and names neither a key nor an address.

SourceError
├── SourceNotConfigured   a key is needed and not set
├── SourceRefused         the vendor refuses the key, or this machine (HTTP 401 or 403)
├── SourceRejected        the vendor finds the request itself wrong (any other HTTP 4xx)
├── SourceMalformed       the answer is not what the vendor describes: no JSON, too large, a redirect
├── SourceUnavailable     no answer, or none but errors and "too many requests", after all retries
├── SourceIncomplete      most of the assets could not be fetched
└── SourceEmpty           there is no data of these assets in this span
"""

from __future__ import annotations

from app.errors import FactorQLError


class SourceError(FactorQLError):
    """Base of what a fetch fails with."""

    code = "SOURCE_ERROR"


class SourceNotConfigured(SourceError):
    code = "SOURCE_NOT_CONFIGURED"
    http_status = 500


class SourceRefused(SourceError):
    code = "SOURCE_REFUSED"


class SourceRejected(SourceError):
    """`status`: the HTTP status, from 400 to 499."""

    code = "SOURCE_REJECTED"

    def __init__(self, message: str, *, status: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class SourceMalformed(SourceError):
    code = "SOURCE_MALFORMED"


class SourceUnavailable(SourceError):
    code = "SOURCE_UNAVAILABLE"


class SourceIncomplete(SourceError):
    code = "SOURCE_INCOMPLETE"


class SourceEmpty(SourceError):
    code = "SOURCE_EMPTY"
