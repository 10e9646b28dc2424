"""Operations over every field of the graph, built from its types and run on a populated store."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import strawberry
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_introspection_type,
    is_required_argument,
)
from starlette.datastructures import UploadFile

from app.context import Services
from app.schema.node_ids import encode_id
from db.records import RunRecord
from engine.factors.registry import FactorName
from tests.app.schema.fetching import add_fetch
from tests.app.schema.graph import Graph, Population, run_id
from tests.app.schema.modelling import InThisProcess, model_id
from tests.app.schema.sweeping import sweep_id
from tests.stores import on_both_databases as pytest_generate_tests  # noqa: F401


@dataclass
class Writer:
    """Writes calls of root fields with all that lies below them, and remembers which fields it wrote.

    `arguments` holds examples by `Type.field(argument)`, else by `(argument)`. One call writes out each type
    once, where it first occurs.
    """

    schema: GraphQLSchema
    arguments: Mapping[str, str]
    written: set[str] = field(default_factory=set)
    entered: set[str] = field(default_factory=set)

    def root_call(self, owner: str, name: str, definition: GraphQLField) -> str:
        self.entered.clear()
        return self._call(owner, name, definition)

    def _call(self, owner: str, name: str, definition: GraphQLField) -> str:
        self.written.add(f"{owner}.{name}")
        named = get_named_type(definition.type)
        below = f" {{ {self._selection(named)} }}" if is_composite_type(named) else ""
        return name + self._arguments(owner, name, definition) + below

    def _selection(self, graph_type: GraphQLNamedType) -> str:
        parts = ["__typename"]
        if isinstance(graph_type, GraphQLObjectType | GraphQLInterfaceType):
            parts += self._fields(graph_type)
        if isinstance(graph_type, GraphQLUnionType | GraphQLInterfaceType):
            for member in self.schema.get_possible_types(graph_type):
                # Aliases: members may have fields of one name and different types.
                fields = self._fields(member, alias=f"{member.name}_")
                parts.append(f"... on {member.name} {{ {' '.join(fields) or '__typename'} }}")
        return " ".join(parts)

    def _fields(self, graph_type: GraphQLObjectType | GraphQLInterfaceType, alias: str = "") -> list[str]:
        if graph_type.name in self.entered:
            return []
        self.entered.add(graph_type.name)
        calls = {
            name: self._call(graph_type.name, name, definition)
            for name, definition in graph_type.fields.items()
        }
        return [f"{alias}{name}: {call}" if alias else call for name, call in calls.items()]

    def _arguments(self, owner: str, name: str, definition: GraphQLField) -> str:
        given = []
        for argument_name, argument in definition.args.items():
            short = f"({argument_name})"
            example = self.arguments.get(f"{owner}.{name}{short}", self.arguments.get(short))
            assert example or not is_required_argument(argument), f"an example is needed for {name}{short}"
            if example:
                given.append(f"{argument_name}: {example}")
        return f"({', '.join(given)})" if given else ""


@pytest.fixture
def graph(schema: strawberry.Schema, services: Services) -> Graph:
    """What readers ask to be computed is."""
    return Graph(schema, replace(services, executor=InThisProcess()))


@pytest.fixture
def writer(
    schema: strawberry.Schema,
    sweep: RunRecord,
    model: RunRecord,
    exposed: list[RunRecord],
    population: Population,
) -> Writer:
    run = run_id(population.runs[FactorName.MOMENTUM])
    dataset = encode_id("Dataset", population.dataset_id)
    return Writer(
        schema._schema,
        {
            "(first)": "3",
            "(name)": "MOMENTUM",
            "(factor)": "SMB",
            "(legacyRunId)": f'"{population.imported_run_id}"',
            "(ref)": f'{{id: "{dataset}"}}',
            "(id)": f'"{run}"',
            "(runId)": f'"{run}"',
            "Query.importBatch(id)": f'"{encode_id("ImportBatch", population.batch_id)}"',
            "(select)": "[{}, {name: LONG, transform: GROWTH_OF_100}, {transform: ROLLING_SHARPE}]",
            "(range)": '{start: "2020-01-01"}',
            "(maxPoints)": "100",
            "FactorRun.monthlyMetrics(asOf)": '"2025-01-12"',
            "FactorRun.monthlyMetrics(riskFree)": "{annualRate: 0.02}",
            "Query.exposures(input)": f'{{portfolio: {{amounts: [{{asset: "BTC", number: 2}}]}}, '
            f"runs: {graph_ids(exposed)}, riskFree: {{annualRate: 0.02}}, rollingWeeks: 30}}",
            "Query.assetBetas(run)": f'"{run_id(exposed[0])}"',
            "Query.assetBetas(assets)": '["btc", "late"]',
            "Query.factorCorrelations(runs)": graph_ids(exposed),
            "(where)": "{status: {eq: SUCCEEDED}}",
            "(orderBy)": "[{field: SHARPE_RATIO}, {field: ID, direction: ASC}]",
            "SweepResult.points(where)": "{failed: false}",
            "SweepResult.points(orderBy)": "{metric: HIT_RATE, direction: ASC}",
            "SweepResult.heatMap(x)": "LOOKBACK_PERIODS",
            "SweepResult.heatMap(y)": "BREAKPOINT",
            "SweepResult.series(select)": "[{}, {name: WALK_FORWARD, transform: DRAWDOWN}]",
            "Query.sweepRuns(orderBy)": "[{field: FINISHED_AT}]",
            "Query.runs(orderBy)": "[{field: SUBJECT}, {field: ID, direction: ASC}]",
            "Query.fetchRuns(orderBy)": "[{field: STATUS}]",
            "Mutation.sweepFactor(input)": f'{{dataset: {{id: "{dataset}"}}, '
            "spec: {momentum: {minAssets: 5}}, "
            "axes: [{option: LOOKBACK_PERIODS, values: {numbers: [1, 2]}}]}",
            "Mutation.fetchDataset(input)": '{source: COINMETRICS, startDate: "2024-01-01", name: "coins"}',
            "Mutation.promotePoint(input)": f'{{sweep: "{sweep_id(sweep)}", point: 1}}',
            "Query.node(id)": f'"{model_id(model)}"',
            "RiskModelRun.factorReturns(names)": '["MARKET", "SIGNAL"]',
            "RiskModelRun.specificReturns(assets)": '["two", "A0005"]',
            "RiskModelRun.portfolioRisk(input)": '{portfolio: {amounts: [{asset: "two", number: 3}]}, '
            "benchmark: {index: MARKET_CAP}}",
            "RiskModelRun.optimize(input)": "{objective: MAXIMUM_SHARPE, upper: 0.6, expectedReturns: "
            '[{asset: "two", number: 0.1}, {asset: "A0005", number: 0.05}, {asset: "A0006", number: 0.2}]}',
            "Query.riskModelRuns(orderBy)": "[{field: FINISHED_AT}]",
            "Mutation.buildRiskModel(input)": '{dataset: {name: "stocks"}, config: '
            '{styles: [{user: {name: "S", field: "signal"}}, {size: {}}]}}',
            "(input)": f'{{spec: {{smb: {{minAssets: 5}}}}, dataset: {{id: "{dataset}"}}, tags: ["x"]}}',
            "Mutation.cancelRun(id)": f'"{run_id(population.queued)}"',
            "Mutation.deleteRun(id)": f'"{run_id(population.failed)}"',
            "Mutation.ingestDataset(name)": '"uploaded"',
            "(file)": "$file",
            "(files)": "[$file]",
        },
    )


def graph_ids(runs: list[RunRecord]) -> str:
    return json.dumps([run_id(run) for run in runs])


def uploaded() -> UploadFile:
    return UploadFile(io.BytesIO(b"date,asset,price\n2024-01-01,btc,1\n"), filename="panel.csv")


async def run_operation(graph: Graph, kind: str, call: str) -> dict[str, Any]:
    header = f"{kind} ($file: Upload!)" if "$file" in call else kind
    variables = {"file": uploaded()} if "$file" in call else {}
    return await graph.ask(f"{header} {{ {call} }}", **variables)


async def test_every_field_answers_without_an_error(graph: Graph, writer: Writer) -> None:
    await add_fetch(graph.services.store)
    query, mutation = writer.schema.query_type, writer.schema.mutation_type
    assert query is not None
    assert mutation is not None
    for name, definition in query.fields.items():
        data = await run_operation(graph, "query", writer.root_call("Query", name, definition))
        assert data[name] is not None, name
    for name, definition in mutation.fields.items():
        data = await run_operation(graph, "mutation", writer.root_call("Mutation", name, definition))
        assert data[name]["__typename"].endswith("Success"), data
    await follow(graph, writer)
    assert every_field(writer.schema) - writer.written == set()


async def follow(graph: Graph, writer: Writer) -> None:
    """The subscription's first event."""
    subscription = writer.schema.subscription_type
    assert subscription is not None
    for name, definition in subscription.fields.items():
        call = writer.root_call("Subscription", name, definition)
        async with aclosing(graph.subscribe(f"subscription {{ {call} }}")) as results:
            result = await anext(results)
        assert result.errors is None, result.errors
        assert result.data is not None


def every_field(schema: GraphQLSchema) -> set[str]:
    return {
        f"{name}.{field_name}"
        for name, graph_type in schema.type_map.items()
        if isinstance(graph_type, GraphQLObjectType) and not is_introspection_type(graph_type)
        for field_name in graph_type.fields
    }


async def test_a_field_that_fails_would_be_noticed(graph: Graph, writer: Writer) -> None:
    with pytest.raises(AssertionError):
        await run_operation(graph, "query", 'dataset(ref: {name: "missing"}) { label }')
