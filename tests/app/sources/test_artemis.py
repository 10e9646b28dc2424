from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.sources.artemis import METRICS, Artemis
from app.sources.errors import (
    SourceIncomplete,
    SourceMalformed,
    SourceNotConfigured,
    SourceRefused,
    SourceUnavailable,
)
from app.sources.harvest import AssetSeries, Harvest
from engine.panel import PRICE
from tests.app.sources.fetching import QUICK, fetch, unpaced, with_points
from tests.app.sources.stand_ins import artemis as stand_in
from tests.app.sources.stand_ins.artemis import DATA, KEY, SYMBOLS, VALUE
from tests.app.sources.stand_ins.faults import HTML_PAGE, Asked, Fault, Faults, serve_in_thread
from tests.app.sources.stand_ins.formulas import day_of

START, END = date(2020, 1, 1), date(2025, 6, 30)
AFTER = END + timedelta(days=1)
"""Three windows."""
TODAY = date(2026, 7, 1)
LATE = date(2025, 6, 1)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def source(faults: Faults) -> Iterator[Artemis]:
    with serve_in_thread(stand_in.application(faults)) as base_url:
        yield artemis(base_url)


def artemis(base_url: str, key: str | None = KEY) -> Artemis:
    return unpaced(Artemis(base_url, key, today=lambda: TODAY))


def about(asset: str) -> Any:
    """Of requests for data: those that ask for `asset`, alone or among others."""
    return lambda asked: asset in asked.query.get("symbols", "").split(",")


