"""A sweep in a child: its document, its series, and going on from where a killed one was."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.datasets.snapshot import write_snapshot
from app.errors import DatasetDamaged
from app.execution.checkpoints import SweepCheckpoints, stale_checkpoints, sweeps_dir
from app.execution.worker.exchange import exchange
from app.execution.worker.launcher import Launcher
from app.execution.worker.protocol import ComputeRequest, Failure
from app.execution.worker.results import decode_result
from app.features.sweeps import job as sweep_job
from db.records import RunResults
from engine.factors.registry import FactorName
from engine.factors.sweepable import POINT_METRICS, SWEEPABLE_FACTORS, FactorPoints, sweep
from engine.sweeps.grid import SweepAxis, SweepPlan, parse_plan, plan_to_json
from engine.sweeps.sweep import SPAN_SHARPE
from tests.app.datasets.files import damage
from tests.engine.panels import panel_of, synthetic_frame

PANEL = panel_of(synthetic_frame(4, assets=16, days=260))
OPTIONS = {"min_assets": 5, "market_cap_threshold": None, "liquidity_threshold": None}
AXES = (
    SweepAxis(option="lookback_periods", values=tuple(range(1, 11))),
    SweepAxis(option="volatility_adjusted", values=(False, True)),
    SweepAxis(option="breakpoint", values=(0.2, 0.3, 0.4, 0.5)),
    SweepAxis(option="cost_bps", values=(0.0, 20.0, 40.0)),
)


def plan() -> SweepPlan:
    return parse_plan(SWEEPABLE_FACTORS[FactorName.MOMENTUM], OPTIONS, AXES, partitions=4)


@pytest.fixture
def request_(tmp_path) -> ComputeRequest:
    return ComputeRequest(
        datasets_dir=str(tmp_path / "datasets"),
        cache_dir=str(tmp_path / "cache"),
        artifacts_dir=str(tmp_path / "artifacts"),
        fingerprint=write_snapshot(PANEL, tmp_path / "datasets"),
        kind="SWEEP",
        subject="MOMENTUM",
        identity="ab" * 32,
        config=plan_to_json(plan()),
        memory_limit_bytes=2**30,
        cpu_limit_seconds=60,
    )


def computed_here(request: ComputeRequest, report=lambda fraction, stage: None) -> RunResults:
    payload = sweep_job.compute_sweep(request, report)
    return decode_result(memoryview(b"".join(bytes(part) for part in payload)))


def test_a_sweep_arrives_from_its_child_as_the_engine_computed_it(request_):
    expected = sweep(PANEL, plan())
    with closing(Launcher()) as launcher, closing(launcher.launch()) as child:
        stages = []
        results = exchange(child, request_, stages.append)
    assert isinstance(results, RunResults), results
    assert results.performance is None
    assert results.compositions == ()
    (document,) = results.documents
    facts, arrays = document.facts, document.arrays
    json.dumps(facts, allow_nan=False)
    np.testing.assert_array_equal(arrays["positions"].reshape(240, 4), expected.positions)
    for name in (*POINT_METRICS, SPAN_SHARPE):
        # sums of products end otherwise in arrays that begin elsewhere in memory
        np.testing.assert_allclose(arrays[f"metric.{name}"], expected.metrics[name], rtol=1e-12)
    assert (facts["best"], facts["neighbours"]) == (expected.best, expected.neighbours.tolist())
    assert facts["deflated_sharpe"]["probability"] == expected.deflated_sharpe.probability
    assert facts["overfitting"]["probability"] == expected.overfitting.probability
    np.testing.assert_array_equal(arrays["logits"], expected.overfitting.logits)
    assert facts["walk_forward"]["undefined"]["reason"] == "TOO_FEW_PERIODS"
    invalid = [code for code in expected.failure_codes if code is not None]
    assert facts["failures"] == [
        {"code": "INVALID_CONFIG", "message": facts["failures"][0]["message"], "count": 12}
    ]
    assert (arrays["failures"] >= 0).sum() == len(invalid) == 12
    (best,) = results.series
    assert best.name == "BEST_POINT"
    np.testing.assert_array_equal(best.values, expected.best_returns)
    assert any("points" in stage.stage for stage in stages)


class Killed(Exception):
    pass


def test_a_killed_sweep_goes_on_from_its_checkpoints(request_, monkeypatch):
    whole = computed_here(replace(request_, cache_dir=request_.cache_dir + "-other"))
    evaluated: list[int] = []
    original = sweep_job.evaluate_points

    def counting(evaluator, plan, chunks):
        for chunk in original(evaluator, plan, chunks):
            evaluated.append(len(chunk.numbers))
            yield chunk

    def killed_after_the_first_chunk(fraction: float, stage: str) -> None:
        if stage.startswith("100 of"):
            raise Killed

    monkeypatch.setattr(sweep_job, "evaluate_points", counting)
    with pytest.raises(Killed):
        computed_here(request_, killed_after_the_first_chunk)
    assert evaluated == [100]
    stages: list[str] = []
    again = computed_here(request_, lambda fraction, stage: stages.append(stage))
    assert evaluated == [100, 100, 40]
    assert "100 of 240 points, from an earlier attempt" in stages
    assert again.documents[0].facts == whole.documents[0].facts
    for name, values in whole.documents[0].arrays.items():
        np.testing.assert_array_equal(again.documents[0].arrays[name], values)
    assert list(sweeps_dir(Path(request_.cache_dir)).iterdir()) == []  # nothing is left behind


@pytest.mark.parametrize("damage", ["truncated", "of another plan"])
def test_checkpoints_that_do_not_fit_are_computed_again(request_, damage):
    def stop(fraction: float, stage: str) -> None:
        if stage.startswith("200 of"):
            raise Killed

    with pytest.raises(Killed):
        computed_here(request_, stop)
    (folder,) = sweeps_dir(Path(request_.cache_dir)).iterdir()
    if damage == "truncated":
        for file in (folder / "0").glob("*.npy"):
            file.write_bytes(file.read_bytes()[:-8])
    else:
        (folder / "0").rename(folder / "aside")
        (folder / "1").rename(folder / "0")
    whole = computed_here(replace(request_, cache_dir=request_.cache_dir + "-other"))
    again = computed_here(request_)
    assert again.documents[0].facts == whole.documents[0].facts


def test_without_room_for_checkpoints_a_sweep_is_computed_all_the_same(request_, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert computed_here(replace(request_, cache_dir=str(blocked))).documents


def test_checkpoints_of_sweeps_that_nobody_goes_on_with_are_stale(tmp_path):
    for identity in ("a" * 64, "b" * 64):
        checkpoints = SweepCheckpoints(tmp_path, identity)
        checkpoints.write(0, next(iter(_chunks())))
    (stale,) = stale_checkpoints(tmp_path, ["a" * 64])
    assert stale.name.startswith("b" * 64)
    assert stale_checkpoints(tmp_path / "nowhere", []) == ()


def _chunks():
    from engine.periods import build_periods
    from engine.sweeps.sweep import chunked, evaluate_points

    small = parse_plan(SWEEPABLE_FACTORS[FactorName.MOMENTUM], OPTIONS, AXES[:1], partitions=4)
    periods = build_periods(PANEL, small.base.rebalance)
    return evaluate_points(FactorPoints(PANEL, periods), small, chunked(small, 100))


def test_a_sweep_without_a_point_is_a_failure_with_a_reason(request_):
    hopeless = parse_plan(
        SWEEPABLE_FACTORS[FactorName.MOMENTUM],
        OPTIONS,
        (SweepAxis(option="min_assets", values=(100, 200)),),
        partitions=4,
    )
    with closing(Launcher()) as launcher, closing(launcher.launch()) as child:
        outcome = exchange(child, replace(request_, config=plan_to_json(hopeless)), lambda _: None)
    assert isinstance(outcome, Failure)
    assert outcome.code == "ALL_POINTS_FAILED"
    assert "are needed" in outcome.message


def test_a_damaged_field_is_no_base_for_a_sweep(request_, tmp_path):
    damage(tmp_path / "datasets" / request_.fingerprint, "field:price")
    with pytest.raises(DatasetDamaged, match="field price"):
        computed_here(request_)
