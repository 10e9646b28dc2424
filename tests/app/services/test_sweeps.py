"""Sweeps as callers see them: launched, resumed, read, and one of their points made a run of its own."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest

from app.errors import DatasetNotFound, InvalidInput, MissingField, QueueFull, RunNotFound
from app.execution import sweep_job
from app.execution.checkpoints import sweeps_dir
from app.execution.computation import compute
from app.execution.results import decode_result
from app.services.context import Services
from app.services.datasets import DatasetRef, collect_garbage, delete_dataset
from app.services.events import EventHub, run_events
from app.services.runs import cancel_run, get_run, launch_factor, wait_for_run
from app.services.series import DateRange, SeriesTransform
from app.services.sweep_points import PointList, PointOrder
from app.services.sweep_results import SweepResults, get_sweep_results, stored_plan
from app.services.sweep_series import SweepSeriesName, SweepSeriesRequest, chart_sweep_series
from app.services.sweep_verdict import verdict
from app.services.sweeps import launch_sweep, promote_point
from app.settings import Settings
from db import results as result_store
from db.errors import InvalidCursor
from db.records import DocumentRecord, RunKind, RunStatus, SeriesRecord, UndefinedMetricRecord
from db.run_queries import SortDirection, page_runs
from db.runs import claim_run
from engine.factors.config import FactorName
from engine.sweeps.cscv import OverfittingProbability
from engine.sweeps.grid import SweepAxis
from engine.sweeps.points import POINT_METRICS
from engine.sweeps.sweep import sweep
from tests.app.execution.queueing import executing
from tests.app.sweeping import AXES, BASE, NOW, WORKER, add_panel, compute_next, panel, request_for

MOMENTUM = FactorName.MOMENTUM


@pytest.fixture
def store_url(migrated_file, tmp_path):
    """SQLite alone: the store's own tests have what the other database could do differently."""
    path = tmp_path / "factorql.db"
    shutil.copyfile(migrated_file, path)
    return f"sqlite:///{path}"


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
    assert (await launch_factor(services, MOMENTUM, BASE)).run.kind is RunKind.FACTOR


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
    run = await claim_run(services.store, WORKER, NOW)
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

    def watched(plan_panel, plan, periods, chunks):
        chunks = list(chunks)
        computed.extend(len(chunk) for chunk in chunks)
        return evaluate(plan_panel, plan, periods, chunks)

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
    async with executing(services.store, services.settings, computation="app.execution.computation"):
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
    assert (await get_run(services, run.id)).kind is RunKind.SWEEP
    await delete_dataset(services, run.dataset_id)
    with pytest.raises(DatasetNotFound):
        await promote_point(services, run.id, 3)


# -- reading -----------------------------------------------------------------------------------------------


def table(values, *, failed=(), positions=None, axes=None, neighbours=(), best=0, **changes):
    """Results with these span Sharpe ratios."""
    values = np.array(values, dtype=float)
    kinds = np.full(len(values), -1, dtype=np.int32)
    kinds[list(failed)] = 0
    axes = axes or (axis("breakpoint", *range(len(values))),)
    if positions is None:
        shape = [len(one.values) for one in axes]
        positions = np.stack(np.unravel_index(np.arange(len(values)), shape), axis=1)
    facts = {
        "axes": [{"option": one.option, "values": list(one.values)} for one in axes],
        "grid_size": len(values),
        "sample_size": None,
        "periods_per_year": 52,
        "failures": [{"code": "NO_PERIODS", "message": "nothing", "count": len(failed)}] if failed else [],
        "metrics": ["span_sharpe_ratio"],
        "best": best,
        "neighbours": list(neighbours),
        "deflated_sharpe": {"undefined": {"reason": "TOO_FEW_POINTS", "detail": "1 point"}},
        "overfitting": {"undefined": {"reason": "TOO_FEW_PERIODS", "detail": "9 returns"}},
        "walk_forward": {"undefined": {"reason": "TOO_FEW_PERIODS", "detail": "9 returns"}},
    } | changes
    arrays = {
        "positions": np.asarray(positions, dtype=np.int32).ravel(),
        "failures": kinds,
        "metric.span_sharpe_ratio": values,
    }
    return SweepResults.from_document(DocumentRecord(name="SWEEP", facts=facts, arrays=arrays))


