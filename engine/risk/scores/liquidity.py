"""Liquidity: how much of an asset's market cap is traded (Menchero, Orr and Wang 2011, USE4, "Liquidity")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.config import option
from engine.errors import ConfigFault
from engine.panel import VOLUME, FloatArray
from engine.risk.cross_section import Standardized
from engine.risk.scores.config import StyleConfig, StyleName, min_share_option
from engine.risk.scores.inputs import ScoreContext
from engine.risk.scores.windows import CACHE_BYTES, by_columns, counts_within, sums_over

WINDOW_WEIGHTS = (0.35, 0.35, 0.30)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidityConfig(StyleConfig):
    style = StyleName.LIQUIDITY

    month_days: int = option(21, 1, 2_520, "Rows of the shortest window; its turnover weighs 0.35")
    quarter_days: int = option(63, 1, 2_520, "Rows of the middle window; its turnover weighs 0.35")
    year_days: int = option(252, 1, 2_520, "Rows of the longest window; its turnover weighs 0.30")
    min_share: float = min_share_option()

    def _cross_faults(self) -> list[ConfigFault]:
        if self.month_days < self.quarter_days < self.year_days:
            return []
        message = "month_days, quarter_days and year_days must grow in this order"
        return [ConfigFault("quarter_days", "NOT_ASCENDING", message)]

    @property
    def history_rows(self) -> int:
        return self.year_days - 1

    @property
    def required_fields(self) -> tuple[str, ...]:
        return (VOLUME,)


def raw_liquidity(volume: FloatArray, caps: FloatArray, config: LiquidityConfig) -> FloatArray:
    """(T, N) weighted mean of ln of the mean daily volume / cap, both in USD, over the three windows.

    A window counts where at least min_share of its rows have both and something was traded; of those that do
    not count, the weight goes to the others. NaN where none does, as for a negative volume.
    """
    windows = (config.month_days, config.quarter_days, config.year_days)

    def of_assets(volume: FloatArray, caps: FloatArray) -> FloatArray:
        known = (volume >= 0) & (volume < np.inf) & (caps > 0)
        turnover = np.divide(volume, caps, out=np.zeros(caps.shape), where=known)
        so_far = np.cumsum(known, axis=0, dtype=np.int32)
        total, weights = np.zeros(caps.shape), np.zeros(caps.shape)
        for mean, window, weight in zip(sums_over(turnover, windows), windows, WINDOW_WEIGHTS, strict=True):
            count = counts_within(so_far, window)
            mean /= np.maximum(count, 1)
            counts = (count >= config.min_share * window) & (mean > 0)
            np.log(mean, out=mean, where=counts)
            mean *= weight
            np.add(total, mean, out=total, where=counts)
            weights += weight * counts
        return np.asarray(np.divide(total, weights, out=np.full(caps.shape, np.nan), where=weights > 0))

    return by_columns(of_assets, volume, caps, block_bytes=CACHE_BYTES)


def liquidity_scores(context: ScoreContext, config: LiquidityConfig) -> Standardized:
    volume, caps = context.inputs.fields[VOLUME], context.inputs.caps
    raw = context.from_history(
        config.history_rows, lambda rows: raw_liquidity(volume[rows], caps[rows], config)
    )
    return context.by_dates(lambda rows: context.standard(rows, raw[context.dates(rows)], config.winsor))
