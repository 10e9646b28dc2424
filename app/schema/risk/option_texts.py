"""What each option of a risk model means, in the words that its input and its output share; ranges and
defaults are the engine's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from datetime import date
from enum import Enum
from typing import Any, Final, get_type_hints

import strawberry

from engine.risk.config import RiskModelConfig
from engine.risk.covariance import CovarianceConfig
from engine.risk.estimation_universe import EstimationUniverseConfig
from engine.risk.scores.beta import BetaConfig, MarketModelConfig
from engine.risk.scores.config import StyleConfig
from engine.risk.scores.liquidity import LiquidityConfig
from engine.risk.scores.momentum import MomentumConfig
from engine.risk.scores.residual_volatility import ResidualVolatilityConfig
from engine.risk.scores.reversal import ReversalConfig
from engine.risk.scores.size import SizeConfig
from engine.risk.scores.user import UserConfig
from engine.risk.scores.value import ValueConfig
from engine.risk.specific_risk import SpecificRiskConfig

_MIN_SHARE = "Of the window's rows, the share that must be observed"
_HALF_LIFE = "Rows of the dataset after which a return counts half"

_TEXTS: Final[Mapping[type, Mapping[str, str]]] = {
    StyleConfig: {
        "winsor": "Share of the assets on each side whose raw scores are clipped, on each date",
    },
    MomentumConfig: {
        "trailing_days": "Rows of the dataset in the window",
        "half_life": _HALF_LIFE,
        "lag": "Rows between the window's end and the date",
        "min_share": _MIN_SHARE,
    },
    SizeConfig: {
        "tail_share": "Only the smallest and the largest assets, that share of them on each side, have a "
        "score other than 0; null = all have",
    },
    ValueConfig: {
        "book": "The field of book equity; null = not used",
        "sales": "The field of sales; null = not used",
        "cash_flow": "The field of cash flow; null = not used",
        "measure": "What these fields hold",
    },
    MarketModelConfig: {
        "half_life": _HALF_LIFE,
        "trailing_days": "Rows of the regression on the market",
        "min_observations": "Rows of them that must have both returns",
    },
    LiquidityConfig: {
        "month_days": "Rows of the shortest window; its turnover weighs 0.35",
        "quarter_days": "Rows of the middle window; its turnover weighs 0.35",
        "year_days": "Rows of the longest window; its turnover weighs 0.30",
        "min_share": _MIN_SHARE,
    },
    ReversalConfig: {
        "trailing_days": "Rows of the dataset in the window",
        "half_life": _HALF_LIFE,
        "min_share": _MIN_SHARE,
    },
    UserConfig: {
        "name": "The style's name among the factors",
        "field": "The dataset's field",
        "logarithm": "Whether its logarithm is taken; values of 0 and below are then missing",
        "negated": "Whether high values score low",
    },
    EstimationUniverseConfig: {
        "market_cap_threshold": "USD that an asset's market cap must exceed; null = no filter",
        "liquidity_threshold": "USD a day that an asset's mean volume of the last 63 rows must exceed; null "
        "= no filter",
        "min_history_rows": "Rows with a price so far without which an asset is too young",
        "top_n": "How many of the largest of those that pass the rest; null = no limit",
    },
    CovarianceConfig: {
        "estimator": "How covariances are estimated; half-lives and lags are of EXPONENTIAL",
        "volatility_half_life": "Half-life of volatilities, in rows",
        "volatility_lags": "Newey-West lags of volatilities, in rows",
        "correlation_half_life": "Half-life of correlations, in rows",
        "correlation_lags": "Newey-West lags of correlations, in rows",
        "eigenfactor": "At which dates the eigenfactor adjustment is made",
        "eigenfactor_simulations": "Simulations of the eigenfactor adjustment",
        "eigenfactor_scale": "By how much the adjustment that the simulation finds is scaled",
        "eigenfactor_seed": "The seed of the simulation",
        "regime_half_life": "Half-life of the volatility-regime adjustment, in rows; null = none is made",
        "min_observations": "Rows with factor returns without which a date has no forecast",
    },
    SpecificRiskConfig: {
        "half_life": "Half-life of an asset's own volatility, in rows",
        "lags": "Newey-West lags of an asset's own volatility, in rows",
        "shrinkage": "How much a distance from the peers counts against their deviation",
        "size_groups": "Groups of equal numbers of assets by market cap; an asset's peers are those of its "
        "group and sector",
        "min_observations": "Specific returns without which an asset has the risk of its peers alone",
        "regime_half_life": "Half-life of the volatility-regime adjustment, in rows; null = none is made",
    },
    RiskModelConfig: {
        "mode": "How factor returns are estimated",
        "weighting": "How much each asset's squared residual counts in the estimation",
        "winsor": "Share of the assets on each side whose returns are clipped for estimation, on each date",
        "max_abs_return": "A return of one row beyond it, either way, is taken for a fault in the data: it "
        "and the asset's next one are missing; a fraction; null = none is",
        "min_assets": "Estimating assets without which a date has neither factor nor specific returns",
        "start_date": "The first date whose returns are explained; scores look at earlier history; null is "
        "open",
        "end_date": "The last date whose returns are explained; null is open",
        "random_portfolios": "Random portfolios by which the forecasts are validated",
        "random_size": "Assets in each random portfolio",
        "seed": "The seed of the random portfolios",
    },
}
_BY_PARENT: Final[Mapping[type, type]] = {
    BetaConfig: MarketModelConfig,
    ResidualVolatilityConfig: MarketModelConfig,
}


def option(config_type: type, name: str) -> Any:
    """The field of an input: absent means the default, which the description tells with the range."""
    item = _fields(config_type)[name]
    parts = [_text(config_type, name) + _range(item)]
    if item.default is not MISSING:
        parts.append(f"Default {_words(item.default)}")
    if not _is_nullable(config_type, name):
        parts.append("Not null")
    return strawberry.field(default=strawberry.UNSET, description=". ".join(parts) + ".")


def shown(config_type: type, name: str) -> Any:
    """The field of an output."""
    return strawberry.field(description=_text(config_type, name) + ".")


def _text(config_type: type, name: str) -> str:
    for owner in (config_type, _BY_PARENT.get(config_type, config_type), StyleConfig):
        text = _TEXTS.get(owner, {}).get(name)
        if text is not None:
            return text
    raise KeyError(f"{config_type.__name__} has no text for {name}")


def _fields(config_type: Any) -> dict[str, Field[Any]]:
    return {item.name: item for item in fields(config_type)}


def _range(item: Field[Any]) -> str:
    low, high = item.metadata.get("low"), item.metadata.get("high")
    if low is None:
        return ""
    return f", at least {low:,g}" if high is None else f", {_number(low)} to {_number(high)}"


def _words(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, int | float):
        return _number(value)
    return value.isoformat() if isinstance(value, date) else f"`{value}`"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"


def _is_nullable(config_type: type, name: str) -> bool:
    return "None" in str(get_type_hints(config_type)[name])
