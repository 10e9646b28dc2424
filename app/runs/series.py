"""Stored series of a run as a chart wants them: transformed, cut to a range, sampled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidInput
from db.records import RETURN_UNIT, SeriesRecord
from engine.factors.series import OTHER_UNITS
from engine.panel import DateArray, FloatArray
from engine.statistics import return_series

MAX_WINDOW_PERIODS = 2_000
_NANOSECONDS_A_DAY = 86_400_000_000_000


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

    name: str = SeriesName.FACTOR
    transform: SeriesTransform = SeriesTransform.RETURN
    window_periods: int | None = None


@dataclass(frozen=True, slots=True)
class DateRange:
    """Inclusive at both ends; None = open."""

    start: date | None = None
    end: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries:
    """times: (n,) days or nanoseconds in UTC. values: (n,), NaN = not defined there. source_point_count:
    points in range before sampling."""

    name: str
    transform: SeriesTransform
    window_periods: int | None
    unit: str
    times: DateArray
    values: FloatArray
    source_point_count: int
    sampled: bool

    @property
    def dates(self) -> DateArray:
        """The days of `times` in UTC."""
        return self.times.astype("datetime64[D]", copy=False)

    def nanoseconds(self) -> list[int]:
        """Return the times since 1970-01-01 UTC; days may be too far away for an int64."""
        step = _NANOSECONDS_A_DAY if self.times.dtype == np.dtype("datetime64[D]") else 1
        return [step * time for time in self.times.astype(np.int64).tolist()]


def chart_series(
    stored: Mapping[str, SeriesRecord],
    requests: Sequence[SeriesRequest],
    *,
    date_range: DateRange,
    max_points: int,
    periods_per_year: int,
    shared: str = SeriesName.FACTOR,
) -> list[TimeSeries]:
    """Return the requested series, in that order and at the times of the one whose name is `shared`.

    These contain the times of all others. Transforms see the whole history (a range does not restart the
    growth of 100), then the range is cut, then sampled. A series that the run does not have is NaN
    throughout. Where a return is NaN so is the wealth there, which goes on as if 0 had been earned; a rolling
    window that holds a NaN gives NaN. Raises InvalidInput.
    """
    times = stored[shared].times if shared in stored else np.zeros(0, dtype="datetime64[D]")
    found = [_at(times, stored.get(request.name), request.name) for request in requests]
    for request, series in zip(requests, found, strict=True):
        _require_returns(request, series)
    windows = [_window(request, periods_per_year) for request in requests]
    inside = rows_inside(times.astype("datetime64[D]", copy=False), date_range)
    columns = [
        _transformed(series.values, request.transform, window, periods_per_year)[inside]
        for request, series, window in zip(requests, found, windows, strict=True)
    ]
    times = times[inside]
    kept = sample_rows(columns, max_points) if len(times) > max_points else slice(None)
    return [
        TimeSeries(
            name=request.name,
            transform=request.transform,
            window_periods=window,
            unit=_UNITS_OF_TRANSFORMS.get(request.transform, series.unit),
            times=times[kept],
            values=values[kept],
            source_point_count=len(times),
            sampled=len(times) > max_points,
        )
        for request, series, window, values in zip(requests, found, windows, columns, strict=True)
    ]


def _at(times: DateArray, series: SeriesRecord | None, name: str) -> SeriesRecord:
    """Return a series at times that contain its own, NaN at the others; one that the run does not have is
    what the engine makes under that name."""
    if series is not None and len(series.times) == len(times):
        return series
    values = np.full(len(times), np.nan)
    if series is None:
        other_unit = OTHER_UNITS.get(name)
        return SeriesRecord(
            name=name,
            times=times,
            values=values,
            unit=other_unit or RETURN_UNIT,
            is_return=other_unit is None,
        )
    values[np.searchsorted(times, series.times)] = series.values
    return replace(series, times=times, values=values)


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


def _require_returns(request: SeriesRequest, series: SeriesRecord) -> None:
    if request.transform.needs_returns and not series.is_return:
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
    values: FloatArray, transform: SeriesTransform, window: int | None, periods_per_year: int
) -> FloatArray:
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
