"""What a finished sweep says, through the graph."""

from __future__ import annotations

import math
from typing import Any

import pytest

from app.errors import InvalidInput
from db.records import RunRecord
from engine.sweeps.sweep import SPAN_SHARPE
from tests.app.schema.graph import Graph
from tests.app.schema.sweeping import computed, sweep_id


async def ask_result(graph: Graph, run: RunRecord, fields: str) -> dict[str, Any]:
    query = f'{{ run(id: "{sweep_id(run)}") {{ ... on SweepRun {{ result {{ {fields} }} }} }} }}'
    return (await graph.ask(query))["run"]["result"]


async def result_refusal(graph: Graph, run: RunRecord, field: str) -> Exception:
    """The expected error of a nullable field of a result."""
    query = f'{{ run(id: "{sweep_id(run)}") {{ ... on SweepRun {{ result {{ {field} }} }} }} }}'
    answer = await graph.execute(query)
    assert answer.data is not None
    assert list(answer.data["run"]["result"].values()) == [None]
    assert answer.errors is not None
    (error,) = answer.errors
    assert error.original_error is not None
    return error.original_error


async def test_points_have_the_engine_s_numbers(graph: Graph, sweep: RunRecord) -> None:
    _, expected, _ = computed()
    names = {
        "spanSharpeRatio": SPAN_SHARPE,
        "newey": "newey_west_t",
        "numPeriods": "num_periods",
        "breadth": "breadth",
    }
    found = await ask_result(
        graph,
        sweep,
        """pointCount failedCount failures { code message count }
           points { totalCount nodes { number position spanSharpeRatio newey: neweyWestT numPeriods breadth
             values { option text } failure { code } config { breakpoint lookbackPeriods: minAssets
               ... on MomentumConfig { lookback: lookbackPeriods volatilityAdjusted } } } }
           best { number } neighbours { number }""",
    )
    assert (found["pointCount"], found["failedCount"]) == (18, 3)
    (failure,) = found["failures"]
    assert (failure["code"], failure["count"]) == ("INVALID_CONFIG", 3)
    nodes = found["points"]["nodes"]
    assert (len(nodes), found["points"]["totalCount"]) == (18, 18)
    for node in nodes:
        number = node["number"]
        assert node["position"] == expected.positions[number].tolist()
        for shown, name in names.items():
            value = float(expected.metrics[name][number])
            assert node[shown] == (None if math.isnan(value) else value)
        if number in (0, 6, 12):
            assert (node["failure"]["code"], node["config"]) == ("INVALID_CONFIG", None)
        else:
            assert node["failure"] is None
            texts = [value["text"] for value in node["values"]]
            config = node["config"]
            assert texts == [
                str(config["breakpoint"]),
                str(config["lookback"]),
                str(config["volatilityAdjusted"]).lower(),
            ]
    sharpe = [node["spanSharpeRatio"] for node in nodes]
    assert sharpe[15:] == [None] * 3
    assert sharpe[:15] == sorted(sharpe[:15], reverse=True)
    assert nodes[0]["number"] == found["best"]["number"] == expected.best
    assert [one["number"] for one in found["neighbours"]] == expected.neighbours.tolist()


