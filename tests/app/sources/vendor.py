"""A local server in a vendor's place, whose answers a test scripts one by one."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from app.sources.cache import ResponseCache
from app.sources.client import ClientLimits, Get, Host, Requests, SourceClient, Usage

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

FAST = 1_000_000.0
"""Requests a second where the pace is not the point."""


LIMITS = ClientLimits()


class FakeTime:
    """A clock that sleeping advances. `sleeps` has the waits that are longer than a fast host's pace."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if seconds > 10 / FAST:
            self.sleeps.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def wall(self) -> datetime:
        return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=self.now)


@dataclass(slots=True)
class Vendor:
    """answers: given in turn, the last one again and again. seen: the requests. times: when they came, by
    the client's clock."""

    time: FakeTime
    base_url: str = ""
    answers: list[Answer] = field(default_factory=list)
    seen: list[web.Request] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        self.times.append(self.time.now)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)

    def host(self, name: str = "Vendor", rate: float = FAST, **manners: Any) -> Host:
        return Host(name=name, base_url=self.base_url, requests_per_second=rate, **manners)

    def get(self, path: str = "/prices", **parts: Any) -> Get:
        return Get(host=parts.pop("host", None) or self.host(), path=path, **parts)


@asynccontextmanager
async def serve(time: FakeTime) -> AsyncIterator[Vendor]:
    vendor = Vendor(time)
    app = web.Application()
    app.router.add_get("/{path:.*}", vendor.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        vendor.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield vendor
    finally:
        await runner.cleanup()


@dataclass(slots=True)
class Bench:
    """A client with what a test looks at."""

    client: SourceClient
    time: FakeTime
    folder: Path
    usage: Usage = field(default_factory=Usage)
    changes: int = 0

    def requests(self, **options: Any) -> Requests:
        def count() -> None:
            self.changes += 1

        return self.client.requests(self.usage, on_change=count, **options)

    def files(self) -> list[Path]:
        return sorted(self.folder.iterdir()) if self.folder.is_dir() else []


@asynccontextmanager
async def opened(
    folder: Path, time: FakeTime, limits: ClientLimits = LIMITS, *, random: float = 0.5
) -> AsyncIterator[Bench]:
    cache = ResponseCache(folder, timedelta(hours=1))
    async with SourceClient(
        cache, limits, random=lambda: random, clock=time, sleep=time.sleep, now=time.wall
    ) as client:
        yield Bench(client, time, folder)


# -- answers -----------------------------------------------------------------------------------------------


def document(value: Any, status: int = 200, **headers: str) -> Answer:
    return raw(json.dumps(value).encode(), status, **headers)


def raw(body: bytes, status: int = 200, **headers: str) -> Answer:
    """Header names with _ for -."""

    async def answer(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers=named)

    return answer


def gzipped(body: bytes) -> Answer:
    return raw(gzip.compress(body), Content_Encoding="gzip")


def broken_off(body: bytes, promised: int) -> Answer:
    """Fewer bytes than the head promises, then the end of the connection."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(promised)})
        await response.prepare(request)
        await response.write(body)
        hang_up_now(request)
        return response

    return answer


async def hang_up(request: web.Request) -> web.StreamResponse:
    """No answer at all."""
    hang_up_now(request)
    return web.Response()


def hang_up_now(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()
