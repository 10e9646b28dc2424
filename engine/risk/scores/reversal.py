"""Short-term reversal: last month's losers tend to recover (Jegadeesh 1990,
doi:10.1111/j.1540-6261.1990.tb05110.x)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.config import option
from engine.panel import FloatArray
from engine.risk.cross_section import Standardized
from engine.risk.scores.config import HALF_LIFE_TEXT, WINDOW_TEXT, StyleConfig, StyleName, min_share_option
from engine.risk.scores.inputs import ScoreContext
from engine.risk.scores.windows import by_columns, enough, weighted_sums


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversalConfig(StyleConfig):
    style = StyleName.REVERSAL

    trailing_days: int = option(21, 2, 252, WINDOW_TEXT)
    half_life: float = option(5.0, 0.5, 252.0, HALF_LIFE_TEXT)
    min_share: float = min_share_option()

    @property
    def history_rows(self) -> int:
        return self.trailing_days - 1


def raw_reversal(returns: FloatArray, config: ReversalConfig) -> FloatArray:
    """(T, N) minus the weighted sum of ln(1 + r) over the window, the newest with weight 1.

    Missing returns (NaN, or a loss of everything) count as 0; NaN where less than min_share of the window has
    one.
    """

    def of_assets(returns: FloatArray) -> FloatArray:
        known = np.isfinite(returns) & (returns > -1.0)
        logs = np.log1p(returns, out=np.zeros(returns.shape), where=known)
        sums = weighted_sums(logs, half_life=config.half_life, window=config.trailing_days)
        return np.where(enough(known, config.trailing_days, config.min_share), -sums, np.nan)

    return by_columns(of_assets, returns)


def reversal_scores(context: ScoreContext, config: ReversalConfig) -> Standardized:
    returns = context.inputs.returns
    raw = context.from_history(config.history_rows, lambda rows: raw_reversal(returns[rows], config))
    return context.by_dates(lambda rows: context.standard(rows, raw[context.dates(rows)], config.winsor))
