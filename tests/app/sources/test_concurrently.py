from __future__ import annotations

import asyncio

import pytest

from app.sources.concurrently import run_all
from app.sources.errors import SourceUnavailable


async def test_a_failure_is_raised_plainly_and_ends_the_others():
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("endless")

    async def failing() -> None:
        await asyncio.sleep(0)
        raise SourceUnavailable("down")

    async def nested() -> None:
        await run_all([failing(), endless()])

    with pytest.raises(SourceUnavailable, match="down"):
        await run_all([endless(), nested()])
    assert ended == ["endless", "endless"]


async def test_an_error_of_the_vendor_is_told_before_a_fault_of_the_program():
    async def faulty() -> None:
        raise ZeroDivisionError

    async def failing() -> None:
        raise SourceUnavailable("down")

    with pytest.raises(SourceUnavailable):
        await run_all([faulty(), failing()])
    with pytest.raises(ZeroDivisionError):
        await run_all([faulty()])


async def test_cancelling_ends_every_job():
    ended = 0

    async def endless() -> None:
        nonlocal ended
        try:
            await asyncio.Event().wait()
        finally:
            ended += 1

    task = asyncio.create_task(run_all([endless(), endless()]))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == 2
