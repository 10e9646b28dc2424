"""Which rows of a risk model a chart is given, and which date holds on a day."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.features.risk.series import chart_rows, check_points, latest_row, significance
from app.runs.series import DateRange

DATES = np.datetime64("2024-01-01") + np.arange(500)


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(10, 600), st.integers(0, 499))
def test_sampled_rows_keep_ends_and_extremes(seed: int, columns: int, most: int, first: int) -> None:
    random = np.random.default_rng(seed)
    values = [random.normal(size=500) for _ in range(columns)]
    values[-1][random.random(500) < 0.3] = np.nan
    found = chart_rows(DATES, values, DateRange(start=DATES[first].item()), most)
    assert found.source_point_count == 500 - first
    assert len(found.rows) <= min(most, 500 - first)
    assert found.sampled == (500 - first > most)
    assert (np.diff(found.rows) > 0).all()
    assert {found.rows[0], found.rows[-1]} == {first, 499}
    for column in values:
        inside = column[first:]
        if np.isfinite(inside).any():
            assert {np.nanmin(inside), np.nanmax(inside)} <= set(column[found.rows])


def test_counts_are_sampled_like_numbers() -> None:
    found = chart_rows(DATES, [np.arange(500), np.zeros(500, dtype=np.int64)], DateRange(), 20)
    assert {0, 499} <= set(found.rows.tolist())


def test_too_few_points_for_the_extremes_are_refused() -> None:
    values = [np.sin(np.arange(500) + at) for at in range(5)]
    with pytest.raises(InvalidInput, match="maxPoints must be at least 12 for 5 series"):
        chart_rows(DATES, values, DateRange(), 5)


def test_an_empty_range_has_no_rows() -> None:
    found = chart_rows(DATES, [np.zeros(500)], DateRange(start=date(2030, 1, 1)), 10)
    assert (found.source_point_count, found.sampled, len(found.rows)) == (0, False, 0)


@pytest.mark.parametrize(("series", "points"), [(1, 0), (1, 100_001), (11, 100_000), (1_001, 1_000)])
def test_points_are_limited(series: int, points: int) -> None:
    with pytest.raises(InvalidInput):
        check_points(series, points)
    check_points(10, 100_000)


@pytest.mark.parametrize(
    ("day", "row"),
    [
        (None, 2),
        (date(2024, 1, 30), None),
        (date(2024, 1, 31), 0),
        (date(2024, 2, 28), 0),
        (date(2024, 2, 29), 1),
        (date(2099, 1, 1), 2),
    ],
)
def test_the_last_date_up_to_a_day_holds(day: date | None, row: int | None) -> None:
    dates = np.array(["2024-01-31", "2024-02-29", "2024-03-15"], dtype="datetime64[D]")
    assert latest_row(dates, day) == row


def test_no_dates_have_no_latest_one() -> None:
    assert latest_row(DATES[:0], None) is None


def test_significance_leaves_out_what_is_missing() -> None:
    found = significance(np.array([np.nan, 3.0, -2.5, 1.0, 2.0, np.inf]))
    assert (found.mean_absolute_t, found.share_significant, found.observations) == (2.125, 0.5, 4)
