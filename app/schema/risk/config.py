"""The options of a risk model: as asked for, and as shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import date
from typing import Any

import strawberry

from app.errors import FieldError, InvalidInput
from app.schema.errors import Path
from app.schema.risk.enums import (
    CovarianceEstimator,
    EigenfactorDates,
    RegressionMode,
    RegressionWeighting,
)
from app.schema.risk.option_texts import option, shown
from app.schema.risk.style_configs import StyleConfig, StyleInput, given_options, to_style
from app.schema.unset import given
from engine.risk.config import RiskModelConfig as EngineConfig
from engine.risk.covariance import CovarianceConfig
from engine.risk.estimation_universe import EstimationUniverseConfig as EngineUniverse
from engine.risk.specific_risk import SpecificRiskConfig as EngineSpecific

_PARTS = ("universe", "covariance", "specific")
_INPUT = "An absent option takes its default; null switches off what can be off."
_ESTIMATES = (
    "Which assets estimate factor returns; all others with a price are still given exposures and risk."
)


@strawberry.input(description=f"{_ESTIMATES} {_INPUT}")
class EstimationUniverseInput:
    market_cap_threshold: float | None = option(EngineUniverse, "market_cap_threshold")
    liquidity_threshold: float | None = option(EngineUniverse, "liquidity_threshold")
    min_history_rows: int | None = option(EngineUniverse, "min_history_rows")
    top_n: int | None = option(EngineUniverse, "top_n")


@strawberry.input(description=f"How covariances of factor returns are estimated. {_INPUT}")
class FactorCovarianceInput:
    estimator: CovarianceEstimator | None = option(CovarianceConfig, "estimator")
    volatility_half_life: float | None = option(CovarianceConfig, "volatility_half_life")
    volatility_lags: int | None = option(CovarianceConfig, "volatility_lags")
    correlation_half_life: float | None = option(CovarianceConfig, "correlation_half_life")
    correlation_lags: int | None = option(CovarianceConfig, "correlation_lags")
    eigenfactor: EigenfactorDates | None = option(CovarianceConfig, "eigenfactor")
    eigenfactor_simulations: int | None = option(CovarianceConfig, "eigenfactor_simulations")
    eigenfactor_scale: float | None = option(CovarianceConfig, "eigenfactor_scale")
    eigenfactor_seed: int | None = option(CovarianceConfig, "eigenfactor_seed")
    regime_half_life: float | None = option(CovarianceConfig, "regime_half_life")
    min_observations: int | None = option(CovarianceConfig, "min_observations")


@strawberry.input(description=f"How the risk that no factor explains is estimated. {_INPUT}")
class SpecificRiskInput:
    half_life: float | None = option(EngineSpecific, "half_life")
    lags: int | None = option(EngineSpecific, "lags")
    shrinkage: float | None = option(EngineSpecific, "shrinkage")
    size_groups: int | None = option(EngineSpecific, "size_groups")
    min_observations: int | None = option(EngineSpecific, "min_observations")
    regime_half_life: float | None = option(EngineSpecific, "regime_half_life")


@strawberry.input(description=f"Options of a risk model. {_INPUT}")
class RiskModelConfigInput:
    styles: list[StyleInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="The styles, up to 50; the dataset must have their fields. Default null: all but USER, "
        "as far as the dataset has their fields.",
    )
    mode: RegressionMode | None = option(EngineConfig, "mode")
    weighting: RegressionWeighting | None = option(EngineConfig, "weighting")
    winsor: float | None = option(EngineConfig, "winsor")
    max_abs_return: float | None = option(EngineConfig, "max_abs_return")
    min_assets: int | None = option(EngineConfig, "min_assets")
    universe: EstimationUniverseInput | None = strawberry.field(
        default=strawberry.UNSET, description="Which assets estimate. Not null."
    )
    covariance: FactorCovarianceInput | None = strawberry.field(
        default=strawberry.UNSET, description="How factor covariances are estimated. Not null."
    )
    specific: SpecificRiskInput | None = strawberry.field(
        default=strawberry.UNSET, description="How specific risk is estimated. Not null."
    )
    start_date: date | None = option(EngineConfig, "start_date")
    end_date: date | None = option(EngineConfig, "end_date")
    random_portfolios: int | None = option(EngineConfig, "random_portfolios")
    random_size: int | None = option(EngineConfig, "random_size")
    seed: int | None = option(EngineConfig, "seed")

    def to_options(self, path: Path) -> dict[str, object]:
        """In the engine's spelling. `path` is where it stands in the arguments. Raises InvalidInput."""
        options = given_options(self)
        for part in _PARTS:
            if options.get(part) is not None:
                options[part] = given_options(options[part])
        styles = given(self.styles)
        if styles is not None:
            options["styles"] = [
                style.to_options((*path, "styles", str(number))) for number, style in enumerate(styles)
            ]
        return options

    def members(self) -> list[str]:
        """Under which name each style's options stand in this input."""
        return [style.member for style in given(self.styles) or ()]