NAN = float("nan")
VALUES = [1.0, NAN, 3.0, 1.0, -2.0, NAN]


@pytest.mark.parametrize(
    ("direction", "failed", "expected"),
    [
        (SortDirection.DESC, None, [2, 0, 3, 4, 1, 5]),
        (SortDirection.ASC, None, [4, 0, 3, 2, 1, 5]),
        (SortDirection.DESC, True, [5]),
        (SortDirection.ASC, False, [4, 0, 3, 2, 1]),
    ],
)
def test_points_come_in_order_page_by_page(direction, failed, expected):
    results = table(VALUES, failed=[5])
    points = PointList(sweep="1", order=PointOrder(direction=direction), failed=failed)
    assert points.numbers(results).tolist() == expected
    seen, after = [], None
    while True:
        page = points.page(results, first=2, after=after)
        seen += page.items
        if not page.has_next_page:
            break
        after = page.cursors[-1]
    assert seen == expected
    assert points.page(results, first=0, after=None).items == ()


def test_ties_are_in_the_order_of_their_numbers_either_way():
    values = np.random.default_rng(0).integers(0, 3, 500).astype(float)
    values[::7] = NAN
    for direction, sign in ((SortDirection.ASC, 1), (SortDirection.DESC, -1)):
        numbers = PointList(sweep="1", order=PointOrder(direction=direction)).numbers(table(values))
        plain = sorted(range(500), key=lambda n: (math.isnan(values[n]), sign * np.nan_to_num(values[n]), n))
        assert numbers.tolist() == plain


def test_a_cursor_belongs_to_its_list():
    results = table(VALUES)
    points = PointList(sweep="1", order=PointOrder())
    cursor = points.page(results, first=1, after=None).cursors[0]
    others = [
        replace(points, sweep="2"),
        replace(points, failed=False),
        replace(points, order=PointOrder(direction=SortDirection.ASC)),
    ]
    for other in others:
        with pytest.raises(InvalidCursor):
            other.page(results, first=1, after=cursor)
    for foreign in ("", "x", "ü", cursor[:-2], "A" * 18):
        with pytest.raises(InvalidCursor):
            points.page(results, first=1, after=foreign)


def test_a_heat_map_is_what_a_loop_over_the_points_gives():
    random = np.random.default_rng(1)
    axes = (axis("breakpoint", 0.1, 0.2, 0.3), axis("cost_bps", 1, 2), axis("max_weight", 1.0, 0.5))
    places = random.choice(12, 9, replace=False)
    positions = np.stack(np.unravel_index(places, (3, 2, 2)), axis=1)
    values = random.normal(size=9)
    values[3] = NAN
    found = table(values, axes=axes, positions=positions).heat_map(
        "max_weight", "breakpoint", "span_sharpe_ratio"
    )
    assert (found.x_values, found.y_values) == ((1.0, 0.5), (0.1, 0.2, 0.3))
    for row in range(3):
        for column in range(2):
            cell = [
                value
                for value, (down, _, across) in zip(values, positions, strict=True)
                if (down, across) == (row, column) and not math.isnan(value)
            ]
            assert found.counts[row, column] == len(cell)
            if not cell:
                assert np.isnan([found.mean[row, column], found.least[row, column]]).all()
                continue
            assert found.mean[row, column] == pytest.approx(sum(cell) / len(cell), rel=1e-15)
            assert (found.least[row, column], found.greatest[row, column]) == (min(cell), max(cell))


