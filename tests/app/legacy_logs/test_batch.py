from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.features.legacy.logs.batch import quarantine_orphan, read_batch
from app.features.legacy.logs.records import FileKind, LegacyBatch, MonthlyMetric
from app.features.legacy.logs.refusals import QuarantineCode
from tests.app.legacy_logs.shapes import CELLS, COLUMNS, SHORT_COLUMNS, header, line, log, row, unhurried

RETURNS_NAME = "smb_20220105_101112_returns.csv"
RETURNS = log(
    "date,return,cumulative_return",
    "2021-01-03,0.1,0.1",
    "2021-01-10 00:00:00,-0.5,-0.45",
    "2021-01-24,0.2,-0.34",
)
MONTHLY_HEADER = "metric,value,value_formatted,as_of_date,factor_name"


def quarantined(batch: LegacyBatch) -> list[tuple[str, int, QuarantineCode]]:
    return [(entry.file, entry.line, entry.code) for entry in batch.quarantined]


def test_a_log_with_every_oddity_of_the_field():
    content = b"\xef\xbb\xbf" + log(
        "",
        header(1),
        row(1, run_id="20220101_000001"),
        "",
        row(2, run_id="20220101_000002", weighting_method='"market_cap"'),
        row(3, run_id="20220101_000003"),
        row(2, run_id="20220101_000002", weighting_method="market_cap"),
        row(2, run_id="20220101_000002", weighting_method="equal"),
        '20220101_000004,smb,0.5,"30',
        row(1, run_id="20220101_000005", factor="carry"),
        row(1, run_id="20220101_000006", factor="value"),
        end="\r\n",
    )
    batch = read_batch({"smb.csv": content + b"20220101_0000"})

    assert [(run.legacy_run_id, run.source.line, run.column_order, run.repaired) for run in batch.runs] == [
        ("20220101_000001", 3, 1, False),
        ("20220101_000002", 5, 2, False),
        ("20220101_000003", 6, 3, True),
    ]
    assert [(merged.source.line, merged.kept.line) for merged in batch.merged] == [(7, 5)]
    assert quarantined(batch) == [
        ("smb.csv", 8, QuarantineCode.CONFLICT),
        ("smb.csv", 9, QuarantineCode.BROKEN_QUOTES),
        ("smb.csv", 10, QuarantineCode.UNKNOWN_FACTOR),
        ("smb.csv", 11, QuarantineCode.FACTOR_MISMATCH),
        ("smb.csv", 12, QuarantineCode.CUT_OFF),
    ]
    assert "smb.csv:5" in batch.quarantined[0].reason
    assert "weighting_method" in batch.quarantined[0].reason
    assert batch.quarantined[1].raw == '20220101_000004,smb,0.5,"30'
    (file,) = batch.files
    assert (file.lines, file.taken, file.repaired, file.merged, file.quarantined) == (10, 3, 1, 1, 5)
    assert (batch.run_count, batch.repaired_count, batch.merged_count, batch.quarantined_count) == (
        3,
        1,
        1,
        5,
    )


def test_series_attach_to_their_run():
    batch = read_batch({RETURNS_NAME: RETURNS, "smb.csv": log(header(5), row(5))})
    series = batch.series_of(batch.runs[0])
    assert series.dates == (date(2021, 1, 3), date(2021, 1, 10), date(2021, 1, 24))
    assert series.returns == (0.1, -0.5, 0.2)
    assert batch.series == (series,)
    assert batch.orphan_series == batch.quarantined == ()


def test_a_series_without_its_run_is_an_orphan_for_the_caller_to_judge():
    batch = read_batch({RETURNS_NAME: RETURNS})
    assert batch.series == batch.quarantined == ()
    (orphan,) = batch.orphan_series
    entry = quarantine_orphan(orphan)
    assert (entry.file, entry.line, entry.raw, entry.code) == (
        RETURNS_NAME,
        0,
        RETURNS.decode(),
        QuarantineCode.ORPHAN_SERIES,
    )


