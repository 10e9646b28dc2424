"""Yahoo: daily prices of equities, what they are worth on the market, and the rate of Treasury bills."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from app.sources.asking import for_each, until_yesterday, words_of
from app.sources.client import Get, Host, Requests
from app.sources.errors import (
    SourceEmpty,
    SourceError,
    SourceMalformed,
    SourceRejected,
    SourceUnavailable,
)
from app.sources.harvest import Harvest, LossCode, SourceRequest
from app.sources.losses import lose_for
from app.sources.names import SourceName
from app.sources.points import Points, join_fields, merge_points
from app.sources.yahoo_answers import Chart, Splits, parse_chart, parse_share_counts
from engine.panel import MARKET_CAP, PRICE, VOLUME, Calendar

CLOSE: Final = "close"
SHARES: Final = "shares"
DISCOUNT_RATE: Final = "discount_rate"
BILL: Final = "^IRX"
"""The 13-week Treasury bill."""

_BILL_DAYS: Final = 91
_YEAR_DAYS: Final = 360
"""Of the bank discount convention."""
_MAX_COUNT_AGE: Final = 400
"""Days that a count of shares is good for: companies publish one at least once a year."""
_COMPANIES: Final = frozenset({"EQUITY"})
_TRADED_IN_SHARES: Final = frozenset({"EQUITY", "ETF"})
_ASSETS_AT_ONCE: Final = 8
_SYMBOL: Final = re.compile(r"\^?[A-Z0-9][A-Z0-9.=&-]{0,30}", flags=re.ASCII)
_NOTHING_THEN: Final = re.compile(r"data doesn.t exist for startDate", flags=re.IGNORECASE)
_SHOWN: Final = 10


class Yahoo:
    """today: the day, in UTC, whose session may not be over and is therefore left out."""

    name = SourceName.YAHOO
    title = "Yahoo Finance"
    description = (
        "Daily prices, volumes and market caps in USD of equities, and ^IRX, the rate of 13-week bills"
    )
    fields = (PRICE, CLOSE, VOLUME, MARKET_CAP, SHARES, DISCOUNT_RATE)
    licence = "Yahoo Finance: for personal use, under Yahoo's terms of service"
    calendar: Calendar | None = Calendar.OBSERVED
    needs_assets = True

    def __init__(self, base_url: str, today: Callable[[], date] = lambda: datetime.now(UTC).date()) -> None:
        self._host = Host(name="Yahoo", base_url=base_url, requests_per_second=2.0, burst=4, concurrency=4)
        self._today = today

    async def fetch(self, request: SourceRequest, requests: Requests, harvest: Harvest) -> None:
        """price: close adjusted for splits and dividends, for returns only. close: as traded on the day.
        volume: USD. market_cap: close times shares, the count last known and at most 400 days old.

        Of ^IRX: discount_rate, per cent a year, which may be zero or less, and price, that of a bill of 100
        with 91 days to go. Of what is no equity there is no market cap, of what is not traded in shares no
        volume. What is quoted in another currency than USD is lost. Raises SourceEmpty where no asset is
        named, SourceRefused where Yahoo refuses a chart.
        """
        symbols = list(dict.fromkeys(word.upper() for word in words_of(request.assets or ())))
        if not symbols:
            raise SourceEmpty("Yahoo lists no assets", hint="name the tickers that you want")
        request = until_yesterday(request, self._today(), harvest)
        uncounted: list[str] = []
        unanswered: list[str] = []

        async def fetch_asset(symbol: str) -> None:
            if not _SYMBOL.fullmatch(symbol):
                harvest.lose(symbol, LossCode.UNKNOWN_ASSET, "this is not how Yahoo writes a ticker")
                return
            try:
                chart = await requests.get(self._chart(symbol, request), parse_chart)
            except (SourceUnavailable, SourceMalformed, SourceRejected) as error:
                if isinstance(error, SourceRejected) and _NOTHING_THEN.search(error.message):
                    harvest.lose(symbol, LossCode.NO_DATA, _no_data(request))
                else:
                    lose_for(harvest, symbol, error)
                return
            if chart.currency not in (None, "USD"):
                reason = f"Yahoo quotes it in {chart.currency}, and datasets are in USD"
                harvest.lose(symbol, LossCode.OTHER_CURRENCY, reason)
                return
            fields = _bill_fields(chart, request) if symbol == BILL else _price_fields(chart, request)
            if symbol != BILL and chart.kind in _COMPANIES:
                try:
                    counts = await self._share_counts(symbol, request, requests)
                except SourceError:  # which costs the market cap and nothing else
                    unanswered.append(symbol)
                else:
                    caps = _cap_fields(fields[CLOSE], counts, chart.splits)
                    if not np.isfinite(caps[MARKET_CAP].values).any():
                        uncounted.append(symbol)
                    fields.update(caps)
            _hand_in(symbol, chart, fields, request, harvest)

        harvest.expect(len(symbols))
        await for_each(symbols, fetch_asset, at_once=_ASSETS_AT_ONCE)
        _note_without_cap("no count of shares", uncounted, harvest)
        _note_without_cap("counts of shares could not be fetched", unanswered, harvest)
        if BILL in harvest.series and len(harvest.series) > 1:
            harvest.note(f"{BILL} is a rate and not to be held: exclude it from factors")

    def _chart(self, symbol: str, request: SourceRequest) -> Get:
        """From so early on that no split is missed since the oldest count that may be used; until today,
        since closes are adjusted for the splits until today."""
        return Get(
            host=self._host,
            path=f"/v8/finance/chart/{quote(symbol, safe='')}",
            params=(
                ("period1", str(_unix(_first_count_day(request)))),
                ("period2", str(_unix(self._today() + timedelta(days=1)))),
                ("interval", "1d"),
                ("events", "div,splits"),
            ),
        )

    async def _share_counts(self, symbol: str, request: SourceRequest, requests: Requests) -> Points:
        """Empty where Yahoo has none. Raises SourceError."""
        first = _first_count_day(request)
        get = Get(
            host=self._host,
            path=f"/ws/fundamentals-timeseries/v1/finance/timeseries/{quote(symbol, safe='')}",
            params=(
                ("symbol", symbol),
                ("period1", str(_unix(first))),
                ("period2", str(_unix(request.end + timedelta(days=1)))),
            ),
        )
        days, counts = await requests.get(get, parse_share_counts)
        return merge_points(days, counts, start=first, end=request.end)


def _price_fields(chart: Chart, request: SourceRequest) -> dict[str, Points]:
    values = {
        PRICE: chart.adjusted,
        CLOSE: chart.closes * chart.splits.after(chart.days),
    }
    if chart.kind in _TRADED_IN_SHARES:
        values[VOLUME] = chart.volumes * chart.closes
    return _merged(chart, values, request)


def _bill_fields(chart: Chart, request: SourceRequest) -> dict[str, Points]:
    """A bill's price by its bank discount: 31 CFR part 356, appendix B, section III."""
    rates = chart.closes
    prices = 100.0 * (1.0 - rates / 100.0 * _BILL_DAYS / _YEAR_DAYS)
    return _merged(chart, {PRICE: prices, DISCOUNT_RATE: rates}, request)


