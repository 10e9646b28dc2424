"""Research of a run: the graph says what the engine computed."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import date
from enum import Enum
from typing import Any

import numpy as np
import pytest
from strawberry.utils.str_converters import to_camel_case

from app.schema.performance import Performance
from db.records import DocumentRecord
from engine.factors.registry import FactorName
from engine.factors.research.target import TargetLeg
from tests.app.schema.computed import as_stored, computed, sample_panel, store_computed
from tests.app.schema.graph import Graph, Population, run_id
from tests.db.samples import add_sample_dataset, succeeded

RESEARCH = """
  confidenceIntervals { metric net level low high resamples blockLength }
  quantileAnalysis { numPeriods spreadMeanReturn spreadNeweyWestT spreadSharpeRatio monotonicity
    monotonicityPValue buckets { bucket numPeriods meanReturn annualizedReturn annualizedVolatility
      sharpeRatio cumulativeReturn } }
  signalPersistence { autocorrelation halfLifePeriods }
  icDecay { horizon mean std t numPeriods }
  subperiods { kind label startDate endDate numPeriods cumulativeReturn meanAnnualReturn annualizedVolatility
    sharpeRatio maxDrawdown hitRate netCumulativeReturn netSharpeRatio }
  extremes { contribution share cumulativeReturnWithout
    positions { date asset leg weight periodReturn contribution } }
  targetPortfolio { formationDate periodEnd eligible absence turnover
    long { asset weight previousWeight trade signal } short { asset weight previousWeight trade signal } }"""
NAMES = (
    "confidenceIntervals",
    "quantileAnalysis",
    "signalPersistence",
    "icDecay",
    "subperiods",
    "extremes",
    "targetPortfolio",
)
METRICS = " ".join(
    to_camel_case(item.name) for item in fields(Performance) if item.name != "undefined_metrics"
)


async def asked(graph: Graph, run: Any, selection: str) -> dict[str, Any]:
    query = f"query ($id: ID!) {{ run(id: $id) {{ ... on FactorRun {{ {selection} }} }} }}"
    return (await graph.ask(query, id=run_id(run)))["run"]


def shown(value: Any) -> Any:
    """An engine's result as JSON of the graph."""
    if is_dataclass(value):
        return {to_camel_case(item.name): shown(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        return [shown(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


async def test_the_graph_says_what_the_engine_found(graph: Graph) -> None:
    result, research = computed(cost_bps=10.0, short_carry_bps=200.0)
    answered = await asked(graph, await store_computed(graph.services.store, result, research), RESEARCH)
    intervals = [
        shown(one) | {"metric": to_camel_case(one.metric), "net": net}
        for net, group in ((False, research.confidence), (True, research.net_confidence))
        for one in group
    ]
    assert len(intervals) == 4
    assert answered["confidenceIntervals"] == intervals
    assert answered["quantileAnalysis"] == shown(research.quantiles)
    assert answered["signalPersistence"] == shown(research.persistence)
    assert answered["icDecay"] == shown(research.decay)
    assert [one["horizon"] for one in answered["icDecay"]] == list(range(1, 9))
    assert answered["subperiods"] == shown(research.subperiods)
    assert [one["label"] for one in answered["subperiods"]][:3] == ["2023", "2024", "2025"]
    assert answered["subperiods"][0]["netSharpeRatio"] is not None
    assert answered["extremes"] == shown(research.extremes)
    assert len(answered["extremes"]["positions"]) == 5


async def test_the_target_names_what_to_hold_and_what_to_sell(graph: Graph) -> None:
    result, research = computed(short_carry_bps=1.0)
    answered = await asked(graph, await store_computed(graph.services.store, result, research), RESEARCH)
    target = answered["targetPortfolio"]
    assert (target["formationDate"], target["periodEnd"]) == ("2025-03-09", "2025-03-16")
    assert (target["eligible"], target["absence"]) == (12, None)
    legs = {"long": research.target.long, "short": research.target.short}
    for name, leg in legs.items():
        assert leg is not None
        assert sorted(target[name], key=lambda one: one["asset"]) == _by_asset(leg)
        order = [(-one["weight"], -one["previousWeight"], one["asset"]) for one in target[name]]
        assert order == sorted(order), "heaviest first"
        assert sum(one["weight"] for one in target[name]) == pytest.approx(1)
        assert target[name][-1]["weight"] == 0, "what is to be sold comes last"
    trades = [abs(one["trade"]) for name in legs for one in target[name]]
    assert target["turnover"] == pytest.approx(sum(trades) / 2)


def _by_asset(leg: TargetLeg) -> list[dict[str, Any]]:
    assets = sample_panel().assets
    return [
        {
            "asset": assets[column],
            "weight": weight,
            "previousWeight": previous,
            "trade": weight - previous,
            "signal": None if np.isnan(signal) else signal,
        }
        for column, weight, previous, signal in zip(
            leg.assets.tolist(),
            leg.weights.tolist(),
            leg.previous_weights.tolist(),
            leg.signals.tolist(),
            strict=True,
        )
    ]


async def test_a_target_may_be_absent(graph: Graph) -> None:
    whole = sample_panel()
    price = whole.fields["price"].copy()
    price[-14:, 3:] = np.nan  # the last whole week and what follows it
    panel = replace(whole, fields={**whole.fields, "price": price})
    result, research = computed(panel=panel)
    run = await store_computed(graph.services.store, result, research)
    target = (await asked(graph, run, RESEARCH))["targetPortfolio"]
    assert (target["eligible"], target["turnover"]) == (3, None)
    assert target["long"] is target["short"] is None
    assert target["absence"] == research.target.absence == "3 assets are eligible, 5 are needed"


async def test_both_performances_are_those_of_the_engine(graph: Graph) -> None:
    result, research = computed(cost_bps=10.0, short_carry_bps=200.0, max_abs_return=0.2)
    run = await store_computed(graph.services.store, result, research)
    undefined = "undefinedMetrics { metric reason detail }"
    answered = await asked(
        graph,
        run,
        f"performance {{ {METRICS} {undefined} }} netPerformance {{ {METRICS} {undefined} }}",
    )
    gross, net = result.performance, result.net_performance
    assert net is not None
    for performance, record in ((answered["performance"], gross), (answered["netPerformance"], net)):
        expected = shown(record)
        assert performance["undefinedMetrics"] == [
            {**one, "metric": to_camel_case(one["metric"])} for one in expected.pop("undefined")
        ]
        del performance["undefinedMetrics"]
        assert performance == expected
    assert answered["performance"]["extremeReturns"] > 0
    assert answered["performance"]["sharpeRatio"] > answered["netPerformance"]["sharpeRatio"]
    assert answered["netPerformance"]["longOnlyReturn"] is None


async def test_without_costs_nothing_is_net(graph: Graph) -> None:
    run = await store_computed(graph.services.store, *computed())
    answered = await asked(
        graph,
        run,
        f"netPerformance {{ sharpeRatio }} series(select: [{{name: NET}}]) {{ values }} {RESEARCH}",
    )
    assert answered["netPerformance"] is None
    assert set(answered["series"][0]["values"]) == {None}
    assert [one["net"] for one in answered["confidenceIntervals"]] == [False, False]
    assert {one["netSharpeRatio"] for one in answered["subperiods"]} == {None}


async def test_what_was_not_computed_here_has_no_research(graph: Graph, population: Population) -> None:
    imported = (
        await graph.ask(
            f"""query ($id: String!) {{ importedRun(factor: SMB, legacyRunId: $id) {{
              netPerformance {{ sharpeRatio }} {RESEARCH} }} }}""",
            id=population.imported_run_id,
        )
    )["importedRun"]
    earlier = await succeeded(graph.services.store, population.dataset_id, identity_hash="of engine 1")
    nothing = dict.fromkeys(("netPerformance", *NAMES))
    assert imported == nothing
    for run in (population.failed, population.queued, earlier):
        assert await asked(graph, run, f"netPerformance {{ sharpeRatio }} {RESEARCH}") == nothing


async def test_options_that_an_earlier_engine_did_not_have_are_off(graph: Graph) -> None:
    config = {"breakpoint": 0.5, "max_weight": None, "min_assets": 30, "rebalance": "WEEKLY"}
    store = graph.services.store
    run = await succeeded(store, await add_sample_dataset(store), config=config)
    shown_config = (await asked(graph, run, "config { breakpoint costBps quantiles unrecordedFields }"))[
        "config"
    ]
    assert shown_config == {"breakpoint": 0.5, "costBps": None, "quantiles": None, "unrecordedFields": []}


async def test_a_dataset_without_market_caps_has_no_market(graph: Graph) -> None:
    result, research = computed(panel=sample_panel(without="market_cap"))
    answered = await asked(
        graph,
        await store_computed(graph.services.store, result, research),
        "performance { alpha beta undefinedMetrics { metric reason } } subperiods { kind }"
        " series(select: [{name: MARKET, transform: CUMULATIVE}]) { values }",
    )
    assert answered["performance"]["alpha"] is answered["performance"]["beta"] is None
    assert {"metric": "alpha", "reason": "NO_MARKET"} in answered["performance"]["undefinedMetrics"]
    assert {one["kind"] for one in answered["subperiods"]} == {"YEAR"}
    assert set(answered["series"][0]["values"]) == {None}


async def test_the_market_factor_is_not_measured_against_itself(graph: Graph) -> None:
    result, research = computed(FactorName.MARKET)
    answered = await asked(
        graph,
        await store_computed(graph.services.store, result, research),
        "performance { alpha undefinedMetrics { metric reason } }"
        " targetPortfolio { long { asset } short { asset } }"
        " series(select: [{}, {name: MARKET}]) { values }",
    )
    assert {"metric": "alpha", "reason": "IS_MARKET"} in answered["performance"]["undefinedMetrics"]
    assert len(answered["targetPortfolio"]["long"]) >= 5
    assert answered["targetPortfolio"]["short"] is None
    assert len(answered["series"]) == 2


@pytest.mark.parametrize("quantiles", [2, 3, 10])
async def test_there_are_as_many_quantiles_as_were_asked_for(graph: Graph, quantiles: int) -> None:
    result, research = computed(quantiles=quantiles)
    run = await store_computed(graph.services.store, result, research)
    select = ", ".join(f"{{name: QUANTILE_{number}}}" for number in range(1, 11))
    answered = await asked(
        graph, run, f"{RESEARCH} series(select: [{select}]) {{ values }} config {{ quantiles }}"
    )
    assert answered["config"]["quantiles"] == quantiles
    assert [one["bucket"] for one in answered["quantileAnalysis"]["buckets"]] == list(range(1, quantiles + 1))
    assert answered["quantileAnalysis"] == shown(research.quantiles)
    for number, series in enumerate(answered["series"]):
        expected = research.bucket_returns[:, number] if number < quantiles else np.full(67, np.nan)
        np.testing.assert_array_equal(_numbers(series["values"]), expected)


async def test_series_are_those_of_the_engine(graph: Graph) -> None:
    result, research = computed(cost_bps=10.0)
    expected = {
        "NET": (result.net, "fraction per period"),
        "TURNOVER": (result.trading.turnover, "one-way fraction of a leg's capital per period"),
        "BREADTH": (np.full(67, 6.0), "assets"),
        "IC": (result.ics, "rank correlation"),
        "MARKET": (result.market[result.rows + 1], "fraction per period"),
        "SIGNAL_AUTOCORRELATION": (research.signal_autocorrelations, "rank correlation"),
        "QUANTILE_SPREAD": (research.spread_returns, "fraction per period"),
    }
    select = ", ".join(f"{{name: {name}, transform: VALUE}}" for name in expected)
    answered = await asked(
        graph,
        await store_computed(graph.services.store, result, research),
        f"series(select: [{select}]) {{ name transform unit dates values }}",
    )
    for series, (name, (values, unit)) in zip(answered["series"], expected.items(), strict=True):
        assert (series["name"], series["transform"], series["unit"]) == (name, "VALUE", unit)
        assert series["dates"] == result.dates.astype(str).tolist()
        np.testing.assert_array_equal(_numbers(series["values"]), values)
    assert answered["series"][5]["values"][0] is None, "nothing came before the first signals"


async def test_one_damaged_document_takes_no_other_down(graph: Graph) -> None:
    result, research = computed()
    store = graph.services.store
    sound = await store_computed(store, result, research)
    odd = replace(
        as_stored(result, research), documents=(DocumentRecord(name="RESEARCH", facts={"target": 1}),)
    )
    damaged = await succeeded(store, sound.dataset_id or 0, odd, identity_hash="odd")
    answered = await graph.execute(
        """query ($damaged: ID!, $sound: ID!) {
          damaged: run(id: $damaged) { id ... on FactorRun { icDecay { mean } performance { icMean } } }
          sound: run(id: $sound) { id ... on FactorRun { icDecay { mean } } } }""",
        damaged=run_id(damaged),
        sound=run_id(sound),
    )
    assert answered.data is not None
    assert answered.data["damaged"]["icDecay"] is None
    assert answered.data["damaged"]["performance"]["icMean"] is not None
    assert len(answered.data["sound"]["icDecay"]) == 8
    assert answered.errors is not None
    assert [error.path for error in answered.errors] == [["damaged", "icDecay"]]


async def test_runs_are_found_and_sorted_by_their_research(graph: Graph) -> None:
    store = graph.services.store
    metrics = ("neweyWestT", "probabilisticSharpeRatio", "icMean", "icT", "meanTurnover", "alpha")
    values: dict[str, dict[str, float]] = {}
    for number, factor in enumerate((FactorName.MOMENTUM, FactorName.VALUE, FactorName.SMB)):
        result, research = computed(factor)
        run = await store_computed(store, result, research, identity_hash=f"{number}")
        values[run_id(run)] = {
            to_camel_case(name): value for name, value in shown(result.performance).items()
        }
    for metric in metrics:
        expected = sorted(values, key=lambda run: values[run][metric])
        field = "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in metric)
        found = await graph.ask(
            f"{{ factorRuns(where: {{{metric}: {{gte: {values[expected[1]][metric]!r}}}}},"
            f" orderBy: [{{field: {field}, direction: ASC}}]) {{ totalCount nodes {{ id }} }} }}"
        )
        assert [node["id"] for node in found["factorRuns"]["nodes"]] == expected[1:], metric
        assert found["factorRuns"]["totalCount"] == 2


def _numbers(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values])
