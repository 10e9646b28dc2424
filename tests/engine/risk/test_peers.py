"""Peers: who speaks for an asset, and who does where its group is too small."""

from __future__ import annotations

import numpy as np
import pytest

from engine.risk.peers import peer_volatilities, size_group

NAN = np.nan


def peers(own, caps, sectors, *, present=None, size_groups=1):
    present = np.ones(len(own), dtype=bool) if present is None else np.array(present)
    return peer_volatilities(
        np.array(own, dtype=float), np.array(caps, dtype=float), np.array(sectors), present, size_groups
    )


def test_means_and_deviations_are_cap_weighted_in_each_size_group_and_sector():
    random = np.random.default_rng(1)
    count, groups = 600, 10
    own, caps = random.uniform(0.1, 0.6, count), np.exp(random.normal(size=count))
    sectors = random.integers(0, 3, count)
    result = peers(own, caps, sectors, size_groups=groups)
    ranks = caps.argsort().argsort()
    for asset in range(count):
        cell = (ranks * groups // count == ranks[asset] * groups // count) & (sectors == sectors[asset])
        mean = np.average(own[cell], weights=caps[cell])
        deviation = np.average((own[cell] - mean) ** 2, weights=caps[cell]) ** 0.5
        assert cell.sum() >= 2
        assert result.means[asset] == pytest.approx(mean, rel=1e-12)
        assert result.deviations[asset] == pytest.approx(deviation, rel=1e-9)


def test_a_group_of_one_falls_back_to_its_sector():
    # Sizes 1, 2 | 3, 4: the large asset of sector 0 is alone with its size.
    result = peers([0.1, 0.2, 0.6, 0.9], [1, 2, 3, 4], [0, 0, 0, 1], size_groups=2)
    assert result.means[0] == result.means[1] == pytest.approx((0.1 + 2 * 0.2) / 3)
    assert result.means[2] == pytest.approx((0.1 + 2 * 0.2 + 3 * 0.6) / 6)


def test_a_sector_of_one_falls_back_to_the_market():
    result = peers([0.1, 0.2, 0.6, 0.9], [1, 2, 3, 4], [0, 0, 0, 1])
    assert result.means[3] == pytest.approx((0.1 + 0.4 + 1.8 + 3.6) / 10)


def test_an_asset_without_a_volatility_has_peers_and_is_none():
    result = peers([0.1, 0.3, NAN], [3, 1, 50], [0, 0, 0])
    np.testing.assert_allclose(result.means, 0.15)
    np.testing.assert_allclose(result.deviations, (0.75 * 0.05**2 + 0.25 * 0.15**2) ** 0.5)


@pytest.mark.parametrize("cap", [NAN, 0.0, -5.0, np.inf])
def test_an_asset_without_a_cap_has_its_sector_for_peers_and_is_none(cap):
    result = peers([0.1, 0.3, 0.9, 0.5], [1, 1, cap, 1], [0, 0, 0, 1])
    np.testing.assert_allclose(result.means[:3], 0.2)


def test_an_asset_without_a_sector_has_the_market_for_peers():
    result = peers([0.1, 0.3, 0.5], [1, 1, 2], [0, 0, -1])
    assert result.means[2] == pytest.approx((0.1 + 0.3 + 2 * 0.5) / 4)
    assert result.means[0] == pytest.approx(0.2)


def test_who_left_the_market_is_nobodys_peer():
    result = peers([0.1, 0.3, 0.9], [1, 1, 1], [0, 0, 0], present=[True, True, False])
    np.testing.assert_allclose(result.means, 0.2)


def test_without_any_caps_all_known_volatilities_are_peers():
    result = peers([0.1, 0.3, NAN], [NAN, NAN, NAN], [0, 1, 1])
    np.testing.assert_allclose(result.means, 0.2)
    np.testing.assert_allclose(result.deviations, 0.1)


def test_where_no_volatility_is_known_there_is_no_peer():
    assert np.isnan(peers([NAN, NAN], [1, 1], [0, 0]).means).all()


def test_size_groups_have_equal_numbers_from_small_to_large():
    caps = np.array([5.0, NAN, 1.0, 3.0, 3.0, 2.0, 9.0])
    np.testing.assert_array_equal(size_group(caps, 3), [2, -1, 0, 1, 1, 0, 2])
    np.testing.assert_array_equal(size_group(np.full(2, NAN), 3), [-1, -1])
