"""Deflated Sharpe ratio: its paper's example, numpy's correlations, exact order statistics, plain loops."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest
from scipy import integrate, stats

from engine.statistics.inference import probabilistic_sharpe_from_moments
from engine.statistics.undefined import Undefined, UndefinedReason
from engine.sweeps.overfitting import (
    deflated_sharpe,
    effective_trials,
    expected_maximum_sharpe,
    first_best,
    mean_correlation,
)


def noise(seed: int, periods: int, points: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.03, (periods, points))


def related(seed: int, share: float, periods: int = 90, points: int = 12) -> np.ndarray:
    """Columns that share a common series, so that they correlate by about share^2 / (share^2 + 1)."""
    return noise(seed, periods, points) + share * noise(seed + 1000, periods, 1) + 0.002


def pairwise(returns: np.ndarray) -> float:
    matrix = np.corrcoef(returns, rowvar=False)
    return float(matrix[~np.eye(len(matrix), dtype=bool)].mean())


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0, -4.0])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_mean_correlation_is_that_of_all_pairs(share, scale):
    returns = related(3, share) * scale
    assert mean_correlation(returns) == pytest.approx(pairwise(returns), rel=1e-10, abs=1e-13)


def test_mean_correlation_far_from_zero_mean():
    returns = related(4, 0.5) + 5.0
    assert mean_correlation(returns) == pytest.approx(pairwise(returns), rel=1e-9)


def test_columns_that_do_not_vary_are_no_trials():
    returns = related(5, 1.0)
    padded = np.concatenate([np.zeros((90, 3)), returns, np.full((90, 2), 0.1)], axis=1)
    assert mean_correlation(padded) == pytest.approx(mean_correlation(returns), rel=1e-12)
    assert effective_trials(padded) == pytest.approx(effective_trials(returns), rel=1e-12)
    assert asdict(deflated_sharpe(padded, 3 + 7)) == pytest.approx(asdict(deflated_sharpe(returns, 7)))


def test_effective_trials_between_one_and_all():
    same = np.tile(noise(6, 40, 1), 9)
    assert effective_trials(same) == pytest.approx(1.0, abs=1e-9)
    assert effective_trials(same) >= 1.0
    opposite = np.concatenate([same[:, :1], -same[:, :1]], axis=1)
    assert mean_correlation(opposite) == pytest.approx(-1.0)
    assert effective_trials(opposite) == 2.0  # a negative correlation counts as none
    returns = related(7, 1.0)
    rho = pairwise(returns)
    assert 0.3 < rho < 0.7
    assert effective_trials(returns) == pytest.approx(rho + (1 - rho) * 12, rel=1e-10)


@pytest.mark.parametrize("trials", [5, 10, 46, 100, 1000, 10_000])
def test_expected_maximum_is_close_to_the_exact_order_statistic(trials):
    def density(x: float) -> float:
        return x * trials * stats.norm.pdf(x) * stats.norm.cdf(x) ** (trials - 1)

    exact, _ = integrate.quad(density, -10.0, 12.0, points=[0.0, 2.0, 4.0], limit=200)
    assert expected_maximum_sharpe(0.04, trials) == pytest.approx(0.2 * exact, rel=0.04)


def test_expected_maximum_at_its_edges():
    assert expected_maximum_sharpe(0.5, 1.0) == 0.0
    assert expected_maximum_sharpe(0.0, 50.0) == 0.0
    maxima = [expected_maximum_sharpe(1.0, trials) for trials in (1.0, 1.01, 1.2, 2.0, 3.0, 10.0, 1e12)]
    assert maxima == sorted(maxima)
    assert maxima[1] == 0.0
    with pytest.raises(ValueError, match="trials"):
        expected_maximum_sharpe(1.0, 0.5)
    with pytest.raises(ValueError, match="variance"):
        expected_maximum_sharpe(-1.0, 2.0)


@pytest.mark.parametrize(
    ("trials", "skewness", "kurtosis", "probability"),
    [(100, -3.0, 10.0, 0.9004), (46, -3.0, 10.0, 0.9505), (88, 0.0, 3.0, 0.9505)],
)
def test_the_papers_numerical_example(trials, skewness, kurtosis, probability):
    """Bailey and Lopez de Prado 2014: annualised Sharpe ratio 2.5 and variance 1/2, 5 years of 250 days."""
    maximum = expected_maximum_sharpe(0.5 / 250, trials)
    if trials == 100:
        assert maximum == pytest.approx(0.1132, abs=5e-5)
    found = probabilistic_sharpe_from_moments(2.5 / math.sqrt(250), maximum, 1250, skewness, kurtosis)
    assert found == pytest.approx(probability, abs=5e-5)


def test_deflated_sharpe_against_plain_loops():
    returns = related(8, 0.6)
    columns = [list(column) for column in returns.T]
    sharpe = []
    for column in columns:
        mean = sum(column) / 90
        sharpe.append(mean / math.sqrt(sum((r - mean) ** 2 for r in column) / 89))
    best = sharpe.index(max(sharpe))
    average = sum(sharpe) / 12
    variance = sum((s - average) ** 2 for s in sharpe) / 11
    rho = pairwise(returns)
    trials = rho + (1 - rho) * 12
    first, second = stats.norm.ppf(1 - 1 / trials), stats.norm.ppf(1 - 1 / (trials * math.e))
    maximum = math.sqrt(variance) * ((1 - 0.5772156649015329) * first + 0.5772156649015329 * second)
    column = returns[:, best]
    s, g3 = column.mean() / column.std(), stats.skew(column)
    g4 = stats.kurtosis(column, fisher=False)
    score = (s - maximum) * math.sqrt(89) / math.sqrt(1 - g3 * s + (g4 - 1) / 4 * s**2)

    found = deflated_sharpe(returns, best)
    assert found.trials == 12
    assert found.sharpe_ratio == pytest.approx(sharpe[best], rel=1e-10)
    assert found.sharpe_variance == pytest.approx(variance, rel=1e-10)
    assert found.mean_correlation == pytest.approx(rho, rel=1e-10)
    assert found.effective_trials == pytest.approx(trials, rel=1e-10)
    assert found.expected_maximum == pytest.approx(maximum, rel=1e-10)
    assert found.probability == pytest.approx(stats.norm.cdf(score), rel=1e-10)


def best_of(returns: np.ndarray) -> int:
    return int((returns.mean(axis=0) / returns.std(axis=0)).argmax())


def test_the_best_of_pure_noise_is_not_significant():
    probabilities = []
    for seed in range(20):
        returns = noise(seed, 250, 200)
        probabilities.append(deflated_sharpe(returns, best_of(returns)).probability)
    assert np.mean(np.array(probabilities) > 0.95) <= 0.1
    assert 0.3 < np.mean(probabilities) < 0.7


def test_one_truly_good_point_is_significant():
    returns = noise(9, 500, 200)
    returns[:, 77] += 0.015
    assert best_of(returns) == 77
    assert deflated_sharpe(returns, 77).probability > 0.99


def test_where_there_is_no_deflated_sharpe():
    returns = noise(10, 60, 4)
    returns[:, 2] = 0.01
    for matrix, best, reason in (
        (returns, 2, UndefinedReason.ZERO_VOLATILITY),
        (returns[:, :1], 0, UndefinedReason.TOO_FEW_POINTS),
        (returns[:, [1, 2]], 0, UndefinedReason.TOO_FEW_POINTS),
        (returns[:2], 0, UndefinedReason.TOO_FEW_PERIODS),
    ):
        with pytest.raises(Undefined) as raised:
            deflated_sharpe(matrix, best)
        assert raised.value.reason is reason
    returns[5, 1] = np.nan
    with pytest.raises(ValueError, match="finite"):
        deflated_sharpe(returns, 0)


def test_first_best_takes_the_lowest_of_equals():
    rows = [[0.1, 0.3, 0.3 + 1e-13, 0.2], [-np.inf] * 4, [-np.inf, -2.0, -np.inf, -3.0]]
    assert first_best(np.array(rows)).tolist() == [1, 0, 1]
