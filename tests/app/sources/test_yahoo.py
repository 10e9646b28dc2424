from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from app.sources.errors import SourceEmpty, SourceIncomplete, SourceRefused
from app.sources.harvest import AssetSeries
from app.sources.yahoo import Yahoo
from tests.app.sources.fetching import QUICK, fetch, unpaced
from tests.app.sources.stand_ins import yahoo as stand_in
from tests.app.sources.stand_ins.faults import HTML_PAGE, Asked, Fault, Faults, serve_in_thread
from tests.app.sources.stand_ins.formulas import day_of
from tests.app.sources.stand_ins.yahoo import CHART, COUNTS, days_of, sessions, stock

TODAY = date(2026, 7, 1)
START, END = date(2020, 1, 2), date(2025, 6, 30)
YEAR = date(2024, 1, 2), date(2024, 12, 31)
SPRING = date(2024, 2, 26), date(2024, 3, 15)
"""Over the change of the clocks of 10 March."""


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def source(faults: Faults) -> Iterator[Yahoo]:
    with serve_in_thread(stand_in.application(faults, today=TODAY)) as base_url:
        yield yahoo(base_url)


def yahoo(base_url: str, today: date = TODAY) -> Yahoo:
    return unpaced(Yahoo(base_url, today=lambda: today))


def chart_of(*symbols: str) -> Any:
    return lambda asked: asked.path in [CHART + symbol for symbol in symbols]


def counts(asked: Asked) -> bool:
    return asked.path.startswith(COUNTS)


def assert_exact(series: AssetSeries, start: date, end: date, *, today: date = TODAY) -> None:
    """Prices as served to the last bit, what is computed from them to rounding."""
    of = stock(series.asset)
    days = days_of(sessions(start, end))
    assert series.days.tolist() == days.tolist()
    served = stand_in.closes_as_served(of, days, today)
    traded = stand_in.closes_as_traded(of, days)
    shares = stand_in.share_counts(of, days)
    np.testing.assert_array_equal(series.values["price"], stand_in.adjusted_closes(of, days, today))
    np.testing.assert_array_equal(series.values["volume"], stand_in.volumes_as_served(of, days) * served)
    np.testing.assert_allclose(series.values["close"], traded, rtol=1e-12)
    np.testing.assert_allclose(series.values["shares"], shares, rtol=1e-12)
    np.testing.assert_allclose(series.values["market_cap"], traded * shares, rtol=1e-12)


async def test_equities_come_with_prices_volumes_and_market_caps(source: Yahoo, tmp_path: Path):
    fetched = await fetch(source, START, END, ("aapl", "MSFT", "brk-b"), cache_dir=tmp_path)
    assert not fetched.harvest.lost
    assert fetched.harvest.expected == fetched.harvest.done == 3
    for series in fetched.harvest.series.values():
        assert_exact(series, START, END)
    apple = fetched.harvest.series["AAPL"]
    assert apple.attributes == {"symbol": "AAPL", "name": "Apple Inc."}
    assert (apple.merged, apple.contradicted) == (0, 0)
    assert fetched.harvest.notes == []


async def test_closes_are_freed_of_splits_that_came_after_the_span(source: Yahoo, tmp_path: Path):
    # The split of 2026-03-02 lies between the span's end and today, that of 2020-08-31 lies in the span.
    fetched = await fetch(source, date(2020, 8, 20), date(2020, 9, 10), ("AAPL",), cache_dir=tmp_path)
    series = fetched.harvest.series["AAPL"]
    assert_exact(series, date(2020, 8, 20), date(2020, 9, 10))
    first = int(np.searchsorted(series.days, day_of(date(2020, 8, 31))))
    jump = series.values["close"][first] / series.values["close"][first - 1]
    assert 0.2 < jump < 0.3
    assert 0.8 < series.values["price"][first] / series.values["price"][first - 1] < 1.2
    assert 0.8 < series.values["market_cap"][first] / series.values["market_cap"][first - 1] < 1.2


async def test_a_reverse_split_is_undone_too(source: Yahoo, tmp_path: Path):
    fetched = await fetch(source, *SPRING, ("REV",), cache_dir=tmp_path)
    assert_exact(fetched.harvest.series["REV"], *SPRING)


