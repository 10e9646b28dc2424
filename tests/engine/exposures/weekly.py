"""Seeded weekly series for the tests of exposures."""

from __future__ import annotations

import numpy as np

from engine.exposures.portfolio import PortfolioReturns
from engine.exposures.returns import FactorSeries

FIRST_WEEK = np.datetime64("2021-01-03")


def weeks(count: int, start: np.datetime64 = FIRST_WEEK) -> np.ndarray:
    return start + 7 * np.arange(count)


def factor(
    name: str, seed: int, count: int = 120, *, long_only: bool = False, shift: int = 0
) -> FactorSeries:
    """Returns by a seed, the first week `shift` weeks after FIRST_WEEK."""
    returns = np.random.default_rng(seed).normal(0.002, 0.03, count)
    return FactorSeries(
        name=name, weeks=weeks(count, FIRST_WEEK + 7 * shift), returns=returns, long_only=long_only
    )


def portfolio(returns, *, net_weight: float = 1.0, scarcest: str | None = None) -> PortfolioReturns:
    returns = np.asarray(returns, dtype=float)
    return PortfolioReturns(
        weeks=weeks(len(returns)), returns=returns, net_weight=net_weight, scarcest_asset=scarcest
    )


def noise(seed: int, count: int = 120, scale: float = 0.01) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, scale, count)
