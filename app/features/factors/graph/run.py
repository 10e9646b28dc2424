"""A run of a factor model with its results."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.boundary.cost_rules import cost
from app.errors import InvalidInput
from app.features.exposures.graph.inputs import RiskFreeInput
from app.features.factors.graph.composition import Composition
from app.features.factors.graph.factor_config import FactorConfig, to_factor_config
from app.features.factors.graph.monthly_sheet import MonthlyMetricsSheet
from app.features.factors.graph.reads import RESEARCH_OF_RUNS, RISK_FREE_RATES
from app.features.factors.graph.research.confidence import ConfidenceInterval
from app.features.factors.graph.research.extremes import Extremes
from app.features.factors.graph.research.quantiles import QuantileAnalysis
from app.features.factors.graph.research.signal import HorizonIC, SignalPersistence
from app.features.factors.graph.research.subperiods import Subperiod
from app.features.factors.graph.research.target import TargetPortfolio
from app.features.factors.monthly_metrics import Reads, run_monthly_metrics
from app.features.factors.research import Research
from app.runs import series as service
from app.schema.context import GraphContext, Info
from app.schema.errors import field_errors_at
from app.schema.node_ids import encode_id
from app.schema.performance import Performance
from app.schema.run import Run, run_values
from app.schema.same_fields import same_fields
from app.schema.series import DateRange, MonthlyReturn, SeriesSelect, TimeSeries, to_monthly_returns
from app.schema.unset import given
from db.records import PerformanceRecord, RunOrigin, RunRecord
from engine.config import options_of
from engine.factors.registry import FACTORS, FactorName
from engine.panel import Calendar
from engine.periods import Rebalance, periods_per_year

if TYPE_CHECKING:
    from app.features.factors.graph.factor import Factor

MAX_SERIES = 20
MAX_POINTS = 100_000
DEFAULT_SELECT = [SeriesSelect()]

_RESEARCH = "Null until the run has succeeded, for imported runs and for those of earlier engines."


@strawberry.type(
    description=(
        "A run of a factor model. Results (performance, series, compositions, research) exist once it has "
        "succeeded; before, they are null. An imported run has what was logged: no compositions, no "
        "research, and perhaps no series."
    )
)
class FactorRun(Run):
    known_performance: strawberry.Private[PerformanceRecord | None] = None
    """What whoever found the run has read already."""
    legacy_run_id: str | None = strawberry.field(
        description="The id that the older system gave it; null if computed."
    )
    identity_hash: str = strawberry.field(
        description="SHA-256 of all that the results depend on: factor, options, dataset and engine version. "
        "Of an imported run, of what was logged."
    )
    import_batch_id: strawberry.ID | None = strawberry.field(
        description="The global id of the import that brought it; null if computed."
    )
    import_remarks: list[str] = strawberry.field(
        description="What an import noted about the run, such as `SUSPECT: ...` for values that contradict "
        "each other. Empty if computed."
    )

    @strawberry.field(description="The factor model.")
    def factor(self) -> Annotated[Factor, strawberry.lazy("app.features.factors.graph.factor")]:
        from app.features.factors.graph.factor import Factor  # the two types refer to each other

        return Factor.from_definition(FACTORS[self.factor_name])

    @strawberry.field(description="All options, defaults included.")
    def config(self) -> FactorConfig:
        stored = self.record.config
        if self.record.origin is RunOrigin.COMPUTED:
            # Options that came with a later engine were off: nothing about them is unknown.
            stored = {**dict.fromkeys(options_of(FACTORS[self.factor_name].config_type)), **stored}
        return to_factor_config(self.factor_name, stored, self.record.unrecorded_fields)

    @strawberry.field(description="The metrics, gross of costs; null until the run has succeeded.")
    async def performance(self, info: Info) -> Performance | None:
        found = self.known_performance or await info.context.loaders.performance.load(self.record.id)
        return None if found is None else Performance.from_record(found)

    @strawberry.field(
        description=(
            "The metrics of the returns after costs; null until the run has succeeded, and where neither "
            "`config.costBps` nor `config.shortCarryBps` is above 0."
        )
    )
    async def net_performance(self, info: Info) -> Performance | None:
        found = await info.context.loaders.net_performance.load(self.record.id)
        return None if found is None else Performance.from_record(found)

    @strawberry.field(
        description=(
            "Series, in the order of `select` and on shared dates. Transforms see the whole history; "
            "then `range` is cut out; then points are sampled down to `maxPoints`. Null until the run has "
            "succeeded, and where an imported run has no series."
        )
    )
    async def series(
        self,
        info: Info,
        select: Annotated[
            list[SeriesSelect], strawberry.argument(description="Which series, up to 20.")
        ] = DEFAULT_SELECT,
        range: Annotated[
            DateRange | None, strawberry.argument(description="Which period ends; absent or null for all.")
        ] = strawberry.UNSET,
        max_points: Annotated[
            int, strawberry.argument(description="Points a series at most, up to 100,000.")
        ] = 1000,
    ) -> list[TimeSeries] | None:
        _check_series_arguments(select, max_points)
        requests = [one.to_request() for one in select]
        names = list(dict.fromkeys([service.SeriesName.FACTOR, *(request.name for request in requests)]))
        found = await info.context.loaders.series.load_many((self.record.id, name.value) for name in names)
        stored = {name.value: one for name, one in zip(names, found, strict=True) if one is not None}
        if not stored:
            return None
        date_range = given(range)
        columns = service.chart_series(
            stored,
            requests,
            date_range=service.DateRange() if date_range is None else date_range.to_range(),
            max_points=max_points,
            periods_per_year=await self._periods_per_year(info.context),
        )
        return [TimeSeries.from_service(one) for one in columns]

    @strawberry.field(
        description=(
            "What the run held: in its latest period, or in the period that contains `date`. Null where it "
            "held nothing then, and for imported runs."
        )
    )
    async def composition(
        self,
        info: Info,
        date: Annotated[
            date | None,
            strawberry.argument(description="A day in the period; absent or null for the latest."),
        ] = strawberry.UNSET,
    ) -> Composition | None:
        loaders = info.context.loaders
        found = await loaders.compositions.load((self.record.id, given(date)))
        if found is None:
            return None
        return Composition.from_record(found, await loaders.asset_names.load(self.record.dataset_id))

    @strawberry.field(
        description="Ends of the periods that have a composition, ascending; empty if there is none.",
        metadata=cost(size=2_000),
    )
    async def composition_dates(self, info: Info) -> list[date] | None:
        return (await info.context.loaders.composition_dates.load(self.record.id)).tolist()

    @strawberry.field(
        description="The factor's return by calendar month, oldest first. Null where there are no series.",
        metadata=cost(size=240),
    )
    async def monthly_returns(self, info: Info) -> list[MonthlyReturn] | None:
        key = (self.record.id, service.SeriesName.FACTOR.value)
        factor = await info.context.loaders.series.load(key)
        return None if factor is None else to_monthly_returns(factor)

    @strawberry.field(
        description=(
            "The figures of a monthly sheet as of a date. Null where there are no series; what rests on the "
            "holdings is null, with a reason, for imported runs, and the volume without the dataset's files."
        ),
        metadata=cost(work=500),
    )
    async def monthly_metrics(
        self,
        info: Info,
        as_of: Annotated[
            date | None, strawberry.argument(description="Absent or null for the end of the last period.")
        ] = strawberry.UNSET,
        risk_free: Annotated[
            RiskFreeInput | None,
            strawberry.argument(description="What to be in excess of; absent or null for nothing."),
        ] = strawberry.UNSET,
    ) -> MonthlyMetricsSheet | None:
        rate = given(risk_free)
        loaders = info.context.loaders
        reads = Reads(
            series=loaders.series.load,
            composition=loaders.compositions.load,
            dataset=loaders.datasets.load,
            asset_names=loaders.asset_names.load,
            risk_free=loaders.of(RISK_FREE_RATES).load,
        )
        with field_errors_at(lambda name: (to_camel_case(name),)):
            found = await run_monthly_metrics(
                info.context.services,
                self.record,
                as_of=given(as_of),
                risk_free=None if rate is None else rate.to_request(("riskFree",)),
                reads=reads,
            )
        return None if found is None else MonthlyMetricsSheet.from_service(found)

    @strawberry.field(
        description=(
            "How far the Sharpe ratio and the annualised return may be due to chance: 95 % intervals, gross "
            "and then, where there are costs, net. Empty where the returns are too few or do not vary. "
            f"{_RESEARCH}"
        ),
        metadata=cost(size=4),
    )
    async def confidence_intervals(self, info: Info) -> list[ConfidenceInterval] | None:
        found = await self._research(info)
        return found and [ConfidenceInterval.from_service(one) for one in found.confidence]

    @strawberry.field(description=f"What assets earned by where their signal stood. {_RESEARCH}")
    async def quantile_analysis(self, info: Info) -> QuantileAnalysis | None:
        found = await self._research(info)
        return found and QuantileAnalysis.from_service(found.quantiles)

    @strawberry.field(description=f"How long the signal ranks assets alike. {_RESEARCH}")
    async def signal_persistence(self, info: Info) -> SignalPersistence | None:
        found = await self._research(info)
        return found and same_fields(SignalPersistence, found.persistence)

    @strawberry.field(
        description=f"How far ahead the signal sees: 1 to 8 periods. {_RESEARCH}", metadata=cost(size=8)
    )
    async def ic_decay(self, info: Info) -> list[HorizonIC] | None:
        found = await self._research(info)
        return found and [same_fields(HorizonIC, one) for one in found.decay]

    @strawberry.field(
        description=(
            "Performance by calendar year, oldest first, then by market regime, UP and DOWN. Periods before "
            f"the MARKET factor has half a year of returns belong to no regime. {_RESEARCH}"
        )
    )
    async def subperiods(self, info: Info) -> list[Subperiod] | None:
        found = await self._research(info)
        return found and [same_fields(Subperiod, one) for one in found.subperiods]

    @strawberry.field(description=f"How much hangs on the few most extreme positions. {_RESEARCH}")
    async def extremes(self, info: Info) -> Extremes | None:
        found = await self._research(info)
        return found and Extremes.from_service(found.extremes)

    @strawberry.field(description=f"The portfolio to hold next, and the trades that lead to it. {_RESEARCH}")
    async def target_portfolio(self, info: Info) -> TargetPortfolio | None:
        if self.record.dataset_id is None:
            return None
        # Together: one after the other, names would be read as often as documents happen to arrive.
        found, names = await asyncio.gather(
            self._research(info), info.context.loaders.asset_names.load(self.record.dataset_id)
        )
        return found and TargetPortfolio.from_service(found.target, names)

    async def _research(self, info: Info) -> Research | None:
        found: Research | None = await info.context.load(RESEARCH_OF_RUNS, self.record.id)
        return found

    @property
    def factor_name(self) -> FactorName:
        return FactorName(self.record.subject)

    async def _periods_per_year(self, context: GraphContext) -> int:
        """Imported runs are weekly; only daily runs depend on their dataset's calendar."""
        rebalance = Rebalance(self.record.config.get("rebalance") or Rebalance.WEEKLY)
        calendar = Calendar.EVERY_DAY
        if rebalance is Rebalance.DAILY and self.record.dataset_id is not None:
            dataset = await context.loaders.datasets.load(self.record.dataset_id)
            calendar = Calendar(dataset.calendar)
        return periods_per_year(rebalance, calendar)

    @classmethod
    def from_record(cls, record: RunRecord, performance: PerformanceRecord | None = None) -> FactorRun:
        """Return the run; a `performance` that was read already is not read again."""
        return cls(
            **run_values(cls, record),
            known_performance=performance,
            legacy_run_id=record.legacy_run_id,
            identity_hash=record.identity_hash,
            import_batch_id=None
            if record.import_batch_id is None
            else encode_id("ImportBatch", record.import_batch_id),
            import_remarks=list(record.import_remarks),
        )


def _check_series_arguments(select: list[SeriesSelect], max_points: int) -> None:
    if not 1 <= len(select) <= MAX_SERIES:
        raise InvalidInput(f"select takes 1 to {MAX_SERIES} series, not {len(select)}")
    if not 1 <= max_points <= MAX_POINTS:
        raise InvalidInput(f"maxPoints must be from 1 to {MAX_POINTS:,}, not {max_points:,}")
