"""The return series of a sweep."""

from __future__ import annotations

import strawberry

from app.errors import InvalidInput
from app.features.sweeps.graph.enums import SweepSeriesName
from app.runs.series import SeriesRequest
from app.schema.enums import SeriesTransform
from app.schema.series import SeriesColumns
from app.schema.unset import given

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

    def to_request(self) -> SeriesRequest:
        return SeriesRequest(self.name, self.transform, given(self.window_periods))


@strawberry.type(
    description="One series of a sweep as two columns of equal length (`dates`, `values`), or as `points`. "
    "Series that were selected together share their dates."
)
class SweepSeries(SeriesColumns):
    name: SweepSeriesName = strawberry.field(description="Which return series this is.")
    transform: SeriesTransform = strawberry.field(description="What was made of its returns.")
    window_periods: int | None = strawberry.field(
        description="Returns in the window of a rolling transform; null for other transforms."
    )


def check_series_arguments(select: list[SweepSeriesSelect], max_points: int) -> None:
    """Raises InvalidInput."""
    if not 1 <= len(select) <= MAX_SERIES:
        raise InvalidInput(f"select takes 1 to {MAX_SERIES} series, not {len(select)}")
    if not 1 <= max_points <= MAX_POINTS:
        raise InvalidInput(f"maxPoints must be from 1 to {MAX_POINTS:,}, not {max_points:,}")
