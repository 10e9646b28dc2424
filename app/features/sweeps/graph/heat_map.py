"""A metric over two swept options."""

from __future__ import annotations

import strawberry

from app.boundary.cost_rules import cost
from app.features.sweeps.graph.enums import ConfigOption, SweepMetric
from app.features.sweeps.graph.values import SweepValue
from app.features.sweeps.results import HeatMap as ServiceHeatMap


@strawberry.type(
    description="A metric over two options: one row a value of `y`, one column a value of `x`. A cell stands "
    "for all points with its two values, whatever their others; it is null where none has a value."
)
class HeatMap:
    x: ConfigOption = strawberry.field(description="The option across.")
    y: ConfigOption = strawberry.field(description="The option down.")
    metric: SweepMetric = strawberry.field(description="The metric.")
    x_values: list[SweepValue] = strawberry.field(
        description="The values across, one a column.", metadata=cost(size=100)
    )
    y_values: list[SweepValue] = strawberry.field(
        description="The values down, one a row.", metadata=cost(size=100)
    )
    cells: list[list[float | None]] = strawberry.field(
        description="Mean over the points of each cell.", metadata=cost(size=10_000)
    )
    minimums: list[list[float | None]] = strawberry.field(
        description="Least value of the points of each cell.", metadata=cost(size=10_000)
    )
    maximums: list[list[float | None]] = strawberry.field(
        description="Greatest value of the points of each cell.", metadata=cost(size=10_000)
    )
    counts: list[list[int]] = strawberry.field(
        description="Number of points of each cell that have a value.", metadata=cost(size=10_000)
    )

    @classmethod
    def of(cls, x: ConfigOption, y: ConfigOption, metric: SweepMetric, found: ServiceHeatMap) -> HeatMap:
        return cls(
            x=x,
            y=y,
            metric=metric,
            x_values=[SweepValue.of(x.value, value) for value in found.x_values],
            y_values=[SweepValue.of(y.value, value) for value in found.y_values],
            cells=found.mean.tolist(),
            minimums=found.least.tolist(),
            maximums=found.greatest.tolist(),
            counts=found.counts.tolist(),
        )
