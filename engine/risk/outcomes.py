"""What came after a risk model's forecasts: portfolios held from one forecast to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.panel import FloatArray
from engine.risk.outlook import Outlook
from engine.risk.validation import BiasStatistics, bias_statistics, period_forecasts, period_returns
from engine.risk.validation_portfolios import (
    factor_portfolios,
    first_in_order,
    random_orders,
    sector_portfolios,
)

FEWEST_PERIODS = 12
"""Periods without which a bias statistic says little: 95 % of right ones lie within 0.6 and 1.4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """P portfolios over M periods. returns: (P, M) fractions over each period. forecasts: (P, M) volatilities
    of them by the model at its start; 0 where nobody could be held."""

    names: tuple[str, ...]
    returns: FloatArray
    forecasts: FloatArray
    statistics: BiasStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Out of sample, over M periods. starts: (M,) rows of the forecasts, ends: (M,) the last rows of the
    periods, among the model's dates. random: portfolios of random assets. styles: long-short portfolios of
    the style scores, sectors: of all assets of each sector; None where the model has none."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    random: Outcomes
    styles: Outcomes | None
    sectors: Outcomes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TooFewPeriods:
    """Why there is no validation: so many periods lie between forecasts, `needed` are needed."""

    periods: int
    needed: int = FEWEST_PERIODS


def validate(
    outlook: Outlook,
    returns: FloatArray,
    days_per_year: int,
    *,
    random_count: int,
    random_size: int,
    seed: int,
) -> Validation | TooFewPeriods:
    """Bias statistics of portfolios bought at each forecast date and held to the next one.

    returns: (T, N) of all the model's dates, fractions, NaN = missing, which earns 0. The portfolios are of
    assets of the estimation universe that have a forecast, by the caps of the forecast date. Forecasts are
    those of the outlook: without the eigenfactor adjustment where only the latest date has it.
    """
    periods = len(outlook.rows) - 1
    if periods < FEWEST_PERIODS:
        return TooFewPeriods(periods=max(periods, 0))
    sectors, factors = outlook.sector_count, outlook.covariance.names
    names = (*(f"random {number}" for number in range(1, random_count + 1)), *factors[1:])
    earned, forecasts = np.empty((len(names), periods)), np.empty((len(names), periods))
    orders = random_orders(random_count, len(outlook.assets), seed)
    for at in range(periods):
        held = slice(int(outlook.rows[at]) + 1, int(outlook.rows[at + 1]) + 1)
        weights = _portfolios(outlook, at, orders, random_size)
        earned[:, at] = period_returns(weights, returns[held])
        forecasts[:, at] = period_forecasts(
            weights,
            outlook.exposures(at),
            outlook.covariance.matrices[at],
            outlook.specific.volatilities[at],
            held.stop - held.start,
            days_per_year,
        )

    def outcomes(first: int, count: int) -> Outcomes:
        own = slice(first, first + count)
        return Outcomes(
            names=names[own],
            returns=earned[own],
            forecasts=forecasts[own],
            statistics=bias_statistics(earned[own], forecasts[own]),
        )

    styles = len(factors) - 1 - sectors
    return Validation(
        starts=outlook.rows[:-1],
        ends=outlook.rows[1:],
        random=outcomes(0, random_count),
        sectors=outcomes(random_count, sectors) if sectors else None,
        styles=outcomes(random_count + sectors, styles) if styles else None,
    )


def _portfolios(outlook: Outlook, at: int, orders: NDArray[np.int32], size: int) -> FloatArray:
    """(P, N) weights at forecast date `at`: random, sectors, styles."""
    caps, sectors = outlook.caps[at], outlook.sectors[at]
    eligible = outlook.universe[at] & np.isfinite(outlook.specific.volatilities[at])
    return np.concatenate(
        [
            first_in_order(orders, caps, eligible, size),
            sector_portfolios(caps, sectors, outlook.sector_count, eligible),
            factor_portfolios(caps, outlook.styles[at], eligible),
        ]
    )
