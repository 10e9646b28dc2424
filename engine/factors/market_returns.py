"""The market factor that other factors are measured against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import NoPeriods
from engine.factors.config import FactorConfig, LongSide
from engine.factors.formation import form_portfolios
from engine.factors.models.market import MarketConfig
from engine.factors.portfolio import leg_returns
from engine.panel import MARKET_CAP, FloatArray
from engine.periods import PeriodPanel


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketReturns:
    """returns: (P,) the market factor's return in each grid period, NaN where it held nothing.

    absence: why there is none at all, in a few words; None if there is.
    """

    returns: FloatArray
    absence: str | None = None


def market_returns(periods: PeriodPanel, config: FactorConfig) -> MarketReturns:
    """The market factor with its own defaults on the grid, lags, filters and missing returns of `config`.

    All of the dataset is its universe, whatever the config's: it is the market of what could be held.
    """
    returns = np.full(len(periods.grid), np.nan)
    if MARKET_CAP not in periods.fields:
        return MarketReturns(returns=returns, absence="the dataset has no market caps")
    market = MarketConfig(
        market_cap_threshold=config.market_cap_threshold,
        liquidity_threshold=config.liquidity_threshold,
        min_lifetime_days=config.min_lifetime_days,
        rebalance=config.rebalance,
        missing_return=config.missing_return,
    )
    try:
        formation = form_portfolios(periods, market)
    except NoPeriods as error:
        return MarketReturns(returns=returns, absence=str(error))
    returns[formation.rows + 1] = leg_returns(formation.legs[LongSide.HIGH], market)
    return MarketReturns(returns=returns)