async def test_a_split_between_the_last_count_and_the_span_changes_the_count(
    source: Yahoo, faults: Faults, tmp_path: Path
):
    june = day_of(date(2020, 6, 30))

    def only_before(document: Any) -> Any:
        result = document["timeseries"]["result"][0]
        kept = [index for index, stamp in enumerate(result["timestamp"]) if stamp // 86_400 <= june]
        for name in ("timestamp", "shares_out"):
            result[name] = [result[name][index] for index in kept]
        return document

    faults.add(Fault(rewrite=only_before), when=counts)
    start, end = date(2020, 9, 21), date(2020, 10, 30)
    fetched = await fetch(source, start, end, ("AAPL",), cache_dir=tmp_path)
    assert_exact(fetched.harvest.series["AAPL"], start, end)


async def test_a_count_of_shares_is_good_for_400_days_from_its_own_day(
    source: Yahoo, faults: Faults, tmp_path: Path
):
    counted = date(2022, 1, 10)
    stamp = int(datetime(2022, 1, 10, tzinfo=UTC).timestamp())
    answer = {"timestamp": [stamp, stamp + 86_400, stamp + 2 * 86_400], "shares_out": [1_000, 0, None]}
    faults.add(
        Fault(rewrite=lambda document: {"timeseries": {"result": [answer], "error": None}}), when=counts
    )
    fetched = await fetch(source, date(2022, 1, 3), date(2023, 6, 30), ("MSFT",), cache_dir=tmp_path)
    series = fetched.harvest.series["MSFT"]
    known = series.days[np.isfinite(series.values["market_cap"])]
    assert (known[0], known[-1]) == (day_of(counted), day_of(counted + timedelta(days=400)))
    assert set(series.values["shares"][np.isfinite(series.values["shares"])]) == {1_000.0}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(status=401),
        Fault(status=404),
        Fault(body=HTML_PAGE, content_type="text/html"),
        Fault(body=b'{"finance": {"result": null, "error": {"code": "Bad Request"}}}'),
        Fault(body=b'{"timeseries": {"result": null, "error": {"code": "Unauthorized"}}}'),
        Fault(body=b'{"timeseries": {"result": [{"timestamp": [1], "shares_out": []}], "error": null}}'),
    ],
)
async def test_without_counts_of_shares_the_asset_stays_without_a_market_cap(
    source: Yahoo, faults: Faults, tmp_path: Path, fault: Fault
):
    faults.add(fault, when=lambda asked: asked.path == COUNTS + "MSFT")
    fetched = await fetch(source, *SPRING, ("MSFT", "AAPL"), cache_dir=tmp_path)
    assert_exact(fetched.harvest.series["AAPL"], *SPRING)
    assert set(fetched.harvest.series["MSFT"].values) == {"price", "close", "volume"}
    assert fetched.harvest.notes == [
        "counts of shares could not be fetched, so no market cap, for 1 assets: MSFT"
    ]


async def test_that_yahoo_counts_no_shares_is_not_told_as_a_failure(
    source: Yahoo, faults: Faults, tmp_path: Path
):
    nothing = Fault(body=b'{"timeseries": {"result": [], "error": null}}')
    faults.add(nothing, when=lambda asked: asked.path == COUNTS + "MSFT")
    fetched = await fetch(source, *SPRING, ("MSFT",), cache_dir=tmp_path)
    assert set(fetched.harvest.series["MSFT"].values) == {"price", "close", "volume"}
    assert fetched.harvest.notes == ["no count of shares, so no market cap, for 1 assets: MSFT"]


async def test_what_is_no_company_has_no_market_cap_and_an_index_no_volume(
    source: Yahoo, faults: Faults, tmp_path: Path
):
    fetched = await fetch(source, *SPRING, ("SPY", "^gspc", "NOCNT"), cache_dir=tmp_path)
    assert {asset: set(series.values) for asset, series in fetched.harvest.series.items()} == {
        "SPY": {"price", "close", "volume"},
        "^GSPC": {"price", "close"},
        "NOCNT": {"price", "close", "volume"},
    }
    assert [asked.path for asked in faults.asked(COUNTS)] == [COUNTS + "NOCNT"]


