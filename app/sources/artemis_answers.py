"""What Artemis answers: its list of assets, series of points, and messages where data should be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.sources.answers import text_or_none
from app.sources.errors import SourceRefused
from app.sources.points import day_of_iso, number

EQUITY_PREFIX: Final = "eq-"
KEY_TROUBLE: Final = re.compile(
    r"api[\s_-]?key|unauthori[sz]ed|not authori[sz]ed|unauthenticated|authentication|forbidden|access denied",
    flags=re.IGNORECASE,
)
"""In a message: it is about the key."""

Series = tuple[list[int], list[float]]
"""Days and values of one metric, as they came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One asset of the vendor's list; `asset` is its symbol in lower case."""

    asset: str
    artemis_id: str
    symbol: str
    title: str | None
    coingecko_id: str | None

    @property
    def attributes(self) -> dict[str, str]:
        return {"symbol": self.symbol} | ({"name": self.title} if self.title else {})

    @property
    def is_equity(self) -> bool:
        return self.artemis_id.startswith(EQUITY_PREFIX) or self.asset.startswith(EQUITY_PREFIX)


def parse_listings(document: Any) -> tuple[Listing, ...]:
    """The assets whose symbol can be asked for.

    Raises ValueError, KeyError, TypeError or AttributeError for another kind of document, SourceRefused for
    one that speaks of the key.
    """
    check_key_accepted(document)
    listings = []
    for entry in document["assets"]:
        symbol, artemis_id = entry["symbol"], entry["artemis_id"]
        if _is_word(symbol) and _is_word(artemis_id):
            listings.append(
                Listing(
                    asset=symbol.lower(),
                    artemis_id=artemis_id.lower(),
                    symbol=symbol.upper(),
                    title=text_or_none(entry.get("title")),
                    coingecko_id=text_or_none(entry.get("coingecko_id")),
                )
            )
    return tuple(listings)


def _is_word(value: object) -> bool:
    """Whether it can stand in a list between commas, and be shown."""
    return isinstance(value, str) and bool(re.fullmatch(r"[^\s,]+", value)) and value.isprintable()


def parse_data(document: Any, assets: Sequence[str], metrics: Sequence[str]) -> dict[str, dict[str, Series]]:
    """Asset -> metric -> series. A metric for which the vendor gives a message instead of a list is left out,
    so is one that it does not mention; an asset that it does not mention has none.

    Raises ValueError, KeyError, TypeError or AttributeError for another kind of document, SourceRefused for
    one that speaks of the key.
    """
    check_key_accepted(document)
    found = {symbol.lower(): entry for symbol, entry in document["data"]["symbols"].items()}
    parsed: dict[str, dict[str, Series]] = {}
    for asset in assets:
        entry = found.get(asset)
        if entry is None or isinstance(entry, str):
            check_key_accepted(entry)
            entry = {}
        lists = {metric.lower(): points for metric, points in entry.items()}
        parsed[asset] = {}
        for metric in metrics:
            points = lists.get(metric)
            if points is None or isinstance(points, str):
                check_key_accepted(points)
                continue
            if not isinstance(points, list):
                raise ValueError("a series that is no list")
            days = [day_of_iso(point["date"]) for point in points]
            parsed[asset][metric] = (days, [number(point["val"]) for point in points])
    return parsed


def check_key_accepted(document: Any) -> None:
    """Raises SourceRefused where a message, itself or in a document, says that the key is not accepted."""
    texts = [document]
    if isinstance(document, dict):
        data = document.get("data")
        texts = [document.get(name) for name in ("error", "message", "detail", "errors")]
        texts += [data, data.get("symbols") if isinstance(data, dict) else None]
    for text in texts:
        if isinstance(text, str) and KEY_TROUBLE.search(text):
            raise key_refused()


def key_refused() -> SourceRefused:
    return SourceRefused(
        "Artemis refused the key in ARTEMIS_API_KEY", hint="set ARTEMIS_API_KEY to a key that is valid"
    )
