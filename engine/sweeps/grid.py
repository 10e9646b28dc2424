"""Which configurations a sweep tries: the grid of its axes, or a seeded sample of that grid."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.config import options_of, to_json
from engine.errors import ConfigFault, InvalidConfig
from engine.sweeps.points import Sweepable

MAX_POINTS: Final = 10_000
MAX_GRID_POINTS: Final = 10**15
"""Of a grid that is sampled: its points must be countable in 64 bits with room to spare."""
MAX_AXES: Final = 10
MAX_AXIS_VALUES: Final = 1_000
MIN_PARTITIONS: Final = 4
MAX_PARTITIONS: Final = 16

_VALUE_FAULTS: Final = frozenset(
    {"OUT_OF_RANGE", "WRONG_TYPE", "NOT_FINITE", "NOT_NULLABLE", "UNKNOWN_VALUE", "UNKNOWN_METRIC"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepAxis:
    """An option and the values that it takes, in JSON types; of a list option, each value is one name."""

    option: str
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlan:
    """What to try of the subject. base: its config, which the axes vary. sample_size: None = the whole grid.

    partitions: blocks of periods for the probability of backtest overfitting.
    """

    subject: Sweepable
    base: Any
    axes: tuple[SweepAxis, ...]
    sample_size: int | None = None
    seed: int = 0
    partitions: int = MAX_PARTITIONS

    @property
    def grid_size(self) -> int:
        return math.prod(len(axis.values) for axis in self.axes)

    def positions(self) -> NDArray[np.int64]:
        """(P, A) place of each point's value on each axis; the last axis varies fastest, samples ascend."""
        shape = tuple(len(axis.values) for axis in self.axes)
        if self.sample_size is None or self.sample_size >= self.grid_size:
            numbers = np.arange(self.grid_size)
        else:
            draw = np.random.Generator(np.random.PCG64(self.seed))
            numbers = np.sort(draw.choice(self.grid_size, self.sample_size, replace=False))
        return np.stack(np.unravel_index(numbers, shape), axis=1).astype(np.int64)

    def configs(self) -> Callable[[Sequence[int]], Any]:
        """From a point's position to its config; raises InvalidConfig where values do not go together."""
        known = options_of(type(self.base))
        values = [
            [known[axis.option].coerce(self._listed(axis, value)) for value in axis.values]
            for axis in self.axes
        ]
        names = [axis.option for axis in self.axes]
        follows = dict.fromkeys(_followers(self.subject, names))

        def config(position: Sequence[int]) -> Any:
            swept: dict[str, Any] = {
                name: of_axis[place] for name, of_axis, place in zip(names, values, position, strict=True)
            }
            return replace(self.base, **{**follows, **swept})

        return config

    def options(self, position: Sequence[int]) -> dict[str, object]:
        """Return all options of the point at a position, for the subject to parse."""
        options = to_json(self.base)
        for follower in _followers(self.subject, [axis.option for axis in self.axes]):
            options.pop(follower, None)
        for axis, place in zip(self.axes, position, strict=True):
            options[axis.option] = self._listed(axis, axis.values[place])
        return options

    def _listed(self, axis: SweepAxis, value: object) -> object:
        """A value as the option takes it: that of a list option is one name, or none."""
        option = options_of(type(self.base))[axis.option]
        if not option.is_list:
            return value
        return [value] if value is not None else None if option.nullable else []


def parse_plan(
    subject: Sweepable,
    base: Mapping[str, object],
    axes: Sequence[SweepAxis],
    *,
    sample_size: int | None = None,
    seed: int = 0,
    partitions: int = MAX_PARTITIONS,
) -> SweepPlan:
    """A checked plan. Raises InvalidConfig with one fault an option (or `axes`, `sample_size`, ...).

    Every value is checked by itself; values that do not go together make points that fail, not plans.
    """
    config = _without_swept(subject, base, axes)
    faults = _axes_faults(subject, config, axes)
    if not 0 <= seed < 2**63:
        faults.append(ConfigFault("seed", "OUT_OF_RANGE", "seed must be from 0 to 2^63 - 1"))
    if partitions % 2 or not MIN_PARTITIONS <= partitions <= MAX_PARTITIONS:
        message = f"partitions must be an even number from {MIN_PARTITIONS} to {MAX_PARTITIONS}"
        faults.append(ConfigFault("partitions", "OUT_OF_RANGE", message))
    if sample_size is not None and not 1 <= sample_size <= MAX_POINTS:
        message = f"sample_size must be from 1 to {MAX_POINTS:,}, not {sample_size:,}"
        faults.append(ConfigFault("sample_size", "OUT_OF_RANGE", message))
    plan = SweepPlan(
        subject=subject,
        base=config,
        axes=tuple(axes),
        sample_size=sample_size,
        seed=seed,
        partitions=partitions,
    )
    if not faults:
        faults = _size_faults(plan)
    if not faults:
        faults = [fault for axis in axes for fault in _value_faults(subject, axis)]
    if faults:
        raise InvalidConfig(tuple(faults))
    return plan


