"""Parquet files: column types, damage and limits."""

import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from app.datasets.read import read_long_form
from app.errors import InvalidFile, LimitExceeded
from tests.app.datasets.files import limits, read_table

TWO_DAYS = [datetime.date(2021, 1, 1), datetime.date(2021, 1, 2)]
TWO_MOMENTS = [datetime.datetime(2021, 1, 1), datetime.datetime(2021, 1, 2)]  # noqa: DTZ001
TWO = {"asset": ["a", "a"], "price": [1.0, 2.0]}


@pytest.mark.parametrize(
    "dates",
    [
        pa.array(TWO_DAYS),
        pa.array(TWO_DAYS, pa.date64()),
        *(pa.array(TWO_MOMENTS, pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")),
        pa.array(["2021-01-01", "2021-01-02"]),
        pa.array(["2021-01-01", "2021-01-02"], pa.large_string()),
        pa.array(["2021-01-01", "2021-01-02"]).dictionary_encode(),
        pa.array([20210101, 20210102]),
    ],
    ids=lambda dates: str(dates.type),
)
def test_dates_of_all_types_are_read(tmp_path: Path, dates: pa.Array) -> None:
    panel = read_table(tmp_path, {"date": dates, **TWO}).panel

    assert panel.dates.astype(str).tolist() == ["2021-01-01", "2021-01-02"]


def test_a_time_zone_keeps_its_own_midnight(tmp_path: Path) -> None:
    midnights = np.array(["2021-01-01T05:00", "2021-01-02T05:00"], dtype="datetime64[us]")
    dates = pa.array(midnights).cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="America/New_York"))

    result = read_table(tmp_path, {"date": dates, **TWO})

    assert result.panel.dates.astype(str).tolist() == ["2021-01-01", "2021-01-02"]
    assert not any("time of day" in note for note in result.quality.notes)


def test_intraday_timestamps_are_refused(tmp_path: Path) -> None:
    dates = pa.array([datetime.datetime(2021, 1, 1, hour) for hour in (0, 12)])  # noqa: DTZ001

    with pytest.raises(InvalidFile, match="rows 1 and 2 are two times of one day for 'a' on 2021-01-01"):
        read_table(tmp_path, {"date": dates, **TWO})


@pytest.mark.parametrize(
    "prices",
    [
        pa.array([1, 2], pa.int64()),
        pa.array([1, 2], pa.uint8()),
        pa.array([1, 2], pa.float32()),
        pa.array([Decimal("1.0"), Decimal("2.0")]),
        pa.array(["1.0", " 2"]),
        pa.array([1.0, 2.0]).dictionary_encode(),
    ],
    ids=lambda prices: str(prices.type),
)
def test_numbers_of_all_types_are_read(tmp_path: Path, prices: pa.Array) -> None:
    panel = read_table(tmp_path, {"date": TWO_DAYS, "asset": ["a", "a"], "price": prices}).panel

    assert panel.fields["price"][:, 0].tolist() == [1, 2]


def test_assets_may_be_categories_or_whole_numbers(tmp_path: Path) -> None:
    categories = pa.array(["x", "y"]).dictionary_encode()

    assert read_table(tmp_path, {"date": TWO_DAYS, "asset": categories, "price": [1, 2]}).panel.assets == (
        "x",
        "y",
    )
    assert read_table(tmp_path, {"date": TWO_DAYS, "id": [7, 10], "price": [1, 2]}).panel.assets == (
        "10",
        "7",
    )


def test_nulls_are_missing_and_row_faults_name_the_row(tmp_path: Path) -> None:
    result = read_table(
        tmp_path,
        {
            "date": [TWO_DAYS[0]] * 4,
            "asset": ["a", "b", None, "d"],
            "price": [1.0, float("inf"), 1.0, None],
            "mc": pa.array([None, 1.0, 1.0, 4.0]),
        },
    )

    assert result.panel.assets == ("a", "d")
    np.testing.assert_array_equal(result.panel.fields["market_cap"], [[np.nan, 4]])
    assert [(row.line, row.code.value) for row in result.quality.refused] == [
        (2, "INFINITE"),
        (3, "INVALID_ASSET"),
    ]


