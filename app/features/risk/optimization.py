"""The best portfolio by a stored risk model: from what a caller asks to what the solver says.

The solver runs in a child process; what it is asked is worked out here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from app.context import Services
from app.datasets.asset_words import resolve_assets
from app.datasets.positions import MAX_POSITIONS
from app.errors import FactorQLError, FieldError, InvalidInput
from app.execution.adhoc import AdHocComputations, AdHocFailed
from app.features.risk.arrays import RiskArrays, forecast_at
from app.features.risk.optimize_job import (
    OPTIMIZE,
    Objective,
    OptimizeTask,
    encode_task,
    optimum_of,
)
from app.features.risk.portfolios import (
    Holder,
    MissingRisk,
    Portfolio,
    Weighed,
    forecast_row,
    holder_of,
)
from app.features.risk.results import RiskModelResults
from app.features.risk.series import unknown_factor
from app.runs.reader_threads import read_beside
from db.records import RunRecord
from engine import errors as engine_errors
from engine.errors import InvalidConfig
from engine.panel import FloatArray
from engine.risk.forecast import LARGEST_WEIGHT, RiskForecast
from engine.risk.optimize import OptimalPortfolio
from engine.risk.portfolio_limits import ExposureLimit, PortfolioLimits
from engine.risk.portfolio_risk import RiskDecomposition, decomposed

MAX_ASSETS = 10_000
"""Named as candidates, or with an expected return."""
MAX_BOUNDS = MAX_POSITIONS
MAX_EXPOSURE_LIMITS = 200
CURRENT = "current"


class NoOptimalPortfolio(FactorQLError):
    """No portfolio is best within the limits, or none was found. `reason`: a stable name, such as
    `INFEASIBLE_PORTFOLIO`."""

    code = "NO_OPTIMAL_PORTFOLIO"

    def __init__(self, message: str, *, reason: str, hint: str | None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class Candidates(StrEnum):
    """Which assets may be held where none are named."""

    ESTIMATION_UNIVERSE = "ESTIMATION_UNIVERSE"
    ALL = "ALL"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightBounds:
    """Of one asset; None = as for all."""

    asset: str
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizationRequest:
    """expected_returns: (word for an asset, fraction a year), for MAXIMUM_SHARPE; others are then not held.
    assets: words for those that may be held, None = those with an expected return, or for the least variance
    as `candidates` says. bounds: of single assets, which may
    be held then too. Other limits as in PortfolioLimits, day as in PortfolioRiskRequest."""

    objective: Objective
    expected_returns: tuple[tuple[str, float], ...] | None = None
    risk_free: float = 0.0
    assets: tuple[str, ...] | None = None
    candidates: Candidates = Candidates.ESTIMATION_UNIVERSE
    lower: float = 0.0
    upper: float = 1.0
    bounds: tuple[WeightBounds, ...] = ()
    budget: float = 1.0
    current: Portfolio | None = None
    max_turnover: float | None = None
    exposure_limits: tuple[ExposureLimit, ...] = ()
    day: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizationAnswer:
    """date: of the forecast. portfolio: of the model's N assets. decomposition: of its weights by the same
    forecast. current: what was held before, None = cash alone."""

    date: date
    objective: Objective
    forecast: RiskForecast
    portfolio: OptimalPortfolio
    decomposition: RiskDecomposition
    current: Weighed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A request in terms of a forecast of N assets. taking_part: (n,) ordinals of those that may be held or
    are held now: the solver is asked of them alone."""

    date: date
    forecast: RiskForecast
    current: Weighed | None
    taking_part: NDArray[np.int64]
    task: OptimizeTask


async def optimize_portfolio(
    services: Services,
    run: RunRecord,
    results: RiskModelResults,
    arrays: RiskArrays,
    request: OptimizationRequest,
) -> OptimizationAnswer:
    """The best portfolio within the limits.

    Field errors are at the request's names: (`assets`, position), (`expected_returns`, position, `asset` or
    `number`), (`bounds`, position, ...), (`current`, position, ...), (`exposure_limits`, position, `factor`),
    `max_turnover` and so on. Raises InvalidInput, UnknownAssets, MissingRisk, NoOptimalPortfolio, QueueFull,
    LimitExceeded, AdHocFailed, NoChildProcess, DatasetNotFound, DatasetUnavailable.
    """
    _check(request)
    forecast_row(results, request.day)
    if services.executor is None:
        message = "this process starts no computations"
        raise AdHocFailed("NOT_COMPUTING", message, hint="ask a server, or a command that computes")
    holder = await holder_of(services, run)
    question = await read_beside(_question, results, arrays, holder, request)
    try:
        found = await optimize(services.executor.adhoc, question.task)
    except AdHocFailed as error:
        raise _told(error) from None
    return await read_beside(_answer, question, found)


