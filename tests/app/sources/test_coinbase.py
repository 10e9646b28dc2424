from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.sources.cache import ResponseCache
from app.sources.client import SourceClient, Usage
from app.sources.coinbase import Coinbase
from app.sources.errors import SourceIncomplete, SourceMalformed, SourceRefused, SourceUnavailable
from app.sources.harvest import AssetSeries, Harvest
from engine.panel import PRICE, VOLUME
from tests.app.sources.fetching import QUICK, fetch, unpaced
from tests.app.sources.stand_ins import coinbase as stand_in
from tests.app.sources.stand_ins.coinbase import LISTINGS, PRODUCTS, Listing, closes, volumes
from tests.app.sources.stand_ins.faults import HTML_PAGE, Asked, Fault, Faults, serve_in_thread
from tests.app.sources.stand_ins.formulas import day_of

TODAY = date(2026, 6, 30)
START, END = date(2019, 6, 1), date(2023, 12, 31)
"""Six windows."""
FEW = (date(2022, 1, 1), date(2022, 2, 9))
"""40 days, enough to see a peg."""


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def source(faults: Faults) -> Iterator[Coinbase]:
    with serve_in_thread(stand_in.application(faults)) as base_url:
        yield coinbase(base_url)


def coinbase(base_url: str, today: date = TODAY) -> Coinbase:
    return unpaced(Coinbase(base_url, today=lambda: today))


def about(*products: str) -> Callable[[Asked], bool]:
    return lambda asked: any(asked.path == f"{PRODUCTS}/{product}/candles" for product in products)


def candles(asked: Asked) -> bool:
    return asked.path.endswith("/candles")


def listing(asked: Asked) -> bool:
    return asked.path == PRODUCTS


def assert_exact(series: AssetSeries, base: str, start: date, end: date) -> None:
    days = np.arange(day_of(start), day_of(end) + 1)
    assert series.days.tolist() == days.tolist()
    assert set(series.values) == {PRICE, VOLUME}
    prices = closes(base, days)
    np.testing.assert_array_equal(series.values[PRICE], prices)
    np.testing.assert_array_equal(series.values[VOLUME], volumes(base, days) * prices)


async def test_long_spans_come_in_windows_and_are_exact(source: Coinbase, faults: Faults, tmp_path: Path):
    fetched = await fetch(source, START, END, ("BTC", "sol"), cache_dir=tmp_path)

    assert_exact(fetched.harvest.series["btc"], "BTC", START, END)
    assert_exact(fetched.harvest.series["sol"], "SOL", date(2021, 6, 17), END)
    assert fetched.harvest.series["btc"].attributes == {
        "symbol": "BTC", "name": "Bitcoin", "product": "BTC-USD", "stable": "false"
    }  # fmt: skip
    assert (fetched.harvest.series["btc"].merged, fetched.harvest.series["btc"].contradicted) == (0, 0)
    assert fetched.harvest.expected == fetched.harvest.done == 2
    windows = [
        [datetime.fromtimestamp(int(asked.query[side]), UTC).date() for side in ("start", "end")]
        for asked in faults.asked("/BTC-USD/")
    ]
    assert len(windows) == 6
    assert (windows[0][0], windows[-1][1]) == (START, END)
    assert all((last - first).days < 300 for first, last in windows)
    assert all(left[1] + timedelta(days=1) == right[0] for left, right in pairwise(windows))
    assert {asked.query["granularity"] for asked in faults.asked("/candles")} == {"ONE_DAY"}


async def test_all_that_is_quoted_in_dollars_is_fetched_by_default(
    source: Coinbase, faults: Faults, tmp_path: Path
):
    fetched = await fetch(source, *FEW, cache_dir=tmp_path)

    products = {asset: series.attributes["product"] for asset, series in fetched.harvest.series.items()}
    assert products == {
        "btc": "BTC-USD",
        "celo": "CGLD-USD",
        "eth": "ETH-USD",
        "foo1": "FOO1-USD",
        "foo2": "FOO2-USD",
        "luna": "LUNA-USD",
        "old": "OLD-USD",
        "onlyc": "ONLYC-USDC",
        "sol": "SOL-USD",
        "wluna": "WLUNA-USD",
    }
    assert fetched.lost() == {
        "aave": "NO_DATA", "moved": "NO_DATA", "pegd": "STABLECOIN", "usdt": "STABLECOIN", "xrp": "NO_DATA"
    }  # fmt: skip
    assert fetched.harvest.expected == fetched.harvest.done == 15
    assert fetched.harvest.notes == [
        "not traded on Coinbase at present, kept up to their last day: old, wluna",
        "priced in USDC, taken for USD: onlyc",
    ]
    assert not faults.asked("USDT-USD")