def test_text_numbers_that_are_none_are_listed(tmp_path: Path) -> None:
    result = read_table(
        tmp_path, {"date": TWO_DAYS, "asset": ["a", "a"], "price": ["1", "n.a."], "mc": ["5", ""]}
    )

    assert [(row.line, row.reason) for row in result.quality.refused] == [
        (2, "price is not a number: 'n.a.'")
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"date": [None, TWO_DAYS[0]], **TWO}, "row 1: the date is empty"),
        ({"date": ["2021-01-01", "soon"], **TWO}, r"row 2: 'soon' is not a date"),
        ({"date": [1.5, 2.5], **TWO}, "column 'date' holds double, not dates"),
        ({"date": [datetime.date(1, 1, 1), TWO_DAYS[0]], **TWO}, "row 1: date 0001-01-01 is outside"),
        (
            {"date": TWO_DAYS, "asset": [1.5, 2.5], "price": [1, 2]},
            "column 'asset' holds double, not asset ids",
        ),
        (
            {"date": TWO_DAYS, "asset": ["a", "a"], "price": [True, False]},
            "column 'price' holds bool, not numbers",
        ),
        ({"date": TWO_DAYS, "asset": ["a", "a"], "price": [[1], [2]]}, "column 'price' holds list"),
        ({"date": pa.array([], pa.date32()), "asset": pa.array([], pa.string()), "price": []}, "has no rows"),
        ({"date": TWO_DAYS, "asset": ["a", "a"], "price": pa.nulls(2)}, "no row has a price"),
    ],
)
def test_faults_of_the_file_abort(tmp_path: Path, columns: dict, message: str) -> None:
    with pytest.raises(InvalidFile, match=message):
        read_table(tmp_path, columns)


def test_further_columns_of_other_types_are_left_out_with_a_note(tmp_path: Path) -> None:
    result = read_table(tmp_path, {"date": TWO_DAYS, **TWO, "listed": [True, False], "tags": [["x"], ["y"]]})

    assert list(result.panel.fields) == ["price"]
    assert "column 'listed' was left out: it holds bool, not numbers" in result.quality.notes


def whole_file(tmp_path: Path) -> Path:
    path = tmp_path / "data.parquet"
    table = pa.table(
        {
            "date": np.arange(np.datetime64("2021-01-01"), np.datetime64("2021-01-01") + 1000),
            "asset": ["a"] * 1000,
            "price": np.arange(1000.0),
        }
    )
    pyarrow.parquet.write_table(table, path)
    return path


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = whole_file(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(InvalidFile, match=r"the Parquet data is damaged or incomplete"):
        read_long_form(path, filename="data.parquet")


def test_damaged_pages_are_refused(tmp_path: Path) -> None:
    path = whole_file(tmp_path)
    content = bytearray(path.read_bytes())
    for position in range(4, 60):
        content[position] ^= 0x5A
    path.write_bytes(content)

    with pytest.raises(InvalidFile, match=r"the Parquet data is damaged or incomplete"):
        read_long_form(path, filename="data.parquet")


def test_a_column_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = whole_file(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"price", b"pr\xffce"))

    with pytest.raises(InvalidFile, match=r"the Parquet data is damaged or incomplete"):
        read_long_form(path, filename="data.parquet")


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"max_rows": 999}, "data.parquet has 1,000 rows; at most 999 are read"),
        ({"max_columns": 2}, "data.parquet has 3 columns; at most 2 are read"),
        ({"max_decompressed_bytes": 1000}, "bytes when decompressed; at most 1,000 are read"),
        ({"max_cells": 999}, "data.parquet holds more than 999 values"),
    ],
)
def test_limits_hold(tmp_path: Path, bounds: dict[str, int], message: str) -> None:
    with pytest.raises(LimitExceeded, match=message):
        read_long_form(whole_file(tmp_path), filename="data.parquet", limits=limits(**bounds))


def test_long_texts_repeated_in_few_bytes_are_not_unpacked(tmp_path: Path) -> None:
    """A dictionary page holds the text once; a million plain copies of it would take a terabyte."""
    count = 1_000_000
    path = tmp_path / "bomb.parquet"
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), ["x" * 1_000_000])
    dates = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), ["2021-01-01"])
    pyarrow.parquet.write_table(pa.table({"date": dates, "asset": text, "price": np.ones(count)}), path)

    with pytest.raises(InvalidFile, match=r"all 1,000,000 rows were refused, .* \(row 1\)"):
        read_long_form(path, filename="bomb.parquet")