def plan_to_json(plan: SweepPlan) -> dict[str, object]:
    """The plan in JSON types, with every option of its base; plan_from_json gives the same plan back."""
    return {
        "base": to_json(plan.base),
        "axes": [{"option": axis.option, "values": list(axis.values)} for axis in plan.axes],
        "sample_size": plan.sample_size,
        "seed": plan.seed,
        "partitions": plan.partitions,
    }


def plan_from_json(subject: Sweepable, stored: Mapping[str, Any]) -> SweepPlan:
    """Raises InvalidConfig, and KeyError or TypeError for what plan_to_json never wrote."""
    axes = [SweepAxis(option=axis["option"], values=tuple(axis["values"])) for axis in stored["axes"]]
    return parse_plan(
        subject,
        stored["base"],
        axes,
        sample_size=stored["sample_size"],
        seed=stored["seed"],
        partitions=stored["partitions"],
    )


def _size_faults(plan: SweepPlan) -> list[ConfigFault]:
    limit = MAX_POINTS if plan.sample_size is None else MAX_GRID_POINTS
    if plan.grid_size <= limit:
        return []
    advice = "; give sample_size to try some of them" if plan.sample_size is None else ""
    message = f"the grid has {plan.grid_size:,} points, at most {limit:,} are possible{advice}"
    return [ConfigFault("axes", "TOO_MANY_POINTS", message)]


def _axes_faults(subject: Sweepable, base: Any, axes: Sequence[SweepAxis]) -> list[ConfigFault]:
    if not 1 <= len(axes) <= MAX_AXES:
        message = f"a sweep varies 1 to {MAX_AXES} options, not {len(axes)}"
        return [ConfigFault("axes", "EMPTY" if not axes else "TOO_MANY", message)]
    known = options_of(type(base))
    faults = []
    names = [axis.option for axis in axes]
    for axis in axes:
        name = axis.option
        if name not in known:
            message = f"{subject.name} has no option {name!r}; it has {', '.join(known)}"
            faults.append(ConfigFault(name, "UNKNOWN_OPTION", message))
        elif not known[name].sweepable:
            message = f"{name} cannot be swept: its values would not be compared over the same periods"
            faults.append(ConfigFault(name, "NOT_SWEEPABLE", message))
        elif names.count(name) > 1:
            faults.append(ConfigFault(name, "DUPLICATE_AXIS", f"{name} is given twice"))
        elif not axis.values:
            faults.append(ConfigFault(name, "EMPTY", f"{name} has no values to try"))
        elif len(axis.values) > MAX_AXIS_VALUES:
            message = f"{name} takes at most {MAX_AXIS_VALUES:,} values, not {len(axis.values):,}"
            faults.append(ConfigFault(name, "TOO_MANY", message))
        elif len({json.dumps(value) for value in axis.values}) < len(axis.values):
            faults.append(ConfigFault(name, "DUPLICATE_VALUE", f"{name} has a value twice"))
    return faults


def _value_faults(subject: Sweepable, axis: SweepAxis) -> list[ConfigFault]:
    """The first value that the option can never take, whatever the others are."""
    alone = SweepPlan(subject=subject, base=subject.parse({}), axes=(axis,))
    for place in range(len(axis.values)):
        try:
            subject.parse({axis.option: alone.options([place])[axis.option]})
        except InvalidConfig as error:
            faults = [
                fault for fault in error.faults if fault.option == axis.option and fault.code in _VALUE_FAULTS
            ]
            if faults:
                return faults[:1]
    return []


def _without_swept(subject: Sweepable, base: Mapping[str, object], axes: Sequence[SweepAxis]) -> Any:
    """The base config with the swept options at their defaults, since theirs are never used: what is the same
    sweep is the same plan."""
    subject.parse(base)
    names = [axis.option for axis in axes]
    swept = {*names, *_followers(subject, names)}
    return subject.parse({name: value for name, value in base.items() if name not in swept})


def _followers(subject: Sweepable, names: Sequence[str]) -> list[str]:
    """Return the options that follow swept ones."""
    return [follower for option, follower in subject.followers.items() if option in names]