def kept_in(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def data(asked: Asked) -> bool:
    return asked.path.startswith(DATA)


def assert_exact(
    series: AssetSeries, start: date, end: date, metrics: tuple[str, ...] = tuple(VALUE)
) -> None:
    days = list(range(day_of(start), day_of(end) + 1))
    assert series.days.tolist() == days
    assert set(series.values) == {METRICS[metric] for metric in metrics}
    for metric in metrics:
        expected = VALUE[metric](series.asset, np.array(days))
        np.testing.assert_array_equal(series.values[METRICS[metric]], expected, err_msg=metric)


@pytest.mark.parametrize("end_included", [True, False])
async def test_long_spans_come_in_windows_and_are_exact(
    faults: Faults, tmp_path: Path, end_included: bool
) -> None:
    with serve_in_thread(stand_in.application(faults, end_included=end_included)) as base_url:
        fetched = await fetch(artemis(base_url), START, END, ("BTC", "eth", "sol"), cache_dir=tmp_path)

    assert_exact(fetched.harvest.series["btc"], START, END)
    assert_exact(fetched.harvest.series["eth"], START, END)
    assert_exact(fetched.harvest.series["sol"], date(2020, 4, 10), END)
    assert fetched.harvest.series["sol"].attributes == {"symbol": "SOL", "name": "Solana", "stable": "false"}
    assert fetched.harvest.expected == fetched.harvest.done == 3
    windows = [
        (date.fromisoformat(asked.query["startDate"]), date.fromisoformat(asked.query["endDate"]))
        for asked in faults.asked(DATA)
    ]
    assert len(windows) == 3
    assert (windows[0][0], windows[-1][1]) == (START, AFTER)
    assert all(last - first < timedelta(days=1_000) for first, last in windows)
    assert [first for first, _ in windows[1:]] == [last for _, last in windows[:-1]]
    assert {series.merged for series in fetched.harvest.series.values()} == {0}


async def test_many_assets_are_asked_for_in_batches(tmp_path: Path, faults: Faults):
    with serve_in_thread(stand_in.application(faults, coins=stand_in.many(60))) as base_url:
        fetched = await fetch(artemis(base_url), LATE, END, cache_dir=tmp_path)
    assert len(fetched.harvest.series) == fetched.harvest.expected == 60
    assert_exact(fetched.harvest.series["c059"], LATE, END, stand_in.MARKET)
    sizes = [len(asked.query["symbols"].split(",")) for asked in faults.asked(DATA)]
    assert sorted(sizes) == [10, 25, 25]
    assert "no fees for 60 of 60 assets" in fetched.harvest.notes


async def test_without_names_all_that_trade_freely_are_taken(source: Artemis, tmp_path: Path):
    fetched = await fetch(source, date(2025, 1, 1), END, cache_dir=tmp_path)
    assert sorted(fetched.harvest.series) == ["btc", "celo", "eth", "sol", "xrp"]
    assert fetched.lost() == {
        "usdt": "STABLECOIN",
        "pegd": "STABLECOIN",
        "twin": "AMBIGUOUS_ASSET",
        "chainonly": "NO_DATA",
        "nothing": "NO_DATA",
        "young": "NO_DATA",
    }
    assert fetched.harvest.lost["chainonly"].reason == (
        "no price from 2025-01-01 to 2025-06-30, only other figures"
    )
    assert "twin-one, twin-two" in fetched.harvest.lost["twin"].reason
    assert "left out what Artemis lists as equities: 1" in fetched.harvest.notes
    assert fetched.harvest.expected == fetched.harvest.done


async def test_a_metric_that_comes_as_a_message_is_absent_and_noted(source: Artemis, tmp_path: Path):
    fetched = await fetch(source, LATE, END, ("xrp", "btc"), cache_dir=tmp_path)
    assert_exact(fetched.harvest.series["xrp"], LATE, END, stand_in.MARKET)
    assert_exact(fetched.harvest.series["btc"], LATE, END)
    assert "no dau for 1 of 2 assets" in fetched.harvest.notes


async def test_other_metrics_may_be_asked_for_without_a_price(source: Artemis, tmp_path: Path):
    some = source.with_metrics({"fees": "fees", "dau": "dau"})
    fetched = await fetch(some, LATE, END, ("btc", "chainonly", "nothing"), cache_dir=tmp_path)
    assert_exact(fetched.harvest.series["btc"], LATE, END, ("fees", "dau"))
    assert_exact(fetched.harvest.series["chainonly"], LATE, END, ("fees", "dau"))
    assert fetched.lost() == {"nothing": "NO_DATA"}
    assert (some.fields, PRICE in source.fields) == (("fees", "dau"), True)


async def test_named_stablecoins_are_kept_and_marked(source: Artemis, tmp_path: Path):
    fetched = await fetch(source, date(2025, 1, 1), END, ("usdt", "PEGD"), cache_dir=tmp_path)
    assert {asset: series.attributes["stable"] for asset, series in fetched.harvest.series.items()} == {
        "usdt": "true",
        "pegd": "true",
    }


async def test_words_may_be_symbols_or_ids_and_merge(source: Artemis, faults: Faults, tmp_path: Path):
    words = ("btc", "BTC", " Bitcoin ", "celo-chain", "ripple")
    fetched = await fetch(source, LATE, END, words, cache_dir=tmp_path)
    assert sorted(fetched.harvest.series) == ["btc", "celo", "xrp"]
    assert fetched.harvest.expected == 3
    assert [asked.query["symbols"] for asked in faults.asked(DATA)] == ["btc,celo,xrp"]


async def test_words_that_cannot_be_had_are_lost_with_their_reasons(source: Artemis, tmp_path: Path):
    fetched = await fetch(source, LATE, END, ("btc", "etth", "EQ-ACME", "twin"), cache_dir=tmp_path)
    assert sorted(fetched.harvest.series) == ["btc"]
    assert fetched.lost() == {"etth": "UNKNOWN_ASSET", "EQ-ACME": "EQUITY", "twin": "AMBIGUOUS_ASSET"}
    assert "near matches: eth" in fetched.harvest.lost["etth"].reason
    assert fetched.harvest.expected == fetched.harvest.done == 4


async def test_a_span_without_data_loses_the_asset(source: Artemis, tmp_path: Path):
    fetched = await fetch(source, date(2012, 1, 1), date(2012, 3, 1), ("btc",), cache_dir=tmp_path)
    assert not fetched.harvest.series
    assert fetched.lost() == {"btc": "NO_DATA"}


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        pytest.param(Fault(status=429, headers={"Retry-After": "1"}), 2, id="429 with Retry-After"),
        pytest.param(Fault(status=500), 3, id="burst of 500"),
        pytest.param(Fault(status=503, body=HTML_PAGE, content_type="text/html"), 2, id="503 with a page"),
        pytest.param(Fault(break_off_at=0.5), 2, id="broken transfer"),
        pytest.param(Fault(delay_seconds=1.0), 1, id="slow answer"),
        pytest.param(Fault(shorten_to=0.5), 1, id="truncated JSON"),
        pytest.param(Fault(body=HTML_PAGE, content_type="text/html"), 1, id="200 with a page"),
        pytest.param(Fault(body=b'{"data": {"symbols": []}}'), 1, id="another kind of document"),
    ],
)
async def test_passing_trouble_leaves_no_trace(
    source: Artemis, faults: Faults, tmp_path: Path, fault: Fault, times: int
):
    faults.add(fault, when=data, times=times)
    limits = replace(QUICK, timeout_seconds=0.5) if fault.delay_seconds else QUICK
    fetched = await fetch(source, START, END, ("btc", "eth"), cache_dir=tmp_path, limits=limits)
    assert not fetched.harvest.lost
    assert_exact(fetched.harvest.series["btc"], START, END)
    assert_exact(fetched.harvest.series["eth"], START, END)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(status=500), "REQUEST_FAILED"),
        (Fault(status=402), "REQUEST_FAILED"),
        (Fault(shorten_to=0.9), "MALFORMED"),
        (Fault(status=404, body=b'{"message": "no such symbol"}'), "UNKNOWN_ASSET"),
    ],
)
async def test_one_asset_in_trouble_does_not_harm_its_batch(
    source: Artemis, faults: Faults, tmp_path: Path, fault: Fault, code: str
):
    # Only the last of three windows fails: what came of the asset before must not become half a series.
    faults.add(fault, when=lambda asked: about("xrp")(asked) and asked.query["endDate"] == AFTER.isoformat())
    fetched = await fetch(source, START, END, ("btc", "eth", "xrp"), cache_dir=tmp_path)
    assert fetched.lost() == {"xrp": code}
    assert sorted(fetched.harvest.series) == ["btc", "eth"]
    assert_exact(fetched.harvest.series["btc"], START, END)
    assert_exact(fetched.harvest.series["eth"], START, END)


