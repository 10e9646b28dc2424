"""Specific risk: an asset's own volatility, its peers', and what lies between."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import InvalidConfig
from engine.risk.newey_west import newey_west_covariance
from engine.risk.peers import PeerVolatilities
from engine.risk.regime import bias_square, regime_multipliers
from engine.risk.specific_risk import SpecificRiskConfig, shrunk, specific_risks

NAN = np.nan


def market(seed: int, rows: int, assets: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Specific returns, caps and sectors."""
    random = np.random.default_rng(seed)
    returns = random.normal(size=(rows, assets)) * random.uniform(0.01, 0.04, assets)
    caps = np.exp(random.normal(size=assets) + 0.02 * random.normal(size=(rows, assets)).cumsum(axis=0))
    return returns, caps, random.integers(0, 3, assets)


def estimate(returns, caps, sectors, at_rows, *, priced=None, **options):
    return specific_risks(
        returns,
        caps,
        sectors,
        np.ones(returns.shape, dtype=bool) if priced is None else priced,
        np.datetime64("2020-01-01") + np.arange(len(returns)),
        np.asarray(at_rows),
        365,
        config=SpecificRiskConfig(**options),
    )


def test_own_volatility_is_the_weighted_newey_west_one():
    returns, caps, sectors = market(1, 200, 20)
    returns[:50, 3] = NAN
    returns[120, 4] = np.inf
    result = estimate(returns, caps, sectors, [199], regime_half_life=None, half_life=30.0, lags=2)
    expected = np.sqrt(365 * np.diag(newey_west_covariance(returns, 30.0, 2)))
    np.testing.assert_allclose(result.own[0], expected, rtol=1e-9)
    assert result.observations[0, [0, 3, 4]].tolist() == [200, 150, 199]


def test_the_forecast_lies_between_own_and_peers_by_the_published_formula():
    returns, caps, sectors = market(2, 150, 40)
    result = estimate(returns, caps, sectors, [149], regime_half_life=None, size_groups=1, shrinkage=0.7)
    own = result.own[0]
    for asset in range(40):
        same = sectors == sectors[asset]
        mean = np.average(own[same], weights=caps[149, same])
        deviation = np.average((own[same] - mean) ** 2, weights=caps[149, same]) ** 0.5
        distance = 0.7 * abs(own[asset] - mean)
        share = distance / (deviation + distance)
        assert result.peer[0, asset] == pytest.approx(mean, rel=1e-9)
        assert result.peer_shares[0, asset] == pytest.approx(share, rel=1e-7)
        expected = share * mean + (1 - share) * own[asset]
        assert result.volatilities[0, asset] == pytest.approx(expected, rel=1e-9)


def test_shrinkage_without_distance_or_without_deviation():
    own = np.array([0.2, 0.2, 0.3, NAN])
    peers = PeerVolatilities(means=np.full(4, 0.2), deviations=np.array([0.0, 0.1, 0.0, 0.1]))
    volatilities, shares = shrunk(own, peers, 0.1)
    np.testing.assert_allclose(volatilities, 0.2)
    np.testing.assert_array_equal(shares, [0.0, 0.0, 1.0, 1.0])
    np.testing.assert_array_equal(shrunk(own, peers, 0.0)[0][:3], own[:3])


def test_a_new_listing_has_the_risk_of_its_peers():
    returns, caps, sectors = market(3, 150, 30)
    returns[: 150 - 59, 7] = NAN
    returns[: 150 - 60, 8] = NAN
    result = estimate(returns, caps, sectors, [149])
    assert np.isnan(result.own[0, 7])
    assert np.isfinite(result.own[0, 8])
    assert result.volatilities[0, 7] == result.peer[0, 7]
    assert result.peer_shares[0, 7] == 1.0
    assert result.observations[0, 7] == 59