async def optimize(adhoc: AdHocComputations, task: OptimizeTask) -> OptimalPortfolio:
    """Return what the engine finds, in a child process. Errors: those of `AdHocComputations.compute`."""
    config, arrays = encode_task(task)
    (document,) = (await adhoc.compute(OPTIMIZE, config, arrays)).documents
    return optimum_of(document.facts, document.arrays, task)


def _question(
    results: RiskModelResults, arrays: RiskArrays, holder: Holder, request: OptimizationRequest
) -> _Question:
    at = forecast_row(results, request.day)
    day = results.forecast_dates[at].item()
    forecast = forecast_at(results, arrays, at)
    returns = None
    if request.objective is Objective.MAXIMUM_SHARPE:
        returns = _expected_returns(holder, request)
    may_be_held = _candidates(arrays, holder, request, at, returns) & forecast.known()
    lower, upper = np.where(may_be_held, request.lower, 0.0), np.where(may_be_held, request.upper, 0.0)
    # A bound of a single asset is a demand: the engine refuses it where the asset cannot be held.
    bounded = _ordinals(holder, [one.asset for one in request.bounds], ("bounds",), ("asset",))
    _refuse_repeated(holder, bounded)
    for ordinal, one in zip(bounded, request.bounds, strict=True):
        lower[ordinal] = request.lower if one.lower is None else one.lower
        upper[ordinal] = request.upper if one.upper is None else one.upper
    current = None
    if request.current is not None:
        current = holder.weighed(request.current, day, CURRENT)
    _require_factors(results, request)
    taking_part = may_be_held.copy()
    taking_part[bounded] = True
    if current is not None:
        taking_part |= current.weights != 0.0
    chosen = np.flatnonzero(taking_part).astype(np.int64)
    return _Question(
        date=day,
        forecast=forecast,
        current=current,
        taking_part=chosen,
        task=OptimizeTask(
            objective=request.objective,
            forecast=replace(
                forecast,
                assets=tuple(forecast.assets[ordinal] for ordinal in chosen.tolist()),
                exposures=forecast.exposures[chosen],
                specific=forecast.specific[chosen],
            ),
            limits=PortfolioLimits(
                lower=lower[chosen],
                upper=upper[chosen],
                budget=request.budget,
                current=None if current is None else current.weights[chosen],
                max_turnover=request.max_turnover,
                exposures=request.exposure_limits,
            ),
            expected_returns=None if returns is None else returns[chosen],
            risk_free=request.risk_free,
        ),
    )


def _answer(question: _Question, found: OptimalPortfolio) -> OptimizationAnswer:
    """With weights of all assets."""
    weights = np.zeros(len(question.forecast.assets))
    weights[question.taking_part] = found.weights
    return OptimizationAnswer(
        date=question.date,
        objective=question.task.objective,
        forecast=question.forecast,
        portfolio=replace(found, weights=weights),
        decomposition=decomposed(question.forecast, weights),
        current=question.current,
    )


def _told(error: AdHocFailed) -> FactorQLError:
    """What the engine refused in the child, as the service's errors; the rest as it is."""
    message, faults = str(error), error.faults
    if error.code == InvalidConfig.code:
        return InvalidInput(
            message, tuple(FieldError((_NAMES.get(name, name),), code, text) for name, code, text in faults)
        )
    if error.code == engine_errors.MissingRisk.code:
        return MissingRisk(message, tuple(asset for asset, _, _ in faults))
    if error.code in _NO_OPTIMUM:
        return NoOptimalPortfolio(message, reason=error.code, hint=_HINTS.get(error.code))
    return error


_NAMES: Mapping[str, str] = {"exposures": "exposure_limits"}
"""What the engine calls otherwise."""
_NO_OPTIMUM = frozenset(
    {
        engine_errors.InfeasiblePortfolio.code,
        engine_errors.UnboundedPortfolio.code,
        engine_errors.SolverFailure.code,
    }
)
_HINTS: Mapping[str, str] = {
    engine_errors.InfeasiblePortfolio.code: "widen bounds, turnover or exposure limits",
    engine_errors.UnboundedPortfolio.code: "set bounds",
}


