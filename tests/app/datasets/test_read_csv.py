"""CSV files: what is read, what aborts, and what is refused row by row."""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.datasets import csv_source
from app.datasets.quality import QualityAction, QualityCode
from app.datasets.read import read_long_form
from app.errors import InvalidFile, LimitExceeded
from engine.panel import Calendar
from tests.app.datasets.files import csv_file, limits, read_text

HEADER = "date,asset,price,mc,24h_volume,fees,dau,revenue\n"


def faults(result) -> list[tuple[int, str, str]]:
    return [(row.line, row.code.value, row.reason) for row in result.quality.refused]


def test_rows_become_a_panel_sorted_by_date_and_asset(tmp_path: Path) -> None:
    result = read_text(
        tmp_path,
        HEADER + "2021-01-02,eth,20,200,2,1,5,-1\n2021-01-01,btc,10,100,1,,,\n2021-01-02,btc,11,,0,,,\n",
    )

    panel = result.panel
    assert panel.dates.astype(str).tolist() == ["2021-01-01", "2021-01-02"]
    assert panel.assets == ("btc", "eth")
    assert panel.calendar is Calendar.EVERY_DAY
    assert list(panel.fields) == ["dau", "fees", "market_cap", "price", "revenue", "volume"]
    np.testing.assert_array_equal(panel.fields["price"], [[10, np.nan], [11, 20]])
    np.testing.assert_array_equal(panel.fields["market_cap"], [[100, np.nan], [np.nan, 200]])
    np.testing.assert_array_equal(panel.fields["revenue"], [[np.nan, np.nan], [np.nan, -1]])
    assert (result.quality.rows_read, result.quality.rows_kept) == (3, 3)


def test_numbers_are_read_to_the_last_bit(tmp_path: Path) -> None:
    texts = ["0.1", "1e-300", "123456789.123456789", "8.895748e-46", "+2.5E3", ".5", "3."]

    result = read_text(
        tmp_path,
        "date,asset,price\n" + "".join(f"2021-01-01,a{n},{text}\n" for n, text in enumerate(texts)),
    )

    assert result.panel.fields["price"][0].tolist() == [float(text) for text in texts]


def test_text_in_a_numeric_column_does_not_change_how_other_cells_are_read(tmp_path: Path) -> None:
    texts = ["0.1", "1e-300", "+2.5E3", " 7 ", '"8"', "3."]
    rows = "".join(f"2021-01-01,a{n},{text}\n" for n, text in enumerate(texts))

    result = read_text(tmp_path, "date,asset,price\n" + rows + "2021-01-01,z,1_0\n")

    assert result.panel.fields["price"][0].tolist() == [0.1, 1e-300, 2500.0, 7.0, 8.0, 3.0]
    assert faults(result) == [(8, "NOT_A_NUMBER", "price is not a number: '1_0'")]


@pytest.mark.parametrize("missing", ["", "NaN", "nan", "NA", "N/A", "null", "NULL", "None"])
def test_the_usual_ways_to_write_missing_are_known(tmp_path: Path, missing: str) -> None:
    result = read_text(tmp_path, f"date,asset,price,mc\n2021-01-01,a,1,{missing}\n2021-01-02,a,1,5\n")

    assert np.isnan(result.panel.fields["market_cap"][0, 0])
    assert result.quality.rows_refused == 0


@pytest.mark.parametrize("asset", ["nan", "NULL", "None", "NA", "0x", "1inch", "007", "Ünï-coin", "a b"])
def test_asset_ids_are_taken_as_they_are(tmp_path: Path, asset: str) -> None:
    result = read_text(tmp_path, f"date,asset,price\n2021-01-01, {asset} ,1\n")

    assert result.panel.assets == (asset,)


def test_line_endings_byte_order_mark_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    plain = read_text(tmp_path, "date,asset,price\n2021-01-01,a,1\n2021-01-02,a,2\n")
    windows = read_text(
        tmp_path, "\ufeffdate,asset,price\r\n2021-01-01,a,1\r\n\r\n2021-01-02,a,2\r\n,,\r\n\r\n"
    )

    np.testing.assert_array_equal(plain.panel.fields["price"], windows.panel.fields["price"])
    assert windows.quality.rows_read == 2


def test_quoted_values_are_understood(tmp_path: Path) -> None:
    result = read_text(tmp_path, '"date","asset","price"\n"2021-01-01","a,b","1.5"\n')

    assert result.panel.assets == ("a,b",)
    assert result.panel.fields["price"][0, 0] == 1.5


