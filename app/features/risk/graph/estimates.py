"""What a risk model estimated on each of its dates: factor returns, how much they explain, who took part."""

from __future__ import annotations

from datetime import date

import numpy as np
import strawberry

from app.boundary.cost_rules import cost
from app.features.risk import series as service
from app.features.risk.graph.enums import FactorKind
from app.features.risk.results import RiskModelResults
from app.features.risk.series import ChartRows

_SAMPLED = (
    "Whether points were left out to stay within `maxPoints`. Sampling is deterministic and keeps the first, "
    "last, least and greatest value of each series."
)
_SOURCE_POINTS = "Number of dates in the range, before sampling."


@strawberry.type(description="A factor of a risk model.")
class RiskFactor:
    name: str = strawberry.field(description="`MARKET`, the sector as the dataset names it, or the style.")
    kind: FactorKind = strawberry.field(description="What it is.")

    @classmethod
    def all_of(cls, results: RiskModelResults) -> list[RiskFactor]:
        return [cls(name=name, kind=kind) for name, kind in zip(results.factors, results.kinds, strict=True)]


@strawberry.type(description="A default style that the dataset has no field for.")
class SkippedStyle:
    name: str = strawberry.field(description="The style.")
    fields: list[str] = strawberry.field(
        description="The fields of which it needs one.", metadata=cost(size=3)
    )


@strawberry.type(
    description="The returns of one factor as columns of equal length. Factors that were asked for together "
    "share their dates. The return of a date is explained by what was known on the date before."
)
class FactorReturnSeries:
    results: strawberry.Private[RiskModelResults]
    chart: strawberry.Private[ChartRows]
    column: strawberry.Private[int]
    name: str = strawberry.field(description="The factor.")
    kind: FactorKind = strawberry.field(description="What it is.")
    source_point_count: int = strawberry.field(description=_SOURCE_POINTS)
    sampled: bool = strawberry.field(description=_SAMPLED)

    @strawberry.field(description="The dates, ascending.", metadata=cost(column=True))
    def dates(self) -> list[date]:
        return self.results.dates[self.chart.rows].tolist()

    @strawberry.field(
        description="Simple returns, a fraction a row of the dataset; null where no estimating asset is "
        "exposed to the factor.",
        metadata=cost(column=True),
    )
    def returns(self) -> list[float | None]:
        return self.results.factor_returns[self.chart.rows, self.column].tolist()

    @strawberry.field(
        description="Returns compounded since the model's first date, a fraction; a missing return counts as "
        "0.",
        metadata=cost(column=True),
    )
    def cumulative_returns(self) -> list[float | None]:
        returns = self.results.factor_returns[:, self.column]
        wealth = np.cumprod(1.0 + np.where(np.isnan(returns), 0.0, returns))
        return (wealth[self.chart.rows] - 1.0).tolist()

    @strawberry.field(
        description="The t-statistic of each return against 0; null where the data do not tell it.",
        metadata=cost(column=True),
    )
    def t_statistics(self) -> list[float | None]:
        return self.results.t_statistics[self.chart.rows, self.column].tolist()

    @classmethod
    def of(cls, results: RiskModelResults, chart: ChartRows, column: int) -> FactorReturnSeries:
        return cls(
            results=results,
            chart=chart,
            column=column,
            name=results.factors[column],
            kind=results.kinds[column],
            source_point_count=chart.source_point_count,
            sampled=chart.sampled,
        )


@strawberry.type(description="How well the returns of one factor can be told from 0.")
class FactorSignificance:
    name: str = strawberry.field(description="The factor.")
    kind: FactorKind = strawberry.field(description="What it is.")
    mean_absolute_t: float | None = strawberry.field(
        description="Mean size of the t-statistics; null without any."
    )
    share_significant: float | None = strawberry.field(
        description="Share of the dates whose t-statistic is beyond 2 either way, 0 to 1; chance alone gives "
        "0.05. Null without any."
    )
    observations: int = strawberry.field(description="Number of dates with a t-statistic.")


