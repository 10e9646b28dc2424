"""Confidence intervals of metrics."""

from __future__ import annotations

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.features.factors import research as service


@strawberry.type(
    description=(
        "A percentile interval of a metric by the stationary bootstrap (Politis and Romano 1994): period "
        "returns are drawn again in blocks of random length, so that their autocorrelation is kept."
    )
)
class ConfidenceInterval:
    metric: str = strawberry.field(description="The name of the field of `Performance`.")
    net: bool = strawberry.field(description="Whether it is that of `netPerformance`, after costs.")
    level: float = strawberry.field(description="Share of the resamples inside it: 0.95 = 95 %.")
    low: float = strawberry.field(description="Its lower end, in the metric's unit.")
    high: float = strawberry.field(description="Its upper end, in the metric's unit.")
    resamples: int = strawberry.field(description="Number of resamples that it rests on.")
    block_length: float = strawberry.field(
        description="Mean length of the blocks in periods, chosen from the returns (Politis and White 2004, "
        "corrected 2009)."
    )

    @classmethod
    def from_service(cls, interval: service.ConfidenceInterval) -> ConfidenceInterval:
        return cls(
            metric=to_camel_case(interval.metric),
            net=interval.net,
            level=interval.level,
            low=interval.low,
            high=interval.high,
            resamples=interval.resamples,
            block_length=interval.block_length,
        )
