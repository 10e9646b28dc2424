"""Metrics at their edges; their formulas against pandas, scipy and hand arithmetic."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.factors.costs import Trading
from engine.factors.performance import METRICS, Performance, performance
from engine.factors.return_history import ReturnHistory
from engine.statistics.performance import RETURN_METRICS, ReturnSeries, return_performance
from engine.statistics.return_series import (
    cumulative,
    drawdown,
    growth_of_100,
    monthly_returns,
    rolling_sharpe,
    rolling_volatility,
    wealth,
)
from engine.statistics.undefined import Undefined, UndefinedReason

START = np.datetime64("2024-01-07")


def history(returns, *, short=None, **changes) -> ReturnHistory:
    returns = np.asarray(returns, dtype=float)
    values = {
        "dates": START + 7 * (1 + np.arange(len(returns))),
        "start": START,
        "returns": returns,
        "gross_returns": returns,
        "long_returns": returns,
        "short_returns": short,
        "periods_per_year": 52,
        "grid_periods": len(returns),
        "skipped_periods": 0,
        "missing_returns": 0,
        "extreme_returns": 0,
        "trading": Trading(
            long=np.ones(len(returns)), short=None, entries=np.arange(len(returns)) == 0, carry=0 * returns
        ),
        "ics": np.full(len(returns), np.nan),
        "market": Undefined(UndefinedReason.NO_MARKET, "none"),
        "breadth": 4.0,
        "long_hhi": 0.5,
        "short_hhi": None if short is None else 0.5,
    }
    return ReturnHistory(**(values | changes))


def reasons(result) -> dict[str, UndefinedReason]:
    return {item.metric: item.reason for item in result.undefined}


returns_lists = st.lists(st.floats(-0.9, 2.0), min_size=5, max_size=80)


@given(returns_lists)
def test_moments_are_those_of_pandas_and_scipy(values):
    series = pd.Series(values)
    result = performance(history(values))
    spread = series.std()
    if spread <= 1e-6:
        return
    assert result.annualized_volatility == pytest.approx(spread * math.sqrt(52), rel=1e-12)
    assert result.sharpe_ratio == pytest.approx(series.mean() / spread * math.sqrt(52), rel=1e-9, abs=1e-12)
    assert result.skewness == pytest.approx(stats.skew(values, bias=False), rel=1e-6, abs=1e-6)
    assert result.excess_kurtosis == pytest.approx(stats.kurtosis(values, bias=False), rel=1e-6, abs=1e-6)
    assert result.value_at_risk_95 == pytest.approx(-series.quantile(0.05), rel=1e-12, abs=1e-15)


@given(returns_lists)
def test_wealth_drawdown_and_shortfall_keep_their_order(values):
    result = performance(history(values))
    assert -1.0 <= result.max_drawdown <= 0.0
    assert result.max_drawdown == pytest.approx(float(drawdown(np.array(values)).min(initial=0.0)))
    assert result.expected_shortfall_95 >= result.value_at_risk_95 - 1e-12
    assert result.worst_period_return <= result.best_period_return


def test_a_drawdown_that_begins_at_once_has_the_formation_date_as_peak():
    result = performance(history([-0.5, 0.1, 1.0, 0.2]))
    assert result.max_drawdown == pytest.approx(-0.5)
    assert result.max_drawdown_peak_date == dt.date(2024, 1, 7)
    assert result.max_drawdown_trough_date == dt.date(2024, 1, 14)
    assert result.max_drawdown_recovery_date == dt.date(2024, 1, 28)


def test_a_drawdown_that_lasts_has_no_recovery_date():
    result = performance(history([0.2, -0.5, 0.1]))
    assert (result.max_drawdown_peak_date, result.max_drawdown_recovery_date) == (dt.date(2024, 1, 14), None)


def test_rising_wealth_has_no_drawdown_and_no_calmar():
    result = performance(history([0.01, 0.02, 0.03]))
    assert (result.max_drawdown, result.max_drawdown_trough_date, result.calmar_ratio) == (0.0, None, None)
    assert reasons(result)["calmar_ratio"] is UndefinedReason.NO_DRAWDOWN
    assert reasons(result)["sortino_ratio"] is UndefinedReason.TOO_FEW_NEGATIVE_RETURNS
    assert reasons(result)["sortino_ratio_target"] is UndefinedReason.TOO_FEW_NEGATIVE_RETURNS


@pytest.mark.parametrize("value", [0.0, 0.01, 0.1, -0.03])
def test_returns_that_do_not_vary_have_no_ratio(value):
    result = performance(history([value] * 30))
    assert (result.sharpe_ratio, result.skewness, result.excess_kurtosis) == (None, None, None)
    assert reasons(result)["sharpe_ratio"] is UndefinedReason.ZERO_VOLATILITY


def test_one_period_defines_what_it_can():
    result = performance(history([0.1]))
    assert result.cumulative_return == pytest.approx(0.1)
    assert (result.annualized_return, result.annualized_volatility, result.sharpe_ratio) == (None, None, None)
    assert result.years == 0.0
    assert reasons(result)["annualized_return"] is UndefinedReason.TOO_FEW_PERIODS


@given(returns_lists)
def test_anything_that_earns_has_the_metrics_that_are_not_a_factors_own(values):
    of_factor = history(values)
    shared = {item.name: getattr(of_factor, item.name) for item in fields(ReturnSeries)}
    alone, result = return_performance(ReturnSeries(**shared)), performance(of_factor)
    for name in RETURN_METRICS:
        assert getattr(alone, name) == getattr(result, name)
    assert [one for one in result.undefined if one.metric in RETURN_METRICS] == list(alone.undefined)
    own = METRICS.keys() - RETURN_METRICS.keys()
    assert {"long_only_return", "ic_mean", "mean_turnover", "beta", "breadth"} <= own


def test_metrics_of_a_factor_stand_where_they_belong():
    names = list(METRICS)
    assert set(names) == {item.name for item in fields(Performance)} - {"undefined"}
    assert names.index("short_only_return") == names.index("worst_period_return") + 2
    assert names[-3:] == ["start_date", "end_date", "wiped_out_on"]


def test_every_null_has_a_reason():
    may_be_null = {"wiped_out_on", "max_drawdown_peak_date", "max_drawdown_trough_date"}
    may_be_null.add("max_drawdown_recovery_date")
    for values in ([0.1], [0.1, 0.1], [0.1, -0.2], [-1.5, 0.2, 0.3], [0.0] * 5):
        result = performance(history(values))
        nulls = {name for name in result.__dataclass_fields__ if getattr(result, name) is None}
        assert nulls - may_be_null == set(reasons(result))


def test_a_loss_of_everything_is_final():
    result = performance(history([0.1, -1.25, 0.5, 3.0]))
    assert result.wiped_out_on == dt.date(2024, 1, 21)
    assert (result.cumulative_return, result.annualized_return, result.max_drawdown) == (-1.0, -1.0, -1.0)
    assert (result.calmar_ratio, result.max_drawdown_trough_date) == (-1.0, dt.date(2024, 1, 21))
    assert result.mean_annual_return == pytest.approx(np.mean([0.1, -1.25, 0.5, 3.0]) * 52)
    np.testing.assert_array_equal(wealth(np.array([0.1, -1.25, 0.5]))[1:], 0.0)


def test_exactly_minus_one_wipes_out_too():
    assert performance(history([0.1, -1.0, 0.5])).wiped_out_on == dt.date(2024, 1, 21)


def test_values_beyond_double_precision_are_null_with_a_reason():
    result = performance(history([1e200, 1e200, -0.5]))
    assert result.cumulative_return is None
    assert reasons(result)["cumulative_return"] is UndefinedReason.OVERFLOW


def test_an_annualised_return_beyond_double_precision_is_null_with_a_reason():
    result = performance(history([1e30, 1e30]))
    assert reasons(result)["annualized_return"] is UndefinedReason.OVERFLOW


def test_curves_agree_with_each_other():
    returns = np.array([0.1, -0.5, 0.2])
    np.testing.assert_allclose(growth_of_100(returns), [110.0, 55.0, 66.0])
    np.testing.assert_allclose(cumulative(returns), [0.1, -0.45, -0.34])
    np.testing.assert_allclose(drawdown(returns), [0.0, -0.5, -0.4])


def test_rolling_statistics_are_those_of_pandas():
    returns = np.random.default_rng(0).normal(0, 0.02, 50)
    rolled = pd.Series(returns).rolling(13)
    np.testing.assert_allclose(rolling_volatility(returns, 13, 52), rolled.std() * math.sqrt(52))
    np.testing.assert_allclose(
        rolling_sharpe(returns, 13, 52), rolled.mean() / rolled.std() * math.sqrt(52), rtol=1e-10
    )
    assert np.isnan(rolling_sharpe(returns, 60, 52)).all()
    assert np.isnan(rolling_sharpe(np.full(20, 0.01), 5, 52)).all()
    with pytest.raises(ValueError, match="at least 2"):
        rolling_sharpe(returns, 1, 52)


def test_months_compound_the_periods_that_end_in_them():
    dates = np.array(["2024-01-21", "2024-01-28", "2024-02-04", "2024-04-07"], dtype="datetime64[D]")
    months, returns = monthly_returns(dates, np.array([0.1, 0.2, -0.5, -2.0]))
    assert [str(month) for month in months] == ["2024-01", "2024-02", "2024-04"]
    np.testing.assert_allclose(returns, [0.32, -0.5, -1.0])
