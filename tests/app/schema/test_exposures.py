"""Exposures, betas of assets and correlations of factors as clients ask for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import strawberry
from graphql import parse

from app.boundary.query_cost import QueryCostMeter
from app.errors import InvalidInput, LimitExceeded, RunNotFound, UnknownAssets
from app.features.exposures.service import TooFewObservations
from app.schema.node_ids import encode_id
from db.datasets import get_datasets
from db.records import DatasetRecord, RunRecord
from engine.factors.registry import FactorName
from tests.app.exposing import (
    ALPHA,
    MARKET,
    MARKET_BETA,
    SMB,
    SMB_BETA,
    SUNDAYS,
    WEEKS,
    add_content,
    add_run,
    discount_rates,
)
from tests.app.schema.graph import Graph, refusal, run_id

pytestmark = pytest.mark.usefixtures("exposed")

EXPOSURES = """
query ($input: ExposureInput!) {
  exposures(input: $input) {
    __typename
    ... on Exposures {
      dataset { name } asOf method returns riskFree startDate endDate observations confidence notes
      positions { asset amount price value weight }
      regressions {
        factors { factor run { id } beta lower upper varianceInflation pValue }
        alpha rSquared residualVolatility observations lag
      }
      rolling { windowWeeks weeks series { factor betas } }
      attribution {
        startDate endDate total weeks portfolioReturns parts { name kind linked contributions }
        undefined { reason detail }
      }
    }
    ... on Error { message code hint }
    ... on InvalidInput { fieldErrors { path code message } }
    ... on UnknownAssets { unknown { asset near } }
    ... on TooFewObservations { observations needed }
    ... on UndefinedExposures { reason }
    ... on MissingField { field }
  }
}
"""


def weights(**of_asset: float) -> dict[str, Any]:
    return {"weights": [{"asset": asset, "number": number} for asset, number in of_asset.items()]}


async def ask(graph: Graph, **input: Any) -> dict[str, Any]:
    input = {"portfolio": weights(bitcoin=0.5, ether=-0.25), **input}
    return (await graph.ask(EXPOSURES, input=input))["exposures"]


async def fault(graph: Graph, **input: Any) -> tuple[list[str], str]:
    found = await ask(graph, **input)
    assert found["__typename"] == "InvalidInput", found
    (one,) = found["fieldErrors"]
    return one["path"], one["code"]


async def test_betas_of_a_portfolio(graph: Graph, exposed: list[RunRecord]) -> None:
    found = await ask(graph)
    assert found["dataset"] == {"name": "coins"}
    assert (found["method"], found["returns"], found["riskFree"]) == ("JOINT", "SIMPLE", None)
    assert (found["startDate"], found["endDate"]) == (str(SUNDAYS[0]), str(SUNDAYS[-1]))
    (fit,) = found["regressions"]
    by_factor = {one["factor"]: one for one in fit["factors"]}
    assert by_factor["market"]["run"]["id"] == run_id(exposed[0])
    assert by_factor["market"]["beta"] == pytest.approx(
        0.5 * MARKET_BETA["bitcoin"] - 0.25 * MARKET_BETA["ether"], rel=1e-9
    )
    assert by_factor["smb"]["beta"] == pytest.approx(
        0.5 * SMB_BETA["bitcoin"] - 0.25 * SMB_BETA["ether"], rel=1e-9
    )
    assert fit["alpha"] == pytest.approx(52 * 0.25 * ALPHA, rel=1e-9)
    assert found["rolling"] is None


async def test_parts_of_the_return_add_up(graph: Graph) -> None:
    found = await ask(graph, riskFree={"annualRate": 0.05})
    attribution = found["attribution"]
    parts = {one["name"]: one for one in attribution["parts"]}
    assert {one["kind"] for one in attribution["parts"]} == {"FACTOR", "ALPHA", "RISK_FREE", "RESIDUAL"}
    assert {name for name, one in parts.items() if one["kind"] == "FACTOR"} == {"market", "smb"}
    contributions = np.array([one["contributions"] for one in attribution["parts"]])
    assert contributions.sum(axis=0) == pytest.approx(attribution["portfolioReturns"], abs=1e-15)
    assert sum(one["linked"] for one in attribution["parts"]) == pytest.approx(
        attribution["total"], abs=1e-12
    )
    compounded = np.prod(1 + np.array(attribution["portfolioReturns"])) - 1
    assert attribution["total"] == pytest.approx(compounded)


async def test_attribution_of_a_part_of_the_span(graph: Graph) -> None:
    query = """query ($input: ExposureInput!, $start: Date, $end: Date) {
      exposures(input: $input) { ... on Exposures {
        attribution(startDate: $start, endDate: $end) {
          startDate endDate total weeks parts { name } undefined { reason }
        }
      } }
    }"""
    portfolio = {"portfolio": weights(bitcoin=1.0)}
    span = {"start": str(SUNDAYS[10]), "end": str(SUNDAYS[19])}
    found = (await graph.ask(query, input=portfolio, **span))["exposures"]["attribution"]
    assert (found["startDate"], found["endDate"], len(found["weeks"])) == (span["start"], span["end"], 10)
    none = {"start": "2030-01-06"}
    found = (await graph.ask(query, input=portfolio, **none))["exposures"]["attribution"]
    assert found == {
        "startDate": None,
        "endDate": None,
        "total": None,
        "weeks": [],
        "parts": [],
        "undefined": {"reason": "TOO_FEW_PERIODS"},
    }


async def test_one_regression_a_factor_has_no_attribution(graph: Graph) -> None:
    found = await ask(graph, method="UNIVARIATE", returns="LOG")
    assert [len(fit["factors"]) for fit in found["regressions"]] == [1, 1]
    assert found["attribution"] is None


async def test_rolling_betas_begin_with_the_first_full_window(graph: Graph) -> None:
    for method in ("JOINT", "UNIVARIATE"):
        rolling = (await ask(graph, rollingWeeks=30, method=method))["rolling"]
        assert (rolling["windowWeeks"], len(rolling["weeks"])) == (30, WEEKS - 29)
        assert rolling["weeks"][0] == str(SUNDAYS[29])
        assert {one["factor"] for one in rolling["series"]} == {"market", "smb"}
        assert all(len(one["betas"]) == WEEKS - 29 for one in rolling["series"])
        if method == "JOINT":
            betas = {one["factor"]: one["betas"] for one in rolling["series"]}
            exact = 0.5 * SMB_BETA["bitcoin"] - 0.25 * SMB_BETA["ether"]
            assert betas["smb"] == pytest.approx([exact] * (WEEKS - 29), rel=1e-9)


async def test_amounts_are_turned_into_values(graph: Graph) -> None:
    found = await ask(graph, portfolio={"amounts": [{"asset": "BTC", "number": 2}]})
    assert found["asOf"] == str(SUNDAYS[-1])
    (position,) = found["positions"]
    assert position["asset"] == "bitcoin"
    assert position["value"] == 2 * position["price"]
    assert position["weight"] == 1.0


async def test_a_risk_free_dataset(graph: Graph, exposed: list[RunRecord]) -> None:
    await add_content(graph.services, discount_rates(), "bills")
    runs = [run_id(run) for run in exposed]
    found = await ask(graph, runs=runs, riskFree={"dataset": {"name": "bills"}})
    assert found["riskFree"] == "^IRX of bills v1"
    found = await ask(graph, runs=runs, riskFree={"dataset": {"name": "coins"}})
    assert (found["code"], found["field"]) == ("MISSING_FIELD", "discount_rate")


async def test_errors_point_into_the_input(graph: Graph, exposed: list[RunRecord]) -> None:
    market, smb = map(run_id, exposed)
    nothing = {"values": [{"asset": "btc", "number": 0}]}
    assert await fault(graph, portfolio=nothing) == (["input", "portfolio", "values"], "EMPTY_PORTFOLIO")
    unclear = {"values": [{"asset": "btc", "number": 1}, {"asset": "Eth", "number": 1}]}
    path = ["input", "portfolio", "values", "1", "asset"]
    assert await fault(graph, portfolio=unclear) == (path, "AMBIGUOUS")
    assert await fault(graph, runs=[market, smb, market]) == (["input", "runs", "2"], "DUPLICATE")
    dataset = encode_id("Dataset", 1)
    assert await fault(graph, runs=[market, dataset]) == (["input", "runs", "1"], "INVALID_ID")
    path = ["input", "riskFree", "annualRate"]
    assert await fault(graph, riskFree={"annualRate": 5}) == (path, "OUT_OF_RANGE")
    path = ["input", "endDate"]
    span = {"startDate": "2022-01-02", "endDate": "2022-01-01"}
    assert await fault(graph, **span) == (path, "OUT_OF_RANGE")
    assert await fault(graph, minObservations=1) == (["input", "minObservations"], "OUT_OF_RANGE")
    assert await fault(graph, rollingWeeks=2) == (["input", "rollingWeeks"], "OUT_OF_RANGE")


async def test_messages_spell_options_as_the_graph_does(graph: Graph) -> None:
    found = await ask(graph, minObservations=1)
    assert found["message"].startswith("minObservations must be between 10 and 5,000")


async def test_expected_errors_are_members_of_the_result(graph: Graph, exposed: list[RunRecord]) -> None:
    found = await ask(graph, portfolio=weights(bitcoinn=1.0, nothing=1.0))
    assert found["__typename"] == "UnknownAssets"
    assert found["unknown"] == [
        {"asset": "bitcoinn", "near": ["bitcoin"]},
        {"asset": "nothing", "near": []},
    ]
    found = await ask(graph, portfolio=weights(late=1.0))
    assert (found["__typename"], found["observations"], found["needed"]) == (
        "TooFewObservations",
        WEEKS - 91,
        52,
    )
    found = await ask(graph, runs=[encode_id("FactorRun", 10**9)])
    assert found["__typename"] == "RunNotFound"
    found = await ask(graph, dataset={"name": "none"})
    assert found["__typename"] == "DatasetNotFound"
    dataset = await dataset_of(graph, exposed[0])
    double = await add_run(graph.services, dataset, FactorName.VALUE, SMB + MARKET)
    found = await ask(graph, runs=[*map(run_id, exposed), run_id(double)])
    assert (found["__typename"], found["reason"]) == ("UndefinedExposures", "COLLINEAR_FACTORS")
    assert found["hint"] == "leave one of the factors out"


async def dataset_of(graph: Graph, run: RunRecord) -> DatasetRecord:
    assert run.dataset_id is not None
    return (await get_datasets(graph.services.store, [run.dataset_id]))[run.dataset_id]


async def test_betas_of_assets(graph: Graph, exposed: list[RunRecord]) -> None:
    query = "query ($run: ID!) { assetBetas(run: $run) { asset beta pValue lower rSquared observations } }"
    found = {one["asset"]: one for one in (await graph.ask(query, run=run_id(exposed[0])))["assetBetas"]}
    assert found["bitcoin"]["lower"] < found["bitcoin"]["beta"]
    assert 0 < found["bitcoin"]["rSquared"] < 1
    assert found["late"] == {
        "asset": "late",
        "beta": None,
        "pValue": None,
        "lower": None,
        "rSquared": None,
        "observations": WEEKS - 91,
    }
    assert found["priceless"]["observations"] == 0


async def test_betas_that_cannot_be_told(graph: Graph, exposed: list[RunRecord]) -> None:
    query = "query ($run: ID!, $assets: [String!]) { assetBetas(run: $run, assets: $assets) { beta } }"
    run = run_id(exposed[0])
    assert isinstance(await refusal(graph, query, run=run, assets=["doge"]), UnknownAssets)
    error = await refusal(graph, query, run=run, assets=["btc", "eth"])
    assert isinstance(error, InvalidInput)
    assert error.field_errors[0].path == ("assets", "1")
    error = await refusal(graph, query, run=run, assets=["btc"] * 1_001)
    assert isinstance(error, InvalidInput)
    assert error.field_errors[0].path == ("assets",)
    missing = encode_id("FactorRun", 10**9)
    assert isinstance(await refusal(graph, query, run=missing), RunNotFound)


async def test_correlations_of_factors(graph: Graph, exposed: list[RunRecord]) -> None:
    query = """query ($runs: [ID!]!) {
      factorCorrelations(runs: $runs) { runs { id } labels values observations startDate endDate }
    }"""
    runs = [run_id(run) for run in exposed]
    found = (await graph.ask(query, runs=runs))["factorCorrelations"]
    expected = np.corrcoef(MARKET, SMB)[0, 1]
    assert found == {
        "runs": [{"id": run} for run in runs],
        "labels": ["market", "smb"],
        "values": [[1.0, pytest.approx(expected)], [pytest.approx(expected), 1.0]],
        "observations": WEEKS,
        "startDate": str(SUNDAYS[0]),
        "endDate": str(SUNDAYS[-1]),
    }
    error = await refusal(graph, query, runs=runs[:1])
    assert isinstance(error, InvalidInput)
    assert error.field_errors[0].path == ("runs",)


async def test_correlations_need_weeks_in_common(graph: Graph, exposed: list[RunRecord]) -> None:
    dataset = await dataset_of(graph, exposed[0])
    before = await add_run(graph.services, dataset, FactorName.VALUE, SMB, dates=SUNDAYS - 7 * WEEKS)
    query = "query ($runs: [ID!]!) { factorCorrelations(runs: $runs) { labels } }"
    error = await refusal(graph, query, runs=[run_id(exposed[0]), run_id(before)])
    assert isinstance(error, TooFewObservations)


def test_a_request_holds_a_few_exposures_at_most(schema: strawberry.Schema) -> None:
    meter = QueryCostMeter(schema._schema)
    portfolio = '{portfolio: {weights: [{asset: "btc", number: 1}]}}'
    few = [f"e{at}: exposures(input: {portfolio}) {{ __typename }}" for at in range(5)]
    meter.check(parse(f"{{ {' '.join(few[:4])} }}"))
    with pytest.raises(LimitExceeded):
        meter.check(parse(f"{{ {' '.join(few)} }}"))


def test_everything_about_one_portfolio_fits_a_request(schema: strawberry.Schema) -> None:
    meter = QueryCostMeter(schema._schema)
    cost = meter.check(parse(EXPOSURES))
    assert cost.values < meter.limits.values / 2
