import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.features.legacy.logs.cells import guarded, unguarded
from app.features.legacy.logs.files import (
    MAX_LINE_BYTES,
    MAX_LINES,
    MAX_RAW_CHARACTERS,
    FileName,
    classify,
    non_blank_lines,
    raw_text,
    storable,
)
from app.features.legacy.logs.records import FileKind
from app.features.legacy.logs.refusals import QuarantineCode, Refused
from tests.app.legacy_logs.shapes import unhurried


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("smb.csv", FileName(FileKind.FACTOR_LOG, "smb")),
        ("old/logs\\SMB.CSV", FileName(FileKind.FACTOR_LOG, "smb")),
        ("carry.csv", FileName(FileKind.FACTOR_LOG, "carry")),
        (
            "momentum_v2_20220105_101112_returns.csv",
            FileName(FileKind.RETURNS, "momentum_v2", "20220105_101112"),
        ),
        ("growth_monthly_metrics.csv", FileName(FileKind.MONTHLY_METRICS, "growth")),
        ("smb.csv.gz", FileName(FileKind.NOT_A_LOG)),
        ("notes.txt", FileName(FileKind.NOT_A_LOG)),
        ("", FileName(FileKind.NOT_A_LOG)),
        ("README", FileName(FileKind.IGNORED)),
        ("logs/readme.txt", FileName(FileKind.IGNORED)),
        ("how-to.md", FileName(FileKind.IGNORED)),
        (".DS_Store", FileName(FileKind.IGNORED)),
    ],
)
def test_a_name_says_what_a_file_is(name, expected):
    assert classify(name) == expected


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_keep_their_physical_numbers_over_blank_ones(end):
    content = end.join(["", "a,b", " \t", '"c, d",e', "", "f"]).encode()
    lines = non_blank_lines(content)
    assert [(line.number, line.text, line.ended) for line in lines] == [
        (2, "a,b", True),
        (4, '"c, d",e', True),
        (6, "f", False),
    ]
    assert lines[1].cells() == ["c, d", "e"]


def test_a_byte_order_mark_is_no_part_of_the_first_line():
    assert non_blank_lines(b"\xef\xbb\xbfrun_id,factor\r\n")[0].cells() == ["run_id", "factor"]


def test_values_are_stripped_and_unquoted_even_after_a_blank():
    assert non_blank_lines(b'a , "b,""c""",\td\n')[0].cells() == ["a", 'b,"c"', "d"]


def test_quotes_that_do_not_close_cost_their_own_line_only():
    first, second = non_blank_lines(b'a,"b\nc,d\n')
    with pytest.raises(Refused) as caught:
        first.cells()
    assert caught.value.code is QuarantineCode.BROKEN_QUOTES
    assert second.cells() == ["c", "d"]


def test_what_is_not_utf8_costs_its_own_line_and_is_kept_escaped():
    bad, good = non_blank_lines(b"a,\xff\n\xc3\xa9\n")
    with pytest.raises(Refused) as caught:
        bad.cells()
    assert caught.value.code is QuarantineCode.NOT_UTF8
    assert bad.raw == "a,\\xff"
    assert good.cells() == ["é"]


def test_line_separators_of_other_worlds_do_not_end_a_line():
    assert len(non_blank_lines("a\u2028b\x0bc\x85d\n".encode())) == 1


def test_a_line_may_be_just_so_long():
    longest, too_long = non_blank_lines(b"x" * MAX_LINE_BYTES + b"\n" + b"x" * (MAX_LINE_BYTES + 1))
    assert longest.cells() == ["x" * MAX_LINE_BYTES]
    with pytest.raises(Refused) as caught:
        too_long.cells()
    assert caught.value.code is QuarantineCode.LINE_TOO_LONG


def test_a_file_may_have_just_so_many_lines():
    assert len(non_blank_lines(b"x\r\n" * MAX_LINES)) == MAX_LINES
    with pytest.raises(Refused) as caught:
        non_blank_lines(b"x\n" * (MAX_LINES + 1))
    assert caught.value.code is QuarantineCode.TOO_MANY_LINES


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n \r\n\t"])
def test_a_file_of_nothing_is_empty(content):
    with pytest.raises(Refused) as caught:
        non_blank_lines(content)
    assert caught.value.code is QuarantineCode.EMPTY_FILE


def test_kept_text_can_be_stored_anywhere_and_says_where_it_was_cut():
    assert raw_text(b"\xef\xbb\xbfa\0b\xff") == "a\\x00b\\xff"
    assert storable("\udcff") == "\\udcff"
    assert raw_text("é".encode() * MAX_RAW_CHARACTERS) == "é" * MAX_RAW_CHARACTERS
    assert raw_text(b"x" * 10 * MAX_RAW_CHARACTERS) == "x" * MAX_RAW_CHARACTERS + " [cut here]"


@unhurried
@given(st.text(alphabet="'=+-@\t\ra "))
def test_guarding_text_is_undone_exactly(text):
    assert unguarded(guarded(text)) == text
    assert guarded(text)[:1] not in tuple("=+-@\t\r")
