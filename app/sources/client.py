"""Asks vendors over HTTP: paced, asked again where that may help, kept on disk, and silent about keys.

No error of aiohttp leaves this package, since most hold the address with its query; the errors raised here
are made outside of any `except`, so that no traceback leads back to one.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, Self, TypeVar

import aiohttp

from app.sources.answers import BadBody, BodyReader, read_json, retry_after_seconds, vendor_words
from app.sources.cache import ResponseCache, utc_now
from app.sources.errors import SourceError, SourceMalformed, SourceRefused, SourceUnavailable
from app.sources.pacing import Gate
from app.sources.request import Asked, Get, Host
from app.sources.transport import in_words, open_session

__all__ = ["ClientLimits", "Get", "Host", "Requests", "SourceClient", "Usage"]

_T = TypeVar("_T")

_MAX_ERROR_BYTES: Final = 64 * 1024
_THREADS: Final = 4
"""Of one client: for documents and files, which must not hold up the loop."""
_NOT_AS_EXPECTED: Final = (ValueError, KeyError, TypeError, IndexError, AttributeError)

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Usage:
    """Counters of one fetch, to be read while it runs.

    requests: sent, each attempt on its own. cached: answered from disk. bytes: of bodies, as received.
    retries: attempts after a request's first.
    """

    requests: int = 0
    cached: int = 0
    bytes: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """max_response_bytes: of a body, decompressed. timeout_seconds: for one attempt, from its sending to the
    end of its body. attempts: of one request, with the first. The wait before attempt n+1 is uniform between
    zero and min(cap, base * 2^(n-1)), unless the vendor names one."""

    max_response_bytes: int = 50_000_000
    timeout_seconds: float = 60.0
    connect_seconds: float = 10.0
    attempts: int = 5
    backoff_base_seconds: float = 0.5
    backoff_cap_seconds: float = 30.0
    retry_after_cap_seconds: float = 120.0


class SourceClient:
    """One session for all vendors, and one gate for each origin, which the first request to it sets up.

    An async context manager. The callables are for tests: `random` uniform in 0..1, `clock` monotonic.
    """

    def __init__(
        self,
        cache: ResponseCache,
        limits: ClientLimits = ClientLimits(),
        *,
        random: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.cache = cache
        self.limits = limits
        self._random = random
        self._clock = clock
        self._sleep = sleep
        self._now = now
        self._gates: dict[str, Gate] = {}
        self._session: aiohttp.ClientSession | None = None
        self._threads: ThreadPoolExecutor | None = None

    async def __aenter__(self) -> Self:
        self._session = open_session(
            timeout_seconds=self.limits.timeout_seconds, connect_seconds=self.limits.connect_seconds
        )
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sources")
        return self

    async def __aexit__(self, *_: object) -> None:
        session, self._session = self._session, None
        threads, self._threads = self._threads, None
        try:
            if session is not None:
                await session.close()
        finally:
            if threads is not None:
                # A canceled request's thread goes on to its end; files are whole or gone after this.
                await asyncio.to_thread(threads.shutdown, cancel_futures=True)

    def requests(
        self,
        usage: Usage,
        *,
        not_before: datetime | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> Requests:
        """For one fetch. not_before: answers kept earlier than that are not used. on_change: called after
        each answer, from disk too."""
        return Requests(self, usage, not_before, on_change)

    def _gate(self, host: Host) -> Gate:
        gate = self._gates.get(host.origin)
        if gate is None:
            gate = self._gates[host.origin] = Gate(
                requests_per_second=host.requests_per_second,
                burst=host.burst,
                concurrency=host.concurrency,
                clock=self._clock,
                sleep=self._sleep,
            )
        return gate

    async def _in_thread(self, work: Callable[..., _T], *args: Any) -> _T:
        if self._threads is None:
            raise RuntimeError("the client is not open")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)

    async def _fetch(self, get: Get, usage: Usage, on_change: Callable[[], None]) -> bytes:
        """The body of a good answer, after as many attempts as it takes. Raises SourceError."""
        gate = self._gate(get.host)
        asked = Asked(get)
        for attempt in range(1, self.limits.attempts + 1):
            async with gate.slot():
                usage.requests += 1
                usage.retries += attempt > 1
                outcome = await self._attempt(get, asked, usage)
                if isinstance(outcome, _Setback):
                    wait = self._wait_seconds(outcome, attempt)
                    if outcome.is_throttled:  # inside the slot, so that nobody slips through in between
                        gate.pause(wait)
            on_change()
            if isinstance(outcome, bytes):
                return outcome
            if isinstance(outcome, SourceError):
                _log.warning("%s", outcome)
                raise outcome
            if attempt < self.limits.attempts:
                _log.info("%s: %s; asked again in %.1f s", asked.words, outcome.reason, wait)
                await self._sleep(wait)
        times = "once" if self.limits.attempts == 1 else f"{self.limits.attempts} times"
        failure = asked.error(SourceUnavailable, f"{outcome.reason}, tried {times}")
        failure.hint = "try again later; what was fetched so far is kept"
        _log.warning("%s", failure)
        raise failure

    def _wait_seconds(self, setback: _Setback, attempt: int) -> float:
        limits = self.limits
        if setback.retry_after is not None:
            return min(setback.retry_after, limits.retry_after_cap_seconds)
        # Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        return self._random() * min(
            limits.backoff_cap_seconds, limits.backoff_base_seconds * 2.0 ** (attempt - 1)
        )

    async def _attempt(self, get: Get, asked: Asked, usage: Usage) -> bytes | _Setback | SourceError:
        if self._session is None:
            raise RuntimeError("the client is not open")
        try:
            async with self._session.get(get.url_to_send(), allow_redirects=False) as response:
                return await self._read(response, asked, usage)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _Setback(reason=in_words(error))

    async def _read(
        self, response: aiohttp.ClientResponse, asked: Asked, usage: Usage
    ) -> bytes | _Setback | SourceError:
        status = response.status
        good = 200 <= status < 300
        reader = BodyReader(response, self.limits.max_response_bytes if good else _MAX_ERROR_BYTES)
        body = b""
        fault = None
        try:
            body = await reader.read()
        except BadBody as error:
            fault = str(error)
            response.close()  # the rest of it is not wanted
        except (aiohttp.ClientError, TimeoutError, OSError):
            if good:
                raise
        finally:
            usage.bytes += reader.received
        if good:
            return body if fault is None else asked.error(SourceMalformed, f"its answer is unusable: {fault}")
        if status == 429 or 500 <= status < 600:
            return _Setback(
                reason=f"HTTP {status}",
                retry_after=retry_after_seconds(response.headers.get("Retry-After"), self._now()),
                is_throttled=status == 429,
            )
        if status in (401, 403):
            failure = asked.error(SourceRefused, f"HTTP {status}")
            failure.hint = "check the key" if asked.has_key else "it may refuse this machine's address"
            return failure
        if 400 <= status < 500:
            return asked.rejection(status, vendor_words(body))
        if 300 <= status < 400:
            return asked.error(SourceMalformed, f"HTTP {status}, a redirect, which is not followed")
        return asked.error(SourceMalformed, f"HTTP {status}, which means nothing")


class Requests:
    """The requests of one fetch."""

    def __init__(
        self,
        client: SourceClient,
        usage: Usage,
        not_before: datetime | None,
        on_change: Callable[[], None],
    ) -> None:
        self.usage = usage
        self._client = client
        self._not_before = not_before
        self._on_change = on_change

    async def get(self, get: Get, parse: Callable[[Any], _T]) -> _T:
        """What `parse` makes of the JSON document, kept on disk or asked for.

        parse: runs in a thread, without side effects, since a kept answer that it does not take is asked for
        again. It may raise SourceError, or any error that a document of another shape leads to.
        Raises SourceError: Refused, Rejected, Malformed or Unavailable.
        """
        kept = await self._client._in_thread(self._from_cache, get, parse)
        if kept is not None:
            self.usage.cached += 1
            self._on_change()
            return kept.value
        body = await self._client._fetch(get, self.usage, self._on_change)
        outcome = await self._client._in_thread(self._parse_and_keep, get, body, parse)
        if isinstance(outcome, _Parsed):
            return outcome.value
        _log.warning("%s", outcome)
        raise outcome

    def _from_cache(self, get: Get, parse: Callable[[Any], _T]) -> _Parsed[_T] | None:
        body = self._client.cache.read(get.public_url, self._not_before)
        outcome = _parse(get, body, parse) if body is not None else None
        return outcome if isinstance(outcome, _Parsed) else None

    def _parse_and_keep(self, get: Get, body: bytes, parse: Callable[[Any], _T]) -> _Parsed[_T] | SourceError:
        outcome = _parse(get, body, parse)
        if isinstance(outcome, _Parsed) and not get.is_echoed_in(body):
            self._client.cache.store(get.public_url, body)
        return outcome


# -- one request -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Parsed(Generic[_T]):
    value: _T


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setback:
    """An attempt that may go better the next time."""

    reason: str
    retry_after: float | None = None
    is_throttled: bool = False


def _parse(get: Get, body: bytes, parse: Callable[[Any], _T]) -> _Parsed[_T] | SourceError:
    asked = Asked(get)
    try:
        document = read_json(body)
    except ValueError:
        what = "a web page instead of data" if body.lstrip()[:1] == b"<" else "no JSON, or cut off"
        return asked.error(SourceMalformed, f"its answer is {what}")
    try:
        return _Parsed(parse(document))
    except SourceError as error:
        error.message = get.hide(error.message)
        error.args = (error.message,)
        error.__cause__ = error.__context__ = None  # they may quote the answer, and that the key
        return error
    except _NOT_AS_EXPECTED as error:
        kind = type(error).__name__
        return asked.error(SourceMalformed, f"its answer has another form than is described ({kind})")
