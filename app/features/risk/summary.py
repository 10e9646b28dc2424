"""A risk model in a few numbers a factor: what it earned, how it moved, how it is forecast to move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.features.risk.results import RiskModelResults
from app.features.risk.series import significance
from engine.panel import FloatArray
from engine.risk.model import FactorKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorSummary:
    """One factor over all dates of the model. observations: dates with a return. mean_return: annualized
    arithmetic mean, volatility: annualized standard deviation (ddof 1), forecast: the latest annualized
    volatility, significant: share of the dates whose t-statistic is beyond 2, either way. None = undefined.
    """

    name: str
    kind: FactorKind
    observations: int
    mean_return: float | None
    volatility: float | None
    forecast: float
    significant: float | None


def factor_summaries(results: RiskModelResults) -> tuple[FactorSummary, ...]:
    """One for each factor, in the order of the model."""
    return tuple(_summary(results, at) for at in range(len(results.factors)))


def mean_r_squared(results: RiskModelResults) -> float | None:
    """Mean over the dates that were estimated; None where none was."""
    return _mean(results.r_squared)


def _summary(results: RiskModelResults, at: int) -> FactorSummary:
    returns = results.factor_returns[:, at]
    known = returns[np.isfinite(returns)]
    mean, year = _mean(known), results.days_per_year
    told_apart = significance(results.t_statistics[:, at])
    return FactorSummary(
        name=results.factors[at],
        kind=results.kinds[at],
        observations=len(known),
        mean_return=None if mean is None else mean * year,
        volatility=float(known.std(ddof=1)) * year**0.5 if len(known) > 1 else None,
        forecast=float(results.volatilities[-1, at]),
        significant=told_apart.share_significant if told_apart.observations else None,
    )


def _mean(values: FloatArray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
