"""Optimal portfolios against closed forms and a general-purpose optimizer."""

from __future__ import annotations

import dataclasses
import math
import sys

import cvxpy
import numpy as np
import pytest
from scipy.optimize import minimize

from engine.errors import (
    InfeasiblePortfolio,
    InvalidConfig,
    MissingExtra,
    MissingRisk,
    SolverFailure,
    UnboundedPortfolio,
)
from engine.risk.optimize import maximum_sharpe, minimum_variance
from engine.risk.portfolio_limits import ExposureLimit, PortfolioLimits
from engine.risk.portfolio_risk import portfolio_risk
from tests.engine.risk.forecasts import dense, forecast_of, random_forecast

NAN, INF = np.nan, np.inf
FREE = {"lower": -INF, "upper": INF}


def without(forecast, *missing: int):
    specific = forecast.specific.copy()
    specific[list(missing)] = NAN
    return dataclasses.replace(forecast, specific=specific)


def best(objective, count: int, limits: PortfolioLimits, exposures_of: np.ndarray, names) -> np.ndarray:
    """What SLSQP finds for an objective of weights. The unknowns are purchases and sales from the current
    weights, so that turnover is a smooth limit."""
    current = np.zeros(count) if limits.current is None else limits.current

    def weights(trades):
        return current + trades[:count] - trades[count:]

    constraints = [
        {"type": "eq", "fun": lambda t: weights(t).sum() - limits.budget},
        {"type": "ineq", "fun": lambda t: weights(t) - limits.lower},
        {"type": "ineq", "fun": lambda t: limits.upper - weights(t)},
    ]
    if limits.max_turnover is not None:
        constraints.append({"type": "ineq", "fun": lambda t: 2 * limits.max_turnover - t.sum()})
    for limit in limits.exposures:
        column = exposures_of[:, names.index(limit.factor)]
        if limit.low is not None:
            constraints.append({"type": "ineq", "fun": lambda t, c=column, x=limit: c @ weights(t) - x.low})
        if limit.high is not None:
            constraints.append({"type": "ineq", "fun": lambda t, c=column, x=limit: x.high - c @ weights(t)})
    start = np.concatenate([np.full(count, limits.budget / count), np.zeros(count)])
    found = minimize(
        lambda t: objective(weights(t)),
        start,
        bounds=[(0, None)] * (2 * count),
        constraints=constraints,
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 2_000},
    )
    # At so small a tolerance the search may end on rounding (8), where what it has is compared all the same.
    assert found.status in (0, 8), found.message
    return weights(found.x)


def test_two_assets_of_least_variance():
    forecast = forecast_of([[1.0], [0.5]], [[0.04]], [0.3, 0.2])
    a, b, covariance = 0.04 + 0.09, 0.01 + 0.04, 0.02
    share = (b - covariance) / (a + b - 2 * covariance)
    result = minimum_variance(forecast)
    assert result.weights.tolist() == pytest.approx([share, 1 - share], abs=1e-9)
    assert result.volatility == pytest.approx(
        math.sqrt((a * b - covariance**2) / (a + b - 2 * covariance)), rel=1e-10
    )
    assert result.exposures.tolist() == pytest.approx([share + (1 - share) / 2], abs=1e-9)
    assert result.turnover == pytest.approx(0.5)
    assert (result.expected_return, result.sharpe_ratio) == (None, None)


def test_two_assets_of_the_largest_sharpe_ratio():
    forecast = forecast_of([[1.0], [0.5]], [[0.04]], [0.3, 0.2])
    returns, risk_free = np.array([0.10, 0.05]), 0.02
    tangent = np.linalg.solve(dense(forecast), returns - risk_free)
    weights = tangent / tangent.sum()
    result = maximum_sharpe(forecast, returns, risk_free=risk_free)
    np.testing.assert_allclose(result.weights, weights, atol=1e-8)
    assert result.expected_return == pytest.approx(weights @ returns, rel=1e-7)
    assert result.sharpe_ratio == pytest.approx(math.sqrt((returns - risk_free) @ tangent), rel=1e-10)


@pytest.mark.parametrize("rank", [8, 5])
def test_unlimited_portfolios_are_the_closed_forms_by_woodbury(rank):
    forecast = random_forecast(1, 400, 8, rank=rank)
    loaded = forecast.exposures @ forecast.factor_root()
    precision = forecast.specific**-2

    def solve(values):
        middle = np.eye(8) + loaded.T @ (precision[:, None] * loaded)
        return precision * (values - loaded @ np.linalg.solve(middle, loaded.T @ (precision * values)))

    least = solve(np.ones(400))
    result = minimum_variance(forecast, PortfolioLimits(**FREE))
    np.testing.assert_allclose(result.weights, least / least.sum(), atol=1e-10)
    returns = np.random.default_rng(2).normal(0.1, 0.1, 400)
    steep = solve(returns)
    result = maximum_sharpe(forecast, returns, PortfolioLimits(**FREE))
    np.testing.assert_allclose(result.weights, steep / steep.sum(), atol=1e-7)
    assert result.sharpe_ratio == pytest.approx(math.sqrt(returns @ steep), rel=1e-9)


