"""What is held becomes weights, and weights become weekly returns."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import InvalidConfig
from engine.exposures.portfolio import portfolio_returns, weights_of_amounts, weights_of_values
from engine.exposures.returns import AssetReturns
from tests.engine.exposures.weekly import weeks

NAN = np.nan
HELD = AssetReturns(
    assets=("btc", "eth", "sol"),
    weeks=weeks(4),
    returns=np.array([[0.1, 0.2, NAN], [NAN, 0.1, 0.3], [0.0, -0.1, 0.2], [0.05, 0.0, NAN]]),
)


def test_values_are_shares_of_what_is_at_stake():
    assert weights_of_values({"btc": 30_000.0, "eth": -10_000.0}) == {"btc": 0.75, "eth": -0.25}


def test_amounts_are_valued_at_their_prices():
    prices = {"btc": 60_000.0, "eth": 3_000.0, "sol": 100.0}
    assert weights_of_amounts({"btc": 0.5, "eth": -10.0}, prices) == {"btc": 0.5, "eth": -0.5}


def test_a_week_counts_where_every_held_asset_has_a_return():
    result = portfolio_returns(HELD, {"eth": -0.5, "btc": 1.5, "sol": 0.0})
    assert result.returns == pytest.approx([0.05, NAN, 0.05, 0.075], nan_ok=True)
    assert result.net_weight == 1.0
    assert result.scarcest_asset == "btc"
    assert result.weeks is HELD.weeks


def test_a_single_asset_is_no_ones_scarcest():
    result = portfolio_returns(HELD, {"sol": 1.0})
    assert result.scarcest_asset is None
    assert result.returns == pytest.approx([NAN, 0.3, 0.2, NAN], nan_ok=True)


@pytest.mark.parametrize(
    ("weights", "code", "message"),
    [
        ({}, "EMPTY_PORTFOLIO", "nothing"),
        ({"btc": 0.0}, "EMPTY_PORTFOLIO", "nothing"),
        ({"btc": 1.0, "doge": 1.0}, "UNKNOWN_ASSET", "doge"),
        ({"btc": NAN}, "NOT_FINITE", "btc"),
        ({"btc": 1e308, "eth": 1e308}, "NOT_FINITE", "infinity"),
    ],
)
def test_weights_that_make_no_portfolio(weights, code, message):
    with pytest.raises(InvalidConfig, match=message) as raised:
        portfolio_returns(HELD, weights)
    (fault,) = raised.value.faults
    assert (fault.option, fault.code) == ("weights", code)


@pytest.mark.parametrize("price", [0.0, -1.0, NAN, np.inf, None])
def test_an_amount_without_a_price_is_refused(price):
    prices = {"btc": 1.0} if price is None else {"btc": 1.0, "eth": price}
    with pytest.raises(InvalidConfig, match="no price for eth"):
        weights_of_amounts({"btc": 1.0, "eth": 1.0}, prices)


def test_values_that_make_no_portfolio():
    for values in ({}, {"btc": 0.0}, {"btc": 1e308, "eth": 1e308}, {"btc": np.inf}):
        with pytest.raises(InvalidConfig):
            weights_of_values(values)