@pytest.mark.parametrize(
    ("content", "code", "word"),
    [
        (RETURNS + b"2021-01-31,zero,0\n", QuarantineCode.NOT_A_NUMBER, "line 5"),
        (RETURNS + b"2021-01-31,0.0,-0.33\n", QuarantineCode.CUMULATIVE_DISAGREES, "line 5"),
        (RETURNS + b"2021-01-31,0.0,-0.3\n", QuarantineCode.CUMULATIVE_DISAGREES, "line 5"),
        (RETURNS + b"2021-01-24,0.0,-0.34\n", QuarantineCode.DATES_OUT_OF_ORDER, "line 5"),
        (RETURNS + b"2021-01-23,0.0,-0.34\n", QuarantineCode.DATES_OUT_OF_ORDER, "line 5"),
        (RETURNS + b"\n2021-01-31,nan,-0.34\n", QuarantineCode.CUT_OFF, "line 6"),
        (RETURNS + b"2021-01-31,0.0,\n", QuarantineCode.CUT_OFF, "line 5"),
        (RETURNS + b"2021-01-31,0.0", QuarantineCode.CUT_OFF, "line 5"),
        (RETURNS + b"2021-01-31,0.0,-0.34,1\n", QuarantineCode.WRONG_VALUE_COUNT, "line 5"),
        (RETURNS + b"2021-01-31,\xff,-0.34\n", QuarantineCode.NOT_UTF8, "line 5"),
        (
            RETURNS + b"2021-01-31,1e200,1e200\n2021-02-07,1e200,1e308\n",
            QuarantineCode.CUMULATIVE_DISAGREES,
            "",
        ),
        (RETURNS.replace(b"return,", b"net,", 1), QuarantineCode.BAD_HEADER, "date,return,cumulative_return"),
        (RETURNS.splitlines()[0], QuarantineCode.NO_RESULT, "no period"),
        (b"", QuarantineCode.EMPTY_FILE, "empty"),
    ],
)
def test_a_returns_file_with_one_fault_is_quarantined_whole(content, code, word):
    batch = read_batch({RETURNS_NAME: content, "smb.csv": log(header(5), row(5))})
    assert quarantined(batch) == [(RETURNS_NAME, 0, code)]
    assert word in batch.quarantined[0].reason
    assert batch.series == ()
    assert len(batch.runs) == 1


def test_a_cumulative_column_within_a_millionth_agrees():
    near = RETURNS.replace(b"-0.34\n", b"-0.3400009\n")
    assert len(read_batch({RETURNS_NAME: near}).orphan_series) == 1
    far = RETURNS.replace(b"-0.34\n", b"-0.340002\n")
    assert quarantined(read_batch({RETURNS_NAME: far})) == [
        (RETURNS_NAME, 0, QuarantineCode.CUMULATIVE_DISAGREES)
    ]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("carry_20220105_101112_returns.csv", QuarantineCode.UNKNOWN_FACTOR),
        ("smb_20221305_101112_returns.csv", QuarantineCode.BAD_RUN_ID),
    ],
)
def test_a_returns_file_whose_name_names_no_run_is_quarantined(name, code):
    assert quarantined(read_batch({name: RETURNS})) == [(name, 0, code)]


def test_the_same_rows_and_series_in_two_folders_are_merged():
    runs = log(header(5), row(5))
    batch = read_batch(
        {"a/smb.csv": runs, "b/smb.csv": runs, f"a/{RETURNS_NAME}": RETURNS, f"b/{RETURNS_NAME}": RETURNS}
    )
    assert (batch.run_count, batch.series_count, batch.merged_count, batch.quarantined_count) == (1, 1, 2, 0)
    assert [file.taken for file in batch.files] == [1, 1, 0, 0]


def test_another_series_for_the_same_run_is_a_conflict():
    other = RETURNS.replace(b"2021-01-24", b"2021-01-25")
    batch = read_batch({f"b/{RETURNS_NAME}": other, f"a/{RETURNS_NAME}": RETURNS})
    assert batch.orphan_series[0].dates[-1] == date(2021, 1, 24)
    assert quarantined(batch) == [(f"b/{RETURNS_NAME}", 0, QuarantineCode.CONFLICT)]


