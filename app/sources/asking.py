"""From the caller's words to the harvest: each asset once, only so many at a time, stablecoins on demand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Final, TypeVar

from app.sources.concurrently import run_all
from app.sources.harvest import AssetSeries, Harvest, LossCode, SourceRequest
from app.sources.stablecoins import is_known_stablecoin, is_pegged
from engine.panel import PRICE

T = TypeVar("T")

NAME_IT: Final = "name it to have it all the same"
"""Ends the reason why a stablecoin is left out."""


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[None]], *, at_once: int) -> None:
    """`work` on every item, at most `at_once` of them under way, begun in order; so the first are done while
    the last still wait, and progress can be seen. The first error ends all and is raised plainly."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    await run_all(worker() for _ in range(at_once))


def words_of(assets: Iterable[str]) -> tuple[str, ...]:
    """The caller's words without blanks around them, each once, in order; case does not tell two apart."""
    words: dict[str, str] = {}
    for asset in assets:
        if word := asset.strip():
            words.setdefault(word.casefold(), word)
    return tuple(words.values())


def until_yesterday(request: SourceRequest, today: date, harvest: Harvest) -> SourceRequest:
    """The request without days that are not over, which a note tells; today: by UTC."""
    yesterday = today - timedelta(days=1)
    if request.end <= yesterday:
        return request
    harvest.note(f"asked for to {request.end}, fetched to {yesterday}, the last day that is over")
    return replace(request, end=yesterday)


def hand_in(series: AssetSeries, request: SourceRequest, harvest: Harvest) -> None:
    """Add a crypto asset's series, with the attribute `stable`; lose it where it has no day in the span, or
    where its price is held at one dollar and the caller did not name it."""
    if len(series.days) == 0:
        harvest.lose(series.asset, LossCode.NO_DATA, f"no data from {request.start} to {request.end}")
        return
    pegged = PRICE in series.values and is_pegged(series.values[PRICE])
    if pegged and request.assets is None:
        harvest.lose(series.asset, LossCode.STABLECOIN, f"its price is held at one dollar; {NAME_IT}")
        return
    stable = pegged or is_known_stablecoin(series.attributes.get("symbol", series.asset))
    attributes = {**series.attributes, "stable": "true" if stable else "false"}
    harvest.add(replace(series, attributes=attributes))
