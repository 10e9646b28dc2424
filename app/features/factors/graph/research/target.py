"""The portfolio to hold next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import strawberry

from app.boundary.cost_rules import cost
from app.features.factors import research as service
from app.schema.same_fields import same_fields


@strawberry.type(description="One asset to hold, or to sell entirely.")
class TargetPosition:
    asset: str = strawberry.field(description="The asset's id in the dataset.")
    weight: float = strawberry.field(
        description="Weight to hold inside its leg: the leg's weights sum to 1; 0 = to be sold entirely."
    )
    previous_weight: float = strawberry.field(
        description="Weight inside the leg as prices have moved since the last portfolio; 0 = not held."
    )
    trade: float = strawberry.field(
        description="`weight` - `previousWeight`, a fraction of the leg's capital: what to add to the "
        "position or, below 0, to take from it. In the short leg what to add is sold."
    )
    signal: float | None = strawberry.field(
        description="The signal at the formation date; null if the asset is to be sold entirely."
    )


@strawberry.type(
    description=(
        "The portfolio to hold next, formed by the run's own rules from what was known at the last period "
        "end in the data, or up to `config.endDate`."
    )
)
class TargetPortfolio:
    formation_date: date = strawberry.field(description="The period end whose data it is based on.")
    period_end: date = strawberry.field(description="The end of the period to hold it for, by the calendar.")
    eligible: int = strawberry.field(description="Number of eligible assets.")
    absence: str | None = strawberry.field(
        description="Why there is no portfolio, in words, such as too few eligible assets; null if there is."
    )
    turnover: float | None = strawberry.field(
        description="(Bought + sold) / 2, both legs added, as a fraction of a leg's capital; null if there "
        "is no portfolio."
    )
    long: list[TargetPosition] | None = strawberry.field(
        description="The long leg, heaviest first, what is to be sold entirely last; null if there is no "
        "portfolio.",
        metadata=cost(size=500),
    )
    short: list[TargetPosition] | None = strawberry.field(
        description="The short leg in the same order; null if there is no portfolio, and for a long-only "
        "factor.",
        metadata=cost(size=500),
    )

    @classmethod
    def from_service(cls, target: service.TargetPortfolio, asset_names: Sequence[str]) -> TargetPortfolio:
        """`asset_names` are those of the run's dataset, by ordinal."""
        legs = {"long": target.long, "short": target.short}
        return same_fields(cls, target, **{name: _positions(leg, asset_names) for name, leg in legs.items()})


def _positions(leg: service.TargetLeg | None, asset_names: Sequence[str]) -> list[TargetPosition] | None:
    if leg is None:
        return None
    return [same_fields(TargetPosition, one) for one in service.target_positions(leg, asset_names)]