async def test_a_product_that_is_not_traded_any_more_keeps_its_history(source: Coinbase, tmp_path: Path):
    fetched = await fetch(source, date(2023, 6, 1), date(2024, 12, 31), ("old",), cache_dir=tmp_path)

    assert_exact(fetched.harvest.series["old"], "OLD", date(2023, 6, 1), date(2024, 3, 1))


async def test_a_product_that_is_traded_comes_before_one_that_was(source: Coinbase, tmp_path: Path):
    fetched = await fetch(source, START, END, ("moved",), cache_dir=tmp_path)

    assert fetched.harvest.series["moved"].attributes["product"] == "MOVED-USDC"
    assert_exact(fetched.harvest.series["moved"], "MOVED", date(2022, 6, 1), END)


async def test_windows_without_a_candle_between_others_are_a_gap(source: Coinbase, tmp_path: Path):
    fetched = await fetch(source, START, END, ("xrp",), cache_dir=tmp_path)

    days = fetched.harvest.series["xrp"].days
    before = range(day_of(START), day_of(date(2021, 1, 19)))
    after = range(day_of(date(2023, 7, 14)), day_of(END) + 1)
    assert days.tolist() == [*before, *after]


async def test_assets_are_named_by_symbol_currency_or_product(source: Coinbase, tmp_path: Path):
    words = (
        "celo",
        "CGLD",
        "cgld-usd",
        "btc-usd",
        "Bitcoin",
        "USDT",
        "pegd",
        "foo",
        "luna",
        "foo1",
        "ONLYE",
    )

    fetched = await fetch(source, *FEW, words, cache_dir=tmp_path)

    assert {asset: series.attributes["stable"] for asset, series in fetched.harvest.series.items()} == {
        "celo": "false", "btc": "false", "usdt": "true", "pegd": "true", "luna": "false", "foo1": "false"
    }  # fmt: skip
    assert fetched.lost() == {"Bitcoin": "UNKNOWN_ASSET", "foo": "AMBIGUOUS_ASSET", "ONLYE": "UNKNOWN_ASSET"}
    assert "foo1, foo2" in fetched.harvest.lost["foo"].reason
    assert "onlyc" in fetched.harvest.lost["ONLYE"].reason
    assert fetched.harvest.expected == fetched.harvest.done == 9
    assert_exact(fetched.harvest.series["celo"], "CGLD", *FEW)


async def test_a_symbol_that_is_another_currencys_id_names_that_currency(faults: Faults, tmp_path: Path):
    listings = (Listing(base="AAA", symbol="BBB"), Listing(base="BBB", symbol="CCC"))
    with serve_in_thread(stand_in.application(faults, listings=listings)) as base_url:
        fetched = await fetch(coinbase(base_url), *FEW, cache_dir=tmp_path)

    assert {asset: series.attributes["product"] for asset, series in fetched.harvest.series.items()} == {
        "aaa": "AAA-USD", "ccc": "BBB-USD"
    }  # fmt: skip


@pytest.mark.parametrize("says", [True, False])
async def test_the_list_of_products_is_read_to_its_end(faults: Faults, tmp_path: Path, says: bool):
    """Whether the vendor says that more follows, or a full page is the only sign of it."""
    if says:
        listings, page_cap = LISTINGS, 3
    else:
        listings, page_cap = (*stand_in.many(999), *LISTINGS), 1_000
        faults.add(Fault(rewrite=lambda document: {"products": document["products"]}), when=listing)
    with serve_in_thread(stand_in.application(faults, listings=listings, page_cap=page_cap)) as base_url:
        products = await list_products(coinbase(base_url), tmp_path)

    assert len(faults.asked(PRODUCTS)) == (7 if says else 2)
    assert products["usdt"].product_id == "USDT-USD"
    assert {asked.query["product_type"] for asked in faults.log} == {"SPOT"}


