"""What a sweep says: its table, heat map, statistics, series and verdict, from what the store holds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from app.errors import InvalidInput
from app.features.sweeps.points import PointList, PointOrder
from app.features.sweeps.results import SweepResults
from app.features.sweeps.series import SweepSeriesName
from app.features.sweeps.verdict import verdict
from app.runs.series import DateRange, SeriesRequest, SeriesTransform, chart_series
from db.errors import InvalidCursor
from db.records import DocumentRecord, SeriesRecord, UndefinedMetricRecord
from db.runs.read import SortDirection
from engine.sweeps.cscv import OverfittingProbability
from engine.sweeps.grid import SweepAxis
from tests.app.schema.sweeping import computed


def axis(option, *values):
    return SweepAxis(option=option, values=values)


def finished():
    """A sweep of noise."""
    (document,) = computed()[2].documents
    return SweepResults.from_document(document)


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


def test_the_lower_bins_of_the_logits_are_the_probability():
    results = finished()
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


def test_the_walk_forward_has_the_dates_of_the_best_point():
    best, walk = computed()[2].series
    assert (best.name, walk.name) == tuple(SweepSeriesName)

    def chart(*requests):
        return chart_series(
            {one.name: one for one in (best, walk)},
            requests,
            date_range=DateRange(),
            max_points=1000,
            periods_per_year=52,
            shared=SweepSeriesName.BEST_POINT,
        )

    growth = SeriesTransform.GROWTH_OF_100
    chosen, lone, returns = chart(
        SeriesRequest(SweepSeriesName.WALK_FORWARD, growth),
        SeriesRequest(SweepSeriesName.BEST_POINT, transform=growth),
        SeriesRequest(SweepSeriesName.WALK_FORWARD),
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
        name="BEST_POINT", times=np.datetime64("2024-01-07") + 7 * np.arange(3), values=np.ones(3)
    )
    first, second = chart_series(
        {"BEST_POINT": best},
        [SeriesRequest(SweepSeriesName.WALK_FORWARD), SeriesRequest(SweepSeriesName.BEST_POINT)],
        date_range=DateRange(),
        max_points=10,
        periods_per_year=52,
        shared=SweepSeriesName.BEST_POINT,
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
        "It holds up: the best of 1,000 points (Sharpe 2.00), where luck alone gives the best of 412 "
        "independent trials 1.30; deflated Sharpe 0.97 (at least 0.95), probability of overfitting 0.10 "
        "(at most 0.2), walk-forward Sharpe 1.10 (above 0)."
    )
    assert judged(deflated=0.95, pbo=0.2).startswith("It holds up")
    assert judged(deflated=0.9499).startswith("Nothing here that luck would not explain")
    assert judged(pbo=0.2001).startswith("Doubtful")
    assert judged(walk=0.0).startswith("Doubtful")
    assert judged(walk=None).startswith("Not proven")
    assert judged(pbo=None).startswith("Not proven")
    assert judged(pbo=0.5, walk=None).startswith("Doubtful")


def test_a_verdict_names_what_failed_or_is_undefined():
    assert judged(sharpe=1.2, deflated=0.41, pbo=0.52, walk=-0.3, failed=10) == (
        "Nothing here that luck would not explain: the best of 990 points (Sharpe 1.20; 10 more failed), "
        "where luck alone gives the best of 412 independent trials 1.30; deflated Sharpe 0.41 (below 0.95), "
        "probability of overfitting 0.52 (above 0.2), walk-forward Sharpe -0.30 (not above 0)."
    )
    assert "walk-forward Sharpe undefined (flat)" in judged(walk=None)
    assert verdict(table([1.5])) == (
        "Not proven: the only point that was computed (Sharpe 1.50) cannot be told from luck; deflated "
        "Sharpe undefined (1 point), probability of overfitting undefined (9 returns), walk-forward "
        "Sharpe undefined (9 returns)."
    )
    assert "the best of 2 points (no Sharpe ratio) cannot be told from luck" in verdict(table([NAN, NAN]))


def test_a_verdict_never_rounds_across_its_threshold():
    assert "deflated Sharpe 0.9496 (below 0.95)" in judged(deflated=0.9496)
    assert "probability of overfitting 0.2004 (above 0.2)" in judged(pbo=0.2004)


def test_noise_is_not_found_to_hold_up():
    results = finished()
    assert not verdict(results).startswith("It holds up")
    assert all(isinstance(one, UndefinedMetricRecord) for one in results.undefined)