def test_a_monthly_sheet_is_attached_by_date_line_by_line():
    content = log(
        MONTHLY_HEADER,
        "Sharpe Ratio,1.25,1.25,2026-01-26,smb",
        "Top Contributor (Week),abcd,abcd,2026-01-26,smb",
        'Average ADV (Week),1234567.5,"1,234,567",2026-01-26,smb',
        "Max Drawdown,nan,,2026-01-26,smb",
        "Sharpe Ratio,1.5,1.50,2026-02-23,smb",
        "Sharpe Ratio,1.25,1.25,2026-01-26,smb",
        "Sharpe Ratio,1.75,1.75,2026-01-26,smb",
        "Sharpe Ratio,1.25,1.25,yesterday,smb",
        "Sharpe Ratio,1.25,1.25,2026-01-26,value",
        "Sharpe Ratio,1.25,1.25",
    )
    batch = read_batch({"smb_monthly_metrics.csv": content})
    january, february = batch.monthly_metrics
    assert (january.factor, january.as_of_date, february.as_of_date) == (
        "smb",
        date(2026, 1, 26),
        date(2026, 2, 23),
    )
    assert january.rows == (
        MonthlyMetric("Sharpe Ratio", 1.25, "1.25"),
        MonthlyMetric("Top Contributor (Week)", "abcd", "abcd"),
        MonthlyMetric("Average ADV (Week)", 1234567.5, "1,234,567"),
        MonthlyMetric("Max Drawdown", None, ""),
    )
    assert [(merged.source.line, merged.kept.line) for merged in batch.merged] == [(7, 2)]
    name = "smb_monthly_metrics.csv"
    assert quarantined(batch) == [
        (name, 8, QuarantineCode.CONFLICT),
        (name, 9, QuarantineCode.NOT_A_DATE),
        (name, 10, QuarantineCode.FACTOR_MISMATCH),
        (name, 11, QuarantineCode.CUT_OFF),
    ]


def test_a_monthly_sheet_with_another_header_or_factor_is_quarantined_whole():
    sheet = log(MONTHLY_HEADER, "Sharpe Ratio,1,1,2026-01-26,carry")
    batch = read_batch({"carry_monthly_metrics.csv": sheet, "smb_monthly_metrics.csv": RETURNS})
    assert quarantined(batch) == [
        ("carry_monthly_metrics.csv", 0, QuarantineCode.UNKNOWN_FACTOR),
        ("smb_monthly_metrics.csv", 0, QuarantineCode.BAD_HEADER),
    ]


@pytest.mark.parametrize(
    ("name", "content", "kind", "entries"),
    [
        ("notes.txt", b"by hand", FileKind.NOT_A_LOG, [(0, QuarantineCode.NOT_A_LOG)]),
        ("shopping.csv", b"milk,eggs\n1,2\n", FileKind.NOT_A_LOG, [(0, QuarantineCode.NOT_A_LOG)]),
        ("picture.png", b"\x89PNG\0\xff", FileKind.NOT_A_LOG, [(0, QuarantineCode.NOT_A_LOG)]),
        ("smb.csv", row(5).encode() + b"\n", FileKind.FACTOR_LOG, [(0, QuarantineCode.BAD_HEADER)]),
        ("smb.csv", "run_id,factor".encode("utf-16"), FileKind.FACTOR_LOG, [(0, QuarantineCode.BAD_HEADER)]),
        ("smb.csv", b"", FileKind.FACTOR_LOG, [(0, QuarantineCode.EMPTY_FILE)]),
        ("smb.csv", b"\n" * 100_001, FileKind.FACTOR_LOG, [(0, QuarantineCode.TOO_MANY_LINES)]),
        ("smb.csv", log(header(5)), FileKind.FACTOR_LOG, []),
        (
            "carry.csv",
            b"run_id,factor,annualized_return\n20250101_000000,carry,0.1\n",
            FileKind.FACTOR_LOG,
            [(2, QuarantineCode.UNKNOWN_FACTOR)],
        ),
        (
            "smb (1).csv",
            log(header(5), row(5)),
            FileKind.FACTOR_LOG,
            [(2, QuarantineCode.FACTOR_MISMATCH)],
        ),
    ],
)
def test_a_file_that_is_no_log_counts_once_and_one_of_an_unknown_factor_line_by_line(
    name, content, kind, entries
):
    batch = read_batch({name: content})
    assert [(entry.line, entry.code) for entry in batch.quarantined] == entries
    assert [file.kind for file in batch.files] == [kind]
    assert batch.runs == ()


def test_documentation_and_hidden_files_are_named_as_ignored():
    batch = read_batch({"README.md": b"about", ".hidden": b"", "README": b"", "plan.md": b""})
    assert batch.ignored_files == (".hidden", "README", "README.md", "plan.md")
    assert batch.files == batch.quarantined == ()


