"""How a client says what a portfolio holds, and how its exposures are to be measured."""

from __future__ import annotations

from datetime import date

import strawberry

from app.datasets.risk_free import RiskFreeRequest
from app.features.exposures.graph.enums import Method, ReturnKind
from app.features.exposures.service import Basis, ExposureRequest
from app.schema.dataset_ref import DatasetRef
from app.schema.errors import Path
from app.schema.node_ids import row_id
from app.schema.unset import given, was_given


@strawberry.input(description="How much of one asset a portfolio holds; below 0 is sold short.")
class PositionInput:
    asset: str = strawberry.field(
        description="The asset: its id in the dataset, in any case, or its attribute `symbol` or `ticker`."
    )
    number: float = strawberry.field(
        description="How many units (`amounts`), how many USD (`values`), or which fraction of the capital "
        "(`weights`). What is given of one asset more than once adds up."
    )


@strawberry.input(one_of=True, description="A portfolio of up to 1,000 positions, in one of three ways.")
class PortfolioInput:
    amounts: list[PositionInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Units held, such as 0.5 of btc; the dataset's prices turn them into USD.",
    )
    values: list[PositionInput] | None = strawberry.field(
        default=strawberry.UNSET, description="USD held. Weights are values over the sum of their sizes."
    )
    weights: list[PositionInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Fractions of the capital, taken as they are: they need not add up to 1.",
    )

    def chosen(self) -> tuple[Basis, str, list[PositionInput]]:
        """(basis, its name in this input, the positions)."""
        basis = next(one for one in Basis if was_given(getattr(self, one.lower())))
        return basis, basis.lower(), getattr(self, basis.lower()) or []


@strawberry.input(
    one_of=True, description="What lending without risk earned: from a dataset of yields, or constant."
)
class RiskFreeInput:
    dataset: DatasetRef | None = strawberry.field(
        default=strawberry.UNSET,
        description="A dataset with the field `discount_rate`: the bank discount of 13-week Treasury bills "
        "in per cent a year. A period earns the last rate known when it began.",
    )
    annual_rate: float | None = strawberry.field(
        default=strawberry.UNSET, description="A fraction a year, -0.5 to 1: 0.05 is 5 %."
    )

    def to_request(self, path: Path) -> RiskFreeRequest:
        """`path` is where it stands in the arguments. Raises InvalidInput for an id that is none."""
        ref = given(self.dataset)
        return RiskFreeRequest(
            dataset=None if ref is None else ref.to_service((*path, "dataset")),
            annual_rate=given(self.annual_rate),
        )


@strawberry.input(description="Whose exposures to measure, to which factors, and how.")
class ExposureInput:
    portfolio: PortfolioInput = strawberry.field(description="What is held.")
    runs: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Factor runs, 1 to 20: weekly, succeeded, with a return series; imported ones too. "
        "Absent or null: of each factor the weekly run on the dataset that succeeded last.",
    )
    dataset: DatasetRef | None = strawberry.field(
        default=strawberry.UNSET,
        description="Where the assets' prices are. Absent or null: the dataset of the runs, if it is one; "
        "without runs the only dataset that is not synthetic, or the only one.",
    )
    method: Method = strawberry.field(
        default=Method.JOINT, description="One regression on all factors, or one on each."
    )
    returns: ReturnKind = strawberry.field(
        default=ReturnKind.SIMPLE, description="Which returns are regressed."
    )
    risk_free: RiskFreeInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="Given, the portfolio (each position financed at it) and long-only factors are in excess "
        "of it. Absent or null: nothing is subtracted.",
    )
    start_date: date | None = strawberry.field(
        default=strawberry.UNSET, description="The first Sunday of a week to use; absent or null is open."
    )
    end_date: date | None = strawberry.field(
        default=strawberry.UNSET, description="The last Sunday of a week to use; absent or null is open."
    )
    min_observations: int = strawberry.field(
        default=52, description="Complete weeks without which there is no answer, 10 to 5,000."
    )
    confidence: float = strawberry.field(
        default=0.95, description="Level of the confidence intervals: at least 0.5 and below 1."
    )
    lag: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Lags of the Newey-West standard errors, 0 to 5,000; absent or null for "
        "floor(4 (n / 100)^(2/9)) of n weeks.",
    )
    rolling_weeks: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Weeks in the window of the rolling betas, at least 3 more than factors in a regression; "
        "absent or null for none.",
    )

    def to_request(self) -> ExposureRequest:
        """Raises InvalidInput for an id that is none of a factor run or dataset."""
        basis, _, positions = self.portfolio.chosen()
        runs, ref, risk_free = given(self.runs), given(self.dataset), given(self.risk_free)
        return ExposureRequest(
            positions=tuple((one.asset, one.number) for one in positions),
            basis=basis,
            run_ids=None
            if runs is None
            else tuple(
                row_id(one, "FactorRun", ("input", "runs", str(number))) for number, one in enumerate(runs)
            ),
            dataset=None if ref is None else ref.to_service(("input", "dataset")),
            method=self.method,
            kind=self.returns,
            risk_free=None if risk_free is None else risk_free.to_request(("input", "riskFree")),
            start=given(self.start_date),
            end=given(self.end_date),
            min_observations=self.min_observations,
            confidence=self.confidence,
            lag=given(self.lag),
            window=given(self.rolling_weeks),
        )
