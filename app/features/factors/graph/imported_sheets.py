"""Sheets of monthly metrics that came with imported logs."""

from __future__ import annotations

from datetime import date

import strawberry

from db.legacy.records import MonthlyMetricsRecord


@strawberry.type(description="One line of a sheet, as it was logged.")
class MonthlyMetric:
    metric: str = strawberry.field(description="The metric's name in the log.")
    value: float | None = strawberry.field(
        description="Its value, in the log's own unit; null if missing or no number."
    )
    formatted: str = strawberry.field(description="Its value as the log wrote it for people.")


@strawberry.type(description="A factor's monthly metrics of one date, as the older system logged them.")
class MonthlyMetrics:
    as_of_date: date = strawberry.field(description="The date of the sheet.")
    rows: list[MonthlyMetric] = strawberry.field(description="The metrics, in the order of the log.")

    @classmethod
    def from_record(cls, record: MonthlyMetricsRecord) -> MonthlyMetrics:
        return cls(
            as_of_date=record.as_of_date,
            rows=[
                # Some metrics name an asset: their value is text, which `formatted` holds too.
                MonthlyMetric(
                    metric=metric,
                    value=value if isinstance(value, int | float) else None,
                    formatted=formatted,
                )
                for metric, value, formatted in record.rows
            ],
        )
