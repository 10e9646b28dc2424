"""Inference on a return series: published figures, statsmodels, scipy and pandas."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.statistics.inference import (
    first_autocorrelation,
    newey_west_t,
    probabilistic_sharpe_from_moments,
    probabilistic_sharpe_ratio,
    sharpe_standard_error,
)
from engine.statistics.metrics import sharpe_ratio
from engine.statistics.regression import regress_on
from engine.statistics.undefined import Undefined, UndefinedReason

varied_returns = st.lists(st.floats(-0.5, 0.5), min_size=3, max_size=60).filter(
    lambda values: np.std(values) > 1e-3
)


def reason_of(compute, *arguments) -> UndefinedReason:
    with pytest.raises(Undefined) as undefined:
        compute(*arguments)
    return undefined.value.reason


def with_sharpe(sharpe: float, n: int) -> np.ndarray:
    """Returns whose mean is `sharpe` times their deviation (ddof 1), exactly but for rounding."""
    noise = np.random.default_rng(n).normal(size=n)
    return 0.01 * (sharpe + (noise - noise.mean()) / noise.std(ddof=1))


# -- Newey-West t ------------------------------------------------------------------------------------------


@given(varied_returns)
def test_the_t_statistic_is_that_of_statsmodels(values):
    n = len(values)
    model = sm.OLS(values, np.ones(n))
    lag = int(4 * (n / 100) ** (2 / 9))
    oracle = model.fit(cov_type="HAC", cov_kwds={"maxlags": lag, "use_correction": False}).tvalues[0]
    assert newey_west_t(np.array(values)) == pytest.approx(oracle, rel=1e-6, abs=1e-9)


def test_a_lag_can_be_given():
    values = np.random.default_rng(5).normal(0.002, 0.03, 120)
    model = sm.OLS(values, np.ones(120))
    oracle = model.fit(cov_type="HAC", cov_kwds={"maxlags": 7, "use_correction": False}).tvalues[0]
    assert newey_west_t(values, 7) == pytest.approx(oracle, rel=1e-9)
    plain = stats.ttest_1samp(values, 0.0).statistic * math.sqrt(120 / 119)  # ddof 0
    assert newey_west_t(values, 0) == pytest.approx(plain, rel=1e-9)


@given(varied_returns, st.floats(0.01, 100.0))
def test_statistics_do_not_depend_on_the_scale_of_returns(values, scale):
    returns = np.array(values)
    for statistic in (
        newey_west_t,
        lambda series: sharpe_standard_error(series, 52),
        probabilistic_sharpe_ratio,
        first_autocorrelation,
    ):
        try:
            expected = statistic(returns)
        except Undefined:
            continue
        assert statistic(scale * returns) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(varied_returns)
def test_losses_mirror_gains(values):
    returns = np.array(values)
    assert newey_west_t(-returns) == pytest.approx(-newey_west_t(returns), rel=1e-9, abs=1e-12)
    assert probabilistic_sharpe_ratio(-returns) == pytest.approx(
        1.0 - probabilistic_sharpe_ratio(returns), abs=1e-9
    )


def test_where_there_is_no_t_statistic():
    assert reason_of(newey_west_t, np.array([0.1, 0.2])) is UndefinedReason.TOO_FEW_PERIODS
    assert reason_of(newey_west_t, np.full(5, 0.1)) is UndefinedReason.ZERO_VOLATILITY
    assert reason_of(newey_west_t, np.array([1e200, -1e200, 1.0])) is UndefinedReason.OVERFLOW


# -- the Sharpe ratio's standard error ---------------------------------------------------------------------

LO_TABLE_1 = {  # Lo (2002), table 1: asymptotic standard errors by Sharpe ratio and sample size
    0.50: {12: 0.306, 24: 0.217, 36: 0.177, 48: 0.153, 60: 0.137, 125: 0.095, 250: 0.067, 500: 0.047},
    1.00: {12: 0.354, 24: 0.250, 36: 0.204, 48: 0.177, 60: 0.158, 125: 0.110, 250: 0.077, 500: 0.055},
    1.50: {12: 0.421, 24: 0.298, 36: 0.243, 48: 0.210, 60: 0.188, 125: 0.130, 250: 0.092, 500: 0.065},
    3.00: {12: 0.677, 24: 0.479, 36: 0.391, 48: 0.339, 60: 0.303, 125: 0.210, 250: 0.148, 500: 0.105},
}


@pytest.mark.parametrize("sharpe", LO_TABLE_1)
def test_the_standard_error_is_that_of_lo(sharpe):
    for n, published in LO_TABLE_1[sharpe].items():
        assert sharpe_standard_error(with_sharpe(sharpe, n), 1) == pytest.approx(published, abs=0.00051)


def test_the_standard_error_is_annualised_like_the_ratio():
    returns = with_sharpe(0.2, 100)
    assert sharpe_standard_error(returns, 52) == pytest.approx(math.sqrt(52 * 1.02 / 100), rel=1e-12)


def test_the_standard_error_is_the_spread_of_estimates():
    samples = np.random.default_rng(3).normal(0.4, 1.0, (4000, 120))
    estimates = samples.mean(axis=1) / samples.std(axis=1, ddof=1)
    assert sharpe_standard_error(with_sharpe(0.4, 120), 1) == pytest.approx(estimates.std(), rel=0.04)


def test_where_there_is_no_standard_error():
    assert reason_of(sharpe_standard_error, np.array([0.1]), 52) is UndefinedReason.TOO_FEW_PERIODS
    assert reason_of(sharpe_standard_error, np.full(5, 0.1), 52) is UndefinedReason.ZERO_VOLATILITY
    assert reason_of(sharpe_standard_error, np.array([1e200, -1e200]), 52) is UndefinedReason.OVERFLOW


# -- the probabilistic Sharpe ratio ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sharpe", "benchmark", "n", "skewness", "kurtosis", "published"),
    [
        # Bailey and Lopez de Prado (2012): two years of months, first as if normal, then as they are.
        (0.458, 0.0, 24, 0.0, 3.0, 0.982),
        (0.458, 0.0, 24, -2.448, 10.164, 0.913),
        # Bailey and Lopez de Prado (2014): five years of days, against the expected maximum of 100 trials.
        (2.5 / math.sqrt(250), 0.1132, 1250, -3.0, 10.0, 0.9004),
    ],
)
def test_the_published_examples(sharpe, benchmark, n, skewness, kurtosis, published):
    value = probabilistic_sharpe_from_moments(sharpe, benchmark, n, skewness, kurtosis)
    assert value == pytest.approx(published, abs=0.0006)


@given(varied_returns, st.floats(-0.5, 0.5))
def test_the_probability_is_that_of_the_moments_of_scipy(values, benchmark):
    try:
        value = probabilistic_sharpe_ratio(np.array(values), benchmark)
    except Undefined:
        return
    sharpe = np.mean(values) / np.std(values)
    skewness, kurtosis = stats.skew(values), stats.kurtosis(values, fisher=False)
    error = np.sqrt((1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2) / (len(values) - 1))
    if error > 1e-6:  # two values: what is left is rounding
        assert value == pytest.approx(stats.norm.cdf((sharpe - benchmark) / error), abs=1e-6)


def test_the_probability_keeps_its_digits_in_the_tail():
    value = probabilistic_sharpe_from_moments(-1.0, 0.0, 151, 0.0, 3.0)
    assert value == pytest.approx(stats.norm.cdf(-10.0), rel=1e-12)


def test_where_there_is_no_probability():
    assert reason_of(probabilistic_sharpe_ratio, np.array([0.1, 0.2])) is UndefinedReason.TOO_FEW_PERIODS
    assert reason_of(probabilistic_sharpe_ratio, np.full(5, 0.1)) is UndefinedReason.ZERO_VOLATILITY
    # Skewness times Sharpe ratio is exactly 2 here, which leaves the estimate without variance.
    tilted = np.array([0.01, 0.01, 0.01, 0.03])
    assert reason_of(probabilistic_sharpe_ratio, tilted) is UndefinedReason.ZERO_VOLATILITY
    impossible = (1.0, 0.0, 50, 3.0, 1.0)
    assert reason_of(probabilistic_sharpe_from_moments, *impossible) is UndefinedReason.ZERO_VOLATILITY
    single = (1.0, 0.0, 1, 0.0, 3.0)
    assert reason_of(probabilistic_sharpe_from_moments, *single) is UndefinedReason.TOO_FEW_PERIODS


# -- autocorrelation ---------------------------------------------------------------------------------------


@given(st.lists(st.one_of(st.floats(-1.0, 1.0), st.just(math.nan)), max_size=40))
def test_the_autocorrelation_is_that_of_pandas(values):
    try:
        value = first_autocorrelation(np.array(values, dtype=float))
    except Undefined:
        return
    paired = pd.DataFrame({"before": values[:-1], "after": values[1:]}).dropna()
    if paired.std().min() > 1e-6:
        assert value == pytest.approx(paired["before"].corr(paired["after"]), abs=1e-6)


def test_the_autocorrelation_by_hand():
    assert first_autocorrelation(np.array([0.1, -0.1, 0.1, -0.1])) == pytest.approx(-1.0)
    assert first_autocorrelation(np.array([1.0, 2.0, 3.0])) == pytest.approx(1.0)
    # Pairs (1, 2), (2, 4), (5, 3): the gap breaks the chain.
    gap = np.array([1.0, 2.0, 4.0, math.nan, 5.0, 3.0])
    assert first_autocorrelation(gap) == pytest.approx(stats.pearsonr([1, 2, 5], [2, 4, 3]).statistic)


@pytest.mark.parametrize("values", [[], [0.1], [0.1, 0.2], [0.1, math.nan, 0.2, 0.3]])
def test_no_autocorrelation_of_too_few_values(values):
    assert reason_of(first_autocorrelation, np.array(values)) is UndefinedReason.TOO_FEW_PERIODS
    with pytest.raises(Undefined, match="pairs of neighbouring values"):
        first_autocorrelation(np.array(values))


@pytest.mark.parametrize("values", [[0.1] * 5, [0.1, 0.1, 0.1, 0.4]])
def test_no_autocorrelation_where_one_side_is_constant(values):
    assert reason_of(first_autocorrelation, np.array(values)) is UndefinedReason.ZERO_VOLATILITY


@pytest.mark.parametrize("value", [1e200, -1e200, 1e160])
def test_what_overflows_is_no_plausible_zero(value):
    returns = np.array([0.01, -0.02, 0.03, value, 0.01])
    for formula in (
        lambda: sharpe_ratio(returns, 52),
        lambda: newey_west_t(returns),
        lambda: regress_on(np.arange(5.0), returns),
    ):
        with pytest.raises(Undefined) as caught:
            formula()
        assert caught.value.reason is UndefinedReason.OVERFLOW
