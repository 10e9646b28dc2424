"""What every stand-in shares: scripted faults, a log of what was asked, a rate limit, and being served."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

HTML_PAGE = b"<!DOCTYPE html><html><head><title>Error</title></head><body>Something went wrong</body></html>"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True, kw_only=True)
class Asked:
    """One request as it arrived. at: time.monotonic() seconds. status: of the answer, 0 before it."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    at: float
    status: int = 0


When = Callable[[Asked], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to a request instead of, or on top of, the true answer.

    status: answered instead of the true one, with `body` (empty where None). body: answered instead of the
    true one. rewrite: makes another document of the true one. shorten_to: this share of the body is sent, as
    if it were all. break_off_at: the connection is closed after this share of the announced body.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = "application/json"
    delay_seconds: float = 0.0
    rewrite: Callable[[Any], Any] | None = None
    shorten_to: float | None = None
    break_off_at: float | None = None


@dataclass(slots=True)
class _Scripted:
    when: When
    fault: Fault
    left: int | None


class Faults:
    """The script of one stand-in. May be changed from another thread while the stand-in is served.

    log: every request in order of arrival, faulty ones too. latency_seconds: added to every answer.
    """

    def __init__(self, *, latency_seconds: float = 0.0) -> None:
        self.log: list[Asked] = []
        self.latency_seconds = latency_seconds
        self._script: list[_Scripted] = []
        self._limit: tuple[int, float] | None = None
        self._tokens = 0.0
        self._refilled_at = 0.0

    def add(self, fault: Fault, *, when: When = lambda asked: True, times: int | None = None) -> None:
        """`fault` for the next `times` requests that `when` holds of; without end where None. The first of
        several faults that fit is taken."""
        self._script.append(_Scripted(when=when, fault=fault, left=times))

    def clear(self) -> None:
        """No fault and no log from here on."""
        self._script.clear()
        self.log.clear()

    def limit(self, requests: int, *, seconds: float) -> None:
        """At most `requests` at once and `requests` per `seconds` in the long run; more are answered 429 with
        Retry-After."""
        self._limit = (requests, seconds)
        self._tokens = float(requests)
        self._refilled_at = time.monotonic()

    def asked(self, path_part: str = "") -> list[Asked]:
        """Of the log, what has `path_part` in its path."""
        return [asked for asked in self.log if path_part in asked.path]

    def refused(self) -> int:
        """Requests answered 429."""
        return sum(asked.status == 429 for asked in self.log)

    def _seconds_over_limit(self) -> float:
        """0 where this request is within the limit, else the time until it would be."""
        if self._limit is None:
            return 0.0
        requests, seconds = self._limit
        now = time.monotonic()
        self._tokens = min(float(requests), self._tokens + (now - self._refilled_at) * requests / seconds)
        self._refilled_at = now
        if self._tokens < 1.0:
            return (1.0 - self._tokens) * seconds / requests
        self._tokens -= 1.0
        return 0.0

    def _take(self, asked: Asked) -> Fault | None:
        for scripted in self._script:
            if scripted.left != 0 and scripted.when(asked):
                if scripted.left is not None:
                    scripted.left -= 1
                return scripted.fault
        return None

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        asked = Asked(
            path=request.path,
            query=dict(request.query),
            headers=dict(request.headers),
            at=time.monotonic(),
        )
        self.log.append(asked)
        wait = self._seconds_over_limit()
        fault = self._take(asked) if not wait else None
        delay = self.latency_seconds + (fault.delay_seconds if fault else 0.0)
        if delay:
            await asyncio.sleep(delay)
        if wait:
            response: web.StreamResponse = web.json_response(
                {"error": "rate_limited"}, status=429, headers={"Retry-After": str(math.ceil(wait))}
            )
        elif fault is None:
            response = await handler(request)
        else:
            response = await _faulty(fault, request, handler)
        asked.status = response.status
        return response


async def _faulty(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    status = fault.status or 200
    if fault.status is not None or fault.body is not None:
        body = fault.body or b""
    else:
        true_answer = await handler(request)
        assert isinstance(true_answer, web.Response)
        assert isinstance(true_answer.body, bytes)
        status, body = true_answer.status, true_answer.body
    if fault.rewrite is not None:
        body = orjson.dumps(fault.rewrite(orjson.loads(body)))
    if fault.shorten_to is not None:
        body = body[: int(len(body) * fault.shorten_to)]
    if fault.break_off_at is not None:
        return await _broken_off(request, body, int(len(body) * fault.break_off_at))
    return web.Response(status=status, body=body, content_type=fault.content_type, headers=fault.headers)


async def _broken_off(request: web.Request, body: bytes, sent: int) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[:sent])
    if request.transport is not None:
        request.transport.close()
    return response


def stand_in(faults: Faults, routes: Iterable[web.RouteDef]) -> web.Application:
    """The application of a stand-in, on which `faults` acts."""

    @web.middleware
    async def misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await faults.answer(request, handler)

    application = web.Application(middlewares=[misbehave])
    application.add_routes(routes)
    return application


@contextmanager
def serve_in_thread(application: web.Application) -> Iterator[str]:
    """The base address, without a slash at its end, of the application on a free loopback port; it has an
    event loop and a thread of its own, so a command in another process can be tried against it."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)

    async def start() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    thread = threading.Thread(target=loop.run_forever, name="stand-in", daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
