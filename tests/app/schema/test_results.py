"""Reading what runs left: metrics, series, compositions."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from app.errors import InvalidInput
from db.codec import pack_series
from db.models import Series
from db.records import RunResults, SeriesRecord
from engine.factors.registry import FactorName
from tests.app.schema.graph import Graph, Population, add_dataset, config_of, run_id, weekly_dates
from tests.db.samples import new_composition, new_results, succeeded


async def test_undefined_metrics_are_null_with_a_reason(graph: Graph, population: Population) -> None:
    data = await graph.ask(
        """query ($id: ID!) { run(id: $id) { ... on FactorRun { performance {
          sharpeRatio skewness sortinoRatio endDate wipedOutOn undefinedMetrics { metric reason } } } } }""",
        id=run_id(population.runs[FactorName.SMB]),
    )
    undefined = data["run"]["performance"].pop("undefinedMetrics")
    assert data["run"]["performance"] == {
        "sharpeRatio": 1.5,
        "skewness": None,
        "sortinoRatio": None,
        "endDate": "2025-02-02",
        "wipedOutOn": None,
    }
    assert undefined[0] == {"metric": "sortinoRatio", "reason": "TOO_FEW"}
    assert {"metric": "neweyWestT", "reason": "NOT_RECORDED"} in undefined, "an earlier engine's run"


async def test_series_share_their_dates(graph: Graph) -> None:
    store, count = graph.services.store, 500
    random = np.random.default_rng(7)
    dates = weekly_dates(count)
    series = tuple(
        SeriesRecord(name=name, times=dates, values=random.normal(0, 0.02, count))
        for name in ("FACTOR", "LONG")
    )
    results = RunResults(performance=new_results().performance, series=series)
    run = await succeeded(store, await add_dataset(store), results, config=config_of(FactorName.SMB))
    data = await graph.ask(
        """query ($id: ID!) { run(id: $id) { ... on FactorRun {
          series(select: [{}, {name: LONG, transform: GROWTH_OF_100}, {name: SHORT},
                          {transform: ROLLING_VOLATILITY, windowPeriods: 10}],
                 range: {start: "2021-01-01"}, maxPoints: 50) {
            name transform unit windowPeriods sampled sourcePointCount dates times timesNs values
            points { date value } } } } }""",
        id=run_id(run),
    )
    factor, long, short, rolling = data["run"]["series"]
    assert factor["dates"] == long["dates"] == short["dates"] == rolling["dates"]
    assert factor["dates"][0] == "2021-01-03"
    assert factor["times"] == [f"{day}T00:00:00+00:00" for day in factor["dates"]]
    assert factor["timesNs"] == [str(np.datetime64(day, "ns").astype(int)) for day in factor["dates"]]
    assert len(factor["dates"]) <= 50
    assert factor["sampled"] is True
    assert factor["sourcePointCount"] == int((dates >= np.datetime64("2021-01-01")).sum())
    assert (factor["name"], factor["transform"], factor["unit"]) == (
        "FACTOR",
        "RETURN",
        "fraction per period",
    )
    assert short["values"] == [None] * len(short["dates"])
    assert rolling["windowPeriods"] == 10
    growth = dict(zip(long["dates"], long["values"], strict=True))
    expected = 100 * np.prod(1 + series[1].values)
    assert growth[str(dates[-1])] == pytest.approx(expected), "a range does not restart the growth"
    assert factor["points"] == [
        {"date": day, "value": value} for day, value in zip(factor["dates"], factor["values"], strict=True)
    ]


async def test_series_of_trades_have_times_of_day(graph: Graph) -> None:
    moment = np.datetime64("2024-02-29T23:59:59.123456789")
    trades = SeriesRecord(
        name="FACTOR", times=np.array([moment, moment]), values=np.array([100.0, 99.5]), unit="USD"
    )
    results = RunResults(performance=new_results().performance, series=(trades,))
    run = await succeeded(
        graph.services.store,
        await add_dataset(graph.services.store),
        results,
        config=config_of(FactorName.SMB),
    )
    data = await graph.ask(
        """query ($id: ID!) { run(id: $id) { ... on FactorRun {
          series(select: [{transform: VALUE}]) { unit dates times timesNs values } } } }""",
        id=run_id(run),
    )
    assert data["run"]["series"] == [
        {
            "unit": "USD",
            "dates": ["2024-02-29"] * 2,
            "times": ["2024-02-29T23:59:59.123456+00:00"] * 2,
            "timesNs": ["1709251199123456789"] * 2,
            "values": [100.0, 99.5],
        }
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        "select: []",
        "maxPoints: 0",
        "maxPoints: 1",
        "maxPoints: 100001",
        "select: [{windowPeriods: 5}]",
        "select: [{transform: ROLLING_SHARPE, windowPeriods: 0}]",
        'range: {start: "2025-01-10", end: "2025-01-01"}',
    ],
)
async def test_wrong_arguments_of_series_fail_the_series_alone(
    graph: Graph, population: Population, arguments: str
) -> None:
    result = await graph.execute(
        "query ($id: ID!) { run(id: $id) { id ... on FactorRun {"
        f" series({arguments}) {{ name values }} }} }} }}",
        id=run_id(population.runs[FactorName.SMB]),
    )
    assert result.data is not None
    assert result.data["run"]["series"] is None
    assert result.data["run"]["id"]
    assert result.errors is not None
    assert isinstance(result.errors[0].original_error, InvalidInput)


async def test_monthly_returns_are_compounded(graph: Graph, population: Population) -> None:
    data = await graph.ask(
        "query ($id: ID!) { run(id: $id) { ... on FactorRun { monthlyReturns { year month return } } } }",
        id=run_id(population.runs[FactorName.SMB]),
    )
    january, february = data["run"]["monthlyReturns"]
    values = np.linspace(-0.05, 0.05, 5)
    assert (january["year"], january["month"]) == (2025, 1)
    assert january["return"] == pytest.approx(np.prod(1 + values[:4]) - 1)
    assert february["return"] == pytest.approx(0.05)


async def test_a_composition_is_that_of_the_period_which_holds_the_day(
    graph: Graph, population: Population
) -> None:
    data = await graph.ask(
        """query ($id: ID!) { run(id: $id) { ... on FactorRun { compositionDates
          latest: composition { date startDate
            long { asset weight periodReturn signal marketCap } short { asset } }
          first: composition(date: "2025-01-06") { date }
          gap: composition(date: "2025-01-15") { date }
          after: composition(date: "2026-01-01") { date } } } }""",
        id=run_id(population.runs[FactorName.SMB]),
    )
    run = data["run"]
    assert run["compositionDates"] == ["2025-01-12", "2025-01-26"]
    assert (run["latest"]["date"], run["latest"]["startDate"]) == ("2025-01-26", "2025-01-19")
    assert [holding["asset"] for holding in run["latest"]["long"]] == ["ada", "btc", "eth"]
    assert run["latest"]["long"][0] == {
        "asset": "ada",
        "weight": pytest.approx(1 / 3),
        "periodReturn": None,
        "signal": 1.0,
        "marketCap": 1e6,
    }
    assert run["first"] == {"date": "2025-01-12"}
    assert run["gap"] is run["after"] is None


async def test_a_long_only_composition_has_an_empty_short_leg(graph: Graph) -> None:
    store = graph.services.store
    results = RunResults(
        performance=new_results().performance,
        series=(),
        compositions=(new_composition(date(2025, 1, 5), short=False),),
    )
    run = await succeeded(store, await add_dataset(store), results, config=config_of(FactorName.MARKET))
    data = await graph.ask(
        "query ($id: ID!) { run(id: $id) { ... on FactorRun { composition { short { asset } } } } }",
        id=run_id(run),
    )
    assert data["run"]["composition"] == {"short": []}


async def test_one_damaged_series_takes_no_other_down(graph: Graph, population: Population) -> None:
    damaged, sound = population.runs[FactorName.SMB], population.runs[FactorName.VALUE]
    series = Series.__table__
    blob = pack_series(SeriesRecord(name="FACTOR", times=weekly_dates(3), values=np.zeros(3)))
    async with graph.services.store.write() as connection:
        await connection.execute(
            series.update().where(series.c.run_id == damaged.id).values(packed=blob.payload)
        )
    result = await graph.execute(
        """query ($damaged: ID!, $sound: ID!) {
          damaged: run(id: $damaged) { id ... on FactorRun { series { values } } }
          sound: run(id: $sound) { id ... on FactorRun { series { values } } } }""",
        damaged=run_id(damaged),
        sound=run_id(sound),
    )
    assert result.data is not None
    assert result.data["damaged"]["series"] is None
    assert len(result.data["sound"]["series"][0]["values"]) == 5
    assert result.errors is not None
    assert [error.path for error in result.errors] == [["damaged", "series"]]
