"""What in the graph multiplies work, and how much of it one request may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema

ASSUMED_LIST_SIZES: Mapping[str, int] = MappingProxyType(
    {
        "Query.factors": 6,
        "Query.latestFactorRuns": 6,
        "Query.assetBetas": 1_000,
        "Exposures.positions": 50,
        "Exposures.regressions": 2,
        "ExposureRegression.factors": 6,
        "RollingExposures.weeks": 500,
        "RollingExposures.series": 6,
        "RollingBetaSeries.betas": 500,
        "ExposureAttribution.weeks": 500,
        "ExposureAttribution.portfolioReturns": 500,
        "ExposureAttribution.parts": 9,
        "AttributionPart.contributions": 500,
        "FactorCorrelations.values": 100,
        "FactorRun.compositionDates": 2_000,
        "FactorRun.monthlyReturns": 240,
        "FactorRun.confidenceIntervals": 4,
        "FactorRun.icDecay": 8,
        "QuantileAnalysis.buckets": 10,
        "Extremes.positions": 5,
        "TargetPortfolio.long": 500,
        "TargetPortfolio.short": 500,
        "Composition.long": 500,
        "Composition.short": 500,
        "DataQuality.refused": 100,
        "DataQuality.lostAssets": 100,
        "FetchReport.lostAssets": 100,
        "FetchRun.assets": 100,
        "Query.sources": 5,
        "SweepRun.axes": 4,
        "SweepAxis.values": 100,
        "SweepPoint.values": 4,
        "SweepPoint.position": 4,
        "SweepResult.neighbours": 10,
        "SweepResult.failures": 100,
        "OverfittingProbability.logitHistogram": 20,
        "WalkForward.choices": 100,
        "HeatMap.xValues": 100,
        "HeatMap.yValues": 100,
        "HeatMap.cells": 10_000,
        "HeatMap.minimums": 10_000,
        "HeatMap.maximums": 10_000,
        "HeatMap.counts": 10_000,
        "RiskModelRun.factors": 30,
        "RiskModelRun.skippedStyles": 7,
        "RiskModelRun.forecastDates": 240,
        "RiskModelRun.factorReturns": 30,
        "RiskModelConfig.styles": 7,
        "SkippedStyle.fields": 3,
        "ExplainedVariance.significance": 30,
        "RiskCoverage.styles": 7,
        "FactorCovariance.names": 30,
        "FactorCovariance.eigenfactorBiases": 30,
        "FactorCovariance.factors": 30,
        "FactorForecast.covariances": 30,
        "FactorForecast.correlations": 30,
        "RiskBias.groups": 3,
        "BiasGroup.names": 100,
        "BiasGroup.bias": 100,
        "BiasGroup.q": 100,
        "BiasGroup.observations": 100,
        "AssetFactorExposuresConnection.factors": 30,
        "AssetFactorExposures.exposures": 30,
        "AssetFactorExposures.missingStyles": 2,
        "PortfolioRisk.positions": 50,
        "RiskDecomposition.factors": 30,
        "RiskDecomposition.assets": 1_000,
        "OptimalPortfolio.weights": 1_000,
    }
)

WORK: Mapping[str, int] = MappingProxyType(
    {
        "Query.exposures": 20_000,
        "Query.assetBetas": 20_000,
        "Query.factorCorrelations": 5_000,
        "FactorRun.monthlyMetrics": 500,
        "RiskModelRun.factors": 100,
        "RiskModelRun.skippedStyles": 100,
        "RiskModelRun.coverage": 100,
        "RiskModelRun.factorReturns": 100,
        "RiskModelRun.explainedVariance": 100,
        "RiskModelRun.covariance": 100,
        "RiskModelRun.bias": 100,
        "RiskModelRun.exposures": 2_000,
        "RiskModelRun.specificRisk": 2_000,
        "RiskModelRun.specificReturns": 5_000,
        "RiskModelRun.portfolioRisk": 5_000,
        "RiskModelRun.optimize": 40_000,
    }
)
"""Of fields that read large arrays, measure or solve: the values that as much work would write."""

_POINT_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "TimeSeries": ("dates", "times", "timesNs", "values", "points"),
        "SweepSeries": ("dates", "times", "timesNs", "values", "points"),
        "FactorReturnSeries": ("dates", "returns", "cumulativeReturns", "tStatistics"),
        "ExplainedVariance": ("dates", "rSquared", "assets", "conditionNumbers"),
        "RiskCoverage": ("dates", "priced", "universe", "extremeReturns"),
        "StyleCoverage": ("missing", "flat"),
        "SpecificReturnSeries": ("dates", "returns"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRules:
    """Which arguments and fields of the graph decide how much a query returns.

    Fields are named `Type.field`. A field with a page argument multiplies everything below it by the
    page size, so the lists in `page_lists` under it count once. A field with the points argument
    returns as many series as one of the select arguments lists (where that is absent, as `list_sizes`
    says, else one), of that many points each; the `point_lists` below it are the columns that hold them,
    `columns_a_series` of each. Any other list counts as `list_sizes` says, or as `assumed_list_size`. A
    field of `work`, whose type has fields of its own, counts as that many values on top of what is
    returned of it.
    """

    page_arguments: frozenset[str] = frozenset({"first"})
    page_lists: frozenset[str] = frozenset({"edges", "nodes"})
    points_argument: str = "maxPoints"
    select_arguments: frozenset[str] = frozenset({"select", "names", "assets"})
    columns_a_series: int = 3
    point_lists: frozenset[str] = frozenset(
        f"{series}.{column}" for series, columns in _POINT_COLUMNS.items() for column in columns
    )
    list_sizes: Mapping[str, int] = field(default_factory=lambda: ASSUMED_LIST_SIZES)
    work: Mapping[str, int] = field(default_factory=lambda: WORK)
    assumed_list_size: int = 20
    assumed_points: int = 1_000

    def unknown_fields(self, schema: GraphQLSchema) -> tuple[str, ...]:
        """The entries that name no field of the schema, so that a rename cannot silently void a rule."""
        unknown = []
        for name in sorted({*self.list_sizes, *self.point_lists, *self.work}):
            type_name, _, field_name = name.partition(".")
            owner = schema.type_map.get(type_name)
            if not isinstance(owner, GraphQLObjectType | GraphQLInterfaceType) or (
                field_name not in owner.fields
            ):
                unknown.append(name)
        return tuple(unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLimits:
    """The most that one document may write, and one operation ask for.

    The first group bounds the text and is checked before the types are known; `repeated_pairs` is the
    number of pairs of fields with one response name that validation has to compare. The second group
    bounds what an execution returns: `nodes` counts objects in lists, `points` those of series, and
    `values` every field of every object. Introspection has its own allowance: twice what the standard
    introspection query costs on the served schema.
    """

    document_characters: int = 100_000
    document_tokens: int = 10_000
    operations: int = 20
    fragments: int = 50
    fields: int = 1_000
    aliases: int = 200
    directives: int = 100
    repeated_pairs: int = 20_000

    nesting: int = 100
    depth: int = 12
    root_fields: int = 30
    page_size: int = 100
    nodes: int = 10_000
    points: int = 1_000_000
    values: int = 100_000
