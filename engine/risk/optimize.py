"""Portfolios of least risk and of most return for their risk, within limits.

A convex solver does the work (cvxpy with Clarabel, the extra "optimize", imported when first needed). Risk
enters as |R'x|^2 + |s w|^2, x = X'w, with R a root of the factor covariance: a problem of n + F unknowns
whose size grows with assets times factors.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import (
    ConfigFault,
    InfeasiblePortfolio,
    InvalidConfig,
    MissingExtra,
    SolverFailure,
    UnboundedPortfolio,
)
from engine.panel import FloatArray
from engine.risk.forecast import RiskForecast
from engine.risk.portfolio_limits import FittedLimits, PortfolioLimits, fitted_limits

EXTRA = "optimize"

_TOLERANCES = (1e-10, 1e-8)
"""Asked of the solver in turn: its own 1e-8 shows in the weights, of which variance is the square, but some
problems allow no more."""
_SMALL = 0.1
"""A least variance below it, in units squared, is sought again in its own unit: tolerances of the solver are
absolute below 1."""
_LARGEST_GROSS = 1e4
"""Sizes of weights that add up to more are a maximum at infinity, as near as the solver gets."""
_LARGEST_RETURN = 1e6
"""A year's expected return beyond it, either way, is a fault of the input."""
_DUST = 1e-6
"""Weights this near to 0 or a bound, relative to the mean size of a weight, are there."""
_BREACH = 1e-6
"""By how much a limit may be broken, relative to the sum of the sizes of the weights, at least 1."""
_NO_RISK = 1e-7
"""A volatility is rounding noise at or below this, relative to that of the assets one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimalPortfolio:
    """Weights (N,), exactly 0 for assets that cannot be held, and what they amount to.

    volatility: annualized. exposures: (F,). turnover: sum |w - current| / 2. expected_return, sharpe_ratio:
    annualized, None where no expected returns were given; of the weights alone, (m - r)'w in the ratio: cash
    earns the risk-free rate. iterations: of the solver.
    """

    weights: FloatArray
    volatility: float
    exposures: FloatArray
    turnover: float
    expected_return: float | None
    sharpe_ratio: float | None
    iterations: int


@dataclass(frozen=True, slots=True)
class _Problem:
    """The n assets that can be held. unit: a typical volatility, which risk is measured in. excess: (n,)
    expected returns over the risk-free rate, the largest of size 1."""

    held: NDArray[np.bool_]
    exposures: FloatArray
    root: FloatArray
    specific: FloatArray
    limits: FittedLimits
    unit: float
    excess: FloatArray | None = None

    def volatility(self, weights: FloatArray) -> float:
        moves = self.root.T @ (weights @ self.exposures)
        own = weights * self.specific
        return math.sqrt(float(moves @ moves + own @ own))


@dataclass(frozen=True, slots=True)
class _Answer:
    """least: of the variance, in units squared. scaled: (n,) weights times scale."""

    status: str
    iterations: int
    least: float = math.nan
    scaled: FloatArray = field(default_factory=lambda: np.zeros(0))
    scale: float = math.nan


def minimum_variance(forecast: RiskForecast, limits: PortfolioLimits | None = None) -> OptimalPortfolio:
    """The portfolio of least variance within the limits (Markowitz 1952, doi:10.2307/2975974).

    Assets without a forecast are not held. Raises InvalidConfig, MissingRisk (the bounds demand such an
    asset), InfeasiblePortfolio, SolverFailure, MissingExtra; ValueError for arrays of another shape.
    """
    limits = limits or PortfolioLimits()
    cvxpy = _solver_library()
    problem = _problem(forecast, limits, forecast.known(), None)
    weights, iterations = _solved(cvxpy, problem, homogeneous=False)
    return _portfolio(forecast, limits, problem, weights, iterations)


def maximum_sharpe(
    forecast: RiskForecast,
    expected_returns: FloatArray,
    limits: PortfolioLimits | None = None,
    *,
    risk_free: float = 0.0,
) -> OptimalPortfolio:
    """The portfolio of the largest ratio of expected excess return to volatility within the limits.

    expected_returns m: (N,) annual, NaN = the asset is not held, nor is one without a forecast. risk_free r:
    annual. Solved as: least y'Vy of (m - r)'y = 1 where y = k w, k >= 0, w within the limits; w = y / k
    (Cornuejols and Tutuncu 2006, "Optimization Methods in Finance", on maximizing the Sharpe ratio). With a
    budget of 0 the ratio may not depend on the size of the positions: the largest within the limits are
    given.

    Raises as minimum_variance does, InfeasiblePortfolio also where no portfolio is expected to earn more
    than the risk-free rate, and UnboundedPortfolio where the ratio has no maximum: larger positions always
    raise it, or a portfolio without risk earns more.
    """
    limits = limits or PortfolioLimits()
    returns = np.asarray(expected_returns, dtype=np.float64)
    if returns.shape != (len(forecast.assets),):
        raise ValueError(f"expected_returns {returns.shape} do not fit {len(forecast.assets)} assets")
    for name, values in (("expected_returns", returns[~np.isnan(returns)]), ("risk_free", risk_free)):
        if not (np.abs(values) <= _LARGEST_RETURN).all():
            message = f"{name} must be from {-_LARGEST_RETURN:g} to {_LARGEST_RETURN:g}"
            raise InvalidConfig((ConfigFault(name, "OUT_OF_RANGE", message),))
    cvxpy = _solver_library()
    excess = returns - risk_free
    problem = _problem(forecast, limits, forecast.known() & np.isfinite(returns), excess)
    scaled, iterations = _solved(cvxpy, problem, homogeneous=True)
    if problem.volatility(scaled) <= _NO_RISK * problem.unit * np.abs(scaled).sum():
        raise UnboundedPortfolio("a portfolio without risk is expected to earn more than the risk-free rate")
    return _portfolio(forecast, limits, problem, scaled, iterations, returns, excess)


def _solver_library() -> Any:
    """cvxpy; raises MissingExtra where it or the solver is not installed."""
    modules = []
    for name in ("cvxpy", "clarabel"):
        try:
            modules.append(import_module(name))
        except ImportError as error:
            raise MissingExtra(EXTRA, name) from error
    return modules[0]


def _problem(
    forecast: RiskForecast,
    limits: PortfolioLimits,
    candidates: NDArray[np.bool_],
    excess: FloatArray | None,
) -> _Problem:
    """Raises as `fitted_limits` does, and InfeasiblePortfolio where no asset can be held."""
    if not candidates.any():
        raise InfeasiblePortfolio("no asset can be held: each lacks a forecast or an expected return")
    fitted = fitted_limits(limits, forecast, candidates)
    exposures, specific = forecast.exposures[candidates], forecast.specific[candidates]
    root = forecast.factor_root()
    alone = ((exposures @ root) ** 2).sum(axis=1) + specific**2
    unit = math.sqrt(float(alone.mean())) or 1.0
    if excess is not None:
        excess = excess[candidates]
        excess = excess / (float(np.abs(excess).max()) or 1.0)
    return _Problem(candidates, exposures, root, specific, fitted, unit, excess)


def _solved(cvxpy: Any, problem: _Problem, *, homogeneous: bool) -> tuple[FloatArray, int]:
    """Weights (n,) and iterations. homogeneous: of the largest Sharpe ratio, else of the least variance."""
    limits = problem.limits
    answer = _answer(cvxpy, problem, problem.unit, homogeneous=homogeneous)
    if answer.status == cvxpy.INFEASIBLE:
        raise InfeasiblePortfolio(_why_infeasible(cvxpy, problem, homogeneous=homogeneous))
    if answer.status != cvxpy.OPTIMAL:
        raise SolverFailure(answer.status)
    if _NO_RISK**2 < answer.least < _SMALL:
        unit = problem.unit * math.sqrt(answer.least)
        again = _answer(cvxpy, problem, unit, homogeneous=homogeneous)
        if again.status == cvxpy.OPTIMAL:
            answer = again
    weights = answer.scaled
    if homogeneous:
        weights = weights / _smallest_scale(problem, weights, answer.scale)
    weights = _settled(weights, limits)
    gross = max(1.0, float(np.abs(weights).sum()))
    if limits.breach(weights, weights @ problem.exposures) > _BREACH * gross:
        raise SolverFailure("its answer breaks the limits")
    return weights, answer.iterations


def _answer(cvxpy: Any, problem: _Problem, unit: float, *, homogeneous: bool) -> _Answer:
    """What the solver says, risk being measured in `unit`."""
    count, factors = problem.exposures.shape
    scaled, exposures = cvxpy.Variable(count), cvxpy.Variable(factors)
    scale = cvxpy.Variable(nonneg=True) if homogeneous else cvxpy.Constant(1.0)
    constraints = _within(cvxpy, problem, scaled, exposures, scale)
    if homogeneous:
        constraints.append(problem.excess @ scaled == 1.0)
    risk = cvxpy.sum_squares((problem.root.T / unit) @ exposures)
    risk += cvxpy.sum_squares(cvxpy.multiply(problem.specific / unit, scaled))
    task = cvxpy.Problem(cvxpy.Minimize(risk), constraints)
    status, iterations = _run(cvxpy, task)
    if status != cvxpy.OPTIMAL:
        return _Answer(status, iterations)
    weights = np.asarray(scaled.value, dtype=np.float64)
    return _Answer(status, iterations, float(task.value), weights, float(scale.value))


def _within(cvxpy: Any, problem: _Problem, scaled: Any, exposures: Any, scale: Any) -> list[Any]:
    """Constraints that the weights scaled / scale, of these exposures times scale, are within the limits."""
    limits = problem.limits
    constraints = [
        exposures == problem.exposures.T @ scaled,
        cvxpy.sum(scaled) == scale * limits.budget,
    ]
    for expression, low, high in (
        (scaled, limits.lower, limits.upper),
        (exposures, limits.exposure_low, limits.exposure_high),
    ):
        for bound, sign in ((low, 1.0), (high, -1.0)):
            at = np.flatnonzero(np.isfinite(bound))
            if len(at):
                constraints.append(sign * expression[at] >= scale * (sign * bound[at]))
    if math.isfinite(limits.max_traded):
        traded = cvxpy.norm1(scaled - scale * limits.current)
        constraints.append(traded <= scale * limits.max_traded)
    return constraints


def _run(cvxpy: Any, problem: Any) -> tuple[str, int]:
    """Status and iterations of the solver, asked for less where it cannot get as far as it was asked."""
    for tolerance in _TOLERANCES:
        reduced = 1e3 * tolerance
        with warnings.catch_warnings():
            # cvxpy warns of an answer within the reduced tolerance alone: that is one.
            warnings.simplefilter("ignore")
            try:
                problem.solve(
                    solver=cvxpy.CLARABEL,
                    max_threads=1,
                    tol_gap_abs=tolerance,
                    tol_gap_rel=tolerance,
                    tol_feas=tolerance,
                    reduced_tol_gap_abs=reduced,
                    reduced_tol_gap_rel=reduced,
                    reduced_tol_feas=reduced,
                )
            except cvxpy.SolverError:
                continue
        status = str(problem.status).removesuffix("_inaccurate")
        return status, int(problem.solver_stats.num_iters or 0)
    return str(cvxpy.SOLVER_ERROR), 0


def _why_infeasible(cvxpy: Any, problem: _Problem, *, homogeneous: bool) -> str:
    """Whether the limits leave no portfolio, or none that is expected to earn anything."""
    nothing = "no portfolio is within all limits at once"
    if not homogeneous:
        return nothing
    count, factors = problem.exposures.shape
    weights, exposures = cvxpy.Variable(count), cvxpy.Variable(factors)
    constraints = _within(cvxpy, problem, weights, exposures, cvxpy.Constant(1.0))
    status, _ = _run(cvxpy, cvxpy.Problem(cvxpy.Minimize(0.0), constraints))
    if status == cvxpy.INFEASIBLE:
        return nothing
    return "no portfolio within the limits is expected to earn more than the risk-free rate"


def _smallest_scale(problem: _Problem, scaled: FloatArray, scale: float) -> float:
    """k of w = y / k for y = scaled (n,), given one that the solver found; the least where many will do.

    Raises UnboundedPortfolio where w would be beyond _LARGEST_GROSS: k goes to 0, and w to infinity.
    """
    limits = problem.limits
    gross = float(np.abs(scaled).sum())
    least = gross / _LARGEST_GROSS
    if limits.budget == 0.0 and scale > least:
        # Those that will do are an interval, of which the solver's is one.
        low, exposures = least, scaled @ problem.exposures

        def will_do(at: float) -> bool:
            return limits.breach(scaled / at, exposures / at) <= 1e-8 * max(1.0, gross / at)

        for _ in range(100):
            middle = math.sqrt(low * scale)
            low, scale = (low, middle) if will_do(middle) else (middle, scale)
    if scale <= least * (1.0 + 1e-9):
        raise UnboundedPortfolio(
            "larger positions always raise the Sharpe ratio: the limits do not hold them"
        )
    return scale


def _settled(weights: FloatArray, limits: FittedLimits) -> FloatArray:
    """The weights (n,), with those the solver left next to 0 or to a bound put there, and the others moved
    alike to keep the budget."""
    near = _DUST * float(np.abs(weights).mean())
    settled = np.clip(weights, limits.lower, limits.upper)
    for target in (np.clip(0.0, limits.lower, limits.upper), limits.lower, limits.upper):
        settled = np.where(np.abs(settled - target) <= near, target, settled)
    free = (settled > limits.lower) & (settled < limits.upper) & (settled != 0.0)
    if free.any():
        settled[free] += (limits.budget - settled.sum()) / free.sum()
    return np.clip(settled, limits.lower, limits.upper)


def _portfolio(
    forecast: RiskForecast,
    limits: PortfolioLimits,
    problem: _Problem,
    held: FloatArray,
    iterations: int,
    returns: FloatArray | None = None,
    excess: FloatArray | None = None,
) -> OptimalPortfolio:
    weights = np.zeros(len(forecast.assets))
    weights[problem.held] = held
    current = np.zeros_like(weights) if limits.current is None else np.asarray(limits.current)
    volatility = problem.volatility(held)
    expected = sharpe = None
    if returns is not None and excess is not None:
        expected = float(held @ returns[problem.held])
        sharpe = float(held @ excess[problem.held]) / volatility
    return OptimalPortfolio(
        weights=weights,
        volatility=volatility,
        exposures=held @ problem.exposures,
        turnover=float(np.abs(weights - current).sum()) / 2.0,
        expected_return=expected,
        sharpe_ratio=sharpe,
        iterations=iterations,
    )
