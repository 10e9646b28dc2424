from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.sources.coinmetrics import FIELD_OF_METRIC, CoinMetrics
from app.sources.errors import SourceIncomplete, SourceRefused, SourceUnavailable
from app.sources.harvest import AssetSeries
from engine.panel import DAU, FEES, MARKET_CAP, PRICE
from tests.app.sources.fetching import QUICK, fetch, unpaced
from tests.app.sources.stand_ins import coinmetrics as stand_in
from tests.app.sources.stand_ins.coinmetrics import CATALOG, COINS, SERIES, TIMESERIES, Coin
from tests.app.sources.stand_ins.faults import HTML_PAGE, Asked, Fault, Faults, serve_in_thread
from tests.app.sources.stand_ins.formulas import day_of

START, END = date(2018, 6, 1), date(2020, 12, 31)
FEW = (date(2020, 1, 1), date(2020, 2, 9))
"""40 days, enough to see a peg."""


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def source(faults: Faults) -> Iterator[CoinMetrics]:
    with serve_in_thread(stand_in.application(faults)) as base_url:
        yield coinmetrics(base_url)


def coinmetrics(base_url: str) -> CoinMetrics:
    return unpaced(CoinMetrics(base_url))


def about(*assets: str) -> Callable[[Asked], bool]:
    """Requests for data of any of the assets, alone or among others."""
    return lambda asked: bool(set(assets) & set(asked.query.get("assets", "").split(",")))


def data(asked: Asked) -> bool:
    return asked.path == TIMESERIES


def assert_exact(series: AssetSeries, start: date, end: date) -> None:
    """All that the stand-in has of the asset, day by day."""
    coin = COINS[series.asset]
    days = np.arange(max(day_of(start), day_of(coin.since)), day_of(end) + 1)
    assert series.days.tolist() == days.tolist()
    assert set(series.values) == {FIELD_OF_METRIC[metric] for metric in coin.metrics}
    for metric in coin.metrics:
        expected = SERIES[metric](series.asset, days)
        np.testing.assert_array_equal(series.values[FIELD_OF_METRIC[metric]], expected, err_msg=metric)


async def test_the_recommended_assets_are_fetched_exactly_over_many_pages(faults: Faults, tmp_path: Path):
    with serve_in_thread(stand_in.application(faults, page_cap=700)) as base_url:
        fetched = await fetch(coinmetrics(base_url), START, END, cache_dir=tmp_path)

    assert sorted(fetched.harvest.series) == ["btc", "doge", "eth", "link", "ltc"]
    for series in fetched.harvest.series.values():
        assert_exact(series, START, END)
        assert (series.merged, series.contradicted) == (0, 0)
        assert series.attributes == {"symbol": series.asset.upper(), "stable": "false"}
    assert fetched.lost() == {
        "aave": "NO_DATA", "pegd": "STABLECOIN", "usdc": "STABLECOIN", "usdt_eth": "STABLECOIN"
    }  # fmt: skip
    assert fetched.harvest.expected == fetched.harvest.done == 9
    assert any("next_page_token" in asked.query for asked in faults.asked(TIMESERIES))
    assert not any(about("usdc", "usdt_eth", "nocap")(asked) for asked in faults.log)
    assert any("no traded volume" in note for note in fetched.harvest.notes)


async def test_a_catalog_of_several_pages_is_read_to_its_end(faults: Faults, tmp_path: Path):
    with serve_in_thread(stand_in.application(faults, page_cap=2)) as base_url:
        fetched = await fetch(coinmetrics(base_url), *FEW, ("usdc", "aave", "btc"), cache_dir=tmp_path)

    assert len(faults.asked(CATALOG)) == 6
    assert sorted(fetched.harvest.series) == ["btc", "usdc"]


