"""Plans: which points a grid or a sample has, and what is refused before anything is computed."""

from __future__ import annotations

import itertools

import pytest

from engine.errors import InvalidConfig
from engine.factors.registry import FactorName
from engine.factors.sweepable import SWEEPABLE_FACTORS
from engine.sweeps.grid import SweepAxis, parse_plan, plan_from_json, plan_to_json

LOOKBACKS = SweepAxis(option="lookback_periods", values=(1, 2, 3))
BREAKPOINTS = SweepAxis(option="breakpoint", values=(0.1, 0.3))
COSTS = SweepAxis(option="cost_bps", values=tuple(range(1000)))


def faults(*axes: SweepAxis, factor: FactorName = FactorName.MOMENTUM, base=(), **options) -> dict[str, str]:
    with pytest.raises(InvalidConfig) as caught:
        parse_plan(SWEEPABLE_FACTORS[factor], dict(base), axes, **options)
    return {fault.option: fault.code for fault in caught.value.faults}


def test_a_grid_is_the_product_of_its_axes_with_the_last_fastest():
    plan = parse_plan(SWEEPABLE_FACTORS[FactorName.MOMENTUM], {}, (LOOKBACKS, BREAKPOINTS))
    assert plan.positions().tolist() == [list(one) for one in itertools.product(range(3), range(2))]
    configs = [plan.subject.parse(plan.options(position)) for position in plan.positions()]
    assert [(one.lookback_periods, one.breakpoint) for one in configs[:3]] == [(1, 0.1), (1, 0.3), (2, 0.1)]


def test_a_sample_has_distinct_points_and_follows_its_seed():
    axes = (LOOKBACKS, BREAKPOINTS, COSTS)

    def points(seed: int) -> list[list[int]]:
        plan = parse_plan(SWEEPABLE_FACTORS[FactorName.MOMENTUM], {}, axes, sample_size=500, seed=seed)
        return plan.positions().tolist()

    drawn = points(1)
    assert len({tuple(point) for point in drawn}) == 500
    assert drawn == points(1)
    assert drawn != points(2)
    assert {point[0] for point in drawn} == {0, 1, 2}


def test_a_sample_of_a_huge_grid_never_lists_the_grid():
    axes = [SweepAxis(option=name, values=tuple(range(1, 1001))) for name in ("cost_bps", "short_carry_bps")]
    axes += [SweepAxis(option="market_cap_threshold", values=tuple(range(1000)))]
    plan = parse_plan(SWEEPABLE_FACTORS[FactorName.SMB], {}, axes, sample_size=10_000)
    assert plan.grid_size == 10**9
    assert len(plan.positions()) == 10_000
    assert faults(*axes, factor=FactorName.SMB) == {"axes": "TOO_MANY_POINTS"}


def test_a_sample_as_large_as_the_grid_is_the_grid():
    whole = parse_plan(SWEEPABLE_FACTORS[FactorName.MOMENTUM], {}, (LOOKBACKS, BREAKPOINTS))
    sample = parse_plan(SWEEPABLE_FACTORS[FactorName.MOMENTUM], {}, (LOOKBACKS, BREAKPOINTS), sample_size=6)
    assert (sample.positions() == whole.positions()).all()


def test_list_options_take_one_name_a_point():
    axis = SweepAxis(option="universe", values=("sector=DeFi", None))
    plan = parse_plan(SWEEPABLE_FACTORS[FactorName.SMB], {}, (axis,))
    assert [plan.subject.parse(plan.options([place])).universe for place in (0, 1)] == [
        ("sector=DeFi",),
        None,
    ]


def test_excluding_nothing_is_one_of_the_values_that_can_be_tried():
    plan = parse_plan(
        SWEEPABLE_FACTORS[FactorName.SMB], {}, (SweepAxis(option="exclude", values=("a", None)),)
    )
    configs = [plan.subject.parse(plan.options([place])) for place in (0, 1)]
    assert [config.exclude for config in configs] == [("a",), ()]


def test_the_size_of_a_market_portfolio_brings_its_min_assets_along():
    plan = parse_plan(
        SWEEPABLE_FACTORS[FactorName.MARKET], {"top_n": 4}, (SweepAxis(option="top_n", values=(5, 7)),)
    )
    assert [plan.subject.parse(plan.options([place])).min_assets for place in (0, 1)] == [5, 7]


