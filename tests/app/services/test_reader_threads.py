"""Readers' array work beside the event loop."""

import asyncio
import threading
import time

import pytest

from app.runs.reader_threads import MOST_AT_ONCE, read_beside


async def test_few_work_at_once_and_all_are_answered():
    lock, under_way, most = threading.Lock(), 0, 0

    def work(number, *, add):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.01)
        with lock:
            under_way -= 1
        return number + add

    found = await asyncio.gather(*(read_beside(work, number, add=100) for number in range(12)))
    assert found == list(range(100, 112))
    assert most == MOST_AT_ONCE


async def test_it_is_not_the_loops_thread_and_errors_come_back():
    assert await read_beside(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await read_beside(lambda: 1 // 0)


async def test_work_whose_caller_is_gone_keeps_its_place():
    go_on = threading.Event()
    begun = threading.Semaphore(0)

    def work():
        begun.release()
        go_on.wait(10)
        raise ZeroDivisionError  # nobody hears it

    gone = [asyncio.create_task(read_beside(work)) for _ in range(MOST_AT_ONCE)]
    for _ in gone:
        assert await asyncio.to_thread(begun.acquire, timeout=10)
    for task in gone:
        task.cancel()
    await asyncio.wait(gone)
    late = asyncio.create_task(read_beside(int, "7"))
    await asyncio.sleep(0.05)
    assert not late.done()
    go_on.set()
    assert await late == 7
