"""What a risk model can be told: the options of all its stages, checked when a config is made."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date

from engine.errors import ConfigFault, InvalidConfig, MissingField
from engine.factors.config import option
from engine.panel import MARKET_CAP, PRICE, VOLUME
from engine.risk.covariance import CovarianceConfig
from engine.risk.estimation_sample import RegressionWeighting
from engine.risk.estimation_universe import LIQUIDITY_FILTER, EstimationUniverseConfig
from engine.risk.factor_returns import MARKET, RegressionMode
from engine.risk.options import range_faults
from engine.risk.scores.beta import BetaConfig
from engine.risk.scores.config import Centering, StyleConfig
from engine.risk.scores.liquidity import LiquidityConfig
from engine.risk.scores.momentum import MomentumConfig
from engine.risk.scores.registry import fields_of
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
class RiskModelConfig:
    """Options of a risk model. Construction validates and raises InvalidConfig.

    styles: None = DEFAULT_STYLES, as far as the panel has their fields; the fields of named styles must
    exist. winsor: share of the assets on each side whose returns are clipped for estimation, on each date.
    max_abs_return: a return of one row beyond it, either way, is taken for a fault in the data; it and the
    asset's next return are missing. None = none is. One fault of many powers of ten would be the risk of all
    the asset's peers.
    min_assets: estimating assets without which a date has neither factor nor specific returns.
    start_date, end_date: of the returns that are explained; scores look at earlier history.
    random_portfolios, random_size, seed: how many portfolios of how many random assets the forecasts are
    validated by.
    """

    styles: tuple[StyleConfig, ...] | None = None
    mode: RegressionMode = RegressionMode.JOINT
    weighting: RegressionWeighting = RegressionWeighting.SQRT_CAP
    winsor: float = option(0.05, low=0.0, high=0.25)
    max_abs_return: float | None = option(10.0, low=0.01, high=1e9)
    min_assets: int = option(30, low=1, high=100_000)
    universe: EstimationUniverseConfig = field(default_factory=EstimationUniverseConfig)
    covariance: CovarianceConfig = field(default_factory=CovarianceConfig)
    specific: SpecificRiskConfig = field(default_factory=SpecificRiskConfig)
    start_date: date | None = None
    end_date: date | None = None
    random_portfolios: int = option(100, low=1, high=10_000)
    random_size: int = option(100, low=1, high=10_000)
    seed: int = option(SEED, low=0, high=2**31 - 1)

    def __post_init__(self) -> None:
        faults = range_faults(self)
        if self.start_date is not None and self.end_date is not None and self.end_date < self.start_date:
            message = f"end_date {self.end_date} lies before start_date {self.start_date}"
            faults.append(ConfigFault("end_date", "END_BEFORE_START", message))
        faults += repeated_names((MARKET, *(style.label for style in self.styles or ())))
        if faults:
            raise InvalidConfig(tuple(faults))

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