@contextmanager
def styles_by_member(members: Sequence[str]) -> Iterator[None]:
    """Inside, faults of a style's options (`config`, `styles`, number, option) are told where they stand in
    the input: (`config`, `styles`, number, member, option)."""
    try:
        yield
    except InvalidInput as error:
        error.field_errors = tuple(_at_member(fault, members) for fault in error.field_errors)
        raise


def _at_member(fault: FieldError, members: Sequence[str]) -> FieldError:
    head, number, rest = fault.path[:2], fault.path[2:3], fault.path[3:]
    if head != ("config", "styles") or not number or not number[0].isdecimal():
        return fault
    return FieldError((*head, *number, members[int(number[0])], *rest), fault.code, fault.message)


@strawberry.type(description=_ESTIMATES)
class EstimationUniverseConfig:
    market_cap_threshold: float | None = shown(EngineUniverse, "market_cap_threshold")
    liquidity_threshold: float | None = shown(EngineUniverse, "liquidity_threshold")
    min_history_rows: int = shown(EngineUniverse, "min_history_rows")
    top_n: int | None = shown(EngineUniverse, "top_n")


@strawberry.type(description="How covariances of factor returns are estimated.")
class FactorCovarianceConfig:
    estimator: CovarianceEstimator = shown(CovarianceConfig, "estimator")
    volatility_half_life: float = shown(CovarianceConfig, "volatility_half_life")
    volatility_lags: int = shown(CovarianceConfig, "volatility_lags")
    correlation_half_life: float = shown(CovarianceConfig, "correlation_half_life")
    correlation_lags: int = shown(CovarianceConfig, "correlation_lags")
    eigenfactor: EigenfactorDates = shown(CovarianceConfig, "eigenfactor")
    eigenfactor_simulations: int = shown(CovarianceConfig, "eigenfactor_simulations")
    eigenfactor_scale: float = shown(CovarianceConfig, "eigenfactor_scale")
    eigenfactor_seed: int = shown(CovarianceConfig, "eigenfactor_seed")
    regime_half_life: float | None = shown(CovarianceConfig, "regime_half_life")
    min_observations: int = shown(CovarianceConfig, "min_observations")


@strawberry.type(description="How the risk that no factor explains is estimated.")
class SpecificRiskConfig:
    half_life: float = shown(EngineSpecific, "half_life")
    lags: int = shown(EngineSpecific, "lags")
    shrinkage: float = shown(EngineSpecific, "shrinkage")
    size_groups: int = shown(EngineSpecific, "size_groups")
    min_observations: int = shown(EngineSpecific, "min_observations")
    regime_half_life: float | None = shown(EngineSpecific, "regime_half_life")


@strawberry.type(description="The options of a risk model, all of them, defaults included.")
class RiskModelConfig:
    styles: list[StyleConfig] | None = strawberry.field(
        description="The styles; null = all but USER, as far as the dataset has their fields: "
        "`skippedStyles` tells which it lacked."
    )
    mode: RegressionMode = shown(EngineConfig, "mode")
    weighting: RegressionWeighting = shown(EngineConfig, "weighting")
    winsor: float = shown(EngineConfig, "winsor")
    max_abs_return: float | None = shown(EngineConfig, "max_abs_return")
    min_assets: int = shown(EngineConfig, "min_assets")
    universe: EstimationUniverseConfig = strawberry.field(description="Which assets estimate.")
    covariance: FactorCovarianceConfig = strawberry.field(description="How factor covariances are estimated.")
    specific: SpecificRiskConfig = strawberry.field(description="How specific risk is estimated.")
    start_date: date | None = shown(EngineConfig, "start_date")
    end_date: date | None = shown(EngineConfig, "end_date")
    random_portfolios: int = shown(EngineConfig, "random_portfolios")
    random_size: int = shown(EngineConfig, "random_size")
    seed: int = shown(EngineConfig, "seed")

    @classmethod
    def of(cls, config: EngineConfig) -> RiskModelConfig:
        return cls(
            **_same(cls, config, without={"styles", *_PARTS}),
            styles=None if config.styles is None else [to_style(style) for style in config.styles],
            universe=EstimationUniverseConfig(**_same(EstimationUniverseConfig, config.universe)),
            covariance=FactorCovarianceConfig(**_same(FactorCovarianceConfig, config.covariance)),
            specific=SpecificRiskConfig(**_same(SpecificRiskConfig, config.specific)),
        )


def _same(shown_type: Any, config: object, without: set[str] | None = None) -> dict[str, Any]:
    """Of a config, what the type shows under the same names."""
    names = [item.name for item in fields(shown_type) if item.name not in (without or set())]
    return {name: getattr(config, name) for name in names}