def _check(request: OptimizationRequest) -> None:
    """What can be told without the model. Raises InvalidInput with every fault."""
    faults: list[FieldError] = []

    def refuse(path: tuple[str, ...], code: str, message: str) -> None:
        faults.append(FieldError(path, code, message))

    given = request.expected_returns
    if request.objective is Objective.MAXIMUM_SHARPE:
        if given is None:
            refuse(("expected_returns",), "REQUIRED", "expected_returns are needed for MAXIMUM_SHARPE")
    elif given is not None:
        refuse(("expected_returns",), "NOT_USED", "expected_returns are for MAXIMUM_SHARPE alone")
    for name, values, most in (
        ("expected_returns", given, MAX_ASSETS),
        ("assets", request.assets, MAX_ASSETS),
    ):
        if values is not None and not 1 <= len(values) <= most:
            refuse((name,), "OUT_OF_RANGE", f"{name} takes 1 to {most:,}, not {len(values):,}")
    for name, count, most in (
        ("bounds", len(request.bounds), MAX_BOUNDS),
        ("exposure_limits", len(request.exposure_limits), MAX_EXPOSURE_LIMITS),
    ):
        if count > most:
            refuse((name,), "TOO_MANY", f"{name} takes at most {most:,}, not {count:,}")
    for name in ("lower", "upper", "budget", "risk_free", "max_turnover"):
        value = getattr(request, name)
        if value is not None and not abs(value) <= LARGEST_WEIGHT:
            bounds = f"from {-LARGEST_WEIGHT:g} to {LARGEST_WEIGHT:g}"
            refuse((name,), "OUT_OF_RANGE", f"{name} must be {bounds}, not {value:g}")
    if request.lower > request.upper:
        refuse(("lower",), "EMPTY_RANGE", f"lower {request.lower:g} is above upper {request.upper:g}")
    if request.max_turnover is not None and request.max_turnover < 0.0:
        message = f"max_turnover must be at least 0, not {request.max_turnover:g}"
        refuse(("max_turnover",), "OUT_OF_RANGE", message)
    for place, one in enumerate(request.bounds[:MAX_BOUNDS]):
        low = request.lower if one.lower is None else one.lower
        high = request.upper if one.upper is None else one.upper
        if not low <= high:
            message = f"the lower bound {low:g} of {one.asset[:100]!r} is above the upper one, {high:g}"
            refuse(("bounds", str(place)), "EMPTY_RANGE", message)
    for place, limit in enumerate(request.exposure_limits[:MAX_EXPOSURE_LIMITS]):
        low, high = (
            -math.inf if limit.low is None else limit.low,
            math.inf if limit.high is None else limit.high,
        )
        if not low <= high:
            message = f"exposures to {limit.factor[:100]!r} have no range: low must not be above high"
            refuse(("exposure_limits", str(place)), "EMPTY_RANGE", message)
    if faults:
        raise InvalidInput("; ".join(fault.message for fault in faults[:5]), tuple(faults))


def _expected_returns(holder: Holder, request: OptimizationRequest) -> FloatArray:
    given = request.expected_returns or ()
    ordinals = _ordinals(holder, [word for word, _ in given], ("expected_returns",), ("asset",))
    returns = np.full(len(holder.named.assets), np.nan)
    for place, (ordinal, (_, number)) in enumerate(zip(ordinals, given, strict=True)):
        path = ("expected_returns", str(place))
        if not math.isfinite(number):
            message = "an expected return must be a finite number"
            raise InvalidInput(message, (FieldError((*path, "number"), "NOT_FINITE", message),))
        if np.isfinite(returns[ordinal]):
            message = f"{holder.named.assets[ordinal]} has two expected returns"
            raise InvalidInput(message, (FieldError((*path, "asset"), "DUPLICATE", message),))
        returns[ordinal] = number
    return returns


def _candidates(
    arrays: RiskArrays, holder: Holder, request: OptimizationRequest, at: int, returns: FloatArray | None
) -> NDArray[np.bool_]:
    """(N,) who may be held, forecasts aside."""
    expected = np.ones(len(arrays.assets), dtype=np.bool_) if returns is None else np.isfinite(returns)
    if request.assets is not None:
        named = np.zeros(len(arrays.assets), dtype=np.bool_)
        named[_ordinals(holder, request.assets, ("assets",), ())] = True
        return named & expected
    if returns is not None or request.candidates is Candidates.ALL:
        return expected
    return np.array(arrays.estimation_universe[at], dtype=np.bool_)


def _refuse_repeated(holder: Holder, bounded: Sequence[int]) -> None:
    """Raises InvalidInput where one asset has two bounds."""
    for place, ordinal in enumerate(bounded):
        if ordinal in bounded[:place]:
            message = f"{holder.named.assets[ordinal]} has two bounds"
            raise InvalidInput(message, (FieldError(("bounds", str(place), "asset"), "DUPLICATE", message),))


def _ordinals(
    holder: Holder, words: Sequence[str], before: tuple[str, ...], after: tuple[str, ...]
) -> list[int]:
    """Of the assets that words mean, in that order; faults stand at (*before, position, *after)."""
    if not words:
        return []
    return holder.ordinals(resolve_assets(holder.named, words, lambda place: (*before, str(place), *after)))


def _require_factors(results: RiskModelResults, request: OptimizationRequest) -> None:
    known = set(results.factors)
    for place, limit in enumerate(request.exposure_limits):
        if limit.factor not in known:
            message = f"the risk model has no factor {limit.factor[:100]!r}"
            raise unknown_factor(("exposure_limits", str(place), "factor"), message, results.factors)
