"""Artemis's data service: the list of assets, and series of metrics for a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import orjson
from aiohttp import web
from numpy.typing import NDArray

from tests.app.sources.stand_ins import formulas
from tests.app.sources.stand_ins.faults import Faults, stand_in
from tests.app.sources.stand_ins.formulas import EPOCH, Days, Series, day_of

SYMBOLS = "/asset/symbols/"
DATA = "/data/api/"
KEY = "artemis-key-0123456789"
MAX_SYMBOLS = 250
MAX_POINTS = 1_000
NOT_AVAILABLE = "Metric not available for asset."
NOT_FOUND = "Market data not available for asset."


def volumes(asset: str, days: Days) -> NDArray[np.float64]:
    """USD a day."""
    return formulas.base_volumes(asset, days) * formulas.prices(asset, days)


def revenues(asset: str, days: Days) -> NDArray[np.float64]:
    """USD a day."""
    return formulas.fee_totals(asset, days) * 0.4


VALUE: Mapping[str, Series] = {
    "price": formulas.prices,
    "mc": formulas.market_caps,
    "24h_volume": volumes,
    "fees": formulas.fee_totals,
    "revenue": revenues,
    "dau": formulas.address_counts,
    "active_revenue": lambda asset, days: revenues(asset, days) * 0.75,
    "passive_revenue": lambda asset, days: revenues(asset, days) * 0.25,
    "mc_fees_ratio": lambda asset, days: formulas.market_caps(asset, days) / formulas.fee_totals(asset, days),
}
"""Metric -> (n,) values of (symbol in lower case, (n,) days since 1970-01-01)."""
MARKET = ("price", "mc", "24h_volume")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    """since: first day with data. metrics: those that it has."""

    artemis_id: str
    symbol: str
    title: str | None = None
    coingecko_id: str | None = None
    since: date = date(2015, 1, 1)
    metrics: tuple[str, ...] = tuple(VALUE)


COINS: tuple[Coin, ...] = (
    Coin(artemis_id="bitcoin", symbol="btc", title="Bitcoin", coingecko_id="bitcoin"),
    Coin(artemis_id="ethereum", symbol="eth", title="Ethereum", coingecko_id="ethereum"),
    Coin(artemis_id="solana", symbol="SOL", title="Solana", since=date(2020, 4, 10)),
    Coin(artemis_id="ripple", symbol="xrp", title="XRP", coingecko_id="ripple", metrics=MARKET),
    Coin(artemis_id="celo-chain", symbol="celo", title="Celo", since=date(2020, 9, 1)),
    Coin(artemis_id="chainonly", symbol="chainonly", metrics=("fees", "dau")),
    Coin(artemis_id="nothing", symbol="nothing", metrics=()),
    Coin(artemis_id="young", symbol="young", since=date(2026, 6, 1)),
    Coin(artemis_id="tether", symbol="usdt", title="Tether"),
    Coin(artemis_id="pegged", symbol="pegd", title="Pegged"),
    Coin(artemis_id="twin-one", symbol="twin"),
    Coin(artemis_id="twin-two", symbol="twin"),
    Coin(artemis_id="eq-acme", symbol="eq-acme", title="Acme Corporation"),
)
"""xrp has no fundamentals, chainonly nothing else, nothing nothing; two are stablecoins, of which pegd is
known by its prices alone; two share a symbol, and one is an equity."""


def many(count: int, *, since: date = date(2018, 1, 1)) -> tuple[Coin, ...]:
    """c000, c001, ...: as many coins as a benchmark wants."""
    return tuple(
        Coin(artemis_id=f"coin-{index:03}", symbol=f"c{index:03}", since=since, metrics=MARKET)
        for index in range(count)
    )


def application(
    faults: Faults,
    *,
    coins: tuple[Coin, ...] = COINS,
    until: date = date(2026, 6, 30),
    key: str = KEY,
    refuses_in_words: bool = False,
    end_included: bool = True,
) -> web.Application:
    """until: last day with data. refuses_in_words: another key is answered 200 with a message, not 401.
    end_included: whether an answer holds the end date itself."""
    by_symbol = {coin.symbol.lower(): coin for coin in reversed(coins)}

    def refusal(request: web.Request) -> web.Response | None:
        if request.query.get("APIKey") == key:
            return None
        return _answer({"message": "Invalid API Key"}, status=200 if refuses_in_words else 401)

    async def symbols(request: web.Request) -> web.Response:
        return _answer({"assets": [_listing(coin) for coin in coins]})

    async def data(request: web.Request) -> web.Response:
        refused = refusal(request)
        if refused is not None:
            return refused
        asked = request.query.get("symbols", "").split(",")
        metrics = request.match_info["metrics"].split(",")
        if len(asked) > MAX_SYMBOLS or request.query.get("granularity") != "DAY":
            return _answer({"error": "Bad request"}, status=400)
        first = day_of(date.fromisoformat(request.query["startDate"]))
        end = day_of(date.fromisoformat(request.query["endDate"]))
        last = min(end if end_included else end - 1, day_of(until))
        limit = min(int(request.query.get("limit", str(MAX_POINTS))), MAX_POINTS)
        return _answer(
            {
                "data": {
                    "symbols": {
                        symbol: {
                            metric: _series(by_symbol.get(symbol), metric, first, last, limit)
                            for metric in metrics
                        }
                        for symbol in asked
                    }
                }
            }
        )

    return stand_in(faults, [web.get(SYMBOLS, symbols), web.get(DATA + "{metrics}/", data)])


def _series(coin: Coin | None, metric: str, first: int, last: int, limit: int) -> object:
    if coin is None:
        return NOT_FOUND
    if metric not in coin.metrics:
        return NOT_AVAILABLE
    days = np.arange(max(first, day_of(coin.since)), last + 1)[:limit]
    values = VALUE[metric](coin.symbol.lower(), days)
    return [
        {"date": date.fromordinal(EPOCH + day).isoformat(), "val": value}
        for day, value in zip(days.tolist(), values.tolist(), strict=True)
    ]


def _listing(coin: Coin) -> dict[str, object]:
    listing: dict[str, object] = {
        "artemis_id": coin.artemis_id,
        "symbol": coin.symbol,
        "title": coin.title,
        "color": "#627EEA",
    }
    return listing | ({"coingecko_id": coin.coingecko_id} if coin.coingecko_id else {})


def _answer(document: object, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")