async def test_a_future_is_no_product(source: Coinbase, faults: Faults, tmp_path: Path):
    def as_futures(document: Any) -> Any:
        for entry in document["products"]:
            if entry["base_currency_id"] == "BTC":
                entry["product_type"] = "FUTURE"
        return document

    faults.add(Fault(rewrite=as_futures), when=listing)

    assert "btc" not in await list_products(source, tmp_path)


async def test_an_empty_page_of_products_between_others_is_no_end(faults: Faults, tmp_path: Path):
    faults.add(
        Fault(rewrite=lambda document: {"products": [], "pagination": {"has_next": True}}),
        when=lambda asked: asked.query.get("offset") == "1000",
    )
    with serve_in_thread(
        stand_in.application(faults, listings=(*stand_in.many(1_000), *stand_in.many(1_000), *LISTINGS))
    ) as base_url:
        products = await list_products(coinbase(base_url), tmp_path)

    assert products["usdt"].product_id == "USDT-USD"


async def test_a_list_of_products_without_an_end_is_left(source: Coinbase, faults: Faults, tmp_path: Path):
    faults.add(Fault(body=b'{"products":[],"pagination":{"has_next":true}}'), when=listing)

    with pytest.raises(SourceMalformed, match="do not come to an end"):
        await fetch(source, *FEW, cache_dir=tmp_path)


async def list_products(source: Coinbase, cache_dir: Path) -> dict[str, Any]:
    cache = ResponseCache(cache_dir / "responses", timedelta(days=1))
    async with SourceClient(cache, QUICK) as client:
        return await source.products(client.requests(Usage()))


async def test_the_day_that_is_not_over_is_left_out(faults: Faults, tmp_path: Path):
    with serve_in_thread(stand_in.application(faults)) as base_url:
        source = coinbase(base_url, today=date(2022, 2, 1))
        fetched = await fetch(source, *FEW, ("btc",), cache_dir=tmp_path)
        later = await fetch(source, date(2022, 2, 1), FEW[1], ("btc",), cache_dir=tmp_path)

    assert_exact(fetched.harvest.series["btc"], "BTC", FEW[0], date(2022, 1, 31))
    assert any("2022-01-31" in note for note in fetched.harvest.notes)
    assert later.lost() == {"btc": "NO_DATA"}
    assert len(faults.asked("/candles")) == 1


async def test_a_span_without_data_loses_every_asset_without_failing(source: Coinbase, tmp_path: Path):
    fetched = await fetch(source, date(2010, 1, 1), date(2011, 12, 31), ("btc", "eth"), cache_dir=tmp_path)

    assert fetched.lost() == {"btc": "NO_DATA", "eth": "NO_DATA"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, headers={"Retry-After": "1"}),
        Fault(status=500),
        Fault(status=503, body=HTML_PAGE, content_type="text/html"),
        Fault(break_off_at=0.5),
    ],
    ids=["429", "500", "503 with a page", "broken off"],
)
async def test_what_may_pass_is_asked_again(source: Coinbase, faults: Faults, tmp_path: Path, fault: Fault):
    faults.add(fault, times=3, when=candles)

    fetched = await fetch(source, START, END, ("btc", "luna"), cache_dir=tmp_path)

    assert fetched.usage.retries == 3
    assert fetched.lost() == {}
    assert_exact(fetched.harvest.series["btc"], "BTC", START, END)
    assert_exact(fetched.harvest.series["luna"], "LUNA", START, END)


