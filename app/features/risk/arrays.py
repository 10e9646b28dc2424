"""The arrays of a finished risk model that have a number an asset: files, mapped and checked when opened."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.context import Services
from app.datasets.known_assets import known_assets
from app.errors import ArtifactUnavailable, DatasetNotFound, RunNotFound
from app.features.risk.documents import ARTIFACT_ARRAYS
from app.features.risk.results import RiskModelResults
from app.storage.artifacts.reader import open_artifact
from db import datasets as dataset_store
from db.records import ArtifactRecord
from db.runs import artifacts as artifact_store
from db.runs import read as run_queries
from engine.panel import FloatArray
from engine.risk.cross_section import BoolArray
from engine.risk.forecast import RiskForecast


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskArrays:
    """Of N assets, T dates and M forecast dates; read-only maps of files that only those read who use them.

    assets: (N,) ids, in the dataset's order. scores, missing_scores: (T, N, K) at the end of each date; 0
    where missing, NaN where an asset has no price. specific_returns: (T, N). sectors: (T, N), or (1, N) where
    no sector ever changes: index into the model's sectors, -1 = unknown or none. specific_risk: (M, N), NaN
    without a price. own_specific_risk, peer_specific_risk, peer_shares, specific_observations (M, N): as in
    engine.risk.specific_risk. market_caps: (M, N) USD, NaN = unknown. estimation_universe: (M, N).
    """

    assets: tuple[str, ...]
    scores: FloatArray
    missing_scores: BoolArray
    specific_returns: FloatArray
    sectors: NDArray[np.int32]
    specific_risk: FloatArray
    own_specific_risk: FloatArray
    peer_specific_risk: FloatArray
    peer_shares: FloatArray
    specific_observations: NDArray[np.int32]
    market_caps: FloatArray
    estimation_universe: BoolArray

    def sectors_at(self, row: int) -> NDArray[np.int32]:
        """(N,) at the end of a date."""
        return np.asarray(self.sectors[row if len(self.sectors) > 1 else 0])


async def open_risk_arrays(services: Services, run_id: int) -> RiskArrays:
    """The arrays of a finished risk model. The first time in a process that takes seconds where they are
    large: each file is read whole and compared with its hash.

    Raises RunNotFound, DatasetNotFound, ArtifactUnavailable.
    """
    run = (await run_queries.get_runs(services.store, [run_id])).get(run_id)
    if run is None:
        raise RunNotFound(f"there is no run {run_id}")
    if run.dataset_id is None:
        raise DatasetNotFound(f"run {run_id} has no dataset")
    dataset = (await dataset_store.get_datasets(services.store, [run.dataset_id])).get(run.dataset_id)
    if dataset is None:
        raise DatasetNotFound(f"the dataset of run {run_id} is gone")
    assets = (await known_assets(services.store, dataset)).assets
    records = await artifact_store.get_artifacts(services.store, run_id)
    return await asyncio.to_thread(opened_arrays, services.settings.data_dir, assets, records)


def opened_arrays(
    data_dir: Path, assets: tuple[str, ...], records: Mapping[str, ArtifactRecord]
) -> RiskArrays:
    """Raises ArtifactUnavailable, also for arrays that do not fit each other."""
    for name in ARTIFACT_ARRAYS:
        if name not in records:
            raise ArtifactUnavailable(
                f"the run has no array {name!r}", hint="it is no risk model, or one that has not finished"
            )
    _require_shapes(records, len(assets))
    return RiskArrays(
        assets=assets, **{name: open_artifact(data_dir, records[name]) for name in ARTIFACT_ARRAYS}
    )


def exposures_at(results: RiskModelResults, arrays: RiskArrays, row: int) -> FloatArray:
    """(N, F) at the end of date `row` of the model's: 1 to the market, 1 to the asset's sector, its scores.

    An asset of an unknown sector has the market's and the styles' alone; one without a price is NaN, on a
    date without forecasts as far as there is a style to tell. On forecast dates as the engine's
    Outlook.exposures. Raises ArtifactUnavailable for arrays of another model.
    """
    _require_fit(results, arrays)
    row = range(len(results.dates))[row]
    first_style = 1 + len(results.sectors)
    exposures = np.zeros((len(arrays.assets), len(results.factors)))
    exposures[:, 0] = 1.0
    sectors = arrays.sectors_at(row)
    if sectors.max(initial=-1) >= len(results.sectors):
        raise _unfitting("sectors")
    known = np.flatnonzero(sectors >= 0)
    exposures[known, 1 + sectors[known]] = 1.0
    exposures[:, first_style:] = arrays.scores[row]
    at = int(np.searchsorted(results.forecast_rows, row))
    if at < len(results.forecast_rows) and results.forecast_rows[at] == row:
        unpriced = ~np.isfinite(arrays.specific_risk[at])
    else:
        unpriced = np.isnan(exposures).any(axis=1)
    exposures[unpriced] = np.nan
    return exposures


def forecast_at(results: RiskModelResults, arrays: RiskArrays, at: int) -> RiskForecast:
    """What portfolios read of forecast date `at` (from 0, negative = from the last), as the engine's
    Outlook.forecast. Raises ArtifactUnavailable for arrays of another model."""
    at = range(len(results.forecast_rows))[at]
    return RiskForecast(
        assets=arrays.assets,
        factors=results.factors,
        exposures=exposures_at(results, arrays, int(results.forecast_rows[at])),
        covariance=results.covariance.matrices[at],
        specific=np.asarray(arrays.specific_risk[at]),
    )


def _require_shapes(records: Mapping[str, ArtifactRecord], assets: int) -> None:
    """All of one model of so many assets, each of its type."""
    lengths: dict[str, int] = {"N": assets}
    for name, (dtype, axes) in ARTIFACT_ARRAYS.items():
        record = records[name]
        if record.dtype != dtype or len(record.shape) != len(axes):
            raise _unfitting(name)
        for axis, length in zip(axes, record.shape, strict=True):
            if (axis, length) != ("S", 1) and lengths.setdefault(axis.replace("S", "T"), length) != length:
                raise _unfitting(name)


def _require_fit(results: RiskModelResults, arrays: RiskArrays) -> None:
    dates, assets, styles = arrays.scores.shape
    expected = (len(results.dates), results.asset_count, len(results.styles))
    if (dates, assets, styles) != expected:
        raise _unfitting("scores")
    if len(arrays.specific_risk) != len(results.forecast_rows):
        raise _unfitting("specific_risk")


def _unfitting(name: str) -> ArtifactUnavailable:
    return ArtifactUnavailable(
        f"the array {name!r} does not fit the run's risk model", hint="compute the run again"
    )