def test_a_plan_survives_json():
    plan = parse_plan(
        SWEEPABLE_FACTORS[FactorName.MOMENTUM],
        {"end_date": "2024-01-07"},
        (LOOKBACKS,),
        seed=3,
        sample_size=2,
    )
    assert plan_from_json(plan.subject, plan_to_json(plan)) == plan


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ((), {"axes": "EMPTY"}),
        ((SweepAxis(option="breakpoint", values=()),), {"breakpoint": "EMPTY"}),
        ((LOOKBACKS, LOOKBACKS), {"lookback_periods": "DUPLICATE_AXIS"}),
        ((SweepAxis(option="breakpoint", values=(0.1, 0.1)),), {"breakpoint": "DUPLICATE_VALUE"}),
        ((SweepAxis(option="breakpoint", values=(0.1, 0.6)),), {"breakpoint": "OUT_OF_RANGE"}),
        ((SweepAxis(option="breakpoint", values=("a",)),), {"breakpoint": "WRONG_TYPE"}),
        ((SweepAxis(option="breakpoint", values=(None,)),), {"breakpoint": "NOT_NULLABLE"}),
        ((SweepAxis(option="top_n", values=(5,)),), {"top_n": "UNKNOWN_OPTION"}),
        ((SweepAxis(option="rebalance", values=("DAILY",)),), {"rebalance": "NOT_SWEEPABLE"}),
        ((SweepAxis(option="end_date", values=("2024-01-07",)),), {"end_date": "NOT_SWEEPABLE"}),
        (
            (SweepAxis(option="cost_bps", values=tuple(n / 2 for n in range(1001))),),
            {"cost_bps": "TOO_MANY"},
        ),
        (
            (COSTS, LOOKBACKS, BREAKPOINTS, SweepAxis(option="min_assets", values=(5, 6))),
            {"axes": "TOO_MANY_POINTS"},
        ),
    ],
)
def test_plans_that_cannot_be_are_refused_with_the_option_at_fault(axes, expected):
    assert faults(*axes) == expected


def test_values_that_only_clash_with_others_make_points_that_fail_not_plans():
    parse_plan(
        SWEEPABLE_FACTORS[FactorName.MOMENTUM],
        {},
        (LOOKBACKS, SweepAxis(option="volatility_adjusted", values=(True,))),
    )


@pytest.mark.parametrize("options", [{"seed": -1}, {"partitions": 5}, {"partitions": 18}, {"sample_size": 0}])
def test_numbers_about_the_sweep_are_bounded(options):
    assert faults(LOOKBACKS, **options) == {next(iter(options)): "OUT_OF_RANGE"}


def test_a_bad_base_is_refused_like_a_bad_config():
    assert faults(LOOKBACKS, base={"breakpoint": 0.7}) == {"breakpoint": "OUT_OF_RANGE"}


def test_what_the_base_says_of_a_swept_option_makes_no_other_plan():
    plans = [
        parse_plan(SWEEPABLE_FACTORS[FactorName.MARKET], base, (SweepAxis(option="top_n", values=(4, 5)),))
        for base in ({}, {"top_n": 7}, {"top_n": 8, "min_assets": 8})
    ]
    assert plans[0] == plans[1] == plans[2]


def test_configs_of_points_are_those_of_their_options():
    axes = (
        SweepAxis(option="weighting_method", values=("EQUAL", "market_cap")),
        SweepAxis(option="exclude", values=("b", None)),
        SweepAxis(option="long_side", values=("LOW", "HIGH")),
    )
    plan = parse_plan(SWEEPABLE_FACTORS[FactorName.VALUE], {"start_date": "2020-01-05"}, axes)
    config_of = plan.configs()
    for position in plan.positions().tolist():
        assert config_of(position) == plan.subject.parse(plan.options(position))


def test_a_huge_grid_is_refused_before_its_values_are_looked_at():
    """Checking each of a million combinations' values first would keep a server busy for nothing."""
    axes = [SweepAxis(option=name, values=tuple(range(-1, 999))) for name in ("cost_bps", "short_carry_bps")]
    assert faults(*axes, factor=FactorName.SMB) == {"axes": "TOO_MANY_POINTS"}
