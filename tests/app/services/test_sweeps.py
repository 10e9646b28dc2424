"""Sweeps as callers see them: launched, resumed, read, and one of their points made a run of its own."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from app.context import Services
from app.datasets.service import DatasetRef, collect_garbage, delete_dataset
from app.errors import DatasetNotFound, InvalidInput, MissingField, QueueFull, RunNotFound
from app.execution.checkpoints import sweeps_dir
from app.execution.worker.results import decode_result
from app.features.factors.service import launch_factor
from app.features.sweeps import job as sweep_job
from app.features.sweeps.results import SweepResults, get_sweep_results, stored_plan
from app.features.sweeps.service import launch_sweep, promote_point
from app.jobs import compute
from app.runs.events import EventHub, run_events
from app.runs.lifecycle import cancel_run, get_run, wait_for_run
from app.settings import Settings
from db.records import RunKind, RunStatus
from db.runs import results as result_store
from db.runs.queue import claim_run
from db.runs.read import page_runs
from engine.factors.registry import FactorName
from engine.factors.sweepable import POINT_METRICS, sweep
from engine.sweeps.grid import SweepAxis
from tests.app.execution.queueing import executing
from tests.app.sweeping import AXES, BASE, NOW, WORKER, add_panel, compute_next, panel, request_for

MOMENTUM = FactorName.MOMENTUM


@pytest.fixture
async def services(store, store_url, tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path, database_url=store_url, max_queued_runs=5)
    services = Services(settings, store, EventHub(store), None)
    await add_panel(services, panel())
    yield services
    await services.events.close()


async def launch(services, axes=AXES, base=BASE, factor=MOMENTUM, **options):
    return await launch_sweep(services, factor, base, axes, **options)


async def swept(services, *arguments, **options):
    await launch(services, *arguments, **options)
    run = await compute_next(services)
    assert run.status is RunStatus.SUCCEEDED, run.failure_message
    return run, (await get_sweep_results(services.store, [run.id]))[run.id]


def axis(option, *values):
    return SweepAxis(option=option, values=values)


async def faults(launching):
    with pytest.raises(InvalidInput) as caught:
        await launching
    return [(fault.path, fault.code) for fault in caught.value.field_errors]


# -- launching ---------------------------------------------------------------------------------------------


async def test_requests_for_the_same_points_are_one_run(services):
    first = await launch(services, tags=["b", "a"], note="mine")
    assert (first.reused, first.run.kind, first.run.tags) == (False, RunKind.SWEEP, ("a", "b"))
    spelt_otherwise = [axis("breakpoint", 0.2, 0.3, 0.5), axis("lookback_periods", 1.0, 2.0, 3, 4)]
    for same in (
        {"axes": spelt_otherwise},
        {"sample_size": 12, "seed": 5},
        {"sample_size": 100},
        {"seed": 7},
        {"base": BASE | {"rebalance": "weekly"}},
    ):
        again = await launch(services, **same)
        assert (again.reused, again.run.id) == (True, first.run.id), same
    others = [
        {"axes": AXES[::-1]},
        {"axes": [replace(AXES[0], values=(0.3, 0.2, 0.5)), AXES[1]]},
        {"sample_size": 5},
        {"partitions": 8},
    ]
    ids = {(await launch(services, **other)).run.id for other in others}
    assert len(ids | {first.run.id}) == 5
    with pytest.raises(QueueFull):
        await launch(services, sample_size=5, seed=1)


async def test_values_have_one_spelling(services):
    axes = [
        axis("max_weight", 1, None),
        axis("min_assets", 6.0),
        axis("weighting_method", "equal", "Market_Cap"),
        axis("missing_return", -0.0),
    ]
    config = (await launch(services, axes)).run.config
    assert [one["values"] for one in config["axes"]] == [[1.0, None], [6], ["EQUAL", "MARKET_CAP"], [0.0]]
    assert isinstance(config["axes"][0]["values"][0], float)
    assert isinstance(config["axes"][1]["values"][0], int)
    assert math.copysign(1, config["axes"][3]["values"][0]) == 1


async def test_force_and_kind_make_other_runs(services):
    first = await launch(services)
    forced = await launch(services, force=True)
    assert (forced.reused, forced.run.forced) == (False, True)
    assert forced.run.id != first.run.id
    assert (await launch_factor(services, MOMENTUM, BASE)).run.kind == RunKind.FACTOR


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"axes": []}, [(("axes",), "EMPTY")]),
        ({"axes": [axis("breakpoint")]}, [(("axes", "0", "values"), "EMPTY")]),
        ({"axes": [AXES[0], axis("nothing", 1)]}, [(("axes", "1", "option"), "UNKNOWN_OPTION")]),
        ({"axes": [axis("top_n", 5)]}, [(("axes", "0", "option"), "UNKNOWN_OPTION")]),
        ({"axes": [axis("rebalance", "DAILY")]}, [(("axes", "0", "option"), "NOT_SWEEPABLE")]),
        (
            {"axes": [AXES[0], AXES[1], AXES[0]]},
            [(("axes", "0", "option"), "DUPLICATE_AXIS"), (("axes", "2", "option"), "DUPLICATE_AXIS")],
        ),
        ({"axes": [AXES[0], axis("lookback_periods", 1, 13)]}, [(("axes", "1", "values"), "OUT_OF_RANGE")]),
        ({"axes": [axis("lookback_periods", 1.5)]}, [(("axes", "0", "values"), "WRONG_TYPE")]),
        ({"axes": [axis("breakpoint", float("nan"))]}, [(("axes", "0", "values"), "NOT_FINITE")]),
        ({"axes": [axis("breakpoint", 0.2, "x")]}, [(("axes", "0", "values"), "WRONG_TYPE")]),
        ({"axes": [axis("lookback_periods", 3, 3.0)]}, [(("axes", "0", "values"), "DUPLICATE_VALUE")]),
        ({"axes": [axis("max_weight", *([0.5] * 1001))]}, [(("axes", "0", "values"), "TOO_MANY")]),
        ({"axes": [AXES[0]] * 11}, [(("axes",), "TOO_MANY")]),
        (
            {"base": BASE | {"breakpoint": 2.0, "x": 1}},
            [(("base", "breakpoint"), "OUT_OF_RANGE"), (("base", "x"), "UNKNOWN_OPTION")],
        ),
        ({"sample_size": 0}, [(("sample_size",), "OUT_OF_RANGE")]),
        ({"sample_size": 10_001}, [(("sample_size",), "OUT_OF_RANGE")]),
        ({"seed": -1}, [(("seed",), "OUT_OF_RANGE")]),
        ({"partitions": 5}, [(("partitions",), "OUT_OF_RANGE")]),
        ({"tags": [""]}, [(("tags",), "OUT_OF_RANGE")]),
        ({"base": BASE | {"exclude": ["nobody"]}}, [(("base", "exclude"), "UNKNOWN_ASSET")]),
        ({"axes": [axis("universe", None, "half=c")]}, [(("axes", "0", "values"), "UNKNOWN_ASSET")]),
    ],
)
async def test_faults_stand_where_they_were_given(services, changes, expected):
    assert sorted(await faults(launch(services, **changes))) == sorted(expected)
    assert (await page_runs(services.store, kind=None, first=1)).items == ()


LARGE = [
    axis("breakpoint", *np.linspace(0.1, 0.5, 1000).tolist()),
    axis("lookback_periods", *range(1, 11)),
    axis("max_weight", *np.linspace(0.5, 1.0, 1000).tolist()),
    axis("cost_bps", *range(100)),
]


async def test_a_grid_that_is_too_large_says_its_size_and_can_be_sampled(services):
    with pytest.raises(InvalidInput, match=r"the grid has 1,000,000,000 points.*sample_size") as caught:
        await launch(services, LARGE)
    assert [(fault.path, fault.code) for fault in caught.value.field_errors] == [
        (("axes",), "TOO_MANY_POINTS")
    ]
    run, results = await swept(services, LARGE, sample_size=20, seed=4)
    assert (results.point_count, results.grid_size, results.sample_size) == (20, 10**9, 20)
    np.testing.assert_array_equal(results.positions, stored_plan(run).positions())


async def test_fields_that_some_value_needs_are_asked_for_before_anything_is_queued(services):
    bare = await add_panel(services, replace(panel(), fields={"price": panel().fields["price"]}), "bare")
    where = {"dataset": DatasetRef(id=bare.id)}
    assert not (await launch(services, **where)).reused
    with pytest.raises(MissingField, match="volume") as caught:
        await launch(services, [axis("liquidity_threshold", None, 1e6)], **where)
    assert (caught.value.field, caught.value.hint) == ("volume", "it has price")
    with pytest.raises(DatasetNotFound):
        await launch(services, dataset=DatasetRef(name="nothing"))


# -- running -----------------------------------------------------------------------------------------------


async def test_the_stored_numbers_are_those_of_the_engine(services):
    run, results = await swept(services)
    expected = sweep(panel(), stored_plan(run))
    assert results.best == expected.best
    assert results.neighbours == tuple(expected.neighbours.tolist())
    for name, values in expected.metrics.items():
        np.testing.assert_array_equal(results.metrics[name], values, err_msg=name)
    assert results.deflated_sharpe == expected.deflated_sharpe
    np.testing.assert_array_equal(results.overfitting.logits, expected.overfitting.logits)
    assert results.overfitting.probability == expected.overfitting.probability
    assert results.walk_forward.sharpe_ratio == expected.walk_forward.sharpe_ratio
    rows = expected.walk_forward.choice_rows
    assert [one.date for one in results.walk_forward.choices] == expected.dates[rows].tolist()
    assert [one.point for one in results.walk_forward.choices] == expected.walk_forward.choices.tolist()
    assert results.undefined == ()


async def test_where_every_point_fails_the_run_says_why(services):
    axes = [axis("min_assets", 50, 60), axis("max_weight", None, 0.9)]
    await launch(services, axes)
    run = await compute_next(services)
    assert (run.status, run.failure_code) == (RunStatus.FAILED, "ALL_POINTS_FAILED")
    assert "none of 4 points" in run.failure_message
    assert "at most 14 assets were eligible, 50 are needed" in run.failure_message
    assert not (await launch(services, axes)).reused, "a failed sweep is not reused"


async def test_points_fail_by_themselves(services):
    _, results = await swept(
        services, [axis("lookback_periods", 1, 3), axis("volatility_adjusted", True, False)]
    )
    assert (results.point_count, results.failed_count) == (4, 1)
    (failure,) = results.failures
    assert (failure.code, failure.count) == ("INVALID_CONFIG", 1)
    assert results.failure(0) == failure
    assert results.failure(1) is None
    assert results.metric("sharpe_ratio", 0) is None


async def test_a_killed_sweep_goes_on_from_its_checkpoints(services, monkeypatch):
    monkeypatch.setattr(sweep_job, "CHUNK_POINTS", 5)
    whole, expected = await swept(services)
    await launch(services, force=True)
    run = await claim_run(services.store, WORKER, NOW, kinds=tuple(RunKind))
    request = await request_for(services, run)

    class Killed(BaseException):
        pass

    def die_at(limit):
        def report(_fraction, stage):
            if stage == limit:
                raise Killed

        return report

    with pytest.raises(Killed):
        compute(request, die_at("10 of 12 points"))
    (folder,) = sweeps_dir(services.settings.cache_dir).iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["0", "1"]
    computed = []
    evaluate = sweep_job.evaluate_points

    def watched(evaluator, plan, chunks):
        chunks = list(chunks)
        computed.extend(len(chunk) for chunk in chunks)
        return evaluate(evaluator, plan, chunks)

    monkeypatch.setattr(sweep_job, "evaluate_points", watched)
    payload = b"".join(bytes(part) for part in compute(request, lambda *_: None))
    assert computed == [2], "the first ten were there"
    (document,) = decode_result(memoryview(payload)).documents
    results = SweepResults.from_document(document)
    for name in expected.metrics:
        np.testing.assert_array_equal(results.metrics[name], expected.metrics[name], err_msg=name)
    assert not folder.exists(), "a finished sweep leaves none"
    assert whole.id != run.id


async def test_gc_keeps_checkpoints_of_live_sweeps_alone(services):
    live = (await launch(services)).run
    dead = (await launch(services, sample_size=5)).run
    await cancel_run(services, dead.id)
    folder = sweeps_dir(services.settings.cache_dir)
    for run in (live, dead):
        (folder / f"{run.identity_hash}-format1" / "0").mkdir(parents=True)
        (folder / f"{run.identity_hash}-format1" / "0" / "numbers").write_bytes(b"12345")
    dry = await collect_garbage(services, dry_run=True)
    assert (dry.checkpoints, dry.bytes_freed) == ((f"{dead.identity_hash}-format1",), 5)
    await collect_garbage(services)
    assert [path.name for path in folder.iterdir()] == [f"{live.identity_hash}-format1"]


async def test_followers_of_all_runs_see_live_sweeps(services):
    run = (await launch(services)).run
    async for moment in run_events(services.store, services.events):
        assert (moment.run.id, moment.run.kind, moment.event) == (run.id, RunKind.SWEEP, None)
        break


# -- promoting ---------------------------------------------------------------------------------------------


async def test_a_promoted_point_has_the_numbers_of_the_point_through_the_executor(services):
    axes = [
        axis("cost_bps", 0, 25),
        axis("weighting_method", "EQUAL", "INVERSE_VARIANCE"),
        axis("lookback_periods", 2, 5),
    ]
    run = (await launch(services, axes)).run
    async with executing(services.store, services.settings, computation="app.jobs"):
        assert (await wait_for_run(services, run.id, 30)).status is RunStatus.SUCCEEDED
        results = (await get_sweep_results(services.store, [run.id]))[run.id]
        newer = await add_panel(services, panel(seed=9))
        assert newer.id != run.dataset_id
        for number in (0, 3, 6):
            promoted = await promote_point(services, run.id, number)
            assert (promoted.reused, promoted.run.kind, promoted.run.tags) == (False, RunKind.FACTOR, ())
            assert promoted.run.dataset_id == run.dataset_id, "not the newer version"
            assert (await promote_point(services, run.id, number)).run.id == promoted.run.id
            done = await wait_for_run(services, promoted.run.id, 30)
            assert done.status is RunStatus.SUCCEEDED, done.failure_message
            gross = (await result_store.get_performance(services.store, [done.id]))[done.id]
            net = (await result_store.get_net_performance(services.store, [done.id])).get(done.id)
            assert (net is not None) == (number >= 4)
            assert results.metric("gross_sharpe_ratio", number) == gross.sharpe_ratio
            for name in POINT_METRICS[1:]:
                assert results.metric(name, number) == getattr(net or gross, name), (number, name)


async def test_what_cannot_be_promoted_is_said_so(services):
    waiting = (await launch(services)).run
    assert await faults(promote_point(services, waiting.id, 0)) == [(("sweep",), "NOT_SUCCEEDED")]
    await cancel_run(services, waiting.id)
    run, _ = await swept(services, [axis("lookback_periods", 1, 3), axis("volatility_adjusted", True, False)])
    assert await faults(promote_point(services, run.id, 4)) == [(("point",), "OUT_OF_RANGE")]
    assert await faults(promote_point(services, run.id, -1)) == [(("point",), "OUT_OF_RANGE")]
    assert await faults(promote_point(services, run.id, 0)) == [(("point",), "POINT_FAILED")]
    promoted = (await promote_point(services, run.id, 2, tags=["x"], note="n")).run
    assert (promoted.config["volatility_adjusted"], promoted.config["lookback_periods"]) == (True, 3)
    assert (promoted.tags, promoted.note) == (("x",), "n")
    for unknown in (promoted.id, 4711):
        with pytest.raises(RunNotFound):
            await promote_point(services, unknown, 0)
    assert (await get_run(services, run.id)).kind == RunKind.SWEEP
    await delete_dataset(services, run.dataset_id)
    with pytest.raises(DatasetNotFound):
        await promote_point(services, run.id, 3)