@pytest.mark.parametrize(
    ("x", "y", "path", "code"),
    [
        ("cost_bps", "breakpoint", ("x",), "NOT_AN_AXIS"),
        ("breakpoint", "cost_bps", ("y",), "NOT_AN_AXIS"),
        ("breakpoint", "breakpoint", ("y",), "DUPLICATE_AXIS"),
        ("breakpoint", "max_weight", ("y",), "TOO_MANY_VALUES"),
    ],
)
def test_a_heat_map_of_what_is_no_axis_is_refused(x, y, path, code):
    results = table(np.ones(202), axes=(axis("breakpoint", 0.1, 0.2), axis("max_weight", *range(101))))
    with pytest.raises(InvalidInput) as caught:
        results.heat_map(x, y, "span_sharpe_ratio")
    assert [(fault.path, fault.code) for fault in caught.value.field_errors] == [(path, code)]


@pytest.mark.parametrize(
    ("values", "neighbours", "expected"),
    [
        ([2.0, 1.0, 1.5], [1, 2], 0.625),
        ([2.0, 1.0, NAN], [1, 2], 0.5),
        ([2.0, 1.0], [], None),
        ([2.0, NAN], [1], None),
        ([-0.5, -1.0], [1], None),
        ([0.0, -1.0], [1], None),
        ([NAN, NAN], [1], None),
    ],
)
def test_the_plateau(values, neighbours, expected):
    assert table(values, neighbours=neighbours).plateau == expected


async def test_the_lower_bins_of_the_logits_are_the_probability(services):
    _, results = await swept(services)
    bins = results.logit_histogram()
    assert len(bins) == 20
    assert sum(one.count for one in bins) == results.overfitting.combinations
    lower = sum(one.count for one in bins[:10])
    assert lower / results.overfitting.combinations == results.overfitting.probability
    assert (bins[9].high, bins[0].low) == (0.0, -bins[-1].high)
    limit = np.abs(results.overfitting.logits).max()
    assert bins[-1].high == limit
    flat = replace(results, overfitting=replace(results.overfitting, logits=np.zeros(6)))
    assert [one.count for one in flat.logit_histogram()] == [0] * 9 + [6] + [0] * 10
    assert table([1.0]).logit_histogram() == ()


async def test_the_walk_forward_has_the_dates_of_the_best_point(services):
    run, _ = await swept(services)
    stored = await result_store.get_series(services.store, [run.id], list(SweepSeriesName))
    best, walk = (stored[run.id, name] for name in SweepSeriesName)

    def chart(*requests):
        return chart_sweep_series(
            {one.name: one for one in (best, walk)},
            requests,
            date_range=DateRange(),
            max_points=1000,
            periods_per_year=52,
        )

    growth = SeriesTransform.GROWTH_OF_100
    chosen, lone, returns = chart(
        SweepSeriesRequest(SweepSeriesName.WALK_FORWARD, growth),
        SweepSeriesRequest(transform=growth),
        SweepSeriesRequest(SweepSeriesName.WALK_FORWARD),
    )
    np.testing.assert_array_equal(chosen.dates, best.dates)
    start = len(best.dates) - len(walk.dates)
    assert start == 52
    assert np.isnan(chosen.values[:start]).all()
    np.testing.assert_allclose(chosen.values[start:], 100 * np.cumprod(1 + walk.values), rtol=1e-12)
    np.testing.assert_allclose(lone.values, 100 * np.cumprod(1 + best.values), rtol=1e-12)
    np.testing.assert_array_equal(returns.values[start:], walk.values)


def test_a_sweep_without_walk_forward_has_its_best_point_alone():
    best = SeriesRecord(
        name="BEST_POINT", dates=np.datetime64("2024-01-07") + 7 * np.arange(3), values=np.ones(3)
    )
    first, second = chart_sweep_series(
        {"BEST_POINT": best},
        [SweepSeriesRequest(SweepSeriesName.WALK_FORWARD), SweepSeriesRequest()],
        date_range=DateRange(),
        max_points=10,
        periods_per_year=52,
    )
    assert np.isnan(first.values).all()
    np.testing.assert_array_equal(second.values, [1, 1, 1])


