"""How single assets, and factors among themselves, move with factors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.context import Services
from app.datasets.asset_words import resolve_assets
from app.datasets.service import DatasetRef
from app.datasets.snapshot import open_snapshot
from app.errors import FieldError, InvalidInput
from app.features.exposures.service import engine_faults, prices_of
from app.features.factors.series import FactorRunSeries, dataset_of, get_factor_series
from db.records import DatasetRecord, RunRecord
from engine.exposures import asset_betas as betas
from engine.exposures.asset_betas import AssetBetas
from engine.exposures.correlations import FEWEST_SERIES, MOST_SERIES, Correlations, correlations
from engine.exposures.returns import asset_returns

MOST_ASSETS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetBetasAnswer:
    """betas.assets: in the order asked for, each once; else by id."""

    run: RunRecord
    dataset: DatasetRecord
    betas: AssetBetas


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorCorrelations:
    """runs: in the order of the rows and columns, which correlations.names tells apart."""

    runs: tuple[RunRecord, ...]
    correlations: Correlations


async def asset_betas(
    services: Services,
    run_id: int,
    assets: Sequence[str] | None = None,
    *,
    dataset: DatasetRef | None = None,
    after: str | None = None,
    limit: int = MOST_ASSETS,
) -> AssetBetasAnswer:
    """Univariate betas of assets to one weekly factor run, simple returns, nothing subtracted, each over its
    own complete weeks: NaN for fewer than 52.

    assets: words, at most `limit` of them; None = those of the dataset whose ids come after `after`, by id,
    the first `limit`. dataset: None = the run's, or the default one for an imported run. Field errors are at
    (`assets`, position), `run_ids`, `dataset`. Raises InvalidInput, UnknownAssets, RunNotFound,
    DatasetNotFound, DatasetUnavailable, UndefinedExposures.
    """
    if assets is not None and len(assets) > limit:
        message = f"at most {limit:,} assets can be asked for, not {len(assets):,}"
        raise InvalidInput(message, (FieldError(("assets",), "TOO_MANY", message),))
    (factor,) = await get_factor_series(services, [run_id], fewest=1, most=1)
    record = await dataset_of(services, dataset, [factor.run])
    measured = await asyncio.to_thread(
        _measure, services.settings.datasets_dir, record, factor, assets, after, limit
    )
    return AssetBetasAnswer(run=factor.run, dataset=record, betas=measured)


async def factor_correlations(services: Services, run_ids: Sequence[int]) -> FactorCorrelations:
    """Correlations of the gross returns of 2 to 50 weekly factor runs, over the weeks that all have.

    Raises InvalidInput, RunNotFound, TooFewObservations.
    """
    factors = await get_factor_series(services, run_ids, fewest=FEWEST_SERIES, most=MOST_SERIES)
    with engine_faults():
        found = correlations([factor.series for factor in factors])
    return FactorCorrelations(runs=tuple(factor.run for factor in factors), correlations=found)


def _measure(
    datasets_dir: Path,
    dataset: DatasetRecord,
    factor: FactorRunSeries,
    words: Sequence[str] | None,
    after: str | None,
    limit: int,
) -> AssetBetas:
    panel = open_snapshot(datasets_dir, dataset.fingerprint)
    if words is None:
        # Ids are in ascending order.
        ids = [asset for asset in panel.assets if after is None or asset > after][:limit]
    else:
        ids = list(dict.fromkeys(resolve_assets(panel, words, lambda at: ("assets", str(at)))))
    with engine_faults():
        measured = betas.asset_betas(asset_returns(prices_of(panel, set(ids))), factor.series)
    return _in_order(measured, ids)


def _in_order(measured: AssetBetas, ids: Sequence[str]) -> AssetBetas:
    column_of = {asset: column for column, asset in enumerate(measured.assets)}
    order = [column_of[asset] for asset in ids]
    return AssetBetas(
        assets=tuple(ids),
        alpha=measured.alpha[order],
        beta=measured.beta[order],
        standard_error=measured.standard_error[order],
        t_value=measured.t_value[order],
        p_value=measured.p_value[order],
        lower=measured.lower[order],
        upper=measured.upper[order],
        r_squared=measured.r_squared[order],
        observations=measured.observations[order],
    )
