"""A sweep: whatever earns, computed for many configs, and what protects from believing the best of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.errors import AllPointsFailed, InvalidConfig
from engine.panel import DateArray, FloatArray
from engine.periods import PeriodGrid
from engine.statistics.undefined import Undefined
from engine.sweeps.cscv import OverfittingProbability, probability_of_overfitting
from engine.sweeps.grid import SweepPlan
from engine.sweeps.overfitting import DeflatedSharpe, column_sharpe, deflated_sharpe, first_best
from engine.sweeps.points import SPAN_SHARPE, Point, PointEvaluator
from engine.sweeps.walk_forward import WalkForward, walk_forward

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """Points as arrays. numbers: (B,) of the plan. returns: (B, P), NaN where a point held nothing.

    metrics: (B, M) as each Point has them, NaN = undefined. failures: one a point, None where there is none.
    """

    numbers: NDArray[np.int64]
    returns: FloatArray
    metrics: FloatArray
    failures: tuple[tuple[str, str] | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """P points of a plan over T grid periods, in the order of their numbers.

    positions: (P, A) place of each point's value on each axis. metrics: name -> (P,), NaN = undefined.
    failure_codes, failure_messages: one a point, None where there is none.
    dates: (T,) from the first to the last period that any point reported.
    best: the point with the highest Sharpe ratio over these dates. neighbours: points next to it.
    best_returns: (T,), 0 where it held nothing, as the statistics take it. An Undefined says why one is
    missing.
    """

    plan: SweepPlan
    positions: NDArray[np.int64]
    metrics: dict[str, FloatArray]
    failure_codes: tuple[str | None, ...]
    failure_messages: tuple[str | None, ...]
    dates: DateArray
    periods_per_year: int
    best: int
    neighbours: NDArray[np.int64]
    best_returns: FloatArray
    deflated_sharpe: DeflatedSharpe | Undefined
    overfitting: OverfittingProbability | Undefined
    walk_forward: WalkForward | Undefined


def check_sweep(plan: SweepPlan, check: Callable[[Any], None]) -> None:
    """Check a config for each of the plan's values, together with the others' first.

    Errors of `check` pass through. A value that goes together with none of the others' firsts and lasts is
    left to fail with its points.
    """
    config_of = plan.configs()
    firsts = [0] * len(plan.axes)
    lasts = [len(axis.values) - 1 for axis in plan.axes]
    for number, axis in enumerate(plan.axes):
        for place in range(len(axis.values)):
            config = _first_config(
                config_of, ([*rest[:number], place, *rest[number + 1 :]] for rest in (firsts, lasts))
            )
            if config is not None:
                check(config)


def evaluate_points(
    evaluator: PointEvaluator, plan: SweepPlan, chunks: Iterable[NDArray[np.int64]]
) -> Iterator[Evaluated]:
    """Yield the points of each chunk of numbers (see `chunked`), computed when it is asked for."""
    positions, config_of = plan.positions(), plan.configs()
    for numbers in chunks:
        points = [_evaluate(evaluator, config_of, positions[number].tolist()) for number in numbers.tolist()]
        yield Evaluated(
            numbers=numbers,
            returns=np.array([point.returns for point in points]),
            metrics=np.array([point.metrics for point in points]),
            failures=tuple(point.failure for point in points),
        )


def chunked(plan: SweepPlan, size: int) -> list[NDArray[np.int64]]:
    """The numbers of all points in chunks, in an order in which neighbours share the most work."""
    positions, config_of = plan.positions(), plan.configs()
    keys: list[tuple[tuple[str, ...], int]] = []
    for number, position in enumerate(positions):
        try:
            key = plan.subject.sharing_key(config_of(position.tolist()))
        except InvalidConfig:
            key = ()
        keys.append((key, number))
    order = np.array([number for _, number in sorted(keys)], dtype=np.int64)
    return [order[start : start + size] for start in range(0, len(order), size)]


def conclude(plan: SweepPlan, grid: PeriodGrid, evaluated: Sequence[Evaluated]) -> SweepResult:
    """Return what all points together say, on the grid of their returns. Raises AllPointsFailed."""
    order = np.argsort(np.concatenate([chunk.numbers for chunk in evaluated]))
    returns = np.concatenate([chunk.returns for chunk in evaluated])[order]
    metrics = np.concatenate([chunk.metrics for chunk in evaluated])[order]
    in_any_order = [failure for chunk in evaluated for failure in chunk.failures]
    failures = [in_any_order[place] for place in order.tolist()]
    succeeded = np.flatnonzero([failure is None for failure in failures])
    if len(succeeded) == 0:
        (code_and_message, times), *_ = Counter(failures).most_common(1)
        raise AllPointsFailed(len(failures), "" if code_and_message is None else code_and_message[1], times)
    held = np.flatnonzero(~np.isnan(returns[succeeded]).all(axis=0))
    span = slice(held[0], held[-1] + 1)
    matrix = np.nan_to_num(returns[succeeded, span], nan=0.0).T
    positions = plan.positions()
    ppy = grid.periods_per_year
    span_sharpe = column_sharpe(matrix)
    place = int(first_best(span_sharpe))
    best = int(succeeded[place])
    by_name = {name: metrics[:, column] for column, name in enumerate(plan.subject.metrics)}
    by_name[SPAN_SHARPE] = np.full(len(failures), np.nan)
    by_name[SPAN_SHARPE][succeeded] = np.where(np.isfinite(span_sharpe), span_sharpe, np.nan) * math.sqrt(ppy)
    return SweepResult(
        plan=plan,
        positions=positions,
        metrics=by_name,
        failure_codes=tuple(None if failure is None else failure[0] for failure in failures),
        failure_messages=tuple(None if failure is None else failure[1] for failure in failures),
        dates=grid.ends[span],
        periods_per_year=ppy,
        best=best,
        neighbours=_neighbours(plan, positions, best),
        best_returns=matrix[:, place],
        deflated_sharpe=_defined(lambda: deflated_sharpe(matrix, place)),
        overfitting=_defined(lambda: probability_of_overfitting(matrix, plan.partitions)),
        walk_forward=_defined(lambda: _in_plan_numbers(walk_forward(matrix, ppy), succeeded)),
    )


ConfigOf = Callable[[Sequence[int]], Any]


def _evaluate(evaluator: PointEvaluator, config_of: ConfigOf, position: Sequence[int]) -> Point:
    try:
        config = config_of(position)
    except InvalidConfig as error:
        return evaluator.failed(error)
    return evaluator.evaluate(config)


def _first_config(config_of: ConfigOf, positions: Iterable[Sequence[int]]) -> Any:
    """The config of the first position whose values go together."""
    for position in positions:
        with suppress(InvalidConfig):
            return config_of(position)
    return None


def _neighbours(plan: SweepPlan, positions: NDArray[np.int64], best: int) -> NDArray[np.int64]:
    """Points one step from the best on one axis; in a sample, where these are rare, the nearest two an axis
    by steps, the lowest numbers first."""
    distance = np.abs(positions - positions[best]).sum(axis=1)
    if len(positions) == plan.grid_size:
        return np.flatnonzero(distance == 1)
    distance[best] = np.iinfo(np.int64).max
    nearest = np.argsort(distance, kind="stable")[: 2 * len(plan.axes)]
    return np.sort(nearest[nearest != best])


def _in_plan_numbers(walk: WalkForward, succeeded: NDArray[np.intp]) -> WalkForward:
    """Its points by their numbers in the plan instead of their columns."""
    return replace(
        walk,
        choices=succeeded[walk.choices],
        in_sample_best=int(succeeded[walk.in_sample_best]),
    )


def _defined(compute: Callable[[], T]) -> T | Undefined:
    try:
        return compute()
    except Undefined as reason:
        return reason