async def test_only_what_the_catalog_lists_is_asked_for(source: CoinMetrics, faults: Faults, tmp_path: Path):
    await fetch(source, *FEW, cache_dir=tmp_path)

    for asked in faults.asked(TIMESERIES):
        metrics = set(asked.query["metrics"].split(","))
        assert all(metrics == set(COINS[asset].metrics) for asset in asked.query["assets"].split(","))
        assert asked.query["frequency"] == "1d"


async def test_requests_ask_for_no_more_rows_than_a_page_has(faults: Faults, tmp_path: Path):
    coins = {name: replace(coin, since=date(2020, 1, 1)) for name, coin in stand_in.many(60).items()}
    with serve_in_thread(stand_in.application(faults, coins=coins, until=FEW[1])) as base_url:
        await fetch(coinmetrics(base_url), date(2015, 1, 1), date(2020, 1, 10), cache_dir=tmp_path)
        long = [len(asked.query["assets"].split(",")) for asked in faults.asked(TIMESERIES)]
        faults.clear()
        await fetch(coinmetrics(base_url), *FEW, cache_dir=tmp_path)
        short = [len(asked.query["assets"].split(",")) for asked in faults.asked(TIMESERIES)]

    assert sorted(long) == [5] * 12
    assert sorted(short) == [10, 25, 25]


async def test_what_the_caller_names_needs_a_price_only(source: CoinMetrics, tmp_path: Path):
    words = ("nocap", "noprice", "USDC", "pegd", " Btc", "btc ", "")

    fetched = await fetch(source, START, END, words, cache_dir=tmp_path)

    assert {asset: series.attributes["stable"] for asset, series in fetched.harvest.series.items()} == {
        "nocap": "false", "usdc": "true", "pegd": "true", "btc": "false"
    }  # fmt: skip
    assert set(fetched.harvest.series["nocap"].values) == {PRICE, DAU}
    assert fetched.lost() == {"noprice": "NO_DATA"}
    assert fetched.harvest.expected == fetched.harvest.done == 5


async def test_a_word_that_means_nothing_is_lost_with_near_matches(source: CoinMetrics, tmp_path: Path):
    fetched = await fetch(source, *FEW, ("dogge", "BTC"), cache_dir=tmp_path)

    assert list(fetched.harvest.series) == ["btc"]
    lost = fetched.harvest.lost["dogge"]
    assert lost.code == "UNKNOWN_ASSET"
    assert "'dogge'" in lost.reason
    assert "doge" in lost.reason.split("near matches:")[1]


async def test_a_span_without_data_loses_every_asset_without_failing(source: CoinMetrics, tmp_path: Path):
    fetched = await fetch(source, date(2009, 1, 1), date(2009, 12, 31), ("btc", "eth"), cache_dir=tmp_path)

    assert fetched.lost() == {"btc": "NO_DATA", "eth": "NO_DATA"}
    assert "2009-01-01" in fetched.harvest.lost["btc"].reason


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
async def test_what_may_pass_is_asked_again(
    source: CoinMetrics, faults: Faults, tmp_path: Path, fault: Fault
):
    faults.add(fault, times=3, when=data)

    fetched = await fetch(source, START, END, ("btc", "ltc"), cache_dir=tmp_path)

    assert fetched.usage.retries == 3
    assert fetched.lost() == {}
    assert_exact(fetched.harvest.series["btc"], START, END)
    assert_exact(fetched.harvest.series["ltc"], START, END)


