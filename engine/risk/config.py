"""What a risk model can be told: the options of all its stages, checked when a config is made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from engine.config import Config, option, part, span_faults
from engine.errors import ConfigFault, MissingField
from engine.panel import MARKET_CAP, PRICE, VOLUME
from engine.risk.covariance import CovarianceConfig
from engine.risk.estimation_sample import RegressionWeighting
from engine.risk.estimation_universe import LIQUIDITY_FILTER, EstimationUniverseConfig
from engine.risk.factor_returns import MARKET, RegressionMode
from engine.risk.scores.beta import BetaConfig
from engine.risk.scores.config import Centering, StyleConfig
from engine.risk.scores.liquidity import LiquidityConfig
from engine.risk.scores.momentum import MomentumConfig
from engine.risk.scores.registry import STYLES, fields_of
from engine.risk.scores.residual_volatility import ResidualVolatilityConfig
from engine.risk.scores.reversal import ReversalConfig
from engine.risk.scores.size import SizeConfig
from engine.risk.scores.value import ValueConfig
from engine.risk.specific_risk import SpecificRiskConfig
from engine.risk.validation_portfolios import SEED

DEFAULT_STYLES: tuple[StyleConfig, ...] = (
    MomentumConfig(),
    SizeConfig(),
    BetaConfig(),
    ResidualVolatilityConfig(),
    ReversalConfig(),
    ValueConfig(),
    LiquidityConfig(),
)
"""The styles of a model that names none, but for those whose fields the panel lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskModelConfig(Config):
    """Options of a risk model."""

    styles: tuple[StyleConfig, ...] | None = option(
        None,
        text="The styles, up to 50; the dataset must have their fields",
        null="all but USER, as far as the dataset has their fields",
        variants={name: style.config_type for name, style in STYLES.items()},
    )
    mode: RegressionMode = option(RegressionMode.JOINT, text="How factor returns are estimated")
    weighting: RegressionWeighting = option(
        RegressionWeighting.SQRT_CAP, text="How much each asset's squared residual counts in the estimation"
    )
    winsor: float = option(
        0.05,
        0.0,
        0.25,
        "Share of the assets on each side whose returns are clipped for estimation, on each date",
    )
    # One fault of many powers of ten would be the risk of all the asset's peers.
    max_abs_return: float | None = option(
        10.0,
        0.01,
        1e9,
        "A return of one row beyond it, either way, is taken for a fault in the data, a fraction; it and "
        "the asset's next one are missing",
        null="none is",
    )
    min_assets: int = option(
        30, 1, 100_000, "Estimating assets without which a date has neither factor nor specific returns"
    )
    universe: EstimationUniverseConfig = part(EstimationUniverseConfig, "Which assets estimate")
    covariance: CovarianceConfig = part(CovarianceConfig, "How factor covariances are estimated")
    specific: SpecificRiskConfig = part(SpecificRiskConfig, "How specific risk is estimated")
    start_date: date | None = option(
        None,
        text="The first date whose returns are explained; scores look at earlier history",
        null="the first possible",
    )
    end_date: date | None = option(
        None, text="The last date whose returns are explained", null="the last possible"
    )
    random_portfolios: int = option(100, 1, 10_000, "Random portfolios by which the forecasts are validated")
    random_size: int = option(100, 1, 10_000, "Assets in each random portfolio")
    seed: int = option(SEED, 0, 2**31 - 1, "The seed of the random portfolios")

    def _cross_faults(self) -> list[ConfigFault]:
        names = (MARKET, *(style.label for style in self.styles or ()))
        return span_faults(self.start_date, self.end_date) + repeated_names(names)

    @property
    def centering(self) -> Centering:
        """Scores are centered by cap, in the modes of toraniko as there: equally."""
        joint = self.mode is RegressionMode.JOINT
        return Centering.CAP_WEIGHTED if joint else Centering.EQUAL_WEIGHTED


def repeated_names(factors: Sequence[str]) -> list[ConfigFault]:
    """A fault for each name that two factors of a model have."""
    return [
        ConfigFault(
            "styles",
            "DUPLICATE",
            f"two factors are named {name!r}: the market, sectors and styles need names of their own",
        )
        for name in dict.fromkeys(factors)
        if factors.count(name) > 1
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedStyle:
    """A default style that the panel has no field for: `fields`, one of which it needs."""

    name: str
    fields: tuple[str, ...]


def needed_fields(config: RiskModelConfig, available: Collection[str]) -> tuple[str, ...]:
    """The panel fields that a model reads, in a fixed order. Raises MissingField for the first one absent."""
    styles, _ = chosen_styles(config, available)
    needed = dict.fromkeys((PRICE, MARKET_CAP), "a risk model")
    for style in styles:
        if isinstance(style, ValueConfig):
            if not any(name in available for name in style.candidate_fields):
                raise MissingField(" or ".join(style.candidate_fields), f"style {style.label}")
        else:
            needed |= dict.fromkeys(style.required_fields, f"style {style.label}")
    if config.universe.liquidity_threshold is not None:
        needed.setdefault(VOLUME, LIQUIDITY_FILTER)
    for name, reason in needed.items():
        if name not in available:
            raise MissingField(name, reason)
    optional = [name for name in fields_of(styles) if name in available and name not in needed]
    return (*needed, *optional)


def chosen_styles(
    config: RiskModelConfig, present: Collection[str]
) -> tuple[tuple[StyleConfig, ...], tuple[SkippedStyle, ...]]:
    """The styles of a model of a panel with the fields `present`, and the default ones that it lacks."""
    if config.styles is not None:
        return config.styles, ()
    chosen, skipped = [], []
    for style in DEFAULT_STYLES:
        needed = style.candidate_fields if isinstance(style, ValueConfig) else style.required_fields
        if needed and not any(name in present for name in needed):
            skipped.append(SkippedStyle(name=style.label, fields=needed))
        else:
            chosen.append(style)
    return tuple(chosen), tuple(skipped)
