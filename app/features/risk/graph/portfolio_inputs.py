"""How a client asks for a portfolio's risk by a risk model."""

from __future__ import annotations

from datetime import date

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.features.exposures.graph.inputs import PortfolioInput
from app.features.risk.graph.enums import BenchmarkIndex
from app.features.risk.portfolios import BENCHMARK, POSITIONS, Portfolio, PortfolioRiskRequest
from app.schema.errors import Path
from app.schema.unset import given, was_given


@strawberry.input(one_of=True, description="What a portfolio is compared with.")
class RiskBenchmarkInput:
    portfolio: PortfolioInput | None = strawberry.field(
        default=strawberry.UNSET, description="Another portfolio."
    )
    index: BenchmarkIndex | None = strawberry.field(
        default=strawberry.UNSET, description="A portfolio that the risk model knows."
    )

    def chosen(self) -> Portfolio | BenchmarkIndex | None:
        """None for a null."""
        if was_given(self.portfolio):
            return None if self.portfolio is None else to_portfolio(self.portfolio)
        return given(self.index)

    def path(self) -> Path:
        """Where its positions stand in this input."""
        portfolio = given(self.portfolio)
        return ("index",) if portfolio is None else ("portfolio", portfolio.chosen()[1])


@strawberry.input(description="Whose risk to measure, and against what.")
class PortfolioRiskInput:
    portfolio: PortfolioInput = strawberry.field(
        description="What is held. Weights are shares of the capital; what is left of 1 is cash, without "
        "risk. Amounts are valued at the last prices up to the forecast date."
    )
    benchmark: RiskBenchmarkInput | None = strawberry.field(
        default=strawberry.UNSET, description="What it is compared with; absent or null for nothing."
    )
    date: date | None = strawberry.field(
        default=strawberry.UNSET,
        description="The day by whose forecast: the last one up to it is taken. Absent or null: the latest.",
    )
    confidence: float = strawberry.field(
        default=0.95,
        description="Probability that the loss stays within the value at risk, 0.5 to 0.9999.",
    )
    horizon_days: int = strawberry.field(
        default=1,
        description="Rows of the dataset (days or sessions) that the portfolio is held, 1 to 2,520, for the "
        "value at risk.",
    )

    def to_request(self) -> PortfolioRiskRequest:
        benchmark = given(self.benchmark)
        return PortfolioRiskRequest(
            portfolio=to_portfolio(self.portfolio),
            benchmark=None if benchmark is None else benchmark.chosen(),
            day=given(self.date),
            confidence=self.confidence,
            horizon_days=self.horizon_days,
        )

    def locate(self, name: str) -> Path:
        """Where what the service calls `name` stands in the arguments."""
        if name == POSITIONS:
            return ("input", "portfolio", self.portfolio.chosen()[1])
        benchmark = given(self.benchmark)
        if name == BENCHMARK and benchmark is not None:
            return ("input", "benchmark", *benchmark.path())
        return ("input", "date" if name == "day" else to_camel_case(name))


def to_portfolio(asked: PortfolioInput) -> Portfolio:
    basis, _, positions = asked.chosen()
    return Portfolio(holdings=tuple((one.asset, one.number) for one in positions), basis=basis)
