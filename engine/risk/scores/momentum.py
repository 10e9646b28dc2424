"""Momentum: the return over the last two years but the last month (Jegadeesh and Titman 1993,
doi:10.1111/j.1540-6261.1993.tb04702.x), recent days counting more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.config import option
from engine.panel import FloatArray
from engine.risk.cross_section import Standardized
from engine.risk.scores.compound import compound_growth
from engine.risk.scores.config import HALF_LIFE_TEXT, WINDOW_TEXT, StyleConfig, StyleName, min_share_option
from engine.risk.scores.inputs import ScoreContext
from engine.risk.scores.windows import by_columns, enough, lagged


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentumConfig(StyleConfig):
    style = StyleName.MOMENTUM

    trailing_days: int = option(504, 2, 2_520, WINDOW_TEXT)
    half_life: float = option(126.0, 1.0, 2_520.0, HALF_LIFE_TEXT)
    lag: int = option(20, 0, 252, "Rows between the window's end and the date")
    min_share: float = min_share_option()

    @property
    def history_rows(self) -> int:
        return self.lag + self.trailing_days - 1


def raw_momentum(returns: FloatArray, config: MomentumConfig) -> FloatArray:
    """(T, N) product of 1 + w_k r[t-lag-k] over the window, less 1; see compound_growth for the weights.

    The window is one of the panel's dates, not of an asset's own rows: a date without a return (NaN) grows by
    nothing but takes its place, so that all assets are compared over the same days. NaN where less than
    min_share of the window has a return, rows before the panel's first counting as without.
    """

    def of_assets(returns: FloatArray) -> FloatArray:
        known = lagged(returns, config.lag)
        growth = compound_growth(known, half_life=config.half_life, window=config.trailing_days)
        observed = enough(np.isfinite(known), config.trailing_days, config.min_share)
        return np.where(observed, growth, np.nan)

    return by_columns(of_assets, returns)


def momentum_scores(context: ScoreContext, config: MomentumConfig) -> Standardized:
    returns = context.inputs.returns
    raw = context.from_history(config.history_rows, lambda rows: raw_momentum(returns[rows], config))
    return context.by_dates(lambda rows: context.standard(rows, raw[context.dates(rows)], config.winsor))
