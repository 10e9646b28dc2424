"""A run that estimates a risk model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated

import strawberry

from app.boundary.cost_rules import cost
from app.context import Services
from app.errors import FactorQLError
from app.features.risk.arrays import RiskArrays, open_risk_arrays
from app.features.risk.graph.assets import (
    AssetFactorExposuresConnection,
    AssetsAsked,
    AssetSpecificRiskConnection,
    SpecificReturnSeries,
    exposures_page,
    specific_return_series,
    specific_risk_page,
)
from app.features.risk.graph.config import RiskModelConfig
from app.features.risk.graph.estimates import (
    ExplainedVariance,
    FactorReturnSeries,
    RiskCoverage,
    RiskFactor,
    SkippedStyle,
)
from app.features.risk.graph.forecasts import FactorCovariance, RiskBias
from app.features.risk.graph.optimization import OptimalPortfolio, OptimizeInput, OptimizeResult
from app.features.risk.graph.portfolio import PortfolioRisk, PortfolioRiskResult
from app.features.risk.graph.portfolio_inputs import PortfolioRiskInput
from app.features.risk.optimization import optimize_portfolio
from app.features.risk.portfolios import Holder, holder_of, measure_portfolio
from app.features.risk.results import RiskModelResults, get_risk_results
from app.features.risk.series import chart_rows, check_points, factor_columns, latest_row
from app.features.risk.service import stored_risk_config
from app.runs import series
from app.runs.reader_threads import read_beside
from app.schema.connections import check_page_size
from app.schema.context import Info
from app.schema.errors import field_errors_at
from app.schema.loaders import Read
from app.schema.run import Run, run_values
from app.schema.series import DateRange
from app.schema.unset import given
from db.errors import CorruptBlob
from db.records import RunRecord


async def _risk_arrays(services: Services, run_ids: Sequence[int]) -> Mapping[int, RiskArrays]:
    return {run_id: await open_risk_arrays(services, run_id) for run_id in run_ids}


RISK_RESULTS = Read(lambda services, run_ids: get_risk_results(services.store, run_ids), split_on=CorruptBlob)
RISK_ARRAYS = Read(_risk_arrays, split_on=FactorQLError)


_UNTIL_SUCCEEDED = "Null until the run has succeeded."

RangeArgument = Annotated[
    DateRange | None, strawberry.argument(description="Which dates; absent or null for all.")
]
PointsArgument = Annotated[int, strawberry.argument(description="Points a series at most, up to 100,000.")]
DateArgument = Annotated[
    date | None,
    strawberry.argument(description="A day: the last date up to it is taken; absent or null: the latest."),
]
AssetsArgument = Annotated[
    list[str] | None,
    strawberry.argument(
        description="Up to 1,000 assets, by id in any case or by the attribute `symbol` or `ticker`, listed "
        "in this order. Absent or null: all that have a price, by id."
    ),
]
FirstArgument = Annotated[int, strawberry.argument(description="Size of the page, up to 100.")]
AfterArgument = Annotated[
    str | None, strawberry.argument(description="The cursor after which the page begins.")
]


@strawberry.type(
    description="A cross-sectional factor risk model of one dataset's assets: scores, factor returns, factor "
    "covariances and specific risk. Its results exist once it has succeeded; before, they are null. Nothing "
    "of a date rests on what came after it."
)
class RiskModelRun(Run):
    identity_hash: str = strawberry.field(
        description="SHA-256 of all that the results depend on: options, dataset and engine version."
    )

    @strawberry.field(description="All options, defaults included.")
    def config(self) -> RiskModelConfig:
        return RiskModelConfig.of(stored_risk_config(self.record))

    @strawberry.field(
        description=f"The factors: the market, the sectors, the styles. {_UNTIL_SUCCEEDED}",
        metadata=cost(size=30, work=100),
    )
    async def factors(self, info: Info) -> list[RiskFactor] | None:
        results = await self._results(info)
        return None if results is None else RiskFactor.all_of(results)

    @strawberry.field(
        description=f"Default styles that the dataset has no field for. {_UNTIL_SUCCEEDED}",
        metadata=cost(size=7, work=100),
    )
    async def skipped_styles(self, info: Info) -> list[SkippedStyle] | None:
        results = await self._results(info)
        if results is None:
            return None
        return [SkippedStyle(name=one.name, fields=list(one.fields)) for one in results.skipped_styles]

    @strawberry.field(
        description=f"The dates that have forecasts, ascending: ends of months, and the latest date. "
        f"{_UNTIL_SUCCEEDED}",
        metadata=cost(size=240),
    )
    async def forecast_dates(self, info: Info) -> list[date] | None:
        results = await self._results(info)
        return None if results is None else results.forecast_dates.tolist()

    @strawberry.field(
        description=f"How many assets have a price, estimate, and lack scores, date by date. "
        f"{_UNTIL_SUCCEEDED}",
        metadata=cost(work=100),
    )
    async def coverage(
        self, info: Info, range: RangeArgument = strawberry.UNSET, max_points: PointsArgument = 1000
    ) -> RiskCoverage | None:
        check_points(1, max_points)
        results = await self._results(info)
        if results is None:
            return None
        columns = (results.coverage.priced, results.coverage.universe, results.extreme_returns)
        chart = chart_rows(results.dates, columns, _range(range), max_points)
        return RiskCoverage.of(results, chart)

    @strawberry.field(
        description=f"Returns of factors, in the order of `names` and on shared dates. {_UNTIL_SUCCEEDED}",
        metadata=cost(size=30, work=100),
    )
    async def factor_returns(
        self,
        info: Info,
        names: Annotated[
            list[str] | None, strawberry.argument(description="Which factors; absent or null for all.")
        ] = strawberry.UNSET,
        range: RangeArgument = strawberry.UNSET,
        max_points: PointsArgument = 1000,
    ) -> list[FactorReturnSeries] | None:
        check_points(1, max_points)
        results = await self._results(info)
        if results is None:
            return None
        columns = factor_columns(results, given(names), ("names",))
        if not columns:
            return []
        returns = [results.factor_returns[:, column] for column in columns]
        chart = chart_rows(results.dates, returns, _range(range), max_points)
        return [FactorReturnSeries.of(results, chart, column) for column in columns]

    @strawberry.field(
        description=f"How much of the assets' returns the factors explain, date by date. {_UNTIL_SUCCEEDED}",
        metadata=cost(work=100),
    )
    async def explained_variance(
        self, info: Info, range: RangeArgument = strawberry.UNSET, max_points: PointsArgument = 1000
    ) -> ExplainedVariance | None:
        check_points(1, max_points)
        results = await self._results(info)
        if results is None:
            return None
        columns = (results.r_squared, results.assets, results.condition_number)
        chart = chart_rows(results.dates, columns, _range(range), max_points)
        return ExplainedVariance.of(results, chart)

    @strawberry.field(
        description="The forecast of how factor returns move together, annualised. Null until the run has "
        "succeeded, and for a day before the first of `forecastDates`.",
        metadata=cost(work=100),
    )
    async def covariance(self, info: Info, date: DateArgument = strawberry.UNSET) -> FactorCovariance | None:
        results = await self._results(info)
        at = None if results is None else latest_row(results.forecast_dates, given(date))
        return None if results is None or at is None else FactorCovariance.of(results, at)

    @strawberry.field(
        description="Assets with their exposures at the end of one date: they explain the returns of the "
        "next one. Null until the run has succeeded, and for a day before the model's first date.",
        metadata=cost(work=2_000),
    )
    async def exposures(
        self,
        info: Info,
        date: DateArgument = strawberry.UNSET,
        assets: AssetsArgument = strawberry.UNSET,
        first: FirstArgument = 50,
        after: AfterArgument = strawberry.UNSET,
    ) -> AssetFactorExposuresConnection | None:
        check_page_size(first)
        results = await self._results(info)
        row = None if results is None else latest_row(results.dates, given(date))
        if results is None or row is None:
            return None
        asked = AssetsAsked(words=given(assets), first=first, after=given(after))
        arrays, holder = await self._arrays(info)
        return await read_beside(exposures_page, results, arrays, holder, row, asked)

    @strawberry.field(
        description="Assets with their specific risk on one forecast date. Null until the run has succeeded, "
        "and for a day before the first of `forecastDates`.",
        metadata=cost(work=2_000),
    )
    async def specific_risk(
        self,
        info: Info,
        date: DateArgument = strawberry.UNSET,
        assets: AssetsArgument = strawberry.UNSET,
        first: FirstArgument = 50,
        after: AfterArgument = strawberry.UNSET,
    ) -> AssetSpecificRiskConnection | None:
        check_page_size(first)
        results = await self._results(info)
        at = None if results is None else latest_row(results.forecast_dates, given(date))
        if results is None or at is None:
            return None
        asked = AssetsAsked(words=given(assets), first=first, after=given(after))
        arrays, holder = await self._arrays(info)
        return await read_beside(specific_risk_page, results, arrays, holder, at, asked)

    @strawberry.field(
        description=f"Returns of assets that no factor explains, on shared dates. {_UNTIL_SUCCEEDED}",
        metadata=cost(work=5_000),
    )
    async def specific_returns(
        self,
        info: Info,
        assets: Annotated[
            list[str],
            strawberry.argument(
                description="Which assets, 1 to 100, by id in any case or by the attribute `symbol` or "
                "`ticker`."
            ),
        ],
        range: RangeArgument = strawberry.UNSET,
        max_points: PointsArgument = 1000,
    ) -> list[SpecificReturnSeries] | None:
        check_points(len(assets), max_points)
        results = await self._results(info)
        if results is None:
            return None
        arrays, holder = await self._arrays(info)
        return await read_beside(
            specific_return_series, results, arrays, holder, assets, _range(range), max_points
        )

    @strawberry.field(
        description=f"Whether the forecasts were right, out of sample. {_UNTIL_SUCCEEDED}",
        metadata=cost(work=100),
    )
    async def bias(self, info: Info) -> RiskBias | None:
        results = await self._results(info)
        return None if results is None else RiskBias.of(results)

    @strawberry.field(
        description="How risky a portfolio is, and what its risk comes from. Expected errors are members of "
        f"the result, by `Error`. {_UNTIL_SUCCEEDED}",
        metadata=cost(work=5_000),
    )
    async def portfolio_risk(
        self,
        info: Info,
        input: Annotated[
            PortfolioRiskInput, strawberry.argument(description="Whose risk, and against what.")
        ],
    ) -> PortfolioRiskResult | None:
        results = await self._results(info)
        if results is None:
            return None
        arrays = await info.context.load(RISK_ARRAYS, self.record.id)
        with field_errors_at(input.locate):
            answer = await measure_portfolio(
                info.context.services, self.record, results, arrays, input.to_request()
            )
        return PortfolioRisk.of(results, answer)

    @strawberry.field(
        description="The best portfolio within limits, found by a convex solver in a process of its own. "
        f"Expected errors are members of the result, by `Error`. {_UNTIL_SUCCEEDED}",
        metadata=cost(work=40_000),
    )
    async def optimize(
        self,
        info: Info,
        input: Annotated[OptimizeInput, strawberry.argument(description="Which portfolio to look for.")],
    ) -> OptimizeResult | None:
        results = await self._results(info)
        if results is None:
            return None
        arrays = await info.context.load(RISK_ARRAYS, self.record.id)
        with field_errors_at(input.locate):
            answer = await optimize_portfolio(
                info.context.services, self.record, results, arrays, input.to_request()
            )
        return OptimalPortfolio.of(results, answer)

    @classmethod
    def from_record(cls, record: RunRecord) -> RiskModelRun:
        return cls(**run_values(cls, record), identity_hash=record.identity_hash)

    async def _results(self, info: Info) -> RiskModelResults | None:
        return await info.context.load(RISK_RESULTS, self.record.id)

    async def _arrays(self, info: Info) -> tuple[RiskArrays, Holder]:
        arrays = await info.context.load(RISK_ARRAYS, self.record.id)
        return arrays, await holder_of(info.context.services, self.record)


def _range(asked: DateRange | None) -> series.DateRange:
    wanted = given(asked)
    return series.DateRange() if wanted is None else wanted.to_range()