async def test_when_most_assets_fail_there_is_no_dataset(source: Artemis, faults: Faults, tmp_path: Path):
    faults.add(Fault(status=500), when=lambda asked: about("eth")(asked) or about("xrp")(asked))
    with pytest.raises(SourceIncomplete, match="2 of 3 assets"):
        await fetch(source, LATE, END, ("btc", "eth", "xrp"), cache_dir=tmp_path)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(status=500), SourceUnavailable),
        (Fault(body=HTML_PAGE, content_type="text/html"), SourceMalformed),
        (Fault(body=b'{"assets": [1]}'), SourceMalformed),
    ],
)
async def test_without_the_list_of_assets_nothing_is_fetched(
    source: Artemis, faults: Faults, tmp_path: Path, fault: Fault, error: type[Exception]
):
    faults.add(fault, when=lambda asked: asked.path == SYMBOLS)
    with pytest.raises(error):
        await fetch(source, LATE, END, cache_dir=tmp_path)


async def test_points_in_any_order_and_repeated_ones_make_one_series(
    source: Artemis, faults: Faults, tmp_path: Path
):
    def shuffle(document: Any) -> Any:
        return with_points(document, lambda points: [*points[::-1], *points[:3]])

    faults.add(Fault(rewrite=shuffle), when=data)
    fetched = await fetch(source, START, END, ("btc",), cache_dir=tmp_path)
    assert_exact(fetched.harvest.series["btc"], START, END)
    windows = len(faults.asked(DATA))
    assert fetched.harvest.series["btc"].merged == 3 * windows * len(VALUE)
    assert fetched.harvest.series["btc"].contradicted == 0


