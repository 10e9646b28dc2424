"""Portfolios to judge a risk model by: what they hold, and that they keep it."""

from __future__ import annotations

import numpy as np

from engine.risk.validation_portfolios import factor_portfolios, random_portfolios, sector_portfolios

NAN = np.nan


def caps_of(assets: int) -> np.ndarray:
    return np.exp(np.random.default_rng(1).normal(size=assets))


def test_random_portfolios_are_cap_weighted_and_long_only():
    caps, everyone = caps_of(300), np.ones(300, dtype=bool)
    weights = random_portfolios(caps, everyone, count=50, size=100)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    np.testing.assert_array_equal((weights > 0.0).sum(axis=1), 100)
    for row in weights:
        held = row > 0.0
        np.testing.assert_allclose(row[held], caps[held] / caps[held].sum())
    assert (weights > 0.0).any(axis=0).all()
    np.testing.assert_array_equal(weights, random_portfolios(caps, everyone, count=50, size=100))
    assert (weights != random_portfolios(caps, everyone, count=50, size=100, seed=3)).any()


def test_a_random_portfolio_replaces_only_who_left():
    caps, everyone = caps_of(300), np.ones(300, dtype=bool)
    before = random_portfolios(caps, everyone, count=5, size=100) > 0.0
    fewer = everyone.copy()
    fewer[:40] = False
    after = random_portfolios(caps, fewer, count=5, size=100) > 0.0
    assert (after[:, 40:] >= before[:, 40:]).all()
    assert not after[:, :40].any()
    np.testing.assert_array_equal(after.sum(axis=1), 100)


def test_random_portfolios_of_few_assets_differ():
    caps = caps_of(31)
    weights = random_portfolios(caps, np.ones(31, dtype=bool), count=30, size=100)
    np.testing.assert_array_equal((weights > 0.0).sum(axis=1), 16)
    assert len(np.unique(weights, axis=0)) == 30
    alone = random_portfolios(caps[:1], np.ones(1, dtype=bool), count=2)
    np.testing.assert_array_equal(alone, [[1.0], [1.0]])


def test_who_has_no_cap_is_never_held():
    caps = np.array([1.0, NAN, 0.0, -1.0, np.inf, 3.0])
    everyone, scores = np.ones(6, dtype=bool), np.array([[1.0], [9.0], [9.0], [9.0], [9.0], [-1.0]])
    weights = random_portfolios(caps, everyone, count=20)
    assert {tuple(row) for row in weights.tolist()} == {(1, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 1)}
    np.testing.assert_allclose(
        sector_portfolios(caps, np.zeros(6, dtype=np.int16), 1, everyone), [[0.25, 0, 0, 0, 0, 0.75]]
    )
    np.testing.assert_allclose(factor_portfolios(caps, scores, everyone), [[1.0, 0, 0, 0, 0, -1.0]])


def test_sector_portfolios_hold_their_own_sector():
    caps, sectors = np.array([1.0, 3.0, 2.0, 5.0]), np.array([0, 0, 2, -1])
    weights = sector_portfolios(caps, sectors, 3, np.ones(4, dtype=bool))
    np.testing.assert_allclose(weights, [[0.25, 0.75, 0, 0], [0, 0, 0, 0], [0, 0, 1.0, 0]])


def test_factor_portfolios_are_long_high_scores_and_cost_nothing():
    caps = caps_of(50)
    scores = np.random.default_rng(2).normal(size=(50, 3))
    scores[7, 1] = NAN
    scores[:, 2] = 0.3
    weights = factor_portfolios(caps, scores, np.ones(50, dtype=bool))
    np.testing.assert_allclose(weights.sum(axis=1), 0.0, atol=1e-14)
    np.testing.assert_allclose(np.abs(weights).sum(axis=1), [2.0, 2.0, 0.0])
    assert weights[1, 7] == 0.0
    assert weights[0] @ scores[:, 0] > 0.5
    centred = scores[:, 0] - np.average(scores[:, 0], weights=caps)
    np.testing.assert_allclose(weights[0] / (caps * centred), weights[0, 0] / (caps[0] * centred[0]))


def test_nobody_makes_no_portfolio():
    caps, nobody = caps_of(4), np.zeros(4, dtype=bool)
    assert not random_portfolios(caps, nobody).any()
    assert not sector_portfolios(caps, np.zeros(4, dtype=np.int16), 2, nobody).any()
    assert not factor_portfolios(caps, np.ones((4, 1)), nobody).any()