async def test_an_answer_that_does_not_come_is_asked_for_again(
    source: CoinMetrics, faults: Faults, tmp_path: Path
):
    faults.add(Fault(delay_seconds=20.0), times=1, when=data)
    limits = replace(QUICK, timeout_seconds=1.0)

    fetched = await fetch(source, *FEW, ("btc",), cache_dir=tmp_path, limits=limits)

    assert fetched.usage.retries >= 1
    assert_exact(fetched.harvest.series["btc"], *FEW)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(shorten_to=0.5), "MALFORMED"),
        (Fault(body=HTML_PAGE, content_type="text/html"), "MALFORMED"),
        (Fault(body=b'{"error":{"type":"forbidden","message":"not yours"}}'), "MALFORMED"),
        (Fault(body=b'{"data":[{"asset":"btc","time":"2020-01-01"}]}'), "MALFORMED"),
        (Fault(body=b'{"data":[{"asset":"doge","time":"yesterday"}]}'), "MALFORMED"),
        (Fault(status=500), "REQUEST_FAILED"),
        (Fault(status=503, body=HTML_PAGE, content_type="text/html"), "REQUEST_FAILED"),
        (Fault(status=400, body=b'{"error":{"type":"bad_parameter","message":"no doge"}}'), "UNKNOWN_ASSET"),
        (Fault(status=414), "REQUEST_FAILED"),
    ],
    ids=["cut off", "page", "error", "of another", "bad time", "500", "503 with a page", "400", "414"],
)
async def test_an_asset_that_spoils_its_group_is_lost_alone(
    source: CoinMetrics, faults: Faults, tmp_path: Path, fault: Fault, code: str
):
    faults.add(fault, when=about("doge"))

    fetched = await fetch(source, *FEW, cache_dir=tmp_path)

    assert fetched.lost()["doge"] == code
    assert sorted(fetched.harvest.series) == ["btc", "eth", "link", "ltc"]
    assert_exact(fetched.harvest.series["ltc"], *FEW)
    assert fetched.harvest.expected == fetched.harvest.done == 9


async def test_an_empty_page_between_others_is_no_end(source: CoinMetrics, faults: Faults, tmp_path: Path):
    def emptied(document: Any) -> Any:
        return {"data": [], "next_page_token": "MA=="}  # which is the token of the first row

    faults.add(Fault(rewrite=emptied), when=data, times=1)

    fetched = await fetch(source, START, END, ("btc",), cache_dir=tmp_path)

    assert len(faults.asked(TIMESERIES)) == 2
    assert_exact(fetched.harvest.series["btc"], START, END)


async def test_pages_of_more_rows_than_there_can_be_are_left(
    source: CoinMetrics, faults: Faults, tmp_path: Path
):
    tokens = (b64encode(str(row).encode()).decode() for row in range(1, 40))

    def swollen(document: Any) -> Any:
        return {"data": document["data"][:20] * 400, "next_page_token": next(tokens)}

    faults.add(Fault(rewrite=swollen), when=about("btc"))

    fetched = await fetch(source, *FEW, ("btc", "ltc", "eth"), cache_dir=tmp_path)

    assert fetched.lost() == {"btc": "MALFORMED"}
    assert "more rows than there can be" in fetched.harvest.lost["btc"].reason
    alone = [asked for asked in faults.asked(TIMESERIES) if asked.query["assets"] == "btc"]
    assert len(alone) == 2


async def test_pages_that_go_in_a_circle_are_left(source: CoinMetrics, faults: Faults, tmp_path: Path):
    faults.add(Fault(rewrite=lambda document: {**document, "next_page_token": "MA=="}), when=about("btc"))

    fetched = await fetch(source, *FEW, ("btc", "ltc", "eth"), cache_dir=tmp_path)

    assert fetched.lost() == {"btc": "MALFORMED"}
    assert "do not come to an end" in fetched.harvest.lost["btc"].reason


async def test_points_that_repeat_or_come_in_any_order_are_one_series(
    source: CoinMetrics, faults: Faults, tmp_path: Path
):
    faults.add(
        Fault(rewrite=lambda document: {"data": [*reversed(document["data"]), *document["data"][:4]]}),
        when=data,
    )

    fetched = await fetch(source, *FEW, ("link",), cache_dir=tmp_path)

    assert_exact(fetched.harvest.series["link"], *FEW)
    assert fetched.harvest.series["link"].merged == 8
    assert fetched.harvest.series["link"].contradicted == 0


