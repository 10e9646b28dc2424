"""Beta: how much an asset moves with the market (Sharpe 1964, doi:10.1111/j.1540-6261.1964.tb02865.x)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.config import option
from engine.errors import ConfigFault
from engine.risk.cross_section import Standardized
from engine.risk.scores.config import HALF_LIFE_TEXT, StyleConfig, StyleName
from engine.risk.scores.inputs import ScoreContext
from engine.risk.scores.market_model import MarketModel, market_model, market_returns


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketModelConfig(StyleConfig):
    """A regression on the market, and which of its results is the score."""

    half_life: float = option(63.0, 1.0, 2_520.0, HALF_LIFE_TEXT)
    trailing_days: int = option(252, 10, 2_520, "Rows of the regression on the market")
    min_observations: int = option(63, 3, 2_520, "Rows of them that must have both returns")

    def _cross_faults(self) -> list[ConfigFault]:
        if self.min_observations <= self.trailing_days:
            return []
        message = f"min_observations {self.min_observations} exceeds trailing_days {self.trailing_days}"
        return [ConfigFault("min_observations", "EXCEEDS_WINDOW", message)]

    @property
    def history_rows(self) -> int:
        return self.trailing_days  # the first market return of the window needs the caps of the row before


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaConfig(MarketModelConfig):
    style = StyleName.BETA


def fitted_market_model(context: ScoreContext, config: MarketModelConfig) -> MarketModel:
    """The regression of excess returns on the cap-weighted market at the dates, computed once for equal
    options."""
    key = (config.half_life, config.trailing_days, config.min_observations)
    if key not in context.market_models:
        start = max(0, context.first_row - config.history_rows)
        inputs = context.inputs.rows(slice(start, None))
        market, returns = market_returns(inputs.returns, inputs.caps), inputs.returns
        if inputs.risk_free is not None:
            market, returns = market - inputs.risk_free, returns - inputs.risk_free[:, None]
        context.market_models[key] = market_model(
            returns,
            market,
            half_life=config.half_life,
            window=config.trailing_days,
            min_observations=config.min_observations,
            first_row=context.first_row - start,
        )
    return context.market_models[key]


def beta_scores(context: ScoreContext, config: BetaConfig) -> Standardized:
    if config not in context.scored:
        raw = fitted_market_model(context, config).beta
        context.scored[config] = context.by_dates(
            lambda rows: context.standard(rows, raw[context.dates(rows)], config.winsor)
        )
    return context.scored[config]
