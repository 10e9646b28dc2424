"""What a risk model forecasts, date by date: exposures, factor covariances and specific risk together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.panel import DateArray, FloatArray
from engine.risk.covariance import FactorCovariance
from engine.risk.cross_section import BoolArray
from engine.risk.forecast import RiskForecast
from engine.risk.specific_risk import SpecificRisk


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Forecasts for N assets by F factors at the end of M dates, each from what was known by then.

    rows: (M,) positions among the model's dates, dates (M,) theirs. covariance, specific: at these rows.
    styles: (M, N, K) scores, 0 where a style has none for an asset, NaN where it has no price. sectors:
    (M, N) index into the model's sectors, -1 = unknown or no sectors. caps: (M, N) USD, NaN = unknown.
    universe: (M, N) the estimation universe.
    """

    assets: tuple[str, ...]
    rows: NDArray[np.int64]
    dates: DateArray
    covariance: FactorCovariance
    specific: SpecificRisk
    styles: FloatArray
    sectors: NDArray[np.integer]
    caps: FloatArray
    universe: BoolArray

    @property
    def sector_count(self) -> int:
        return len(self.covariance.names) - 1 - int(self.styles.shape[2])

    def exposures(self, at: int) -> FloatArray:
        """(N, F) at the end of forecast date `at`: 1 to the market, 1 to the asset's sector, its scores. An
        asset of an unknown sector has the market's risk alone; one without a price is NaN."""
        count = self.sector_count
        sectors = self.sectors[at]
        exposures = np.zeros((len(self.assets), len(self.covariance.names)))
        exposures[:, 0] = 1.0
        known = np.flatnonzero(sectors >= 0)
        exposures[known, 1 + sectors[known]] = 1.0
        exposures[:, 1 + count :] = self.styles[at]
        exposures[~np.isfinite(self.specific.volatilities[at])] = np.nan
        return exposures

    def forecast(self, at: int) -> RiskForecast:
        """What portfolios read of forecast date `at`."""
        return RiskForecast(
            assets=self.assets,
            factors=self.covariance.names,
            exposures=self.exposures(at),
            covariance=self.covariance.matrices[at],
            specific=self.specific.volatilities[at],
        )


def covariance_at(covariance: FactorCovariance, rows: NDArray[np.int64]) -> FactorCovariance:
    """The same at some of its rows."""
    at = np.searchsorted(covariance.rows, rows)
    return replace(
        covariance,
        rows=rows,
        dates=covariance.dates[at],
        matrices=covariance.matrices[at],
        volatilities=covariance.volatilities[at],
        regime_multipliers=covariance.regime_multipliers[at],
        eigenfactor_biases=covariance.eigenfactor_biases[at],
        observations=covariance.observations[at],
    )


def specific_at(specific: SpecificRisk, rows: NDArray[np.int64]) -> SpecificRisk:
    """The same at some of its rows."""
    at = np.searchsorted(specific.rows, rows)
    return replace(
        specific,
        rows=rows,
        dates=specific.dates[at],
        volatilities=specific.volatilities[at],
        own=specific.own[at],
        peer=specific.peer[at],
        peer_shares=specific.peer_shares[at],
        regime_multipliers=specific.regime_multipliers[at],
        observations=specific.observations[at],
    )
