"""Coin Metrics' community API: the catalog of asset metrics, and their daily values in pages."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import orjson
from aiohttp import web

from tests.app.sources.stand_ins import formulas
from tests.app.sources.stand_ins.faults import Faults, stand_in
from tests.app.sources.stand_ins.formulas import day_of, text

CATALOG = "/v4/catalog-v2/asset-metrics"
TIMESERIES = "/v4/timeseries/asset-metrics"

SERIES: Mapping[str, formulas.Series] = {
    "PriceUSD": formulas.prices,
    "CapMrktCurUSD": formulas.market_caps,
    "AdrActCnt": formulas.address_counts,
    "FeeTotUSD": formulas.fee_totals,
}
PRICE_AND_CAP = ("PriceUSD", "CapMrktCurUSD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    """since: first day with data. metrics: those that the community may have."""

    since: date
    metrics: tuple[str, ...] = (*PRICE_AND_CAP, "AdrActCnt")


COINS: Mapping[str, Coin] = {
    "btc": Coin(since=date(2010, 7, 18), metrics=tuple(SERIES)),
    "eth": Coin(since=date(2015, 8, 8), metrics=tuple(SERIES)),
    "ltc": Coin(since=date(2013, 4, 1)),
    "doge": Coin(since=date(2014, 1, 23)),
    "link": Coin(since=date(2017, 9, 29), metrics=PRICE_AND_CAP),
    "aave": Coin(since=date(2025, 1, 11), metrics=PRICE_AND_CAP),
    "nocap": Coin(since=date(2016, 1, 1), metrics=("PriceUSD", "AdrActCnt")),
    "noprice": Coin(since=date(2016, 1, 1), metrics=("AdrActCnt",)),
    "usdc": Coin(since=date(2018, 10, 1), metrics=PRICE_AND_CAP),
    "usdt_eth": Coin(since=date(2018, 1, 1), metrics=PRICE_AND_CAP),
    "pegd": Coin(since=date(2019, 1, 1), metrics=PRICE_AND_CAP),
}
"""btc and eth have all metrics, noprice no price, nocap no market cap; three are stablecoins, one of them,
pegd, is known by its prices alone."""


def many(count: int, *, since: date = date(2018, 1, 1)) -> dict[str, Coin]:
    """c000, c001, ...: as many coins as a benchmark wants."""
    return {f"c{index:03}": Coin(since=since) for index in range(count)}


def application(
    faults: Faults,
    *,
    coins: Mapping[str, Coin] = COINS,
    until: date = date(2026, 6, 30),
    page_cap: int = 10_000,
    prepared: bool = False,
) -> web.Application:
    """until: last day with data. page_cap: most rows of a page, whatever is asked for. prepared: whether all
    rows are made at once, rather than with the first request for them."""
    for name in coins if prepared else ():
        _rows(name, coins[name].metrics, coins[name].since, until)

    async def catalog(request: web.Request) -> web.Response:
        names = sorted(coins)
        size, first = _page(request, page_cap)
        document: dict[str, object] = {
            "data": [_catalog_entry(name, coins[name], until) for name in names[first : first + size]]
        }
        return _answer(_with_next(document, request, first + size, len(names)))

    async def timeseries(request: web.Request) -> web.Response:
        assets = request.query.get("assets", "").split(",")
        metrics = request.query.get("metrics", "").split(",")
        if request.query.get("frequency", "1d") != "1d":
            return _error(400, "bad_parameter", "Bad parameter 'frequency'.")
        fault = _fault_in(request, assets, metrics, coins)
        if fault is not None:
            return fault
        try:
            size, first = _page(request, page_cap)
            start = date.fromisoformat(request.query.get("start_time", "2009-01-01")[:10])
            end = date.fromisoformat(request.query.get("end_time", until.isoformat())[:10])
        except ValueError:
            return _error(400, "bad_parameter", "Bad parameter.")
        rows: list[bytes] = []
        for name in sorted(set(assets) & coins.keys()):
            held = tuple(metric for metric in coins[name].metrics if metric in metrics)
            if held:
                begun, all_rows = _rows(name, held, coins[name].since, until)
                low, high = day_of(start) - begun, day_of(end) - begun + 1
                rows += all_rows[max(low, 0) : max(high, 0)]
        document = _with_next({}, request, first + size, len(rows))
        body = b'{"data":[' + b",".join(rows[first : first + size]) + b"]"
        rest = orjson.dumps(document)[1:]
        return web.Response(body=body + (b"," if document else b"") + rest, content_type="application/json")

    return stand_in(faults, [web.get(CATALOG, catalog), web.get(TIMESERIES, timeseries)])


def _fault_in(
    request: web.Request, assets: list[str], metrics: list[str], coins: Mapping[str, Coin]
) -> web.Response | None:
    """The first asset that there is not, or metric that is not open, if the client minds."""
    for name in assets:
        if name not in coins:
            if request.query.get("ignore_unsupported_errors") != "true":
                return _error(
                    400, "bad_parameter", f"Bad parameter 'assets'. Value '{name}' is not supported."
                )
        elif request.query.get("ignore_forbidden_errors") != "true":
            for metric in metrics:
                if metric not in coins[name].metrics:
                    which = f"Requested metric '{metric}' with frequency '1d' for asset '{name}'"
                    return _error(403, "forbidden", f"{which} is not available with supplied credentials.")
    return None


def _page(request: web.Request, page_cap: int) -> tuple[int, int]:
    """Rows of the page, and which row is its first. The token is opaque to clients."""
    size = int(request.query.get("page_size", "100"))
    if not 1 <= size <= 10_000:
        raise ValueError
    token = request.query.get("next_page_token")
    return min(size, page_cap), int(base64.urlsafe_b64decode(token)) if token else 0


def _with_next(
    document: dict[str, object], request: web.Request, following: int, total: int
) -> dict[str, object]:
    """The address of the next page is one where nobody answers: a client builds its own from the token."""
    if following < total:
        token = base64.urlsafe_b64encode(str(following).encode()).decode()
        document["next_page_token"] = token
        document["next_page_url"] = f"http://127.0.0.1:9/{request.path}?next_page_token={token}"
    return document


def _catalog_entry(name: str, coin: Coin, until: date) -> dict[str, object]:
    times = {"min_time": _time(coin.since), "max_time": _time(until), "community": True}
    daily = {"frequency": "1d", **times}
    return {
        "asset": name,
        "metrics": [
            {"metric": "ReferenceRateUSD", "frequencies": [{"frequency": "1h", **times}, daily]},
            *({"metric": metric, "frequencies": [daily]} for metric in coin.metrics),
        ],
    }


@lru_cache(maxsize=2_000)
def _rows(name: str, metrics: tuple[str, ...], since: date, until: date) -> tuple[int, list[bytes]]:
    """First day, and a row of each day."""
    days = np.arange(day_of(since), day_of(until) + 1)
    columns = [[text(value) for value in SERIES[metric](name, days).tolist()] for metric in metrics]
    rows = [
        orjson.dumps(
            {"asset": name, "time": _time(date.fromordinal(day + formulas.EPOCH))}
            | dict(zip(metrics, values, strict=True))
        )
        for day, *values in zip(days.tolist(), *columns, strict=True)
    ]
    return day_of(since), rows


def _time(day: date) -> str:
    return f"{day.isoformat()}T00:00:00.000000000Z"


def _answer(document: object) -> web.Response:
    return web.Response(body=orjson.dumps(document), content_type="application/json")


def _error(status: int, kind: str, message: str) -> web.Response:
    body = orjson.dumps({"error": {"type": kind, "message": message}})
    return web.Response(status=status, body=body, content_type="application/json")
