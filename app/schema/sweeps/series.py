"""The return series of a sweep."""

from __future__ import annotations

from datetime import date

import strawberry

from app.errors import InvalidInput
from app.schema.enums import SeriesTransform
from app.schema.series import Point
from app.schema.sweeps.enums import SweepSeriesName
from app.schema.unset import given
from app.services import series as service
from app.services.sweep_series import SweepSeriesRequest

MAX_SERIES = 20
MAX_POINTS = 100_000


@strawberry.input(description="One series of a sweep to select.")
class SweepSeriesSelect:
    name: SweepSeriesName = strawberry.field(
        default=SweepSeriesName.BEST_POINT, description="Which return series."
    )
    transform: SeriesTransform = strawberry.field(
        default=SeriesTransform.RETURN, description="What to make of its returns."
    )
    window_periods: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Returns in the window of a rolling transform, from 2 to 2000; absent or null for half a "
        "year of periods. Not for other transforms.",
    )

    def to_request(self) -> SweepSeriesRequest:
        return SweepSeriesRequest(self.name, self.transform, given(self.window_periods))


@strawberry.type(
    description="One series of a sweep as two columns of equal length (`dates`, `values`), or as `points`. "
    "Series that were selected together share their dates."
)
class SweepSeries:
    series: strawberry.Private[service.TimeSeries]
    name: SweepSeriesName = strawberry.field(description="Which return series this is.")
    transform: SeriesTransform = strawberry.field(description="What was made of its returns.")
    window_periods: int | None = strawberry.field(
        description="Returns in the window of a rolling transform; null for other transforms."
    )
    unit: str = strawberry.field(
        description="The unit of the values in words, such as `fraction per period`."
    )
    source_point_count: int = strawberry.field(description="Number of points in the range, before sampling.")
    sampled: bool = strawberry.field(
        description="Whether points were left out to stay within `maxPoints`. Sampling is deterministic and "
        "keeps every selected series' first, last, least and greatest value."
    )

    @strawberry.field(description="Period ends, ascending.")
    def dates(self) -> list[date]:
        return self.series.dates.tolist()

    @strawberry.field(description="One value a date, in the series' unit; null = undefined there.")
    def values(self) -> list[float | None]:
        return self.series.values.tolist()

    @strawberry.field(description="The same as objects: convenient, and several times slower than columns.")
    def points(self) -> list[Point]:
        rows = zip(self.series.dates.tolist(), self.series.values.tolist(), strict=True)
        return [Point(date=day, value=value) for day, value in rows]

    @classmethod
    def from_service(cls, name: SweepSeriesName, series: service.TimeSeries) -> SweepSeries:
        return cls(
            series=series,
            name=name,
            transform=series.transform,
            window_periods=series.window_periods,
            unit=series.unit,
            source_point_count=series.source_point_count,
            sampled=series.sampled,
        )


def check_series_arguments(select: list[SweepSeriesSelect], max_points: int) -> None:
    """Raises InvalidInput."""
    if not 1 <= len(select) <= MAX_SERIES:
        raise InvalidInput(f"select takes 1 to {MAX_SERIES} series, not {len(select)}")
    if not 1 <= max_points <= MAX_POINTS:
        raise InvalidInput(f"maxPoints must be from 1 to {MAX_POINTS:,}, not {max_points:,}")
