"""All that a referee would ask of a factor's result beside its metrics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.factors.compute import FactorResult, signal_sign
from engine.factors.formation import reported_rows
from engine.factors.portfolio import earned_returns
from engine.factors.research.extremes import Extremes, extremes
from engine.factors.research.quantiles import (
    QuantileAnalysis,
    analyse_quantiles,
    quantile_returns,
    quantile_spread,
)
from engine.factors.research.signal_decay import (
    HorizonIC,
    half_life,
    horizon_ic,
    ic_decay,
    signal_autocorrelation,
)
from engine.factors.research.subperiods import Subperiod, subperiods
from engine.factors.research.target import TargetPortfolio, target_portfolio
from engine.panel import FloatArray
from engine.statistics.bootstrap import ConfidenceInterval, confidence_intervals
from engine.statistics.undefined import Undefined

MAX_HORIZON = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalPersistence:
    """How long a signal ranks assets alike.

    autocorrelation: mean rank correlation of consecutive signals, None where there are none.
    half_life_periods: after which it has halved, None unless it decays.
    """

    autocorrelation: float | None
    half_life_periods: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Research:
    """What is known about a result of R periods beyond its metrics; empty tuples and None = not defined.

    decay: over 1 to 8 periods; that over 1 is the run's IC, without excluded extreme returns.
    bucket_returns: (R, Q) of the quantile portfolios, NaN in periods with fewer assets than buckets.
    spread_returns: (R,) of the bucket at the long end minus that at the other. signal_autocorrelations: (R,).
    """

    confidence: tuple[ConfidenceInterval, ...]
    net_confidence: tuple[ConfidenceInterval, ...]
    quantiles: QuantileAnalysis
    persistence: SignalPersistence
    decay: tuple[HorizonIC, ...]
    subperiods: tuple[Subperiod, ...]
    extremes: Extremes
    target: TargetPortfolio
    bucket_returns: FloatArray
    spread_returns: FloatArray
    signal_autocorrelations: FloatArray


@np.errstate(divide="ignore", invalid="ignore", over="ignore")  # what overflows comes out as not defined
def analyse(result: FactorResult) -> Research:
    """Research of a computed factor; see the modules that it calls for the definitions."""
    periods, config, rows = result.periods, result.config, result.rows
    ppy = periods.grid.periods_per_year
    prices = periods.execution_prices
    sign = signal_sign(config)
    realised = prices[rows + 1] / prices[rows] - 1.0
    buckets = quantile_returns(result.signals, earned_returns(realised, config), config.quantiles)
    autocorrelations = signal_autocorrelation(result.signals, rows)
    last_row = int(reported_rows(periods, config)[-1]) + 1
    later = ic_decay(result.signals, rows, prices, last_row, sign, horizons=range(2, MAX_HORIZON + 1))
    known = autocorrelations[~np.isnan(autocorrelations)]
    persistence = float(known.mean()) if len(known) else None
    return Research(
        confidence=_intervals(result.factor, ppy),
        net_confidence=() if result.net is None else _intervals(result.net, ppy),
        quantiles=analyse_quantiles(result.dates, buckets, sign, ppy),
        persistence=SignalPersistence(
            autocorrelation=persistence,
            half_life_periods=None if persistence is None else half_life(persistence),
        ),
        decay=(horizon_ic(1, result.ics), *later),
        subperiods=subperiods(result),
        extremes=extremes(result),
        target=target_portfolio(result),
        bucket_returns=buckets,
        spread_returns=quantile_spread(buckets, sign),
        signal_autocorrelations=autocorrelations,
    )


def _intervals(returns: FloatArray, periods_per_year: int) -> tuple[ConfidenceInterval, ...]:
    try:
        return confidence_intervals(returns, periods_per_year)
    except Undefined:
        return ()
