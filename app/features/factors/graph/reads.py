"""What the graph of factors reads for many runs or factors at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.context import Services
from app.datasets.risk_free import RiskFree, RiskFreeRequest, resolve_risk_free
from app.errors import FactorQLError
from app.features.factors.research import RESEARCH, Research, read_research
from app.schema.connections import cursors_checked
from app.schema.loaders import Read
from db.errors import CorruptBlob
from db.legacy import queries as import_queries
from db.pages import Page
from db.records import RunKind, RunRecord
from db.runs import read as run_queries
from db.runs import results
from db.runs.read import RunFilter, RunOrder


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


async def _research(services: Services, run_ids: Sequence[int]) -> Mapping[int, Research]:
    documents = await results.get_documents(services.store, run_ids, RESEARCH)
    return {run_id: read_research(document) for run_id, document in documents.items()}


async def _risk_free(
    services: Services, requests: Sequence[RiskFreeRequest]
) -> Mapping[RiskFreeRequest, RiskFree]:
    return {request: await resolve_risk_free(services, request) for request in requests}


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
    services: Services, keys: Sequence[FactorPage]
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
                    services.store,
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


RESEARCH_OF_RUNS = Read(_research, split_on=CorruptBlob)
RISK_FREE_RATES = Read(_risk_free, split_on=FactorQLError)
LATEST_RUNS = Read(_latest_runs)
PAGES_OF_FACTORS = Read(_factor_pages)
IMPORTED_SHEETS = Read(lambda services, factors: import_queries.monthly_metrics(services.store, factors))
