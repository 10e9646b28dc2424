"""Weeks of panels with gaps and holidays, and series aligned by them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.exposures.returns import AssetReturns, FactorSeries, aligned, asset_returns, week_of
from engine.panel import Calendar, Panel
from tests.engine.exposures.weekly import factor, weeks


def panel(dates, prices, calendar=Calendar.EVERY_DAY) -> Panel:
    prices = np.array(prices, dtype=float)
    names = tuple(f"a{k}" for k in range(prices.shape[1]))
    return Panel(dates=np.asarray(dates), assets=names, fields={"price": prices}, calendar=calendar)


@given(st.integers(-30_000, 60_000))
def test_a_week_ends_on_the_sunday_on_or_after(day):
    (sunday,) = week_of(np.array([day], dtype="datetime64[D]"))
    date = pd.Timestamp(np.datetime64(day, "D"))
    assert sunday == (date + pd.offsets.Week(0, weekday=6)).to_datetime64().astype("datetime64[D]")


def test_returns_are_those_of_the_last_prices_of_each_week():
    dates = np.arange("2024-01-01", "2024-01-29", dtype="datetime64[D]")  # four weeks from a Monday
    prices = np.full((28, 3), np.nan)
    prices[[6, 13, 20, 27], 0] = [100, 110, 99, 0]  # a price of 0 is none
    prices[[4, 12, 27], 1] = [50, 55, 60]  # nothing in the third week
    prices[26, 0] = 198
    result = asset_returns(panel(dates, prices))
    assert result.weeks.astype(str).tolist() == ["2024-01-14", "2024-01-21", "2024-01-28"]
    assert result.returns[:, 0] == pytest.approx([0.1, -0.1, 1.0])
    assert result.returns[:, 1] == pytest.approx([0.1, np.nan, np.nan], nan_ok=True)
    assert np.isnan(result.returns[:, 2]).all()


def test_sessions_are_named_by_their_sunday_and_a_week_without_any_breaks_the_chain():
    sessions = pd.bdate_range("2024-01-01", "2024-02-09").to_numpy().astype("datetime64[D]")
    closed = (sessions >= np.datetime64("2024-01-15")) & (sessions <= np.datetime64("2024-01-19"))
    sessions = sessions[~closed & (sessions != np.datetime64("2024-01-12"))]  # a Friday off, a week off
    prices = np.arange(1.0, len(sessions) + 1)[:, None]
    result = asset_returns(panel(sessions, prices, Calendar.OBSERVED))
    assert result.weeks.astype(str).tolist() == ["2024-01-14", "2024-01-28", "2024-02-04", "2024-02-11"]
    assert result.returns[:, 0] == pytest.approx([9 / 5 - 1, np.nan, 19 / 14 - 1, 24 / 19 - 1], nan_ok=True)


def test_a_panel_of_one_week_has_no_returns():
    dates = np.arange("2024-01-01", "2024-01-08", dtype="datetime64[D]")
    assert asset_returns(panel(dates, np.ones((7, 2)))).returns.shape == (0, 2)


def test_series_are_aligned_by_week():
    early, late = factor("A", 1, 4), factor("B", 2, 4, shift=2)
    table = aligned(weeks(5)[1:], [early, late])
    missing = np.nan
    assert table[:, 0] == pytest.approx([*early.returns[1:], missing], nan_ok=True)
    assert table[:, 1] == pytest.approx([missing, *late.returns[:3]], nan_ok=True)


def test_a_runs_period_ends_become_weeks():
    sessions = np.array(["2024-01-05", "2024-01-11"], dtype="datetime64[D]")
    series = FactorSeries.of("SMB", sessions, np.array([0.1, 0.2]))
    assert series.weeks.astype(str).tolist() == ["2024-01-07", "2024-01-14"]
    with pytest.raises(ValueError, match="one return a week"):
        FactorSeries.of("SMB", sessions[[0, 0]], np.array([0.1, 0.2]))


def test_what_is_not_weekly_is_refused():
    monday = np.array(["2024-01-01"], dtype="datetime64[D]")
    with pytest.raises(ValueError, match="Sundays"):
        FactorSeries(name="A", weeks=monday, returns=np.zeros(1))
    with pytest.raises(ValueError, match="shape"):
        AssetReturns(assets=("a",), weeks=weeks(2), returns=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="2 returns"):
        FactorSeries(name="A", weeks=weeks(1), returns=np.zeros(2))
