"""Launching sweeps, and the one of their points that is worth a run of its own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import EnumType
from itertools import cycle

from app.context import Services
from app.datasets.service import DatasetRef, resolve_dataset
from app.errors import FieldError, InvalidInput, RunNotFound
from app.features.factors.service import launch_factor
from app.features.sweeps.results import get_sweep_results, stored_plan
from app.runs.checking import asset_selectors, dataset_faults, invalid_config
from app.runs.launch import Launch, launch
from app.runs.lifecycle import get_run
from db.records import DatasetRecord, RunInputRecord, RunKind, RunRecord
from engine import ENGINE_VERSION
from engine.config import Option, options_of, to_json
from engine.errors import ConfigFault, InvalidConfig
from engine.factors.registry import FACTORS, FactorName, parse_config
from engine.factors.sweepable import SWEEPABLE_FACTORS, dataset_check
from engine.sweeps.grid import (
    MAX_AXES,
    MAX_AXIS_VALUES,
    MAX_PARTITIONS,
    SweepAxis,
    SweepPlan,
    parse_plan,
    plan_to_json,
)
from engine.sweeps.sweep import check_sweep

Path = tuple[str, ...]

_SELECTORS = ("exclude", "universe")
_AXIS_FAULTS = frozenset({"UNKNOWN_OPTION", "NOT_SWEEPABLE", "DUPLICATE_AXIS"})
"""Faults of an axis's option; the others are of its values."""


async def launch_sweep(
    services: Services,
    factor: FactorName,
    base_options: Mapping[str, object],
    axes: Sequence[SweepAxis],
    *,
    sample_size: int | None = None,
    seed: int = 0,
    partitions: int = MAX_PARTITIONS,
    dataset: DatasetRef | None = None,
    tags: Sequence[str] = (),
    note: str | None = None,
    force: bool = False,
) -> Launch:
    """Queue a sweep, or return the run that is the same one already (unless `force`).

    Field errors stand at ("base", option), ("axes", number, "option" or "values"), ("axes",), or at an
    argument's name. Raises InvalidInput, DatasetNotFound, MissingField, QueueFull.
    """
    # Hundreds of values are parsed one by one: not in the loop's thread.
    plan = await asyncio.to_thread(
        lambda: checked_plan(
            factor, base_options, axes, sample_size=sample_size, seed=seed, partitions=partitions
        )
    )
    record = await resolve_dataset(services, dataset)
    await _check_against_dataset(services, plan, record)
    config = plan_to_json(plan)
    return await launch(
        services,
        RunKind.SWEEP,
        subject=factor.value,
        config=config,
        identity=(factor.value, config, record.fingerprint, ENGINE_VERSION),
        dataset=record,
        tags=tags,
        note=note,
        force=force,
    )


async def promote_point(
    services: Services,
    sweep_id: int,
    number: int,
    *,
    tags: Sequence[str] = (),
    note: str | None = None,
    force: bool = False,
) -> Launch:
    """Compute one point of a succeeded sweep as a factor run on the sweep's own dataset version, or find
    the run that is the same one already.

    Raises RunNotFound, InvalidInput at ("sweep",) or ("point",), and what `launch_factor` raises.
    """
    run = await get_sweep(services, sweep_id)
    results = (await get_sweep_results(services.store, [run.id])).get(run.id)
    if results is None:
        raise _fault(("sweep",), "NOT_SUCCEEDED", f"the sweep has no points: it is {run.status.lower()}")
    if not 0 <= number < results.point_count:
        last = results.point_count - 1
        raise _fault(("point",), "OUT_OF_RANGE", f"point must be from 0 to {last:,}, not {number:,}")
    failure = results.failure(number)
    if failure is not None:
        raise _fault(("point",), "POINT_FAILED", f"point {number:,} could not be computed: {failure.message}")
    options = stored_plan(run).options(results.positions[number].tolist())
    return await launch_factor(
        services,
        FactorName(run.subject),
        options,
        dataset=DatasetRef(id=run.dataset_id),
        inputs=[RunInputRecord(role="sweep", fingerprint=run.identity_hash, source_run_id=run.id)],
        tags=tags,
        note=note,
        force=force,
    )


