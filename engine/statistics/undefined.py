"""Where a metric has no value: the reasons, and the checks that formulas share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray

ZERO_STD = 1e-12
"""A standard deviation at or below this, relative to max(1, |mean|), is rounding noise and counts as 0."""


class UndefinedReason(StrEnum):
    TOO_FEW_PERIODS = "TOO_FEW_PERIODS"
    ZERO_VOLATILITY = "ZERO_VOLATILITY"
    TOO_FEW_NEGATIVE_RETURNS = "TOO_FEW_NEGATIVE_RETURNS"
    NO_DRAWDOWN = "NO_DRAWDOWN"
    LONG_ONLY = "LONG_ONLY"
    OVERFLOW = "OVERFLOW"
    NOT_PROFITABLE = "NOT_PROFITABLE"
    NEVER_REBALANCED = "NEVER_REBALANCED"
    NO_CROSS_SECTION = "NO_CROSS_SECTION"
    IS_MARKET = "IS_MARKET"
    NO_MARKET = "NO_MARKET"
    GROSS_ONLY = "GROSS_ONLY"
    TOO_FEW_POINTS = "TOO_FEW_POINTS"
    COLLINEAR = "COLLINEAR"
    TOTAL_LOSS = "TOTAL_LOSS"
    NO_RISK_FREE = "NO_RISK_FREE"


@dataclass(frozen=True, slots=True)
class UndefinedMetric:
    metric: str
    reason: UndefinedReason
    detail: str


class Undefined(Exception):
    """Raised by a formula that has no value for its input; `performance` turns it into None and a reason."""

    def __init__(self, reason: UndefinedReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def deviation_is_zero(deviation: FloatArray | float, mean: FloatArray | float) -> NDArray[np.bool_]:
    """Return whether a standard deviation is 0 up to rounding; shapes broadcast, NaN is not zero."""
    return np.asarray(deviation <= ZERO_STD * np.maximum(1.0, np.abs(mean)))


def need(count: int, needed: int) -> None:
    """Raises Undefined for fewer returns than a formula needs."""
    if count < needed:
        raise Undefined(UndefinedReason.TOO_FEW_PERIODS, f"{count} returns, {needed} are needed")


def deviation(returns: FloatArray) -> float:
    """Sample standard deviation (ddof 1). Raises Undefined for fewer than 2 returns."""
    need(len(returns), 2)
    return float(returns.std(ddof=1))


def positive_deviation(values: FloatArray) -> float:
    """The same; raises Undefined where it is 0 too, and where it is infinite: a ratio to it would be a
    plausible 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        positive, mean = deviation(values), float(values.mean())
    if not math.isfinite(positive):
        raise Undefined(UndefinedReason.OVERFLOW, "the deviation exceeds double precision")
    if deviation_is_zero(positive, mean):
        raise Undefined(UndefinedReason.ZERO_VOLATILITY, "the values do not vary")
    return positive
