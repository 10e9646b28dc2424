"""What an optimized portfolio may be: limits, checked and cut to the assets that can be held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigFault, InfeasiblePortfolio, InvalidConfig
from engine.panel import FloatArray
from engine.risk.forecast import LARGEST_WEIGHT, RiskForecast


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureLimit:
    """Bounds of a portfolio's exposure to a factor, by name; None = none."""

    factor: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioLimits:
    """Limits of weights w (N,), shares of capital of any sign.

    lower, upper: of each weight, one number for all or (N,); beyond LARGEST_WEIGHT, either way, there is no
    bound. budget: what the weights add up to; the rest of 1 is cash. current: (N,) weights held before, None
    = cash alone. max_turnover: of sum |w - current| / 2, None = no limit. exposures: limits of X'w; several
    of one factor all hold.
    """

    lower: float | FloatArray = 0.0
    upper: float | FloatArray = 1.0
    budget: float = 1.0
    current: FloatArray | None = None
    max_turnover: float | None = None
    exposures: tuple[ExposureLimit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedLimits:
    """The limits as arrays of the n assets that can be held and F factors; infinite = no limit.

    current: (n,) what trades are counted from. max_traded: of sum |w - current| of these assets.
    """

    lower: FloatArray
    upper: FloatArray
    budget: float
    current: FloatArray
    max_traded: float
    exposure_low: FloatArray
    exposure_high: FloatArray

    def breach(self, weights: FloatArray, exposures: FloatArray) -> float:
        """By how much weights (n,) with these exposures (F,) break the limit they break most; 0 = none.

        Of weights and sums of weights alike, in shares of capital.
        """
        parts = (
            np.max(self.lower - weights, initial=0.0),
            np.max(weights - self.upper, initial=0.0),
            abs(weights.sum() - self.budget),
            np.abs(weights - self.current).sum() - self.max_traded,
            np.max(self.exposure_low - exposures, initial=0.0),
            np.max(exposures - self.exposure_high, initial=0.0),
        )
        return float(max(parts))


def fitted_limits(
    limits: PortfolioLimits, forecast: RiskForecast, candidates: NDArray[np.bool_]
) -> FittedLimits:
    """The limits of the assets in `candidates` (N,), each with a forecast; all others are sold.

    Raises ValueError for arrays of another shape, InvalidConfig with every fault of the limits, MissingRisk
    for assets which the bounds keep from 0 without a forecast, InfeasiblePortfolio where bounds or turnover
    alone leave no portfolio.
    """
    count = len(forecast.assets)
    lower = _bounds(limits.lower, count, "lower")
    upper = _bounds(limits.upper, count, "upper")
    low, high, faults = _exposure_bounds(limits.exposures, forecast.factors)
    crossed = ~(lower <= upper)  # NaN too
    if crossed.any():
        asset = forecast.assets[int(crossed.argmax())]
        faults.append(_fault("lower", "EMPTY_RANGE", f"lower must not be above upper, as for {asset}"))
    if not abs(limits.budget) <= LARGEST_WEIGHT:
        faults.append(_fault("budget", "OUT_OF_RANGE", f"budget must be finite, not {limits.budget!r}"))
    if limits.max_turnover is not None and not limits.max_turnover >= 0.0:
        message = f"max_turnover must be at least 0, not {limits.max_turnover!r}"
        faults.append(_fault("max_turnover", "OUT_OF_RANGE", message))
    if faults:
        raise InvalidConfig(tuple(faults))
    current = np.zeros(count)
    if limits.current is not None:
        current = forecast.checked_weights(limits.current, "current")
    bound_to_hold = ~candidates & ((lower > 0.0) | (upper < 0.0))
    forecast.require(bound_to_hold & ~forecast.known())
    if bound_to_hold.any():
        asset = forecast.assets[int(bound_to_hold.argmax())]
        message = f"expected_returns has none for {asset}, which the bounds demand"
        raise InvalidConfig((_fault("expected_returns", "MISSING", message),))
    sold = float(np.abs(current[~candidates]).sum())
    fitted = FittedLimits(
        lower=lower[candidates],
        upper=upper[candidates],
        budget=limits.budget,
        current=current[candidates],
        max_traded=np.inf if limits.max_turnover is None else 2.0 * limits.max_turnover - sold,
        exposure_low=low,
        exposure_high=high,
    )
    _require_possible(fitted, sold)
    return fitted


def _require_possible(fitted: FittedLimits, sold: float) -> None:
    """Raises InfeasiblePortfolio for what one limit alone forbids: a reason that can be named."""
    least, most = fitted.lower.sum(), fitted.upper.sum()
    slack = 1e-12 * max(1.0, abs(fitted.budget))
    if not least - slack <= fitted.budget <= most + slack:
        raise InfeasiblePortfolio(
            f"weights within the bounds add up to between {least:g} and {most:g}, not to {fitted.budget:g}"
        )
    nearest = np.clip(fitted.current, fitted.lower, fitted.upper)
    needed = max(np.abs(nearest - fitted.current).sum(), abs(fitted.budget - fitted.current.sum()))
    if needed > fitted.max_traded + slack:
        raise InfeasiblePortfolio(
            f"a turnover of {(fitted.max_traded + sold) / 2.0:g} is too little: bounds, budget and assets "
            f"that cannot be held need at least {(needed + sold) / 2.0:g}"
        )


def _bounds(values: float | FloatArray, count: int, name: str) -> FloatArray:
    """(N,) bounds, infinite where beyond LARGEST_WEIGHT."""
    bounds = np.asarray(values, dtype=np.float64)
    if bounds.shape not in ((), (count,)):
        raise ValueError(f"{name} {bounds.shape} do not fit {count} assets")
    bounds = np.where(np.abs(bounds) > LARGEST_WEIGHT, np.copysign(np.inf, bounds), bounds)
    return np.array(np.broadcast_to(bounds, count))


def _exposure_bounds(
    exposures: tuple[ExposureLimit, ...], factors: tuple[str, ...]
) -> tuple[FloatArray, FloatArray, list[ConfigFault]]:
    low, high = np.full(len(factors), -np.inf), np.full(len(factors), np.inf)
    faults = []
    for limit in exposures:
        if limit.factor not in factors:
            message = f"the risk model has no factor {limit.factor!r}"
            faults.append(_fault("exposures", "UNKNOWN_FACTOR", message))
            continue
        at = factors.index(limit.factor)
        low[at] = max(low[at], -np.inf if limit.low is None else limit.low)
        high[at] = min(high[at], np.inf if limit.high is None else limit.high)
        # NaN loses every comparison of max and min, so it is looked for in what was asked
        asked = [value for value in (limit.low, limit.high) if value is not None]
        if np.isnan(asked).any() or low[at] > high[at]:
            message = f"exposures to {limit.factor!r} have no range: low must not be above high"
            faults.append(_fault("exposures", "EMPTY_RANGE", message))
    return low, high, faults


def _fault(option: str, code: str, message: str) -> ConfigFault:
    return ConfigFault(option, code, message)