def test_gzip_is_recognised_by_content(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(gzip.compress(b"date,asset,price\n") + gzip.compress(b"2021-01-01,a,1\n"))

    assert read_long_form(path, filename="data.csv").panel.assets == ("a",)


# -- faults of single rows ---------------------------------------------------------------------------------


def test_faulty_rows_are_refused_whole_counted_and_listed_with_their_lines(tmp_path: Path) -> None:
    result = read_text(
        tmp_path,
        HEADER
        + "2021-01-01,good,1,1,1,1,1,-1\n"
        + "2021-01-01,a,inf,1,1,1,1,1\n"
        + "2021-01-01,b,1,-5,1,1,1,1\n"
        + "\n"
        + "2021-01-01,c,1,1,-0.5,1,1,1\n"
        + "2021-01-01,d,1,1,1,-1,1,1\n"
        + "2021-01-01,e,1,1,1,1,-1,1\n"
        + '2021-01-01,f,"1,234",1,1,1,1,1\n'
        + "2021-01-01, ,1,1,1,1,1,1\n"
        + "2021-01-01,g,1\n"
        + "2021-01-01,h,1,1,1,1,1,1,1\n"
        + f"2021-01-01,{'x' * 201},1,1,1,1,1,1\n"
        + "2021-01-01,i,1,1,1,1,1,-Infinity\n"
        + "2021-01-01,j,1e999,1,1,1,1,1\n",
    )

    assert result.panel.assets == ("good",)
    assert faults(result) == [
        (3, "INFINITE", "price is infinite"),
        (4, "NEGATIVE", "market_cap is negative: -5"),
        (6, "NEGATIVE", "volume is negative: -0.5"),
        (7, "NEGATIVE", "fees is negative: -1"),
        (8, "NEGATIVE", "dau is negative: -1"),
        (9, "NOT_A_NUMBER", "price is not a number: '1,234'"),
        (10, "INVALID_ASSET", "the asset id is empty"),
        (11, "WRONG_COLUMN_COUNT", "3 columns where the header has 8"),
        (12, "WRONG_COLUMN_COUNT", "9 columns where the header has 8"),
        (13, "INVALID_ASSET", "the asset id has 201 characters, at most 200 are allowed"),
        (14, "INFINITE", "revenue is infinite"),
        (15, "INFINITE", "price is infinite"),
    ]
    quality = result.quality
    assert (quality.rows_read, quality.rows_kept, quality.rows_refused) == (13, 1, 12)
    assert {count.code.value: count.count for count in quality.counts} == {
        "WRONG_COLUMN_COUNT": 2,
        "INVALID_ASSET": 2,
        "NOT_A_NUMBER": 1,
        "INFINITE": 3,
        "NEGATIVE": 4,
    }
    assert {count.code.action for count in quality.counts} == {QualityAction.REFUSED}


def test_a_row_with_several_faults_counts_once(tmp_path: Path) -> None:
    result = read_text(tmp_path, "date,asset,price,mc\n2021-01-01,a,1,1\n2021-01-01,,inf,-1\n")

    assert result.quality.rows_refused == 1
    assert result.quality.count_of(QualityCode.INVALID_ASSET) == 1


def test_the_list_of_refused_rows_ends_at_a_hundred_and_the_count_does_not(tmp_path: Path) -> None:
    rows = "".join(f"2021-01-01,a{n},x\n" for n in range(150))

    result = read_text(tmp_path, "date,asset,price\n2021-01-01,a,1\n" + rows)

    assert result.quality.rows_refused == 150
    assert [row.line for row in result.quality.refused] == list(range(3, 103))


def test_line_numbers_hold_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_source, "BLOCK_BYTES", 64)
    rows = [f"2021-01-01,a{n:03d},1" for n in range(50)]
    rows[37] = "2021-01-01,a037,abc"
    rows[41] = ""
    rows[44] = "2021-01-01,a044"

    result = read_text(tmp_path, "date,asset,price\n" + "\n".join(rows))

    assert [(row.line, row.code.value) for row in result.quality.refused] == [
        (39, "NOT_A_NUMBER"),
        (46, "WRONG_COLUMN_COUNT"),
    ]
    assert len(result.panel.assets) == 47


def test_negative_prices_and_revenues_are_kept(tmp_path: Path) -> None:
    result = read_text(tmp_path, "date,asset,price,revenue\n2021-01-01,a,-1,-2\n2021-01-02,a,1,3\n")

    assert result.panel.fields["price"][:, 0].tolist() == [-1, 1]
    assert result.quality.count_of(QualityCode.NON_POSITIVE_PRICE) == 1


