from __future__ import annotations

import numpy as np
import pytest

from app.sources.stablecoins import STABLECOINS, is_known_stablecoin, is_pegged

DAYS = np.arange(200)
AROUND_ONE = 1.0 + 0.004 * np.sin(DAYS)


@pytest.mark.parametrize("symbol", ["usdt", "USDC", "dai", "Fdusd", "usdt_eth", "USDC.e", "usdc-trx", "eurc"])
def test_the_list_knows_stablecoins_however_they_are_written(symbol):
    assert is_known_stablecoin(symbol)


@pytest.mark.parametrize(
    "symbol", ["btc", "usdy", "usual", "ondo", "frax", "susdx", "musdt", "paxg", "", "_usdt"]
)
def test_a_name_that_merely_holds_a_stablecoins_name_is_not_one(symbol):
    assert not is_known_stablecoin(symbol)


def test_every_symbol_of_the_list_can_be_found():
    assert all(is_known_stablecoin(symbol.upper()) for symbol in STABLECOINS)


def test_prices_near_one_dollar_are_a_peg():
    assert is_pegged(AROUND_ONE)
    assert is_pegged(np.where(DAYS % 3 == 0, np.nan, AROUND_ONE))


def test_too_few_prices_prove_no_peg():
    assert is_pegged(AROUND_ONE[:30])
    assert not is_pegged(AROUND_ONE[:29])
    assert not is_pegged(np.append(AROUND_ONE[:29], [np.nan, np.inf]))
    assert not is_pegged(np.empty(0))


def test_a_coin_that_passes_through_one_dollar_is_not_pegged():
    assert not is_pegged(np.linspace(0.9, 1.1, 200))


def test_a_coin_held_at_another_price_is_not_pegged():
    assert not is_pegged(AROUND_ONE * 1.05)
    assert not is_pegged(AROUND_ONE + 0.011)


def test_a_peg_may_break_for_a_twentieth_of_the_days_and_no_longer():
    broken = AROUND_ONE.copy()
    broken[-10:] = 0.2
    assert is_pegged(broken)
    broken[-11:] = 0.2
    assert not is_pegged(broken)
