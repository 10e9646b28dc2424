"""What a stored risk model says of single assets on one date, and their specific returns over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.features.risk.arrays import RiskArrays, exposures_at
from app.features.risk.results import RiskModelResults
from engine.panel import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetExposures:
    """One asset at the end of one date. exposures: (F,). missing_styles: those whose score does not exist and
    counts as 0. sector: None = unknown, or the model has none. estimates: None where the date is no forecast
    date, on which alone it is kept who is in the estimation universe."""

    ordinal: int
    exposures: FloatArray
    missing_styles: tuple[str, ...]
    sector: str | None
    estimates: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRisk:
    """One asset on one forecast date, as in engine.risk.specific_risk: annualized, own NaN where its specific
    returns are too few."""

    ordinal: int
    volatility: float
    own: float
    peer: float
    peer_share: float
    observations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureTable:
    """exposures: (N, F) at the end of date `row`; NaN for an asset without a price."""

    results: RiskModelResults
    arrays: RiskArrays
    row: int
    exposures: FloatArray

    def known(self) -> NDArray[np.int64]:
        """Ordinals of the assets that have exposures, ascending."""
        return np.flatnonzero(np.isfinite(self.exposures).all(axis=1)).astype(np.int64)

    def of(self, ordinals: Sequence[int]) -> list[AssetExposures]:
        """In that order; NaN for an asset without a price."""
        results, chosen = self.results, np.asarray(ordinals, dtype=np.int64)
        missing = np.asarray(self.arrays.missing_scores[self.row])[chosen]
        sectors = np.asarray(self.arrays.sectors)
        codes = sectors[self.row if len(sectors) > 1 else 0][chosen]
        at = int(np.searchsorted(results.forecast_rows, self.row))
        forecast = at < len(results.forecast_rows) and int(results.forecast_rows[at]) == self.row
        estimates = np.asarray(self.arrays.estimation_universe[at])[chosen].tolist() if forecast else None
        return [
            AssetExposures(
                ordinal=int(ordinal),
                exposures=self.exposures[ordinal],
                missing_styles=tuple(
                    style for style, absent in zip(results.styles, missing[place], strict=True) if absent
                ),
                sector=results.sectors[codes[place]] if 0 <= codes[place] < len(results.sectors) else None,
                estimates=None if estimates is None else estimates[place],
            )
            for place, ordinal in enumerate(chosen)
        ]


def exposure_table(results: RiskModelResults, arrays: RiskArrays, row: int) -> ExposureTable:
    """Reads files: not for the event loop's thread."""
    return ExposureTable(
        results=results, arrays=arrays, row=row, exposures=exposures_at(results, arrays, row)
    )


def with_specific_risk(arrays: RiskArrays, at: int) -> NDArray[np.int64]:
    """Ordinals of the assets that have a forecast on forecast date `at`, ascending."""
    return np.flatnonzero(np.isfinite(arrays.specific_risk[at])).astype(np.int64)


def specific_risks_of(arrays: RiskArrays, at: int, ordinals: Sequence[int]) -> list[AssetRisk]:
    """On forecast date `at`, in that order; NaN for an asset without a forecast."""
    chosen = np.asarray(ordinals, dtype=np.int64)
    columns = (
        np.asarray(values[at])[chosen].tolist()
        for values in (
            arrays.specific_risk,
            arrays.own_specific_risk,
            arrays.peer_specific_risk,
            arrays.peer_shares,
            arrays.specific_observations,
        )
    )
    return [
        AssetRisk(
            ordinal=ordinal,
            volatility=volatility,
            own=own,
            peer=peer,
            peer_share=share,
            observations=observations,
        )
        for ordinal, volatility, own, peer, share, observations in zip(chosen.tolist(), *columns, strict=True)
    ]


def specific_returns_of(arrays: RiskArrays, ordinals: Sequence[int]) -> FloatArray:
    """(T, n) in that order, fractions a row, NaN = none. Reads files: not for the event loop's thread."""
    return np.asarray(arrays.specific_returns[:, np.asarray(ordinals, dtype=np.int64)])
