"""Working through the assets that a caller named."""

from __future__ import annotations

import asyncio

import pytest

from app.sources.asking import for_each, words_of
from app.sources.errors import SourceUnavailable


async def test_so_many_are_under_way_at_once_and_all_get_their_turn() -> None:
    under_way, most, done = 0, 0, []

    async def work(item: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        done.append(item)

    await for_each(range(20), work, at_once=3)
    assert most == 3
    assert done[:3] == [0, 1, 2]  # the first are done while the last still wait
    assert sorted(done) == list(range(20))


async def test_the_first_error_ends_all_and_is_raised_plainly() -> None:
    begun = []

    async def work(item: int) -> None:
        begun.append(item)
        await asyncio.sleep(0)
        if item == 2:
            raise SourceUnavailable("away")
        await asyncio.sleep(60)

    with pytest.raises(SourceUnavailable, match="away"):
        await for_each(range(100), work, at_once=4)
    assert begun == [0, 1, 2, 3]


async def test_nothing_to_do_is_done_at_once() -> None:
    async def work(item: object) -> None:
        raise AssertionError(item)

    await for_each([], work, at_once=4)


def test_words_are_stripped_and_each_counts_once_whatever_its_case() -> None:
    assert words_of([" btc", "ETH ", "BTC", "", "  ", "eth"]) == ("btc", "ETH")
