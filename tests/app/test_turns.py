"""Turns: a few at a time, in order, and a bounded number that waits."""

from __future__ import annotations

import asyncio

import pytest

from app.errors import QueueFull
from app.turns import Turns


async def test_a_few_at_a_time_in_order_and_no_more_than_may_wait():
    turns, inside, order, go_on = Turns("changes", 2), [], [], asyncio.Event()

    async def change(number):
        async with turns.turn(most_waiting=3):
            inside.append(number)
            await go_on.wait()
            order.append(number)

    tasks = [asyncio.create_task(change(number)) for number in range(5)]
    await asyncio.sleep(0.01)
    assert inside == [0, 1]
    with pytest.raises(QueueFull, match="3 changes wait already"):
        await change(5)
    go_on.set()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]


async def test_who_gives_up_while_waiting_leaves_room():
    turns, go_on = Turns("changes", 1), asyncio.Event()

    async def change():
        async with turns.turn(most_waiting=1):
            await go_on.wait()

    first, second = asyncio.create_task(change()), asyncio.create_task(change())
    await asyncio.sleep(0.01)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    third = asyncio.create_task(change())
    await asyncio.sleep(0.01)
    go_on.set()
    await asyncio.gather(first, third)
