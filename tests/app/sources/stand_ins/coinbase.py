"""Coinbase Advanced Trade, the public part: the list of products, and daily candles in windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import orjson
from aiohttp import web
from numpy.typing import NDArray

from tests.app.sources.stand_ins import formulas
from tests.app.sources.stand_ins.faults import Faults, stand_in
from tests.app.sources.stand_ins.formulas import day_of, text

PRODUCTS = "/api/v3/brokerage/market/products"
MAX_CANDLES = 350
_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One product. base: id of its currency; symbol: how that is shown, the same where None. since, until:
    first and last day with trades, until None while it is traded. halted: first and last day without."""

    base: str
    quote: str = "USD"
    symbol: str | None = None
    name: str = ""
    since: date = date(2018, 1, 1)
    until: date | None = None
    halted: tuple[date, date] | None = None
    kind: str = "SPOT"
    status: str = "online"
    disabled: bool = False

    @property
    def product_id(self) -> str:
        return f"{self.base}-{self.quote}"

    @property
    def shown(self) -> str:
        return self.symbol or self.base


LISTINGS: tuple[Listing, ...] = (
    Listing(base="BTC", name="Bitcoin", since=date(2015, 7, 20)),
    Listing(base="BTC", quote="USDC", name="Bitcoin"),
    Listing(base="BTC", quote="EUR", name="Bitcoin"),
    Listing(base="ETH", quote="EUR", name="Ethereum"),
    Listing(base="ETH", quote="USDC", name="Ethereum"),
    Listing(base="ETH", name="Ethereum", since=date(2016, 5, 18)),
    Listing(base="SOL", name="Solana", since=date(2021, 6, 17)),
    Listing(base="AAVE", name="Aave", since=date(2025, 1, 11)),
    Listing(base="XRP", name="XRP", since=date(2019, 2, 26), halted=(date(2021, 1, 19), date(2023, 7, 13))),
    Listing(base="ONLYC", quote="USDC", name="Only in USDC"),
    Listing(base="ONLYE", quote="EUR", name="Only in euros"),
    Listing(base="CGLD", symbol="CELO", name="Celo", since=date(2020, 9, 1)),
    Listing(base="OLD", name="Delisted", until=date(2024, 3, 1), status="delisted", disabled=True),
    Listing(base="MOVED", name="Moved", until=date(2023, 1, 1), status="delisted", disabled=True),
    Listing(base="MOVED", quote="USDC", name="Moved", since=date(2022, 6, 1)),
    Listing(base="LUNA", symbol="LUNA", name="Terra"),
    Listing(base="WLUNA", symbol="LUNA", name="Wrapped Terra", until=date(2022, 5, 27), status="delisted"),
    Listing(base="FOO1", symbol="FOO", name="First Foo"),
    Listing(base="FOO2", symbol="FOO", name="Second Foo"),
    Listing(base="USDT", name="Tether"),
    Listing(base="PEGD", name="Pegged"),
    Listing(base="BIT", name="Bitcoin future", kind="FUTURE"),
)
"""Quotes in USD, USDC and euros; one that stopped, one that was halted, one whose symbol is not its id, twice
two that share a symbol, two stablecoins, of which PEGD is known by its prices alone."""


def many(count: int, *, since: date = date(2018, 1, 1)) -> tuple[Listing, ...]:
    """C000-USD, C001-USD, ...: as many products as a benchmark wants."""
    return tuple(Listing(base=f"C{index:03}", name=f"Coin {index}", since=since) for index in range(count))


def closes(base: str, days: formulas.Days) -> NDArray[np.float64]:
    """USD, whatever the product is quoted in."""
    return formulas.prices(base.lower(), days)


def volumes(base: str, days: formulas.Days) -> NDArray[np.float64]:
    """In coins."""
    return formulas.base_volumes(base.lower(), days)


