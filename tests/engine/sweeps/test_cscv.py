"""Probability of backtest overfitting against plain loops over the combinations, as the paper defines it."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from engine.statistics.undefined import Undefined, UndefinedReason
from engine.sweeps import cscv
from engine.sweeps.cscv import probability_of_overfitting


def noise(seed: int, periods: int, points: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.001, 0.03, (periods, points))


def plain_sharpe(returns: np.ndarray) -> float:
    if np.ptp(returns) < 1e-12:
        return -math.inf
    return float(returns.mean() / returns.std(ddof=1))


def plain(returns: np.ndarray, partitions: int) -> dict[str, object]:
    """CSCV by its definition: rows joined, Sharpe ratios measured, one combination after another.
    Rounded, so that equal columns tie."""
    rows = len(returns) // partitions
    returns = returns[len(returns) - rows * partitions :]
    blocks = [returns[b * rows : (b + 1) * rows] for b in range(partitions)]
    logits, inside, outside, losses = [], [], [], []
    for chosen_blocks in combinations(range(partitions), partitions // 2):
        left = [b for b in range(partitions) if b not in chosen_blocks]
        train = np.concatenate([blocks[b] for b in chosen_blocks])
        test = np.concatenate([blocks[b] for b in left])
        train_sharpe = [round(plain_sharpe(column), 10) for column in train.T]
        test_sharpe = [round(plain_sharpe(column), 10) for column in test.T]
        best = train_sharpe.index(max(train_sharpe))
        relative = stats.rankdata(test_sharpe)[best] / (len(test_sharpe) + 1)
        logits.append(math.log(relative / (1 - relative)))
        losses.append(test[:, best].mean() < -1e-12)
        if math.isfinite(train_sharpe[best]) and math.isfinite(test_sharpe[best]):
            inside.append(plain_sharpe(train[:, best]))
            outside.append(plain_sharpe(test[:, best]))
    line = stats.linregress(inside, outside)
    return {
        "logits": logits,
        "probability": np.mean([logit <= 0 for logit in logits]),
        "mean": np.mean(outside),
        "loss": np.mean(losses),
        "slope": line.slope,
        "intercept": line.intercept,
        "rows": len(returns),
    }


def assert_same(returns: np.ndarray, partitions: int, rel: float = 1e-8) -> None:
    found, expected = probability_of_overfitting(returns, partitions), plain(returns, partitions)
    np.testing.assert_allclose(found.logits, expected["logits"], rtol=1e-12, atol=1e-14)
    assert found.probability == pytest.approx(expected["probability"], abs=1e-15)
    assert found.mean_out_of_sample_sharpe == pytest.approx(expected["mean"], rel=rel)
    assert found.probability_of_loss == pytest.approx(expected["loss"], abs=1e-15)
    assert found.slope == pytest.approx(expected["slope"], rel=rel)
    assert found.intercept == pytest.approx(expected["intercept"], rel=rel)
    assert found.rows_used == expected["rows"]
    assert found.combinations == len(found.logits) == math.comb(partitions, partitions // 2)


@pytest.mark.parametrize(
    ("periods", "points", "partitions"), [(40, 5, 4), (53, 2, 6), (67, 11, 8), (33, 6, 8), (21, 7, 10)]
)
def test_against_plain_loops(periods, points, partitions):
    assert_same(noise(periods, periods, points), partitions)


@pytest.mark.parametrize("block", [1, 40])
def test_combinations_in_blocks_of_any_size(monkeypatch, block):
    monkeypatch.setattr(cscv, "BLOCK", block)
    monkeypatch.setattr(cscv, "MEDIAN_COLUMNS", 4)
    assert_same(noise(1, 70, 11), 8)


def test_first_rows_are_left_out_where_blocks_do_not_divide():
    returns = noise(2, 51, 5)
    changed = returns.copy()
    changed[:3] = 9.0
    assert np.array_equal(
        probability_of_overfitting(returns, 8).logits, probability_of_overfitting(changed, 8).logits
    )


def test_returns_far_from_zero_keep_their_digits():
    assert_same(noise(3, 64, 6) * 1e-4 + 7.0, 8, rel=1e-6)


def test_one_extreme_return_does_not_drown_the_others():
    returns = noise(4, 64, 6)
    returns[13, 2] = 1e5
    returns[50, 4] = -1.0
    assert_same(returns, 8)


@pytest.mark.parametrize("level", [0.0, 0.1, -0.02])
def test_points_that_are_flat_in_some_halves_rank_lowest(level):
    returns = noise(5, 48, 5)
    returns[:24, 1] = level
    returns[18:, 3] = level
    returns[:, 4] = level
    assert_same(returns, 6)


def test_only_flat_points_in_a_half():
    returns = noise(6, 24, 3)
    returns[:12] = 0.0
    assert_same(returns, 4)


def test_rounding_is_no_variation():
    for level in np.random.default_rng(17).uniform(0.1, 0.9, 40):
        returns = noise(18, 28, 3)
        returns[:14, 1] = level
        assert_same(returns, 4)


def test_rounding_is_no_loss():
    for seed in range(30):
        returns = np.abs(noise(seed, 28, 3))
        returns[:14] = 0.0
        assert probability_of_overfitting(returns, 4).probability_of_loss == 0.0


def test_variants_with_the_same_returns_tie():
    returns = noise(7, 48, 4)[:, [0, 1, 1, 2, 0, 3, 3, 3]]
    assert_same(returns, 6)
    # equal in the first half only: the lowest index is chosen there
    returns[24:, 2] = noise(8, 24, 1)[:, 0]
    assert_same(returns, 6)


def test_equal_points_are_in_the_middle_of_each_other():
    found = probability_of_overfitting(np.tile(noise(9, 40, 1), 37), 8)
    assert found.probability == 1.0
    assert np.array_equal(found.logits, np.zeros(70))


def test_default_is_sixteen_partitions():
    found = probability_of_overfitting(noise(10, 40, 3))
    assert (found.partitions, found.combinations, found.rows_used) == (16, 12_870, 32)


def test_pure_noise_overfits_in_half_of_the_combinations():
    found = [probability_of_overfitting(noise(100 + seed, 80, 30), 8) for seed in range(40)]
    assert 0.4 < np.mean([each.probability for each in found]) < 0.6
    assert abs(np.mean([each.mean_out_of_sample_sharpe for each in found]) - 1 / 30) < 0.03


def test_one_truly_good_point_does_not_overfit():
    returns = noise(11, 160, 50)
    returns[:, 21] += 0.02
    found = probability_of_overfitting(returns)
    assert found.probability < 0.01
    assert found.probability_of_loss < 0.01
    assert found.mean_out_of_sample_sharpe == pytest.approx(plain_sharpe(returns[:, 21]), rel=0.1)


def test_what_gains_here_and_loses_there_always_overfits():
    returns = noise(12, 160, 50)
    found = probability_of_overfitting(returns - returns.mean(axis=0), 8)
    assert found.probability == 1.0
    assert found.probability_of_loss == 1.0
    assert found.slope < -0.5


def test_no_sharpe_ratio_anywhere():
    returns = np.zeros((20, 3))
    returns[:, 1] = -0.01
    found = probability_of_overfitting(returns, 4)
    assert (found.mean_out_of_sample_sharpe, found.slope, found.intercept) == (None, None, None)
    assert found.probability_of_loss == 0.0  # the first point earns nothing
    assert found.probability == 1.0


def test_no_slope_where_in_sample_sharpe_ratios_are_equal():
    block = noise(13, 6, 2)
    found = probability_of_overfitting(np.tile(block, (4, 1)), 4)
    assert found.mean_out_of_sample_sharpe is not None
    assert (found.slope, found.intercept) == (None, None)


def test_too_little_to_split():
    for returns, partitions, reason in (
        (noise(14, 31, 3), 16, UndefinedReason.TOO_FEW_PERIODS),
        (noise(14, 40, 1), 16, UndefinedReason.TOO_FEW_POINTS),
    ):
        with pytest.raises(Undefined) as raised:
            probability_of_overfitting(returns, partitions)
        assert raised.value.reason is reason
    assert probability_of_overfitting(noise(14, 32, 2), 16).combinations == 12_870


@pytest.mark.parametrize("partitions", [0, 3, 22, -2])
def test_partitions_must_be_even_and_few(partitions):
    with pytest.raises(ValueError, match="partitions"):
        probability_of_overfitting(noise(15, 100, 3), partitions)


def test_missing_returns_are_refused():
    returns = noise(16, 40, 3)
    returns[3, 1] = np.nan
    with pytest.raises(ValueError, match="finite"):
        probability_of_overfitting(returns, 4)
