"""A small panel and options that fit it, on which jobs are warmed up."""

from __future__ import annotations

import numpy as np

from engine.config import options_of
from engine.factors.registry import FACTORS, FactorName
from engine.panel import DAU, FEES, MARKET_CAP, PRICE, REVENUE, VOLUME, Calendar, Panel


def toy_panel(*, dates: int = 120, assets: int = 12) -> Panel:
    values = 1e4 * (2 + np.sin(np.arange(dates)[:, None] * np.arange(1, assets + 1)))
    return Panel(
        dates=np.datetime64("2001-01-01") + np.arange(dates),
        assets=tuple(f"{number:03}" for number in range(assets)),
        fields=dict.fromkeys((PRICE, MARKET_CAP, VOLUME, FEES, DAU, REVENUE), values),
        calendar=Calendar.EVERY_DAY,
    )


def toy_options(factor: FactorName) -> dict[str, object]:
    size = "top_n" if "top_n" in options_of(FACTORS[factor].config_type) else "min_assets"
    return {size: 5, "market_cap_threshold": None, "liquidity_threshold": None}