# -- duplicates and empty rows -----------------------------------------------------------------------------


def test_exact_repetitions_merge_and_are_counted(tmp_path: Path) -> None:
    result = read_text(
        tmp_path,
        "date,asset,price,mc\n2021-01-01,a,1,\n2021-01-01,b,1,2\n2021-01-01, a,1.0,NaN\n2021-01-01,a,1,\n",
    )

    assert result.quality.rows_merged == 2
    assert result.quality.count_of(QualityCode.DUPLICATE) == 2
    assert result.quality.rows_kept == 2


def test_contradicting_rows_abort_and_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile) as caught:
        read_text(
            tmp_path,
            "date,asset,price,mc\n2021-01-02,b,1,5\n2021-01-01,a,1,5\n2021-01-02,b,1,5\n2021-01-02,b,1,\n2021-01-01,a,2,5\n",
        )

    assert caught.value.message == (
        "data.csv: lines 4 and 5 contradict each other for 'b' on 2021-01-02: market_cap is 5 and none; "
        "1 more rows contradict an earlier one"
    )


def test_a_refused_row_contradicts_nothing(tmp_path: Path) -> None:
    result = read_text(tmp_path, "date,asset,price\n2021-01-01,a,1\n2021-01-01,a,inf\n")

    assert result.panel.fields["price"].tolist() == [[1]]


def test_rows_without_a_value_add_neither_date_nor_asset(tmp_path: Path) -> None:
    result = read_text(tmp_path, "date,asset,price,mc\n2020-01-01,b,,\n2021-01-01,a,1,2\n")

    assert result.panel.assets == ("a",)
    assert len(result.panel.dates) == 1
    assert result.quality.rows_skipped == 1
    assert result.quality.count_of(QualityCode.EMPTY) == 1


# -- further columns ---------------------------------------------------------------------------------------


def test_a_further_numeric_column_is_a_field(tmp_path: Path) -> None:
    result = read_text(tmp_path, "date,asset,price,TVL\n2021-01-01,a,1,-7\n")

    assert result.panel.fields["TVL"].tolist() == [[-7]]


@pytest.mark.parametrize("value", ["abc", "inf", "1;2"])
def test_a_further_column_that_is_not_all_numbers_is_left_out_and_costs_no_row(
    tmp_path: Path, value: str
) -> None:
    result = read_text(
        tmp_path,
        f"date,asset,price,name,tvl\n2021-01-01,a,1,5,1\n2021-01-02,a,2,{value},2\n2021-01-03,a,3,7,3\n",
    )

    assert list(result.panel.fields) == ["price", "tvl"]
    assert result.quality.rows_kept == 3
    assert "column 'name' was left out: line 3 holds" in result.quality.notes[0]


def test_a_field_without_any_value_is_absent(tmp_path: Path) -> None:
    result = read_text(tmp_path, "date,asset,price,mc,fees\n2021-01-01,a,1,,NaN\n")

    assert list(result.panel.fields) == ["price"]
    assert "the field fees has no value at all and counts as absent" in result.quality.notes


# -- faults of the file ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "data.csv is empty"),
        ("\n", "data.csv: the first line is empty"),
        ("date,asset,price\n", "data.csv has no rows"),
        ("date,asset,price\n\n\n", "data.csv has no rows"),
        ("date,asset,price\n2021-01-01,a,\n", "data.csv: no row has a price"),
        (
            "date,asset,price\n2021-01-01,a,x\n",
            "data.csv: all 1 rows were refused, the first because price is not a number: 'x' (line 2)",
        ),
        (
            "date,asset,price\n2021-01-01,a,1\n31/01/2021,a,1\n",
            "data.csv: line 3: '31/01/2021' is not a date",
        ),
        ("date,asset,price\n2021-02-30,a,1\n", "data.csv: line 2: '2021-02-30' is not a date"),
        ("date,asset,price\n1609459200,a,1\n", "data.csv: line 2: '1609459200' is not a date"),
        ("date,asset,price\n,a,1\n", "data.csv: line 2: the date is empty"),
        (
            "date,asset,price\n1899-12-31,a,1\n",
            "data.csv: line 2: date 1899-12-31 is outside 1900-01-01 .. 2200-12-31",
        ),
        (
            "date,asset,price\n2021-01-01,a,1\n2201-01-01,b,1\n",
            "data.csv: line 3: date 2201-01-01 is outside",
        ),
        ('date,asset,price\n2021-01-01,"a\nb",1\n', "data.csv: somewhere from line 2 to 3 a quoted value"),
        ('date,asset,price\n2021-01-01,"a,1\n', "data.csv: somewhere from line 2 to 2 a quoted value"),
        ("date,asset,price\n2021-01-01,a,1\r2021-01-02,a,1\r", "data.csv: somewhere from line 2 to 2"),
        ("date,asset,price\r2021-01-01,a,1\r", "data.csv: lines end in bare carriage returns"),
        ('"date,asset,price\n2021-01-01,a,1\n', "data.csv: the first line does not name columns"),
    ],
)
def test_faults_of_the_file_abort_with_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        read_text(tmp_path, text)

    assert caught.value.message.startswith(message)
    assert "\n" not in caught.value.message


