"""A run that tries a factor model in many configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry

from app.boundary.cost_rules import cost
from app.features.factors.graph.factor_config import FactorConfig, to_factor_config
from app.features.sweeps.graph.result import SweepResult
from app.features.sweeps.graph.values import SweepAxis
from app.features.sweeps.results import get_sweep_results, stored_plan
from app.schema.context import Info
from app.schema.loaders import Read
from app.schema.run import Run, run_values
from db.errors import CorruptBlob
from db.records import RunRecord
from engine.factors.registry import FACTORS, FactorName

SWEEP_RESULTS = Read(
    lambda services, run_ids: get_sweep_results(services.store, run_ids), split_on=CorruptBlob
)


if TYPE_CHECKING:
    from app.features.factors.graph.factor import Factor


@strawberry.type(
    description="A sweep: one factor model on one dataset, computed for every combination of some options' "
    "values, or for a sample of them. `result` exists once it has succeeded."
)
class SweepRun(Run):
    identity_hash: str = strawberry.field(
        description="SHA-256 of all that the results depend on: factor, options, axes, dataset and engine "
        "version."
    )
    sample_size: int | None = strawberry.field(
        description="Number of points drawn from the grid; null where all of it is tried."
    )
    seed: int = strawberry.field(description="The seed of the draw; 0 where nothing is drawn.")
    partitions: int = strawberry.field(description="Blocks of periods for the probability of overfitting.")
    grid_size: float = strawberry.field(
        description="Number of combinations of all values; up to 10^15 where a sample is drawn."
    )
    axes: list[SweepAxis] = strawberry.field(
        description="What is varied; the last axis varies fastest.", metadata=cost(size=4)
    )

    @strawberry.field(description="The factor model.")
    def factor(self) -> Annotated[Factor, strawberry.lazy("app.features.factors.graph.factor")]:
        from app.features.factors.graph.factor import Factor  # the two types refer to each other

        return Factor.from_definition(FACTORS[FactorName(self.record.subject)])

    @strawberry.field(
        description="The options of all points, but for those of `axes`, which stand here as they were given."
    )
    def config(self) -> FactorConfig:
        return to_factor_config(FactorName(self.record.subject), self.record.config["base"])

    @strawberry.field(description="The points and their statistics; null until the sweep has succeeded.")
    async def result(self, info: Info) -> SweepResult | None:
        found = await info.context.load(SWEEP_RESULTS, self.record.id)
        return None if found is None else SweepResult.of(self.record, found)

    @classmethod
    def from_record(cls, record: RunRecord) -> SweepRun:
        plan = stored_plan(record)
        return cls(
            **run_values(cls, record),
            identity_hash=record.identity_hash,
            sample_size=plan.sample_size,
            seed=plan.seed,
            partitions=plan.partitions,
            grid_size=float(plan.grid_size),
            axes=[SweepAxis.from_plan(axis) for axis in plan.axes],
        )
