"""What a finished sweep says: its points as a table, and the statistics of all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.errors import FieldError, InvalidInput
from app.features.sweeps.job import SWEEP
from db.records import DocumentRecord, RunRecord, UndefinedMetricRecord
from db.runs import results as result_store
from db.store import Store
from engine.factors.sweepable import SWEEPABLE_FACTORS
from engine.panel import FloatArray
from engine.sweeps.cscv import OverfittingProbability
from engine.sweeps.grid import SweepAxis, SweepPlan
from engine.sweeps.overfitting import DeflatedSharpe
from engine.sweeps.sweep import SPAN_SHARPE

MAX_HEAT_MAP_VALUES: Final = 100
"""Of one axis of a heat map."""
LOGIT_BINS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PointFailure:
    """A reason why points could not be computed. count: how many points have it."""

    code: str
    message: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForwardChoice:
    """point: traded from the period that ends on `date` until the next choice."""

    date: date
    point: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForwardSummary:
    """As the engine's WalkForward, with dates for rows; None = undefined, see SweepResults.undefined."""

    num_choices: int
    distinct_points: int
    choices: tuple[WalkForwardChoice, ...]
    sharpe_ratio: float | None
    annualized_return: float | None
    annualized_volatility: float | None
    max_drawdown: float | None
    in_sample_best: int
    in_sample_best_sharpe_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """A metric over two axes: (Y, X) arrays, NaN where no point of the cell has a value.

    x_values, y_values: of the axes, in their order. counts: points with a value in each cell.
    """

    x_values: tuple[object, ...]
    y_values: tuple[object, ...]
    mean: FloatArray
    least: FloatArray
    greatest: FloatArray
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramBin:
    """Values v with low < v <= high; of the first bin also v = low."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResults:
    """P points of A axes. positions: (P, A) place of each point's value on each axis.

    failure_kinds: (P,) place in `failures` (most frequent first), -1 = none. metrics: name -> (P,), NaN =
    undefined. best, neighbours: point numbers. A statistic that is None has its reason in `undefined`.
    """

    axes: tuple[SweepAxis, ...]
    grid_size: int
    sample_size: int | None
    periods_per_year: int
    positions: NDArray[np.int32]
    failure_kinds: NDArray[np.int32]
    failures: tuple[PointFailure, ...]
    metrics: Mapping[str, FloatArray]
    best: int
    neighbours: tuple[int, ...]
    deflated_sharpe: DeflatedSharpe | None
    overfitting: OverfittingProbability | None
    walk_forward: WalkForwardSummary | None
    undefined: tuple[UndefinedMetricRecord, ...]

    @property
    def point_count(self) -> int:
        return len(self.positions)

    @property
    def failed_count(self) -> int:
        return int((self.failure_kinds >= 0).sum())

    def failure(self, number: int) -> PointFailure | None:
        """Why a point could not be computed."""
        kind = int(self.failure_kinds[number])
        return None if kind < 0 else self.failures[kind]

    def metric(self, name: str, number: int) -> float | None:
        value = float(self.metrics[name][number])
        return None if np.isnan(value) else value

    @property
    def plateau(self) -> float | None:
        """Mean span Sharpe ratio of the best point's neighbours that have one, over that of the best point:
        near 1 on a plateau, far below on a peak. None where no neighbour has one, or the best is not above 0.
        """
        best = self.metric(SPAN_SHARPE, self.best)
        near = self.metrics[SPAN_SHARPE][list(self.neighbours)]
        near = near[np.isfinite(near)]
        if best is None or best <= 0 or len(near) == 0:
            return None
        return float(near.mean()) / best

    def heat_map(self, x: str, y: str, metric: str) -> HeatMap:
        """Raises InvalidInput for an option that is not swept, for one and the same, and for an axis of more
        than MAX_HEAT_MAP_VALUES values."""
        across, down = self._axis_number("x", x), self._axis_number("y", y)
        if across == down:
            raise _bad_axis("y", "DUPLICATE_AXIS", f"x and y must be two different options, not both {x}")
        width, height = len(self.axes[across].values), len(self.axes[down].values)
        values = self.metrics[metric]
        known = np.isfinite(values)
        cells = (self.positions[known, down].astype(np.int64) * width) + self.positions[known, across]
        values, size = values[known], width * height
        counts = np.bincount(cells, minlength=size)
        least, greatest = np.full((2, size), np.nan)
        np.fmin.at(least, cells, values)
        np.fmax.at(greatest, cells, values)
        sums = np.bincount(cells, weights=values, minlength=size)
        mean = np.divide(sums, counts, out=np.full(size, np.nan), where=counts > 0)
        shape = (height, width)
        return HeatMap(
            x_values=self.axes[across].values,
            y_values=self.axes[down].values,
            mean=mean.reshape(shape),
            least=least.reshape(shape),
            greatest=greatest.reshape(shape),
            counts=counts.reshape(shape),
        )

    def logit_histogram(self) -> tuple[HistogramBin, ...]:
        """Of the overfitting probability's logits, in LOGIT_BINS equal bins around 0: those of the lower half
        are the combinations that the probability counts. Empty where it is undefined."""
        if self.overfitting is None:
            return ()
        logits = self.overfitting.logits
        limit = float(np.abs(logits).max()) or 1.0
        half = LOGIT_BINS // 2
        edges = limit * (np.arange(-half, half + 1) / half)
        counts, _ = np.histogram(-logits, edges)  # of the negatives: numpy's bins hold their lower edge
        return tuple(
            HistogramBin(low=low, high=high, count=count)
            for low, high, count in zip(
                edges[:-1].tolist(), edges[1:].tolist(), counts[::-1].tolist(), strict=True
            )
        )

    def _axis_number(self, argument: str, option: str) -> int:
        names = [axis.option for axis in self.axes]
        if option not in names:
            message = f"{option} is not swept here; {', '.join(names)} are"
            raise _bad_axis(argument, "NOT_AN_AXIS", message)
        number = names.index(option)
        count = len(self.axes[number].values)
        if count > MAX_HEAT_MAP_VALUES:
            message = f"{option} has {count:,} values; a heat map shows up to {MAX_HEAT_MAP_VALUES} an axis"
            raise _bad_axis(argument, "TOO_MANY_VALUES", message)
        return number

    @classmethod
    def from_document(cls, document: DocumentRecord) -> SweepResults:
        """Errors: KeyError, TypeError, ValueError for what is no sweep's document."""
        facts, arrays = document.facts, document.arrays
        axes = tuple(SweepAxis(option=one["option"], values=tuple(one["values"])) for one in facts["axes"])
        undefined: list[UndefinedMetricRecord] = []
        deflated = _statistic(facts, "deflated_sharpe", undefined)
        overfitting = _statistic(facts, "overfitting", undefined)
        walk = _statistic(facts, "walk_forward", undefined)
        return cls(
            axes=axes,
            grid_size=facts["grid_size"],
            sample_size=facts["sample_size"],
            periods_per_year=facts["periods_per_year"],
            positions=arrays["positions"].reshape(-1, len(axes)),
            failure_kinds=arrays["failures"],
            failures=tuple(PointFailure(**one) for one in facts["failures"]),
            metrics={name: arrays[f"metric.{name}"] for name in facts["metrics"]},
            best=facts["best"],
            neighbours=tuple(facts["neighbours"]),
            deflated_sharpe=None if deflated is None else DeflatedSharpe(**deflated),
            overfitting=None
            if overfitting is None
            else OverfittingProbability(**overfitting, logits=arrays["logits"]),
            walk_forward=None if walk is None else _walk_forward(walk, undefined),
            undefined=tuple(undefined),
        )


