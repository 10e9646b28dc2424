"""The metrics of a run."""

from __future__ import annotations

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.schema.options import measured
from db.records import PerformanceRecord, UndefinedMetricRecord
from engine.factors.performance import METRICS
from engine.statistics.performance import Unit


@strawberry.type(description="Why a metric is null.")
class UndefinedMetric:
    metric: str = strawberry.field(description="The name of the field that is null.")
    reason: str = strawberry.field(description="A stable name of the reason, such as `ZERO_VOLATILITY`.")
    detail: str = strawberry.field(description="The reason in words, with its numbers.")


@strawberry.type(
    description=(
        "The metrics of the factor return: long minus short, or the long leg alone where there is no short "
        "one. `performance` has those of the return gross of costs, `netPerformance` those of the return "
        "after them. Rates are fractions (0.1 = 10 %). Periods in which no portfolio was formed are left "
        "out, not zero. A metric that is not defined is null, with its reason in `undefinedMetrics`. From a "
        "return of -100 % or less on, wealth is 0 for good (`wipedOutOn`); mean, deviation, Sharpe and the "
        "like use all returns."
    )
)
@measured(METRICS.values())
class Performance:
    undefined_metrics: list[UndefinedMetric] = strawberry.field(
        description="Why metrics are null, one entry a metric."
    )

    @classmethod
    def from_record(cls, record: PerformanceRecord) -> Performance:
        return cls(
            **{name: getattr(record, name) for name in METRICS},
            undefined_metrics=[
                UndefinedMetric(
                    metric=to_camel_case(entry.metric), reason=str(entry.reason), detail=entry.detail
                )
                for entry in (*record.undefined_metrics, *_never_computed(record))
            ],
        )


def _never_computed(record: PerformanceRecord) -> list[UndefinedMetricRecord]:
    """Tell metrics that there were not when the run was recorded: others that are null have a reason, but for
    dates on which nothing happened."""
    reasons = {entry.metric for entry in record.undefined_metrics}
    return [
        UndefinedMetricRecord(
            metric=name, reason="NOT_RECORDED", detail="the run was recorded before there was such a metric"
        )
        for name, metric in METRICS.items()
        if metric.unit is not Unit.DATE and getattr(record, name) is None and name not in reasons
    ]
