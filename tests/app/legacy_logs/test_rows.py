from datetime import UTC, date, datetime

import pytest

from app.features.legacy.logs.columns import Header
from app.features.legacy.logs.records import Source
from app.features.legacy.logs.refusals import QuarantineCode, Refused
from app.features.legacy.logs.rows import read_row
from tests.app.legacy_logs.shapes import CELLS, COLUMNS, SHORT_COLUMNS, header, line, row

SOURCE = Source("smb.csv", 2, "as it was")
FIELD_OF_COLUMN = {
    "cumulative_returns": ("cumulative_return", 0.44),
    "annualized_return": ("annualized_return", 0.2006),
    "sharpe_ratio": ("sharpe_ratio", 1.31),
    "sortino_ratio": ("sortino_ratio", 2.72),
    "years": ("years", 1.9945),
    "long_only_returns": ("long_only_return", 3.1),
    "short_only_returns": ("short_only_return", 0.7),
    "trailing_momentum_lookback_periods": ("lookback_periods", 3),
    "start_date": ("start_date", date(2020, 1, 5)),
    "end_date": ("end_date", date(2022, 1, 2)),
}


def read(row_text: str, header_text: str, **options):
    return read_row(row_text.split(","), Header.of(header_text.split(",")), SOURCE, **options)


def refusal(row_text: str, header_text: str, **options) -> Refused:
    with pytest.raises(Refused) as caught:
        read(row_text, header_text, **options)
    return caught.value


@pytest.mark.parametrize("order", COLUMNS, ids=str)
def test_every_order_is_read_under_its_own_header(order):
    run = read(row(order), header(order))

    assert (run.factor, run.legacy_run_id, run.breakpoint, run.min_assets, run.weighting_method) == (
        "smb",
        "20220105_101112",
        0.5,
        30,
        "equal",
    )
    for column, (name, value) in FIELD_OF_COLUMN.items():
        assert getattr(run, name) == (value if column in COLUMNS[order] else None), name
    assert run.column_order == (6 if order == "6 without sortino" else order)
    assert not run.repaired
    assert run.suspect is None
    assert run.source == SOURCE


@pytest.mark.parametrize("under", COLUMNS, ids=lambda order: f"under-{order}")
@pytest.mark.parametrize("order", COLUMNS, ids=lambda order: f"row-{order}")
def test_a_row_is_read_right_under_any_header_or_refused_but_never_read_wrong(order, under):
    try:
        run = read(row(order), header(under))
    except Refused as caught:
        # order 1 has no dates: under a longer header it cannot be told from a line cut off
        assert caught.code is QuarantineCode.CUT_OFF  # noqa: PT017
        assert order == 1
        assert len(COLUMNS[order]) < len(COLUMNS[under])
    else:
        assert run == read(row(order), header(order))
        assert run.repaired == (
            COLUMNS[under][: len(COLUMNS[order])] != COLUMNS[order][: len(COLUMNS[under])]
        )


def test_a_longer_row_that_begins_as_its_header_says_is_no_repair():
    run = read(row(2), header(1))
    assert (run.column_order, run.repaired) == (2, False)


def test_a_row_of_another_order_under_a_header_of_the_same_length_is_repaired():
    run = read(row(3), header(2))
    assert (run.column_order, run.repaired, run.years) == (3, True, 1.9945)


def test_known_columns_in_an_unknown_order_are_read_by_their_names():
    columns = ("factor", "run_id", "end_date", "start_date", *reversed(SHORT_COLUMNS[2:]))
    run = read(line(columns), ",".join(columns))
    assert run.column_order is None
    assert not run.repaired
    assert (run.cumulative_return, run.weighting_method, run.start_date) == (0.44, "equal", date(2020, 1, 5))


def test_header_names_may_differ_in_case():
    assert read(row(2), header(2).upper()).column_order == 2


def test_a_row_that_cannot_be_tested_is_accepted_under_its_header():
    run = read(line(SHORT_COLUMNS), ",".join(SHORT_COLUMNS))
    assert (run.cumulative_return, run.annualized_return, run.years) == (0.44, 0.2006, None)
    assert read(row(6), header(6)).annualized_return == 0.2006


def test_a_row_that_cannot_be_tested_is_not_accepted_against_its_header():
    other_order = ",".join(("run_id", "factor", *reversed(COLUMNS[1][2:])))
    assert read(row(1), other_order).repaired
    untestable = row(1, cumulative_returns="nan")
    assert read(untestable, header(1)).annualized_return == 0.2006
    assert refusal(untestable, other_order).code is QuarantineCode.NOT_A_NUMBER


