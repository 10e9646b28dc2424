"""How long a signal lasts, and how far ahead it sees."""

from __future__ import annotations

import strawberry


@strawberry.type(
    description="How long the signal ranks assets alike: what fades quickly must be traded often."
)
class SignalPersistence:
    autocorrelation: float | None = strawberry.field(
        description="Mean Spearman rank correlation of consecutive signals, over the assets eligible in both "
        "periods, -1 to 1; null where no two periods are consecutive."
    )
    half_life_periods: float | None = strawberry.field(
        description="Periods after which the correlation has halved, ln(1/2) / ln(`autocorrelation`); null "
        "unless that lies between 0 and 1."
    )


@strawberry.type(
    description=(
        "Rank correlation of the signal with the return over the next `horizon` periods: how far ahead it "
        "sees. Positive = the long leg's end wins. Over 1 period it is the run's own IC; over more, extreme "
        "returns take part even where `extremeReturns` is EXCLUDE. Horizons that end after the reported "
        "periods are left out. Null = not defined."
    )
)
class HorizonIC:
    horizon: int = strawberry.field(description="Number of periods ahead, from 1.")
    mean: float | None = strawberry.field(description="Mean Spearman rank correlation, -1 to 1.")
    std: float | None = strawberry.field(description="Standard deviation (ddof 1) of the correlations.")
    t: float | None = strawberry.field(
        description="The t-statistic of the mean: Newey-West with at least `horizon` - 1 lags, as the "
        "returns overlap."
    )
    num_periods: int = strawberry.field(description="Number of periods with a correlation.")
