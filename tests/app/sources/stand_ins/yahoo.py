"""Yahoo's chart of daily bars and its counts of shares, of a stock market in New York."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson
from aiohttp import web
from numpy.typing import NDArray

from tests.app.sources.stand_ins import formulas
from tests.app.sources.stand_ins.faults import Faults, stand_in
from tests.app.sources.stand_ins.formulas import EPOCH, Days, day_of

CHART = "/v8/finance/chart/"
COUNTS = "/ws/fundamentals-timeseries/v1/finance/timeseries/"
BILL = "^IRX"
NEW_YORK = ZoneInfo("America/New_York")
OPENING, CLOSING = time(9, 30), time(16, 0)
HOLIDAYS = frozenset(
    date(year, month, day) for year in range(2010, 2031) for month, day in ((1, 1), (7, 4), (12, 25))
)
_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """since: first session. splits: session, new shares, for old ones. dividends: session without it, share
    of the price. counted: whether the number of its shares is known. halted: sessions whose bar is null."""

    symbol: str
    name: str | None = None
    kind: str = "EQUITY"
    currency: str | None = "USD"
    since: date = date(2012, 1, 3)
    splits: tuple[tuple[date, int, int], ...] = ()
    dividends: tuple[tuple[date, float], ...] = ()
    counted: bool = True
    halted: tuple[date, ...] = ()


STOCKS: tuple[Stock, ...] = (
    Stock(
        symbol="AAPL",
        name="Apple Inc.",
        splits=((date(2014, 6, 9), 7, 1), (date(2020, 8, 31), 4, 1), (date(2026, 3, 2), 2, 1)),
        dividends=((date(2020, 8, 7), 0.002), (date(2024, 5, 10), 0.0015), (date(2026, 2, 9), 0.001)),
    ),
    Stock(symbol="MSFT", name="Microsoft Corporation", dividends=((date(2024, 5, 15), 0.0018),)),
    Stock(symbol="BRK-B", name="Berkshire Hathaway Inc."),
    Stock(symbol="REV", name="Reverse Inc.", splits=((date(2024, 3, 4), 1, 10),)),
    Stock(symbol="NEW", name="Newly Listed Inc.", since=date(2025, 1, 6)),
    Stock(symbol="GAPS", halted=(date(2024, 3, 5), date(2024, 3, 6))),
    Stock(symbol="NOCNT", name="Uncounted Inc.", counted=False),
    Stock(symbol="SPY", name="SPDR S&P 500", kind="ETF", counted=False),
    Stock(symbol="SAP.DE", name="SAP SE", currency="EUR"),
    Stock(symbol="^GSPC", name="S&P 500", kind="INDEX"),
    Stock(symbol=BILL, name="13 WEEK TREASURY BILL", kind="INDEX"),
)
"""AAPL has splits before, in and after usual spans; GAPS two null bars; SAP.DE is not quoted in dollars."""


def many(count: int) -> tuple[Stock, ...]:
    """S000, S001, ...: as many as a benchmark wants."""
    return tuple(Stock(symbol=f"S{index:03}") for index in range(count))


def sessions(start: date, end: date) -> list[date]:
    """Weekdays without holidays, both ends included."""
    days = [start + timedelta(days=offset) for offset in range((end - start).days + 1)]
    return [day for day in days if day.weekday() < 5 and day not in HOLIDAYS]


def closes_as_traded(stock: Stock, days: Days) -> NDArray[np.float64]:
    """(n,) USD, on (n,) days since 1970-01-01."""
    if stock.symbol == BILL:
        rates = 2.0 + 3.0 * np.sin(days / 90.0)
        return np.where(np.abs(rates) < 0.1, 0.0, np.round(rates, 3))
    return formulas.prices(stock.symbol.lower(), days) * _split_factor(stock, days, date.max)


def closes_as_served(stock: Stock, days: Days, today: date) -> NDArray[np.float64]:
    """Adjusted for the splits until `today`."""
    return closes_as_traded(stock, days) / _split_factor(stock, days, today)


def adjusted_closes(stock: Stock, days: Days, today: date) -> NDArray[np.float64]:
    factors = np.ones(len(days))
    for session, share in stock.dividends:
        factors[days < day_of(session)] *= 1.0 - share
    return closes_as_served(stock, days, today) * factors


def volumes_as_served(stock: Stock, days: Days) -> NDArray[np.float64]:
    """Shares."""
    return np.round(formulas.base_volumes(stock.symbol.lower(), days))


def share_counts(stock: Stock, days: Days) -> NDArray[np.float64]:
    """Shares that there are on each day."""
    base = 5_600 * np.round(formulas.units(stock.symbol.lower(), np.full(len(days), 20_000)))
    return base / _split_factor(stock, days, date.max)


def _split_factor(stock: Stock, days: Days, until: date) -> NDArray[np.float64]:
    """Shares after the splits that come after each day, up to `until`, for one held on it."""
    factors = np.ones(len(days))
    for session, new, old in stock.splits:
        if session <= until:
            factors[days < day_of(session)] *= new / old
    return factors


def application(
    faults: Faults,
    *,
    stocks: tuple[Stock, ...] = STOCKS,
    today: date = date(2026, 7, 1),
    gmtoffset: int = -14_400,
) -> web.Application:
    """today: its session is under way, so its bar is that of the last trade. gmtoffset: as of today."""
    by_symbol = {stock.symbol: stock for stock in stocks}

    async def chart(request: web.Request) -> web.Response:
        stock = by_symbol.get(request.match_info["symbol"])
        if stock is None:
            return _chart_error(404, "Not Found", "No data found, symbol may be delisted")
        if request.query.get("interval") != "1d":
            return _chart_error(422, "Unprocessable Entity", "invalid interval")
        first, last = int(request.query["period1"]), int(request.query["period2"])
        if last <= _unix(datetime.combine(stock.since, OPENING, NEW_YORK)):
            words = f"Data doesn't exist for startDate = {first}, endDate = {last}"
            return _chart_error(400, "Bad Request", words)
        stamps, days = _bars(stock, today)
        inside = [index for index, stamp in enumerate(stamps) if first <= stamp < last]
        result = _result(
            stock, [stamps[index] for index in inside], np.array([days[index] for index in inside]), today
        )
        result["meta"]["gmtoffset"] = gmtoffset
        events = _split_events(stock, first, min(last, _unix(datetime.combine(today, CLOSING, NEW_YORK))))
        if events and "split" in request.query.get("events", ""):
            result["events"] = {"splits": events}
        return _answer({"chart": {"result": [result], "error": None}})

    async def counts(request: web.Request) -> web.Response:
        symbol = request.match_info["symbol"]
        stock = by_symbol.get(symbol)
        result: dict[str, object] = {"meta": {"symbol": [symbol], "type": ["shares_out"]}}
        first, last = int(request.query["period1"]) // _DAY, int(request.query["period2"]) // _DAY
        if stock is not None and stock.counted:
            days = np.arange(max(first, day_of(stock.since)), min(last, day_of(today)) + 1)
            days = days[days % 31 == 0]
            result["timestamp"] = (days * _DAY).tolist()
            result["shares_out"] = [int(count) for count in share_counts(stock, days)]
        return _answer({"timeseries": {"result": [result], "error": None}})

    return stand_in(faults, [web.get(CHART + "{symbol}", chart), web.get(COUNTS + "{symbol}", counts)])


@lru_cache(maxsize=2_000)
def _bars(stock: Stock, today: date) -> tuple[list[int], list[int]]:
    """Times and days of all bars; that of today, where it is a session, has the time of a trade."""
    days = sessions(stock.since, today)
    times = [OPENING if day != today else time(14, 17, 3) for day in days]
    stamps = [_unix(datetime.combine(day, at, NEW_YORK)) for day, at in zip(days, times, strict=True)]
    return stamps, [day_of(day) for day in days]


def _result(stock: Stock, stamps: Sequence[int], days: Days, today: date) -> dict[str, Any]:
    result: dict[str, Any] = {
        "meta": {
            "currency": stock.currency,
            "symbol": stock.symbol,
            "exchangeName": "NMS",
            "instrumentType": stock.kind,
            "firstTradeDate": _unix(datetime.combine(stock.since, OPENING, NEW_YORK)),
            "timezone": "EDT",
            "exchangeTimezoneName": "America/New_York",
            "dataGranularity": "1d",
        },
        "indicators": {"quote": [{}], "adjclose": [{}]},
    }
    if stock.name is not None:
        result["meta"] |= {"longName": stock.name, "shortName": stock.name}
    if not stamps:
        return result
    halted = {day_of(day) for day in stock.halted}

    def column(values: NDArray[np.float64]) -> list[float | None]:
        pairs = zip(days.tolist(), values.tolist(), strict=True)
        return [None if day in halted else value for day, value in pairs]

    closes = closes_as_served(stock, days, today)
    result["timestamp"] = list(stamps)
    result["indicators"] = {
        "quote": [
            {
                "open": column(closes * 0.99),
                "high": column(closes * 1.02),
                "low": column(closes * 0.98),
                "close": column(closes),
                "volume": column(volumes_as_served(stock, days)),
            }
        ],
        "adjclose": [{"adjclose": column(adjusted_closes(stock, days, today))}],
    }
    return result


def _split_events(stock: Stock, first: int, last: int) -> dict[str, object]:
    events: dict[str, object] = {}
    for session, new, old in stock.splits:
        at = _unix(datetime.combine(session, OPENING, NEW_YORK))
        if first <= at < last:
            events[str(at)] = {
                "date": at,
                "numerator": new,
                "denominator": old,
                "splitRatio": f"{new}:{old}",
            }
    return events


def _chart_error(status: int, code: str, description: str) -> web.Response:
    document = {"chart": {"result": None, "error": {"code": code, "description": description}}}
    return _answer(document, status=status)


def _answer(document: object, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())


def stock(symbol: str) -> Stock:
    """Of STOCKS."""
    return next(stock for stock in STOCKS if stock.symbol == symbol)


def days_of(dates: Sequence[date]) -> Days:
    """As days since 1970-01-01."""
    return np.array([day.toordinal() - EPOCH for day in dates], dtype=np.int64)