def test_only_an_asset_without_a_price_has_no_risk():
    returns, caps, sectors = market(4, 150, 30)
    priced = np.ones(returns.shape, dtype=bool)
    priced[149, 2] = False
    returns[:, 5] = NAN
    caps[149, 6] = NAN
    caps[149, 7] = 0.0
    sectors[8] = -1
    sectors[9] = 77
    result = estimate(returns, caps, sectors, [149], priced=priced)
    np.testing.assert_array_equal(np.isnan(result.volatilities[0]), np.arange(30) == 2)
    assert (result.volatilities[0][np.arange(30) != 2] > 0.0).all()


def test_dates_before_any_asset_has_enough_returns_are_left_out():
    returns, caps, sectors = market(5, 150, 10)
    result = estimate(returns, caps, sectors, [10, 58, 59, 149])
    np.testing.assert_array_equal(result.rows, [59, 149])
    np.testing.assert_array_equal(result.dates, np.datetime64("2020-01-01") + np.array([59, 149]))
    assert estimate(returns, caps, sectors, [10]).volatilities.shape == (0, 10)
    assert estimate(returns, caps, sectors, np.zeros(0, dtype=int)).volatilities.shape == (0, 10)


def test_what_comes_later_changes_no_risk():
    returns, caps, sectors = market(6, 200, 12)
    by_date = np.tile(sectors, (200, 1))
    before = estimate(returns, caps, by_date, [100, 150])
    returns[151:] *= 30.0
    caps[151:] *= 0.01
    by_date[151:] = 0
    after = estimate(returns, caps, by_date, [100, 150])
    np.testing.assert_array_equal(before.volatilities, after.volatilities)


def test_sectors_are_those_of_the_date():
    returns, caps, sectors = market(7, 150, 12)
    by_date = np.tile(sectors, (150, 1))
    np.testing.assert_array_equal(
        estimate(returns, caps, by_date, [149]).peer, estimate(returns, caps, sectors, [149]).peer
    )
    by_date[149] = 0
    np.testing.assert_array_equal(
        estimate(returns, caps, by_date, [149]).peer, estimate(returns, caps, sectors * 0, [149]).peer
    )


def test_the_regime_is_that_of_cap_weighted_squares_over_the_forecasts_of_the_day_before():
    returns, caps, sectors = market(8, 120, 15)
    returns[-5:] *= 3.0
    squares = np.full(120, NAN)
    for row in range(60, 120):
        variances = np.diag(newey_west_covariance(returns[:row], 84.0, 0))
        squares[row] = bias_square(returns[row], variances, caps[row - 1])
    plain = estimate(returns, caps, sectors, [119], regime_half_life=None)
    scaled = estimate(returns, caps, sectors, [119])
    assert scaled.regime_multipliers[0] == pytest.approx(regime_multipliers(squares, 42.0)[119], rel=1e-9)
    assert scaled.regime_multipliers[0] > 1.1
    for name in ("volatilities", "own", "peer"):
        np.testing.assert_allclose(
            getattr(scaled, name), getattr(plain, name) * scaled.regime_multipliers[0], rtol=1e-12
        )


def test_a_stale_asset_has_no_risk_of_its_own_and_some_of_its_peers():
    returns, caps, sectors = market(9, 150, 20)
    returns[:, 3] = 0.0
    result = estimate(returns, caps, sectors, [149], size_groups=1)
    assert result.own[0, 3] == 0.0
    assert 0.0 < result.volatilities[0, 3] < result.peer[0, 3]


def test_options_and_arrays_that_do_not_fit_are_refused():
    with pytest.raises(InvalidConfig, match="size_groups"):
        SpecificRiskConfig(size_groups=0)
    returns, caps, sectors = market(10, 70, 4)
    with pytest.raises(ValueError, match="caps"):
        estimate(returns, caps[1:], sectors, [69])
    with pytest.raises(ValueError, match="sectors"):
        estimate(returns, caps, sectors[1:], [69])
    with pytest.raises(ValueError, match="at_rows"):
        estimate(returns, caps, sectors, [69, 60])
