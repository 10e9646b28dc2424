"""Filings on days without trading, and market caps of shares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.datasets.read import ReadPanel
from engine.panel import Calendar, Panel
from tests.app.datasets.files import read_text

NAN = np.nan
FIRST = np.datetime64("2024-01-01")  # a Monday


def table(columns: str, rows: dict[str, str]) -> str:
    """CSV of one asset: the columns after date and asset, and their cells by date."""
    lines = [f"{day},x,{cells}" for day, cells in rows.items()]
    return "\n".join([f"date,asset,{columns}", *lines]) + "\n"


def weekdays(count: int, cells: str) -> dict[str, str]:
    days = [FIRST + day for day in range(7 * count) if day % 7 < 5][:count]
    return {str(day): cells for day in days}


def column(panel: Panel, field: str) -> list[float]:
    return panel.fields[field].ravel().tolist()


def notes_on(read: ReadPanel, word: str) -> list[str]:
    return [note for note in read.quality.notes if word in note]


def test_a_market_cap_is_the_price_times_the_last_shares(tmp_path: Path) -> None:
    rows = {"2024-01-01": "10,", "2024-01-02": "11,100", "2024-01-03": "12,", "2024-01-04": "13,200"}
    read = read_text(tmp_path, table("price,shares", rows))

    np.testing.assert_array_equal(column(read.panel, "market_cap"), [NAN, 1100, 1200, 2600])
    assert list(read.panel.fields) == ["market_cap", "price", "shares"]
    assert [entry.field for entry in read.quality.coverage] == ["market_cap", "price", "shares"]
    assert notes_on(read, "market_cap") == [
        "market_cap was derived: price x the last shares known, at most 400 days old; it is approximate if "
        "the prices are adjusted for dividends or splits"
    ]


def test_the_close_counts_where_there_is_one(tmp_path: Path) -> None:
    rows = {"2024-01-01": "9,10,100", "2024-01-02": "9.5,,", "2024-01-03": "9.9,11,"}
    read = read_text(tmp_path, table("adj_close,close,shares", rows))

    np.testing.assert_array_equal(column(read.panel, "market_cap"), [1000, NAN, 1100])
    assert column(read.panel, "price") == [9, 9.5, 9.9]
    assert notes_on(read, "market_cap") == [
        "market_cap was derived: close x the last shares known, at most 400 days old"
    ]


def test_caps_of_adjusted_prices_are_called_approximate(tmp_path: Path) -> None:
    read = read_text(tmp_path, table("Adj Close,shares", {"2024-01-01": "9,100", "2024-01-02": "9.5,"}))

    assert column(read.panel, "market_cap") == [900, 950]
    (note,) = notes_on(read, "market_cap")
    assert "adjusted for dividends or splits and there is no close, so it is approximate" in note


def test_shares_count_for_400_days(tmp_path: Path) -> None:
    days = [str(FIRST + day) for day in (0, 400, 401, 402)]
    rows = dict(zip(days, ("2,10", "3,", "4,", "5,20"), strict=True))
    panel = read_text(tmp_path, table("price,shares", rows)).panel

    at = [int((np.datetime64(day) - panel.dates[0]).astype(int)) for day in days]
    np.testing.assert_array_equal(panel.fields["market_cap"][at].ravel(), [20, 30, NAN, 100])


def test_what_is_not_above_0_gives_no_cap(tmp_path: Path) -> None:
    rows = {"2024-01-01": "10,5", "2024-01-02": "0,", "2024-01-03": "-1,", "2024-01-04": "10,0"}
    panel = read_text(tmp_path, table("price,shares", rows)).panel

    np.testing.assert_array_equal(column(panel, "market_cap"), [50, NAN, NAN, NAN])


def test_market_caps_of_the_file_are_left_alone(tmp_path: Path) -> None:
    rows = {"2024-01-01": "10,7,100", "2024-01-02": "11,,"}
    read = read_text(tmp_path, table("price,mc,shares", rows))

    np.testing.assert_array_equal(column(read.panel, "market_cap"), [7, NAN])
    assert notes_on(read, "market_cap") == []


def test_shares_that_come_after_every_price_give_a_note_and_no_field(tmp_path: Path) -> None:
    read = read_text(tmp_path, table("price,shares", {"2024-01-01": "10,", "2024-01-02": ",5"}))

    assert "market_cap" not in read.panel.fields
    assert notes_on(read, "market_cap") == [
        "no market_cap could be derived: no price has shares known by its date"
    ]


def test_negative_shares_are_refused_and_negative_book_values_kept(tmp_path: Path) -> None:
    rows = {"2024-01-01": "10,-5,1", "2024-01-02": "10,5,-3"}
    read = read_text(tmp_path, table("price,shares,book_value", rows))

    assert [row.reason for row in read.quality.refused] == ["shares is negative: -5"]
    assert column(read.panel, "book_value") == [-3]


def test_a_filing_at_a_weekend_is_known_at_the_next_session(tmp_path: Path) -> None:
    rows = weekdays(20, "10,,") | {"2024-01-06": ",5,7", "2024-01-07": ",6,", "2024-01-13": ",8,9"}
    rows["2024-01-15"] = "10,9,"  # a Monday with shares of its own
    read = read_text(tmp_path, table("price,shares,book_value", rows))
    panel = read.panel

    assert panel.calendar is Calendar.OBSERVED
    assert len(panel.dates) == 20
    known = {"shares": {"2024-01-08": 6, "2024-01-15": 9}, "book_value": {"2024-01-08": 7, "2024-01-15": 9}}
    for field, expected in known.items():
        by_day = zip(map(str, panel.dates), column(panel, field), strict=True)
        assert {day: value for day, value in by_day if not np.isnan(value)} == expected
    assert notes_on(read, "session on") == [
        "3 dates with book_value or shares only: taken as known from the next session on"
    ]


def test_a_filing_on_a_holiday_makes_no_session(tmp_path: Path) -> None:
    rows = weekdays(20, "10,")
    rows["2024-01-15"] = ",5"
    panel = read_text(tmp_path, table("price,shares", rows)).panel

    assert np.datetime64("2024-01-15") not in panel.dates
    assert column(panel, "market_cap")[10] == 50
    assert str(panel.dates[10]) == "2024-01-16"


def test_filings_after_the_last_session_are_left_out_with_a_note(tmp_path: Path) -> None:
    rows = weekdays(20, "10,5") | {"2024-03-02": ",6"}
    read = read_text(tmp_path, table("price,shares", rows))

    assert str(read.panel.dates[-1]) == "2024-01-26"
    assert notes_on(read, "left out") == ["1 date with shares only after the last session: left out"]


@pytest.mark.parametrize("calendar", [None, Calendar.EVERY_DAY])
def test_data_of_every_day_stay_as_they_are(tmp_path: Path, calendar: Calendar | None) -> None:
    rows = {str(FIRST + day): "10,5" for day in range(30)} | {str(FIRST + 20): ",6"}
    panel = read_text(tmp_path, table("price,shares", rows), calendar=calendar).panel

    assert panel.calendar is Calendar.EVERY_DAY
    assert len(panel.dates) == 30
    assert column(panel, "shares")[20] == 6
