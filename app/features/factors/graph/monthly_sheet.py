"""The monthly sheet of a factor run."""

from __future__ import annotations

from datetime import date

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.features.factors import monthly_metrics as service
from app.schema.performance import UndefinedMetric
from app.schema.same_fields import same_fields


@strawberry.type(
    description=(
        "What a factor did up to a date, gross of costs, and what it held in the last period that had ended "
        "by then. The figures are those of the sheets that `Factor.monthlyMetrics` has from the older "
        "system. Rates are fractions (0.1 = 10 %). What is not defined is null, with its reason in "
        "`undefinedMetrics`."
    )
)
class MonthlyMetricsSheet:
    as_of: date = strawberry.field(description="The date of the sheet: only periods that ended by it count.")
    last_period_end: date = strawberry.field(description="The end of the last such period.")
    num_periods: int = strawberry.field(description="Number of such periods.")
    last_period_return: float = strawberry.field(description="Return of the last period, a fraction.")
    month_to_date_return: float | None = strawberry.field(
        description="Compounded return of the periods that ended in the calendar month of `asOf`."
    )
    year_to_date_return: float | None = strawberry.field(
        description="Compounded return of the periods that ended in the calendar year of `asOf`."
    )
    annualized_return: float | None = strawberry.field(
        description="Compounded return as a fraction a year, as in `Performance`."
    )
    annualized_volatility: float | None = strawberry.field(
        description="Standard deviation (ddof 1) of the returns times sqrt(periods a year)."
    )
    excess_annualized_return: float | None = strawberry.field(
        description="The annualised return of the returns less the risk-free ones; null without `riskFree`."
    )
    sharpe_ratio: float | None = strawberry.field(
        description="Mean / standard deviation (ddof 1) times sqrt(periods a year), of the returns less the "
        "risk-free ones where `riskFree` is given."
    )
    sortino_ratio: float | None = strawberry.field(
        description="Mean / standard deviation (ddof 1) of the negative returns times sqrt(periods a year), "
        "of the same returns."
    )
    current_drawdown: float | None = strawberry.field(
        description="Fall of the wealth below its peak at the last period's end, a fraction, 0 or below. The "
        "older sheet calls it the maximal drawdown of the current week."
    )
    concentration: float | None = strawberry.field(
        description="Herfindahl index of the weights of both legs together, scaled to sum to 1: 1 / number "
        "of holdings if they are equal, 1 for a single one."
    )
    contribution_to_return: float | None = strawberry.field(
        description="Sum over the holdings of weight times return in the last period, negated in the short "
        "leg. Returns that are missing or excluded as extreme count as the config's `missingReturn`."
    )
    top_contributor: str | None = strawberry.field(description="The asset that contributed the most.")
    top_contribution: float | None = strawberry.field(description="What it contributed, a fraction.")
    average_daily_volume_usd: float | None = strawberry.field(
        description="Mean over the holdings that have one of the mean daily volume, in USD, in the interval "
        "at whose end the portfolio was formed."
    )
    average_market_cap_usd: float | None = strawberry.field(
        description="Mean over the holdings that have one of the market capitalisation, in USD, when the "
        "portfolio was formed."
    )
    undefined_metrics: list[UndefinedMetric] = strawberry.field(
        description="Why figures are null, one entry a figure."
    )

    @classmethod
    def from_service(cls, sheet: service.MonthlyMetrics) -> MonthlyMetricsSheet:
        undefined = [
            UndefinedMetric(metric=to_camel_case(one.metric), reason=one.reason, detail=one.detail)
            for one in sheet.undefined
        ]
        return same_fields(cls, sheet, undefined_metrics=undefined)
