from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.sources.errors import SourceMalformed, SourceRefused, SourceRejected
from app.sources.yahoo_answers import parse_chart
from tests.app.sources.stand_ins.formulas import day_of

AS_THE_CLIENT_TAKES_THEM = (ValueError, KeyError, TypeError, IndexError, AttributeError)
"""Errors by which a parser says that the document is another one."""


@pytest.mark.parametrize(
    ("zone", "gmtoffset", "opening", "day"),
    [
        # Around the clock, so the day begins at midnight: an offset of the other season would miss it.
        ("Europe/London", 0, datetime(2024, 7, 1, 23, 0, tzinfo=UTC), date(2024, 7, 2)),
        ("America/New_York", -18_000, datetime(2024, 7, 2, 4, 0, tzinfo=UTC), date(2024, 7, 2)),
        # Sydney opens on the day before by UTC in summer, on the same day in winter.
        ("Australia/Sydney", 36_000, datetime(2024, 1, 15, 23, 0, tzinfo=UTC), date(2024, 1, 16)),
        ("Nowhere/Sydney", 36_000, datetime(2024, 1, 15, 23, 0, tzinfo=UTC), date(2024, 1, 16)),
        ("Nowhere/Sydney", 39_600, datetime(2024, 7, 16, 0, 0, tzinfo=UTC), date(2024, 7, 16)),
    ],
)
def test_a_bar_belongs_to_the_day_on_the_exchanges_clock(
    zone: str, gmtoffset: int, opening: datetime, day: date
):
    chart = parse_chart(bars([int(opening.timestamp())], zone=zone, gmtoffset=gmtoffset))
    assert chart.days.tolist() == [day_of(day)]


def bars(stamps: list[Any], *, zone: str = "America/New_York", gmtoffset: Any = -14_400) -> Any:
    ones = [1.0 for _ in stamps]
    return {
        "chart": {
            "result": [
                {
                    "meta": {"symbol": "X", "exchangeTimezoneName": zone, "gmtoffset": gmtoffset},
                    "timestamp": stamps,
                    "indicators": {
                        "quote": [{"close": ones, "volume": ones}],
                        "adjclose": [{"adjclose": ones}],
                    },
                }
            ],
            "error": None,
        }
    }


def damaged(change: str) -> Any:
    document = bars([1_700_000_000, 1_700_086_400])
    result = document["chart"]["result"][0]
    match change:
        case "no result":
            document["chart"]["result"] = None
        case "no meta":
            del result["meta"]
        case "fewer closes than times":
            result["indicators"]["quote"][0]["close"].pop()
        case "no adjusted closes":
            del result["indicators"]["adjclose"]
        case "a text for a time":
            result["timestamp"][0] = "noon"
        case "a time beyond the calendar":
            result["timestamp"][0] = 1e300
        case "a time before all trading":
            result["timestamp"][0] = -62_135_596_800  # the first of the year 1, by UTC alone
        case "a time in milliseconds":
            result["timestamp"][0] = 1_700_000_000_000
        case "a split of nothing":
            result["events"] = {"splits": {"1": {"date": 1_700_000_000, "numerator": 0, "denominator": 1}}}
        case "two splits of one day":
            split = {"date": 1_700_000_000, "numerator": 2, "denominator": 1}
            result["events"] = {"splits": {"1": split, "2": split | {"numerator": 3}}}
        case _:
            raise AssertionError(change)
    return document


@pytest.mark.parametrize(
    "change",
    [
        "no result",
        "no meta",
        "fewer closes than times",
        "no adjusted closes",
        "a text for a time",
        "a time beyond the calendar",
        "a time before all trading",
        "a time in milliseconds",
        "a split of nothing",
        "two splits of one day",
    ],
)
def test_a_chart_of_another_shape_is_an_error(change: str):
    with pytest.raises(AS_THE_CLIENT_TAKES_THEM):
        parse_chart(damaged(change))


def test_a_split_that_is_told_twice_counts_once():
    document = bars([1_700_000_000])
    split = {"date": 1_710_000_000, "numerator": 2, "denominator": 1}
    document["chart"]["result"][0]["events"] = {"splits": {"1": split, "2": split}}
    chart = parse_chart(document)
    assert chart.splits.after(chart.days).tolist() == [2.0]


@pytest.mark.parametrize(
    ("code", "error"),
    [("Not Found", SourceRejected), ("Unauthorized", SourceRefused), ("Internal", SourceMalformed)],
)
def test_an_error_that_yahoo_states_is_quoted_on_one_line(code: str, error: type[Exception]):
    document = {"chart": {"result": None, "error": {"code": code, "description": "we\nbroke it"}}}
    with pytest.raises(error, match=r"^Yahoo: we broke it$"):
        parse_chart(document)


@pytest.mark.parametrize("key", ["instrumentType", "currency"])
@pytest.mark.parametrize("value", [["USD"], {"is": "USD"}, 5, "\x1b"])
def test_a_kind_or_a_currency_that_is_no_text_is_another_shape(key: str, value: Any):
    document = bars([1_700_000_000])
    document["chart"]["result"][0]["meta"][key] = value
    with pytest.raises(AS_THE_CLIENT_TAKES_THEM):
        parse_chart(document)


def test_what_yahoo_says_cannot_steer_a_terminal():
    document = bars([1_700_000_000])
    meta = document["chart"]["result"][0]["meta"]
    meta.update(longName={"not": "a name"}, shortName="A\x1b[2J Corp", currency="\x1b[31mEUR" * 100)
    chart = parse_chart(document)
    assert chart.name == "A [2J Corp"
    assert chart.currency is not None
    assert chart.currency.isprintable()
    assert len(chart.currency) <= 200