LIMITS = {
    "bounds": {"upper": 0.25},
    "long and short": {"lower": -0.3, "upper": 0.4},
    "turnover": {"current": np.eye(8)[0] * 0.6 + np.eye(8)[5] * 0.4, "max_turnover": 0.3},
    "exposures": {
        "lower": -0.5,
        "exposures": (ExposureLimit(factor="F1", low=0.2, high=0.3), ExposureLimit(factor="F2", high=-0.1)),
    },
    "all": {
        "lower": -0.1,
        "upper": 0.5,
        "budget": 0.8,
        "current": np.full(8, 0.1),
        "max_turnover": 0.5,
        "exposures": (ExposureLimit(factor="F1", low=0.15),),
    },
}


@pytest.mark.parametrize("name", LIMITS)
def test_least_variance_within_limits_is_what_slsqp_finds(name):
    forecast, limits = random_forecast(3, 8, 3), PortfolioLimits(**LIMITS[name])
    matrix = dense(forecast)
    expected = best(lambda w: 100 * w @ matrix @ w, 8, limits, forecast.exposures, forecast.factors)
    result = minimum_variance(forecast, limits)
    assert result.volatility == pytest.approx(math.sqrt(expected @ matrix @ expected), rel=1e-7)
    np.testing.assert_allclose(result.weights, expected, atol=2e-5)
    loose = PortfolioLimits(lower=-1.0, budget=limits.budget)
    assert result.volatility > minimum_variance(forecast, loose).volatility * 1.001, "the limits bind"


@pytest.mark.parametrize("name", LIMITS)
def test_the_largest_sharpe_ratio_within_limits_is_what_slsqp_finds(name):
    forecast, limits = random_forecast(3, 8, 3), PortfolioLimits(**LIMITS[name])
    returns = np.random.default_rng(5).normal(0.1, 0.1, 8)
    matrix = dense(forecast)

    def negative_ratio(weights):
        return -((returns - 0.02) @ weights) / math.sqrt(weights @ matrix @ weights)

    expected = best(negative_ratio, 8, limits, forecast.exposures, forecast.factors)
    result = maximum_sharpe(forecast, returns, limits, risk_free=0.02)
    assert result.sharpe_ratio == pytest.approx(-negative_ratio(expected), rel=1e-6)
    np.testing.assert_allclose(result.weights, expected, atol=1e-3)


def test_limits_hold_and_the_result_agrees_with_the_risk_of_its_weights():
    forecast = random_forecast(6, 600, 15, rank=14)
    current = np.random.default_rng(7).dirichlet(np.ones(600))
    limits = PortfolioLimits(
        upper=np.linspace(0.005, 0.02, 600),
        current=current,
        max_turnover=0.4,
        exposures=(ExposureLimit(factor="F3", low=0.1, high=0.1), ExposureLimit(factor="F4", low=0.2)),
    )
    returns = np.random.default_rng(8).normal(0.05, 0.05, 600)
    for result in (minimum_variance(forecast, limits), maximum_sharpe(forecast, returns, limits)):
        assert result.weights.min() >= 0.0
        assert (result.weights <= limits.upper).all()
        assert result.weights.sum() == pytest.approx(1.0, abs=1e-9)
        assert np.abs(result.weights - current).sum() / 2 == pytest.approx(result.turnover, rel=1e-12)
        assert result.turnover <= 0.4 + 1e-7
        assert result.exposures[3] == pytest.approx(0.1, abs=1e-6)
        assert result.exposures[4] >= 0.2 - 1e-6
        total = portfolio_risk(forecast, result.weights, 252).total
        assert result.volatility == pytest.approx(total.volatility, rel=1e-12)
        np.testing.assert_allclose(result.exposures, total.exposures, atol=1e-12)


def test_a_long_only_optimum_meets_the_conditions_of_kuhn_and_tucker():
    forecast = random_forecast(9, 500, 10)
    weights = minimum_variance(forecast).weights
    gradient = dense(forecast) @ weights
    held = weights > 0.0
    assert 5 < held.sum() < 495, "weights that are not held are exactly 0"
    np.testing.assert_allclose(gradient[held], gradient[held].mean(), rtol=1e-4)
    assert gradient[~held].min() > gradient[held].mean() * (1 - 1e-4)


