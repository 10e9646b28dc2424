"""A portfolio's exposures to factors: betas, how well they are known, and what they explain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import (
    CollinearFactors,
    ConfigFault,
    InvalidConfig,
    ReturnsOverflow,
    TooFewObservations,
)
from engine.exposures.attribution import Attribution, attribute
from engine.exposures.portfolio import PortfolioReturns
from engine.exposures.results import (
    ExposureRegression,
    Exposures,
    FactorExposure,
    Method,
    ReturnKind,
    RollingBetas,
)
from engine.exposures.returns import WEEKS_PER_YEAR, FactorSeries, aligned, in_excess, logarithms, within
from engine.panel import DateArray, FloatArray
from engine.statistics.least_squares import (
    Collinear,
    Regression,
    ordinary_least_squares,
    rolling_least_squares,
)
from engine.statistics.undefined import Undefined, UndefinedMetric

MIN_OBSERVATIONS = 52
FEWEST_OBSERVATIONS = 10
MOST_OBSERVATIONS = 5_000
MOST_FACTORS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """The n complete weeks. portfolio: (n,) simple, not in excess. y: (n,), x: (n, K) as regressed."""

    weeks: DateArray
    portfolio: FloatArray
    y: FloatArray
    x: FloatArray


def exposures(
    portfolio: PortfolioReturns,
    factors: Sequence[FactorSeries],
    *,
    risk_free: FloatArray | None = None,
    method: Method = Method.JOINT,
    kind: ReturnKind = ReturnKind.SIMPLE,
    min_observations: int = MIN_OBSERVATIONS,
    confidence: float = 0.95,
    lag: int | None = None,
    window: int | None = None,
    start: np.datetime64 | None = None,
    end: np.datetime64 | None = None,
) -> Exposures:
    """Regress a portfolio's weekly returns on those of 1 to 20 factors, over the weeks in [start, end] that
    have all of them.

    risk_free: (P,) its return in each of the portfolio's weeks, NaN = unknown; given, the portfolio (each
    position financed at it) and long-only factors are in excess of it. lag: of the Newey-West errors, absent
    the rule's; weeks that are not complete are passed over, so neighbours may lie apart. window: weeks of the
    rolling betas, at least 3 more than regressors. Raises InvalidConfig (also for a lag as long as the
    sample), TooFewObservations for fewer weeks than min_observations or K + 3, CollinearFactors, TotalLoss
    (LOG), ReturnsOverflow.
    """
    joint = method is Method.JOINT
    _check(factors, min_observations, confidence, lag, window, regressors=len(factors) if joint else 1)
    needed = max(min_observations, len(factors) + 3)
    sample = _sample(portfolio, factors, risk_free, kind, needed, start, end)
    _check_lag(lag, len(sample.weeks))
    groups = [range(len(factors))] if joint else [range(k, k + 1) for k in range(len(factors))]
    fits = [_fit(sample, factors, columns, lag, confidence) for columns in groups]
    rolling = None
    if window is not None:
        rolling = RollingBetas(
            window=window,
            weeks=sample.weeks,
            coefficients=tuple(rolling_least_squares(sample.y, sample.x[:, list(c)], window) for c in groups),
        )
    attribution, undefined = _attribution(sample, factors, fits[0], kind) if joint else (None, ())
    return Exposures(
        method=method,
        kind=kind,
        in_excess=risk_free is not None,
        confidence=confidence,
        weeks=sample.weeks,
        portfolio_returns=sample.y,
        regressions=tuple(
            _reported(fit, [factors[k].name for k in columns], sample.weeks)
            for fit, columns in zip(fits, groups, strict=True)
        ),
        rolling=rolling,
        attribution=attribution,
        undefined=undefined,
    )


def _check(
    factors: Sequence[FactorSeries],
    min_observations: int,
    confidence: float,
    lag: int | None,
    window: int | None,
    *,
    regressors: int,
) -> None:
    names = [factor.name for factor in factors]
    faults = []
    if not 1 <= len(names) <= MOST_FACTORS:
        message = f"between 1 and {MOST_FACTORS} factors are needed, not {len(names)}"
        faults.append(ConfigFault("factors", "OUT_OF_RANGE", message))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"factors given more than once: {', '.join(twice)}"
        faults.append(ConfigFault("factors", "DUPLICATE", message))
    faults += option_faults(min_observations, confidence, lag)
    if window is not None and not regressors + 3 <= window <= MOST_OBSERVATIONS:
        message = f"window must be between {regressors + 3} and {MOST_OBSERVATIONS:,} weeks, not {window}"
        faults.append(ConfigFault("window", "OUT_OF_RANGE", message))
    if faults:
        raise InvalidConfig(tuple(faults))


def _check_lag(lag: int | None, weeks: int) -> None:
    if lag is not None and lag >= weeks:
        message = f"lag must be below the number of complete weeks, {weeks:,}, not {lag:,}"
        raise InvalidConfig((ConfigFault("lag", "OUT_OF_RANGE", message),))


def option_faults(min_observations: int, confidence: float, lag: int | None) -> list[ConfigFault]:
    """What is wrong with the options that every regression has."""
    faults = []
    if not FEWEST_OBSERVATIONS <= min_observations <= MOST_OBSERVATIONS:
        message = (
            f"min_observations must be between {FEWEST_OBSERVATIONS} and {MOST_OBSERVATIONS:,}, "
            f"not {min_observations}"
        )
        faults.append(ConfigFault("min_observations", "OUT_OF_RANGE", message))
    if not 0.5 <= confidence < 1.0:
        message = f"confidence must be at least 0.5 and below 1, not {confidence:g}"
        faults.append(ConfigFault("confidence", "OUT_OF_RANGE", message))
    if lag is not None and not 0 <= lag <= MOST_OBSERVATIONS:
        message = f"lag must be between 0 and {MOST_OBSERVATIONS:,}, not {lag}"
        faults.append(ConfigFault("lag", "OUT_OF_RANGE", message))
    return faults


def _sample(
    portfolio: PortfolioReturns,
    factors: Sequence[FactorSeries],
    risk_free: FloatArray | None,
    kind: ReturnKind,
    needed: int,
    start: np.datetime64 | None,
    end: np.datetime64 | None,
) -> _Sample:
    rate = np.zeros(len(portfolio.weeks)) if risk_free is None else risk_free
    if rate.shape != portfolio.weeks.shape:
        raise ValueError(f"{len(rate)} risk-free returns are not those of {len(portfolio.weeks)} weeks")
    inside = within(portfolio.weeks, start, end)
    weeks, own, rate = portfolio.weeks[inside], portfolio.returns[inside], rate[inside]
    returns = aligned(weeks, factors)
    known = np.isfinite(np.column_stack([own, returns, rate]))
    complete = known.all(axis=1)
    if int(complete.sum()) < needed:
        limited_by = _scarcest(portfolio, factors, known.sum(axis=0).tolist())
        raise TooFewObservations(int(complete.sum()), needed, limited_by)
    weeks, own, rate = weeks[complete], own[complete], rate[complete]
    y = own - portfolio.net_weight * rate
    x = in_excess(returns[complete], factors, rate)
    if kind is ReturnKind.LOG:
        y = logarithms(y, weeks, "the portfolio")
        x = np.column_stack(
            [logarithms(x[:, k], weeks, f"factor {one.name!r}") for k, one in enumerate(factors)]
        )
    return _Sample(weeks=weeks, portfolio=own, y=y, x=x)


def _scarcest(portfolio: PortfolioReturns, factors: Sequence[FactorSeries], counts: list[int]) -> str:
    """Whose weeks are the fewest, in words. counts: of the portfolio, each factor, the risk-free rate."""
    asset = portfolio.scarcest_asset
    own = "the portfolio" if asset is None else f"the portfolio (most of all asset {asset!r})"
    names = [own, *(f"factor {factor.name!r}" for factor in factors), "the risk-free rate"]
    least = counts.index(min(counts))
    return f"{names[least]}, {counts[least]} weeks"


def _fit(
    sample: _Sample, factors: Sequence[FactorSeries], columns: range, lag: int | None, confidence: float
) -> Regression:
    try:
        return ordinary_least_squares(sample.y, sample.x[:, list(columns)], lag=lag, confidence=confidence)
    except Collinear as error:
        name, before = factors[columns[error.column]].name, [factors[k].name for k in columns]
        cause = f"it {error.cause}"
        if "combination" in cause:
            cause = f"it is a combination of {', '.join(before[: error.column])}"
        raise CollinearFactors(name, cause) from None
    except Undefined:
        raise ReturnsOverflow from None


def _reported(fit: Regression, names: Sequence[str], weeks: DateArray) -> ExposureRegression:
    return ExposureRegression(
        factors=tuple(
            FactorExposure(
                name=name,
                beta=float(fit.coefficients[k]),
                standard_error=float(fit.standard_errors[k]),
                t_value=_known(fit.t_values[k]),
                p_value=_known(fit.p_values[k]),
                lower=float(fit.lower[k]),
                upper=float(fit.upper[k]),
                variance_inflation=float(fit.variance_inflation[k - 1]),
            )
            for k, name in enumerate(names, start=1)
        ),
        alpha=float(fit.coefficients[0]) * WEEKS_PER_YEAR,
        alpha_standard_error=float(fit.standard_errors[0]) * WEEKS_PER_YEAR,
        alpha_t_value=_known(fit.t_values[0]),
        alpha_p_value=_known(fit.p_values[0]),
        alpha_lower=float(fit.lower[0]) * WEEKS_PER_YEAR,
        alpha_upper=float(fit.upper[0]) * WEEKS_PER_YEAR,
        r_squared=_known(fit.r_squared),
        adjusted_r_squared=_known(fit.adjusted_r_squared),
        residual_volatility=fit.residual_deviation * math.sqrt(WEEKS_PER_YEAR),
        observations=fit.observations,
        lag=fit.lag,
        condition_number=fit.condition_number,
        start_week=weeks[0].item(),
        end_week=weeks[-1].item(),
    )


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _attribution(
    sample: _Sample, factors: Sequence[FactorSeries], fit: Regression, kind: ReturnKind
) -> tuple[Attribution | None, tuple[UndefinedMetric, ...]]:
    try:
        attribution = attribute(
            [factor.name for factor in factors],
            sample.weeks,
            sample.portfolio,
            sample.y,
            sample.x,
            float(fit.coefficients[0]),
            fit.coefficients[1:],
            log_returns=kind is ReturnKind.LOG,
        )
    except Undefined as error:
        return None, (UndefinedMetric("attribution", error.reason, error.detail),)
    return attribution, ()
