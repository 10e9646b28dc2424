"""The monthly sheet: what counts by a date, the same formulas as performance, and the holdings."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest

from engine.errors import NoPeriodsAsOf
from engine.factors.compute import compute_factor
from engine.factors.monthly_metrics import HeldLeg, held_leg, holdings_sheet, monthly_metrics
from engine.statistics.undefined import UndefinedReason
from tests.engine.panels import engine_config, panel_of, synthetic_frame

DATES = np.datetime64("2024-01-07") + 7 * np.arange(60)
RETURNS = np.random.default_rng(5).normal(0.002, 0.03, 60)
NAN = np.nan


def sheet(as_of: str, **changes):
    values = {"dates": DATES, "returns": RETURNS, "as_of": np.datetime64(as_of), "periods_per_year": 52}
    values |= changes
    return monthly_metrics(values.pop("dates"), values.pop("returns"), **values)


def reasons(result) -> dict[str, UndefinedReason]:
    return {one.metric: one.reason for one in result.undefined}


def compounded(returns) -> float:
    return math.prod(1.0 + one for one in returns) - 1.0


def test_figures_are_of_the_periods_that_ended_by_the_date():
    result = sheet("2024-11-20")  # the last period ended on Sunday the 17th
    known = RETURNS[:46]
    assert (result.as_of, result.last_period_end) == (dt.date(2024, 11, 20), dt.date(2024, 11, 17))
    assert result.num_periods == 46
    assert result.last_period_return == known[-1]
    assert result.month_to_date_return == pytest.approx(compounded(known[-3:]), rel=1e-12)
    assert result.year_to_date_return == pytest.approx(compounded(known), rel=1e-12)
    years = 45 * 7 / 365
    assert result.annualized_return == pytest.approx((1 + compounded(known)) ** (1 / years) - 1, rel=1e-12)
    assert result.annualized_volatility == pytest.approx(known.std(ddof=1) * math.sqrt(52), rel=1e-12)
    assert result.sharpe_ratio == pytest.approx(known.mean() / known.std(ddof=1) * math.sqrt(52), rel=1e-12)
    negative = known[known < 0]
    assert result.sortino_ratio == pytest.approx(
        known.mean() / negative.std(ddof=1) * math.sqrt(52), rel=1e-12
    )
    wealth = np.cumprod([1.0, *(1.0 + known)])
    assert result.current_drawdown == pytest.approx(wealth[-1] / wealth.max() - 1.0, abs=1e-15)
    assert result.excess_annualized_return is None
    assert reasons(result) == {"excess_annualized_return": UndefinedReason.NO_RISK_FREE}


def test_a_period_that_ends_on_the_date_counts_and_later_ones_change_nothing():
    assert sheet("2024-11-17") == sheet("2024-11-17", dates=DATES[:46], returns=RETURNS[:46])
    assert sheet("2024-11-16").num_periods == 45


def test_a_year_starts_anew():
    assert sheet("2025-01-13").year_to_date_return == pytest.approx(compounded(RETURNS[52:54]), rel=1e-12)


def test_a_month_in_which_nothing_has_ended_yet_has_no_return():
    result = sheet("2025-01-04")
    assert result.month_to_date_return is None
    assert result.year_to_date_return is None
    assert reasons(result)["month_to_date_return"] is UndefinedReason.TOO_FEW_PERIODS
    assert result.num_periods == 52


def test_ratios_are_of_the_returns_less_the_risk_free_rate():
    rate = np.linspace(0.0, 0.002, 60)
    result, less = sheet("2024-09-30", risk_free=rate), sheet("2024-09-30", returns=RETURNS - rate)
    assert result.excess_annualized_return == pytest.approx(less.annualized_return, rel=1e-14)
    assert (result.sharpe_ratio, result.sortino_ratio) == (less.sharpe_ratio, less.sortino_ratio)
    plain = sheet("2024-09-30")
    assert result.annualized_return == plain.annualized_return
    assert result.annualized_volatility == plain.annualized_volatility
    assert result.sharpe_ratio < plain.sharpe_ratio
    assert not result.undefined


def test_a_period_without_a_risk_free_rate_leaves_no_figure_in_excess():
    rate = np.full(60, 0.0008)
    rate[30] = NAN
    result = sheet("2025-02-28", risk_free=rate)
    assert set(reasons(result)) == {"excess_annualized_return", "sharpe_ratio", "sortino_ratio"}
    assert "1 of 60" in result.undefined[0].detail
    assert not sheet("2024-06-30", risk_free=rate).undefined


def test_a_single_period_and_a_total_loss():
    first = sheet("2024-01-07")
    ratios = {"sharpe_ratio", "sortino_ratio", "excess_annualized_return"}
    assert set(reasons(first)) == {"annualized_return", "annualized_volatility", *ratios}
    assert first.month_to_date_return == pytest.approx(RETURNS[0])
    ruined = np.where(np.arange(60) == 40, -1.2, RETURNS)
    lost = sheet("2025-02-28", returns=ruined)
    assert (lost.annualized_return, lost.current_drawdown) == (-1.0, -1.0)


def test_what_exceeds_double_precision_is_undefined():
    result = sheet("2024-02-18", returns=np.full(60, 1e200))
    assert reasons(result)["year_to_date_return"] is UndefinedReason.OVERFLOW


def test_no_period_by_the_date_is_refused():
    with pytest.raises(NoPeriodsAsOf, match="by 2024-01-06: the first ended 2024-01-07"):
        sheet("2024-01-06")
    with pytest.raises(NoPeriodsAsOf, match="no period at all"):
        sheet("2024-01-06", dates=DATES[:0], returns=RETURNS[:0])


def test_the_sheet_of_a_run_has_the_figures_of_its_performance():
    panel = panel_of(synthetic_frame(3, days=400))
    config = engine_config(
        "smb", {"min_assets": 6, "market_cap_threshold": None, "liquidity_threshold": None}
    )
    result = compute_factor(panel, config)
    ours = monthly_metrics(result.dates, result.factor, as_of=result.dates[-1], periods_per_year=52)
    for name in ("annualized_return", "annualized_volatility", "sharpe_ratio", "sortino_ratio"):
        assert getattr(ours, name) == getattr(result.performance, name)
    held = held_leg(result.long_leg, -1, np.arange(len(panel.assets), dtype=float))
    start = result.long_leg.offsets[-2]
    assert held.assets.tolist() == result.long_leg.assets[start:].tolist()
    assert held.daily_volumes.tolist() == held.assets.tolist()
    assert held.weights.sum() == pytest.approx(1.0)
    alone = holdings_sheet(held, held_leg(result.short_leg, -1, np.full(len(panel.assets), NAN)))
    assert alone.contribution_to_return == pytest.approx(result.factor[-1], abs=1e-15)
    with pytest.raises(IndexError):
        held_leg(result.long_leg, len(result.dates), np.zeros(len(panel.assets)))


def leg(assets, weights, returns, caps=None, volumes=None) -> HeldLeg:
    missing = [NAN] * len(assets)
    return HeldLeg(
        assets=np.array(assets),
        weights=np.array(weights, dtype=float),
        returns=np.array(returns, dtype=float),
        market_caps=np.array(caps or missing, dtype=float),
        daily_volumes=np.array(volumes or missing, dtype=float),
    )


def test_contributions_of_both_legs():
    long = leg([3, 7], [0.75, 0.25], [0.02, -0.08], [4e9, 2e9], [1e6, NAN])
    short = leg([1, 5], [0.5, 0.5], [-0.10, NAN], [9e9, NAN], [4e6, 1e6])
    result = holdings_sheet(long, short)
    assert result.concentration == pytest.approx((0.375**2 + 0.125**2 + 2 * 0.25**2), rel=1e-15)
    assert result.assets.tolist() == [3, 7, 1, 5]
    assert result.contributions == pytest.approx([0.015, -0.02, 0.05, NAN], nan_ok=True)
    assert result.contribution_to_return == pytest.approx(0.045)
    assert (result.top_contributor, result.top_contribution) == (1, pytest.approx(0.05))
    assert result.average_market_cap_usd == pytest.approx(5e9)
    assert result.average_daily_volume_usd == pytest.approx(2e6)
    assert not result.undefined


def test_a_long_only_factor_of_equal_weights_without_data():
    result = holdings_sheet(leg([0, 1, 2, 3], [0.25] * 4, [NAN] * 4), None)
    assert result.concentration == 0.25
    assert result.top_contributor is None
    averages = {"average_daily_volume_usd", "average_market_cap_usd"}
    assert set(reasons(result)) == {"top_contribution", "contribution_to_return", *averages}
