"""A key is sent to the vendor and appears nowhere else, whatever the vendor does with it."""

import asyncio
import logging
import traceback
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from app.sources.client import ClientLimits, Get, Host
from app.sources.errors import SourceError, SourceMalformed
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

KEY = "S3cr3t/Key+1"
QUOTED = "S3cr3t%2FKey%2B1"
SECRETS = (("key", KEY),)


def same(value: Any) -> Any:
    return value


def has_key(text: str) -> bool:
    """Also a part of it, and in another spelling."""
    return "s3cr3t" in text.lower()


def assert_silent(error: BaseException, caplog: pytest.LogCaptureFixture, bench: Bench) -> None:
    logging.getLogger("test").error("a fetch has failed", exc_info=error)
    assert "a fetch has failed" in caplog.text
    assert not has_key(caplog.text)
    assert not has_key("".join(traceback.format_exception(error)))
    for one in chain(error):
        assert not has_key(f"{one!s} {one!r} {one.args} {getattr(one, '__dict__', {})}")
    for file in bench.files():
        header, body = file.read_bytes().split(b"\n", 1)
        assert not has_key(f"{file.name} {header!r} {zlib.decompress(body)!r}")


def chain(error: BaseException | None) -> Iterator[BaseException]:
    if error is not None:
        yield error
        yield from chain(error.__cause__)
        yield from chain(error.__context__)


async def echo_address(request: web.Request) -> web.StreamResponse:
    return web.json_response({"message": f"bad request {request.url} {request.raw_path}"}, status=400)


async def echo_upper_case(request: web.Request) -> web.StreamResponse:
    return web.json_response({"error": f"key {request.query['key'].upper()} is unknown"}, status=404)


async def echo_at_the_cut(request: web.Request) -> web.StreamResponse:
    return web.json_response({"error": "x" * 190 + request.query["key"]}, status=404)


async def echo_split(request: web.Request) -> web.StreamResponse:
    """With characters in it that are not shown."""
    key = request.query["key"]
    return web.json_response({"error": f"{key[:4]}\x00{key[4:]} {key[:4]}\n{key[4:]}"}, status=404)


async def echo_in_head(request: web.Request) -> web.StreamResponse:
    return web.Response(status=503, reason=request.query["key"], headers={"X-Key": request.query["key"]})


ANSWERS: list[Answer] = [
    echo_address,
    echo_upper_case,
    echo_at_the_cut,
    echo_in_head,
    document({"message": f"wrong key {KEY} ({QUOTED})"}, 422),
    document({"message": KEY}, 401),
    document({"message": KEY}, 403),
    document({"message": KEY}, 500),
    document({}, 302, Location=f"/?key={QUOTED}"),
    raw(f"<html>{KEY}".encode()),
    raw(f'{{"key": "{KEY}"'.encode()),
    broken_off(f'"{KEY}"'.encode(), 1000),
    hang_up,
]


@pytest.mark.parametrize("answer", ANSWERS)
async def test_no_failure_tells_the_key(
    vendor: Vendor, bench: Bench, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    caplog.set_level(logging.DEBUG)
    vendor.answers = [answer]

    with pytest.raises(SourceError) as caught:
        await bench.requests().get(vendor.get(secrets=SECRETS), same)

    assert vendor.seen[0].query["key"] == KEY
    assert_silent(caught.value, caplog, bench)


async def test_a_key_is_hidden_where_characters_are_put_in_between(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [echo_split]

    with pytest.raises(SourceError) as caught:
        await bench.requests().get(vendor.get(secrets=SECRETS), same)

    assert caught.value.message == "Vendor, asked for /prices: HTTP 404; it says: *** ***"


async def test_an_address_without_a_server_does_not_tell_the_key(
    fake_time: FakeTime, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serve(fake_time) as vendor:
        get = vendor.get(secrets=SECRETS)

    with pytest.raises(SourceError) as caught:
        await bench.requests().get(get, same)

    assert_silent(caught.value, caplog, bench)


async def test_a_slow_vendor_does_not_tell_the_key(
    vendor: Vendor, fake_time: FakeTime, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    caplog.set_level(logging.DEBUG)
    vendor.answers = [never]
    limits = ClientLimits(timeout_seconds=0.05, attempts=2)
    async with opened(tmp_path / "responses", fake_time, limits) as bench:
        with pytest.raises(SourceError) as caught:
            await bench.requests().get(vendor.get(secrets=SECRETS), same)

        assert_silent(caught.value, caplog, bench)


async def test_bytes_that_are_not_http_do_not_tell_the_key(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    caplog.set_level(logging.DEBUG)
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        host = Host(name="Vendor", base_url=f"http://127.0.0.1:{port}", requests_per_second=FAST)
        with pytest.raises(SourceError) as caught:
            await bench.requests().get(Get(host=host, path="/", secrets=SECRETS), same)

    assert_silent(caught.value, caplog, bench)


def parse_with_the_text(document: Any) -> None:
    raise ValueError(document["key"])


def parse_with_a_chain(document: Any) -> None:
    try:
        raise KeyError(document["key"])
    except KeyError as error:
        raise SourceMalformed(f"what is {document['key']}") from error


@pytest.mark.parametrize("parse", [parse_with_the_text, parse_with_a_chain])
async def test_parsing_does_not_tell_a_key_that_the_vendor_echoes(
    vendor: Vendor, bench: Bench, caplog: pytest.LogCaptureFixture, parse: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    vendor.answers = [document({"key": KEY})]

    with pytest.raises(SourceMalformed) as caught:
        await bench.requests().get(vendor.get(secrets=SECRETS), parse)

    assert_silent(caught.value, caplog, bench)


@pytest.mark.parametrize("echo", [KEY, QUOTED])
async def test_an_answer_that_echoes_the_key_is_used_and_not_kept(
    vendor: Vendor, bench: Bench, echo: str
) -> None:
    vendor.answers = [document({"key": echo})]

    assert await bench.requests().get(vendor.get(secrets=SECRETS), same) == {"key": echo}
    assert bench.files() == []


async def test_a_kept_answer_does_not_hold_the_key(vendor: Vendor, bench: Bench) -> None:
    vendor.answers = [document({"price": 1})]

    await bench.requests().get(vendor.get(params=(("a", "b"),), secrets=SECRETS), same)

    (file,) = bench.files()
    assert b"?a=b" in file.read_bytes()
    assert b"key" not in file.read_bytes()


def test_a_request_can_be_shown() -> None:
    host = Host(name="Vendor", base_url="https://vendor.test", requests_per_second=1.0)
    get = Get(host=host, path="/prices", secrets=SECRETS)

    assert not has_key(f"{get!r} {get!s} {get.public_url}")
    assert "key=" not in get.public_url
