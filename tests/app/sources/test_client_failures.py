"""Requests to a vendor that fail: which are asked again, which are not, and how each failure is told."""

import asyncio
import gzip
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from app.sources.client import ClientLimits, Get, Host
from app.sources.errors import (
    SourceError,
    SourceIncomplete,
    SourceMalformed,
    SourceRefused,
    SourceRejected,
    SourceUnavailable,
)
from tests.app.sources.vendor import (
    FAST,
    Answer,
    Bench,
    FakeTime,
    Vendor,
    broken_off,
    document,
    hang_up,
    opened,
    raw,
    serve,
)

GOOD = {"price": [1, 2]}


def same(value: Any) -> Any:
    return value


# -- asking again ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_passing_failure_is_asked_again(vendor: Vendor, bench: Bench, status: int) -> None:
    vendor.answers = [raw(b"<html>", status), raw(b"", status), document(GOOD)]

    assert await bench.requests().get(vendor.get(), same) == GOOD
    assert (bench.usage.requests, bench.usage.retries, bench.changes) == (3, 2, 3)


@pytest.mark.parametrize("random", [0.0, 0.25, 1.0])
async def test_waits_are_a_random_part_of_a_doubling_time_with_a_cap(
    vendor: Vendor, fake_time: FakeTime, tmp_path: Path, random: float
) -> None:
    vendor.answers = [raw(b"", 500)]
    limits = ClientLimits(attempts=6, backoff_base_seconds=1.0, backoff_cap_seconds=6.0)

    async with opened(tmp_path, fake_time, limits, random=random) as bench:
        with pytest.raises(SourceUnavailable):
            await bench.requests().get(vendor.get(), same)

    assert fake_time.sleeps == [random * wait for wait in (1, 2, 4, 6, 6) if random > 0]
    assert len(vendor.seen) == 6


def in_seconds(seconds: float) -> str:
    """As an HTTP date, which has no fractions."""
    moment = FakeTime().wall() + timedelta(seconds=seconds)
    return format_datetime(moment, usegmt=True)


