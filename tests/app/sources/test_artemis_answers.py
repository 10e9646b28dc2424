from __future__ import annotations

from typing import Any

import pytest

from app.sources.artemis_answers import parse_listings


@pytest.mark.parametrize("odd", [5, {"not": "text"}, ["x"], "", "\x1b"])
def test_a_title_or_an_id_that_is_no_text_counts_as_absent(odd: Any):
    entry = {"symbol": "BTC", "artemis_id": "bitcoin", "title": odd, "coingecko_id": odd}
    (listing,) = parse_listings({"assets": [entry]})
    assert (listing.title, listing.coingecko_id) == (None, None)
    assert listing.attributes == {"symbol": "BTC"}


@pytest.mark.parametrize("symbol", ["a,b", "a b", "", "\x1b[2J", "a\x00", None, 5])
def test_a_symbol_that_cannot_be_asked_for_or_shown_is_passed_over(symbol: Any):
    entries = [{"symbol": symbol, "artemis_id": "x"}, {"symbol": "btc", "artemis_id": "bitcoin"}]
    assert [listing.asset for listing in parse_listings({"assets": entries})] == ["btc"]