async def test_bills_come_as_a_discount_rate_that_may_be_negative(
    source: Yahoo, faults: Faults, tmp_path: Path
):
    fetched = await fetch(source, START, END, ("^irx",), cache_dir=tmp_path)
    series = fetched.harvest.series["^IRX"]
    days = days_of(sessions(START, END))
    rates = stand_in.closes_as_traded(stock("^IRX"), days)
    assert (rates < 0).any()
    assert (rates == 0).any()
    assert series.days.tolist() == days.tolist()
    assert set(series.values) == {"price", "discount_rate"}
    np.testing.assert_array_equal(series.values["discount_rate"], rates)
    np.testing.assert_allclose(series.values["price"], 100 * (1 - rates / 100 * 91 / 360), rtol=1e-15)
    assert not faults.asked(COUNTS)


async def test_null_bars_are_missing(source: Yahoo, tmp_path: Path):
    fetched = await fetch(source, *SPRING, ("GAPS",), cache_dir=tmp_path)
    halted = {date(2024, 3, 5), date(2024, 3, 6)}
    expected = [day for day in sessions(*SPRING) if day not in halted]
    assert fetched.harvest.series["GAPS"].days.tolist() == days_of(expected).tolist()


async def test_a_null_among_values_is_missing_alone(source: Yahoo, faults: Faults, tmp_path: Path):
    def blank(document: Any) -> Any:
        document["chart"]["result"][0]["indicators"]["quote"][0]["volume"] = [
            None for _ in document["chart"]["result"][0]["timestamp"]
        ]
        return document

    faults.add(Fault(rewrite=blank), when=chart_of("MSFT"))
    fetched = await fetch(source, *SPRING, ("MSFT",), cache_dir=tmp_path)
    series = fetched.harvest.series["MSFT"]
    assert len(series.days) == len(sessions(*SPRING))
    assert set(series.values) == {"price", "close", "market_cap", "shares"}


@pytest.mark.parametrize("gmtoffset", [-14_400, -18_000], ids=["asked in summer", "asked in winter"])
@pytest.mark.parametrize("zone", ["America/New_York", "America/Nowhere", "../etc", 5, None])
async def test_days_are_those_of_the_exchange_whatever_the_season(
    faults: Faults, tmp_path: Path, gmtoffset: int, zone: object
):
    def name_zone(document: Any) -> Any:
        document["chart"]["result"][0]["meta"]["exchangeTimezoneName"] = zone
        return document

    faults.add(Fault(rewrite=name_zone), when=chart_of("MSFT"))
    application = stand_in.application(faults, today=TODAY, gmtoffset=gmtoffset)
    with serve_in_thread(application) as base_url:
        fetched = await fetch(yahoo(base_url), *YEAR, ("MSFT",), cache_dir=tmp_path)
    assert_exact(fetched.harvest.series["MSFT"], *YEAR)


async def test_the_session_of_today_is_left_out(source: Yahoo, tmp_path: Path):
    fetched = await fetch(source, date(2026, 6, 22), TODAY, ("MSFT",), cache_dir=tmp_path)
    assert_exact(fetched.harvest.series["MSFT"], date(2026, 6, 22), TODAY - timedelta(days=1))
    assert fetched.harvest.notes == [
        "asked for to 2026-07-01, fetched to 2026-06-30, the last day that is over"
    ]


async def test_words_merge_and_unknown_ones_are_lost(source: Yahoo, tmp_path: Path):
    words = ("aapl", "AAPL ", "ZZZZ", "no such thing", "a/../b")
    fetched = await fetch(source, *SPRING, words, cache_dir=tmp_path)
    assert sorted(fetched.harvest.series) == ["AAPL"]
    assert fetched.lost() == {
        "ZZZZ": "UNKNOWN_ASSET",
        "NO SUCH THING": "UNKNOWN_ASSET",
        "A/../B": "UNKNOWN_ASSET",
    }
    assert "No data found, symbol may be delisted" in fetched.harvest.lost["ZZZZ"].reason
    assert fetched.harvest.expected == fetched.harvest.done == 4


async def test_an_error_in_a_good_answer_means_the_same(source: Yahoo, faults: Faults, tmp_path: Path):
    faults.add(
        Fault(body=b'{"chart":{"result":null,"error":{"code":"Not Found","description":"No data found"}}}'),
        when=chart_of("MSFT"),
    )
    fetched = await fetch(source, *SPRING, ("MSFT",), cache_dir=tmp_path)
    assert fetched.lost() == {"MSFT": "UNKNOWN_ASSET"}


