"""What Yahoo answers: charts of daily bars, counts of shares, and errors in place of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from app.sources.answers import shorten, text_or_none
from app.sources.errors import SourceError, SourceMalformed, SourceRefused, SourceRejected
from app.sources.points import day_of_unix, number

_EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC).timestamp()
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """days: (m,) ascending, the first sessions at the new price. ratios: (m,) new shares for an old one."""

    days: NDArray[np.int64]
    ratios: NDArray[np.float64]

    def after(self, days: NDArray[Any]) -> NDArray[np.float64]:
        """(n,) new shares, after all splits later than each of (n,) days, for a share held on that day."""
        later = np.append(np.cumprod(self.ratios[::-1])[::-1], 1.0)
        return later[np.searchsorted(self.days, days, side="right")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The bars as they came; a day may be missing or come twice.

    days: (n,) of the exchange's own calendar. closes: (n,) adjusted for splits up to today. adjusted: (n,)
    for dividends too. volumes: (n,) shares, adjusted for splits. NaN = missing. kind: EQUITY, ETF, INDEX ...
    """

    symbol: str
    name: str | None
    kind: str
    currency: str | None
    days: NDArray[np.int64]
    closes: NDArray[np.float64]
    adjusted: NDArray[np.float64]
    volumes: NDArray[np.float64]
    splits: Splits


def parse_chart(document: Any) -> Chart:
    """Raises ValueError, KeyError, TypeError, IndexError or AttributeError for another kind of document, and
    what `_stated_error` makes of an error that the document states."""
    chart = document["chart"]
    if chart.get("error"):
        raise _stated_error(chart["error"])
    result = chart["result"][0]
    meta = result["meta"]
    kind = _text_if_any(meta, "instrumentType") or "EQUITY"
    day_of = _calendar(meta)
    days = np.array([day_of(stamp) for stamp in result.get("timestamp") or ()], dtype=np.int64)
    indicators = result["indicators"]
    quote = indicators["quote"][0]
    adjusted = quote if kind == "INDEX" and "adjclose" not in indicators else indicators["adjclose"][0]
    return Chart(
        symbol=meta["symbol"],
        name=text_or_none(meta.get("longName")) or text_or_none(meta.get("shortName")),
        kind=kind,
        currency=_text_if_any(meta, "currency"),
        days=days,
        closes=_column(quote, "close", len(days)),
        adjusted=_column(adjusted, "close" if adjusted is quote else "adjclose", len(days)),
        volumes=_column(quote, "volume", len(days)),
        splits=_splits((result.get("events") or {}).get("splits") or {}, day_of),
    )


def parse_share_counts(document: Any) -> tuple[list[int], list[float]]:
    """Days and counts as they came, none where Yahoo has none. Raises as `parse_chart` does.

    The times are midnights in UTC of the days meant, unlike those of bars.
    """
    answer = document["timeseries"]
    if answer.get("error"):
        raise _stated_error(answer["error"])
    result = answer["result"][0] if answer["result"] else {}
    if "shares_out" not in result:
        return [], []
    days = [day_of_unix(stamp) for stamp in result["timestamp"]]
    counts = [number(count) for count in result["shares_out"]]
    if len(days) != len(counts):
        raise ValueError("not as many counts as times")
    return days, counts


def _text_if_any(meta: Any, key: str) -> str | None:
    """Short and printable; None where it is absent, null or empty."""
    value = meta.get(key)
    if value is None or value == "":
        return None
    text = text_or_none(value)
    if text is None:
        raise TypeError(f"a value of {key} that is no text")
    return shorten(text)


def _calendar(meta: Any) -> Callable[[Any], int]:
    """Unix time -> day on the exchange's clock, as days since 1970-01-01.

    `gmtoffset` is the offset of today, an hour off in the other half of the year. That does not move a
    session's opening to another day, but it does move midnight, which is when the day of what trades around
    the clock begins; so it is used only where the time zone is unknown.
    """
    zone: ZoneInfo | None
    try:
        zone = ZoneInfo(meta["exchangeTimezoneName"])
    except (KeyError, ValueError, TypeError, OSError):  # absent, or no zone that is known here
        zone = None
    offset_of_today = meta["gmtoffset"] if zone is None else 0

    def day_of(stamp: Any) -> int:
        day = day_of_unix(stamp, offset_of_today)
        if not _EARLIEST <= float(stamp) <= _LATEST:
            raise ValueError("a time outside all trading")
        if zone is None:
            return day
        offset = datetime.fromtimestamp(float(stamp), zone).utcoffset() or timedelta(0)
        return day_of_unix(stamp, int(offset.total_seconds()))

    return day_of


def _column(values: Any, name: str, length: int) -> NDArray[np.float64]:
    """Of no bars at all the column may be absent."""
    listed: Sequence[Any] = values[name] if length else values.get(name) or ()
    if not isinstance(listed, list | tuple) or len(listed) != length:
        raise ValueError(f"not as many values of {name} as times")
    return np.array([number(value) for value in listed], dtype=np.float64)


def _splits(events: Any, day_of: Callable[[Any], int]) -> Splits:
    ratios: dict[int, float] = {}
    for event in events.values():
        day = day_of(event["date"])
        numerator, denominator = number(event["numerator"]), number(event["denominator"])
        if not (0 < numerator < np.inf and 0 < denominator < np.inf):
            raise ValueError("a split that is none")
        ratio = numerator / denominator
        if ratios.setdefault(day, ratio) != ratio:
            raise ValueError("two splits of one day")
    days = sorted(ratios)
    return Splits(
        days=np.array(days, dtype=np.int64),
        ratios=np.array([ratios[day] for day in days], dtype=np.float64),
    )


def _stated_error(error: Any) -> SourceError:
    code = text_or_none(error.get("code")) or ""
    words = text_or_none(error.get("description")) or code or "no reason given"
    message = f"Yahoo: {shorten(words)}"
    match code.casefold():
        case "not found":
            return SourceRejected(message, status=404)
        case "bad request":
            return SourceRejected(message, status=400)
        case "unauthorized":
            return SourceRefused(message)
    return SourceMalformed(message)