def test_nan_and_empty_are_missing_and_listed_as_unrecorded():
    run = read(row(5, sharpe_ratio="nan", sortino_ratio="", min_assets="NaN", weighting_method=""), header(5))
    assert run.unrecorded_fields == ("min_assets", "weighting_method", "sharpe_ratio", "sortino_ratio")


def test_a_lookback_is_missed_only_where_the_factor_has_one():
    assert "lookback_periods" not in read(row(2), header(2)).unrecorded_fields
    assert "lookback_periods" in read(row(2, factor="momentum"), header(2)).unrecorded_fields


def test_settings_outside_todays_ranges_are_kept():
    run = read(row(5, breakpoint="0.9", min_assets="2", weighting_method="by_Fees"), header(5))
    assert (run.breakpoint, run.min_assets, run.weighting_method) == (0.9, 2, "by_fees")


def test_whole_numbers_may_be_written_as_floats_and_dates_with_midnight():
    run = read(row(5, min_assets="30.0", start_date="2020-01-05 00:00:00"), header(5))
    assert (run.min_assets, run.start_date) == (30, date(2020, 1, 5))
    assert run == read(row(5), header(5))
    assert run.content_hash == read(row(5), header(5)).content_hash


def test_the_run_time_is_that_of_the_id_in_utc():
    assert read(row(5), header(5)).run_time == datetime(2022, 1, 5, 10, 11, 12, tzinfo=UTC)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 7])
def test_a_loss_of_everything_is_read_on_dates_and_years_and_marked_suspect(order):
    run = read(row(order, cumulative_returns="-1.2", annualized_return="nan"), header(order))
    assert run.cumulative_return == -1.2
    assert "-1.2" in run.suspect
    assert run.column_order == order


def test_a_suspect_row_under_a_wrong_header_is_repaired_by_dates_and_years():
    run = read(row(3, cumulative_returns="-1.0", annualized_return="-1.0"), header(2))
    assert (run.column_order, run.repaired, run.years) == (3, True, 1.9945)
    assert run.suspect


def test_two_readings_that_both_pass_under_a_header_that_names_one_keep_the_headers():
    # the short leg's return equals years: orders 2 and 3 both pass every test
    ambiguous = line(COLUMNS[2], short_only_returns=CELLS["years"])
    run = read(ambiguous, header(2))
    assert (run.column_order, run.repaired, run.sharpe_ratio) == (2, False, 1.31)


def test_two_readings_that_both_pass_under_a_header_that_names_neither_are_ambiguous():
    ambiguous = line(COLUMNS[2], short_only_returns=CELLS["years"])
    for neither in (header(7), header(6), ",".join(SHORT_COLUMNS)):
        caught = refusal(ambiguous, neither)
        assert caught.code is QuarantineCode.AMBIGUOUS
        assert "order 2 and order 3" in caught.reason


def test_two_readings_with_the_same_values_are_one():
    same = line(COLUMNS[2], **dict.fromkeys(("sharpe_ratio", "sortino_ratio", "years"), "1.9945"))
    same = same.replace("3.1,0.7", "1.9945,1.9945")
    run = read(same, header(7))
    assert run.sharpe_ratio == run.years == run.long_only_return == 1.9945


def test_a_header_whose_years_are_missing_does_not_win_over_an_order_whose_years_are_right():
    # order 3 without a Sharpe ratio: under order 2 the years would be missing, with nothing against it
    caught = refusal(row(3, sharpe_ratio="nan"), header(2))
    assert caught.code is QuarantineCode.AMBIGUOUS


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"run_id": "20221399_101112"}, QuarantineCode.BAD_RUN_ID),
        ({"run_id": ""}, QuarantineCode.BAD_RUN_ID),
        ({"factor": "carry"}, QuarantineCode.UNKNOWN_FACTOR),
        ({"breakpoint": "one half"}, QuarantineCode.NOT_A_NUMBER),
        ({"breakpoint": "0_5"}, QuarantineCode.NOT_A_NUMBER),
        ({"sharpe_ratio": "inf"}, QuarantineCode.NOT_A_NUMBER),
        ({"sharpe_ratio": "1e999"}, QuarantineCode.NOT_A_NUMBER),
        ({"min_assets": "30.5"}, QuarantineCode.NOT_A_NUMBER),
        ({"min_assets": "3e12"}, QuarantineCode.NOT_A_NUMBER),
        ({"weighting_method": "=cmd()"}, QuarantineCode.NOT_A_WORD),
        ({"start_date": "2020-02-30"}, QuarantineCode.NOT_A_DATE),
        ({"end_date": "2022-01-0"}, QuarantineCode.NOT_A_DATE),
        ({"end_date": "2022-01-02 12:00:00"}, QuarantineCode.NOT_A_DATE),
        ({"start_date": "2022-01-03"}, QuarantineCode.DATES_OUT_OF_ORDER),
        ({"years": "2.05"}, QuarantineCode.YEARS_DISAGREE),
        ({"years": "0.0"}, QuarantineCode.YEARS_DISAGREE),
        ({"years": "0.0", "end_date": "2020-01-05"}, QuarantineCode.YEARS_NOT_POSITIVE),
        ({"years": "-1.9945", "start_date": "", "end_date": ""}, QuarantineCode.YEARS_NOT_POSITIVE),
        ({"annualized_return": "0.2110"}, QuarantineCode.ANNUALIZED_DISAGREES),
        ({"cumulative_returns": "1e300", "years": "nan"}, QuarantineCode.ANNUALIZED_DISAGREES),
    ],
)
def test_a_fault_is_refused_for_what_it_is(cells, code):
    assert refusal(row(5, **cells), header(5)).code is code


