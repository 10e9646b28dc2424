"""What a finished sweep says."""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.boundary.cost_rules import cost
from app.features.sweeps.graph.enums import ConfigOption, SweepMetric
from app.features.sweeps.graph.heat_map import HeatMap
from app.features.sweeps.graph.points import (
    SweepPoint,
    SweepPointConnection,
    SweepPointOrder,
    SweepPointWhere,
    point_list,
)
from app.features.sweeps.graph.series import SweepSeries, SweepSeriesSelect, check_series_arguments
from app.features.sweeps.graph.statistics import DeflatedSharpe, OverfittingProbability, WalkForward
from app.features.sweeps.results import SweepResults
from app.features.sweeps.series import SweepSeriesName
from app.features.sweeps.verdict import verdict
from app.runs import series as series_service
from app.schema.connections import check_page_size, cursors_checked
from app.schema.context import Info
from app.schema.errors import field_errors_at, in_graph_spelling
from app.schema.performance import UndefinedMetric
from app.schema.series import DateRange
from app.schema.unset import given
from db.records import RunRecord

MAX_FAILURES = 100
DEFAULT_SELECT = [SweepSeriesSelect()]


@strawberry.type(description="A reason why points could not be computed.")
class SweepFailure:
    code: str = strawberry.field(description="A stable name of the reason, such as `NO_PERIODS`.")
    message: str = strawberry.field(description="What happened, in one line fit for users.")
    count: int = strawberry.field(description="Number of points that failed so.")


@strawberry.type(
    description="The points of a sweep, and what protects from believing the best of them. The statistics "
    "compare the points' returns after costs (where a point has any) over the periods from the first to the "
    "last that any point reported, 0 where one held nothing."
)
class SweepResult:
    run: strawberry.Private[RunRecord]
    results: strawberry.Private[SweepResults]
    point_count: int = strawberry.field(description="Number of points that were tried.")
    failed_count: int = strawberry.field(description="Number of points that could not be computed.")
    plateau: float | None = strawberry.field(
        description="Mean `spanSharpeRatio` of `neighbours` over that of `best`: near 1 where the "
        "surroundings do as well, near 0 for a lone peak. Null without neighbours, and where the best is not "
        "above 0."
    )
    undefined: list[UndefinedMetric] = strawberry.field(
        description="Why a statistic here is null; `walkForward.sharpeRatio` stands for the field in it."
    )

    @strawberry.field(
        description="What the numbers allow to say, in one sentence. It holds up only if the deflated Sharpe "
        "ratio is at least 0.95, the probability of overfitting at most 0.2 and the walk-forward Sharpe "
        "ratio above 0."
    )
    def verdict(self) -> str:
        return verdict(self.results)

    @strawberry.field(
        description="Why points failed, the most frequent reasons first: up to 100.", metadata=cost(size=100)
    )
    def failures(self) -> list[SweepFailure]:
        return [
            SweepFailure(code=one.code, message=in_graph_spelling(one.message), count=one.count)
            for one in self.results.failures[:MAX_FAILURES]
        ]

    @strawberry.field(description="The point of the highest `spanSharpeRatio`; of equal ones the first.")
    def best(self) -> SweepPoint:
        return SweepPoint.of(self.run, self.results, self.results.best)

    @strawberry.field(
        description="The points next to the best: one step away on one axis; of a sample the nearest two an "
        "axis.",
        metadata=cost(size=10),
    )
    def neighbours(self) -> list[SweepPoint]:
        return [SweepPoint.of(self.run, self.results, number) for number in self.results.neighbours]

    @strawberry.field(description="The points, page by page.")
    def points(
        self,
        where: Annotated[
            SweepPointWhere | None, strawberry.argument(description="Which points; absent or null for all.")
        ] = strawberry.UNSET,
        order_by: Annotated[
            SweepPointOrder | None,
            strawberry.argument(
                description="In which order; absent or null for the highest `spanSharpeRatio` first."
            ),
        ] = strawberry.UNSET,
        first: Annotated[int, strawberry.argument(description="How many at most, up to 100.")] = 50,
        after: Annotated[
            str | None,
            strawberry.argument(
                description="The cursor after which to go on. It belongs to this very sweep, filter and "
                "order; any other is refused."
            ),
        ] = strawberry.UNSET,
    ) -> SweepPointConnection | None:
        check_page_size(first)
        wanted = point_list(self.run, where, order_by)
        with cursors_checked():
            page = wanted.page(self.results, first=first, after=given(after))
        return SweepPointConnection.from_page(
            self.run,
            self.results,
            page,
            total_count=len(wanted.numbers(self.results)),
            after=given(after),
        )

    @strawberry.field(
        description="A metric over two of the swept options, of up to 100 values each. Options that are not "
        "swept are refused."
    )
    def heat_map(
        self,
        x: Annotated[ConfigOption, strawberry.argument(description="The option across.")],
        y: Annotated[ConfigOption, strawberry.argument(description="The option down.")],
        metric: Annotated[
            SweepMetric, strawberry.argument(description="The metric.")
        ] = SweepMetric.SPAN_SHARPE_RATIO,
    ) -> HeatMap | None:
        with field_errors_at(lambda argument: (argument,)):
            found = self.results.heat_map(x.value, y.value, metric.value)
        return HeatMap.of(x, y, metric, found)

    @strawberry.field(
        description="The best point's Sharpe ratio against what luck would give as many trials. Null where "
        "undefined."
    )
    def deflated_sharpe(self) -> DeflatedSharpe | None:
        return DeflatedSharpe.of(self.results)

    @strawberry.field(description="How likely choosing the best overfits. Null where undefined.")
    def overfitting(self) -> OverfittingProbability | None:
        return OverfittingProbability.of(self.results)

    @strawberry.field(description="What choosing as one went along would have earned. Null where undefined.")
    def walk_forward(self) -> WalkForward | None:
        return WalkForward.of(self.run, self.results)

    @strawberry.field(
        description="Return series, in the order of `select` and on shared dates. Transforms see the whole "
        "history; then `range` is cut out; then points are sampled down to `maxPoints`."
    )
    async def series(
        self,
        info: Info,
        select: Annotated[
            list[SweepSeriesSelect], strawberry.argument(description="Which series, up to 20.")
        ] = DEFAULT_SELECT,
        range: Annotated[
            DateRange | None, strawberry.argument(description="Which period ends; absent or null for all.")
        ] = strawberry.UNSET,
        max_points: Annotated[
            int, strawberry.argument(description="Points a series at most, up to 100,000.")
        ] = 1000,
    ) -> list[SweepSeries] | None:
        check_series_arguments(select, max_points)
        names = list(SweepSeriesName)
        found = await info.context.loaders.series.load_many((self.run.id, name.value) for name in names)
        stored = {name.value: one for name, one in zip(names, found, strict=True) if one is not None}
        date_range = given(range)
        columns = series_service.chart_series(
            stored,
            [one.to_request() for one in select],
            date_range=series_service.DateRange() if date_range is None else date_range.to_range(),
            max_points=max_points,
            periods_per_year=self.results.periods_per_year,
            shared=SweepSeriesName.BEST_POINT,
        )
        return [SweepSeries.from_service(one) for one in columns]

    @classmethod
    def of(cls, run: RunRecord, results: SweepResults) -> SweepResult:
        return cls(
            run=run,
            results=results,
            point_count=results.point_count,
            failed_count=results.failed_count,
            plateau=results.plateau,
            undefined=[
                UndefinedMetric(metric=to_camel_case(one.metric), reason=one.reason, detail=one.detail)
                for one in results.undefined
            ],
        )
