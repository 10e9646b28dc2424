"""Reads of one request that are asked for one by one and done together: a statement a batch, not one a row.

Nothing is kept between batches, so that a long request (a mutation that waits, a subscription) sees what is
in the store at the time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from app.errors import FactorQLError
from app.schema.connections import cursors_checked
from app.services.context import Services
from app.services.fetches import get_fetch_reports
from app.services.research import RESEARCH, Research, read_research
from app.services.risk_arrays import RiskArrays, open_risk_arrays
from app.services.risk_free import RiskFree, RiskFreeRequest, resolve_risk_free
from app.services.risk_results import get_risk_results
from app.services.sweep_results import get_sweep_results
from db import datasets, import_queries, results, run_queries
from db.errors import CorruptBlob
from db.pages import Page
from db.records import RunKind, RunRecord
from db.run_queries import RunFilter, RunOrder
from db.store import Store

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorPage:
    """One page of one factor's runs."""

    factor: str
    where: RunFilter
    order: tuple[RunOrder, ...]
    first: int
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestRun:
    """The latest succeeded run of a factor."""

    factor: str
    where: RunFilter


class Loaders:
    """One a request. Keys that have nothing in the store load as None."""

    def __init__(self, services: Services) -> None:
        store = services.store
        self.runs = _loader(lambda ids: run_queries.get_runs(store, ids))
        self.performance = _loader(lambda run_ids: results.get_performance(store, run_ids))
        self.net_performance = _loader(lambda run_ids: results.get_net_performance(store, run_ids))
        self.research = _loader(lambda run_ids: _research(store, run_ids), split_on=CorruptBlob)
        self.sweeps = _loader(lambda run_ids: get_sweep_results(store, run_ids), split_on=CorruptBlob)
        self.risk_models = _loader(lambda run_ids: get_risk_results(store, run_ids), split_on=CorruptBlob)
        self.risk_arrays = _loader(lambda run_ids: _risk_arrays(services, run_ids), split_on=FactorQLError)
        self.fetch_reports = _loader(lambda run_ids: get_fetch_reports(store, run_ids), split_on=CorruptBlob)
        self.series = _loader(lambda keys: _series(store, keys), split_on=CorruptBlob)
        self.compositions = _loader(lambda keys: results.get_compositions(store, keys), split_on=CorruptBlob)
        self.composition_dates = _loader(lambda run_ids: results.composition_dates(store, run_ids))
        self.datasets = _loader(lambda ids: datasets.get_datasets(store, ids))
        self.datasets_by_name = _loader(lambda names: _datasets_by_name(store, names))
        self.assets = _loader(lambda dataset_ids: datasets.get_assets(store, dataset_ids))
        self.asset_names = _loader(lambda dataset_ids: datasets.asset_names(store, dataset_ids))
        self.latest_runs = _loader(lambda keys: _latest_runs(services, keys))
        self.factor_pages = _loader(lambda keys: _factor_pages(store, keys))
        self.risk_free = _loader(lambda requests: _risk_free(services, requests), split_on=FactorQLError)
        self.monthly_metrics = _loader(lambda factors: import_queries.monthly_metrics(store, factors))


def _loader(
    load: Callable[[list[Any]], Awaitable[Mapping[Any, Any]]],
    *,
    split_on: type[Exception] | tuple[type[Exception], ...] = (),
) -> DataLoader[Any, Any]:
    """A loader whose batches are given their distinct keys. On an error of `split_on` the keys are loaded one
    by one, so that one damaged value does not take the others down; values that are errors are raised."""

    async def load_batch(keys: list[Any]) -> list[Any]:
        distinct = list(dict.fromkeys(keys))
        try:
            found = await load(distinct)
        except split_on as error:
            if len(distinct) == 1:
                return [error] * len(keys)
            found = {key: (await load_batch([key]))[0] for key in distinct}
        return [found.get(key) for key in keys]

    return DataLoader(load_batch, cache=False)


async def _series(store: Store, keys: Sequence[tuple[int, str]]) -> Mapping[tuple[int, str], Any]:
    run_ids, names = zip(*keys, strict=True)
    return await results.get_series(store, list(dict.fromkeys(run_ids)), list(dict.fromkeys(names)))


async def _research(store: Store, run_ids: Sequence[int]) -> Mapping[int, Research]:
    documents = await results.get_documents(store, run_ids, RESEARCH)
    return {run_id: read_research(document) for run_id, document in documents.items()}


async def _risk_arrays(services: Services, run_ids: Sequence[int]) -> Mapping[int, RiskArrays]:
    return {run_id: await open_risk_arrays(services, run_id) for run_id in run_ids}


async def _risk_free(
    services: Services, requests: Sequence[RiskFreeRequest]
) -> Mapping[RiskFreeRequest, RiskFree]:
    return {request: await resolve_risk_free(services, request) for request in requests}


async def _datasets_by_name(store: Store, names: Sequence[str]) -> Mapping[str, Any]:
    return {name: await datasets.find_dataset(store, name) for name in names}


async def _latest_runs(services: Services, keys: Sequence[LatestRun]) -> Mapping[LatestRun, RunRecord]:
    found: dict[LatestRun, RunRecord] = {}
    for where in dict.fromkeys(key.where for key in keys):
        wanted = {key.factor: key for key in keys if key.where == where}
        latest = await run_queries.latest_runs(
            services.store,
            kind=RunKind.FACTOR,
            now=services.now(),
            subjects=list(wanted),
            where=where,
        )
        found |= {wanted[factor]: run for factor, run in latest.items()}
    return found


async def _factor_pages(
    store: Store, keys: Sequence[FactorPage]
) -> Mapping[FactorPage, Page[RunRecord] | Exception]:
    """Pages of different factors that are otherwise the same take one statement. A cursor belongs to one
    factor, and must not fail the others."""
    groups: dict[Any, list[FactorPage]] = {}
    for key in keys:
        groups.setdefault(replace(key, factor="") if key.after is None else key, []).append(key)
    found: dict[FactorPage, Page[RunRecord] | Exception] = {}
    for group in groups.values():
        one = group[0]
        try:
            with cursors_checked():
                pages = await run_queries.page_runs_by_subject(
                    store,
                    [key.factor for key in group],
                    one.where,
                    one.order,
                    kind=RunKind.FACTOR,
                    first=one.first,
                    after=one.after,
                )
        except Exception as error:
            found |= dict.fromkeys(group, error)
        else:
            found |= {key: pages[key.factor] for key in group}
    return found