async def test_points_come_page_by_page(graph: Graph, sweep: RunRecord) -> None:
    fields = "totalCount nodes { number } pageInfo { hasNextPage hasPreviousPage endCursor }"
    seen: list[int] = []
    after = "null"
    while True:
        order = "orderBy: {metric: HIT_RATE, direction: ASC}"
        arguments = f"where: {{failed: false}}, {order}, first: 4, after: {after}"
        page = (await ask_result(graph, sweep, f"points({arguments}) {{ {fields} }}"))["points"]
        assert (page["totalCount"], page["pageInfo"]["hasPreviousPage"]) == (15, after != "null")
        seen += [node["number"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = f'"{page["pageInfo"]["endCursor"]}"'
    hits = computed()[1].metrics["hit_rate"]
    assert seen == sorted((n for n in range(18) if n not in (0, 6, 12)), key=lambda n: (hits[n], n))
    error = await result_refusal(graph, sweep, f"points(after: {after}) {{ totalCount }}")
    assert getattr(error, "code", None) == "BAD_CURSOR"
    for first in (-1, 101):
        error = await result_refusal(graph, sweep, f"points(first: {first}) {{ totalCount }}")
        assert isinstance(error, InvalidInput)


async def test_a_heat_map_has_a_row_a_value(graph: Graph, sweep: RunRecord) -> None:
    _, expected, _ = computed()
    found = await ask_result(
        graph,
        sweep,
        """heatMap(x: LOOKBACK_PERIODS, y: BREAKPOINT) { x y metric xValues { text } yValues { text }
             cells minimums maximums counts }""",
    )
    heat_map = found["heatMap"]
    assert (heat_map["x"], heat_map["y"]) == ("LOOKBACK_PERIODS", "BREAKPOINT")
    assert heat_map["metric"] == "SPAN_SHARPE_RATIO"
    assert [one["text"] for one in heat_map["xValues"]] == ["1", "2", "4"]
    assert [one["text"] for one in heat_map["yValues"]] == ["0.2", "0.3", "0.5"]
    assert heat_map["counts"] == [[1, 2, 2]] * 3
    sharpe = expected.metrics[SPAN_SHARPE].reshape(3, 3, 2)
    assert heat_map["cells"][1][0] == sharpe[1, 0, 1]
    assert heat_map["cells"][2][1] == pytest.approx(sharpe[2, 1].mean(), rel=1e-15)
    assert heat_map["minimums"][2][1] == sharpe[2, 1].min()
    assert heat_map["maximums"][2][1] == sharpe[2, 1].max()
    error = await result_refusal(graph, sweep, "heatMap(x: COST_BPS, y: BREAKPOINT) { x }")
    assert isinstance(error, InvalidInput)
    assert str(error) == "costBps is not swept here; breakpoint, lookbackPeriods, volatilityAdjusted are"
    assert [(fault.path, fault.code) for fault in error.field_errors] == [(("x",), "NOT_AN_AXIS")]


async def test_the_statistics_are_annualised(graph: Graph, sweep: RunRecord) -> None:
    _, expected, _ = computed()
    found = await ask_result(
        graph,
        sweep,
        """verdict undefined { metric } best { spanSharpeRatio }
           deflatedSharpe { probability sharpeRatio expectedMaximum trials effectiveTrials sharpeVariance }
           overfitting { probability combinations slope intercept logitHistogram { low high count } }
           walkForward { numChoices sharpeRatio inSampleBest { number }
             choices { date number point { number sharpeRatio } } }""",
    )
    deflated, year = expected.deflated_sharpe, math.sqrt(52)
    assert found["deflatedSharpe"] == {
        "probability": deflated.probability,
        "sharpeRatio": deflated.sharpe_ratio * year,
        "expectedMaximum": deflated.expected_maximum * year,
        "trials": 15,
        "effectiveTrials": deflated.effective_trials,
        "sharpeVariance": deflated.sharpe_variance * 52,
    }
    assert found["deflatedSharpe"]["sharpeRatio"] == pytest.approx(
        found["best"]["spanSharpeRatio"], rel=1e-12
    )
    overfitting = found["overfitting"]
    assert (overfitting["probability"], overfitting["combinations"]) == (expected.overfitting.probability, 6)
    assert (overfitting["slope"], overfitting["intercept"]) == (
        expected.overfitting.slope,
        expected.overfitting.intercept * year,
    )
    assert sum(one["count"] for one in overfitting["logitHistogram"]) == 6
    walk = found["walkForward"]
    assert walk["sharpeRatio"] == expected.walk_forward.sharpe_ratio
    assert walk["inSampleBest"]["number"] == expected.walk_forward.in_sample_best == expected.best
    assert walk["numChoices"] == len(walk["choices"]) == expected.walk_forward.num_choices
    assert [one["number"] for one in walk["choices"]] == expected.walk_forward.choices.tolist()
    assert all(one["point"]["number"] == one["number"] for one in walk["choices"])
    assert found["undefined"] == []
    assert found["verdict"].endswith(".")


async def test_series_of_a_sweep(graph: Graph, sweep: RunRecord) -> None:
    _, expected, _ = computed()
    found = await ask_result(
        graph,
        sweep,
        """series(select: [{}, {name: WALK_FORWARD, transform: GROWTH_OF_100}],
                  range: {start: "2022-06-01"}) {
             name transform unit dates values points { date value } sourcePointCount sampled }
           few: series(maxPoints: 10) { dates sampled }""",
    )
    first, second = found["series"]
    assert (first["name"], second["name"]) == ("BEST_POINT", "WALK_FORWARD")
    assert first["dates"] == second["dates"]
    inside = [n for n, day in enumerate(expected.dates.tolist()) if day.isoformat() >= "2022-06-01"]
    assert first["values"] == expected.best_returns[inside].tolist()
    assert [point["value"] for point in second["points"]] == second["values"]
    assert second["values"][-1] == pytest.approx(100 * (1 + expected.walk_forward.returns).prod(), rel=1e-12)
    assert found["few"][0]["sampled"] is True
    for bad in ("select: []", "maxPoints: 0", "select: [{windowPeriods: 5}]"):
        error = await result_refusal(graph, sweep, f"series({bad}) {{ name }}")
        assert isinstance(error, InvalidInput)
