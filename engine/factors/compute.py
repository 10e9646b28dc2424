"""From a panel and a config to a factor's returns, compositions and performance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.factors.config import ExtremeReturns, FactorConfig, LongSide
from engine.factors.costs import Trading, net_returns, trading
from engine.factors.eligibility import IntArray, require_selectors
from engine.factors.formation import Formation, form_portfolios, long_side
from engine.factors.market_returns import MarketReturns, market_returns
from engine.factors.models.market import MarketConfig
from engine.factors.performance import Performance, performance
from engine.factors.portfolio import LegHoldings, is_extreme, leg_returns
from engine.factors.registry import needed_fields
from engine.factors.research.ranks import rank_ic
from engine.factors.return_history import ReturnHistory
from engine.panel import DateArray, FloatArray, Panel
from engine.periods import PeriodPanel, build_periods, with_lags
from engine.statistics.undefined import Undefined, UndefinedReason


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorResult:
    """R reported periods of a factor.

    dates, formation_dates: (R,) end of each period and of the one before it, when its portfolio was formed.
    factor, long, short: (R,) simple returns; short is that of holding the short leg long, None where there
    is none. net: (R,) factor returns after costs, None where the config has no costs.
    ics: (R,) Spearman correlation of signal and return, positive = the long leg wins; NaN = undefined.
    market: (P,) the market factor's return in each grid period, NaN = none.
    """

    config: FactorConfig
    periods: PeriodPanel
    rows: IntArray
    dates: DateArray
    formation_dates: DateArray
    factor: FloatArray
    long: FloatArray
    short: FloatArray | None
    net: FloatArray | None
    trading: Trading
    ics: FloatArray
    market: FloatArray
    signals: FloatArray
    long_leg: LegHoldings
    short_leg: LegHoldings | None
    performance: Performance
    net_performance: Performance | None


def compute_factor(panel: Panel, config: FactorConfig, *, periods: PeriodPanel | None = None) -> FactorResult:
    """Compute a factor model.

    `periods` may be given when the panel was aggregated before: the config's grid, with the needed fields and
    without lags. Point-in-time: the portfolio of period t depends on grid rows up to t-1 and on the calendar
    alone. Raises MissingField, InvalidConfig (unknown assets), NoPeriods, InfeasibleMaxWeight.
    """
    fields = needed_fields(config, panel.fields)
    require_selectors(config, panel.assets, panel.attributes)
    if periods is None:
        periods = build_periods(panel, config.rebalance, fields)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        periods = with_lags(
            periods, execution_lag=config.execution_lag_days, publication_lag=config.publication_lag_days
        )
        formation = form_portfolios(periods, config)
        return _result(periods, formation, config)


def _result(periods: PeriodPanel, formation: Formation, config: FactorConfig) -> FactorResult:
    rows, ends = formation.rows, periods.grid.ends
    market = market_returns(periods, config)
    signals = formation.signals(len(periods.panel.assets))
    ics = information_coefficients(periods, rows, signals, config)
    gross = gross_history(periods, formation, config, ics=ics, market=_on_own_periods(market, rows, config))
    net = net_history(gross, config) if config.has_costs else None
    return FactorResult(
        config=config,
        periods=periods,
        rows=rows,
        dates=gross.dates,
        formation_dates=ends[rows],
        factor=gross.returns,
        long=leg_returns(formation.long_leg(config), config),
        short=gross.short_returns,
        net=None if net is None else net.returns,
        trading=gross.trading,
        ics=ics,
        market=market.returns,
        signals=signals,
        long_leg=formation.long_leg(config),
        short_leg=formation.short_leg(config),
        performance=performance(gross),
        net_performance=None if net is None else performance(net),
    )


def gross_history(
    periods: PeriodPanel,
    formation: Formation,
    config: FactorConfig,
    *,
    ics: FloatArray,
    market: FloatArray | Undefined,
) -> ReturnHistory:
    """What the portfolios earned before costs, and what they traded. ics, market: see ReturnHistory."""
    rows, grid = formation.rows, periods.grid
    long_leg, short_leg = formation.long_leg(config), formation.short_leg(config)
    legs = [long_leg] if short_leg is None else [long_leg, short_leg]
    long = leg_returns(long_leg, config)
    short = None if short_leg is None else leg_returns(short_leg, config)
    returns = long if short is None else long - short
    return ReturnHistory(
        dates=grid.ends[rows + 1],
        start=grid.ends[rows[0]],
        returns=returns,
        gross_returns=returns,
        long_returns=long,
        short_returns=short,
        trading=trading(rows, long_leg, short_leg, periods, config),
        ics=ics,
        market=market,
        periods_per_year=grid.periods_per_year,
        grid_periods=int(rows[-1] - rows[0]) + 1,
        skipped_periods=formation.skipped,
        missing_returns=sum(int(np.isnan(leg.period_returns).sum()) for leg in legs),
        extreme_returns=sum(int(is_extreme(leg.period_returns, config).sum()) for leg in legs),
        breadth=sum(len(leg.assets) for leg in legs) / len(rows),
        long_hhi=_latest_hhi(long_leg),
        short_hhi=None if short_leg is None else _latest_hhi(short_leg),
    )


def net_history(gross: ReturnHistory, config: FactorConfig) -> ReturnHistory:
    """The same after costs, which are the factor's: legs have no net returns."""
    net = net_returns(gross.returns, gross.trading, config)
    return replace(gross, returns=net, long_returns=None, short_returns=None)


def information_coefficients(
    periods: PeriodPanel, rows: IntArray, signals: FloatArray, config: FactorConfig
) -> FloatArray:
    """(R,) rank correlation of signal (R, N) and realised return over the eligible assets that have both,
    positive where the long leg wins; NaN with fewer than 3 of them. Excluded extreme returns take no part."""
    prices = periods.execution_prices
    realised = prices[rows + 1] / prices[rows] - 1.0
    if config.extreme_returns is ExtremeReturns.EXCLUDE:
        realised[is_extreme(realised, config)] = np.nan
    return rank_ic(signals, realised, sign=signal_sign(config))


def signal_sign(config: FactorConfig) -> int:
    """1 where the long leg is the high end of the signal, -1 where it is the low end."""
    return 1 if long_side(config) is LongSide.HIGH else -1


def _on_own_periods(market: MarketReturns, rows: IntArray, config: FactorConfig) -> FloatArray | Undefined:
    if isinstance(config, MarketConfig):
        return Undefined(UndefinedReason.IS_MARKET, "the market factor is not measured against itself")
    if market.absence is not None:
        return Undefined(UndefinedReason.NO_MARKET, market.absence)
    return market.returns[rows + 1]


def _latest_hhi(leg: LegHoldings) -> float:
    """Herfindahl-Hirschman index of the latest leg: 1 / k for k equal weights, 1 for a single asset."""
    return float((leg.weights[leg.offsets[-2] :] ** 2).sum())
