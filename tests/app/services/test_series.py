"""Charts' series: transforms over the whole history, then the range, then sampling."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.runs.series import (
    DateRange,
    SeriesName,
    SeriesRequest,
    SeriesTransform,
    chart_series,
    sample_rows,
)
from db.records import SeriesRecord

DATES = np.datetime64("2020-01-05") + 7 * np.arange(200)
RETURNS = np.random.default_rng(0).normal(0.01, 0.05, 200)
STORED = {
    name: SeriesRecord(name=name, times=DATES, values=RETURNS * scale)
    for name, scale in ((SeriesName.FACTOR, 1.0), (SeriesName.LONG, 0.5))
}


WHOLE = DateRange()


def chart(*requests, date_range=WHOLE, max_points=1000):
    return chart_series(STORED, requests, date_range=date_range, max_points=max_points, periods_per_year=52)


def test_a_range_does_not_restart_the_growth_of_100():
    request = SeriesRequest(SeriesName.FACTOR, SeriesTransform.GROWTH_OF_100)
    whole = chart(request)[0]
    part = chart(request, date_range=DateRange(dt.date(2021, 1, 1), dt.date(2021, 12, 31)))[0]
    inside = (whole.dates >= np.datetime64("2021-01-01")) & (whole.dates <= np.datetime64("2021-12-31"))
    np.testing.assert_array_equal(part.values, whole.values[inside])
    assert part.source_point_count == inside.sum()


def test_series_of_one_field_share_their_dates_also_when_sampled():
    requests = [
        SeriesRequest(SeriesName.FACTOR, SeriesTransform.DRAWDOWN),
        SeriesRequest(SeriesName.LONG, SeriesTransform.ROLLING_SHARPE, 13),
        SeriesRequest(SeriesName.SHORT, SeriesTransform.CUMULATIVE),
    ]
    series = chart(*requests, max_points=40)
    for one in series:
        np.testing.assert_array_equal(one.dates, series[0].dates)
        assert (one.sampled, one.source_point_count) == (True, 200)
        assert len(one.dates) <= 40
    assert np.isnan(series[2].values).all(), "a leg that the run does not have"
    assert series[1].window_periods == 13


def test_a_rolling_window_is_half_a_year_unless_given():
    assert chart(SeriesRequest(transform=SeriesTransform.ROLLING_VOLATILITY))[0].window_periods == 26


RETURN_SERIES = [
    name for name in SeriesName if name in ("FACTOR", "LONG", "SHORT", "NET", "MARKET") or "QUANTILE" in name
]
OF_RETURNS = ("CUMULATIVE", "GROWTH_OF_100", "DRAWDOWN", "ROLLING_SHARPE", "ROLLING_VOLATILITY")


@pytest.mark.parametrize("name", SeriesName)
@pytest.mark.parametrize("transform", SeriesTransform)
def test_wealth_is_made_of_returns_alone(name, transform):
    request = SeriesRequest(name, transform)
    if transform in OF_RETURNS and name not in RETURN_SERIES:
        with pytest.raises(InvalidInput, match="series of returns") as caught:
            chart(request)
        assert caught.value.hint == "take VALUE or ROLLING_MEAN"
    else:
        assert len(chart(request)[0].values) == len(DATES)


@pytest.mark.parametrize(
    ("request_", "unit"),
    [
        (SeriesRequest(SeriesName.IC), "rank correlation"),
        (SeriesRequest(SeriesName.IC, SeriesTransform.ROLLING_MEAN), "rank correlation"),
        (SeriesRequest(SeriesName.BREADTH, SeriesTransform.VALUE), "assets"),
        (SeriesRequest(SeriesName.NET, SeriesTransform.ROLLING_MEAN), "fraction per period"),
        (SeriesRequest(SeriesName.NET, SeriesTransform.DRAWDOWN), "fraction below the running peak"),
        (SeriesRequest(SeriesName.QUANTILE_10, SeriesTransform.ROLLING_VOLATILITY), "fraction per year"),
    ],
)
def test_units_go_with_series_and_transform(request_, unit):
    assert chart(request_)[0].unit == unit


def test_what_is_stored_says_unit_and_whether_it_is_of_returns():
    stored = {
        name: SeriesRecord(name=name, times=DATES, values=RETURNS, unit=unit, is_return=is_return)
        for name, unit, is_return in (("FACTOR", "fraction per trade", True), ("EQUITY", "USD", False))
    }

    def charted(*requests):
        return chart_series(stored, requests, date_range=WHOLE, max_points=1000, periods_per_year=52)

    units = [one.unit for one in charted(SeriesRequest(), SeriesRequest("EQUITY", SeriesTransform.VALUE))]
    assert units == ["fraction per trade", "USD"]
    with pytest.raises(InvalidInput, match="CUMULATIVE is for series of returns, which EQUITY is not"):
        charted(SeriesRequest("EQUITY", SeriesTransform.CUMULATIVE))


def test_times_within_a_day_may_be_equal_and_ranges_are_of_whole_days():
    moments = ["2024-02-28T23:59:59.999999999"] + 2 * ["2024-02-29T23:59:59.000000001"] + ["2024-03-01"]
    times = np.array(moments, dtype="datetime64[ns]")
    stored = {"FACTOR": SeriesRecord(name="FACTOR", times=times, values=np.arange(4.0))}
    leap_day = DateRange(dt.date(2024, 2, 29), dt.date(2024, 2, 29))
    (series,) = chart_series(
        stored, [SeriesRequest()], date_range=leap_day, max_points=9, periods_per_year=52
    )
    assert series.values.tolist() == [1.0, 2.0]
    assert series.nanoseconds() == 2 * [1_709_251_199_000_000_001]
    assert series.dates.astype(str).tolist() == 2 * ["2024-02-29"]


def test_nanoseconds_of_days_are_exact_however_far_away():
    days = np.array(["0001-01-01", "1969-12-31", "9999-12-31"], dtype="datetime64[D]")
    stored = {"FACTOR": SeriesRecord(name="FACTOR", times=days, values=np.zeros(3))}
    (series,) = chart_series(stored, [SeriesRequest()], date_range=WHOLE, max_points=9, periods_per_year=52)
    assert [time // 86_400_000_000_000 for time in series.nanoseconds()] == [-719_162, -1, 2_932_896]


def test_wealth_goes_on_over_a_missing_return():
    returns = np.array([0.1, np.nan, -0.5, 0.2])
    stored = {
        name: SeriesRecord(name=name, times=DATES[:4], values=values)
        for name, values in (("FACTOR", np.zeros(4)), ("MARKET", returns))
    }
    transforms = [SeriesTransform(name) for name in OF_RETURNS[:3]]
    requests = [SeriesRequest(SeriesName.MARKET, transform) for transform in transforms]
    series = chart_series(stored, requests, date_range=WHOLE, max_points=100, periods_per_year=52)
    np.testing.assert_allclose(series[0].values, [0.1, np.nan, -0.45, -0.34])
    np.testing.assert_allclose(series[1].values, [110.0, np.nan, 55.0, 66.0])
    np.testing.assert_allclose(series[2].values, [0.0, np.nan, -0.5, -0.4])


@pytest.mark.parametrize("transform", ["ROLLING_MEAN", "ROLLING_SHARPE", "ROLLING_VOLATILITY"])
def test_a_rolling_window_with_a_missing_value_has_none(transform):
    values = RETURNS.copy()
    values[50] = np.nan
    stored = {"FACTOR": SeriesRecord(name="FACTOR", times=DATES, values=values)}
    request = SeriesRequest(SeriesName.FACTOR, SeriesTransform(transform), 8)
    (series,) = chart_series(stored, [request], date_range=WHOLE, max_points=1000, periods_per_year=52)
    rolling = pd.Series(values).rolling(8)
    expected = {
        "ROLLING_MEAN": rolling.mean(),
        "ROLLING_SHARPE": rolling.mean() / rolling.std() * 52**0.5,
        "ROLLING_VOLATILITY": rolling.std() * 52**0.5,
    }[transform]
    np.testing.assert_allclose(series.values, expected)
    assert np.flatnonzero(np.isnan(series.values)).tolist() == [*range(7), *range(50, 58)]


def test_a_value_is_the_return():
    series = chart(SeriesRequest(), SeriesRequest(transform=SeriesTransform.VALUE))
    np.testing.assert_array_equal(series[0].values, series[1].values)


def test_sampling_is_deterministic():
    request = SeriesRequest(transform=SeriesTransform.GROWTH_OF_100)
    first, second = chart(request, max_points=30)[0], chart(request, max_points=30)[0]
    np.testing.assert_array_equal(first.dates, second.dates)


@settings(max_examples=60)
@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=30, max_size=300),
    st.integers(8, 60),
)
def test_sampling_keeps_first_last_and_extremes(values, max_points):
    columns = [np.array(values), -np.array(values[::-1])]
    kept = sample_rows(columns, max_points)
    assert len(kept) <= max_points
    assert (np.diff(kept) > 0).all()
    assert (kept[0], kept[-1]) == (0, len(values) - 1)
    for column in columns:
        if not np.isnan(column).all():
            assert np.nanmax(column[kept]) == np.nanmax(column)
            assert np.nanmin(column[kept]) == np.nanmin(column)


def test_no_series_at_all_is_an_empty_chart():
    series = chart_series({}, [SeriesRequest()], date_range=WHOLE, max_points=100, periods_per_year=52)
    assert (len(series[0].dates), series[0].source_point_count) == (0, 0)


@pytest.mark.parametrize(
    ("request_", "options", "message"),
    [
        (
            SeriesRequest(SeriesName.TURNOVER, SeriesTransform.GROWTH_OF_100),
            {},
            "GROWTH_OF_100 is for series of",
        ),
        (SeriesRequest(transform=SeriesTransform.VALUE, window_periods=5), {}, "rolling"),
        (SeriesRequest(transform=SeriesTransform.ROLLING_MEAN, window_periods=2001), {}, "to 2000"),
        (SeriesRequest(window_periods=5), {}, "rolling"),
        (SeriesRequest(transform=SeriesTransform.ROLLING_SHARPE, window_periods=1), {}, "from 2"),
        (SeriesRequest(), {"max_points": 2}, "at least 4"),
        (
            SeriesRequest(),
            {"date_range": DateRange(dt.date(2021, 1, 1), dt.date(2020, 1, 1))},
            "before it starts",
        ),
    ],
)
def test_bad_requests_are_refused(request_, options, message):
    with pytest.raises(InvalidInput, match=message):
        chart(request_, **options)