def test_text_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("date,asset,price\n2021-01-01,a,1\n2021-01-01,café,1\n".encode("latin-1"))

    with pytest.raises(InvalidFile, match=r"latin.csv: line 3 is not UTF-8 text \(byte 0xe9\)"):
        read_long_form(path, filename="latin.csv")


def test_utf16_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_bytes("date,asset,price\n2021-01-01,a,1\n".encode("utf-16"))

    with pytest.raises(InvalidFile, match="line 1 is not UTF-8"):
        read_long_form(path, filename="wide.csv")


def test_a_truncated_gzip_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.csv.gz"
    whole = gzip.compress(b"date,asset,price\n" + b"".join(b"2021-01-01,a%d,1\n" % n for n in range(1000)))
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(InvalidFile, match="the gzip data ends early"):
        read_long_form(path, filename="data.csv.gz")


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.csv.gz"
    whole = bytearray(gzip.compress(b"date,asset,price\n" + bytes(range(48, 58)) * 500))
    whole[-6] ^= 0xFF
    path.write_bytes(whole)

    with pytest.raises(InvalidFile, match="the gzip data is damaged"):
        read_long_form(path, filename="data.csv.gz")


@pytest.mark.parametrize(
    ("start", "name", "message"),
    [
        (b"PK\x03\x04rest", "book.xlsx", "book.xlsx is a zip archive or spreadsheet"),
        (b"\x28\xb5\x2f\xfdrest", "data.csv.zst", "zstd-compressed"),
        (b"date,asset,price\n", "data.parquet", "data.parquet is not a Parquet file"),
        (gzip.compress(b"PAR1....PAR1", mtime=0), "data.parquet.gz", "gzipped Parquet"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, start: bytes, name: str, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(start)

    with pytest.raises(InvalidFile, match=message):
        read_long_form(path, filename=name)


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"gone.csv cannot be read: No such file"):
        read_long_form(tmp_path / "gone.csv", filename="gone.csv")
    with pytest.raises(InvalidFile, match="cannot be read: Is a directory"):
        read_long_form(tmp_path, filename="folder")


# -- limits ------------------------------------------------------------------------------------------------


def test_a_zip_bomb_stops_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"date,asset,price\n" + b"2021-01-01,a,1\n" * 2_000_000))

    with pytest.raises(LimitExceeded, match=r"bomb\.csv\.gz holds more than 5,000,000 bytes of text"):
        read_long_form(path, filename="bomb.csv.gz", limits=limits(max_decompressed_bytes=5_000_000))


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_source, "BLOCK_BYTES", 1024)

    with pytest.raises(InvalidFile, match="line 3 is too long to be a row"):
        read_text(tmp_path, "date,asset,price\n2021-01-01,a,1\n" + "x" * 10_000)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"max_rows": 2}, "data.csv has more than 2 rows"),
        ({"max_columns": 3}, "data.csv has 4 columns; at most 3 are read"),
        ({"max_cells": 5}, "data.csv holds more than 5 values"),
    ],
)
def test_rows_columns_and_values_are_bounded(tmp_path: Path, bounds: dict[str, int], message: str) -> None:
    with pytest.raises(LimitExceeded, match=message):
        read_text(tmp_path, "date,asset,price,mc\n" + "2021-01-01,a,1,1\n" * 3, limits=limits(**bounds))


def test_far_apart_dates_are_refused_before_anything_is_allocated(tmp_path: Path) -> None:
    rows = "".join(f"1900-01-01,a{n},1\n" for n in range(5_000))

    with pytest.raises(LimitExceeded) as caught:
        read_text(tmp_path, "date,asset,price\n" + rows + "2100-01-01,a,1\n")

    assert caught.value.message == (
        "data.csv: 73,050 dates (1900-01-01 .. 2100-01-01) x 5,001 assets x 1 fields make 365,323,050 "
        "values; at most 200,000,000 are held"
    )


