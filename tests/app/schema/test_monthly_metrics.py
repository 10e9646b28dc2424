"""The monthly sheet in the graph."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import strawberry
from graphql import parse
from strawberry.utils.str_converters import to_camel_case

from app.boundary.query_cost import QueryCostMeter
from app.datasets.risk_free import RiskFreeRequest
from app.datasets.snapshot import write_snapshot
from app.errors import FactorQLError, LimitExceeded
from app.features.factors.graph.monthly_sheet import MonthlyMetricsSheet
from app.features.factors.monthly_metrics import run_monthly_metrics
from db.records import AssetRecord, RunKind, RunOrigin, RunRecord
from db.runs.read import Choice, RunFilter, page_runs
from engine.factors.registry import FactorName
from engine.panel import Calendar, Panel
from tests.app.schema.computed import computed, store_computed
from tests.app.schema.graph import Graph, Population, run_id
from tests.db.samples import add_sample_dataset
from tests.stores import counting_statements

UNDEFINED = "undefinedMetrics { metric reason detail }"
NAMES = [item.name for item in fields(MonthlyMetricsSheet) if item.name != "undefined_metrics"]
SHEET = f"{' '.join(map(to_camel_case, NAMES))} {UNDEFINED}"


async def sheet_of(graph: Graph, run: RunRecord, arguments: str = "", selection: str = SHEET) -> Any:
    query = f"""query ($id: ID!) {{ run(id: $id) {{ ... on FactorRun {{
      monthlyMetrics{arguments} {{ {selection} }} }} }} }}"""
    return (await graph.ask(query, id=run_id(run)))["run"]["monthlyMetrics"]


async def test_the_graph_says_what_the_service_found(graph: Graph) -> None:
    result, research = computed()
    run = await store_computed(graph.services.store, result, research)
    end = result.dates[9].item() + timedelta(days=2)
    told = await sheet_of(graph, run, f'(asOf: "{end}", riskFree: {{annualRate: 0.04}})')
    found = await run_monthly_metrics(
        graph.services, run, as_of=end, risk_free=RiskFreeRequest(annual_rate=0.04)
    )
    assert found is not None
    assert found.excess_annualized_return is not None
    for name in NAMES:
        value = getattr(found, name)
        assert told[to_camel_case(name)] == (
            value.isoformat() if name in ("as_of", "last_period_end") else value
        )
    (missing,) = told["undefinedMetrics"]
    assert (missing["metric"], missing["reason"]) == ("averageDailyVolumeUsd", "DATASET_UNAVAILABLE")


async def test_absent_the_sheet_is_of_the_last_period_end(graph: Graph) -> None:
    result, research = computed()
    run = await store_computed(graph.services.store, result, research)
    told = await sheet_of(graph, run)
    assert told["asOf"] == told["lastPeriodEnd"] == str(result.dates[-1])
    assert told["lastPeriodReturn"] == result.factor[-1]
    assert told == await sheet_of(graph, run, "(asOf: null, riskFree: null)")


async def test_every_null_has_a_reason(graph: Graph, population: Population) -> None:
    imported = RunFilter(origin=Choice(one_of=(RunOrigin.IMPORTED,)))
    (run,) = (await page_runs(graph.services.store, imported, kind=RunKind.FACTOR, first=2, after=None)).items
    told = await sheet_of(graph, run)
    reasons = {one["metric"]: one["reason"] for one in told.pop("undefinedMetrics")}
    assert {name for name, value in told.items() if value is None} == reasons.keys()
    assert reasons["topContributor"] == "NO_COMPOSITION"
    assert await sheet_of(graph, population.queued) is None


@pytest.mark.parametrize(
    ("arguments", "path", "code"),
    [
        ('(asOf: "1999-01-01")', ("asOf",), "NO_PERIODS_AS_OF"),
        ("(riskFree: {annualRate: 7})", ("riskFree", "annualRate"), "OUT_OF_RANGE"),
        ('(riskFree: {dataset: {id: "x"}})', ("riskFree", "dataset", "id"), "INVALID_ID"),
    ],
)
async def test_a_faulty_argument_is_named(
    graph: Graph, population: Population, arguments: str, path: tuple[str, ...], code: str
) -> None:
    query = f"""query ($id: ID!) {{ run(id: $id) {{ ... on FactorRun {{
      monthlyMetrics{arguments} {{ asOf }} }} }} }}"""
    result = await graph.execute(query, id=run_id(population.runs[FactorName.SMB]))
    assert result.data == {"run": {"monthlyMetrics": None}}
    assert result.errors is not None
    error = result.errors[0].original_error
    assert isinstance(error, FactorQLError), error
    assert [(fault.path, fault.code) for fault in error.field_errors] == [(path, code)]


@pytest.mark.parametrize("risk_free", ["null", '{dataset: {name: "bills"}}'])
async def test_the_sheets_of_many_runs_are_read_together(
    graph: Graph, population: Population, risk_free: str
) -> None:
    await add_bills(graph)
    arguments = f'(asOf: "2025-01-31", riskFree: {risk_free})'
    query = f"query {{ factorRuns(first: 10) {{ nodes {{ monthlyMetrics{arguments} {{ {SHEET} }} }} }} }}"
    with counting_statements(graph.services.store) as statements:
        told = await graph.ask(query)
    sheets = [one["monthlyMetrics"] for one in told["factorRuns"]["nodes"] if one["monthlyMetrics"]]
    assert len(sheets) > len(population.runs), "the imported run too"
    assert {one["excessAnnualizedReturn"] is None for one in sheets} == {risk_free == "null"}
    # runs, series, datasets, compositions, names of assets; and the rate's dataset
    assert len(statements) <= (5 if risk_free == "null" else 6), "\n\n".join(statements)


async def add_bills(graph: Graph) -> None:
    """A dataset of bill yields that begins with the series of the population."""
    dates = np.datetime64("2024-12-01", "D") + np.arange(100)
    fields = {"price": np.ones((100, 1)), "discount_rate": np.full((100, 1), 4.0)}
    panel = Panel(dates=dates, assets=("^IRX",), fields=fields, calendar=Calendar.EVERY_DAY)
    await add_sample_dataset(
        graph.services.store,
        name="bills",
        fingerprint=write_snapshot(panel, graph.services.settings.datasets_dir),
        fields=tuple(fields),
        assets=(AssetRecord(ordinal=0, asset="^IRX", observation_count=100),),
    )


def test_a_page_of_sheets_fits_a_request_and_several_do_not(schema: strawberry.Schema) -> None:
    meter = QueryCostMeter(schema._schema)
    page = "factorRuns(first: 100) { nodes { monthlyMetrics { asOf sharpeRatio } } }"
    meter.check(parse(f"{{ {page} }}"))
    with pytest.raises(LimitExceeded):
        meter.check(parse(f"{{ a: {page} b: {page} }}"))