async def test_a_day_on_which_two_points_differ_is_left_out(source: Artemis, faults: Faults, tmp_path: Path):
    def contradict(document: Any) -> Any:
        prices = document["data"]["symbols"]["btc"]["price"]
        prices.append({"date": LATE.isoformat(), "val": 1.0})
        return document

    faults.add(Fault(rewrite=contradict), when=data)
    fetched = await fetch(source, LATE, END, ("btc",), cache_dir=tmp_path)
    series = fetched.harvest.series["btc"]
    assert series.contradicted == 1
    assert series.days[0] == day_of(LATE)
    assert np.isnan(series.values[PRICE][0])
    assert np.isfinite(series.values[PRICE][1:]).all()


async def test_an_empty_window_in_the_middle_ends_nothing(source: Artemis, faults: Faults, tmp_path: Path):
    second = START + timedelta(days=999)
    faults.add(
        Fault(rewrite=lambda document: with_points(document, lambda points: [])),
        when=lambda asked: asked.query.get("startDate") == second.isoformat(),
    )
    fetched = await fetch(source, START, END, ("btc",), cache_dir=tmp_path)
    days = fetched.harvest.series["btc"].days
    third = second + timedelta(days=999)
    expected = [*range(day_of(START), day_of(second)), *range(day_of(third), day_of(END) + 1)]
    assert days.tolist() == expected


async def test_a_day_that_is_not_over_is_not_kept(faults: Faults, tmp_path: Path):
    with serve_in_thread(stand_in.application(faults, until=TODAY)) as base_url:
        fetched = await fetch(artemis(base_url), LATE, TODAY, ("btc",), cache_dir=tmp_path)
    yesterday = TODAY - timedelta(days=1)
    assert fetched.harvest.series["btc"].days[-1] == day_of(yesterday)
    assert (
        "asked for to 2026-07-01, fetched to 2026-06-30, the last day that is over" in fetched.harvest.notes
    )


async def test_values_may_be_texts_or_null(source: Artemis, faults: Faults, tmp_path: Path):
    def spell(document: Any) -> Any:
        document["data"]["symbols"]["btc"]["price"][0]["val"] = "123.5"
        document["data"]["symbols"]["btc"]["mc"][0]["val"] = None
        return document

    faults.add(Fault(rewrite=spell), when=data)
    fetched = await fetch(source, LATE, END, ("btc",), cache_dir=tmp_path)
    values = fetched.harvest.series["btc"].values
    assert values[PRICE][0] == 123.5
    assert np.isnan(values["market_cap"][0])


async def test_a_value_that_is_no_number_costs_neither_its_asset_nor_its_batch(
    source: Artemis, faults: Faults, tmp_path: Path
):
    body = (
        b'{"data": {"symbols": {"btc": {"price": [{"date": "2025-06-01", "val": 2.0}],'
        b' "mc_fees_ratio": [{"date": "2025-06-01", "val": Infinity}]},'
        b' "eth": {"price": [{"date": "2025-06-01", "val": 3.0}]}}}}'
    )
    faults.add(Fault(body=body), when=data)
    fetched = await fetch(source, LATE, LATE, ("btc", "eth"), cache_dir=tmp_path)
    assert sorted(fetched.harvest.series) == ["btc", "eth"]
    assert set(fetched.harvest.series["btc"].values) == {"price"}


@pytest.mark.parametrize("key", [None, "", "  "])
async def test_without_a_key_nothing_is_asked(faults: Faults, tmp_path: Path, key: str | None):
    source = artemis("http://127.0.0.1:9", key)
    with pytest.raises(SourceNotConfigured) as caught:
        await fetch(source, LATE, END, cache_dir=tmp_path)
    assert "ARTEMIS_API_KEY" in str(caught.value.hint)


