"""Performance by calendar year and by market regime."""

from __future__ import annotations

from datetime import date

import strawberry

from app.schema.enums import SubperiodKind


@strawberry.type(
    description=(
        "Some of a run's periods, joined: was it earned once, or again and again? Definitions are those of "
        "`Performance`. Null = too few periods, or no costs."
    )
)
class Subperiod:
    kind: SubperiodKind = strawberry.field(description="What its periods have in common.")
    label: str = strawberry.field(description="The year, such as `2024`; or the regime, `UP` or `DOWN`.")
    start_date: date = strawberry.field(description="End of the first period in it.")
    end_date: date = strawberry.field(description="End of the last period in it.")
    num_periods: int = strawberry.field(description="Number of periods in it.")
    cumulative_return: float | None = strawberry.field(
        description="Compounded return over its periods, a fraction, gross of costs."
    )
    mean_annual_return: float | None = strawberry.field(
        description="Mean period return times periods a year, a fraction a year, gross of costs."
    )
    annualized_volatility: float | None = strawberry.field(
        description="Standard deviation (ddof 1) of its period returns times sqrt(periods a year)."
    )
    sharpe_ratio: float | None = strawberry.field(description="Annualised Sharpe ratio, gross of costs.")
    max_drawdown: float | None = strawberry.field(
        description="Deepest drawdown with its periods joined, a fraction, 0 or below."
    )
    hit_rate: float | None = strawberry.field(description="Share of its periods with a return above 0.")
    net_cumulative_return: float | None = strawberry.field(
        description="Compounded return after costs; null where the config has none."
    )
    net_sharpe_ratio: float | None = strawberry.field(
        description="Annualised Sharpe ratio after costs; null where the config has none."
    )
