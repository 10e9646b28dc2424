"""What an exposure analysis reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from engine.exposures.attribution import Attribution
from engine.panel import DateArray, FloatArray
from engine.statistics.undefined import UndefinedMetric


class ReturnKind(StrEnum):
    """SIMPLE returns, or LOG: the logarithm of 1 + the (excess) simple returns of portfolio and factors."""

    SIMPLE = "SIMPLE"
    LOG = "LOG"


class Method(StrEnum):
    """One regression on all factors (JOINT), or one on each factor alone (UNIVARIATE)."""

    JOINT = "JOINT"
    UNIVARIATE = "UNIVARIATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorExposure:
    """The beta to one factor and how well it is known.

    t_value (against 0) and p_value (two-sided) are None where the fit is exact: nothing is left to judge by.
    lower, upper: the confidence interval. variance_inflation: 1 / (1 - R2 on the other factors) >= 1.
    """

    name: str
    beta: float
    standard_error: float
    t_value: float | None
    p_value: float | None
    lower: float
    upper: float
    variance_inflation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureRegression:
    """One regression of the portfolio's returns. Rates are a year: alpha is the weekly intercept * 52,
    residual_volatility the weekly residual deviation * sqrt(52).

    r_squared, adjusted_r_squared: None where the portfolio's returns do not vary. alpha_t_value and
    alpha_p_value: None where the fit is exact. lag: of the Newey-West errors. start_week, end_week: first and
    last Sunday used.
    """

    factors: tuple[FactorExposure, ...]
    alpha: float
    alpha_standard_error: float
    alpha_t_value: float | None
    alpha_p_value: float | None
    alpha_lower: float
    alpha_upper: float
    r_squared: float | None
    adjusted_r_squared: float | None
    residual_volatility: float
    observations: int
    lag: int
    condition_number: float
    start_week: date
    end_week: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingBetas:
    """Regressions over a moving window of weeks.

    weeks: (n,) the Sunday that each window ends on. coefficients: one (n, K+1) array a regression, the weekly
    intercept first, then the betas; NaN in the first window - 1 rows and where the factors are collinear.
    """

    window: int
    weeks: DateArray
    coefficients: tuple[FloatArray, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposures:
    """A portfolio's exposures over n complete weeks.

    weeks: (n,) Sundays. portfolio_returns: (n,) as regressed: in excess and as logarithms if so asked for.
    regressions: one for JOINT, one a factor for UNIVARIATE. rolling: None unless a window was asked for.
    attribution: of JOINT alone; None too where `undefined` says why.
    """

    method: Method
    kind: ReturnKind
    in_excess: bool
    confidence: float
    weeks: DateArray
    portfolio_returns: FloatArray
    regressions: tuple[ExposureRegression, ...]
    rolling: RollingBetas | None
    attribution: Attribution | None
    undefined: tuple[UndefinedMetric, ...] = ()
