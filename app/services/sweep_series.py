"""The two return series of a sweep as a chart wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from app.services.series import (
    DateRange,
    SeriesName,
    SeriesRequest,
    SeriesTransform,
    TimeSeries,
    chart_series,
)
from db.records import SeriesRecord


class SweepSeriesName(StrEnum):
    """BEST_POINT is what the best point earned, 0 where it held nothing; WALK_FORWARD what choosing the best
    so far would have earned, from its first choice on."""

    BEST_POINT = "BEST_POINT"
    WALK_FORWARD = "WALK_FORWARD"


_STANDS_FOR = {
    SweepSeriesName.BEST_POINT: SeriesName.FACTOR,
    SweepSeriesName.WALK_FORWARD: SeriesName.LONG,
}
"""Charts give all series the dates of FACTOR; both names are of returns, with the same transforms."""


@dataclass(frozen=True, slots=True)
class SweepSeriesRequest:
    """`window_periods` is for rolling transforms; None = half a year of periods."""

    name: SweepSeriesName = SweepSeriesName.BEST_POINT
    transform: SeriesTransform = SeriesTransform.RETURN
    window_periods: int | None = None


def chart_sweep_series(
    stored: Mapping[str, SeriesRecord],
    requests: Sequence[SweepSeriesRequest],
    *,
    date_range: DateRange,
    max_points: int,
    periods_per_year: int,
) -> list[TimeSeries]:
    """As `chart_series`: one series a request, in that order, on the dates of BEST_POINT. `name` of the
    result means nothing here. Raises InvalidInput."""
    best = stored[SweepSeriesName.BEST_POINT]
    known = {_STANDS_FOR[SweepSeriesName.BEST_POINT].value: best}
    walk = stored.get(SweepSeriesName.WALK_FORWARD)
    if walk is not None:
        known[_STANDS_FOR[SweepSeriesName.WALK_FORWARD].value] = _on_dates_of(best, walk)
    return chart_series(
        known,
        [SeriesRequest(_STANDS_FOR[one.name], one.transform, one.window_periods) for one in requests],
        date_range=date_range,
        max_points=max_points,
        periods_per_year=periods_per_year,
    )


def _on_dates_of(whole: SeriesRecord, part: SeriesRecord) -> SeriesRecord:
    """A series on the dates of another that contain its own, NaN where it has none."""
    values = np.full(len(whole.dates), np.nan)
    values[np.searchsorted(whole.dates, part.dates)] = part.values
    return replace(part, times=whole.times, values=values)
