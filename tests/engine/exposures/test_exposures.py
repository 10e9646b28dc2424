"""Exposures of made portfolios whose betas are known, and against statsmodels."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.regression.rolling import RollingOLS
from statsmodels.stats.outliers_influence import variance_inflation_factor

from engine.errors import CollinearFactors, InvalidConfig, ReturnsOverflow, TooFewObservations, TotalLoss
from engine.exposures.exposures import exposures
from engine.exposures.results import Method, ReturnKind
from engine.statistics.undefined import UndefinedReason
from tests.engine.exposures.weekly import factor, noise, portfolio, weeks

F1, F2, F3 = factor("SMB", 1), factor("VALUE", 2), factor("MARKET", 3, long_only=True)
RETURNS = 0.001 + 0.7 * F1.returns - 0.3 * F2.returns + noise(4)


def betas(result, regression: int = 0) -> dict[str, float]:
    return {one.name: one.beta for one in result.regressions[regression].factors}


def test_a_hand_made_portfolio_has_the_betas_it_was_made_of():
    result = exposures(portfolio(0.7 * F1.returns - 0.3 * F2.returns + 0.001), [F1, F2])
    (regression,) = result.regressions
    assert betas(result) == pytest.approx({"SMB": 0.7, "VALUE": -0.3}, abs=1e-12)
    assert regression.alpha == pytest.approx(0.052, abs=1e-12)
    assert regression.r_squared == 1.0
    assert regression.residual_volatility == pytest.approx(0.0, abs=1e-12)
    assert regression.factors[0].t_value is None
    assert regression.alpha_p_value is None
    assert result.attribution.linked[-1] == pytest.approx(0.0, abs=1e-12)


def test_the_whole_report_is_that_of_statsmodels():
    result = exposures(portfolio(RETURNS), [F1, F2, F3], confidence=0.9, lag=5)
    (ours,) = result.regressions
    x = sm.add_constant(np.column_stack([F1.returns, F2.returns, F3.returns]))
    theirs = sm.OLS(RETURNS, x).fit()
    robust = theirs.get_robustcov_results("HAC", maxlags=5, use_correction=True, use_t=True)
    interval = robust.conf_int(alpha=0.1)
    for k, one in enumerate(ours.factors, start=1):
        assert one.beta == pytest.approx(robust.params[k], rel=1e-10)
        assert one.standard_error == pytest.approx(robust.bse[k], rel=1e-10)
        assert one.t_value == pytest.approx(robust.tvalues[k], rel=1e-10)
        assert one.p_value == pytest.approx(robust.pvalues[k], rel=1e-9, abs=1e-12)
        assert (one.lower, one.upper) == pytest.approx(tuple(interval[k]), rel=1e-10)
        assert one.variance_inflation == pytest.approx(variance_inflation_factor(x, k), rel=1e-10)
    assert ours.alpha == pytest.approx(52 * robust.params[0], rel=1e-10)
    assert ours.alpha_standard_error == pytest.approx(52 * robust.bse[0], rel=1e-10)
    assert ours.alpha_t_value == pytest.approx(robust.tvalues[0], rel=1e-10)
    assert (ours.alpha_lower, ours.alpha_upper) == pytest.approx(tuple(52 * interval[0]), rel=1e-10)
    assert ours.r_squared == pytest.approx(theirs.rsquared, rel=1e-10)
    assert ours.adjusted_r_squared == pytest.approx(theirs.rsquared_adj, rel=1e-10)
    assert ours.residual_volatility == pytest.approx(math.sqrt(52 * theirs.mse_resid), rel=1e-10)
    assert (ours.observations, ours.lag) == (120, 5)
    assert (ours.start_week, ours.end_week) == (dt.date(2021, 1, 3), dt.date(2023, 4, 16))


def test_the_lag_is_the_rules_where_none_is_given():
    assert exposures(portfolio(RETURNS), [F1]).regressions[0].lag == 4


def test_univariate_is_one_regression_a_factor():
    result = exposures(portfolio(RETURNS), [F1, F2], method=Method.UNIVARIATE)
    assert result.attribution is None
    assert len(result.regressions) == 2
    for one, regression in zip((F1, F2), result.regressions, strict=True):
        alone = exposures(portfolio(RETURNS), [one]).regressions[0]
        assert regression == alone
        assert regression.factors[0].variance_inflation == pytest.approx(1.0)


def test_only_weeks_that_all_have_are_used():
    returns = RETURNS.copy()
    returns[10] = np.nan
    gappy = replace(F1, returns=np.where(np.arange(120) == 20, np.nan, F1.returns))
    late = factor("MOMENTUM", 9, 120, shift=5)
    rate = np.full(120, 0.0001)
    rate[30] = np.nan
    result = exposures(portfolio(returns), [gappy, late], risk_free=rate)
    kept = [week for week in range(5, 120) if week not in (10, 20, 30)]
    assert result.weeks.tolist() == weeks(120)[kept].tolist()
    x = sm.add_constant(np.column_stack([F1.returns[kept], late.returns[[week - 5 for week in kept]]]))
    fit = sm.OLS(returns[kept] - 0.0001, x).fit()
    assert list(betas(result).values()) == pytest.approx(fit.params[1:], rel=1e-10)


def test_start_and_end_bound_the_weeks():
    result = exposures(portfolio(RETURNS), [F1], start=np.datetime64("2021-02-01"), end=weeks(100)[-1])
    assert result.weeks.tolist() == weeks(100)[5:].tolist()
    assert len(result.attribution.weeks) == 95


def test_only_what_takes_capital_is_in_excess():
    rate = np.abs(noise(8, scale=0.002))
    result = exposures(portfolio(RETURNS, net_weight=0.4), [F1, F3], risk_free=rate)
    x = sm.add_constant(np.column_stack([F1.returns, F3.returns - rate]))
    assert result.in_excess
    assert result.portfolio_returns == pytest.approx(RETURNS - 0.4 * rate, abs=1e-16)
    fit = sm.OLS(RETURNS - 0.4 * rate, x).fit()
    assert list(betas(result).values()) == pytest.approx(fit.params[1:], rel=1e-10)
    risk_free = result.attribution.contributions[:, result.attribution.names.index("RISK_FREE")]
    assert risk_free == pytest.approx(0.4 * rate, abs=1e-16)


def test_log_returns_are_those_of_the_excess():
    rate = np.full(120, 0.001)
    result = exposures(portfolio(RETURNS), [F1, F3], risk_free=rate, kind=ReturnKind.LOG)
    x = np.log1p(np.column_stack([F1.returns, F3.returns - rate]))
    fit = sm.OLS(np.log1p(RETURNS - rate), sm.add_constant(x)).fit()
    assert list(betas(result).values()) == pytest.approx(fit.params[1:], rel=1e-10)


@pytest.mark.parametrize("method", Method)
def test_rolling_betas_are_those_of_statsmodels(method):
    result = exposures(portfolio(RETURNS), [F1, F2], method=method, window=30)
    groups = [[F1, F2]] if method is Method.JOINT else [[F1], [F2]]
    assert result.rolling.weeks.tolist() == result.weeks.tolist()
    assert len(result.rolling.coefficients) == len(groups)
    for ours, group in zip(result.rolling.coefficients, groups, strict=True):
        x = sm.add_constant(np.column_stack([one.returns for one in group]))
        theirs = RollingOLS(RETURNS, x, window=30).fit().params
        assert np.isnan(ours[:29]).all()
        assert ours[29:] == pytest.approx(theirs[29:], rel=1e-10, abs=1e-10)


def test_a_portfolio_that_does_not_vary_has_no_r_squared():
    (regression,) = exposures(portfolio(np.full(120, 0.001)), [F1]).regressions
    assert regression.r_squared is None
    assert regression.adjusted_r_squared is None
    assert regression.factors[0].beta == pytest.approx(0.0, abs=1e-12)
    assert regression.alpha == pytest.approx(0.052)


def test_too_few_weeks_say_how_many_there_were_and_why():
    short = factor("GROWTH", 5, 40)
    with pytest.raises(TooFewObservations, match="factor 'GROWTH', 40 weeks") as raised:
        exposures(portfolio(RETURNS), [F1, short])
    assert (raised.value.observations, raised.value.needed) == (40, 52)
    assert len(exposures(portfolio(RETURNS), [F1, short], min_observations=40).weeks) == 40
    returns = RETURNS.copy()
    returns[:80] = np.nan
    with pytest.raises(TooFewObservations, match=r"portfolio .most of all asset 'wif'"):
        exposures(portfolio(returns, scarcest="wif"), [F1])
    with pytest.raises(TooFewObservations, match="risk-free rate, 0 weeks"):
        exposures(portfolio(RETURNS), [F1], risk_free=np.full(120, np.nan))


def test_every_factor_needs_weeks_of_its_own():
    many = [factor(f"F{k}", k, 22) for k in range(20)]
    with pytest.raises(TooFewObservations) as raised:
        exposures(portfolio(noise(1, 22)), many, min_observations=10)
    assert (raised.value.observations, raised.value.needed) == (22, 23)


def test_factors_that_span_each_other_are_named():
    copy = replace(F1, name="COPY", returns=0.5 * F1.returns + 0.25 * F2.returns)
    with pytest.raises(CollinearFactors, match=r"'COPY'.*combination of SMB, VALUE") as raised:
        exposures(portfolio(RETURNS), [F1, F2, copy])
    assert raised.value.factor == "COPY"
    flat = replace(F2, returns=np.full(120, 0.01))
    for method in Method:
        with pytest.raises(CollinearFactors, match=r"'VALUE'.*does not vary"):
            exposures(portfolio(RETURNS), [F1, flat], method=method)


def test_a_total_loss_has_no_logarithm_and_no_attribution():
    ruined = RETURNS.copy()
    ruined[7] = -1.0
    with pytest.raises(TotalLoss, match=r"portfolio .* 2021-02-21"):
        exposures(portfolio(ruined), [F1], kind=ReturnKind.LOG)
    with pytest.raises(TotalLoss, match="'SMB'"):
        exposures(portfolio(RETURNS), [replace(F1, returns=ruined)], kind=ReturnKind.LOG)
    result = exposures(portfolio(ruined), [F1])
    assert result.attribution is None
    (reason,) = result.undefined
    assert (reason.metric, reason.reason) == ("attribution", UndefinedReason.TOTAL_LOSS)
    assert "2021-02-21" in reason.detail


def test_returns_that_overflow_are_refused():
    with pytest.raises(ReturnsOverflow):
        exposures(portfolio(1e200 * RETURNS), [F1])


@pytest.mark.parametrize(
    ("factors", "options", "option"),
    [
        ([], {}, "factors"),
        ([F1, F1], {}, "factors"),
        ([factor(f"F{k}", k) for k in range(21)], {}, "factors"),
        ([F1], {"min_observations": 9}, "min_observations"),
        ([F1], {"min_observations": 5_001}, "min_observations"),
        ([F1], {"confidence": 1.0}, "confidence"),
        ([F1], {"confidence": math.nan}, "confidence"),
        ([F1], {"lag": -1}, "lag"),
        ([F1], {"lag": 120}, "lag"),
        ([F1, F2], {"window": 4}, "window"),
    ],
)
def test_options_out_of_range_are_refused(factors, options, option):
    with pytest.raises(InvalidConfig) as raised:
        exposures(portfolio(RETURNS), factors, **options)
    assert [fault.option for fault in raised.value.faults] == [option]


def test_a_univariate_window_may_be_shorter_than_a_joint_one():
    result = exposures(portfolio(RETURNS), [F1, F2], method=Method.UNIVARIATE, window=4)
    assert np.isfinite(result.rolling.coefficients[1][3:]).all()


@settings(max_examples=25, deadline=None)
@given(st.floats(0.1, 20.0), st.permutations([F1, F2, F3]))
def test_betas_scale_with_the_portfolio_whatever_the_order_of_factors(scale, order):
    plain = exposures(portfolio(RETURNS), [F1, F2, F3])
    scaled = exposures(portfolio(scale * RETURNS), order)
    assert betas(scaled) == pytest.approx(
        {name: scale * beta for name, beta in betas(plain).items()}, rel=1e-9
    )
    assert scaled.regressions[0].r_squared == pytest.approx(plain.regressions[0].r_squared, rel=1e-9)
    tees = {one.name: one.t_value for one in plain.regressions[0].factors}
    assert {one.name: one.t_value for one in scaled.regressions[0].factors} == pytest.approx(tees, rel=1e-8)
