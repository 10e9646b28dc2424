"""Which columns are which fields."""

import pytest

from app.datasets.columns import plan_columns
from app.errors import InvalidFile


@pytest.mark.parametrize(
    ("names", "fields"),
    [
        (
            "date asset price mc 24h_volume fees dau revenue",
            "price market_cap volume fees dau revenue",
        ),
        ("Timestamp SYMBOL Close Market_Cap Volume", "price market_cap volume"),
        ("day ticker PriceUSD CapMrktCurUSD FeeTotUSD AdrActCnt", "price market_cap fees dau"),
        ("date id price marketcap volume_usd active_addresses", "price market_cap volume dau"),
        ("date ticker close volume shares_outstanding", "price volume shares"),
        ("date ticker adj_close close book_equity shares", "price close book_value shares"),
        ("date ticker Close price total_equity", "close price book_value"),
        ("date ticker close_usd AdjClose", "close price"),
    ],
)
def test_common_names_are_known_in_any_case(names: str, fields: str) -> None:
    plan = plan_columns(names.split(), "f.csv")

    assert plan.date == 0
    assert plan.asset == 1
    assert [plan.fields[column] for column in range(2, len(names.split()))] == fields.split()


def test_spaces_and_hyphens_in_names_do_not_matter() -> None:
    plan = plan_columns([" Date ", "Coin", "Close Price", "Market Cap", "24h-Volume"], "f.csv")

    assert plan.fields == {2: "price", 3: "market_cap", 4: "volume"}


def test_further_columns_keep_their_own_name() -> None:
    plan = plan_columns(["date", "asset", "price", "TVL", "Supply "], "f.csv")

    assert plan.further == {3: "TVL", 4: "Supply"}


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "__index_level_0__", "a\x00b", "x" * 65])
def test_columns_that_cannot_name_a_field_are_left_out(name: str) -> None:
    plan = plan_columns([name, "date", "asset", "price"], "f.csv")

    assert plan.left_out == (name,)
    assert 0 not in plan.used()


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ("price", "PriceUSD", "price"),
        ("price", "Adj Close", "price"),
        ("close", "Close Price", "close"),
        ("shares", "shares outstanding", "shares"),
        ("mc", "MarketCap", "market_cap"),
        ("symbol", "id", "asset"),
        ("tvl", "TVL", "tvl"),
    ],
)
def test_two_columns_of_one_meaning_are_an_error_that_names_both(first: str, second: str, field: str) -> None:
    names = ["date", "asset", "price", first, second]
    names = list(dict.fromkeys(name for name in names if name == first or name not in (field,)))

    with pytest.raises(InvalidFile) as caught:
        plan_columns(names, "f.csv")

    assert caught.value.message == f"f.csv: columns {first!r} and {second!r} both mean {field}"


def test_two_closes_are_an_error_also_where_they_are_the_price() -> None:
    with pytest.raises(InvalidFile, match="columns 'close' and 'close_usd' both mean price"):
        plan_columns(["date", "asset", "close", "close_usd"], "f.csv")


@pytest.mark.parametrize(
    ("names", "adjusted"), [("price close", False), ("close", False), ("adj_close close", True)]
)
def test_a_name_tells_whether_prices_are_adjusted(names: str, adjusted: bool) -> None:
    assert plan_columns(["date", "asset", *names.split()], "f.csv").price_is_adjusted is adjusted


def test_a_repeated_column_is_an_error() -> None:
    with pytest.raises(InvalidFile, match="columns 'price' and 'price' both mean price"):
        plan_columns(["date", "asset", "price", "price"], "f.csv")


def test_missing_columns_are_named_with_what_they_may_be_called() -> None:
    with pytest.raises(InvalidFile) as caught:
        plan_columns(["date", "value"], "f.csv")

    assert caught.value.message == "f.csv: no columns for asset, price; the file has 'date', 'value'"
    assert "symbol" in (caught.value.hint or "")


def test_another_separator_is_pointed_out() -> None:
    with pytest.raises(InvalidFile) as caught:
        plan_columns(["date;asset;price"], "f.csv")

    assert caught.value.hint == "columns must be separated by commas"
