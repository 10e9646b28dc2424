"""Betas of a portfolio: over the whole span, and over a moving window of weeks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import strawberry

from app.boundary.cost_rules import cost
from app.features.exposures.service import ExposureAnswer
from app.features.factors.graph.run import FactorRun
from db.records import RunRecord
from engine.exposures import results


@strawberry.type(description="The beta to one factor, and how well it is known.")
class FactorExposure:
    factor: str = strawberry.field(
        description="The factor's name in lower case, with its run where it occurs twice: `smb#12`."
    )
    run: FactorRun = strawberry.field(description="The run whose returns were used.")
    beta: float = strawberry.field(
        description="What the portfolio earns of the factor's return: 0.5 is half of it."
    )
    standard_error: float = strawberry.field(
        description="Standard error of beta, robust to autocorrelation (Newey and West 1987)."
    )
    t_value: float | None = strawberry.field(
        description="Beta over its standard error; null where the fit is exact."
    )
    p_value: float | None = strawberry.field(
        description="Two-sided, of a true beta of 0, by Student's t; null where the fit is exact."
    )
    lower: float = strawberry.field(description="Lower end of beta's confidence interval.")
    upper: float = strawberry.field(description="Upper end of beta's confidence interval.")
    variance_inflation: float = strawberry.field(
        description="How much the other factors blur this beta: 1 / (1 - R2 on them), 1 if not at all."
    )

    @classmethod
    def of(cls, found: results.FactorExposure, run: RunRecord) -> FactorExposure:
        return cls(
            factor=found.name,
            run=FactorRun.from_record(run),
            beta=found.beta,
            standard_error=found.standard_error,
            t_value=found.t_value,
            p_value=found.p_value,
            lower=found.lower,
            upper=found.upper,
            variance_inflation=found.variance_inflation,
        )


@strawberry.type(
    description="A regression of the portfolio's weekly returns by ordinary least squares. Rates are a year."
)
class ExposureRegression:
    factors: list[FactorExposure] = strawberry.field(description="The betas.", metadata=cost(size=6))
    alpha: float = strawberry.field(description="What the factors do not explain: weekly intercept * 52.")
    alpha_standard_error: float = strawberry.field(description="Standard error of alpha.")
    alpha_t_value: float | None = strawberry.field(
        description="Alpha over its standard error; null where the fit is exact."
    )
    alpha_p_value: float | None = strawberry.field(
        description="Two-sided, of a true alpha of 0; null where the fit is exact."
    )
    alpha_lower: float = strawberry.field(description="Lower end of alpha's confidence interval.")
    alpha_upper: float = strawberry.field(description="Upper end of alpha's confidence interval.")
    r_squared: float | None = strawberry.field(
        description="Share of the variance that the factors explain; null where the returns do not vary."
    )
    adjusted_r_squared: float | None = strawberry.field(
        description="The same, corrected for the number of factors."
    )
    residual_volatility: float = strawberry.field(
        description="Volatility of what is left: weekly deviation * sqrt(52)."
    )
    observations: int = strawberry.field(description="Weeks that were used.")
    lag: int = strawberry.field(description="Lags of the Newey-West standard errors.")
    condition_number: float = strawberry.field(
        description="How near the factors are to being combinations of each other: 1 is far, 1,000 near."
    )

    @classmethod
    def of(cls, found: results.ExposureRegression, run_of: Mapping[str, RunRecord]) -> ExposureRegression:
        return cls(
            factors=[FactorExposure.of(one, run_of[one.name]) for one in found.factors],
            alpha=found.alpha,
            alpha_standard_error=found.alpha_standard_error,
            alpha_t_value=found.alpha_t_value,
            alpha_p_value=found.alpha_p_value,
            alpha_lower=found.alpha_lower,
            alpha_upper=found.alpha_upper,
            r_squared=found.r_squared,
            adjusted_r_squared=found.adjusted_r_squared,
            residual_volatility=found.residual_volatility,
            observations=found.observations,
            lag=found.lag,
            condition_number=found.condition_number,
        )


@strawberry.type(description="The betas to one factor, window by window.")
class RollingBetaSeries:
    factor: str = strawberry.field(description="The factor, named as in `regressions`.")
    betas: list[float | None] = strawberry.field(
        description="One a week; null where the factors of the window are combinations of each other.",
        metadata=cost(size=500),
    )


@strawberry.type(description="The regressions over a moving window of weeks.")
class RollingExposures:
    window_weeks: int = strawberry.field(description="Complete weeks in a window.")
    weeks: list[date] = strawberry.field(
        description="The Sundays on which the windows end, ascending.", metadata=cost(size=500)
    )
    series: list[RollingBetaSeries] = strawberry.field(description="One a factor.", metadata=cost(size=6))

    @classmethod
    def of(cls, answer: ExposureAnswer, rolling: results.RollingBetas) -> RollingExposures:
        first = rolling.window - 1
        return cls(
            window_weeks=rolling.window,
            weeks=rolling.weeks[first:].tolist(),
            series=[
                RollingBetaSeries(factor=factor.name, betas=coefficients[first:, column].tolist())
                for fit, coefficients in zip(answer.exposures.regressions, rolling.coefficients, strict=True)
                for column, factor in enumerate(fit.factors, start=1)
            ],
        )
