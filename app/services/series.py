"""Stored return series as a chart wants them: transformed, cut to a range, sampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidInput
from db.records import SeriesRecord
from engine import return_series
from engine.panel import DateArray, FloatArray

MAX_WINDOW_PERIODS = 2_000


class SeriesName(StrEnum):
    """FACTOR is long minus short; LONG and SHORT are each leg's return when held long."""

    FACTOR = "FACTOR"
    LONG = "LONG"
    SHORT = "SHORT"


class SeriesTransform(StrEnum):
    RETURN = "RETURN"
    CUMULATIVE = "CUMULATIVE"
    GROWTH_OF_100 = "GROWTH_OF_100"
    DRAWDOWN = "DRAWDOWN"
    ROLLING_SHARPE = "ROLLING_SHARPE"
    ROLLING_VOLATILITY = "ROLLING_VOLATILITY"

    @property
    def is_rolling(self) -> bool:
        return self in (SeriesTransform.ROLLING_SHARPE, SeriesTransform.ROLLING_VOLATILITY)


UNITS: Mapping[SeriesTransform, str] = {
    SeriesTransform.RETURN: "fraction per period",
    SeriesTransform.CUMULATIVE: "fraction since the start",
    SeriesTransform.GROWTH_OF_100: "value of 100 invested at the start",
    SeriesTransform.DRAWDOWN: "fraction below the running peak",
    SeriesTransform.ROLLING_SHARPE: "annualised ratio",
    SeriesTransform.ROLLING_VOLATILITY: "fraction per year",
}


@dataclass(frozen=True, slots=True)
class SeriesRequest:
    """`window_periods` is for rolling transforms; None = half a year of periods."""

    name: SeriesName = SeriesName.FACTOR
    transform: SeriesTransform = SeriesTransform.RETURN
    window_periods: int | None = None


@dataclass(frozen=True, slots=True)
class DateRange:
    """Inclusive at both ends; None = open."""

    start: date | None = None
    end: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries:
    """dates, values: (n,); NaN = not defined there. source_point_count: points in range before sampling."""

    name: SeriesName
    transform: SeriesTransform
    window_periods: int | None
    unit: str
    dates: DateArray
    values: FloatArray
    source_point_count: int
    sampled: bool


def chart_series(
    stored: Mapping[str, SeriesRecord],
    requests: Sequence[SeriesRequest],
    *,
    date_range: DateRange,
    max_points: int,
    periods_per_year: int,
) -> list[TimeSeries]:
    """The requested series, in that order and on shared dates.

    Transforms see the whole history (a range does not restart the growth of 100), then the range is cut, then
    sampled. A series that the run does not have is NaN throughout. Raises InvalidInput.
    """
    windows = [_window(request, periods_per_year) for request in requests]
    reference = stored.get(SeriesName.FACTOR)
    dates = reference.dates if reference is not None else np.zeros(0, dtype="datetime64[D]")
    inside = _inside(dates, date_range)
    columns = [
        _transformed(stored.get(request.name), request.transform, window, periods_per_year, dates)[inside]
        for request, window in zip(requests, windows, strict=True)
    ]
    dates = dates[inside]
    kept = sample_rows(columns, max_points) if len(dates) > max_points else slice(None)
    return [
        TimeSeries(
            name=request.name,
            transform=request.transform,
            window_periods=window,
            unit=UNITS[request.transform],
            dates=dates[kept],
            values=values[kept],
            source_point_count=len(dates),
            sampled=len(dates) > max_points,
        )
        for request, window, values in zip(requests, windows, columns, strict=True)
    ]


def sample_rows(columns: Sequence[FloatArray], max_points: int) -> NDArray[np.int64]:
    """Ascending rows, at most `max_points`, that keep the look of the columns: each one's first, last, least
    and greatest value, and the least and greatest of the first column in every bucket of equal length."""
    size = len(columns[0])
    kept = {0, size - 1}
    for values in columns:
        kept |= _extremes(values, 0)
    if len(kept) > max_points:
        raise InvalidInput(
            f"maxPoints must be at least {2 + 2 * len(columns)} for {len(columns)} series, not {max_points}"
        )
    edges = np.linspace(0, size, (max_points - len(kept)) // 2 + 1).astype(int)
    for start, stop in pairwise(edges):
        kept |= _extremes(columns[0][start:stop], int(start))
    return np.array(sorted(kept), dtype=np.int64)


def _extremes(values: FloatArray, offset: int) -> set[int]:
    known = np.flatnonzero(~np.isnan(values))
    if len(known) == 0:
        return set()
    return {
        offset + int(known[values[known].argmin()]),
        offset + int(known[values[known].argmax()]),
    }


def _inside(dates: DateArray, date_range: DateRange) -> NDArray[np.bool_]:
    if date_range.start is not None and date_range.end is not None and date_range.end < date_range.start:
        raise InvalidInput(f"the range ends ({date_range.end}) before it starts ({date_range.start})")
    inside = np.ones(len(dates), dtype=np.bool_)
    if date_range.start is not None:
        inside &= dates >= np.datetime64(date_range.start)
    if date_range.end is not None:
        inside &= dates <= np.datetime64(date_range.end)
    return inside


def _window(request: SeriesRequest, periods_per_year: int) -> int | None:
    if not request.transform.is_rolling:
        if request.window_periods is not None:
            raise InvalidInput(f"windowPeriods is for rolling transforms, not for {request.transform}")
        return None
    window = periods_per_year // 2 if request.window_periods is None else request.window_periods
    if not 2 <= window <= MAX_WINDOW_PERIODS:
        raise InvalidInput(f"windowPeriods must be from 2 to {MAX_WINDOW_PERIODS}, not {window}")
    return window


def _transformed(
    series: SeriesRecord | None,
    transform: SeriesTransform,
    window: int | None,
    periods_per_year: int,
    dates: DateArray,
) -> FloatArray:
    if series is None:
        return np.full(len(dates), np.nan)
    returns = series.values
    match transform:
        case SeriesTransform.RETURN:
            return returns
        case SeriesTransform.CUMULATIVE:
            return return_series.cumulative(returns)
        case SeriesTransform.GROWTH_OF_100:
            return return_series.growth_of_100(returns)
        case SeriesTransform.DRAWDOWN:
            return return_series.drawdown(returns)
        case SeriesTransform.ROLLING_SHARPE:
            return return_series.rolling_sharpe(returns, window or 2, periods_per_year)
        case SeriesTransform.ROLLING_VOLATILITY:
            return return_series.rolling_volatility(returns, window or 2, periods_per_year)
