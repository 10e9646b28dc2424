"""Values at the edges of what can be written: answered or refused, never a fault of the program."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError

from app.errors import FactorQLError
from tests.app.schema.graph import Graph, Population
from tests.stores import on_both_databases as pytest_generate_tests  # noqa: F401

OPERATIONS = [
    '{ importedRun(factor: SMB, legacyRunId: "a\\u0000b") { id } }',
    '{ importedRun(factor: SMB, legacyRunId: "") { id } }',
    '{ factorRuns(where: {tag: {eq: "a\\u0000b"}}) { totalCount nodes { id } } }',
    '{ factorRuns(where: {legacyRunId: {oneOf: ["a\\u0000b", "é", ""]}}) { nodes { id } } }',
    '{ dataset(ref: {name: "a\\u0000b"}) { id } }',
    '{ dataset(ref: {name: ""}) { id } }',
    '{ dataset(ref: {id: ""}) { id } }',
    '{ factorRuns(where: {createdAt: {gte: "0001-01-01T00:00:00+14:00"}}) { nodes { id } } }',
    '{ factorRuns(where: {createdAt: {lte: "9999-12-31T23:59:59-14:00"}}) { nodes { id } } }',
    '{ factorRuns(where: {createdAt: {gte: "0001-01-01T00:00:00Z", lte: "9999-12-31T23:59:59Z"}})'
    " { totalCount } }",
    '{ factorRuns(where: {startDate: {gte: "0001-01-01", lte: "9999-12-31"}}) { nodes { id } } }',
    '{ factorRuns(where: {startDate: {gte: "2024-02-30"}}) { nodes { id } } }',
    "{ factorRuns(where: {sharpeRatio: {gte: -1e308, lte: 1e308}}) { nodes { id } } }",
    "{ factorRuns(where: {numPeriods: {gte: -2147483648, lte: 2147483647}}) { nodes { id } } }",
    '{ factorRuns(after: "a\\u0000b") { nodes { id } } }',
    '{ factorRuns(after: "") { nodes { id } } }',
    '{ latestFactorRuns { composition(date: "0001-01-01") { date }'
    ' series(range: {start: "0001-01-01", end: "9999-12-31"}) { dates } } }',
    'mutation { computeFactor(input: {spec: {smb: {startDate: "0001-01-01", endDate: "9999-12-31"}}})'
    " { __typename } }",
    'mutation { computeFactor(input: {spec: {smb: {exclude: ["\\u0000"]}}}) { __typename } }',
    "mutation { computeFactor(input: {spec: {smb: {universe: []}}}) { __typename } }",
    'mutation { computeFactor(input: {spec: {smb: {marketCapThreshold: 1e308}}, note: "\\u0000"})'
    " { __typename } }",
    'mutation { computeFactor(input: {spec: {smb: {}}, tags: ["\\u0000", "é"]}) { __typename } }',
    "mutation { computeFactor(input: {spec: {market: {topN: 2147483647}}}) { __typename } }",
    "mutation { computeFactor(input: {spec: {market: {topN: 2147483648}}}) { __typename } }",
    "mutation { computeFactor(input: {spec: {smb: {}}}, waitSeconds: 1e308) { __typename } }",
    "mutation { computeFactor(input: {spec: {smb: {costBps: 1e308}}}) { __typename } }",
    "mutation { computeFactor(input: {spec: {smb: {costBps: null, quantiles: 11}}}) { __typename } }",
    "mutation { computeFactor(input: {spec: {smb: {maxAbsReturn: 0, quantiles: null}}}) { __typename } }",
    "{ factorRuns(where: {alpha: {lte: -1e308}, icT: {}}, orderBy: [{field: ALPHA}]) { nodes { id } } }",
    "{ latestFactorRuns { series(select: [{name: IC, transform: DRAWDOWN}]) { unit } } }",
    "{ latestFactorRuns { series(select: [{name: QUANTILE_10, transform: DRAWDOWN}]) { values } } }",
]


async def test_odd_values_are_answered_or_refused(graph: Graph, population: Population) -> None:
    for operation in OPERATIONS:
        await expect_no_fault(graph, operation)


async def test_long_lists_of_conditions_are_refused(graph: Graph, population: Population) -> None:
    query = "query ($where: FactorRunWhere) { factorRuns(where: $where) { nodes { id } } }"
    for where in (
        {"tag": {"oneOf": [str(number) for number in range(40_000)]}},
        {"factor": {"oneOf": ["SMB"] * 40_000}},
        {"dataset": {"oneOf": [{"name": f"d{number}"} for number in range(1_000)]}},
    ):
        result = await expect_no_fault(graph, query, where=where)
        assert result.data == {"factorRuns": None}, where.keys()


async def expect_no_fault(graph: Graph, operation: str, **variables: Any) -> Any:
    result = await graph.execute(operation, **variables)
    for error in result.errors or ():
        cause = error.original_error
        assert cause is None or isinstance(cause, FactorQLError | GraphQLError), (operation, cause)
    return result
