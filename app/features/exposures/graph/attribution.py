"""What each factor contributed to a portfolio's return."""

from __future__ import annotations

from datetime import date

import numpy as np
import strawberry

from app.boundary.cost_rules import cost
from app.features.exposures.graph.enums import AttributionKind
from app.schema.performance import UndefinedMetric
from engine.exposures.attribution import ALPHA, RESIDUAL, RISK_FREE, Attribution
from engine.statistics.undefined import Undefined
from engine.statistics.undefined import UndefinedMetric as EngineUndefined

_METRIC = "attribution"


@strawberry.type(description="One part of a portfolio's return.")
class AttributionPart:
    name: str = strawberry.field(
        description="The factor, named as in `regressions`, or `ALPHA`, `RISK_FREE`, `RESIDUAL`."
    )
    kind: AttributionKind = strawberry.field(description="What it is due to.")
    linked: float = strawberry.field(
        description="Contribution to the compounded return of the span, linked as by Carino (1999): the "
        "parts add up to `total`."
    )
    contributions: list[float] = strawberry.field(
        description="Contribution to each week's return: the parts add up to it. Of LOG returns, to the "
        "logarithm of 1 + it.",
        metadata=cost(size=500),
    )


@strawberry.type(
    description="The portfolio's return, split into what each factor, the intercept and the risk-free rate "
    "contributed, and the residual."
)
class ExposureAttribution:
    start_date: date | None = strawberry.field(description="The Sunday of the first week; null if undefined.")
    end_date: date | None = strawberry.field(description="The Sunday of the last week; null if undefined.")
    total: float | None = strawberry.field(
        description="The compounded simple return of the weeks, not in excess; null if undefined."
    )
    weeks: list[date] = strawberry.field(
        description="The Sundays of the weeks, ascending.", metadata=cost(size=500)
    )
    portfolio_returns: list[float] = strawberry.field(
        description="The simple return of each week, not in excess.", metadata=cost(size=500)
    )
    parts: list[AttributionPart] = strawberry.field(
        description="The factors, then alpha, the risk-free rate and the residual; empty if undefined.",
        metadata=cost(size=9),
    )
    undefined: UndefinedMetric | None = strawberry.field(
        description="Why there is no attribution; null where there is one."
    )

    @classmethod
    def between(cls, whole: Attribution, start: date | None, end: date | None) -> ExposureAttribution:
        """Of the weeks whose Sundays lie in [start, end]; None is open."""
        try:
            found = whole.between(_day(start), _day(end))
        except Undefined as error:
            return cls.absent(EngineUndefined(_METRIC, error.reason, error.detail))
        return cls(
            start_date=found.weeks[0].item(),
            end_date=found.weeks[-1].item(),
            total=found.total,
            weeks=found.weeks.tolist(),
            portfolio_returns=found.portfolio_returns.tolist(),
            parts=[
                AttributionPart(
                    name=name,
                    kind=_kind(name),
                    linked=float(found.linked[column]),
                    contributions=found.contributions[:, column].tolist(),
                )
                for column, name in enumerate(found.names)
            ],
            undefined=None,
        )

    @classmethod
    def absent(cls, reason: EngineUndefined) -> ExposureAttribution:
        return cls(
            start_date=None,
            end_date=None,
            total=None,
            weeks=[],
            portfolio_returns=[],
            parts=[],
            undefined=UndefinedMetric(metric=_METRIC, reason=reason.reason.value, detail=reason.detail),
        )


def _kind(name: str) -> AttributionKind:
    # Factors are named in lower case: none of them has the name of another part.
    return AttributionKind(name) if name in (ALPHA, RISK_FREE, RESIDUAL) else AttributionKind.FACTOR


def _day(day: date | None) -> np.datetime64 | None:
    return None if day is None else np.datetime64(day, "D")