def test_a_dollar_neutral_portfolio_is_as_large_as_its_limits_allow():
    forecast = random_forecast(10, 30, 4)
    returns = np.random.default_rng(11).normal(0.0, 0.1, 30)
    result = maximum_sharpe(forecast, returns, PortfolioLimits(lower=-0.2, upper=0.2, budget=0.0))
    inverse = np.linalg.inv(dense(forecast))
    tangent = inverse @ (returns - (inverse @ returns).sum() / inverse.sum())
    assert np.abs(result.weights).max() == pytest.approx(0.2, rel=1e-6)
    assert result.weights.sum() == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(result.weights, tangent * 0.2 / np.abs(tangent).max(), atol=1e-6)
    turnover = PortfolioLimits(lower=-0.2, upper=0.2, budget=0.0, max_turnover=0.3)
    assert maximum_sharpe(forecast, returns, turnover).turnover == pytest.approx(0.3, rel=1e-6)


def test_assets_without_forecast_or_expected_return_are_not_held():
    forecast = random_forecast(12, 10, 3)
    partial = without(forecast, 2, 7)
    result = minimum_variance(partial, PortfolioLimits(current=np.full(10, 0.1)))
    assert result.weights[[2, 7]].tolist() == [0.0, 0.0]
    others = np.setdiff1d(np.arange(10), [2, 7])
    alone = forecast_of(forecast.exposures[others], forecast.covariance, forecast.specific[others])
    np.testing.assert_allclose(result.weights[others], minimum_variance(alone).weights, atol=1e-8)
    assert result.turnover >= 0.2
    returns = np.linspace(0.05, 0.1, 10)
    returns[4] = NAN
    assert maximum_sharpe(partial, returns).weights[[2, 4, 7]].tolist() == [0.0, 0.0, 0.0]


def test_what_must_be_held_needs_a_forecast_and_an_expected_return():
    partial = without(random_forecast(12, 4, 2), 1)
    with pytest.raises(MissingRisk) as caught:
        minimum_variance(partial, PortfolioLimits(lower=0.01))
    assert caught.value.assets == ("A1",)
    lower = np.array([0.0, 0.0, 0.1, 0.0])
    with pytest.raises(InvalidConfig, match="A2"):
        maximum_sharpe(partial, np.array([0.1, 0.1, NAN, 0.1]), PortfolioLimits(lower=lower))
    with pytest.raises(InfeasiblePortfolio, match="no asset can be held"):
        minimum_variance(without(partial, 0, 1, 2, 3))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"upper": 0.2}, "add up to between 0 and 0.8, not to 1"),
        ({"lower": 0.3}, "add up to between 1.2 and 4"),
        ({"max_turnover": 0.4}, "at least 0.5"),
        ({"upper": 0.4, "current": np.eye(4)[0], "max_turnover": 0.2}, "turnover"),
        ({"exposures": (ExposureLimit(factor="F1", low=50.0),)}, "all limits at once"),
    ],
)
def test_limits_that_leave_nothing_are_infeasible(options, reason):
    forecast = random_forecast(13, 4, 2)
    for solve in (minimum_variance, lambda f, limits: maximum_sharpe(f, np.full(4, 0.1), limits)):
        with pytest.raises(InfeasiblePortfolio, match=reason):
            solve(forecast, PortfolioLimits(**options))


def test_turnover_counts_what_cannot_be_held():
    partial = without(random_forecast(13, 4, 2), 3)
    current = np.array([0.3, 0.3, 0.0, 0.4])
    with pytest.raises(InfeasiblePortfolio, match=r"at least 0\.4"):
        minimum_variance(partial, PortfolioLimits(current=current, max_turnover=0.39))
    result = minimum_variance(partial, PortfolioLimits(current=current, max_turnover=0.4))
    assert result.turnover == pytest.approx(0.4, abs=1e-7)
    assert (result.weights[:2] >= 0.3 - 1e-7).all()


def test_no_portfolio_that_is_expected_to_earn_anything_is_infeasible():
    forecast = random_forecast(14, 4, 2)
    with pytest.raises(InfeasiblePortfolio, match="earn more than the risk-free rate"):
        maximum_sharpe(forecast, np.full(4, 0.02), risk_free=0.03)
    with pytest.raises(InfeasiblePortfolio, match="earn more than the risk-free rate"):
        maximum_sharpe(forecast, np.zeros(4))


