"""Stored series of a run as a chart wants them: transformed, cut to a range, sampled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """FACTOR is long minus short, NET that after costs; LONG and SHORT are each leg's return when held long.
    Under QUANTILE_1 are the lowest signals."""

    FACTOR = "FACTOR"
    LONG = "LONG"
    SHORT = "SHORT"
    NET = "NET"
    TURNOVER = "TURNOVER"
    BREADTH = "BREADTH"
    IC = "IC"
    MARKET = "MARKET"
    SIGNAL_AUTOCORRELATION = "SIGNAL_AUTOCORRELATION"
    QUANTILE_1 = "QUANTILE_1"
    QUANTILE_2 = "QUANTILE_2"
    QUANTILE_3 = "QUANTILE_3"
    QUANTILE_4 = "QUANTILE_4"
    QUANTILE_5 = "QUANTILE_5"
    QUANTILE_6 = "QUANTILE_6"
    QUANTILE_7 = "QUANTILE_7"
    QUANTILE_8 = "QUANTILE_8"
    QUANTILE_9 = "QUANTILE_9"
    QUANTILE_10 = "QUANTILE_10"
    QUANTILE_SPREAD = "QUANTILE_SPREAD"

    @property
    def is_return(self) -> bool:
        return self not in _OTHER_UNITS


class SeriesTransform(StrEnum):
    RETURN = "RETURN"
    CUMULATIVE = "CUMULATIVE"
    GROWTH_OF_100 = "GROWTH_OF_100"
    DRAWDOWN = "DRAWDOWN"
    ROLLING_SHARPE = "ROLLING_SHARPE"
    ROLLING_VOLATILITY = "ROLLING_VOLATILITY"
    VALUE = "VALUE"
    ROLLING_MEAN = "ROLLING_MEAN"

    @property
    def is_rolling(self) -> bool:
        return self in _ROLLING

    @property
    def needs_returns(self) -> bool:
        return self in _UNITS_OF_TRANSFORMS


_ROLLING = frozenset(
    {SeriesTransform.ROLLING_SHARPE, SeriesTransform.ROLLING_VOLATILITY, SeriesTransform.ROLLING_MEAN}
)
_RETURN_UNIT = "fraction per period"
_OTHER_UNITS: Mapping[SeriesName, str] = {
    SeriesName.TURNOVER: "one-way fraction of a leg's capital per period",
    SeriesName.BREADTH: "assets",
    SeriesName.IC: "rank correlation",
    SeriesName.SIGNAL_AUTOCORRELATION: "rank correlation",
}
"""Of the series that are no returns."""
_UNITS_OF_TRANSFORMS: Mapping[SeriesTransform, str] = {
    SeriesTransform.CUMULATIVE: "fraction since the start",
    SeriesTransform.GROWTH_OF_100: "value of 100 invested at the start",
    SeriesTransform.DRAWDOWN: "fraction below the running peak",
    SeriesTransform.ROLLING_SHARPE: "annualised ratio",
    SeriesTransform.ROLLING_VOLATILITY: "fraction per year",
}
"""Of the transforms that make sense of returns alone; the others keep the unit of the series."""


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
    sampled. A series that the run does not have is NaN throughout. Where a return is NaN so is the wealth
    there, which goes on as if 0 had been earned; a rolling window that holds a NaN gives NaN.
    Raises InvalidInput.
    """
    for request in requests:
        _require_returns(request)
    windows = [_window(request, periods_per_year) for request in requests]
    reference = stored.get(SeriesName.FACTOR)
    dates = reference.dates if reference is not None else np.zeros(0, dtype="datetime64[D]")
    inside = rows_inside(dates, date_range)
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
            unit=unit_of(request),
            dates=dates[kept],
            values=values[kept],
            source_point_count=len(dates),
            sampled=len(dates) > max_points,
        )
        for request, window, values in zip(requests, windows, columns, strict=True)
    ]


def unit_of(request: SeriesRequest) -> str:
    """The unit of the values in words."""
    own = _OTHER_UNITS.get(request.name, _RETURN_UNIT)
    return _UNITS_OF_TRANSFORMS.get(request.transform, own)


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


def rows_inside(dates: DateArray, date_range: DateRange) -> NDArray[np.bool_]:
    """(R,) which of the dates (R,) lie in the range. Raises InvalidInput."""
    if date_range.start is not None and date_range.end is not None and date_range.end < date_range.start:
        raise InvalidInput(f"the range ends ({date_range.end}) before it starts ({date_range.start})")
    inside = np.ones(len(dates), dtype=np.bool_)
    if date_range.start is not None:
        inside &= dates >= np.datetime64(date_range.start)
    if date_range.end is not None:
        inside &= dates <= np.datetime64(date_range.end)
    return inside


def _require_returns(request: SeriesRequest) -> None:
    if request.transform.needs_returns and not request.name.is_return:
        raise InvalidInput(
            f"{request.transform} is for series of returns, which {request.name} is not",
            hint=f"take {SeriesTransform.VALUE} or {SeriesTransform.ROLLING_MEAN}",
        )


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
    values = series.values
    match transform:
        case SeriesTransform.RETURN | SeriesTransform.VALUE:
            return values
        case SeriesTransform.CUMULATIVE:
            return _of_wealth(values, return_series.cumulative)
        case SeriesTransform.GROWTH_OF_100:
            return _of_wealth(values, return_series.growth_of_100)
        case SeriesTransform.DRAWDOWN:
            return _of_wealth(values, return_series.drawdown)
        case SeriesTransform.ROLLING_SHARPE:
            return return_series.rolling_sharpe(values, window or 2, periods_per_year)
        case SeriesTransform.ROLLING_VOLATILITY:
            return return_series.rolling_volatility(values, window or 2, periods_per_year)
        case SeriesTransform.ROLLING_MEAN:
            return _rolling_mean(values, window or 2)


def _of_wealth(returns: FloatArray, transform: Callable[[FloatArray], FloatArray]) -> FloatArray:
    missing = np.isnan(returns)
    return np.where(missing, np.nan, transform(np.where(missing, 0.0, returns)))


def _rolling_mean(values: FloatArray, window: int) -> FloatArray:
    """(R,) mean of the last `window` values; NaN before that many and where one of them is NaN."""
    out = np.full(len(values), np.nan)
    if len(values) >= window:
        out[window - 1 :] = np.lib.stride_tricks.sliding_window_view(values, window).mean(axis=1)
    return out