# -- dates and calendars -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2021-01-31",
        "20210131",
        "2021/01/31",
        "2021-01-31T00:00:00",
        "2021-01-31 00:00:00.000000",
        "2021-01-31T00:00:00Z",
        "2021-01-31 00:00:00+00:00",
        "2021-01-31 00:00:00 UTC",
        " 2021-01-31 ",
        "2021-01-31T00:00:00-05:00",
    ],
)
def test_dates_at_midnight_are_taken_as_written(tmp_path: Path, text: str) -> None:
    result = read_text(tmp_path, f"date,asset,price\n{text},a,1\n")

    assert result.panel.dates.astype(str).tolist() == ["2021-01-31"]
    assert not any("time of day" in note for note in result.quality.notes)


def test_a_time_of_day_is_dropped_with_a_note_where_days_stay_unique(tmp_path: Path) -> None:
    result = read_text(tmp_path, "date,asset,price\n2021-01-04 16:00,a,1\n2021-01-05 16:00,a,2\n")

    assert result.panel.dates.astype(str).tolist() == ["2021-01-04", "2021-01-05"]
    assert any("time of day" in note for note in result.quality.notes)


def test_intraday_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile) as caught:
        read_text(tmp_path, "date,asset,price\n2021-01-04 00:00,a,1\n2021-01-04 12:00,a,1\n")

    assert caught.value.message == (
        "data.csv: lines 2 and 3 are two times of one day for 'a' on 2021-01-04; the data must be daily"
    )


def days(start: str, count: int, *, weekends: bool) -> list[str]:
    dates = np.arange(np.datetime64(start), np.datetime64(start) + count)
    return dates[weekends | np.is_busday(dates)].astype(str).tolist()


def prices_on(dates: list[str]) -> str:
    return "date,asset,price\n" + "".join(f"{date},a,{n + 1}\n" for n, date in enumerate(dates))


def test_three_weeks_without_weekends_are_sessions(tmp_path: Path) -> None:
    dates = days("2021-01-04", 26, weekends=False)

    result = read_text(tmp_path, prices_on(dates))

    assert result.panel.calendar is Calendar.OBSERVED
    assert result.panel.dates.astype(str).tolist() == dates
    assert any("OBSERVED" in note for note in result.quality.notes)


@pytest.mark.parametrize(
    "dates",
    [
        days("2021-01-04", 19, weekends=False),
        [*days("2021-01-04", 40, weekends=False), "2021-01-10"],
        ["2021-01-04", "2021-03-05"],
    ],
    ids=["too short to tell", "one Sunday", "too few dates to tell"],
)
def test_otherwise_every_day_is_a_row(tmp_path: Path, dates: list[str]) -> None:
    panel = read_text(tmp_path, prices_on(dates)).panel

    assert panel.calendar is Calendar.EVERY_DAY
    assert len(panel.dates) == int((np.datetime64(max(dates)) - np.datetime64(min(dates))).astype(int)) + 1
    assert np.isnan(panel.fields["price"]).sum() == len(panel.dates) - len(dates)


@pytest.mark.parametrize("calendar", list(Calendar))
def test_a_calendar_that_is_given_is_taken(tmp_path: Path, calendar: Calendar) -> None:
    text = prices_on(days("2021-01-04", 26, weekends=False))

    assert read_text(tmp_path, text, calendar=calendar).panel.calendar is calendar


def test_one_date_or_one_asset_is_accepted_with_a_note(tmp_path: Path) -> None:
    result = read_text(tmp_path, "date,asset,price\n2021-01-01,a,1\n")

    assert any("only one date" in note for note in result.quality.notes)
    assert any("only one asset" in note for note in result.quality.notes)


def test_progress_rises_to_one(tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []

    read_text(tmp_path, "date,asset,price\n2021-01-01,a,1\n", progress=lambda *step: told.append(step))

    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_reading_does_not_import_pandas(tmp_path: Path) -> None:
    """pyarrow would import it for some conversions, half a second that nothing needs."""
    path = csv_file(tmp_path, "date,asset,price\n2021-01-01,a,1\n2021-01-02,b,x\n")
    program = (
        "import sys; from pathlib import Path; from app.datasets.read import read_long_form\n"
        "read_long_form(Path(sys.argv[1]), filename='data.csv'); print('pandas' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"
