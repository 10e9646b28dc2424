"""A vendor's points made one clean series."""

import math
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sources.points import Points, day_of_iso, day_of_unix, join_fields, merge_points, number

NAN = float("nan")
START = date(2025, 1, 1)
END = date(2025, 1, 10)
FIRST = 20_089  # 2025-01-01


def merge(*points: tuple[int, float]) -> Points:
    return merge_points(
        [FIRST + day for day, _ in points], [value for _, value in points], start=START, end=END
    )


def points(days: list[int], values: list[float], merged: int = 0, contradicted: int = 0) -> Points:
    return Points(
        days=np.array(days, dtype=np.int32),
        values=np.array(values, dtype=np.float64),
        merged=merged,
        contradicted=contradicted,
    )


def test_points_are_sorted() -> None:
    merged = merge((2, 30.0), (0, 10.0), (1, 20.0))

    np.testing.assert_array_equal(merged.days, [FIRST, FIRST + 1, FIRST + 2])
    np.testing.assert_array_equal(merged.values, [10.0, 20.0, 30.0])
    assert (merged.days.dtype, merged.values.dtype) == (np.int32, np.float64)
    assert (merged.merged, merged.contradicted) == (0, 0)


def test_both_ends_belong_to_the_span() -> None:
    merged = merge((-1, 1.0), (0, 2.0), (9, 3.0), (10, 4.0))

    np.testing.assert_array_equal(merged.days, [FIRST, FIRST + 9])


def test_repeated_points_become_one_and_are_counted() -> None:
    merged = merge((1, 5.0), (0, NAN), (1, 5.0), (0, NAN), (1, 5.0))

    np.testing.assert_array_equal(merged.days, [FIRST, FIRST + 1])
    np.testing.assert_array_equal(merged.values, [NAN, 5.0])
    assert (merged.merged, merged.contradicted) == (3, 0)


@pytest.mark.parametrize(
    "several", [(5.0, 6.0), (5.0, 5.0, 6.0), (NAN, 5.0), (5.0, NAN), (6.0, 5.0, 6.0, 7.0)]
)
def test_a_day_with_two_different_points_is_left_out_and_counted_once(several: tuple[float, ...]) -> None:
    merged = merge((0, 1.0), *((1, value) for value in several), (2, 2.0))

    np.testing.assert_array_equal(merged.days, [FIRST, FIRST + 2])
    np.testing.assert_array_equal(merged.values, [1.0, 2.0])
    assert (merged.merged, merged.contradicted) == (0, 1)


def test_repetitions_outside_the_span_are_not_counted() -> None:
    merged = merge((20, 1.0), (20, 1.0), (30, 1.0), (30, 2.0))

    assert (len(merged.days), merged.merged, merged.contradicted) == (0, 0, 0)


def test_no_points_are_no_points() -> None:
    assert len(merge_points([], [], start=START, end=END).days) == 0


def test_days_need_as_many_values() -> None:
    with pytest.raises(ValueError, match="2 days for 1 values"):
        merge_points([1, 2], [1.0], start=START, end=END)


@given(st.lists(st.tuples(st.integers(-3, 12), st.sampled_from([1.0, 2.0, NAN]))))
def test_merging_agrees_with_counting_by_hand(given_points: list[tuple[int, float]]) -> None:
    by_day: dict[int, list[str]] = {}
    for day, value in given_points:
        if 0 <= day <= 9:
            by_day.setdefault(FIRST + day, []).append(repr(value))
    agreed = {day: texts for day, texts in sorted(by_day.items()) if len(set(texts)) == 1}

    merged = merge(*given_points)

    assert merged.days.tolist() == list(agreed)
    assert [repr(value) for value in merged.values.tolist()] == [texts[0] for texts in agreed.values()]
    assert merged.merged == sum(len(texts) - 1 for texts in agreed.values())
    assert merged.contradicted == len(by_day) - len(agreed)


def test_fields_are_joined_on_all_days_of_any() -> None:
    series = join_fields(
        "btc",
        {"price": points([1, 2], [10.0, 20.0], 1, 2), "fees": points([2, 4], [5.0, 6.0], 3, 4)},
        {"symbol": "BTC"},
    )

    assert (series.asset, series.attributes) == ("btc", {"symbol": "BTC"})
    np.testing.assert_array_equal(series.days, [1, 2, 4])
    assert series.days.dtype == np.int32
    np.testing.assert_array_equal(series.values["price"], [10.0, 20.0, NAN])
    np.testing.assert_array_equal(series.values["fees"], [NAN, 5.0, 6.0])
    assert (series.merged, series.contradicted) == (4, 6)


def test_days_without_a_finite_value_are_dropped() -> None:
    series = join_fields(
        "btc", {"price": points([1, 2, 3], [NAN, 20.0, math.inf]), "fees": points([1, 4], [NAN, 0.0])}
    )

    np.testing.assert_array_equal(series.days, [2, 4])
    np.testing.assert_array_equal(series.values["price"], [20.0, NAN])


def test_an_asset_without_fields_has_no_days() -> None:
    series = join_fields("btc", {})

    assert (len(series.days), series.days.dtype, dict(series.values)) == (0, np.int32, {})


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-01",
        "2025-01-01T00:00:00.000000000Z",
        "2025-01-01T23:59:59Z",
        "2025-01-01 12:30",
        "2025-01-01T00:00:00+00:00",
    ],
)
def test_iso_dates_and_utc_times_have_a_day(text: str) -> None:
    assert day_of_iso(text) == FIRST


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2025-1-1",
        "20250101",
        "2025-W01-1",
        "2025-02-30",
        "2025-01-01x",
        "2025-01-01T00:00:00+05:00",
        None,
    ],
)
def test_other_texts_have_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|day"):
        day_of_iso(text)


def test_unix_times_have_a_day() -> None:
    midnight = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())

    assert day_of_unix(midnight) == FIRST
    assert day_of_unix(str(midnight)) == FIRST
    assert day_of_unix(midnight + 86_399.9) == FIRST
    assert day_of_unix(midnight - 1) == FIRST - 1
    assert day_of_unix(-0.5) == -1


def test_a_unix_time_may_be_read_on_the_clock_of_an_exchange() -> None:
    evening = int(datetime(2025, 1, 1, 2, tzinfo=UTC).timestamp())

    assert day_of_unix(evening, offset_seconds=-5 * 3600) == FIRST - 1


@pytest.mark.parametrize("seconds", [NAN, math.inf, True, "", "noon", None, 10**40, -(10**40), [1]])
def test_what_is_no_unix_time_has_no_day(seconds: int) -> None:
    with pytest.raises(ValueError, match="Unix time"):
        day_of_unix(seconds)


def test_numbers_come_as_numbers_or_texts() -> None:
    assert number("1.5e3") == 1500.0
    assert number(7) == 7.0
    assert number(-0.5) == -0.5
    assert math.isnan(number(None))
    assert math.isnan(number(""))


@pytest.mark.parametrize("value", [True, False, "abc", "1_000", "1,5", [1.0], {}, 10**400])
def test_other_values_are_no_numbers(value: object) -> None:
    with pytest.raises(ValueError, match="not a number"):
        number(value)
