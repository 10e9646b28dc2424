"""Requests to a vendor: what is sent, what is kept, how large answers may be and how fast requests go."""

import asyncio
import gzip
import threading
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from app.sources.client import ClientLimits, Get, Host, SourceClient, Usage
from app.sources.errors import (
    SourceMalformed,
)
from tests.app.sources.vendor import (
    Bench,
    FakeTime,
    Vendor,
    document,
    gzipped,
    opened,
    raw,
    serve,
)

GOOD = {"price": [1, 2]}


def same(value: Any) -> Any:
    return value


# -- good answers ------------------------------------------------------------------------------------------


async def test_a_document_is_asked_for_and_parsed(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [document(GOOD)]
    get = vendor.get(
        "/v1/a%2Fb/prices", params=(("b", "x y"), ("a", "1,2"), ("b", "&=?#")), secrets=(("key", "s&cret"),)
    )

    assert await bench.requests().get(get, lambda document: document["price"]) == [1, 2]

    (seen,) = vendor.seen
    assert seen.raw_path.split("?")[0] == "/v1/a%2Fb/prices"
    assert list(seen.query.items()) == [("b", "x y"), ("a", "1,2"), ("b", "&=?#"), ("key", "s&cret")]
    assert seen.headers["User-Agent"].startswith("factorql/")
    assert seen.headers["Accept-Encoding"] == "gzip"
    assert bench.usage == Usage(requests=1, bytes=len('{"price": [1, 2]}'))
    assert bench.changes == 1


async def test_parsing_does_not_hold_up_the_loop(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [document(GOOD)]

    thread = await bench.requests().get(vendor.get(), lambda _: threading.current_thread())

    assert thread is not threading.current_thread()


async def test_a_kept_answer_is_not_asked_for_again(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [document(GOOD)]
    requests = bench.requests()

    assert await requests.get(vendor.get(), same) == GOOD
    assert await requests.get(vendor.get(), same) == GOOD

    assert len(vendor.seen) == 1
    assert (bench.usage.requests, bench.usage.cached, bench.changes) == (1, 1, 2)


async def test_another_key_finds_the_same_kept_answer(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [document(GOOD)]

    await bench.requests().get(vendor.get(secrets=(("key", "one"),)), same)
    await bench.requests().get(vendor.get(secrets=(("key", "two"),)), same)

    assert len(vendor.seen) == 1


async def test_other_params_are_another_request(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [document(GOOD)]

    for params in ((), (("a", "1"),), (("a", "2"),)):
        await bench.requests().get(vendor.get(params=params), same)

    assert len(vendor.seen) == 3


async def test_a_fetch_may_ask_for_answers_of_its_own_time(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [document(1), document(2)]
    await bench.requests().get(vendor.get(), same)

    begun = datetime.now(UTC) + timedelta(seconds=1)
    assert await bench.requests(not_before=begun - timedelta(minutes=1)).get(vendor.get(), same) == 1
    assert await bench.requests(not_before=begun).get(vendor.get(), same) == 2


async def test_a_kept_answer_that_is_not_understood_is_asked_for_again(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [document({"old": 1}), document({"new": 2})]
    await bench.requests().get(vendor.get(), same)

    assert await bench.requests().get(vendor.get(), lambda document: document["new"]) == 2
    assert (bench.usage.requests, bench.usage.cached) == (2, 0)


async def test_an_answer_that_is_not_understood_is_not_kept(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [document({"old": 1})]

    with pytest.raises(SourceMalformed):
        await bench.requests().get(vendor.get(), lambda document: document["new"])

    assert bench.files() == []


async def test_compressed_answers_are_counted_as_sent(vendor: Vendor, bench: Bench) -> None:
    body = b"[" + b"1," * 100_000 + b"1]"
    vendor.answers = [gzipped(body)]

    assert len(await bench.requests().get(vendor.get(), same)) == 100_001
    assert bench.usage.bytes == len(gzip.compress(body))


# -- size --------------------------------------------------------------------------------------------------


async def test_a_body_may_be_as_large_as_the_limit(
    vendor: Vendor, fake_time: FakeTime, tmp_path: Path
) -> None:
    async with opened(tmp_path, fake_time, ClientLimits(max_response_bytes=1000)) as bench:
        vendor.answers = [raw(b'"' + b"x" * 998 + b'"')]
        assert len(await bench.requests().get(vendor.get("/at"), same)) == 998
        vendor.answers = [gzipped(b'"' + b"x" * 998 + b'"')]
        assert len(await bench.requests().get(vendor.get("/gzipped"), same)) == 998
        for answer in (raw(b'"' + b"x" * 999 + b'"'), gzipped(b'"' + b"x" * 999 + b'"')):
            vendor.answers = [answer]
            with pytest.raises(SourceMalformed, match="larger than 1,000 bytes"):
                await bench.requests().get(vendor.get("/above"), same)


async def test_a_small_body_cannot_fill_the_memory(
    vendor: Vendor, fake_time: FakeTime, tmp_path: Path
) -> None:
    bomb = gzip.compress(bytes(200_000_000), 1)
    vendor.answers = [raw(bomb, Content_Encoding="gzip")]

    async with opened(tmp_path, fake_time, ClientLimits(max_response_bytes=2_000_000)) as bench:
        tracemalloc.start()
        try:
            with pytest.raises(SourceMalformed, match="larger than"):
                await bench.requests().get(vendor.get(), same)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < 15_000_000


async def test_an_endless_body_is_left(vendor: Vendor, fake_time: FakeTime, tmp_path: Path) -> None:
    left = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b" " * 10_000)
        finally:
            left.set()

    vendor.answers = [endless]
    async with opened(tmp_path, fake_time, ClientLimits(max_response_bytes=50_000)) as bench:
        with pytest.raises(SourceMalformed, match="larger than"):
            await bench.requests().get(vendor.get(), same)
        async with asyncio.timeout(30):
            await left.wait()
        assert bench.usage.bytes < 2_000_000


# -- pace --------------------------------------------------------------------------------------------------


async def test_all_requests_go_no_faster_than_the_rate(vendor: Vendor, tmp_path: Path) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.02)
        return await document(GOOD)(request)

    vendor.answers = [slow]
    host = vendor.host(rate=200.0)
    usage = Usage()
    async with opened(tmp_path, vendor.time) as bench, SourceClient(bench.client.cache) as client:
        requests = client.requests(usage)
        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(300):
                group.create_task(requests.get(vendor.get(host=host, params=(("n", str(number)),)), same))
        took = time.monotonic() - begun

    assert took >= 299 / 200 + 0.02
    assert usage.requests == len(vendor.seen) == 300


async def test_one_origin_has_one_gate(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [document(GOOD)]
    host = vendor.host(rate=1.0)
    elsewhere = Host(name="B", base_url=vendor.base_url + "/b", requests_per_second=1.0)
    begun = bench.time.now

    await bench.requests().get(vendor.get(host=host), same)
    await bench.requests().get(vendor.get(host=elsewhere), same)
    await bench.requests().get(vendor.get("/c", host=host), same)

    assert [moment - begun for moment in vendor.times] == pytest.approx([0, 1, 2])


async def test_two_origins_do_not_wait_for_each_other(
    vendor: Vendor, bench: Bench, fake_time: FakeTime
) -> None:
    async with serve(fake_time) as other:
        vendor.answers = other.answers = [document(GOOD)]
        await bench.requests().get(vendor.get(host=vendor.host(rate=0.001)), same)
        await bench.requests().get(other.get(host=other.host(rate=0.001)), same)

    assert fake_time.sleeps == []


async def test_retries_are_paced_too(vendor: Vendor, fake_time: FakeTime, tmp_path: Path) -> None:
    vendor.answers = [raw(b"", 500), raw(b"", 500), document(GOOD)]
    begun = fake_time.now

    async with opened(tmp_path, fake_time, random=0.0) as bench:
        await bench.requests().get(vendor.get(host=vendor.host(rate=1.0)), same)

    assert [moment - begun for moment in vendor.times] == pytest.approx([0, 1, 2])


# -- what is asked -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "vendor.test",
        "ftp://vendor.test",
        "file:///etc",
        "https://",
        "https://vendor.test/",
        "https://user:word@vendor.test",
        "https://vendor.test?x=1",
        "https://vendor.test#x",
        "https://vendor.test:port",
        "https://vendor.test /x",
        "https://vendor.test\r\nx",
    ],
)
def test_a_host_needs_a_plain_address(base_url: str) -> None:
    with pytest.raises(ValueError, match=r"base URL|[Pp]ort"):
        Host(name="Vendor", base_url=base_url, requests_per_second=1.0)


@pytest.mark.parametrize(
    "manners",
    [{"requests_per_second": 0.0}, {"requests_per_second": float("nan")}, {"burst": 0}, {"concurrency": 0}],
)
def test_a_host_needs_manners(manners: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Host(**{"name": "V", "base_url": "https://vendor.test", "requests_per_second": 1.0} | manners)


@pytest.mark.parametrize("path", ["", "prices", "/a?b=c", "/a#b", "/a b", "/^IRX", "/é", "/a\r\nb", "/a\\b"])
def test_a_path_must_be_quoted(path: str) -> None:
    with pytest.raises(ValueError, match="quoted"):
        Get(host=Host(name="V", base_url="https://vendor.test", requests_per_second=1.0), path=path)


async def test_a_client_must_be_open(vendor: Vendor, bench: Bench) -> None:
    client = SourceClient(bench.client.cache)

    with pytest.raises(RuntimeError, match="not open"):
        await client.requests(Usage()).get(vendor.get(), same)


async def test_a_folder_that_cannot_be_written_does_not_stop_a_fetch(
    vendor: Vendor, fake_time: FakeTime, tmp_path: Path
) -> None:
    vendor.answers = [document(GOOD)]
    (tmp_path / "responses").write_text("a file where the folder should be")

    async with opened(tmp_path / "responses", fake_time) as bench:
        assert await bench.requests().get(vendor.get(), same) == GOOD