async def get_sweep(services: Services, run_id: int) -> RunRecord:
    """Raises RunNotFound, also for runs of another kind."""
    run = await get_run(services, run_id)
    if run.kind != RunKind.SWEEP:
        raise RunNotFound(f"there is no sweep {run_id}")
    return run


# -- plans -------------------------------------------------------------------------------------------------


def checked_plan(
    factor: FactorName,
    base_options: Mapping[str, object],
    axes: Sequence[SweepAxis],
    *,
    sample_size: int | None,
    seed: int,
    partitions: int,
) -> SweepPlan:
    """The plan in its normal form: requests for the same points are one plan. Raises InvalidInput, as
    `launch_sweep` does."""
    try:
        base = parse_config(factor, base_options)
    except InvalidConfig as error:
        raise invalid_config(error, lambda fault: ("base", fault.option)) from None
    _check_sizes(axes)
    axes = [_normalised(factor, axis) for axis in axes]
    options = to_json(base)
    try:
        plan = parse_plan(
            SWEEPABLE_FACTORS[factor],
            options,
            axes,
            sample_size=sample_size,
            seed=seed,
            partitions=partitions,
        )
    except InvalidConfig as error:
        raise invalid_config(error, _locator(axes)) from None
    if plan.sample_size is None or plan.sample_size >= plan.grid_size:
        return replace(plan, sample_size=None, seed=0)  # nothing is drawn
    return plan


def _check_sizes(axes: Sequence[SweepAxis]) -> None:
    """Before anything is done with each of the values."""
    if len(axes) > MAX_AXES:
        raise _fault(("axes",), "TOO_MANY", f"a sweep varies 1 to {MAX_AXES} options, not {len(axes):,}")
    for number, axis in enumerate(axes):
        if len(axis.values) > MAX_AXIS_VALUES:
            message = f"{axis.option} takes at most {MAX_AXIS_VALUES:,} values, not {len(axis.values):,}"
            raise _fault(("axes", str(number), "values"), "TOO_MANY", message)


def _normalised(factor: FactorName, axis: SweepAxis) -> SweepAxis:
    """Its values, in their order, each spelt in one way: 3.0 of a whole number is 3, names as stored."""
    option = options_of(FACTORS[factor].config_type).get(axis.option)
    if option is None:
        return axis
    return replace(axis, values=tuple(_spelt(value, option) for value in axis.values))


def _spelt(value: object, option: Option) -> object:
    """What is of the wrong type is left for the plan to refuse."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            return value
        if option.kind is float:
            return float(value) + 0.0  # -0.0 is 0.0
        return int(value) if option.kind is int and value == int(value) else value
    if isinstance(value, str):
        if option.choices is not None:
            return option.choices.__members__.get(value.upper(), value)
        if isinstance(option.kind, EnumType):
            return value.upper()
    return value


def _locator(axes: Sequence[SweepAxis]) -> Callable[[ConfigFault], Path]:
    """Where the faults of a plan stand in the request; those of an option given twice at each of its axes."""
    numbers: dict[str, Iterator[int]] = {}

    def locate(fault: ConfigFault) -> Path:
        own = [number for number, axis in enumerate(axes) if axis.option == fault.option]
        if not own:
            return (fault.option,)
        number = next(numbers.setdefault(fault.option, cycle(own)))
        return ("axes", str(number), "option" if fault.code in _AXIS_FAULTS else "values")

    return locate


async def _check_against_dataset(services: Services, plan: SweepPlan, dataset: DatasetRecord) -> None:
    swept = {axis.option for axis in plan.axes}
    selects = not swept.isdisjoint(_SELECTORS) or any(getattr(plan.base, name) for name in _SELECTORS)
    assets, attributes = await asset_selectors(services, dataset) if selects else (set(), {})
    locate_axis = _locator(plan.axes)

    def locate(fault: ConfigFault) -> Path:
        return locate_axis(fault) if fault.option in swept else ("base", fault.option)

    with dataset_faults(dataset, locate):
        await asyncio.to_thread(check_sweep, plan, dataset_check(dataset.fields, assets, attributes))


def _fault(path: Path, code: str, message: str) -> InvalidInput:
    return InvalidInput(message, (FieldError(path, code, message),))