@pytest.mark.parametrize(
    ("header", "waited"),
    [
        ("7", 7.0),
        (" 2.5 ", 2.5),
        ("100000", 120.0),
        ("9" * 400, 120.0),
        (in_seconds(40), 40.0),
        (in_seconds(40).replace("GMT", "-0000"), 40.0),
        (in_seconds(86_400), 120.0),
        # none of these says how long, so the wait is half of the first backoff
        ("0", 0.25),
        ("-5", 0.25),
        ("soon", 0.25),
        ("", 0.25),
        (in_seconds(-40), 0.25),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_the_vendor_may_say_how_long_to_wait(
    vendor: Vendor, bench: Bench, status: int, header: str, waited: float
) -> None:
    vendor.answers = [raw(b"", status, Retry_After=header), document(GOOD)]

    assert await bench.requests().get(vendor.get(), same) == GOOD
    assert bench.time.sleeps[0] == pytest.approx(waited, abs=1e-6)


async def test_too_many_requests_make_all_of_them_wait(
    vendor: Vendor, fake_time: FakeTime, tmp_path: Path
) -> None:
    pass_time = fake_time.sleep
    waiting = 0
    all_wait = asyncio.Event()

    async def sleep(seconds: float) -> None:
        nonlocal waiting
        if 29.0 < seconds <= 30.0:
            waiting += 1
            if waiting == 2:  # the failed one, and the first of those that have not been sent
                all_wait.set()
            await all_wait.wait()
        await pass_time(seconds)

    vendor.answers = [raw(b"", 429, Retry_After="30"), document(GOOD)]
    fake_time.sleep = sleep  # type: ignore[method-assign]
    async with opened(tmp_path, fake_time) as bench, asyncio.timeout(30), asyncio.TaskGroup() as group:
        host = vendor.host(concurrency=1)
        for number in range(3):
            get = vendor.get(host=host, params=(("n", str(number)),))
            group.create_task(bench.requests().get(get, same))
        await all_wait.wait()
        assert len(vendor.seen) == 1

    assert len(vendor.seen) == 4


async def test_another_failure_makes_only_its_own_request_wait(
    vendor: Vendor, fake_time: FakeTime, tmp_path: Path
) -> None:
    waiting, held = asyncio.Event(), asyncio.Event()
    pass_time = fake_time.sleep

    async def sleep(seconds: float) -> None:
        if seconds == 30.0:
            waiting.set()
            await held.wait()
        await pass_time(seconds)

    async def answer(request: web.Request) -> web.StreamResponse:
        failing = request.path == "/failing" and not held.is_set()
        return await (raw(b"", 503, Retry_After="30") if failing else document(GOOD))(request)

    vendor.answers = [answer]
    fake_time.sleep = sleep  # type: ignore[method-assign]
    async with opened(tmp_path, fake_time) as bench:
        host = vendor.host(concurrency=1)
        failing = asyncio.create_task(bench.requests().get(vendor.get("/failing", host=host), same))
        await waiting.wait()
        assert await bench.requests().get(vendor.get("/good", host=host), same) == GOOD
        assert not failing.done()
        held.set()
        assert await failing == GOOD


async def test_after_the_last_attempt_the_failure_says_what_was_tried(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [raw(b"<html>down</html>", 503)]

    with pytest.raises(SourceUnavailable) as failure:
        await bench.requests().get(vendor.get(params=(("public", "query"),)), same)

    assert failure.value.message == "Vendor, asked for /prices: HTTP 503, tried 5 times"
    assert (len(vendor.seen), bench.usage.requests, bench.usage.retries) == (5, 5, 4)


async def test_a_lost_connection_is_sent_once_an_attempt(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [document(GOOD), hang_up]
    await bench.requests().get(vendor.get("/first"), same)  # the connection is kept, and breaks later

    with pytest.raises(SourceUnavailable, match="connection was lost, tried 5 times"):
        await bench.requests().get(vendor.get(), same)

    assert len(vendor.seen) == 1 + 5


async def test_an_answer_that_breaks_off_is_asked_again(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [broken_off(b'{"price"', 17), document(GOOD)]

    assert await bench.requests().get(vendor.get(), same) == GOOD
    assert bench.usage.bytes == len('{"price"') + len('{"price": [1, 2]}')


async def test_an_answer_that_always_breaks_off_is_unavailable(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [broken_off(b'{"price"', 17)]

    with pytest.raises(SourceUnavailable, match="its answer broke off, tried 5"):
        await bench.requests().get(vendor.get(), same)


async def test_a_slow_answer_is_given_up_and_asked_again(
    vendor: Vendor, fake_time: FakeTime, tmp_path: Path
) -> None:
    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    async def slow_body(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"[")
        return await never(request)

    vendor.answers = [never, slow_body, document(GOOD)]
    async with opened(tmp_path, fake_time, ClientLimits(timeout_seconds=0.1)) as bench:
        assert await bench.requests().get(vendor.get(), same) == GOOD
        assert bench.usage.retries >= 2
        vendor.answers = [never]
        with pytest.raises(SourceUnavailable, match="no answer in time"):
            await bench.requests().get(vendor.get("/other"), same)


async def test_a_vendor_that_is_not_there_is_unavailable(fake_time: FakeTime, bench: Bench) -> None:
    async with serve(fake_time) as vendor:
        get = vendor.get()

    with pytest.raises(SourceUnavailable, match=r"asked for /prices: no connection, tried 5"):
        await bench.requests().get(get, same)


async def test_bytes_that_are_not_http_are_unavailable(bench: Bench) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"SSH-2.0-server\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        host = Host(name="Vendor", base_url=f"http://127.0.0.1:{port}", requests_per_second=FAST)
        with pytest.raises(SourceUnavailable, match="its answer is not HTTP"):
            await bench.requests().get(Get(host=host, path="/"), same)


# -- not asking again --------------------------------------------------------------------------------------


async def failure_of(vendor: Vendor, bench: Bench, answer: Answer, **parts: Any) -> SourceError:
    vendor.answers = [answer]
    with pytest.raises(SourceError) as caught:
        await bench.requests().get(vendor.get(**parts), same)
    assert len(vendor.seen) == 1
    assert bench.files() == []
    return caught.value


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_is_final(vendor: Vendor, bench: Bench, status: int) -> None:
    error = await failure_of(vendor, bench, raw(b"no", status), secrets=(("key", "wrong"),))

    assert isinstance(error, SourceRefused)
    assert (error.message, error.hint) == (f"Vendor, asked for /prices: HTTP {status}", "check the key")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"message": "no such asset"}, "; it says: no such asset"),
        ({"error": "no such asset"}, "; it says: no such asset"),
        ({"error": {"type": "bad", "message": "no such asset"}}, "; it says: no such asset"),
        ({"chart": {"result": None, "error": {"description": "no such asset"}}}, "; it says: no such asset"),
        ({"message": "see http://vendor.test/?key=1 there\x1b[0m\n"}, "; it says: see … there [0m"),
        ({"message": "x" * 500}, "; it says: " + "x" * 199 + "…"),
        ({"message": 5}, ""),
        ([], ""),
        ({"message": " "}, ""),
    ],
)
async def test_a_rejection_has_the_vendors_own_words(
    vendor: Vendor, bench: Bench, answer: Any, said: str
) -> None:
    error = await failure_of(vendor, bench, document(answer, 404))

    assert isinstance(error, SourceRejected)
    assert error.status == 404
    assert error.message == f"Vendor, asked for /prices: HTTP 404{said}"


async def test_a_rejection_needs_no_words(vendor: Vendor, bench: Bench) -> None:
    error = await failure_of(vendor, bench, raw(b"<html>" + b"x" * 1_000_000, 400))

    assert error.message == "Vendor, asked for /prices: HTTP 400"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(vendor: Vendor, bench: Bench, status: int) -> None:
    error = await failure_of(vendor, bench, document(GOOD, status, Location="/elsewhere"))

    assert isinstance(error, SourceMalformed)
    assert "redirect" in error.message
    assert "elsewhere" not in error.message


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (raw(b"\n<!doctype html><html>"), "a web page"),
        (raw(b'{"price": [1, 2'), "no JSON, or cut off"),
        (raw(b""), "no JSON, or cut off"),
        (raw(b"", 204), "no JSON, or cut off"),
        (raw(b"[" * 100_000), "no JSON, or cut off"),
        (raw(gzip.compress(b"[1]")[:-9], Content_Encoding="gzip"), "its compressed form is cut off"),
        (raw(gzip.compress(b"[1]") + b"x", Content_Encoding="gzip"), "more after its compressed end"),
        (raw(b"[1, 2, 3, 4, 5]", Content_Encoding="gzip"), "its compression is garbled"),
        (raw(b"[1]", Content_Encoding="br"), "compressed in a way that was not asked for"),
    ],
)
async def test_what_is_no_json_is_malformed(
    vendor: Vendor, bench: Bench, answer: Answer, reason: str
) -> None:
    error = await failure_of(vendor, bench, answer)

    assert isinstance(error, SourceMalformed)
    assert reason in error.message


@pytest.mark.parametrize("kind", [ValueError, KeyError, TypeError, IndexError, AttributeError])
async def test_a_document_of_another_form_is_malformed(
    vendor: Vendor, bench: Bench, kind: type[Exception]
) -> None:
    def parse(document: Any) -> None:
        raise kind("the answer's own text")

    vendor.answers = [document(GOOD)]
    with pytest.raises(SourceMalformed, match=kind.__name__) as caught:
        await bench.requests().get(vendor.get(), parse)

    assert "own text" not in caught.value.message
    assert bench.files() == []


async def test_parsing_may_fail_in_a_sources_own_words(vendor: Vendor, bench: Bench) -> None:
    def parse(document: Any) -> None:
        raise SourceIncomplete("half of it")

    vendor.answers = [document(GOOD)]
    with pytest.raises(SourceIncomplete, match="half of it"):
        await bench.requests().get(vendor.get(), parse)


async def test_a_fault_in_parsing_is_not_the_vendors(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [document(GOOD)]
    with pytest.raises(ZeroDivisionError):
        await bench.requests().get(vendor.get(), lambda _: 1 / 0)
