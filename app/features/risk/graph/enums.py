"""How a risk model is estimated and what portfolios are measured against, as enums of the graph."""

from __future__ import annotations

from enum import Enum, StrEnum

from app.features.risk.optimization import Candidates
from app.features.risk.optimize_job import Objective
from app.features.risk.portfolios import BenchmarkIndex
from app.schema.options import described_enum
from engine.risk.covariance import CovarianceEstimator, EigenfactorDates
from engine.risk.estimation_sample import RegressionWeighting
from engine.risk.factor_returns import RegressionMode
from engine.risk.model import FactorKind
from engine.risk.scores.config import StyleName
from engine.risk.scores.registry import STYLES
from engine.risk.scores.value import ValueMeasure


class BiasGroupKind(StrEnum):
    """Of which portfolios bias statistics are."""

    RANDOM = "RANDOM"
    STYLES = "STYLES"
    SECTORS = "SECTORS"


class RiskModelRunSortField(StrEnum):
    """What risk models can be sorted by."""

    ID = "ID"
    CREATED_AT = "CREATED_AT"
    FINISHED_AT = "FINISHED_AT"
    STATUS = "STATUS"


def _described(enum: type[Enum], name: str, description: str, **values: str) -> None:
    described_enum(enum, description, values, name)


_described(
    FactorKind,
    "RiskFactorKind",
    "What a factor of a risk model is.",
    MARKET="The market: every asset has an exposure of 1.",
    SECTOR="A sector: its assets have an exposure of 1, all others of 0.",
    STYLE="A style: the exposure is a standardised score.",
)
described_enum(
    StyleName,
    "A style: what an asset is scored by.",
    {name: style.description for name, style in STYLES.items()},
)
_described(
    ValueMeasure,
    "ValueMeasure",
    "What the fields of the style VALUE hold.",
    TOTALS="Totals in USD, to be divided by the market cap.",
    RATIOS="Ratios to the price.",
)
_described(
    RegressionMode,
    "RegressionMode",
    "How factor returns are estimated on each date.",
    JOINT="One regression on market, sectors and styles; sector returns add up to 0 by market cap.",
    TORANIKO_RESIDUAL="As toraniko does: market and sectors first, styles on what they leave. Biased where "
    "styles and sectors correlate.",
    TORANIKO_RAW="As toraniko does: market and sectors first, styles on the returns themselves.",
)
_described(
    RegressionWeighting,
    "RegressionWeighting",
    "How much each asset's squared residual counts.",
    SQRT_CAP="By the root of its market cap.",
    EQUAL="All alike.",
    CAP="By its market cap.",
)
_described(
    CovarianceEstimator,
    "CovarianceEstimator",
    "How covariances of factor returns are estimated.",
    EXPONENTIAL="Volatilities and correlations apart, each exponentially weighted, with Newey-West lags.",
    LEDOIT_WOLF="All dates alike, shrunk towards equal variances (Ledoit and Wolf 2004).",
)
_described(
    EigenfactorDates,
    "EigenfactorDates",
    "At which dates the eigenfactor adjustment is made.",
    LATEST="At the latest date.",
    ALL="At every forecast date.",
    OFF="At none.",
)
_described(
    BiasGroupKind,
    "BiasGroupKind",
    "Of which portfolios bias statistics are.",
    RANDOM="Random assets of the estimation universe.",
    STYLES="Long-short portfolios of the style scores.",
    SECTORS="All assets of each sector.",
)
_described(
    BenchmarkIndex,
    "BenchmarkIndex",
    "A benchmark that the risk model knows.",
    MARKET_CAP="The estimation universe of the date, weighted by market cap.",
)
_described(
    Objective,
    "OptimizationObjective",
    "What is made least or greatest.",
    MINIMUM_VARIANCE="The least variance.",
    MAXIMUM_SHARPE="The largest ratio of expected excess return to volatility; needs `expectedReturns`.",
)
_described(
    Candidates,
    "OptimizationCandidates",
    "Which assets may be held where none are named.",
    ESTIMATION_UNIVERSE="Those of the estimation universe of the date.",
    ALL="All that have a forecast on the date.",
)
_described(
    RiskModelRunSortField,
    "RiskModelRunSortField",
    "What risk models can be sorted by.",
    ID="The order in which they were added.",
    CREATED_AT="When the run was added.",
    FINISHED_AT="When the run ended.",
    STATUS="The status's name.",
)