@pytest.mark.parametrize(
    ("start", "end"),
    [(date(2005, 1, 1), date(2006, 1, 1)), (date(2024, 3, 9), date(2024, 3, 10))],
    ids=["before the listing", "a weekend"],
)
async def test_a_span_without_a_session_is_no_data(source: Yahoo, tmp_path: Path, start: date, end: date):
    fetched = await fetch(source, start, end, ("MSFT", "^IRX"), cache_dir=tmp_path)
    assert not fetched.harvest.series
    assert fetched.lost() == {"MSFT": "NO_DATA", "^IRX": "NO_DATA"}


async def test_a_chart_that_does_not_reach_back_is_no_data(source: Yahoo, faults: Faults, tmp_path: Path):
    words = "Data doesn't exist for startDate = 1, endDate = 2"
    body = orjson.dumps({"chart": {"result": None, "error": {"code": "Bad Request", "description": words}}})
    faults.add(Fault(status=400, body=body), when=chart_of("MSFT"))
    fetched = await fetch(source, *SPRING, ("MSFT",), cache_dir=tmp_path)
    assert fetched.lost() == {"MSFT": "NO_DATA"}


async def test_a_listing_within_the_span_begins_there(source: Yahoo, tmp_path: Path):
    fetched = await fetch(source, START, END, ("NEW",), cache_dir=tmp_path)
    assert fetched.harvest.series["NEW"].days[0] == day_of(date(2025, 1, 6))


async def test_what_is_not_quoted_in_dollars_is_lost(source: Yahoo, tmp_path: Path):
    fetched = await fetch(source, *SPRING, ("SAP.DE",), cache_dir=tmp_path)
    assert fetched.lost() == {"SAP.DE": "OTHER_CURRENCY"}
    assert fetched.harvest.lost["SAP.DE"].reason == "Yahoo quotes it in EUR, and datasets are in USD"


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        pytest.param(Fault(status=429, headers={"Retry-After": "1"}), 2, id="429 with Retry-After"),
        pytest.param(Fault(status=500), 3, id="burst of 500"),
        pytest.param(Fault(status=503, body=HTML_PAGE, content_type="text/html"), 2, id="503 with a page"),
        pytest.param(Fault(break_off_at=0.5), 2, id="broken transfer"),
        pytest.param(Fault(delay_seconds=1.0), 1, id="slow answer"),
    ],
)
async def test_passing_trouble_leaves_no_trace(
    source: Yahoo, faults: Faults, tmp_path: Path, fault: Fault, times: int
):
    faults.add(fault, times=times)
    limits = replace(QUICK, timeout_seconds=0.5) if fault.delay_seconds else QUICK
    fetched = await fetch(source, *SPRING, ("AAPL", "MSFT"), cache_dir=tmp_path, limits=limits)
    assert not fetched.harvest.lost
    assert_exact(fetched.harvest.series["AAPL"], *SPRING)
    assert_exact(fetched.harvest.series["MSFT"], *SPRING)
    assert fetched.usage.retries >= times


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(status=500), "REQUEST_FAILED"),
        (Fault(shorten_to=0.9), "MALFORMED"),
        (Fault(body=HTML_PAGE, content_type="text/html"), "MALFORMED"),
    ],
)
async def test_one_asset_in_trouble_does_not_harm_the_others(
    source: Yahoo, faults: Faults, tmp_path: Path, fault: Fault, code: str
):
    faults.add(fault, when=chart_of("MSFT"))
    fetched = await fetch(source, *SPRING, ("AAPL", "MSFT"), cache_dir=tmp_path)
    assert fetched.lost() == {"MSFT": code}
    assert_exact(fetched.harvest.series["AAPL"], *SPRING)


async def test_when_most_assets_fail_there_is_no_dataset(source: Yahoo, faults: Faults, tmp_path: Path):
    faults.add(Fault(status=500), when=chart_of("MSFT", "REV"))
    with pytest.raises(SourceIncomplete, match="2 of 3 assets"):
        await fetch(source, *SPRING, ("AAPL", "MSFT", "REV"), cache_dir=tmp_path)


