"""The styles of a risk model: as asked for, and as shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import strawberry

from app.schema.errors import Path, invalid_argument
from app.schema.risk.enums import StyleName, ValueMeasure
from app.schema.risk.option_texts import option, shown
from app.schema.unset import was_given
from engine.risk.scores.beta import BetaConfig
from engine.risk.scores.config import StyleConfig as EngineStyle
from engine.risk.scores.liquidity import LiquidityConfig
from engine.risk.scores.momentum import MomentumConfig
from engine.risk.scores.residual_volatility import ResidualVolatilityConfig
from engine.risk.scores.reversal import ReversalConfig
from engine.risk.scores.size import SizeConfig
from engine.risk.scores.user import UserConfig
from engine.risk.scores.value import ValueConfig

_INPUT = "An absent option takes its default; null switches off what can be off."


@strawberry.input(description=f"Options of the style MOMENTUM. {_INPUT}")
class MomentumStyleInput:
    winsor: float | None = option(MomentumConfig, "winsor")
    trailing_days: int | None = option(MomentumConfig, "trailing_days")
    half_life: float | None = option(MomentumConfig, "half_life")
    lag: int | None = option(MomentumConfig, "lag")
    min_share: float | None = option(MomentumConfig, "min_share")


@strawberry.input(description=f"Options of the style SIZE. {_INPUT}")
class SizeStyleInput:
    winsor: float | None = option(SizeConfig, "winsor")
    tail_share: float | None = option(SizeConfig, "tail_share")


@strawberry.input(description=f"Options of the style VALUE. {_INPUT}")
class ValueStyleInput:
    winsor: float | None = option(ValueConfig, "winsor")
    book: str | None = option(ValueConfig, "book")
    sales: str | None = option(ValueConfig, "sales")
    cash_flow: str | None = option(ValueConfig, "cash_flow")
    measure: ValueMeasure | None = option(ValueConfig, "measure")


@strawberry.input(description=f"Options of the style BETA. {_INPUT}")
class BetaStyleInput:
    winsor: float | None = option(BetaConfig, "winsor")
    half_life: float | None = option(BetaConfig, "half_life")
    trailing_days: int | None = option(BetaConfig, "trailing_days")
    min_observations: int | None = option(BetaConfig, "min_observations")


@strawberry.input(description=f"Options of the style RESIDUAL_VOLATILITY. {_INPUT}")
class ResidualVolatilityStyleInput:
    winsor: float | None = option(ResidualVolatilityConfig, "winsor")
    half_life: float | None = option(ResidualVolatilityConfig, "half_life")
    trailing_days: int | None = option(ResidualVolatilityConfig, "trailing_days")
    min_observations: int | None = option(ResidualVolatilityConfig, "min_observations")


@strawberry.input(description=f"Options of the style LIQUIDITY. {_INPUT}")
class LiquidityStyleInput:
    winsor: float | None = option(LiquidityConfig, "winsor")
    month_days: int | None = option(LiquidityConfig, "month_days")
    quarter_days: int | None = option(LiquidityConfig, "quarter_days")
    year_days: int | None = option(LiquidityConfig, "year_days")
    min_share: float | None = option(LiquidityConfig, "min_share")


@strawberry.input(description=f"Options of the style REVERSAL. {_INPUT}")
class ReversalStyleInput:
    winsor: float | None = option(ReversalConfig, "winsor")
    trailing_days: int | None = option(ReversalConfig, "trailing_days")
    half_life: float | None = option(ReversalConfig, "half_life")
    min_share: float | None = option(ReversalConfig, "min_share")


@strawberry.input(description=f"Options of a style of one's own. {_INPUT}")
class UserStyleInput:
    name: str = strawberry.field(
        description="The style's name among the factors: not that of a sector or of another factor."
    )
    field: str = strawberry.field(description="The dataset's field.")
    winsor: float | None = option(UserConfig, "winsor")
    logarithm: bool | None = option(UserConfig, "logarithm")
    negated: bool | None = option(UserConfig, "negated")


@strawberry.input(one_of=True, description="A style with its options: exactly one.")
class StyleInput:
    momentum: MomentumStyleInput | None = strawberry.field(
        default=strawberry.UNSET, description="The return over the last two years but the last month."
    )
    size: SizeStyleInput | None = strawberry.field(
        default=strawberry.UNSET, description="Minus the logarithm of the market cap: small is positive."
    )
    value: ValueStyleInput | None = strawberry.field(
        default=strawberry.UNSET, description="Book equity, sales and cash flow to the market cap."
    )
    beta: BetaStyleInput | None = strawberry.field(
        default=strawberry.UNSET, description="Sensitivity to the cap-weighted market."
    )
    residual_volatility: ResidualVolatilityStyleInput | None = strawberry.field(
        default=strawberry.UNSET, description="Deviation of what beta leaves."
    )
    liquidity: LiquidityStyleInput | None = strawberry.field(
        default=strawberry.UNSET, description="Logarithm of the turnover."
    )
    reversal: ReversalStyleInput | None = strawberry.field(
        default=strawberry.UNSET, description="Minus the return of the last month."
    )
    user: UserStyleInput | None = strawberry.field(
        default=strawberry.UNSET, description="A field of the dataset."
    )

    @property
    def member(self) -> str:
        """The name of the one that was given."""
        return next(item.name for item in fields(self) if was_given(getattr(self, item.name)))

    def to_options(self, path: Path) -> dict[str, object]:
        """In the engine's spelling. `path` is where it stands in the arguments. Raises InvalidInput."""
        options = getattr(self, self.member)
        if options is None:
            raise invalid_argument((*path, self.member), "NOT_NULLABLE", "a style's options cannot be null")
        return {"style": self.member.upper(), **given_options(options)}