def test_the_order_in_which_files_are_given_changes_nothing():
    files = {
        "b/smb.csv": log(header(5), row(5)),
        "a/smb.csv": log(header(5), row(5, breakpoint="0.9")),
        RETURNS_NAME: RETURNS,
    }
    batch = read_batch(files)
    assert batch == read_batch(dict(reversed(files.items())))
    assert batch.runs[0].breakpoint == 0.9


def test_equal_values_have_equal_hashes_and_others_have_not():
    def read(**cells):
        return read_batch({"smb.csv": log(header(5), row(5, **cells))}).runs[0].content_hash

    assert read() == read(breakpoint="0.50", min_assets="30.0", end_date="2022-01-02 00:00:00")
    assert read(sharpe_ratio="-0.0") == read(sharpe_ratio="0")
    different = [read()] + [
        read(**{column: value})
        for column, value in {
            "run_id": "20220105_101113",
            "breakpoint": "0.25",
            "min_assets": "31",
            "weighting_method": "",
            "cumulative_returns": "0.4400000000000001",
            "annualized_return": "0.2",
            "years": "",
            "long_only_returns": "3.2",
            "short_only_returns": "0.6",
            "trailing_momentum_lookback_periods": "4",
            "sharpe_ratio": "nan",
            "sortino_ratio": "",
            "start_date": "2020-01-06",
            "end_date": "2022-01-03",
        }.items()
    ]
    assert len(set(different)) == len(different)


CELL = st.one_of(
    st.sampled_from(
        [*CELLS.values(), "", "nan", "0", "-1.5", "carry", "2020-13-01", '"', '"equal"', "1e999"]
    ),
    st.text(max_size=6),
)
LINE = st.one_of(
    st.lists(CELL, max_size=17).map(",".join),
    st.sampled_from([row(order) for order in COLUMNS] + [line(SHORT_COLUMNS)]),
    st.builds(
        lambda text, at, new: text[:at] + new + text[at + len(new) :],
        st.sampled_from([row(order) for order in COLUMNS]),
        st.integers(0, 120),
        st.text(alphabet='0123456789.,-"_ n\0\r', max_size=3),
    ),
)
LOG = st.builds(
    lambda first, lines, end, last: (first + end + end.join(lines) + last).encode("utf-8", "replace"),
    st.sampled_from([header(order) for order in COLUMNS] + [",".join(SHORT_COLUMNS), MONTHLY_HEADER, ""]),
    st.lists(LINE, max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n", "\n\n"]),
)
NAMES = ["smb.csv", "SMB.csv", "momentum.csv", "carry.csv", RETURNS_NAME, "smb_monthly_metrics.csv", "x.txt"]


@unhurried
@given(st.dictionaries(st.sampled_from(NAMES), st.one_of(LOG, st.binary(max_size=200)), max_size=3))
def test_whatever_the_bytes_every_line_is_taken_merged_or_quarantined(files):
    batch = read_batch(files)
    assert [file.name for file in batch.files] == sorted(files)
    whole = {entry.file for entry in batch.quarantined if entry.line == 0}
    for file in batch.files:
        if file.kind is FileKind.RETURNS or file.name in whole:
            assert file.taken + file.merged + file.quarantined == 1
            continue
        content = files[file.name].removeprefix(b"\xef\xbb\xbf")
        numbers = [number for number, text in enumerate(content.splitlines(), start=1) if text.strip()]
        accounted = (
            [run.source.line for run in batch.runs if run.source.file == file.name]
            + [merged.source.line for merged in batch.merged if merged.source.file == file.name]
            + [entry.line for entry in batch.quarantined if entry.file == file.name]
        )
        if file.kind is FileKind.FACTOR_LOG:
            assert sorted(accounted) == numbers[1:]
        assert file.lines - 1 == len(numbers) - 1 == file.taken + file.merged + file.quarantined


@unhurried
@given(LOG)
def test_every_run_that_is_taken_obeys_the_rules(content):
    for run in read_batch({"smb.csv": content}).runs:
        assert run.factor == "smb"
        assert run.run_time.tzinfo is not None
        assert (run.suspect is not None) == (
            run.cumulative_return is not None and run.cumulative_return <= -1
        )
        if run.start_date and run.end_date:
            assert run.start_date <= run.end_date
            if run.years is not None:
                spanned = (run.end_date - run.start_date).days / 365
                assert run.years == pytest.approx(spanned, rel=0.021)