def test_years_and_annualised_are_accepted_just_within_their_tolerance():
    assert read(row(5, years="2.03", annualized_return="0.205"), header(5)).years == 2.03
    assert read(row(5, annualized_return="0.2100"), header(5)).annualized_return == 0.21


def test_the_years_of_a_row_without_them_come_from_its_dates():
    columns = tuple(column for column in COLUMNS[5] if column != "years")
    assert read(line(columns), ",".join(columns)).annualized_return == 0.2006
    caught = refusal(line(columns, annualized_return="0.3"), ",".join(columns))
    assert caught.code is QuarantineCode.ANNUALIZED_DISAGREES


def test_a_span_too_small_to_compound_over_is_refused_not_an_overflow():
    caught = refusal(row(1, years="1e-9"), header(1))
    assert caught.code is QuarantineCode.ANNUALIZED_DISAGREES


def test_a_row_without_any_result_is_refused():
    empty = dict.fromkeys((name for name in COLUMNS[3] if "return" in name or "ratio" in name), "nan")
    assert refusal(row(3, **empty), header(3)).code is QuarantineCode.NO_RESULT


@pytest.mark.parametrize("cells", [{}, {"years": "0.0", "end_date": "2020-01-05"}])
def test_a_row_without_any_result_is_not_taken_for_one_with_a_result_elsewhere(cells):
    # under order 2 the years would be the short leg's return, and nothing would speak against that
    empty = dict.fromkeys((name for name in COLUMNS[3] if "return" in name or "ratio" in name), "nan")
    for other in (1, 2, 7):
        refusal(row(3, **(empty | cells)), header(other))


def test_a_row_of_years_zero_and_nan_says_both():
    caught = refusal(
        row(4, years="0.0", cumulative_returns="nan", annualized_return="", end_date="2020-01-05"), header(4)
    )
    assert caught.code is QuarantineCode.YEARS_NOT_POSITIVE
    assert "years is 0.0" in caught.reason
    assert "cumulative_return, annualized_return missing" in caught.reason


@pytest.mark.parametrize("count", range(1, 15))
def test_a_row_cut_off_after_any_value_is_refused(count):
    cut = ",".join(row(5).split(",")[:count])
    assert refusal(cut, header(5)).code is QuarantineCode.CUT_OFF


@pytest.mark.parametrize("order", COLUMNS, ids=str)
def test_a_last_line_cut_off_after_any_character_is_refused(order):
    whole = row(order, run_id="20220105_101112")
    for length in range(1, len(whole)):
        caught = refusal(whole[:length], header(order), line_ended=False)
        assert caught.code in {
            QuarantineCode.CUT_OFF,
            QuarantineCode.NOT_A_DATE,
            QuarantineCode.UNKNOWN_FACTOR,
        }


def test_a_last_line_without_end_is_accepted_when_it_ends_in_a_whole_date():
    assert read(row(5), header(5), line_ended=False).end_date == date(2022, 1, 2)
    assert refusal(row(1), header(1), line_ended=False).code is QuarantineCode.CUT_OFF


def test_more_values_than_any_order_has_are_refused():
    assert refusal(row(5) + ",1", header(5)).code is QuarantineCode.WRONG_VALUE_COUNT


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ((*COLUMNS[5], "notes"), "notes"),
        ((*SHORT_COLUMNS, "annualized_return"), "repeats annualized_return"),
        (("run_id", "factor", "annualized_return"), "lacks breakpoint"),
    ],
)
def test_rows_under_an_unusable_header_say_what_is_wrong_with_it(columns, word):
    values = ",".join(CELLS.get(column, "x") for column in columns)
    caught = refusal(values, ",".join(columns))
    assert caught.code is QuarantineCode.BAD_HEADER
    assert word in caught.reason


def test_a_row_that_tests_true_is_read_even_under_an_unusable_header():
    run = read(row(4), "run_id,factor,annualized_return")
    assert (run.column_order, run.repaired) == (4, True)