async def test_a_chart_of_another_shape_is_malformed(source: Yahoo, faults: Faults, tmp_path: Path):
    faults.add(Fault(body=b'{"chart": {"result": null, "error": null}}'), when=chart_of("MSFT"))
    fetched = await fetch(source, *SPRING, ("MSFT", "AAPL"), cache_dir=tmp_path)
    assert fetched.lost() == {"MSFT": "MALFORMED"}
    assert_exact(fetched.harvest.series["AAPL"], *SPRING)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=403),
        Fault(body=b'{"chart":{"result":null,"error":{"code":"Unauthorized","description":"no"}}}'),
    ],
)
async def test_a_refusal_ends_the_fetch(source: Yahoo, faults: Faults, tmp_path: Path, fault: Fault):
    faults.add(fault, when=chart_of("MSFT"))
    with pytest.raises(SourceRefused):
        await fetch(source, *SPRING, ("AAPL", "MSFT"), cache_dir=tmp_path)


async def test_bars_in_any_order_and_repeated_ones_make_one_series(
    source: Yahoo, faults: Faults, tmp_path: Path
):
    def shuffle(document: Any) -> Any:
        return with_bars(document, lambda values: [*values[::-1], *values])

    faults.add(Fault(rewrite=shuffle), when=chart_of("MSFT"))
    fetched = await fetch(source, *SPRING, ("MSFT",), cache_dir=tmp_path)
    assert_exact(fetched.harvest.series["MSFT"], *SPRING)
    assert fetched.harvest.series["MSFT"].merged == 3 * len(sessions(*SPRING))


async def test_a_session_whose_bars_differ_is_left_out(source: Yahoo, faults: Faults, tmp_path: Path):
    def contradict(document: Any) -> Any:
        result = document["chart"]["result"][0]
        index = result["timestamp"].index(
            next(stamp for stamp in result["timestamp"] if stamp // 86_400 == day_of(SPRING[0]))
        )
        times = result["timestamp"]
        return with_bars(
            document, lambda values: [*values, values[index] * (1.0 if values is times else 1.5)]
        )

    faults.add(Fault(rewrite=contradict), when=chart_of("MSFT"))
    fetched = await fetch(source, *SPRING, ("MSFT",), cache_dir=tmp_path)
    series = fetched.harvest.series["MSFT"]
    assert series.days.tolist() == days_of(sessions(*SPRING)[1:]).tolist()
    assert series.contradicted == 3


def with_bars(document: Any, change: Any) -> Any:
    """A chart whose times and columns all went through `change`."""
    result = document["chart"]["result"][0]
    result["timestamp"] = change(result["timestamp"])
    for columns in (result["indicators"]["quote"][0], result["indicators"]["adjclose"][0]):
        for name, values in columns.items():
            columns[name] = change(values)
    return document


async def test_a_fetch_that_is_repeated_asks_only_for_what_it_lacks(
    source: Yahoo, faults: Faults, tmp_path: Path
):
    faults.add(Fault(status=500), when=chart_of("MSFT"))
    await fetch(source, *SPRING, ("AAPL", "MSFT"), cache_dir=tmp_path)
    faults.clear()
    fetched = await fetch(source, *SPRING, ("AAPL", "MSFT"), cache_dir=tmp_path)
    assert sorted(fetched.harvest.series) == ["AAPL", "MSFT"]
    assert {asked.path for asked in faults.log} == {CHART + "MSFT", COUNTS + "MSFT"}


async def test_assets_have_to_be_named(source: Yahoo, faults: Faults, tmp_path: Path):
    with pytest.raises(SourceEmpty):
        await fetch(source, *SPRING, cache_dir=tmp_path)
    assert not faults.log


async def test_a_rate_among_equities_is_noted_as_nothing_to_hold(source: Yahoo, tmp_path: Path) -> None:
    fetched = await fetch(source, *SPRING, ("MSFT", "^IRX"), cache_dir=tmp_path)
    assert "^IRX is a rate and not to be held: exclude it from factors" in fetched.harvest.notes
    fetched = await fetch(source, *SPRING, ("^IRX",), cache_dir=tmp_path)
    assert not any("not to be held" in note for note in fetched.harvest.notes)