def application(
    faults: Faults,
    *,
    listings: tuple[Listing, ...] = LISTINGS,
    until: date = date(2026, 6, 30),
    page_cap: int = 1_000,
    prepared: bool = False,
) -> web.Application:
    """until: last day with trades. page_cap: most products of a page, whatever is asked for. prepared:
    whether all candles are made at once, rather than with the first request for them."""
    for listing in listings if prepared else ():
        _candles(listing, until)
    by_id: Mapping[str, Listing] = {listing.product_id: listing for listing in listings}
    shown = [_product(listing) for listing in listings]

    async def products(request: web.Request) -> web.Response:
        kind = request.query.get("product_type")
        matching = [product for product in shown if kind in (None, product["product_type"])]
        first = int(request.query.get("offset", "0"))
        size = min(int(request.query.get("limit", "1000")), page_cap)
        page = matching[first : first + size]
        ends = first + size >= len(matching)
        return _answer(
            {
                "products": page,
                "num_products": len(page),
                "pagination": {
                    "prev_cursor": "",
                    "next_cursor": "",
                    "has_next": not ends,
                    "has_prev": first > 0,
                },
            }
        )

    async def candles(request: web.Request) -> web.Response:
        product_id = request.match_info["product_id"]
        listing = by_id.get(product_id)
        if listing is None:
            return _error(404, "NOT_FOUND", f"Product {product_id} not supported")
        try:
            start, end = int(request.query["start"]), int(request.query["end"])
        except (KeyError, ValueError):
            return _error(400, "INVALID_ARGUMENT", "start and end argument is invalid")
        if request.query.get("granularity") != "ONE_DAY":
            return _error(400, "INVALID_ARGUMENT", "granularity argument is invalid")
        if (end - start) // _DAY + 1 > MAX_CANDLES:
            return _error(400, "INVALID_ARGUMENT", "number of candles requested should be less than 350")
        newest, rows = _candles(listing, until)
        # Whether a candle that starts at the end is inside is not documented; here it is not.
        low, high = -(-start // _DAY), (end - 1) // _DAY
        body = b",".join(row for row in rows[max(newest - high, 0) : max(newest - low + 1, 0)] if row)
        return web.Response(body=b'{"candles":[' + body + b"]}", content_type="application/json")

    return stand_in(
        faults,
        [web.get(PRODUCTS, products), web.get(PRODUCTS + "/{product_id}/candles", candles)],
    )


@lru_cache(maxsize=2_000)
def _candles(listing: Listing, until: date) -> tuple[int, list[bytes]]:
    """The newest day, and the candles from it backwards; empty on days without trades."""
    newest = min(day_of(until), day_of(listing.until or until))
    halted = range(0)
    if listing.halted is not None:
        halted = range(day_of(listing.halted[0]), day_of(listing.halted[1]) + 1)
    days = np.arange(newest, day_of(listing.since) - 1, -1)
    rows = []
    prices, traded = closes(listing.base, days).tolist(), volumes(listing.base, days).tolist()
    for day, price, volume in zip(days.tolist(), prices, traded, strict=True):
        candle = {
            "start": str(day * _DAY),
            "low": text(price * 0.98),
            "high": text(price * 1.03),
            "open": text(price * 0.99),
            "close": text(price),
            "volume": text(volume),
        }
        rows.append(b"" if day in halted else orjson.dumps(candle))
    return newest, rows


def _product(listing: Listing) -> dict[str, object]:
    return {
        "product_id": listing.product_id,
        "price": "1.5",
        "volume_24h": "1000",
        "base_increment": "0.00000001",
        "quote_increment": "0.01",
        "base_name": listing.name,
        "quote_name": listing.quote,
        "is_disabled": listing.disabled,
        "new": False,
        "status": listing.status,
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "trading_disabled": listing.disabled,
        "auction_mode": False,
        "product_type": listing.kind,
        "quote_currency_id": listing.quote,
        "base_currency_id": listing.base,
        "alias": "",
        "alias_to": [],
        "base_display_symbol": listing.shown,
        "quote_display_symbol": listing.quote,
        "view_only": False,
        "price_increment": "0.01",
        "display_name": f"{listing.shown}-{listing.quote}",
        "product_venue": "CBE",
    }


def _answer(document: object) -> web.Response:
    return web.Response(body=orjson.dumps(document), content_type="application/json")


def _error(status: int, kind: str, message: str) -> web.Response:
    body = orjson.dumps({"error": kind, "error_details": message, "message": message})
    return web.Response(status=status, body=body, content_type="application/json")
