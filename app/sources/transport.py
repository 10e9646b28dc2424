"""The HTTP session, set up to do nothing by itself: no redirect, no cookie, no second sending."""

from __future__ import annotations

import ssl
from importlib.metadata import PackageNotFoundError, version

import aiohttp

from app.sources.answers import ACCEPTED_ENCODING


def open_session(*, timeout_seconds: float, connect_seconds: float) -> aiohttp.ClientSession:
    """To be closed by the caller. Bodies come as they are sent, for BodyReader. `timeout_seconds` is for a
    request with its whole answer."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),  # the gates limit
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={
            "User-Agent": _user_agent(),
            "Accept": "application/json",
            "Accept-Encoding": ACCEPTED_ENCODING,
        },
        timeout=aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=connect_seconds),
        auto_decompress=False,
        middlewares=(_send_once,),
    )


class ConnectionLost(aiohttp.ClientError):
    """The connection broke after it was made."""


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """A middleware that keeps aiohttp from sending a GET again by itself, past the gate, when a connection
    breaks: it does so for errors of its own kinds only."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        pass
    raise ConnectionLost


def in_words(error: Exception) -> str:
    """The kind of a failure in transport, without what the error itself says."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return "no connection in time"
        case TimeoutError():
            return "no answer in time"
        case aiohttp.ClientConnectorDNSError():
            return "its host name is not known"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "no secure connection"
        case aiohttp.ClientConnectorError():
            return "no connection"
        case aiohttp.ClientPayloadError():
            return "its answer broke off"
        case aiohttp.ClientResponseError():
            return "its answer is not HTTP"
        case _:
            return "the connection was lost"


def _user_agent() -> str:
    try:
        return f"factorql/{version('factorql')}"
    except PackageNotFoundError:  # run from a folder that was not installed
        return "factorql"