@strawberry.type(description="How much of the assets' returns the factors explain, date by date, as columns.")
class ExplainedVariance:
    results: strawberry.Private[RiskModelResults]
    chart: strawberry.Private[ChartRows]
    source_point_count: int = strawberry.field(description=_SOURCE_POINTS)
    sampled: bool = strawberry.field(description=_SAMPLED)
    mean_r_squared: float | None = strawberry.field(
        description="Mean R squared over all dates of the range that have one; null without any."
    )

    @strawberry.field(description="The dates, ascending.", metadata=cost(column=True))
    def dates(self) -> list[date]:
        return self.results.dates[self.chart.rows].tolist()

    @strawberry.field(
        description="Share of the weighted variance of the clipped returns that the factors explain, up to "
        "1; null where it is not defined.",
        metadata=cost(column=True),
    )
    def r_squared(self) -> list[float | None]:
        return self.results.r_squared[self.chart.rows].tolist()

    @strawberry.field(description="Number of assets that estimated.", metadata=cost(column=True))
    def assets(self) -> list[int]:
        return self.results.assets[self.chart.rows].tolist()

    @strawberry.field(
        description="Condition number of the weighted style exposures; 1 without styles. Above 30 styles are "
        "hard to tell apart. Null where nothing was estimated.",
        metadata=cost(column=True),
    )
    def condition_numbers(self) -> list[float | None]:
        return self.results.condition_number[self.chart.rows].tolist()

    @strawberry.field(
        description="How well each factor's returns can be told from 0, over all dates of the range.",
        metadata=cost(size=30),
    )
    def significance(self) -> list[FactorSignificance]:
        found = [
            service.significance(self.results.t_statistics[self.chart.in_range, column])
            for column in range(len(self.results.factors))
        ]
        return [
            FactorSignificance(
                name=name,
                kind=kind,
                mean_absolute_t=one.mean_absolute_t,
                share_significant=one.share_significant,
                observations=one.observations,
            )
            for name, kind, one in zip(self.results.factors, self.results.kinds, found, strict=True)
        ]

    @classmethod
    def of(cls, results: RiskModelResults, chart: ChartRows) -> ExplainedVariance:
        shares = results.r_squared[chart.in_range]
        known = shares[np.isfinite(shares)]
        return cls(
            results=results,
            chart=chart,
            source_point_count=chart.source_point_count,
            sampled=chart.sampled,
            mean_r_squared=float(known.mean()) if len(known) else None,
        )


@strawberry.type(description="For how many assets one style has no score, as columns.")
class StyleCoverage:
    results: strawberry.Private[RiskModelResults]
    chart: strawberry.Private[ChartRows]
    column: strawberry.Private[int]
    style: str = strawberry.field(description="The style, as named among the factors.")

    @strawberry.field(
        description="Number of assets with a price for which the score does not exist and counts as 0.",
        metadata=cost(column=True),
    )
    def missing(self) -> list[int]:
        return self.results.coverage.missing[self.chart.rows, self.column].tolist()

    @strawberry.field(
        description="Whether the scores have no deviation on the date, so that they are 0 for all.",
        metadata=cost(column=True),
    )
    def flat(self) -> list[bool]:
        return self.results.coverage.flagged[self.chart.rows, self.column].tolist()


@strawberry.type(description="Of how many assets what is known at the end of each date, as columns.")
class RiskCoverage:
    results: strawberry.Private[RiskModelResults]
    chart: strawberry.Private[ChartRows]
    source_point_count: int = strawberry.field(description=_SOURCE_POINTS)
    sampled: bool = strawberry.field(description=_SAMPLED)

    @strawberry.field(description="The dates, ascending.", metadata=cost(column=True))
    def dates(self) -> list[date]:
        return self.results.dates[self.chart.rows].tolist()

    @strawberry.field(
        description="Number of assets with a price: they are given exposures and risk.",
        metadata=cost(column=True),
    )
    def priced(self) -> list[int]:
        return self.results.coverage.priced[self.chart.rows].tolist()

    @strawberry.field(description="Number of assets in the estimation universe.", metadata=cost(column=True))
    def universe(self) -> list[int]:
        return self.results.coverage.universe[self.chart.rows].tolist()

    @strawberry.field(
        description="Number of returns that `config.maxAbsReturn` took for faults in the data and left out.",
        metadata=cost(column=True),
    )
    def extreme_returns(self) -> list[int]:
        return self.results.extreme_returns[self.chart.rows].tolist()

    @strawberry.field(description="Style by style, how many assets have no score.", metadata=cost(size=7))
    def styles(self) -> list[StyleCoverage]:
        return [
            StyleCoverage(results=self.results, chart=self.chart, column=column, style=style)
            for column, style in enumerate(self.results.styles)
        ]

    @classmethod
    def of(cls, results: RiskModelResults, chart: ChartRows) -> RiskCoverage:
        return cls(
            results=results,
            chart=chart,
            source_point_count=chart.source_point_count,
            sampled=chart.sampled,
        )
