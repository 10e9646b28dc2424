"""Series of a run, as columns or as points, and its monthly returns."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Self

import strawberry

from app.boundary.cost_rules import cost
from app.runs import series as service
from app.schema.enums import SeriesName, SeriesTransform
from app.schema.unset import given
from db.records import SeriesRecord
from engine.statistics.return_series import monthly_returns


@strawberry.input(description="One series to select.")
class SeriesSelect:
    name: SeriesName = strawberry.field(default=SeriesName.FACTOR, description="Which series.")
    transform: SeriesTransform = strawberry.field(
        default=SeriesTransform.RETURN, description="What to make of it."
    )
    window_periods: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Values in the window of a rolling transform, from 2 to 2000; absent or null for half a "
        "year of periods. Not for other transforms.",
    )

    def to_request(self) -> service.SeriesRequest:
        return service.SeriesRequest(self.name, self.transform, given(self.window_periods))


@strawberry.input(description="Days from `start` to `end`, both included; absent or null is open.")
class DateRange:
    start: date | None = strawberry.field(default=strawberry.UNSET, description="The first day.")
    end: date | None = strawberry.field(default=strawberry.UNSET, description="The last day.")

    def to_range(self) -> service.DateRange:
        return service.DateRange(given(self.start), given(self.end))


@strawberry.type(description="One point of a series.")
class Point:
    date: date = strawberry.field(description="The end of the period.")
    value: float | None = strawberry.field(description="The value in the series' unit; null = undefined.")


@strawberry.type
class SeriesColumns:
    """What series of all kinds of runs have in common."""

    series: strawberry.Private[service.TimeSeries]
    name: StrEnum  # each type has its own enum
    transform: SeriesTransform
    window_periods: int | None
    unit: str = strawberry.field(
        description="The unit of the values in words, such as `fraction per period`."
    )
    source_point_count: int = strawberry.field(description="Number of points in the range, before sampling.")
    sampled: bool = strawberry.field(
        description="Whether points were left out to stay within `maxPoints`. Sampling is deterministic and "
        "keeps every selected series' first, last, least and greatest value."
    )

    @strawberry.field(description="Period ends, ascending.", metadata=cost(column=True))
    def dates(self) -> list[date]:
        return self.series.dates.tolist()

    @strawberry.field(
        description="The same with the time of day, to the microsecond: midnight UTC for a series of days. "
        "Times may be equal.",
        metadata=cost(column=True),
    )
    def times(self) -> list[datetime]:
        return [moment.replace(tzinfo=UTC) for moment in self.series.times.astype("datetime64[us]").tolist()]

    @strawberry.field(
        description="The same in nanoseconds since 1970-01-01 UTC, as strings: a number in JavaScript would "
        "round them.",
        metadata=cost(column=True),
    )
    def times_ns(self) -> list[str]:
        return [str(time) for time in self.series.nanoseconds()]

    @strawberry.field(
        description="One value a date, in the series' unit; null = undefined there.",
        metadata=cost(column=True),
    )
    def values(self) -> list[float | None]:
        return self.series.values.tolist()

    @strawberry.field(
        description="The same as objects: convenient, and several times slower than columns.",
        metadata=cost(column=True),
    )
    def points(self) -> list[Point]:
        rows = zip(self.series.dates.tolist(), self.series.values.tolist(), strict=True)
        return [Point(date=day, value=value) for day, value in rows]

    @classmethod
    def from_service(cls, series: service.TimeSeries) -> Self:
        """Return the series in the graph's type; `name` is a member of that type's enum."""
        names = [one.name for one in fields(cls) if one.init and one.name != "series"]
        return cls(series=series, **{name: getattr(series, name) for name in names})


@strawberry.type(
    description=(
        "One series as two columns of equal length (`dates`, `values`), or as `points`. Series that were "
        "selected together share their dates. Skipped periods have no point."
    )
)
class TimeSeries(SeriesColumns):
    name: SeriesName = strawberry.field(description="Which series this is.")
    transform: SeriesTransform = strawberry.field(description="What was made of it.")
    window_periods: int | None = strawberry.field(
        description="Values in the window of a rolling transform; null for other transforms."
    )


@strawberry.type(description="The return of one calendar month.")
class MonthlyReturn:
    year: int = strawberry.field(description="The year, such as 2024.")
    month: int = strawberry.field(description="The month, 1 to 12.")
    value: float | None = strawberry.field(
        name="return",
        description="The factor's returns of the periods that end in the month, compounded; a fraction.",
    )


def to_monthly_returns(factor: SeriesRecord) -> list[MonthlyReturn]:
    """One entry a month in which a period of the factor's series ends, oldest first."""
    months, values = monthly_returns(factor.dates, factor.values)
    return [
        MonthlyReturn(year=month.year, month=month.month, value=value)
        for month, value in zip(months.astype("datetime64[D]").tolist(), values.tolist(), strict=True)
    ]
