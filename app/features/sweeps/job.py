"""Many configs of a factor on one dataset: the computation of a sweep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.datasets.period_cache import open_periods
from app.datasets.snapshot import open_snapshot
from app.execution.checkpoints import SweepCheckpoints
from app.execution.worker.child import ReportProgress
from app.execution.worker.frames import Buffer
from app.execution.worker.payload import Document, NamedSeries, encode_payload, plain
from app.execution.worker.protocol import ComputeRequest
from app.execution.worker.warming import warming_up
from app.features.factors.toy import toy_options, toy_panel
from engine.errors import MissingField
from engine.factors.registry import FactorName
from engine.factors.sweepable import SWEEPABLE_FACTORS, FactorPoints, dataset_check, sweep
from engine.statistics.undefined import Undefined
from engine.sweeps.grid import SweepAxis, parse_plan, plan_from_json
from engine.sweeps.sweep import SweepResult, check_sweep, chunked, conclude, evaluate_points
from engine.sweeps.walk_forward import WalkForward

SWEEP: Final = "SWEEP"
CHUNK_POINTS: Final = 100
"""Points between two checkpoints: a second or less of work, and some 100 KB."""


def compute_sweep(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    """Points that an earlier attempt finished are taken from its checkpoints. Errors: EngineError,
    DatasetUnavailable."""
    report(0.01, "Reading data")
    panel = open_snapshot(Path(request.datasets_dir), request.fingerprint)
    plan = plan_from_json(SWEEPABLE_FACTORS[request.subject], request.config)
    check_sweep(plan, dataset_check(panel.fields, panel.assets, panel.attributes))
    report(0.02, "Forming periods")
    periods = open_periods(panel, request.fingerprint, plan.base.rebalance, Path(request.cache_dir))
    chunks = chunked(plan, CHUNK_POINTS)
    count = sum(map(len, chunks))
    checkpoints = SweepCheckpoints(Path(request.cache_dir), request.identity)
    evaluated = checkpoints.read(chunks, len(periods.grid))
    done = sum(len(chunk.numbers) for chunk in evaluated)
    if done:
        report(_share(done, count), f"{done:,} of {count:,} points, from an earlier attempt")
    missing = chunks[len(evaluated) :]
    for chunk in evaluate_points(FactorPoints(panel, periods), plan, missing):
        checkpoints.write(len(evaluated), chunk)
        evaluated.append(chunk)
        done += len(chunk.numbers)
        report(_share(done, count), f"{done:,} of {count:,} points")
    report(0.92, "Testing for overfitting")
    try:
        return encode_sweep(conclude(plan, periods.grid, evaluated))
    finally:
        checkpoints.remove()


def _share(done: int, count: int) -> float:
    """Of the whole work, when so many points are done."""
    return 0.03 + 0.87 * done / count


def encode_sweep(result: SweepResult) -> list[Buffer]:
    series = [NamedSeries("BEST_POINT", result.dates, result.best_returns)]
    walk = result.walk_forward
    if isinstance(walk, WalkForward):
        series.append(NamedSeries("WALK_FORWARD", result.dates[walk.start_row :], walk.returns))
    return encode_payload(series=series, documents=[_document(result)])


def _document(result: SweepResult) -> Document:
    plan = result.plan
    counted = Counter(
        (code, message)
        for code, message in zip(result.failure_codes, result.failure_messages, strict=True)
        if code is not None
    )
    kinds = [failure for failure, _ in counted.most_common()]
    places = {failure: place for place, failure in enumerate(kinds)}
    failures = zip(result.failure_codes, result.failure_messages, strict=True)
    overfitting = result.overfitting
    facts: dict[str, Any] = {
        "axes": [plain(axis) for axis in plan.axes],
        "grid_size": plan.grid_size,
        "sample_size": plan.sample_size,
        "seed": plan.seed,
        "partitions": plan.partitions,
        "best": result.best,
        "neighbours": result.neighbours.tolist(),
        "periods_per_year": result.periods_per_year,
        "metrics": list(result.metrics),
        "deflated_sharpe": _plain_or_undefined(result.deflated_sharpe),
        "overfitting": _plain_or_undefined(overfitting),
        "walk_forward": _walk_forward(result),
        "failures": [
            {"code": code, "message": message, "count": counted[code, message]} for code, message in kinds
        ],
    }
    facts["overfitting"].pop("logits", None)
    arrays = {
        "positions": result.positions.astype(np.int32).ravel(),
        "failures": np.array([places.get(failure, -1) for failure in failures], dtype=np.int32),
        **{f"metric.{name}": values for name, values in result.metrics.items()},
    }
    if not isinstance(overfitting, Undefined):
        arrays["logits"] = overfitting.logits
    return Document(SWEEP, facts, arrays)


def _walk_forward(result: SweepResult) -> dict[str, Any]:
    walk = result.walk_forward
    facts = _plain_or_undefined(walk)
    if isinstance(walk, WalkForward):
        for name in ("choice_rows", "start_row", "returns"):
            del facts[name]
        dates = result.dates[walk.choice_rows].tolist()
        facts["choices"] = [
            {"date": day.isoformat(), "point": int(point)}
            for day, point in zip(dates, walk.choices, strict=True)
        ]
    return facts


def _plain_or_undefined(value: object) -> dict[str, Any]:
    if isinstance(value, Undefined):
        return {"undefined": {"reason": value.reason.value, "detail": value.detail}}
    facts: dict[str, Any] = plain(value)
    return facts


def warm_up() -> None:
    """Compute a sweep of two points, as `app.features.factors.job.warm_up` does factors."""
    with warming_up("a sweep"), suppress(MissingField):
        axes = (SweepAxis(option="lookback_periods", values=(1, 2)),)
        plan = parse_plan(
            SWEEPABLE_FACTORS[FactorName.MOMENTUM], toy_options(FactorName.MOMENTUM), axes, partitions=4
        )
        encode_sweep(sweep(toy_panel(), plan))


JOBS: Final = {"SWEEP": compute_sweep}
