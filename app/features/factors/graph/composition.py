"""What a run held in one period."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import strawberry

from app.boundary.cost_rules import cost
from db.records import CompositionRecord, LegRecord


@strawberry.type(description="One asset held in one period.")
class Holding:
    asset: str = strawberry.field(description="The asset's id in the dataset.")
    weight: float = strawberry.field(
        description="Weight inside its leg at the start of the period: positive, the leg's weights sum to 1."
    )
    period_return: float | None = strawberry.field(
        description="The asset's own return in the period, a fraction, also in the short leg; null if it had "
        "no price at the end, so that it earned `missingReturn`."
    )
    signal: float | None = strawberry.field(
        description="The factor's signal that decided the portfolio, known at the end of the period before."
    )
    market_cap: float | None = strawberry.field(
        description="Market capitalisation at the end of the period before, in USD; null if not recorded."
    )


@strawberry.type(description="What a run held in one period, as decided at the end of the period before.")
class Composition:
    record: strawberry.Private[CompositionRecord]
    asset_names: strawberry.Private[Sequence[str]]
    date: date = strawberry.field(description="The end of the period, which names it.")
    start_date: date = strawberry.field(
        description="The end of the period before, when the portfolio was decided; it was held from then on."
    )

    @strawberry.field(description="The long leg, heaviest first, then by asset.", metadata=cost(size=500))
    def long(self) -> list[Holding]:
        return _holdings(self.record.long, self.asset_names)

    @strawberry.field(
        description="The short leg, heaviest first, then by asset; empty for a long-only factor.",
        metadata=cost(size=500),
    )
    def short(self) -> list[Holding]:
        return [] if self.record.short is None else _holdings(self.record.short, self.asset_names)

    @classmethod
    def from_record(cls, record: CompositionRecord, asset_names: Sequence[str]) -> Composition:
        """`asset_names` are those of the run's dataset, by ordinal."""
        return cls(
            record=record, asset_names=asset_names, date=record.period_end, start_date=record.period_start
        )


def _holdings(leg: LegRecord, asset_names: Sequence[str]) -> list[Holding]:
    # Assets are stored in alphabetical order, so that ordinals order them too.
    heaviest_first = np.lexsort((leg.asset_ordinals, -leg.weights))
    columns = (leg.asset_ordinals, leg.weights, leg.period_returns, leg.signals, leg.market_caps)
    return [
        Holding(
            asset=asset_names[ordinal], weight=weight, period_return=earned, signal=signal, market_cap=cap
        )
        for ordinal, weight, earned, signal, cap in zip(
            *(column[heaviest_first].tolist() for column in columns), strict=True
        )
    ]
