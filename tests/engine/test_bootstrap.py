"""The stationary bootstrap against arch, plain loops and the variance that theory gives it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap, optimal_block_length
from hypothesis import given
from hypothesis import strategies as st

from engine.statistics import bootstrap
from engine.statistics.bootstrap import confidence_intervals, stationary_block_length
from engine.statistics.undefined import Undefined, UndefinedReason

PERIODS = 52


def autocorrelated(seed: int, n: int, phi: float, mean: float = 0.003) -> np.ndarray:
    random = np.random.default_rng(seed)
    series = np.zeros(n + 50)
    for step, shock in enumerate(random.standard_t(5, n + 50) * 0.02):
        series[step] = phi * series[step - 1] + shock
    return series[50:] + mean


def sharpe_and_annualized(returns: np.ndarray) -> np.ndarray:
    growth = np.prod(1.0 + returns)
    return np.array(
        [
            returns.mean() / returns.std(ddof=1) * math.sqrt(PERIODS),
            growth ** (PERIODS / len(returns)) - 1.0,
        ]
    )


def reason_of(returns, **options) -> UndefinedReason:
    with pytest.raises(Undefined) as undefined:
        confidence_intervals(np.asarray(returns, dtype=float), PERIODS, **options)
    return undefined.value.reason


# -- block length ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phi", [-0.8, -0.3, 0.0, 0.3, 0.9])
@pytest.mark.parametrize("n", [20, 33, 57, 100, 200, 570, 2000])
def test_the_block_length_is_that_of_arch(n, phi):
    returns = autocorrelated(n, n, phi)
    oracle = float(optimal_block_length(returns)["stationary"][0])
    assert stationary_block_length(returns) == pytest.approx(max(oracle, 1.0), rel=1e-9)


def test_the_block_length_of_ten_returns():
    returns = autocorrelated(4, 10, 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):  # arch divides by the scale of the last lag, 0
        oracle = float(optimal_block_length(returns)["stationary"][0])
    assert stationary_block_length(returns) == pytest.approx(max(oracle, 1.0), rel=1e-9)


@given(
    st.lists(st.floats(-0.5, 0.5), min_size=10, max_size=60).filter(lambda values: np.std(values) > 1e-3),
    st.floats(-3, 3),
)
def test_the_block_length_is_bounded_and_keeps_to_the_shape_of_returns(values, power):
    returns = np.array(values)
    length = stationary_block_length(returns)
    n = len(returns)
    assert 1.0 <= length <= math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    assert stationary_block_length(2.0 ** round(power) * returns) == pytest.approx(length, rel=1e-6)


def test_extreme_returns_have_a_block_length():
    returns = autocorrelated(9, 60, 0.4) * 1e150
    assert stationary_block_length(returns) == pytest.approx(
        stationary_block_length(returns * 1e-150), rel=1e-9
    )


# -- intervals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "phi"), [(120, 0.0), (200, 0.5), (570, 0.2), (300, 0.9)])
def test_the_intervals_are_close_to_those_of_arch(n, phi):
    returns = autocorrelated(n + 1, n, phi)
    draws = StationaryBootstrap(stationary_block_length(returns), returns, seed=1).apply(
        sharpe_and_annualized, 2000
    )
    for interval, metric, oracle in zip(
        confidence_intervals(returns, PERIODS), ("sharpe_ratio", "annualized_return"), draws.T, strict=True
    ):
        assert (interval.metric, interval.level, interval.resamples) == (metric, 0.95, 2000)
        assert interval.block_length == stationary_block_length(returns)
        # Quantiles of 2,000 draws differ by about a tenth of a deviation between seeds.
        low, high = np.quantile(oracle, [0.025, 0.975])
        assert interval.low == pytest.approx(low, abs=0.3 * oracle.std())
        assert interval.high == pytest.approx(high, abs=0.3 * oracle.std())


def theoretical_deviation(returns: np.ndarray, block_length: float) -> float:
    """Deviation of a resample's mean: circular autocovariances, weighted by how often both ends of a lag
    share a block (Politis and Romano 1994, lemma 1)."""
    n = len(returns)
    centred = returns - returns.mean()
    stay = 1.0 - 1.0 / block_length
    total = float(centred @ centred) / n
    for lag in range(1, n):
        covariance = float(centred @ np.roll(centred, lag)) / n
        total += 2.0 * (1.0 - lag / n) * stay**lag * covariance
    return math.sqrt(total / n)


@pytest.mark.parametrize(("n", "phi"), [(60, 0.6), (200, 0.0), (200, 0.8), (150, -0.5)])
def test_the_width_is_what_theory_gives_the_scheme(n, phi):
    returns = 1e-6 * autocorrelated(n + 2, n, phi)  # so small that compounding is a sum
    interval = confidence_intervals(returns, 1, resamples=40_000, level=0.6826894921370859)[1]
    deviation = theoretical_deviation(returns, interval.block_length)
    assert (interval.high - interval.low) / 2.0 == pytest.approx(deviation, rel=0.03)
    assert (interval.high + interval.low) / 2.0 == pytest.approx(returns.mean(), abs=0.1 * deviation)


@pytest.mark.parametrize("block_length", [1.0, 1.3, 4.0, 20.0])
def test_resamples_are_made_of_blocks(block_length):
    n = 50
    chunks = list(bootstrap._resampled_positions(n, 4000, block_length, seed=3))
    assert [len(chunk) for chunk in chunks] == [bootstrap.CHUNK_VALUES // n] * 3 + [4000 - 3 * 1310]
    positions = np.concatenate(chunks)
    assert positions.shape == (4000, n)
    assert positions.min() >= 0
    assert positions.max() < 2 * n
    positions = positions % n
    follows = (positions[:, 1:] - positions[:, :-1]) % n == 1
    stay = 1.0 - 1.0 / block_length
    assert follows.mean() == pytest.approx(stay + (1.0 - stay) / n, abs=0.006)  # a new block may follow too
    for column in (positions[:, 0], positions[:, n // 2], positions[:, -1]):
        counts = np.bincount(column, minlength=n)
        assert ((counts - 80.0) ** 2 / 80.0).sum() < 95.0  # chi-squared, 49 degrees: 1 in 10,000


def test_the_intervals_are_those_of_a_plain_loop():
    returns = autocorrelated(8, 40, 0.5)
    length = stationary_block_length(returns)
    resampled = [
        sharpe_and_annualized(np.array([returns[position % 40] for position in row]))
        for chunk in bootstrap._resampled_positions(40, 500, length, seed=11)
        for row in chunk
    ]
    for interval, draws in zip(
        confidence_intervals(returns, PERIODS, resamples=500, level=0.9, seed=11),
        np.transpose(resampled),
        strict=True,
    ):
        assert [interval.low, interval.high] == pytest.approx(
            list(np.quantile(draws, [0.05, 0.95])), rel=1e-9
        )


def test_the_same_returns_have_the_same_intervals():
    returns = autocorrelated(2, 150, 0.3)
    assert confidence_intervals(returns, PERIODS) == confidence_intervals(returns.copy(), PERIODS)
    assert confidence_intervals(returns, PERIODS) != confidence_intervals(returns, PERIODS, seed=1)


def test_intervals_nest_and_scale():
    returns = autocorrelated(3, 150, 0.3)
    wide, narrow = (confidence_intervals(returns, PERIODS, level=level) for level in (0.99, 0.8))
    for outer, inner in zip(wide, narrow, strict=True):
        assert outer.low < inner.low < inner.high < outer.high
    scaled = confidence_intervals(3.0 * returns, PERIODS, level=0.8)[0]
    assert [scaled.low, scaled.high] == pytest.approx([narrow[0].low, narrow[0].high], rel=1e-9)
    daily = confidence_intervals(returns, 4 * PERIODS, level=0.8)[0]
    assert [daily.low, daily.high] == pytest.approx([2 * narrow[0].low, 2 * narrow[0].high], rel=1e-9)


def test_ruin_in_a_resample_is_a_total_loss():
    returns = autocorrelated(6, 100, 0.0)
    returns[40] = -1.5  # in about two resamples of three
    interval = confidence_intervals(returns, PERIODS)[1]
    assert interval.low == -1.0
    assert interval.high > 0.0


def test_resamples_without_deviation_are_left_out_of_the_sharpe_ratio():
    returns = np.full(12, 0.01)
    returns[5] = 0.02
    sharpe, annualized = confidence_intervals(returns, PERIODS)
    # The chance that a resample never visits the odd return: its Markov chain without that position.
    stay = 1.0 - 1.0 / sharpe.block_length
    steps = stay * np.roll(np.eye(12), 1, axis=1) + (1.0 - stay) / 12
    elsewhere = np.flatnonzero(returns == 0.01)
    missed = np.full(11, 1 / 12) @ np.linalg.matrix_power(steps[np.ix_(elsewhere, elsewhere)], 11).sum(axis=1)
    assert sharpe.resamples == pytest.approx(2000 * (1.0 - missed), abs=60)
    assert sharpe.resamples < 1900
    assert annualized.resamples == 2000
    assert annualized.low == pytest.approx(1.01**PERIODS - 1.0, rel=1e-9)
    assert math.isfinite(sharpe.high)


def test_where_there_are_no_intervals():
    assert reason_of(np.arange(9) / 100) is UndefinedReason.TOO_FEW_PERIODS
    assert reason_of(np.full(30, 0.01)) is UndefinedReason.ZERO_VOLATILITY
    with pytest.raises(Undefined, match="double precision"):
        confidence_intervals(np.arange(12) * 1e160, 1)
    assert reason_of(np.arange(12) * 1e100) is UndefinedReason.OVERFLOW  # the annualised return's bounds
    one_odd = np.full(30, 0.01)
    one_odd[3] = 0.02
    seed = next(seed for seed in range(20) if not _holds(3, 30, seed))
    assert reason_of(one_odd, resamples=1, seed=seed) is UndefinedReason.ZERO_VOLATILITY
    for options in ({"resamples": 0}, {"level": 1.0}, {"level": 0.0}):
        with pytest.raises(ValueError, match="make no interval"):
            confidence_intervals(autocorrelated(1, 30, 0.0), PERIODS, **options)


def _holds(position: int, n: int, seed: int) -> bool:
    (picks,) = bootstrap._resampled_positions(n, 1, 1.0, seed)
    return position in picks % n