async def test_a_day_of_which_two_points_differ_is_left_out_of_that_field(
    source: CoinMetrics, faults: Faults, tmp_path: Path
):
    def contradict(document: Any) -> Any:
        rows = document["data"]
        return {"data": [*rows, {**rows[3], "PriceUSD": "123"}]}

    faults.add(Fault(rewrite=contradict), when=data)

    fetched = await fetch(source, *FEW, ("link",), cache_dir=tmp_path)

    series = fetched.harvest.series["link"]
    assert len(series.days) == 40
    assert np.flatnonzero(np.isnan(series.values[PRICE])).tolist() == [3]
    assert np.isfinite(series.values[MARKET_CAP]).all()
    assert (series.merged, series.contradicted) == (1, 1)


async def test_null_and_absent_values_are_missing(source: CoinMetrics, faults: Faults, tmp_path: Path):
    def emptied(document: Any) -> Any:
        rows = document["data"]
        rows[2] |= {"FeeTotUSD": None}
        del rows[5]["CapMrktCurUSD"]
        rows[7] = {"asset": "btc", "time": rows[7]["time"]}
        return document

    faults.add(Fault(rewrite=emptied), when=data)

    fetched = await fetch(source, *FEW, ("btc",), cache_dir=tmp_path)

    series = fetched.harvest.series["btc"]
    first = day_of(FEW[0])
    assert series.days.tolist() == [first + day for day in range(40) if day != 7]
    assert np.flatnonzero(np.isnan(series.values[FEES])).tolist() == [2]
    assert np.flatnonzero(np.isnan(series.values[MARKET_CAP])).tolist() == [5]
    assert np.isfinite(series.values[PRICE]).all()


async def test_null_does_not_contradict_a_value(source: CoinMetrics, faults: Faults, tmp_path: Path):
    def add_nulls(document: Any) -> Any:
        rows = document["data"]
        return {"data": [*rows, *({**row, "PriceUSD": None, "CapMrktCurUSD": None} for row in rows[:5])]}

    faults.add(Fault(rewrite=add_nulls), when=data)

    fetched = await fetch(source, *FEW, ("link",), cache_dir=tmp_path)

    assert_exact(fetched.harvest.series["link"], *FEW)
    assert (fetched.harvest.series["link"].merged, fetched.harvest.series["link"].contradicted) == (0, 0)


async def test_a_metric_that_is_closed_to_the_community_is_not_asked_for(faults: Faults, tmp_path: Path):
    def close_fees(document: Any) -> Any:
        for entry in document["data"]:
            for listed in entry["metrics"]:
                if listed["metric"] == "FeeTotUSD":
                    listed["frequencies"][0]["community"] = False
        return document

    faults.add(Fault(rewrite=close_fees), when=lambda asked: asked.path == CATALOG)
    with serve_in_thread(stand_in.application(faults)) as base_url:
        fetched = await fetch(coinmetrics(base_url), *FEW, ("btc",), cache_dir=tmp_path)

    assert set(fetched.harvest.series["btc"].values) == {PRICE, MARKET_CAP, DAU}


async def test_what_the_catalog_promises_in_vain_is_absent(
    source: CoinMetrics, faults: Faults, tmp_path: Path
):
    def promise(document: Any) -> Any:
        btc = next(entry for entry in document["data"] if entry["asset"] == "btc")
        link = next(entry for entry in document["data"] if entry["asset"] == "link")
        link["metrics"] = btc["metrics"]
        document["data"].append({"asset": "ghost", "metrics": btc["metrics"]})
        return document

    faults.add(Fault(rewrite=promise), when=lambda asked: asked.path == CATALOG)

    fetched = await fetch(source, *FEW, ("btc", "link", "ghost"), cache_dir=tmp_path)

    link = fetched.harvest.series["link"]
    assert np.isfinite(link.values[PRICE]).all()
    assert np.isnan(link.values[FEES]).all()
    assert fetched.lost() == {"ghost": "NO_DATA"}
    assert len(faults.asked(TIMESERIES)) == 1


