"""How many SQL statements a query takes: a handful, however many runs there are."""

from __future__ import annotations

import pytest

from app.schema.loaders import Loaders
from tests.app.schema.graph import Graph, Population, add_dataset, populate
from tests.db.seed import seed_runs
from tests.stores import counting_statements

NESTED = """query ($first: Int!) { factors { name latestRun { id }
  runs(first: $first, orderBy: [{field: ID, direction: ASC}]) { nodes {
    id dataset { label } performance { sharpeRatio undefinedMetrics { metric } }
    series(select: [{}, {name: LONG, transform: DRAWDOWN}, {transform: ROLLING_SHARPE}]) { values }
    monthlyReturns { return } composition { long { asset weight } } compositionDates
    netPerformance { sharpeRatio } confidenceIntervals { low } quantileAnalysis { buckets { sharpeRatio } }
    signalPersistence { halfLifePeriods } icDecay { mean } subperiods { sharpeRatio }
    extremes { positions { asset } } targetPortfolio { long { asset } short { asset } } } } } }"""


async def statements_of(graph: Graph, query: str, **variables: object) -> list[str]:
    with counting_statements(graph.services.store) as statements:
        await graph.ask(query, **variables)
    return statements


async def test_nested_lists_take_a_handful_of_statements(graph: Graph) -> None:
    await populate(graph.services.store)
    await seed_runs(graph.services.store, 120, points=60)
    few = await statements_of(graph, NESTED, first=1)
    many = await statements_of(graph, NESTED, first=50)
    assert len(many) == len(few) <= 11, "\n\n".join(many)


async def test_the_same_page_for_every_factor_takes_one_statement(graph: Graph) -> None:
    await seed_runs(graph.services.store, 60)
    query = "{ factors { runs(first: 3, orderBy: [{field: SHARPE_RATIO}]) { nodes { id } } } }"
    assert len(await statements_of(graph, query)) == 1


async def test_the_latest_runs_take_a_statement_and_their_performance_another(graph: Graph) -> None:
    await populate(graph.services.store)
    query = "{ latestFactorRuns { id performance { sharpeRatio undefinedMetrics { metric } } } }"
    statements = await statements_of(graph, query)
    assert len(statements) == 2, "\n\n".join(statements)
    (reading,) = [one for one in statements if "FROM performance" in one]
    assert reading == statements[1]


async def test_totals_are_counted_only_when_asked_for(graph: Graph) -> None:
    await seed_runs(graph.services.store, 60)
    page = "{ factorRuns(first: 3) { nodes { id } } }"
    counted = "{ factorRuns(first: 3) { totalCount nodes { id } } }"
    assert len(await statements_of(graph, page)) == 1
    assert len(await statements_of(graph, counted)) == 2


async def test_a_list_of_scalars_takes_one_statement(graph: Graph) -> None:
    await seed_runs(graph.services.store, 60)
    query = """{ factorRuns(first: 50) { nodes { id status origin createdAt finishedAt durationMs
      engineVersion tags note identityHash progress { fraction } } } }"""
    assert len(await statements_of(graph, query)) == 1


async def test_datasets_read_their_assets_together(graph: Graph) -> None:
    for number in range(5):
        await add_dataset(graph.services.store, name=f"d{number}", fingerprint=f"f{number}")
    query = "{ datasets { nodes { label quality { rowsRead } assets(first: 2) { nodes { asset } } } } }"
    assert len(await statements_of(graph, query)) == 2


@pytest.mark.parametrize("query", ["{ factors { name defaultConfig { breakpoint } } }", "{ __typename }"])
async def test_what_is_in_the_code_takes_no_statement(graph: Graph, query: str) -> None:
    assert await statements_of(graph, query) == []


async def test_nothing_stays_cached_in_a_request(graph: Graph, population: Population) -> None:
    """A request that goes on, as a subscription does, sees what is in the store at the time."""
    loaders = Loaders(graph.services)
    run = next(iter(population.runs.values()))
    with counting_statements(graph.services.store) as statements:
        await loaders.performance.load(run.id)
        await loaders.performance.load(run.id)
    assert len(statements) == 2