def given_options(options: object) -> dict[str, object]:
    """The options of an input that were given, by the engine's names."""
    return {
        item.name: value
        for item in fields(options)  # type: ignore[arg-type]
        if was_given(value := getattr(options, item.name))
    }


@strawberry.interface(description="A style of a risk model with all its options, defaults included.")
class StyleConfig:
    style: StyleName = strawberry.field(description="Which style.")
    factor: str = strawberry.field(description="Its name among the factors.")
    winsor: float = shown(EngineStyle, "winsor")


@strawberry.type(description="The options of MOMENTUM.")
class MomentumStyle(StyleConfig):
    trailing_days: int = shown(MomentumConfig, "trailing_days")
    half_life: float = shown(MomentumConfig, "half_life")
    lag: int = shown(MomentumConfig, "lag")
    min_share: float = shown(MomentumConfig, "min_share")


@strawberry.type(description="The options of SIZE.")
class SizeStyle(StyleConfig):
    tail_share: float | None = shown(SizeConfig, "tail_share")


@strawberry.type(description="The options of VALUE.")
class ValueStyle(StyleConfig):
    book: str | None = shown(ValueConfig, "book")
    sales: str | None = shown(ValueConfig, "sales")
    cash_flow: str | None = shown(ValueConfig, "cash_flow")
    measure: ValueMeasure = shown(ValueConfig, "measure")


@strawberry.type(description="The options of BETA.")
class BetaStyle(StyleConfig):
    half_life: float = shown(BetaConfig, "half_life")
    trailing_days: int = shown(BetaConfig, "trailing_days")
    min_observations: int = shown(BetaConfig, "min_observations")


@strawberry.type(description="The options of RESIDUAL_VOLATILITY.")
class ResidualVolatilityStyle(StyleConfig):
    half_life: float = shown(ResidualVolatilityConfig, "half_life")
    trailing_days: int = shown(ResidualVolatilityConfig, "trailing_days")
    min_observations: int = shown(ResidualVolatilityConfig, "min_observations")


@strawberry.type(description="The options of LIQUIDITY.")
class LiquidityStyle(StyleConfig):
    month_days: int = shown(LiquidityConfig, "month_days")
    quarter_days: int = shown(LiquidityConfig, "quarter_days")
    year_days: int = shown(LiquidityConfig, "year_days")
    min_share: float = shown(LiquidityConfig, "min_share")


@strawberry.type(description="The options of REVERSAL.")
class ReversalStyle(StyleConfig):
    trailing_days: int = shown(ReversalConfig, "trailing_days")
    half_life: float = shown(ReversalConfig, "half_life")
    min_share: float = shown(ReversalConfig, "min_share")


@strawberry.type(description="The options of a style of one's own; `factor` is its name.")
class UserStyle(StyleConfig):
    field: str = shown(UserConfig, "field")
    logarithm: bool = shown(UserConfig, "logarithm")
    negated: bool = shown(UserConfig, "negated")


STYLE_TYPES: Mapping[StyleName, type[StyleConfig]] = {
    StyleName.MOMENTUM: MomentumStyle,
    StyleName.SIZE: SizeStyle,
    StyleName.VALUE: ValueStyle,
    StyleName.BETA: BetaStyle,
    StyleName.RESIDUAL_VOLATILITY: ResidualVolatilityStyle,
    StyleName.LIQUIDITY: LiquidityStyle,
    StyleName.REVERSAL: ReversalStyle,
    StyleName.USER: UserStyle,
}


def to_style(config: EngineStyle) -> StyleConfig:
    """The style as its own type."""
    own = STYLE_TYPES[config.style]
    names = {item.name for item in fields(own)} - {"style", "factor"}  # type: ignore[arg-type]
    return own(
        style=config.style, factor=config.label, **{name: getattr(config, name) for name in sorted(names)}
    )
