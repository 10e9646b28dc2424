"""The factor models."""

from __future__ import annotations

import strawberry

from app.features.factors.graph.factor_config import FactorConfig, to_factor_config
from app.features.factors.graph.imported_sheets import MonthlyMetrics
from app.features.factors.graph.reads import (
    IMPORTED_SHEETS,
    LATEST_RUNS,
    PAGES_OF_FACTORS,
    FactorPage,
    LatestRun,
)
from app.features.factors.graph.run import FactorRun
from app.features.factors.graph.runs import (
    LATEST,
    FactorRunConnection,
    OrderArgument,
    WhereArgument,
)
from app.schema.connections import check_page_size
from app.schema.context import Info
from app.schema.enums import FactorName, LongSide
from app.schema.filters import to_run_filter, to_run_order, within_factor
from app.schema.node import Node
from app.schema.node_ids import encode_id
from app.schema.run_lists import AfterArgument, FirstArgument
from app.schema.unset import given
from engine.config import to_json
from engine.factors.definition import FactorDefinition
from engine.factors.registry import FACTORS


@strawberry.type(
    description=(
        "A factor model: a rule that ranks assets by a signal known at the end of one period and holds one "
        "end of the ranking against the other in the next."
    )
)
class Factor(Node):
    name: FactorName = strawberry.field(description="The factor's name.")
    title: str = strawberry.field(description="The factor's name for people.")
    description: str = strawberry.field(description="What it buys and sells, in words.")
    signal: str = strawberry.field(description="What assets are ranked by, in words.")
    required_fields: list[str] = strawberry.field(
        description="The fields that a dataset must have, such as `fees`; filters may need more, and VALUE "
        "with the fundamental BOOK_VALUE needs `book_value` in place of `fees`."
    )
    optional_fields: list[str] = strawberry.field(description="The fields that are used where they exist.")
    long_side: LongSide = strawberry.field(
        description="Which end of the signal is held long by default; VALUE can be told otherwise."
    )
    long_only: bool = strawberry.field(description="Whether there is no short leg.")

    @strawberry.field(description="The options that apply where none are given.")
    def default_config(self) -> FactorConfig:
        return to_factor_config(self.name, to_json(FACTORS[self.name].config_type()))

    @strawberry.field(
        description="The run that succeeded last (imported ones count by the time of their legacy id), of "
        f"those that fit the filter. {LATEST}"
    )
    async def latest_run(self, info: Info, where: WhereArgument = strawberry.UNSET) -> FactorRun | None:
        run_filter = await to_run_filter(where, info.context)
        key = LatestRun(factor=self.name.value, where=run_filter)
        found = await info.context.load(LATEST_RUNS, key)
        return None if found is None else FactorRun.from_record(found)

    @strawberry.field(description="The factor's runs, page by page.")
    async def runs(
        self,
        info: Info,
        where: WhereArgument = strawberry.UNSET,
        order_by: OrderArgument = strawberry.UNSET,
        first: FirstArgument = 50,
        after: AfterArgument = strawberry.UNSET,
    ) -> FactorRunConnection | None:
        check_page_size(first)
        run_filter = await to_run_filter(where, info.context)
        key = FactorPage(
            factor=self.name.value,
            where=run_filter,
            order=to_run_order(order_by),
            first=first,
            after=given(after),
        )
        page = await info.context.load(PAGES_OF_FACTORS, key)
        nodes = [FactorRun.from_record(record) for record in page.items]
        return FactorRunConnection.from_page(
            page, nodes, given(after), where=within_factor(run_filter, self.name)
        )

    @strawberry.field(
        description="Sheets of monthly metrics that came with imported logs, newest first; as they were "
        "logged."
    )
    async def imported_monthly_metrics(self, info: Info) -> list[MonthlyMetrics] | None:
        found = await info.context.load(IMPORTED_SHEETS, self.name.value)
        return [MonthlyMetrics.from_record(record) for record in found]

    @classmethod
    def from_definition(cls, definition: FactorDefinition) -> Factor:
        return cls(
            id=encode_id("Factor", definition.name),
            name=FactorName(definition.name),
            title=definition.title,
            description=definition.description,
            signal=definition.signal,
            required_fields=list(definition.required_fields),
            optional_fields=list(definition.optional_fields),
            long_side=definition.long_side,
            long_only=definition.long_only,
        )
