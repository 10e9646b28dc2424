"""A sweep of something that is not a factor: all that it needs is options and what each choice earns."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pytest

from engine.config import Config, option, parse
from engine.errors import InvalidConfig, NoPeriods
from engine.panel import Calendar, Panel
from engine.periods import Rebalance, build_periods
from engine.sweeps.grid import SweepAxis, parse_plan, plan_from_json, plan_to_json
from engine.sweeps.points import SPAN_SHARPE, Point
from engine.sweeps.sweep import check_sweep, chunked, conclude, evaluate_points

WEEKS = 120
LUCK = np.random.default_rng(3).normal(0.01, 0.05, WEEKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageConfig(Config):
    leverage: float = option(1.0, low=0.0, high=10.0, text="What is held of what is owned", sweepable=True)
    late: int = option(0, low=0, high=WEEKS, text="Weeks before it begins", sweepable=True)


class Leverage:
    name = "leverage"
    metrics = ("mean",)
    followers = MappingProxyType({})

    def parse(self, options):
        return parse(LeverageConfig, options, owner=self.name)

    def sharing_key(self, config):
        return (f"{config.late:03}",)


class Levered:
    def evaluate(self, config):
        if config.leverage == 0:
            return self.failed(NoPeriods(0, 1, WEEKS))
        returns = np.full(WEEKS, np.nan)
        returns[config.late :] = config.leverage * LUCK[config.late :]
        return Point(returns=returns, metrics=(float(np.nanmean(returns)),))

    def failed(self, error):
        return Point(
            returns=np.full(WEEKS, np.nan), metrics=(float("nan"),), failure=(error.code, str(error))
        )


AXES = (SweepAxis(option="late", values=(0, 20)), SweepAxis(option="leverage", values=(0.0, 0.5, 1.0)))


def grid():
    days = np.datetime64("2020-01-06") + np.arange(7 * WEEKS)
    panel = Panel(
        dates=days, assets=("a",), fields={"price": np.ones((len(days), 1))}, calendar=Calendar.EVERY_DAY
    )
    return build_periods(panel, Rebalance.WEEKLY).grid


def test_whatever_earns_is_swept():
    plan = parse_plan(Leverage(), {}, AXES, partitions=4)
    evaluated = list(evaluate_points(Levered(), plan, chunked(plan, 2)))
    assert [chunk.numbers.tolist() for chunk in evaluated] == [[0, 1], [2, 3], [4, 5]]
    result = conclude(plan, grid(), evaluated)
    assert [code is not None for code in result.failure_codes] == [True, False, False] * 2
    assert list(result.metrics) == ["mean", SPAN_SHARPE]
    np.testing.assert_allclose(result.metrics["mean"][[1, 2]], [0.5 * LUCK.mean(), LUCK.mean()])
    sharpe = np.sqrt(52) * LUCK.mean() / LUCK.std(ddof=1)
    np.testing.assert_allclose(result.metrics[SPAN_SHARPE][[1, 2]], sharpe)
    assert result.walk_forward.returns.shape == (WEEKS - 52,)


def test_its_plan_is_checked_and_kept_like_any_other():
    subject = Leverage()
    plan = parse_plan(subject, {}, AXES, partitions=4)
    assert plan_from_json(subject, plan_to_json(plan)) == plan
    seen = []
    check_sweep(plan, seen.append)
    assert {config.leverage for config in seen} == {0.0, 0.5, 1.0}
    with pytest.raises(InvalidConfig, match="leverage has no option 'speed'; it has leverage, late"):
        parse_plan(subject, {}, (SweepAxis(option="speed", values=(1,)),))
