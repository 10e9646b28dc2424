"""A fetch that is canceled at any moment leaves the client as good as before, and no half of a file."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from app.sources.client import Host
from tests.app.sources.vendor import Bench, FakeTime, Vendor, document, opened, raw

GOOD = document({"price": 1})


def same(value: Any) -> Any:
    return value


@pytest.fixture
def host(vendor: Vendor) -> Host:
    """With room for one request, so that one that is lost is noticed."""
    return vendor.host(concurrency=1)


async def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def assert_usable(vendor: Vendor, bench: Bench, host: Host) -> None:
    vendor.answers = [GOOD]
    async with asyncio.timeout(20):
        assert await bench.requests().get(vendor.get("/afterwards", host=host), same) == {"price": 1}
    await assert_whole_files(bench)


async def assert_whole_files(bench: Bench) -> None:
    """Once the client is closed."""
    await bench.client.__aexit__()
    assert [file for file in bench.files() if file.suffix != ".response"] == []


async def test_while_waiting_for_the_answer(vendor: Vendor, bench: Bench, host: Host) -> None:
    arrived = asyncio.Event()

    async def never(request: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.sleep(60)
        return web.Response()

    vendor.answers = [never]
    task = asyncio.create_task(bench.requests().get(vendor.get(host=host), same))
    await arrived.wait()
    await cancel(task)

    await assert_usable(vendor, bench, host)
    assert bench.usage.requests == 2


async def test_in_the_middle_of_the_body(vendor: Vendor, bench: Bench, host: Host) -> None:
    under_way = asyncio.Event()

    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"[1,")
        under_way.set()
        await asyncio.sleep(60)
        return response

    vendor.answers = [half]
    task = asyncio.create_task(bench.requests().get(vendor.get(host=host), same))
    await under_way.wait()
    await asyncio.sleep(0.02)
    await cancel(task)

    await assert_usable(vendor, bench, host)
    assert len(bench.files()) == 1


async def test_while_waiting_for_room(vendor: Vendor, bench: Bench, host: Host) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        arrived.set()
        await go_on.wait()
        return await GOOD(request)

    vendor.answers = [slow]
    first = asyncio.create_task(bench.requests().get(vendor.get("/first", host=host), same))
    await arrived.wait()
    others = [
        asyncio.create_task(bench.requests().get(vendor.get(f"/{number}", host=host), same))
        for number in range(10)
    ]
    await asyncio.sleep(0.05)
    for other in others:
        await cancel(other)
    go_on.set()

    assert await first == {"price": 1}
    await assert_usable(vendor, bench, host)
    assert len(vendor.seen) == 2


@pytest.mark.parametrize("answer", [raw(b"", 500), raw(b"", 429), raw(b"", 429, Retry_After="50")])
async def test_while_waiting_to_ask_again(
    vendor: Vendor, fake_time: FakeTime, tmp_path: Path, host: Host, answer: Any
) -> None:
    pass_time = fake_time.sleep
    waiting, held = asyncio.Event(), True

    async def sleep(seconds: float) -> None:
        if held and seconds > 0.1:
            waiting.set()
            await asyncio.sleep(60)
        await pass_time(seconds)

    fake_time.sleep = sleep  # type: ignore[method-assign]
    vendor.answers = [answer]
    async with opened(tmp_path / "responses", fake_time) as bench:
        task = asyncio.create_task(bench.requests().get(vendor.get(host=host), same))
        await waiting.wait()
        await cancel(task)
        held = False

        await assert_usable(vendor, bench, host)


async def test_while_waiting_for_a_token(vendor: Vendor, fake_time: FakeTime, tmp_path: Path) -> None:
    pass_time = fake_time.sleep
    waiting, held = asyncio.Event(), True

    async def sleep(seconds: float) -> None:
        if held:
            waiting.set()
            await asyncio.sleep(60)
        await pass_time(seconds)

    fake_time.sleep = sleep  # type: ignore[method-assign]
    vendor.answers = [GOOD]
    host = vendor.host(rate=1.0, concurrency=1)
    async with opened(tmp_path / "responses", fake_time) as bench:
        await bench.requests().get(vendor.get("/first", host=host), same)
        task = asyncio.create_task(bench.requests().get(vendor.get(host=host), same))
        await waiting.wait()
        await cancel(task)
        held = False
        await assert_usable(vendor, bench, host)

    first, second = vendor.times
    assert second - first == pytest.approx(1.0)  # the canceled request took no token


async def test_while_parsing(vendor: Vendor, bench: Bench, host: Host) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def parse(document: Any) -> Any:
        begun.set()
        go_on.wait(20)
        return document

    vendor.answers = [GOOD]
    task = asyncio.create_task(bench.requests().get(vendor.get(host=host), parse))
    await asyncio.to_thread(begun.wait, 20)
    await cancel(task)
    go_on.set()

    await assert_usable(vendor, bench, host)


async def test_while_an_answer_is_being_kept(
    vendor: Vendor, bench: Bench, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    replace = Path.replace

    def wait_and_replace(self: Path, target: Path) -> Path:
        begun.set()
        go_on.wait(20)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", wait_and_replace)
    vendor.answers = [GOOD]
    task = asyncio.create_task(bench.requests().get(vendor.get(host=host), same))
    await asyncio.to_thread(begun.wait, 20)
    await cancel(task)
    go_on.set()

    await assert_whole_files(bench)
    assert len(bench.files()) == 1  # the thread ends what it has begun


async def test_at_any_moment(vendor: Vendor, bench: Bench) -> None:
    host = vendor.host(concurrency=2)
    vendor.answers = [GOOD]
    for moment in range(60):
        tasks = [
            asyncio.create_task(bench.requests().get(vendor.get(f"/{moment}/{number}", host=host), same))
            for number in range(4)
        ]
        await asyncio.sleep(moment * 0.0002)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async with asyncio.timeout(20):
        await asyncio.gather(
            *(bench.requests().get(vendor.get(f"/end/{number}", host=host), same) for number in range(4))
        )
    await assert_whole_files(bench)