@pytest.mark.parametrize("in_words", [False, True], ids=["401", "200 with a message"])
async def test_a_wrong_key_is_named_and_not_shown(
    faults: Faults, tmp_path: Path, caplog: pytest.LogCaptureFixture, in_words: bool
):
    caplog.set_level(logging.DEBUG)
    application = stand_in.application(faults, refuses_in_words=in_words)
    with serve_in_thread(application) as base_url, pytest.raises(SourceRefused) as caught:
        await fetch(artemis(base_url, "wrong-key-42"), LATE, END, ("btc", "eth"), cache_dir=tmp_path)
    assert str(caught.value) == "Artemis refused the key in ARTEMIS_API_KEY"
    assert len(faults.asked(DATA)) == 1
    assert "wrong-key-42" not in caplog.text
    assert not any(b"wrong-key-42" in content for content in kept_in(tmp_path))


@pytest.mark.parametrize(
    "document",
    [
        b'"Invalid API key"',
        b'{"error": "Unauthorized"}',
        b'{"data": "API key is required"}',
        b'{"data": {"symbols": "Forbidden"}}',
        b'{"data": {"symbols": {"btc": "Invalid API key"}}}',
        b'{"data": {"symbols": {"btc": {"price": "Your API-Key has expired"}}}}',
    ],
)
async def test_a_message_about_the_key_is_understood_wherever_it_stands(
    source: Artemis, faults: Faults, tmp_path: Path, document: bytes
):
    faults.add(Fault(body=document), when=data)
    with pytest.raises(SourceRefused):
        await fetch(source, LATE, END, ("btc",), cache_dir=tmp_path)


async def test_a_bad_request_about_the_key_is_a_refusal(source: Artemis, faults: Faults, tmp_path: Path):
    faults.add(Fault(status=400, body=b'{"message": "Invalid API Key"}'), when=data)
    with pytest.raises(SourceRefused):
        await fetch(source, LATE, END, ("btc",), cache_dir=tmp_path)


async def test_the_key_is_sent_and_kept_nowhere(
    source: Artemis, faults: Faults, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    faults.add(Fault(status=500), when=data, times=1)
    await fetch(source, LATE, END, ("btc",), cache_dir=tmp_path)
    assert all(asked.query["APIKey"] == KEY for asked in faults.log)
    kept = kept_in(tmp_path)
    assert len(kept) == 2
    assert not any(KEY.encode() in content for content in kept)
    assert KEY not in caplog.text


async def test_a_fetch_that_is_repeated_asks_only_for_what_it_lacks(
    source: Artemis, faults: Faults, tmp_path: Path
):
    faults.add(Fault(status=500), when=lambda asked: asked.query.get("endDate") == AFTER.isoformat(), times=8)
    with pytest.raises(SourceIncomplete):
        await fetch(source, START, END, ("btc",), cache_dir=tmp_path)
    faults.clear()
    fetched = await fetch(source, START, END, ("btc",), cache_dir=tmp_path)
    assert_exact(fetched.harvest.series["btc"], START, END)
    assert [asked.query["endDate"] for asked in faults.log] == [AFTER.isoformat()]
    assert (fetched.usage.requests, fetched.usage.cached) == (1, 3)


async def test_progress_is_told_asset_by_asset(source: Artemis, tmp_path: Path):
    seen: list[tuple[int, int]] = []
    harvest = Harvest(lambda: seen.append((harvest.done, harvest.expected)))
    await fetch(source, LATE, END, ("btc", "eth"), cache_dir=tmp_path, harvest=harvest)
    assert seen == [(0, 2), (1, 2), (2, 2)]


async def test_others_get_their_turn_between_the_assets_of_a_batch(source: Artemis, tmp_path: Path):
    turns, turn_of = 0, []

    def take_turn() -> None:
        nonlocal turns
        turns += 1
        if len(turn_of) < 3:
            asyncio.get_running_loop().call_soon(take_turn)

    harvest = Harvest(lambda: turn_of.append(turns) if harvest.done else None)
    take_turn()
    await fetch(source, LATE, END, ("btc", "eth", "sol"), cache_dir=tmp_path, harvest=harvest)
    assert len(set(turn_of)) == 3