def test_a_sharpe_ratio_without_maximum_is_unbounded():
    forecast = forecast_of([[1.0], [1.0]], [[0.01]], [0.1, 0.2])
    # The best portfolio on its own is short more than long, so no budget of 1 is a multiple of it.
    with pytest.raises(UnboundedPortfolio, match="larger positions"):
        maximum_sharpe(forecast, np.array([-0.10, -0.04]), PortfolioLimits(**FREE))
    with pytest.raises(UnboundedPortfolio, match="larger positions"):
        maximum_sharpe(forecast, np.array([0.1, 0.3]), PortfolioLimits(budget=0.0, **FREE))
    riskless = forecast_of([[1.0], [0.0]], [[0.01]], [0.1, 0.0])
    with pytest.raises(UnboundedPortfolio, match="without risk"):
        maximum_sharpe(riskless, np.array([0.1, 0.05]))
    assert minimum_variance(riskless).weights.tolist() == pytest.approx([0.0, 1.0], abs=1e-4)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"lower": 0.5, "upper": 0.4}, ("lower", "EMPTY_RANGE")),
        ({"lower": NAN}, ("lower", "EMPTY_RANGE")),
        ({"budget": INF}, ("budget", "OUT_OF_RANGE")),
        ({"max_turnover": NAN}, ("max_turnover", "OUT_OF_RANGE")),
        ({"max_turnover": -0.1}, ("max_turnover", "OUT_OF_RANGE")),
        ({"current": np.array([NAN, 0, 0])}, ("current", "OUT_OF_RANGE")),
        ({"exposures": (ExposureLimit(factor="F9", low=0.0),)}, ("exposures", "UNKNOWN_FACTOR")),
        ({"exposures": (ExposureLimit(factor="F0", low=1.0, high=0.0),)}, ("exposures", "EMPTY_RANGE")),
        ({"exposures": (ExposureLimit(factor="F0", low=NAN),)}, ("exposures", "EMPTY_RANGE")),
    ],
)
def test_limits_out_of_range_are_refused(options, fault):
    with pytest.raises(InvalidConfig) as caught:
        minimum_variance(random_forecast(15, 3, 1), PortfolioLimits(**options))
    assert [(item.option, item.code) for item in caught.value.faults] == [fault]


def test_inputs_of_another_shape_are_refused():
    forecast = random_forecast(15, 3, 1)
    for options in ({"lower": np.zeros(2)}, {"current": np.zeros(2)}):
        with pytest.raises(ValueError, match="do not fit"):
            minimum_variance(forecast, PortfolioLimits(**options))
    with pytest.raises(ValueError, match="do not fit"):
        maximum_sharpe(forecast, np.zeros(2))


@pytest.mark.parametrize("bad", [INF, -INF, 1e300])
def test_returns_out_of_range_are_refused(bad):
    forecast = random_forecast(15, 3, 1)
    with pytest.raises(InvalidConfig, match="expected_returns must"):
        maximum_sharpe(forecast, np.array([0.1, bad, 0.1]))
    for risk_free in (bad, NAN):
        with pytest.raises(InvalidConfig, match="risk_free must"):
            maximum_sharpe(forecast, np.full(3, 0.1), risk_free=risk_free)


@pytest.mark.parametrize("library", ["cvxpy", "clarabel"])
def test_a_library_that_is_not_installed_is_named_with_its_extra(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match="extra 'optimize'") as caught:
        minimum_variance(random_forecast(16, 3, 1))
    assert (caught.value.extra, caught.value.library) == ("optimize", library)


@pytest.mark.parametrize("failures", [1, 2])
def test_a_solver_that_fails_is_asked_for_less_before_it_is_an_error(monkeypatch, failures):
    solve, asked = cvxpy.Problem.solve, []

    def failing(problem, **options):
        asked.append(options["tol_feas"])
        if len(asked) <= failures:
            raise cvxpy.SolverError("no progress")
        return solve(problem, **options)

    monkeypatch.setattr(cvxpy.Problem, "solve", failing)
    forecast = random_forecast(18, 20, 3)
    if failures == 2:
        with pytest.raises(SolverFailure, match="solver_error"):
            minimum_variance(forecast)
    else:
        assert minimum_variance(forecast).weights.sum() == pytest.approx(1.0)
    assert asked[1] > asked[0]


def test_an_answer_that_breaks_the_limits_is_refused(monkeypatch):
    solve = cvxpy.Problem.solve

    def careless(problem, **options):
        solve(problem, **options)
        for variable in problem.variables():
            variable.value = variable.value * 0.9

    monkeypatch.setattr(cvxpy.Problem, "solve", careless)
    with pytest.raises(SolverFailure, match="breaks the limits"):
        minimum_variance(random_forecast(18, 2, 1), PortfolioLimits(lower=0.5, upper=0.55, budget=1.05))


def test_the_same_input_gives_the_same_weights():
    forecast, limits = random_forecast(17, 300, 8), PortfolioLimits(upper=0.02)
    first, second = minimum_variance(forecast, limits), minimum_variance(forecast, limits)
    np.testing.assert_array_equal(first.weights, second.weights)