# -- verdicts ----------------------------------------------------------------------------------------------


def judged(*, deflated=0.97, sharpe=2.0, luck=1.3, pbo=0.1, walk=1.1, points=1000, failed=0):
    annual = math.sqrt(52)
    facts = {
        "deflated_sharpe": {
            "sharpe_ratio": sharpe / annual,
            "expected_maximum": luck / annual,
            "effective_trials": 412.3,
            "mean_correlation": 0.5,
            "trials": points,
            "sharpe_variance": 0.1,
            "probability": deflated,
        },
        "walk_forward": {
            "num_choices": 1,
            "distinct_points": 1,
            "choices": [],
            "sharpe_ratio": walk,
            "annualized_return": None,
            "annualized_volatility": None,
            "max_drawdown": None,
            "in_sample_best": 0,
            "in_sample_best_sharpe_ratio": None,
            "undefined": [{"metric": "sharpe_ratio", "reason": "ZERO_VOLATILITY", "detail": "flat"}],
        },
    }
    results = table([sharpe] * points, failed=range(points - failed, points), **facts)
    overfitting = None
    if pbo is not None:
        overfitting = OverfittingProbability(
            probability=pbo,
            partitions=16,
            combinations=12870,
            rows_used=160,
            mean_out_of_sample_sharpe=None,
            probability_of_loss=0.5,
            slope=None,
            intercept=None,
            logits=np.zeros(1),
        )
    return verdict(replace(results, overfitting=overfitting))


def test_a_positive_verdict_needs_all_three():
    assert judged() == (
        "It holds up: the best of 1,000 points (Sharpe 2.00) is better than luck would give 412 independent "
        "trials (1.30); deflated Sharpe 0.97 (at least 0.95), probability of overfitting 0.10 (at most 0.2), "
        "walk-forward Sharpe 1.10 (above 0)."
    )
    assert judged(deflated=0.95, pbo=0.2).startswith("It holds up")
    assert judged(deflated=0.9499).startswith("Nothing here")
    assert judged(pbo=0.2001).startswith("Doubtful")
    assert judged(walk=0.0).startswith("Doubtful")
    assert judged(walk=None).startswith("Not proven")
    assert judged(pbo=None).startswith("Not proven")
    assert judged(pbo=0.5, walk=None).startswith("Doubtful")


def test_a_verdict_names_what_failed_or_is_undefined():
    assert judged(sharpe=1.2, deflated=0.41, pbo=0.52, walk=-0.3, failed=10) == (
        "Nothing here: the best of 990 points (Sharpe 1.20; 10 more failed) is no better than luck would "
        "give 412 independent trials (1.30); deflated Sharpe 0.41 (below 0.95), probability of overfitting "
        "0.52 (above 0.2), walk-forward Sharpe -0.30 (not above 0)."
    )
    assert "walk-forward Sharpe undefined (flat)" in judged(walk=None)
    assert verdict(table([1.5])) == (
        "Not proven: the only point that was computed (Sharpe 1.50) cannot be told from luck; deflated "
        "Sharpe undefined (1 point), probability of overfitting undefined (9 returns), walk-forward Sharpe undefined "
        "(9 returns)."
    )
    assert "the best of 2 points (no Sharpe ratio) cannot be told from luck" in verdict(table([NAN, NAN]))


def test_a_verdict_never_rounds_across_its_threshold():
    assert "deflated Sharpe 0.9496 (below 0.95)" in judged(deflated=0.9496)
    assert "probability of overfitting 0.2004 (above 0.2)" in judged(pbo=0.2004)


async def test_noise_is_not_found_to_hold_up(services):
    _, results = await swept(services)
    assert not verdict(results).startswith("It holds up")
    assert all(isinstance(one, UndefinedMetricRecord) for one in results.undefined)
