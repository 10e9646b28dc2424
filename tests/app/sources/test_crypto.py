from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from app.sources.artemis import FUNDAMENTALS, Artemis
from app.sources.coinbase import Coinbase
from app.sources.crypto import Crypto
from app.sources.errors import SourceIncomplete, SourceNotConfigured, SourceRefused
from app.sources.harvest import AssetSeries, Harvest
from tests.app.sources.fetching import fetch, unpaced
from tests.app.sources.stand_ins import artemis as artemis_stand_in
from tests.app.sources.stand_ins import coinbase as coinbase_stand_in
from tests.app.sources.stand_ins import formulas
from tests.app.sources.stand_ins.artemis import DATA, KEY, VALUE
from tests.app.sources.stand_ins.coinbase import PRODUCTS
from tests.app.sources.stand_ins.faults import Fault, Faults, serve_in_thread
from tests.app.sources.stand_ins.formulas import day_of

TODAY = date(2026, 7, 1)
START, END = date(2022, 1, 1), date(2025, 6, 30)
LATE = date(2025, 4, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendors:
    artemis_url: str
    coinbase_url: str
    artemis: Faults
    coinbase: Faults

    def source(self, key: str | None = KEY) -> Crypto:
        return Crypto(
            unpaced(Artemis(self.artemis_url, key, today=lambda: TODAY)),
            unpaced(Coinbase(self.coinbase_url, today=lambda: TODAY)),
        )


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    artemis, coinbase = Faults(), Faults()
    with ExitStack() as stack:
        yield Vendors(
            artemis_url=stack.enter_context(serve_in_thread(artemis_stand_in.application(artemis))),
            coinbase_url=stack.enter_context(serve_in_thread(coinbase_stand_in.application(coinbase))),
            artemis=artemis,
            coinbase=coinbase,
        )


def assert_exact(
    series: AssetSeries, days: list[int], *, base: str | None = None, known_from: date = START
) -> None:
    """base: of the product at Coinbase. known_from: first day with fundamentals."""
    all_days = np.array(days)
    assert series.days.tolist() == days
    close = coinbase_stand_in.closes(base or series.asset, all_days)
    coins = coinbase_stand_in.volumes(base or series.asset, all_days)
    np.testing.assert_array_equal(series.values["price"], close)
    np.testing.assert_allclose(series.values["volume"], coins * close, rtol=1e-15)
    for metric, name in FUNDAMENTALS.items():
        expected = np.where(all_days >= day_of(known_from), VALUE[metric](series.asset, all_days), np.nan)
        np.testing.assert_array_equal(series.values[name], expected, err_msg=metric)


def days(start: date, end: date = END) -> list[int]:
    return list(range(day_of(start), day_of(end) + 1))


async def test_fundamentals_stand_beside_prices_and_volumes_of_the_exchange(vendors: Vendors, tmp_path: Path):
    fetched = await fetch(vendors.source(), START, END, ("BTC", "eth", "sol"), cache_dir=tmp_path)
    assert not fetched.harvest.lost
    assert fetched.harvest.expected == fetched.harvest.done == 3
    assert sorted(fetched.harvest.series) == ["btc", "eth", "sol"]
    for series in fetched.harvest.series.values():
        assert_exact(series, days(START))
    attributes = fetched.harvest.series["btc"].attributes
    assert attributes["symbol"] == "BTC"
    assert attributes["product"] == "BTC-USD"
    assert attributes["stable"] == "false"
    asked = vendors.artemis.asked(DATA)[0].path
    assert "price" not in asked
    assert "24h_volume" not in asked


async def test_a_symbol_finds_its_product_under_another_currency_id(vendors: Vendors, tmp_path: Path):
    fetched = await fetch(vendors.source(), LATE, END, ("celo",), cache_dir=tmp_path)
    assert_exact(fetched.harvest.series["celo"], days(LATE), base="CGLD", known_from=LATE)
    assert fetched.harvest.series["celo"].attributes["product"] == "CGLD-USD"


async def test_the_list_of_products_that_chooses_is_the_one_that_is_fetched_from(
    vendors: Vendors, tmp_path: Path
):
    fetched = await fetch(vendors.source(), LATE, END, ("btc",), cache_dir=tmp_path)
    assert [asked.path for asked in vendors.coinbase.asked()].count(PRODUCTS) == 1
    assert fetched.usage.cached == 0


async def test_without_names_what_both_vendors_have_is_taken_and_the_rest_lost_with_reasons(
    vendors: Vendors, tmp_path: Path
):
    fetched = await fetch(vendors.source(), LATE, END, cache_dir=tmp_path)
    assert sorted(fetched.harvest.series) == ["btc", "celo", "eth", "sol", "xrp"]
    assert fetched.lost() == {
        "chainonly": "NO_COUNTERPART",
        "nothing": "NO_DATA",
        "pegd": "STABLECOIN",
        "twin": "AMBIGUOUS_ASSET",
        "usdt": "STABLECOIN",
        "young": "NO_DATA",
    }
    assert fetched.harvest.lost["chainonly"].reason == "Coinbase has no market in dollars for it"
    assert fetched.harvest.expected == fetched.harvest.done


async def test_a_named_stablecoin_is_kept(vendors: Vendors, tmp_path: Path):
    fetched = await fetch(vendors.source(), LATE, END, ("pegd", "usdt"), cache_dir=tmp_path)
    assert {asset: series.attributes["stable"] for asset, series in fetched.harvest.series.items()} == {
        "pegd": "true",
        "usdt": "true",
    }


async def test_days_without_a_price_are_left_out_and_counted(vendors: Vendors, tmp_path: Path):
    start = date(2023, 7, 1)  # it was halted until the 13th
    fetched = await fetch(vendors.source(), start, date(2023, 8, 31), ("xrp",), cache_dir=tmp_path)
    series = fetched.harvest.series["xrp"]
    assert series.days.tolist() == days(date(2023, 7, 14), date(2023, 8, 31))
    assert set(series.values) == {"price", "volume", "market_cap"}
    expected = formulas.market_caps("xrp", series.days.astype(np.int64))
    np.testing.assert_array_equal(series.values["market_cap"], expected)
    assert "left out 13 days of fundamentals on which Coinbase has no price, of 1 assets" in (
        fetched.harvest.notes
    )


async def test_prices_from_before_the_fundamentals_are_kept_if_any_day_has_both(tmp_path: Path):
    coins = (
        artemis_stand_in.Coin(artemis_id="bitcoin", symbol="btc", since=date(2025, 5, 1)),
        artemis_stand_in.Coin(artemis_id="old", symbol="old", since=date(2024, 6, 1)),
    )
    artemis, coinbase = Faults(), Faults()
    with (
        serve_in_thread(artemis_stand_in.application(artemis, coins=coins)) as artemis_url,
        serve_in_thread(coinbase_stand_in.application(coinbase)) as coinbase_url,
    ):
        vendors = Vendors(
            artemis_url=artemis_url, coinbase_url=coinbase_url, artemis=artemis, coinbase=coinbase
        )
        # Coinbase stopped trading OLD on 2024-03-01, before its fundamentals begin.
        start = date(2024, 1, 1)
        fetched = await fetch(vendors.source(), start, END, cache_dir=tmp_path)
    assert_exact(fetched.harvest.series["btc"], days(start), known_from=date(2025, 5, 1))
    assert fetched.lost() == {"old": "NO_DATA"}
    assert "with both fundamentals and a price" in fetched.harvest.lost["old"].reason


async def test_words_that_one_vendor_does_not_know_are_lost(vendors: Vendors, tmp_path: Path):
    words = ("btc", "bitcion", "chainonly", "eq-acme")
    fetched = await fetch(vendors.source(), LATE, END, words, cache_dir=tmp_path)
    assert sorted(fetched.harvest.series) == ["btc"]
    assert fetched.lost() == {
        "bitcion": "UNKNOWN_ASSET",
        "chainonly": "NO_COUNTERPART",
        "eq-acme": "EQUITY",
    }
    assert fetched.harvest.expected == fetched.harvest.done == 4


async def test_a_span_without_prices_is_no_data(vendors: Vendors, tmp_path: Path):
    fetched = await fetch(vendors.source(), LATE, END, ("sol",), cache_dir=tmp_path)
    assert sorted(fetched.harvest.series) == ["sol"]
    span = date(2020, 5, 1), date(2020, 12, 31)  # before it was listed at Coinbase
    fetched = await fetch(vendors.source(), *span, ("sol",), cache_dir=tmp_path)
    assert fetched.lost() == {"sol": "NO_DATA"}
    assert fetched.harvest.lost["sol"].reason.startswith("at Coinbase: no data")


@pytest.mark.parametrize("vendor", ["artemis", "coinbase"])
async def test_an_asset_that_fails_at_one_vendor_is_lost_alone(vendors: Vendors, tmp_path: Path, vendor: str):
    vendors.artemis.add(
        Fault(status=500),
        when=lambda asked: vendor == "artemis" and "sol" in asked.query.get("symbols", "").split(","),
    )
    vendors.coinbase.add(Fault(status=500), when=lambda asked: vendor == "coinbase" and "SOL" in asked.path)
    fetched = await fetch(vendors.source(), LATE, END, ("btc", "eth", "sol"), cache_dir=tmp_path)
    assert fetched.lost() == {"sol": "REQUEST_FAILED"}
    assert_exact(fetched.harvest.series["btc"], days(LATE), known_from=LATE)
    assert fetched.harvest.expected == fetched.harvest.done == 3


async def test_failures_at_both_vendors_add_up(vendors: Vendors, tmp_path: Path):
    # One of three assets fails at each: neither vendor fails for most, both together do.
    vendors.artemis.add(
        Fault(status=500), when=lambda asked: "sol" in asked.query.get("symbols", "").split(",")
    )
    vendors.coinbase.add(Fault(status=500), when=lambda asked: "ETH" in asked.path)
    with pytest.raises(SourceIncomplete, match="2 of 3 assets"):
        await fetch(vendors.source(), LATE, END, ("btc", "eth", "sol"), cache_dir=tmp_path)


async def test_a_wrong_key_or_none_ends_it_before_any_candle(vendors: Vendors, tmp_path: Path):
    with pytest.raises(SourceRefused, match="ARTEMIS_API_KEY"):
        await fetch(vendors.source("wrong"), LATE, END, ("btc",), cache_dir=tmp_path)
    with pytest.raises(SourceNotConfigured):
        await fetch(vendors.source(None), LATE, END, ("btc",), cache_dir=tmp_path)
    assert not vendors.coinbase.log


async def test_progress_is_told_as_assets_are_completed(vendors: Vendors, tmp_path: Path):
    seen: list[tuple[int, int]] = []
    harvest = Harvest(lambda: seen.append((harvest.done, harvest.expected)))
    await fetch(vendors.source(), LATE, END, ("btc", "eth", "chainonly"), cache_dir=tmp_path, harvest=harvest)
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


async def test_a_fetch_that_is_repeated_asks_only_for_what_it_lacks(vendors: Vendors, tmp_path: Path):
    vendors.coinbase.add(Fault(status=500), when=lambda asked: "ETH" in asked.path)
    await fetch(vendors.source(), LATE, END, ("btc", "eth", "sol"), cache_dir=tmp_path)
    vendors.coinbase.clear()
    vendors.artemis.clear()
    fetched = await fetch(vendors.source(), LATE, END, ("btc", "eth", "sol"), cache_dir=tmp_path)
    assert sorted(fetched.harvest.series) == ["btc", "eth", "sol"]
    assert not vendors.artemis.log
    assert [asked.path for asked in vendors.coinbase.log] == [f"{PRODUCTS}/ETH-USD/candles"]
