"""The factor models on a few equities: on a dataset that has them all, or on one fetched from Yahoo."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.context import Services
from app.datasets.service import DatasetRef
from app.errors import FieldError, InvalidInput, MissingField
from app.features.factors.service import launch_factor
from app.features.legacy.fetched import fetched_dataset
from app.runs.awaited import RunFailed, await_success
from app.sources.names import SourceName
from db import datasets as dataset_store
from db.records import DatasetRecord, RunRecord
from engine.errors import NoPeriods
from engine.factors.registry import FactorName
from engine.panel import Calendar

MAX_TICKERS = 100
MIN_RANKED = 5
"""Assets without which the engine ranks nothing."""
_MARKET_TOP = 10
_NO_FILTERS = {"market_cap_threshold": None, "liquidity_threshold": None, "min_lifetime_days": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityFactors:
    """runs: succeeded, by factor. left_out: why the other factors have none."""

    dataset: DatasetRecord
    assets: tuple[str, ...]
    runs: Mapping[FactorName, RunRecord]
    left_out: Mapping[FactorName, str]


async def compute_equity_factors(
    services: Services, tickers: Sequence[str], *, start: date, end: date
) -> EquityFactors:
    """Every factor whose fields the data have, among these tickers alone, from `start` to `end`; each is a
    run like any other. Filters are off: whoever names the assets has chosen them.

    Raises InvalidInput, QueueFull, and what `fetched_dataset` raises; RunFailed (NO_PERIODS) where no factor
    has a result.
    """
    words = _checked(tickers)
    found = await _dataset_with(services, words, start, end)
    if found is None:
        dataset = await fetched_dataset(
            services, SourceName.YAHOO, start=start, end=end, name=_name_for(words), assets=words
        )
        present = await _assets_of(services, dataset)
        # what could not be fetched is in the dataset's report; the others are still a universe
        found = dataset, tuple(present[word] for word in words if word in present)
    dataset, assets = found
    launched: dict[FactorName, int] = {}
    left_out: dict[FactorName, str] = {}
    for name in FactorName:
        if name is not FactorName.MARKET and len(assets) < MIN_RANKED:
            left_out[name] = f"ranks at least {MIN_RANKED} assets, and there are {len(assets)}"
            continue
        options = _options(name, assets, start, end)
        try:
            launch = await launch_factor(services, name, options, dataset=DatasetRef(id=dataset.id))
        except MissingField as error:
            left_out[name] = error.message
        else:
            launched[name] = launch.run.id
    runs: dict[FactorName, RunRecord] = {}
    for name, run_id in launched.items():
        try:
            runs[name] = await await_success(services, run_id)
        except RunFailed as error:
            left_out[name] = error.message
    if not runs:
        reasons = "; ".join(f"{name.lower()}: {reason}" for name, reason in left_out.items())
        raise RunFailed(reasons, reason=NoPeriods.code)
    return EquityFactors(dataset=dataset, assets=assets, runs=runs, left_out=left_out)


def _checked(tickers: Sequence[str]) -> tuple[str, ...]:
    """In upper case, each once, sorted: the order in which they are named makes no other dataset."""
    words = tuple(sorted({ticker.strip().upper() for ticker in tickers}))
    if not 1 <= len(words) <= MAX_TICKERS or "" in words:
        message = f"name 1 to {MAX_TICKERS} tickers, none of them empty"
        raise InvalidInput(message, (FieldError(("tickers",), "OUT_OF_RANGE", message),))
    return words


def _options(name: FactorName, assets: tuple[str, ...], start: date, end: date) -> dict[str, object]:
    options: dict[str, object] = {
        "start_date": start,
        "end_date": end,
        "universe": list(assets),
        **_NO_FILTERS,
    }
    if name is FactorName.MARKET:
        return options | {"top_n": min(_MARKET_TOP, len(assets))}
    if name is FactorName.MOMENTUM:
        options["volatility_adjusted"] = True
    return options | {"min_assets": MIN_RANKED}


async def _dataset_with(
    services: Services, words: Sequence[str], start: date, end: date
) -> tuple[DatasetRecord, tuple[str, ...]] | None:
    """The newest dataset of equities that has them all and some of the days, with its own names of them."""
    found = await dataset_store.newest_dataset_with(
        services.store, words, calendar=Calendar.OBSERVED.value, start=start, end=end
    )
    if found is None:
        return None
    present = await _assets_of(services, found)
    return found, tuple(present[word] for word in words)


async def _assets_of(services: Services, dataset: DatasetRecord) -> dict[str, str]:
    names = (await dataset_store.asset_names(services.store, [dataset.id]))[dataset.id]
    return {name.upper(): name for name in names}


def _name_for(words: Sequence[str]) -> str:
    return f"equities-{hashlib.sha256(' '.join(words).encode()).hexdigest()[:12]}"
