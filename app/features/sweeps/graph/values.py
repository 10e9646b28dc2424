"""The values of swept options: as asked for, and as shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import strawberry

from app.boundary.cost_rules import cost
from app.features.sweeps.graph.enums import ConfigOption
from app.schema.errors import Path, invalid_argument
from app.schema.options import value_text
from app.schema.unset import was_given
from engine.config import options_of
from engine.factors.registry import FACTORS
from engine.sweeps import grid

_ENUMS = {
    option.name: option.choices
    for factor in FACTORS.values()
    for option in options_of(factor.config_type).values()
    if option.choices is not None
}
"""Of options that are lists of an enum's names, the enum: the graph spells its values by their names."""
_DIGITS = 12
"""Of a value in a range: 0.1 + 2 * 0.1 is 0.3."""


@strawberry.input(
    description="Numbers from `start` to `stop`, both included where the steps meet `stop`. Up to 1000."
)
class NumberRange:
    start: float = strawberry.field(description="The first number.")
    stop: float = strawberry.field(description="The last number, or a bound on it.")
    step: float = strawberry.field(description="From one number to the next; below 0 where `stop` is.")

    def numbers(self, path: Path) -> list[float]:
        """Raises InvalidInput at `path`."""
        if not all(map(math.isfinite, (self.start, self.stop, self.step))) or self.step == 0:
            raise invalid_argument(
                path, "OUT_OF_RANGE", "a range takes finite numbers and a step other than 0"
            )
        steps = (self.stop - self.start) / self.step
        if steps < 0:
            raise invalid_argument(path, "EMPTY", "the range ends before it starts")
        if not steps < grid.MAX_AXIS_VALUES:
            message = f"a range gives up to {grid.MAX_AXIS_VALUES:,} values, not {steps + 1:,.0f}"
            raise invalid_argument(path, "TOO_MANY", message)
        # the same tolerance for a stop that rounding puts a hair out of reach
        count = math.floor(steps + 1e-9) + 1
        return [float(f"{self.start + place * self.step:.{_DIGITS}g}") for place in range(count)]


@strawberry.input(
    one_of=True,
    description="The values that an option takes, in the order given: exactly one kind, 1 to 1000 values. "
    "Null means off, where the option can be off.",
)
class SweepValuesInput:
    numbers: list[float | None] | None = strawberry.field(
        default=strawberry.UNSET, description="Numbers; whole ones for an option that counts."
    )
    range: NumberRange | None = strawberry.field(
        default=strawberry.UNSET, description="Numbers at equal distances."
    )
    names: list[str | None] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Names: values of enums, assets or `attribute=value`; of an option that takes a list, "
        "one name a value.",
    )
    flags: list[bool] | None = strawberry.field(default=strawberry.UNSET, description="True and false.")

    def chosen(self, path: Path) -> Sequence[object]:
        """Raises InvalidInput at `path` for a range that is none."""
        if was_given(self.range) and self.range is not None:
            return self.range.numbers((*path, "range"))
        return next(values for values in (self.numbers, self.names, self.flags) if was_given(values)) or ()


@strawberry.input(description="An option to vary, and its values.")
class SweepAxisInput:
    option: ConfigOption = strawberry.field(description="Which option of the factor.")
    values: SweepValuesInput = strawberry.field(description="What it takes.")

    def to_axis(self, path: Path) -> grid.SweepAxis:
        """`path` is where it stands in the arguments. Raises InvalidInput."""
        return grid.SweepAxis(option=self.option.value, values=tuple(self.values.chosen((*path, "values"))))


@strawberry.type(description="A value of an option, under the field that fits its kind; all null = off.")
class SweepValue:
    option: ConfigOption = strawberry.field(description="The option.")
    number: float | None = strawberry.field(description="A number.")
    name: str | None = strawberry.field(description="A name.")
    flag: bool | None = strawberry.field(description="True or false.")
    text: str = strawberry.field(description="The value for people: `0.25`, `EQUAL`, `true`, `off`.")

    @classmethod
    def of(cls, option: str, value: Any) -> SweepValue:
        """A value as the plan stores it."""
        is_flag = isinstance(value, bool)
        number = float(value) if isinstance(value, int | float) and not is_flag else None
        name = value if isinstance(value, str) else None
        if name is not None and option in _ENUMS:
            name = _ENUMS[option](name).name
        return cls(
            option=ConfigOption(option),
            number=number,
            name=name,
            flag=value if is_flag else None,
            text=value_text(value if name is None else name),
        )


@strawberry.type(description="An option that the sweep varies.")
class SweepAxis:
    option: ConfigOption = strawberry.field(description="The option.")
    value_count: int = strawberry.field(description="Number of its values.")
    plan: strawberry.Private[grid.SweepAxis]

    @strawberry.field(description="Its values, in the order given.", metadata=cost(size=100))
    def values(self) -> list[SweepValue]:
        return [SweepValue.of(self.plan.option, value) for value in self.plan.values]

    @classmethod
    def from_plan(cls, axis: grid.SweepAxis) -> SweepAxis:
        return cls(option=ConfigOption(axis.option), value_count=len(axis.values), plan=axis)
