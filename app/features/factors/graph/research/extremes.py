"""How much of a result hangs on its few most extreme positions."""

from __future__ import annotations

from datetime import date

import strawberry

from app.boundary.cost_rules import cost
from app.features.factors import research as service
from app.schema.enums import Leg
from app.schema.same_fields import same_fields


@strawberry.type(description="One asset held in one period.")
class ExtremePosition:
    date: date = strawberry.field(description="The end of the period.")
    asset: str = strawberry.field(description="The asset's id in the dataset.")
    leg: Leg = strawberry.field(description="The leg that held it.")
    weight: float = strawberry.field(description="Its weight inside the leg.")
    period_return: float | None = strawberry.field(
        description="The asset's own return as it was realised, a fraction, also in the short leg."
    )
    contribution: float | None = strawberry.field(
        description="What it added to the factor's return of the period, a fraction: below 0 for a rise in "
        "the short leg."
    )


@strawberry.type(
    description=(
        "How much of the result hangs on the five positions with the largest realised returns, up or down. "
        "Gross of costs."
    )
)
class Extremes:
    positions: list[ExtremePosition] = strawberry.field(
        description="The positions, that with the largest return (up or down) first.", metadata=cost(size=5)
    )
    contribution: float | None = strawberry.field(
        description="Sum of what they added to the factor's returns, a fraction."
    )
    share: float | None = strawberry.field(
        description="`contribution` / sum of all factor returns: above 1 where all else lost, below 0 where "
        "they went against the result; null where the sum is 0."
    )
    cumulative_return_without: float | None = strawberry.field(
        description="The cumulative return had these positions earned 0, a fraction."
    )

    @classmethod
    def from_service(cls, extremes: service.Extremes) -> Extremes:
        positions = [same_fields(ExtremePosition, position) for position in extremes.positions]
        return same_fields(cls, extremes, positions=positions)
