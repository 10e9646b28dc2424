"""An optimal portfolio: what a child computes for a reader, how it is asked and how it answers.

The forecast comes with the request, so that no file is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.execution.worker.child import ReportProgress
from app.execution.worker.frames import Buffer
from app.execution.worker.payload import Document, encode_payload
from app.execution.worker.protocol import ComputeRequest
from engine.panel import FloatArray
from engine.risk.forecast import RiskForecast
from engine.risk.optimize import OptimalPortfolio, maximum_sharpe, minimum_variance
from engine.risk.portfolio_limits import ExposureLimit, PortfolioLimits

OPTIMIZE: Final = "OPTIMIZE"

Arrays = Mapping[str, NDArray[Any]]


class Objective(StrEnum):
    MINIMUM_VARIANCE = "MINIMUM_VARIANCE"
    MAXIMUM_SHARPE = "MAXIMUM_SHARPE"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizeTask:
    """What the engine's minimum_variance or maximum_sharpe is called with. Raises ValueError for arrays of
    another shape than the forecast's.

    expected_returns: (N,) annual, NaN = not held; of MAXIMUM_SHARPE, which needs them, alone."""

    objective: Objective
    forecast: RiskForecast
    limits: PortfolioLimits
    expected_returns: FloatArray | None = None
    risk_free: float = 0.0

    def __post_init__(self) -> None:
        if (self.expected_returns is None) != (self.objective is Objective.MINIMUM_VARIANCE):
            raise ValueError(f"{self.objective} has other needs of expected returns")
        count = len(self.forecast.assets)
        limits = self.limits
        given = {
            "lower": np.broadcast_to(limits.lower, np.shape(limits.lower) or count),
            "upper": np.broadcast_to(limits.upper, np.shape(limits.upper) or count),
            "current": limits.current,
            "expected returns": self.expected_returns,
        }
        for name, values in given.items():
            if values is not None and values.shape != (count,):
                raise ValueError(f"{name} {values.shape} do not fit {count} assets")


def compute_optimum(request: ComputeRequest, report: ReportProgress) -> Sequence[Buffer]:
    """Errors: EngineError."""
    report(0.0, "Optimizing")
    found = solve(decode_task(request.config, request.arrays))
    facts = asdict(found)
    arrays = {name: facts.pop(name) for name in ("weights", "exposures")}
    return encode_payload(documents=[Document(OPTIMIZE, facts, arrays)])


def solve(task: OptimizeTask) -> OptimalPortfolio:
    """Errors: EngineError."""
    if task.expected_returns is None:
        return minimum_variance(task.forecast, task.limits)
    return maximum_sharpe(task.forecast, task.expected_returns, task.limits, risk_free=task.risk_free)


def encode_task(task: OptimizeTask) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The config and the arrays of a request."""
    forecast, limits = task.forecast, task.limits
    config = {
        "objective": task.objective.value,
        "assets": list(forecast.assets),
        "factors": list(forecast.factors),
        "budget": limits.budget,
        "max_turnover": limits.max_turnover,
        "exposures": [asdict(limit) for limit in limits.exposures],
        "risk_free": task.risk_free,
    }
    count = len(forecast.assets)
    arrays = {
        "exposures": forecast.exposures.ravel(),
        "covariance": forecast.covariance.ravel(),
        "specific": forecast.specific,
        "lower": np.broadcast_to(limits.lower, count),
        "upper": np.broadcast_to(limits.upper, count),
        "current": limits.current,
        "expected_returns": task.expected_returns,
    }
    return config, {
        name: np.asarray(values, dtype=np.float64) for name, values in arrays.items() if values is not None
    }


def decode_task(config: Mapping[str, Any], arrays: Arrays) -> OptimizeTask:
    """The inverse. Errors: ValueError, KeyError, TypeError."""
    assets, factors = tuple(config["assets"]), tuple(config["factors"])
    return OptimizeTask(
        objective=Objective(config["objective"]),
        forecast=RiskForecast(
            assets=assets,
            factors=factors,
            exposures=arrays["exposures"].reshape(len(assets), len(factors)),
            covariance=arrays["covariance"].reshape(len(factors), len(factors)),
            specific=arrays["specific"],
        ),
        limits=PortfolioLimits(
            lower=arrays["lower"],
            upper=arrays["upper"],
            budget=config["budget"],
            current=arrays.get("current"),
            max_turnover=config["max_turnover"],
            exposures=tuple(ExposureLimit(**limit) for limit in config["exposures"]),
        ),
        expected_returns=arrays.get("expected_returns"),
        risk_free=config["risk_free"],
    )


def optimum_of(facts: Mapping[str, Any], arrays: Arrays, task: OptimizeTask) -> OptimalPortfolio:
    """The answer's document as the engine's result. Errors: ValueError, KeyError, TypeError for what is no
    answer to the task."""
    shapes = arrays["weights"].shape, arrays["exposures"].shape
    if shapes != ((len(task.forecast.assets),), (len(task.forecast.factors),)):
        raise ValueError("the answer is not one to this task")
    return OptimalPortfolio(weights=arrays["weights"], exposures=arrays["exposures"], **facts)
