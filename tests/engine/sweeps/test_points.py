"""A point of a sweep is the run of its config, to the last digit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import AllPointsFailed, InvalidConfig, MissingField
from engine.factors.compute import compute_factor
from engine.factors.registry import FactorName, parse_config
from engine.factors.sweepable import POINT_METRICS, SWEEPABLE_FACTORS, FactorPoints, sweep
from engine.periods import build_periods
from engine.sweeps.grid import SweepAxis, parse_plan
from engine.sweeps.sweep import SPAN_SHARPE, chunked, conclude, evaluate_points
from tests.engine.panels import panel_of, synthetic_frame, with_book_values

PANEL = panel_of(with_book_values(synthetic_frame(7, assets=30, days=420)))
BASE = {"min_assets": 6, "market_cap_threshold": 1e6, "liquidity_threshold": None}
FILTERS = SweepAxis(option="market_cap_threshold", values=(None, 1e7, 3e7))
WEIGHTS = SweepAxis(option="weighting_method", values=("EQUAL", "MARKET_CAP", "INVERSE_VARIANCE"))
COSTS = SweepAxis(option="cost_bps", values=(0.0, 25.0))
LAGS = (
    SweepAxis(option="execution_lag_days", values=(0, 1)),
    SweepAxis(option="publication_lag_days", values=(0, 10)),
)
PLANS = {
    "smb": (FactorName.SMB, (FILTERS, WEIGHTS, SweepAxis(option="min_lifetime_days", values=(None, 90)))),
    "market": (FactorName.MARKET, (SweepAxis(option="top_n", values=(3, 5)), WEIGHTS, FILTERS)),
    "value": (
        FactorName.VALUE,
        (
            SweepAxis(option="fundamental", values=("FEES", "BOOK_VALUE")),
            SweepAxis(option="long_side", values=("HIGH", "LOW")),
            COSTS,
            *LAGS,
        ),
    ),
    "momentum": (
        FactorName.MOMENTUM,
        (
            SweepAxis(option="lookback_periods", values=(1, 3, 8)),
            SweepAxis(option="volatility_adjusted", values=(False, True)),
            SweepAxis(option="breakpoint", values=(0.2, 0.5)),
            COSTS,
        ),
    ),
    "momentum_v2": (FactorName.MOMENTUM_V2, (SweepAxis(option="lookback_days", values=(5, 21)), FILTERS)),
    "growth": (
        FactorName.GROWTH,
        (SweepAxis(option="growth_metrics", values=("fees", "dau", None)), FILTERS, *LAGS),
    ),
    "universe": (FactorName.SMB, (SweepAxis(option="exclude", values=("a003", "a011")), WEIGHTS)),
    "variances": (
        FactorName.SMB,
        (
            SweepAxis(option="weighting_method", values=("INVERSE_VARIANCE",)),
            SweepAxis(option="variance_lookback", values=(8, 26)),
            SweepAxis(option="execution_lag_days", values=(0, 1)),
        ),
    ),
    "extremes": (
        FactorName.SMB,
        (
            SweepAxis(option="max_abs_return", values=(None, 0.15)),
            SweepAxis(option="extreme_returns", values=("FLAG", "EXCLUDE")),
            SweepAxis(option="missing_return", values=(0.0, -0.5)),
            SweepAxis(option="short_carry_bps", values=(0.0, 500.0)),
        ),
    ),
}


def base(factor: FactorName) -> dict[str, object]:
    return {name: BASE[name] for name in BASE if name != "min_assets" or factor is not FactorName.MARKET}


@pytest.mark.parametrize("name", PLANS)
def test_every_point_is_the_run_of_its_config(name):
    factor, axes = PLANS[name]
    plan = parse_plan(SWEEPABLE_FACTORS[factor], base(factor), axes, partitions=4)
    result = sweep(PANEL, plan, chunk_size=5)
    for number, position in enumerate(result.positions.tolist()):
        if result.failure_codes[number] is not None:
            with pytest.raises(InvalidConfig):
                parse_config(factor, plan.options(position))
            continue
        config = parse_config(factor, plan.options(position))
        run = compute_factor(PANEL, config)
        figures = run.net_performance or run.performance
        for metric in POINT_METRICS[1:]:
            expected = getattr(figures, metric)
            value = result.metrics[metric][number]
            assert value == expected or (expected is None and np.isnan(value)), (metric, config)
        gross = run.performance.sharpe_ratio
        assert result.metrics["gross_sharpe_ratio"][number] == gross


def test_points_do_not_depend_on_chunks_or_their_order():
    factor, axes = PLANS["momentum"]
    plan = parse_plan(SWEEPABLE_FACTORS[factor], BASE, axes, partitions=4)
    periods = build_periods(PANEL, plan.base.rebalance)
    whole = sweep(PANEL, plan)
    pieces = list(evaluate_points(FactorPoints(PANEL, periods), plan, chunked(plan, 3)[::-1]))
    again = conclude(plan, periods.grid, pieces)
    for name, values in whole.metrics.items():
        np.testing.assert_array_equal(again.metrics[name], values)
    np.testing.assert_array_equal(again.best_returns, whole.best_returns)
    assert again.best == whole.best


def test_the_best_point_has_the_highest_sharpe_over_the_dates_of_all_and_neighbours_are_one_step_away():
    factor, axes = PLANS["momentum"]
    result = sweep(PANEL, parse_plan(SWEEPABLE_FACTORS[factor], BASE, axes, partitions=4))
    assert result.metrics[SPAN_SHARPE][result.best] == np.nanmax(result.metrics[SPAN_SHARPE])
    here = result.positions[result.best]
    near = [number for number, other in enumerate(result.positions) if abs(other - here).sum() == 1]
    assert result.neighbours.tolist() == near
    idle = result.metrics["num_periods"] < len(result.dates)
    assert idle.any()  # a long lookback starts later: its Sharpe over all dates counts the wait as zeros
    number = int(np.flatnonzero(idle)[0])
    assert result.metrics[SPAN_SHARPE][number] != result.metrics["sharpe_ratio"][number]


def test_points_are_compared_as_if_idle_periods_had_earned_nothing():
    factor, axes = PLANS["momentum"]
    plan = parse_plan(SWEEPABLE_FACTORS[factor], BASE, axes, partitions=4)
    result = sweep(PANEL, plan)
    for number in (0, len(result.positions) - 1, result.best):
        if result.failure_codes[number] is not None:
            continue
        run = compute_factor(PANEL, parse_config(factor, plan.options(result.positions[number].tolist())))
        earned = dict(zip(run.dates, run.factor if run.net is None else run.net, strict=True))
        returns = np.array([earned.get(day, 0.0) for day in result.dates])
        sharpe = returns.mean() / returns.std(ddof=1) * np.sqrt(52)
        assert result.metrics[SPAN_SHARPE][number] == pytest.approx(sharpe, rel=1e-12)
    np.testing.assert_array_equal(result.best_returns[~np.isin(result.dates, run.dates)], 0.0)


def test_the_walk_forward_names_points_by_their_numbers():
    """Failed points have no returns: the columns of the matrix are not the numbers of the plan."""
    long = panel_of(synthetic_frame(9, assets=14, days=700))
    axes = (
        SweepAxis(option="min_assets", values=(400, 5)),
        SweepAxis(option="lookback_periods", values=(1, 2, 3, 4)),
    )
    options = {"market_cap_threshold": None, "liquidity_threshold": None}
    result = sweep(long, parse_plan(SWEEPABLE_FACTORS[FactorName.MOMENTUM], options, axes, partitions=4))
    assert result.best >= 4
    assert result.walk_forward.choices.min() >= 4
    assert result.walk_forward.in_sample_best >= 4


def test_points_that_cannot_be_computed_say_why_and_the_others_stand():
    axes = (
        SweepAxis(option="lookback_periods", values=(1, 2)),
        SweepAxis(option="volatility_adjusted", values=(False, True)),
        SweepAxis(option="min_assets", values=(6, 500)),
        SweepAxis(option="max_weight", values=(None, 0.01)),
    )
    result = sweep(PANEL, parse_plan(SWEEPABLE_FACTORS[FactorName.MOMENTUM], BASE, axes, partitions=4))
    codes = {
        tuple(position): code
        for position, code in zip(result.positions.tolist(), result.failure_codes, strict=True)
    }
    assert codes[0, 0, 0, 0] is None
    assert codes[0, 1, 0, 0] == "INVALID_CONFIG"  # a volatility of one return
    assert codes[1, 1, 1, 0] == "NO_PERIODS"
    assert codes[1, 0, 0, 1] == "INFEASIBLE_MAX_WEIGHT"
    failed = [code is not None for code in result.failure_codes]
    assert np.isnan(result.metrics["sharpe_ratio"][failed]).all()
    assert not failed[result.best]


def test_a_sweep_without_a_single_point_fails_and_says_why():
    axes = (SweepAxis(option="min_assets", values=(400, 500)),)
    with pytest.raises(AllPointsFailed, match="none of 2 points could be computed"):
        sweep(PANEL, parse_plan(SWEEPABLE_FACTORS[FactorName.SMB], BASE, axes))


def test_a_field_that_only_some_values_need_is_missed_before_anything_is_computed():
    without_caps = panel_of(synthetic_frame(7, assets=12, days=80).drop(columns=["mc"]))
    axes = (SweepAxis(option="weighting_method", values=("EQUAL", "MARKET_CAP")),)
    options = {"min_assets": 5, "market_cap_threshold": None, "liquidity_threshold": None}
    with pytest.raises(MissingField, match="market_cap"):
        sweep(without_caps, parse_plan(SWEEPABLE_FACTORS[FactorName.MOMENTUM], options, axes))


def test_needs_that_hide_behind_values_that_do_not_go_together_are_found_all_the_same():
    prices_alone = panel_of(synthetic_frame(7, assets=12, days=120)[["date", "asset", "price"]])
    options = {"min_assets": 5, "market_cap_threshold": None, "liquidity_threshold": None}
    axes = (
        SweepAxis(option="lookback_periods", values=(1, 2)),
        SweepAxis(option="volatility_adjusted", values=(True,)),
        SweepAxis(option="liquidity_threshold", values=(None, 1e6)),
    )
    plan = parse_plan(SWEEPABLE_FACTORS[FactorName.MOMENTUM], options, axes, partitions=4)
    with pytest.raises(MissingField, match="volume"):
        sweep(prices_alone, plan)
    periods = build_periods(prices_alone, plan.base.rebalance)
    (chunk,) = evaluate_points(FactorPoints(prices_alone, periods), plan, chunked(plan, 10))
    failed = {failure[0] for failure in chunk.failures if failure is not None}
    assert failed == {"INVALID_CONFIG", "MISSING_FIELD"}
    unknown = (SweepAxis(option="exclude", values=(None, "nosuch")), axes[0], axes[1])
    with pytest.raises(InvalidConfig, match="nosuch"):
        sweep(
            prices_alone, parse_plan(SWEEPABLE_FACTORS[FactorName.MOMENTUM], options, unknown, partitions=4)
        )


@pytest.mark.parametrize("glitch", [1e-200, 1e200, 5e-324])
def test_a_point_that_overflows_fails_alone_and_spoils_nothing(glitch):
    fields = {name: values.copy() for name, values in PANEL.fields.items()}
    fields["price"][100:107, 3] = glitch
    panel = replace(PANEL, fields=fields)
    asset = PANEL.assets[3]
    axes = (
        SweepAxis(option="exclude", values=(None, asset)),
        SweepAxis(option="lookback_periods", values=(1, 2, 3)),
    )
    options = {"min_assets": 5, "market_cap_threshold": None, "liquidity_threshold": None, "breakpoint": 0.5}
    result = sweep(panel, parse_plan(SWEEPABLE_FACTORS[FactorName.MOMENTUM], options, axes, partitions=4))
    assert set(result.failure_codes[:3]) <= {"RETURNS_OVERFLOW", None}
    assert "RETURNS_OVERFLOW" in result.failure_codes
    assert result.failure_codes[3:] == (None,) * 3
    assert np.isfinite(result.metrics[SPAN_SHARPE][result.best])
    assert result.failure_codes[result.best] is None


def test_a_sweep_of_random_signals_finds_nothing():
    """Independent price moves: past returns say nothing about later ones, whatever is tried."""
    draw = np.random.default_rng(20)
    days, assets = 1_400, 40
    prices = 10 * np.exp(np.cumsum(draw.standard_normal((days, assets)) * 0.03, axis=0))
    frame_panel = panel_of(synthetic_frame(1, assets=assets, days=30))
    panel = type(frame_panel)(
        dates=np.datetime64("2018-01-01") + np.arange(days),
        assets=tuple(f"a{i:03d}" for i in range(assets)),
        fields={"price": prices},
        calendar=frame_panel.calendar,
    )
    options = {"min_assets": 10, "market_cap_threshold": None, "liquidity_threshold": None}
    axes = (
        SweepAxis(option="lookback_periods", values=tuple(range(1, 11))),
        SweepAxis(option="breakpoint", values=(0.1, 0.2, 0.3, 0.4, 0.5)),
        SweepAxis(option="volatility_adjusted", values=(False, True)),
        SweepAxis(option="weighting_method", values=("EQUAL", "INVERSE_VARIANCE")),
        SweepAxis(option="min_lifetime_days", values=(None, 60, 120, 180, 240)),
    )
    result = sweep(panel, parse_plan(SWEEPABLE_FACTORS[FactorName.MOMENTUM], options, axes))
    assert len(result.positions) == 1_000
    assert result.deflated_sharpe.probability < 0.9
    assert result.overfitting.probability > 0.2
