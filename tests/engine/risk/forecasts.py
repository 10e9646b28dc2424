"""Risk forecasts for the tests of portfolios, and their dense covariance matrices."""

from __future__ import annotations

import numpy as np

from engine.risk.forecast import RiskForecast


def forecast_of(exposures, covariance, specific) -> RiskForecast:
    exposures, specific = np.asarray(exposures, dtype=float), np.asarray(specific, dtype=float)
    return RiskForecast(
        assets=tuple(f"A{at}" for at in range(len(specific))),
        factors=tuple(f"F{at}" for at in range(exposures.shape[1])),
        exposures=exposures,
        covariance=np.asarray(covariance, dtype=float),
        specific=specific,
    )


def random_forecast(seed: int, assets: int, factors: int, *, rank: int | None = None) -> RiskForecast:
    """A market factor, the others around 0; `rank` below `factors` gives a singular factor covariance."""
    random = np.random.default_rng(seed)
    exposures = random.normal(size=(assets, factors))
    exposures[:, 0] = 1.0
    root = random.normal(size=(factors, rank or factors)) * 0.1
    return forecast_of(exposures, root @ root.T, random.uniform(0.1, 0.5, assets))


def dense(forecast: RiskForecast) -> np.ndarray:
    """(N, N) covariance of returns; small N only."""
    return forecast.exposures @ forecast.covariance @ forecast.exposures.T + np.diag(forecast.specific**2)