def _merged(
    chart: Chart, values: Mapping[str, NDArray[np.float64]], request: SourceRequest
) -> dict[str, Points]:
    return {
        name: merge_points(chart.days, column, start=request.start, end=request.end)
        for name, column in values.items()
    }


def _cap_fields(closes: Points, counts: Points, splits: Splits) -> dict[str, Points]:
    """Market caps and the shares behind them, on the days of the closes (as traded).

    A count from before a split stands for more shares after it, although a later count may be long in coming.
    """
    known = np.isfinite(counts.values) & (counts.values > 0)
    count_days, count_values = counts.days[known], counts.values[known]
    shares = np.full(len(closes.days), np.nan)
    if len(count_days):
        last = np.searchsorted(count_days, closes.days, side="right") - 1
        in_force = (
            np.isfinite(closes.values) & (last >= 0) & (closes.days - count_days[last] <= _MAX_COUNT_AGE)
        )
        split_since = splits.after(count_days)[last] / splits.after(closes.days)
        shares = np.where(in_force, count_values[last] * split_since, np.nan)
    return {
        MARKET_CAP: Points(days=closes.days, values=closes.values * shares, merged=0, contradicted=0),
        SHARES: Points(days=closes.days, values=shares, merged=0, contradicted=0),
    }


def _hand_in(
    symbol: str, chart: Chart, fields: Mapping[str, Points], request: SourceRequest, harvest: Harvest
) -> None:
    if not np.isfinite(fields[PRICE].values).any():
        harvest.lose(symbol, LossCode.NO_DATA, _no_data(request))
        return
    known = {name: points for name, points in fields.items() if np.isfinite(points.values).any()}
    attributes = {"symbol": symbol} | ({"name": chart.name} if chart.name else {})
    harvest.add(join_fields(symbol, known, attributes))


def _note_without_cap(why: str, symbols: list[str], harvest: Harvest) -> None:
    if kept := sorted(set(symbols) & harvest.series.keys()):
        shown = ", ".join(kept[:_SHOWN]) + (", ..." if len(kept) > _SHOWN else "")
        harvest.note(f"{why}, so no market cap, for {len(kept)} assets: {shown}")


def _no_data(request: SourceRequest) -> str:
    return f"no data from {request.start} to {request.end}"


def _first_count_day(request: SourceRequest) -> date:
    return request.start - timedelta(days=_MAX_COUNT_AGE)


def _unix(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