async def test_a_metric_of_another_frequency_is_none(faults: Faults, tmp_path: Path):
    def hourly(document: Any) -> Any:
        for entry in document["data"]:
            if entry["asset"] == "link":
                entry["metrics"][1]["frequencies"][0]["frequency"] = "1h"
        return document

    faults.add(Fault(rewrite=hourly), when=lambda asked: asked.path == CATALOG)
    with serve_in_thread(stand_in.application(faults)) as base_url:
        fetched = await fetch(coinmetrics(base_url), *FEW, ("link", "btc"), cache_dir=tmp_path)

    assert fetched.lost() == {"link": "NO_DATA"}


async def test_a_refusal_ends_the_fetch(source: CoinMetrics, faults: Faults, tmp_path: Path):
    faults.add(Fault(status=403), when=about("ltc"))

    with pytest.raises(SourceRefused):
        await fetch(source, *FEW, cache_dir=tmp_path)


async def test_a_failing_catalog_ends_the_fetch(source: CoinMetrics, faults: Faults, tmp_path: Path):
    faults.add(Fault(status=500))

    with pytest.raises(SourceUnavailable, match="Coin Metrics"):
        await fetch(source, *FEW, cache_dir=tmp_path)
    assert not faults.asked(TIMESERIES)


async def test_failing_for_most_assets_ends_the_fetch_plainly(
    source: CoinMetrics, faults: Faults, tmp_path: Path
):
    faults.add(Fault(shorten_to=0.3), when=about("btc", "eth", "ltc"))

    with pytest.raises(SourceIncomplete, match="3 of 5"):
        await fetch(source, *FEW, ("btc", "eth", "ltc", "doge", "link"), cache_dir=tmp_path)


async def test_failing_for_few_assets_does_not(source: CoinMetrics, faults: Faults, tmp_path: Path):
    faults.add(Fault(shorten_to=0.3), when=about("btc", "eth"))

    fetched = await fetch(source, *FEW, ("btc", "eth", "ltc", "doge", "link"), cache_dir=tmp_path)

    assert fetched.lost() == {"btc": "MALFORMED", "eth": "MALFORMED"}


async def test_what_was_fetched_is_not_asked_for_again(source: CoinMetrics, faults: Faults, tmp_path: Path):
    faults.add(Fault(shorten_to=0.3), when=about("ltc"))
    await fetch(source, *FEW, ("btc", "ltc", "link"), cache_dir=tmp_path)
    faults.clear()

    fetched = await fetch(source, *FEW, ("btc", "ltc", "link"), cache_dir=tmp_path)

    assert fetched.usage.cached == 3
    assert [asked.query["assets"] for asked in faults.log] == ["ltc"]
    assert_exact(fetched.harvest.series["btc"], *FEW)


def test_the_pace_keeps_within_ten_requests_in_six_seconds():
    host = CoinMetrics("https://vendor.test")._host

    assert host.requests_per_second * 6 <= 10
    assert host.burst == 1
    assert host.concurrency <= 10


async def test_a_chain_in_the_name_is_not_part_of_the_symbol(faults: Faults, tmp_path: Path):
    coins = {"usdt_eth": COINS["usdt_eth"], "abc_eth": Coin(since=date(2018, 1, 1))}
    with serve_in_thread(stand_in.application(faults, coins=coins)) as base_url:
        fetched = await fetch(coinmetrics(base_url), *FEW, tuple(coins), cache_dir=tmp_path)

    assert fetched.harvest.series["usdt_eth"].attributes == {"symbol": "USDT", "stable": "true"}
    assert fetched.harvest.series["abc_eth"].attributes == {"symbol": "ABC", "stable": "false"}
