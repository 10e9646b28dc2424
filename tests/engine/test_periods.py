"""The rebalancing grid and the aggregation of days, on both calendars."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.panel import Calendar, Panel
from engine.periods import Rebalance, build_periods, period_grid, with_lags


def panel(first: str, days: int, calendar: str = "EVERY_DAY", **fields) -> Panel:
    if calendar == "EVERY_DAY":
        dates = np.datetime64(first) + np.arange(days)
    else:
        dates = pd.bdate_range(first, periods=days).to_numpy().astype("datetime64[D]")
    values = {"price": np.ones((days, 1))} | {
        name: np.asarray(column, dtype=float).reshape(days, 1) for name, column in fields.items()
    }
    return Panel(dates=dates, assets=("a",), fields=values, calendar=Calendar(calendar))


def ends(found: Panel, rebalance: str) -> list[str]:
    return [str(day) for day in period_grid(found, Rebalance(rebalance)).ends]


def test_weeks_end_on_sunday_and_the_last_one_must_be_whole():
    # 2024-01-03 is a Wednesday, 2024-01-20 a Saturday
    assert ends(panel("2024-01-03", 18), "WEEKLY") == ["2024-01-07", "2024-01-14"]
    assert ends(panel("2024-01-03", 19), "WEEKLY") == ["2024-01-07", "2024-01-14", "2024-01-21"]


def test_months_end_on_their_last_day():
    assert ends(panel("2024-01-15", 46), "MONTHLY") == ["2024-01-31", "2024-02-29"]
    assert ends(panel("2024-01-15", 45), "MONTHLY") == ["2024-01-31"]


def test_a_period_of_sessions_is_named_by_its_last_session():
    # ten sessions from Monday 2024-01-01 to Friday 2024-01-12
    assert ends(panel("2024-01-01", 10, "OBSERVED"), "WEEKLY") == ["2024-01-05", "2024-01-12"]
    assert ends(panel("2024-01-01", 9, "OBSERVED"), "WEEKLY") == ["2024-01-05"], "a Friday may follow"
    assert ends(panel("2024-01-01", 23, "OBSERVED"), "MONTHLY") == ["2024-01-31"]
    assert ends(panel("2024-01-01", 22, "OBSERVED"), "MONTHLY") == [], "the 31st may follow"


def test_a_month_that_ends_on_a_weekend_is_whole_with_its_last_friday():
    # March 2024 ends on a Sunday: its last weekday is Friday the 29th
    assert ends(panel("2024-03-01", 21, "OBSERVED"), "MONTHLY") == ["2024-03-29"]


def test_a_week_without_a_session_is_no_period():
    dates = np.array(["2024-01-05", "2024-01-19"], dtype="datetime64[D]")
    found = Panel(dates=dates, assets=("a",), fields={"price": np.ones((2, 1))}, calendar=Calendar.OBSERVED)
    assert ends(found, "WEEKLY") == ["2024-01-05", "2024-01-19"]


def test_nominal_days_are_those_of_the_calendar_period():
    found = panel("2024-01-01", 60)
    assert set(period_grid(found, Rebalance.WEEKLY).nominal_days) == {7}
    assert set(period_grid(found, Rebalance.DAILY).nominal_days) == {1}
    assert list(period_grid(found, Rebalance.MONTHLY).nominal_days) == [31, 29]


def test_the_last_valid_value_counts_and_nothing_is_carried_forward():
    price = [1, 2, np.nan, 0, 5, -1, np.nan] + [np.nan] * 7 + [3] * 7
    cap = [1, 2, 3, 0, np.nan, np.nan, np.nan] + [np.nan] * 7 + [4] * 7
    found = build_periods(panel("2024-01-01", 21, price=price, market_cap=cap), Rebalance.WEEKLY)
    np.testing.assert_array_equal(found.fields["price"].ravel(), [5, np.nan, 3])
    np.testing.assert_array_equal(found.fields["market_cap"].ravel(), [0, np.nan, 4]), "a cap of 0 is a value"


def test_flows_are_summed_and_users_averaged_over_the_days_observed():
    days = [1, np.nan, 3, np.nan, np.nan, np.nan, 5] + [np.nan] * 7
    found = build_periods(panel("2024-01-01", 14, volume=days, dau=days), Rebalance.WEEKLY)
    np.testing.assert_array_equal(found.fields["volume"].ravel(), [9, np.nan])
    np.testing.assert_array_equal(found.fields["dau"].ravel(), [3, np.nan])


def filed(calendar: str = "EVERY_DAY", days: int = 600, **values: float) -> Panel:
    """A panel from Monday 2024-01-01 with book values at some of its rows, given as r<row>."""
    book = np.full(days, np.nan)
    for row, value in values.items():
        book[int(row[1:])] = value
    return panel("2024-01-01", days, calendar, book_value=book)


def test_a_book_value_lasts_until_the_next_one_from_the_day_it_is_published():
    weeks = build_periods(filed(days=35, r6=1.0, r7=2.0, r9=-3.0, r28=5.0), Rebalance.WEEKLY)
    np.testing.assert_array_equal(weeks.fields["book_value"].ravel(), [1, -3, -3, -3, 5])
    days = build_periods(filed(days=12, r6=1.0, r7=2.0, r9=-3.0), Rebalance.DAILY).fields["book_value"]
    np.testing.assert_array_equal(days.ravel(), [np.nan] * 6 + [1, 2, 2, -3, -3, -3])


def test_a_book_value_is_missing_when_it_is_older_than_400_days():
    found = build_periods(filed(r3=1.0), Rebalance.DAILY).fields["book_value"].ravel()
    assert found[403] == 1
    assert np.isnan(found[404:]).all()


def test_the_age_of_a_book_value_is_in_calendar_days_of_the_end_also_among_sessions():
    # row 0 is Monday 2024-01-01; 400 days later is Tuesday 2025-02-04, row 286
    found = build_periods(filed("OBSERVED", days=300, r0=1.0), Rebalance.DAILY).fields["book_value"].ravel()
    assert found[286] == 1
    assert np.isnan(found[287:]).all()


@pytest.mark.parametrize("calendar", Calendar)
def test_a_publication_lag_moves_the_whole_life_of_a_book_value(calendar):
    periods = build_periods(filed(calendar.value, r5=7.0), Rebalance.DAILY)
    found = with_lags(periods, execution_lag=0, publication_lag=10).fields["book_value"].ravel()
    age = (periods.grid.ends - periods.panel.dates[5]).astype(int)
    np.testing.assert_array_equal(np.isfinite(found), (age >= 10) & (age <= 410))


def test_other_fields_are_not_carried_forward_beside_a_book_value():
    fields = dict.fromkeys(("market_cap", "close", "book_value", "shares"), [4.0] + [np.nan] * 13)
    found = build_periods(panel("2024-01-01", 14, **fields), Rebalance.WEEKLY).fields
    for name in ("market_cap", "close"):
        np.testing.assert_array_equal(found[name].ravel(), [4, np.nan])
    for name in ("book_value", "shares"):
        np.testing.assert_array_equal(found[name].ravel(), [4, 4])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(Rebalance)), st.sampled_from(list(Calendar)))
def test_aggregation_is_that_of_pandas(seed, rebalance, calendar):
    rng = np.random.default_rng(seed)
    days, assets = int(rng.integers(1, 80)), int(rng.integers(1, 6))
    first = np.datetime64("2023-12-01") + int(rng.integers(0, 40))
    base = panel(str(first), days, calendar.value)
    values = rng.lognormal(size=(days, assets))
    values[rng.random((days, assets)) < 0.4] = np.nan
    names = tuple(f"a{i}" for i in range(assets))
    fields = dict.fromkeys(("price", "market_cap", "volume", "dau"), values)
    found = build_periods(Panel(dates=base.dates, assets=names, fields=fields, calendar=calendar), rebalance)
    frame = pd.DataFrame(values, index=pd.DatetimeIndex(base.dates))
    period = {"DAILY": "D", "WEEKLY": "W-SUN", "MONTHLY": "M"}[rebalance.value]
    groups = frame.groupby(frame.index.to_period(period))
    count = len(found.grid)
    np.testing.assert_array_equal(found.fields["price"], groups.last().to_numpy()[:count])
    np.testing.assert_allclose(found.fields["volume"], groups.sum(min_count=1).to_numpy()[:count], rtol=1e-13)
    np.testing.assert_allclose(found.fields["dau"], groups.mean().to_numpy()[:count], rtol=1e-13)


def test_the_first_price_is_the_first_positive_one():
    price = [np.nan, 0, -1, 4, 5]
    found = build_periods(panel("2024-01-01", 5, price=price), Rebalance.DAILY)
    assert str(found.first_price_dates[0]) == "2024-01-04"
    nothing = build_periods(panel("2024-01-01", 2, price=[0, np.nan]), Rebalance.DAILY)
    assert np.isnat(nothing.first_price_dates[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"dates": np.array(["2024-01-02", "2024-01-01"], dtype="datetime64[D]")},
        {"dates": np.array(["2024-01-01", "2024-01-03"], dtype="datetime64[D]")},
        {"assets": ("b", "a")},
        {"assets": ("a", "a")},
        {"fields": {"price": np.ones((3, 2))}},
    ],
)
def test_a_panel_that_contradicts_itself_is_refused(changes):
    sound = {
        "dates": np.datetime64("2024-01-01") + np.arange(2),
        "assets": ("a", "b"),
        "fields": {"price": np.ones((2, 2))},
        "calendar": Calendar.EVERY_DAY,
    }
    Panel(**sound)
    with pytest.raises(ValueError, match=r"must be|has"):
        Panel(**(sound | changes))