async def test_an_answer_that_does_not_come_is_asked_for_again(
    source: Coinbase, faults: Faults, tmp_path: Path
):
    faults.add(Fault(delay_seconds=20.0), times=1, when=candles)
    limits = replace(QUICK, timeout_seconds=1.0)

    fetched = await fetch(source, *FEW, ("btc",), cache_dir=tmp_path, limits=limits)

    assert fetched.usage.retries >= 1
    assert_exact(fetched.harvest.series["btc"], "BTC", *FEW)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(shorten_to=0.5), "MALFORMED"),
        (Fault(body=HTML_PAGE, content_type="text/html"), "MALFORMED"),
        (Fault(body=b'{"error":"INTERNAL"}'), "MALFORMED"),
        (Fault(body=b'{"candles":[{"start":"1640995200"}]}'), "MALFORMED"),
        (Fault(body=b'{"candles":[{"start":"x","close":"1","volume":"1"}]}'), "MALFORMED"),
        (Fault(status=500), "REQUEST_FAILED"),
        (Fault(status=503, body=HTML_PAGE, content_type="text/html"), "REQUEST_FAILED"),
        (Fault(status=404, body=b'{"error":"NOT_FOUND","message":"not supported"}'), "UNKNOWN_ASSET"),
        (Fault(status=418), "REQUEST_FAILED"),
    ],
    ids=["cut off", "page", "error", "no close", "bad time", "500", "503 with a page", "404", "418"],
)
async def test_an_asset_of_which_one_window_fails_is_lost_whole(
    source: Coinbase, faults: Faults, tmp_path: Path, fault: Fault, code: str
):
    second = str(int(datetime(2020, 3, 27, tzinfo=UTC).timestamp()))
    faults.add(fault, when=lambda asked: about("ETH-USD")(asked) and asked.query["start"] == second)

    fetched = await fetch(source, START, END, ("btc", "eth", "luna"), cache_dir=tmp_path)

    assert fetched.lost() == {"eth": code}
    assert_exact(fetched.harvest.series["btc"], "BTC", START, END)
    assert fetched.harvest.expected == fetched.harvest.done == 3


async def test_candles_that_repeat_or_come_in_any_order_are_one_series(
    source: Coinbase, faults: Faults, tmp_path: Path
):
    def shuffle(document: Any) -> Any:
        return {"candles": [*document["candles"][::-1], *document["candles"][:4]]}

    faults.add(Fault(rewrite=shuffle), when=candles)

    fetched = await fetch(source, *FEW, ("btc",), cache_dir=tmp_path)

    assert_exact(fetched.harvest.series["btc"], "BTC", *FEW)
    assert (fetched.harvest.series["btc"].merged, fetched.harvest.series["btc"].contradicted) == (8, 0)


async def test_a_day_of_which_two_candles_differ_is_left_out(
    source: Coinbase, faults: Faults, tmp_path: Path
):
    def contradict(document: Any) -> Any:
        newest = document["candles"][0]
        return {"candles": [*document["candles"], {**newest, "close": "123"}]}

    faults.add(Fault(rewrite=contradict), when=candles)

    fetched = await fetch(source, *FEW, ("btc",), cache_dir=tmp_path)

    assert_exact(fetched.harvest.series["btc"], "BTC", FEW[0], FEW[1] - timedelta(days=1))
    assert fetched.harvest.series["btc"].contradicted == 2


async def test_a_candle_outside_of_the_span_is_not_kept(source: Coinbase, faults: Faults, tmp_path: Path):
    def widen(document: Any) -> Any:
        oldest = document["candles"][-1]
        return {"candles": [*document["candles"], {**oldest, "start": str(int(oldest["start"]) - 86_400)}]}

    faults.add(Fault(rewrite=widen), when=candles)

    fetched = await fetch(source, *FEW, ("btc",), cache_dir=tmp_path)

    assert_exact(fetched.harvest.series["btc"], "BTC", *FEW)


async def test_more_candles_than_a_window_can_have_are_not_taken_in(
    source: Coinbase, faults: Faults, tmp_path: Path
):
    def swell(document: Any) -> Any:
        return {"candles": document["candles"] * 100}

    faults.add(Fault(rewrite=swell), when=lambda asked: "BTC-USD/candles" in asked.path)

    fetched = await fetch(source, *FEW, ("btc", "eth"), cache_dir=tmp_path)

    assert fetched.lost() == {"btc": "MALFORMED"}