async def get_sweep_results(store: Store, run_ids: Sequence[int]) -> dict[int, SweepResults]:
    """By run id; runs without points are left out. Errors: CorruptBlob."""
    documents = await result_store.get_documents(store, run_ids, SWEEP)
    return {run_id: SweepResults.from_document(document) for run_id, document in documents.items()}


def stored_plan(run: RunRecord) -> SweepPlan:
    """The plan of a sweep's run, which was checked when it was launched."""
    subject, config = SWEEPABLE_FACTORS[run.subject], run.config
    return SweepPlan(
        subject=subject,
        base=subject.parse(config["base"]),
        axes=tuple(SweepAxis(option=one["option"], values=tuple(one["values"])) for one in config["axes"]),
        sample_size=config["sample_size"],
        seed=config["seed"],
        partitions=config["partitions"],
    )


def _statistic(
    facts: Mapping[str, Any], name: str, undefined: list[UndefinedMetricRecord]
) -> dict[str, Any] | None:
    """A statistic's facts; None, and its reason in `undefined`, where it has no value."""
    found = dict(facts[name])
    why = found.get("undefined")
    if isinstance(why, Mapping):
        undefined.append(UndefinedMetricRecord(metric=name, reason=why["reason"], detail=why["detail"]))
        return None
    return found


def _walk_forward(facts: dict[str, Any], undefined: list[UndefinedMetricRecord]) -> WalkForwardSummary:
    undefined += [
        UndefinedMetricRecord(
            metric=f"walk_forward.{one['metric']}", reason=one["reason"], detail=one["detail"]
        )
        for one in facts.pop("undefined")
    ]
    choices = tuple(
        WalkForwardChoice(date=date.fromisoformat(one["date"]), point=one["point"])
        for one in facts.pop("choices")
    )
    return WalkForwardSummary(**facts, choices=choices)


def _bad_axis(argument: str, code: str, message: str) -> InvalidInput:
    return InvalidInput(message, (FieldError((argument,), code, message),))
