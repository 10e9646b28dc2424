"""Sweeps through the graph."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest
import strawberry
from graphql import parse

from app.boundary.query_cost import QueryCostMeter
from app.errors import InvalidInput, LimitExceeded, RunNotFound
from app.features.sweeps.graph.enums import ConfigOption, SweepMetric
from app.schema.node_ids import encode_id
from db.records import RunRecord
from db.runs.read import get_runs
from engine.config import options_of
from engine.factors.registry import FACTORS
from engine.factors.sweepable import POINT_METRICS
from engine.sweeps.sweep import SPAN_SHARPE
from tests.app.schema.graph import Graph, add_dataset, populate, refusal, run_id
from tests.app.schema.sweeping import sweep_id
from tests.db.samples import launch

SWEEP = """mutation ($input: SweepFactorInput!, $wait: Float! = 0) {
  sweepFactor(input: $input, waitSeconds: $wait) {
    __typename
    ... on SweepFactorSuccess { reused run {
      id status tags note sampleSize seed partitions gridSize factor { name } config { minAssets breakpoint }
      dataset { name } result { verdict }
      axes { option valueCount values { option number name flag text } } } }
    ... on Error { message code hint }
    ... on InvalidInput { fieldErrors { path code message } }
    ... on MissingField { field } } }"""


async def launch_sweep(graph: Graph, wait: float = 0, **given: Any) -> dict[str, Any]:
    given = {"spec": {"momentum": {"minAssets": 5}}, "axes": [axis("BREAKPOINT", numbers=[0.2, 0.4])]} | given
    return (await graph.ask(SWEEP, input=given, wait=wait))["sweepFactor"]


def axis(option: str, **values: Any) -> dict[str, Any]:
    return {"option": option, "values": values}


def test_the_enums_are_those_of_the_engine() -> None:
    options = [one for factor in FACTORS.values() for one in options_of(factor.config_type).values()]
    assert {member.value for member in ConfigOption} == {one.name for one in options if one.sweepable}
    assert {member.value for member in SweepMetric} == {*POINT_METRICS, SPAN_SHARPE}


# -- launching ---------------------------------------------------------------------------------------------


async def test_a_launched_sweep_waits_and_is_reused(graph: Graph) -> None:
    await add_dataset(graph.services.store)
    axes = [
        axis("LOOKBACK_PERIODS", range={"start": 1, "stop": 3, "step": 1}),
        axis("WEIGHTING_METHOD", names=["EQUAL", "INVERSE_VARIANCE"]),
        axis("VOLATILITY_ADJUSTED", flags=[False]),
        axis("MAX_WEIGHT", numbers=[None, 0.5]),
    ]
    first = await launch_sweep(graph, axes=axes, tags=["b", "a"], note="mine", partitions=8)
    assert (first["__typename"], first["reused"]) == ("SweepFactorSuccess", False), first
    run = first["run"]
    assert run | {"id": "", "axes": []} == {
        "id": "",
        "status": "QUEUED",
        "tags": ["a", "b"],
        "note": "mine",
        "sampleSize": None,
        "seed": 0,
        "partitions": 8,
        "gridSize": 12.0,
        "factor": {"name": "MOMENTUM"},
        "config": {"minAssets": 5, "breakpoint": 0.5},
        "dataset": {"name": "panel"},
        "axes": [],
        "result": None,
    }
    assert [one["option"] for one in run["axes"]] == [one["option"] for one in axes]
    shown = [[value["text"] for value in one["values"]] for one in run["axes"]]
    assert shown == [["1", "2", "3"], ["EQUAL", "INVERSE_VARIANCE"], ["false"], ["off", "0.5"]]
    numbers = {"option": "LOOKBACK_PERIODS", "number": 1.0, "name": None, "flag": None, "text": "1"}
    assert run["axes"][0]["values"][0] == numbers
    off = {"option": "MAX_WEIGHT", "number": None, "name": None, "flag": None, "text": "off"}
    assert run["axes"][3]["values"][0] == off
    axes[0] = axis("LOOKBACK_PERIODS", numbers=[1, 2.0, 3])
    again = await launch_sweep(graph, axes=axes, partitions=8, seed=3)
    assert (again["reused"], again["run"]["id"]) == (True, run["id"])
    assert (await launch_sweep(graph, axes=axes, partitions=8, force=True))["run"]["id"] != run["id"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"start": 0.1, "stop": 0.3, "step": 0.1}, ["0.1", "0.2", "0.3"]),
        ({"start": 0.5, "stop": 0.1, "step": -0.2}, ["0.5", "0.3", "0.1"]),
        ({"start": 0.2, "stop": 0.2, "step": 1}, ["0.2"]),
        ({"start": 0.2, "stop": 0.29, "step": 0.05}, ["0.2", "0.25"]),
    ],
)
async def test_a_range_is_what_it_says(graph: Graph, given: dict[str, float], expected: list[str]) -> None:
    await add_dataset(graph.services.store)
    result = await launch_sweep(graph, axes=[axis("BREAKPOINT", range=given)])
    assert [value["text"] for value in result["run"]["axes"][0]["values"]] == expected


BREAKPOINTS = axis("BREAKPOINT", range={"start": 0.1, "stop": 0.5, "step": 0.0005})
HUGE = [
    BREAKPOINTS,
    axis("MAX_WEIGHT", range={"start": 0.5, "stop": 1.0, "step": 0.0006}),
    axis("COST_BPS", range={"start": 1, "stop": 1000, "step": 0.5 * 2}),
]


@pytest.mark.parametrize(
    ("given", "path", "code"),
    [
        ({"axes": []}, ["axes"], "EMPTY"),
        ({"axes": [axis("BREAKPOINT", numbers=[])]}, ["axes", "0", "values"], "EMPTY"),
        ({"axes": [axis("BREAKPOINT", numbers=[0.2, 0.9])]}, ["axes", "0", "values"], "OUT_OF_RANGE"),
        ({"axes": [axis("BREAKPOINT", numbers=[None])]}, ["axes", "0", "values"], "NOT_NULLABLE"),
        ({"axes": [axis("BREAKPOINT", names=["x"])]}, ["axes", "0", "values"], "WRONG_TYPE"),
        ({"axes": [axis("TOP_N", numbers=[5])]}, ["axes", "0", "option"], "UNKNOWN_OPTION"),
        ({"axes": [axis("UNIVERSE", names=["sector=X"])]}, ["axes", "0", "values"], "UNKNOWN_ASSET"),
        ({"axes": HUGE}, ["axes"], "TOO_MANY_POINTS"),
        ({"axes": [BREAKPOINTS] * 11}, ["axes"], "TOO_MANY"),
        (
            {"axes": [axis("COST_BPS", range={"start": 0, "stop": 1e300, "step": 1e-300})]},
            ["axes", "0", "values", "range"],
            "TOO_MANY",
        ),
        (
            {"axes": [axis("COST_BPS", range={"start": 1, "stop": 2, "step": -1})]},
            ["axes", "0", "values", "range"],
            "EMPTY",
        ),
        (
            {"axes": [axis("COST_BPS", range={"start": 1, "stop": 2, "step": 0})]},
            ["axes", "0", "values", "range"],
            "OUT_OF_RANGE",
        ),
        ({"spec": {"momentum": {"minAssets": 1}}}, ["spec", "momentum", "minAssets"], "OUT_OF_RANGE"),
        ({"sampleSize": 0}, ["sampleSize"], "OUT_OF_RANGE"),
        ({"seed": -1}, ["seed"], "OUT_OF_RANGE"),
        ({"partitions": 3}, ["partitions"], "OUT_OF_RANGE"),
        ({"tags": [""]}, ["tags"], "OUT_OF_RANGE"),
        ({"dataset": {"id": "x"}}, ["dataset", "id"], "INVALID_ID"),
    ],
)
async def test_faults_are_told_at_their_places(
    graph: Graph, given: dict[str, Any], path: list[str], code: str
) -> None:
    await add_dataset(graph.services.store)
    result = await launch_sweep(graph, **given)
    assert result["__typename"] == "InvalidInput", result
    assert [(one["path"], one["code"]) for one in result["fieldErrors"]] == [(["input", *path], code)]


async def test_messages_are_in_the_graph_s_spelling(graph: Graph) -> None:
    await add_dataset(graph.services.store)
    result = await launch_sweep(graph, axes=[axis("LOOKBACK_PERIODS", numbers=[1, 99])])
    assert "lookbackPeriods must be from 1 to 12" in result["message"]
    result = await launch_sweep(graph, axes=HUGE)
    assert "points, at most 10,000 are possible; give sample" in result["message"]
    assert (await launch_sweep(graph, axes=HUGE, sampleSize=50))["run"]["sampleSize"] == 50
    assert (await launch_sweep(graph, 31))["fieldErrors"][0]["path"] == ["waitSeconds"]


async def test_what_the_dataset_lacks_is_named(graph: Graph) -> None:
    assert (await launch_sweep(graph))["__typename"] == "DatasetNotFound"
    await add_dataset(graph.services.store, fields=("price",))
    spec = {"momentum": {"marketCapThreshold": None, "liquidityThreshold": None}}
    assert (await launch_sweep(graph, spec=spec))["__typename"] == "SweepFactorSuccess"
    result = await launch_sweep(graph, spec=spec, axes=[axis("MARKET_CAP_THRESHOLD", numbers=[None, 1e6])])
    assert (result["__typename"], result["field"]) == ("MissingField", "market_cap")
    assert "marketCapThreshold" in result["message"]


# -- runs of either kind -----------------------------------------------------------------------------------


async def test_ids_of_one_kind_never_lead_to_the_other(graph: Graph, sweep: RunRecord) -> None:
    factor_run = await launch(graph.services.store, sweep.dataset_id or 0)
    swapped = [encode_id("FactorRun", sweep.id), encode_id("SweepRun", factor_run.id)]
    for wrong in swapped:
        for query in ("run", "node"):
            error = await refusal(graph, f'{{ {query}(id: "{wrong}") {{ id }} }}')
            assert isinstance(error, RunNotFound)
        for call in (
            f'cancelRun(id: "{wrong}")',
            f'deleteRun(id: "{wrong}")',
            f'annotateRun(id: "{wrong}", tags: ["x"])',
        ):
            answer = await graph.ask(f"mutation {{ result: {call} {{ __typename }} }}")
            assert answer["result"]["__typename"] == "RunNotFound", call
    found = await get_runs(graph.services.store, [sweep.id, factor_run.id])
    assert found[sweep.id].tags == ("swept",)
    assert found[factor_run.id].status.value == "QUEUED"
    for other in (encode_id("Dataset", 1), encode_id("Factor", "SMB")):
        assert isinstance(await refusal(graph, f'{{ run(id: "{other}") {{ id }} }}'), InvalidInput)


async def test_both_kinds_are_found_by_their_ids(graph: Graph, sweep: RunRecord) -> None:
    factor_run = await launch(graph.services.store, sweep.dataset_id or 0)
    both = {"SweepRun": sweep_id(sweep), "FactorRun": run_id(factor_run)}
    fields = "id ... on Run { status } ... on SweepRun { gridSize } ... on FactorRun { legacyRunId }"
    for name, global_id in both.items():
        for query in ("run", "node"):
            found = (await graph.ask(f'{{ {query}(id: "{global_id}") {{ __typename {fields} }} }}'))[query]
            assert (found["__typename"], found["id"]) == (name, global_id)
            assert ("gridSize" in found, "legacyRunId" in found) == (name == "SweepRun", name == "FactorRun")


async def test_a_sweep_is_annotated_canceled_and_deleted(graph: Graph) -> None:
    await add_dataset(graph.services.store)
    global_id = (await launch_sweep(graph))["run"]["id"]
    answer = await graph.ask(
        f"""mutation {{
          annotateRun(id: "{global_id}", tags: ["t"]) {{ ... on AnnotateRunSuccess {{
            run {{ __typename tags }} }} }}
          cancelRun(id: "{global_id}") {{ ... on CancelRunSuccess {{ run {{
            __typename status ... on SweepRun {{ gridSize }} }} }} }} }}"""
    )
    assert answer["annotateRun"]["run"] == {"__typename": "SweepRun", "tags": ["t"]}
    assert answer["cancelRun"]["run"] == {"__typename": "SweepRun", "status": "CANCELED", "gridSize": 2.0}
    relaunched = await launch_sweep(graph)
    assert relaunched["reused"] is False, "a canceled sweep is not reused"
    mutation = f'mutation {{ deleteRun(id: "{global_id}") {{ ... on DeleteRunSuccess {{ deletedId }} }} }}'
    assert (await graph.ask(mutation))["deleteRun"] == {"deletedId": global_id}


async def test_events_of_a_sweep_carry_it(graph: Graph) -> None:
    await add_dataset(graph.services.store)
    global_id = (await launch_sweep(graph))["run"]["id"]
    for argument in (f'(runId: "{global_id}")', ""):
        fields = "kind run { __typename id ... on SweepRun { gridSize } }"
        subscription = f"subscription {{ runEvents{argument} {{ {fields} }} }}"
        async with aclosing(graph.subscribe(subscription)) as events:
            async for event in events:
                assert event.errors is None
                assert event.data == {
                    "runEvents": {
                        "kind": "SNAPSHOT",
                        "run": {"__typename": "SweepRun", "id": global_id, "gridSize": 2.0},
                    }
                }
                break


async def test_sweeps_and_factor_runs_are_listed_apart(graph: Graph, sweep: RunRecord) -> None:
    population = await populate(graph.services.store)
    waiting = (await launch_sweep(graph, dataset={"id": encode_id("Dataset", population.dataset_id)}))["run"][
        "id"
    ]
    lists = await graph.ask(
        """{ all: sweepRuns { totalCount nodes { id result { pointCount } } }
             done: sweepRuns(where: {status: {eq: SUCCEEDED}, tag: {eq: "swept"}, factor: {eq: MOMENTUM}}) {
               totalCount nodes { id } }
             first: sweepRuns(first: 1, orderBy: [{field: ID, direction: ASC}]) {
               edges { cursor node { id } } pageInfo { hasNextPage endCursor } }
             factorRuns { nodes { id __typename } } }"""
    )
    done = sweep_id(sweep)
    assert [one["id"] for one in lists["all"]["nodes"]] == [waiting, done]
    assert [one["result"] for one in lists["all"]["nodes"]] == [None, {"pointCount": 18}]
    assert lists["all"]["totalCount"] == 2
    assert (lists["done"]["totalCount"], lists["done"]["nodes"]) == (1, [{"id": done}])
    assert [edge["node"]["id"] for edge in lists["first"]["edges"]] == [done]
    page_info = lists["first"]["pageInfo"]
    assert page_info["hasNextPage"] is True
    after = f'orderBy: [{{field: ID, direction: ASC}}], after: "{page_info["endCursor"]}"'
    rest = await graph.ask(f"{{ sweepRuns({after}) {{ nodes {{ id }} }} }}")
    assert rest["sweepRuns"]["nodes"] == [{"id": waiting}]
    assert {one["__typename"] for one in lists["factorRuns"]["nodes"]} == {"FactorRun"}
    error = await refusal(graph, f'{{ factorRuns(after: "{page_info["endCursor"]}") {{ totalCount }} }}')
    assert error.code == "BAD_CURSOR"


# -- promoting ---------------------------------------------------------------------------------------------

PROMOTE = """mutation ($input: PromotePointInput!) { promotePoint(input: $input) {
  __typename
  ... on ComputeFactorSuccess { reused run { id tags status config { breakpoint } dataset { id } } }
  ... on Error { message code } ... on InvalidInput { fieldErrors { path code } } } }"""


async def promote(graph: Graph, **given: Any) -> dict[str, Any]:
    return (await graph.ask(PROMOTE, input=given))["promotePoint"]


async def test_a_point_becomes_a_factor_run(graph: Graph, sweep: RunRecord) -> None:
    first = await promote(graph, sweep=sweep_id(sweep), point=13)
    assert (first["__typename"], first["reused"]) == ("ComputeFactorSuccess", False), first
    assert (first["run"]["status"], first["run"]["tags"]) == ("QUEUED", [])
    assert first["run"]["config"] == {"breakpoint": 0.5}
    assert first["run"]["dataset"]["id"] == encode_id("Dataset", sweep.dataset_id or 0)
    query = "query ($id: ID!) { run(id: $id) { inputs { role fingerprint run { id } dataset { id } } } }"
    assert (await graph.ask(query, id=first["run"]["id"]))["run"]["inputs"] == [
        {"role": "sweep", "fingerprint": sweep.identity_hash, "run": {"id": sweep_id(sweep)}, "dataset": None}
    ]
    again = await promote(graph, sweep=sweep_id(sweep), point=13)
    assert (again["reused"], again["run"]["id"]) == (True, first["run"]["id"])
    computed_alone = await graph.ask(
        """mutation { computeFactor(input: {spec: {momentum: {
             minAssets: 5, breakpoint: 0.5, lookbackPeriods: 1,
             marketCapThreshold: null, liquidityThreshold: null, minLifetimeDays: null}}}) {
             ... on ComputeFactorSuccess { reused run { id } } } }"""
    )
    assert computed_alone["computeFactor"] == {"reused": True, "run": {"id": first["run"]["id"]}}


async def test_points_that_cannot_be_promoted(graph: Graph, sweep: RunRecord) -> None:
    async def faults(**given: Any) -> list[Any]:
        result = await promote(graph, **given)
        assert result["__typename"] == "InvalidInput", result
        return [(fault["path"], fault["code"]) for fault in result["fieldErrors"]]

    ours = {"sweep": sweep_id(sweep)}
    assert await faults(**ours, point=6) == [(["input", "point"], "POINT_FAILED")]
    assert await faults(**ours, point=18) == [(["input", "point"], "OUT_OF_RANGE")]
    assert await faults(**ours, point=1, tags=[""]) == [(["input", "tags"], "OUT_OF_RANGE")]
    assert await faults(sweep=encode_id("FactorRun", sweep.id), point=1) == [
        (["input", "sweep"], "INVALID_ID")
    ]
    waiting = (await launch_sweep(graph))["run"]["id"]
    assert await faults(sweep=waiting, point=1) == [(["input", "sweep"], "NOT_SUCCEEDED")]
    missing = await promote(graph, sweep=encode_id("SweepRun", 4711), point=1)
    assert missing["__typename"] == "RunNotFound"


# -- limits ------------------------------------------------------------------------------------------------


def test_what_sweeps_cost_is_bounded(schema: strawberry.Schema) -> None:
    meter = QueryCostMeter(schema._schema)

    def within(result: str, sweeps: str = "first: 1") -> bool:
        try:
            meter.check(parse(f"{{ sweepRuns({sweeps}) {{ nodes {{ result {{ {result} }} }} }} }}"))
        except LimitExceeded:
            return False
        return True

    page = "points(first: 100) { nodes { number values { option text } sharpeRatio config { breakpoint } } }"
    assert within(page)
    assert not within(page, "first: 100")
    assert not within("points(first: 101) { totalCount }")
    whole_map = "heatMap(x: BREAKPOINT, y: COST_BPS) { cells counts minimums maximums xValues { text } }"
    assert within(whole_map)
    assert not within(whole_map, "first: 50")
    series = "series(select: [{}, {name: WALK_FORWARD}], maxPoints: 10000) { dates values }"
    assert within(series)
    assert not within(series, "first: 100")