async def test_a_candle_without_a_volume_keeps_its_price(source: Coinbase, faults: Faults, tmp_path: Path):
    def empty(document: Any) -> Any:
        document["candles"][-1]["volume"] = ""
        return document

    faults.add(Fault(rewrite=empty), when=candles)

    fetched = await fetch(source, *FEW, ("btc",), cache_dir=tmp_path)

    series = fetched.harvest.series["btc"]
    assert np.isfinite(series.values[PRICE]).all()
    assert np.flatnonzero(np.isnan(series.values[VOLUME])).tolist() == [0]


async def test_a_refusal_ends_the_fetch(source: Coinbase, faults: Faults, tmp_path: Path):
    faults.add(Fault(status=403), when=about("SOL-USD"))

    with pytest.raises(SourceRefused):
        await fetch(source, *FEW, cache_dir=tmp_path)


async def test_a_failing_list_of_products_ends_the_fetch(source: Coinbase, faults: Faults, tmp_path: Path):
    faults.add(Fault(status=500))

    with pytest.raises(SourceUnavailable, match="Coinbase"):
        await fetch(source, *FEW, cache_dir=tmp_path)
    assert not faults.asked("/candles")


async def test_failing_for_most_assets_ends_the_fetch_plainly(
    source: Coinbase, faults: Faults, tmp_path: Path
):
    faults.add(Fault(shorten_to=0.3), when=about("BTC-USD", "ETH-USD"))

    with pytest.raises(SourceIncomplete, match="2 of 3"):
        await fetch(source, *FEW, ("btc", "eth", "luna"), cache_dir=tmp_path)


async def test_failing_for_few_assets_does_not(source: Coinbase, faults: Faults, tmp_path: Path):
    faults.add(Fault(shorten_to=0.3), when=about("BTC-USD"))

    fetched = await fetch(source, *FEW, ("btc", "eth", "luna"), cache_dir=tmp_path)

    assert fetched.lost() == {"btc": "MALFORMED"}


async def test_what_was_fetched_is_not_asked_for_again(source: Coinbase, faults: Faults, tmp_path: Path):
    last = str(int(datetime(2023, 7, 10, tzinfo=UTC).timestamp()))
    faults.add(Fault(status=500), when=lambda asked: asked.query.get("start") == last)
    with pytest.raises(SourceIncomplete):
        await fetch(source, START, END, ("btc", "eth"), cache_dir=tmp_path)
    faults.clear()

    fetched = await fetch(source, START, END, ("btc", "eth"), cache_dir=tmp_path)

    assert {asked.query["start"] for asked in faults.log} == {last}
    assert_exact(fetched.harvest.series["eth"], "ETH", START, END)


async def test_assets_come_in_one_after_another(faults: Faults, tmp_path: Path):
    """So that progress can be seen, and not only at the very end."""
    done_at: list[int] = []
    harvest = Harvest(on_change=lambda: done_at.append(len(faults.asked("/candles"))))
    listings = stand_in.many(60, since=date(2021, 1, 1))
    until = date(2021, 3, 1)
    with serve_in_thread(stand_in.application(faults, listings=listings, until=until)) as base_url:
        source = coinbase(base_url)
        await fetch(source, date(2018, 11, 1), until, cache_dir=tmp_path, harvest=harvest)

    assert len(done_at) == 61
    assert len(faults.asked("/candles")) == 180
    assert done_at[16] < 110


async def test_only_some_of_many_assets_are_named_in_a_note(faults: Faults, tmp_path: Path):
    listings = tuple(replace(product, quote="USDC") for product in stand_in.many(23, since=date(2022, 1, 1)))
    with serve_in_thread(stand_in.application(faults, listings=listings, until=FEW[1])) as base_url:
        fetched = await fetch(coinbase(base_url), *FEW, cache_dir=tmp_path)

    assert len(fetched.harvest.series) == 23
    assert fetched.harvest.notes[0].endswith("c018, c019 and 3 more")


def test_the_pace_keeps_within_ten_requests_a_second():
    host = Coinbase("https://vendor.test")._host

    assert host.requests_per_second == 10
    assert host.burst == 1
