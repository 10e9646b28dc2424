"""What a portfolio's returns owe to factors, and why there may be no answer."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, TypeAlias

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.boundary.cost_rules import cost
from app.features.exposures import service as service
from app.features.exposures.graph.attribution import ExposureAttribution
from app.features.exposures.graph.enums import Method, ReturnKind
from app.features.exposures.graph.inputs import ExposureInput
from app.features.exposures.graph.regressions import ExposureRegression, RollingExposures
from app.features.exposures.service import ExposureAnswer, portfolio_exposures
from app.features.exposures.service import Position as ServicePosition
from app.schema.context import Info
from app.schema.dataset import Dataset
from app.schema.errors import (
    DatasetNotFound,
    DatasetUnavailable,
    Error,
    InvalidInput,
    MissingField,
    Path,
    RunNotFound,
    UnknownAssets,
    field_errors_at,
)
from app.schema.unset import given

_NAMES = {
    "run_ids": "runs",
    "kind": "returns",
    "start": "startDate",
    "end": "endDate",
    "window": "rollingWeeks",
}
"""Of this graph where they are others than the service's in camel case."""


@strawberry.type(description="What the portfolio holds of one asset.")
class PortfolioPosition:
    asset: str = strawberry.field(description="The asset's id in the dataset.")
    amount: float | None = strawberry.field(description="Units held; null unless amounts were given.")
    price: float | None = strawberry.field(
        description="USD a unit at `asOf`; null unless amounts were given, and of an amount of 0."
    )
    value: float | None = strawberry.field(description="USD held; null if weights were given.")
    weight: float = strawberry.field(
        description="Fraction of the capital: as given, or the value over the sum of the sizes of all values."
    )

    @classmethod
    def of(cls, found: ServicePosition) -> PortfolioPosition:
        return cls(
            asset=found.asset,
            amount=found.amount,
            price=found.price,
            value=found.value,
            weight=found.weight,
        )


@strawberry.type(
    description="A portfolio's exposures: its weekly returns, as it would have done at constant weights, "
    "regressed on those of factors, over the weeks that have all returns."
)
class Exposures:
    answer: strawberry.Private[ExposureAnswer]
    as_of: date | None = strawberry.field(
        description="The date of the prices that turned amounts into values: the last one on which all have "
        "a price of at most 7 days before. Null unless amounts were given."
    )
    positions: list[PortfolioPosition] = strawberry.field(
        description="One an asset, in the order given; what was given of one twice is added up.",
        metadata=cost(size=50),
    )
    method: Method = strawberry.field(description="One regression on all factors, or one on each.")
    returns: ReturnKind = strawberry.field(description="Which returns were regressed.")
    risk_free: str | None = strawberry.field(
        description="The risk-free rate that was subtracted, in words; null if none was."
    )
    start_date: date = strawberry.field(description="The Sunday of the first week used.")
    end_date: date = strawberry.field(description="The Sunday of the last week used.")
    observations: int = strawberry.field(description="Number of weeks used.")
    confidence: float = strawberry.field(description="Level of the confidence intervals.")
    notes: list[str] = strawberry.field(description="What else to know, in words.")

    @strawberry.field(description="Where the assets' prices are.")
    def dataset(self) -> Dataset:
        return Dataset.from_record(self.answer.dataset)

    @strawberry.field(description="One for JOINT; for UNIVARIATE one a factor.", metadata=cost(size=2))
    def regressions(self) -> list[ExposureRegression]:
        run_of = dict(zip(self.answer.labels, self.answer.runs, strict=True))
        return [ExposureRegression.of(one, run_of) for one in self.answer.exposures.regressions]

    @strawberry.field(description="Betas over a moving window; null unless `rollingWeeks` was given.")
    def rolling(self) -> RollingExposures | None:
        found = self.answer.exposures.rolling
        return None if found is None else RollingExposures.of(self.answer, found)

    @strawberry.field(
        description="What each factor contributed to the portfolio's return, linked over the weeks from "
        "`startDate` to `endDate`. The betas are those of all weeks. Null for UNIVARIATE."
    )
    def attribution(
        self,
        start_date: Annotated[
            date | None, strawberry.argument(description="The first Sunday; absent or null is open.")
        ] = strawberry.UNSET,
        end_date: Annotated[
            date | None, strawberry.argument(description="The last Sunday; absent or null is open.")
        ] = strawberry.UNSET,
    ) -> ExposureAttribution | None:
        found = self.answer.exposures
        if found.attribution is not None:
            return ExposureAttribution.between(found.attribution, given(start_date), given(end_date))
        return ExposureAttribution.absent(found.undefined[0]) if found.undefined else None

    @classmethod
    def of(cls, answer: ExposureAnswer) -> Exposures:
        found = answer.exposures
        return cls(
            answer=answer,
            as_of=answer.as_of,
            positions=[PortfolioPosition.of(one) for one in answer.positions],
            method=found.method,
            returns=found.kind,
            risk_free=answer.risk_free,
            start_date=found.weeks[0].item(),
            end_date=found.weeks[-1].item(),
            observations=len(found.weeks),
            confidence=found.confidence,
            notes=list(answer.notes),
        )


@strawberry.type(description="Too few weeks have all the returns that are needed.")
class TooFewObservations(Error):
    shows: ClassVar = (service.TooFewObservations,)

    observations: int = strawberry.field(description="How many weeks have them.")
    needed: int = strawberry.field(description="How many are needed.")


@strawberry.type(description="The returns have no betas: there are enough of them, but they do not allow it.")
class UndefinedExposures(Error):
    shows: ClassVar = (service.UndefinedExposures,)

    reason: str = strawberry.field(description="A stable name of the reason, such as `COLLINEAR_FACTORS`.")


ExposureResult: TypeAlias = Annotated[
    Exposures
    | InvalidInput
    | UnknownAssets
    | TooFewObservations
    | UndefinedExposures
    | MissingField
    | DatasetNotFound
    | DatasetUnavailable
    | RunNotFound,
    strawberry.union(
        "ExposureResult", description="The exposures, or why there are none. Keep a default branch."
    ),
]


async def exposures(
    info: Info,
    input: Annotated[ExposureInput, strawberry.argument(description="Whose exposures, to what, and how.")],
) -> ExposureResult:
    _, basis, _ = input.portfolio.chosen()

    def locate(name: str) -> Path:
        if name == "positions":
            return ("input", "portfolio", basis)
        return ("input", _NAMES.get(name, to_camel_case(name)))

    request = input.to_request()
    with field_errors_at(locate):
        answer = await portfolio_exposures(info.context.services, request)
    return Exposures.of(answer)
