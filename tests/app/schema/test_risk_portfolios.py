"""A portfolio's risk by a risk model, and the best portfolio, as clients ask for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import strawberry

from app.context import Services
from app.errors import InvalidInput
from app.execution.adhoc import AdHocFailed
from db.records import RunRecord
from engine.risk.optimize import maximum_sharpe, minimum_variance
from engine.risk.portfolio_limits import ExposureLimit, PortfolioLimits
from engine.risk.portfolio_risk import ValueAtRiskConfig, portfolio_risk
from tests.app.modelling import panel
from tests.app.schema.graph import Graph
from tests.app.schema.modelling import InThisProcess, model_id, modelled

LATEST = "2016-04-04"
DECOMPOSITION = """{ volatility factorVolatility specificVolatility specificContribution specificShare
  assetCount factors { name kind exposure volatility correlation marginal contribution share }
  assets(top: 1000) { asset weight marginal contribution share specificVolatility } }"""
ERRORS = """... on Error { message code hint } ... on InvalidInput { fieldErrors { path code message } }
  ... on UnknownAssets { unknown { asset near } } ... on MissingRisk { assets }"""
RISK = f"""query ($id: ID!, $input: PortfolioRiskInput!) {{ run(id: $id) {{ ... on RiskModelRun {{
  portfolioRisk(input: $input) {{ __typename {ERRORS} ... on PortfolioRisk {{
    date asOf benchmarkAsOf confidence horizonDays valueAtRisk beta
    positions {{ asset amount price value weight }}
    total {DECOMPOSITION} benchmark {DECOMPOSITION} active {DECOMPOSITION} }} }} }} }} }}"""
OPTIMIZE = f"""query ($id: ID!, $input: OptimizeInput!) {{ run(id: $id) {{ ... on RiskModelRun {{
  optimize(input: $input) {{ __typename {ERRORS} ... on NoOptimalPortfolio {{ reason }}
    ... on OptimalPortfolio {{
    date asOf objective volatility expectedReturn sharpeRatio turnover iterations weightCount
    weights {{ asset weight currentWeight trade }} risk {DECOMPOSITION} }} }} }} }} }}"""


@pytest.fixture
def executor() -> InThisProcess:
    return InThisProcess()


@pytest.fixture
def graph(schema: strawberry.Schema, services: Services, executor: InThisProcess) -> Graph:
    """What readers ask to be computed is."""
    return Graph(schema, replace(services, executor=executor))


async def risk(graph: Graph, run: RunRecord, **input: Any) -> dict[str, Any]:
    return (await graph.ask(RISK, id=model_id(run), input=input))["run"]["portfolioRisk"]


async def best(graph: Graph, run: RunRecord, **input: Any) -> dict[str, Any]:
    return (await graph.ask(OPTIMIZE, id=model_id(run), input=input))["run"]["optimize"]


def weights(**of_asset: float) -> dict[str, Any]:
    return {"weights": [{"asset": asset, "number": number} for asset, number in of_asset.items()]}


def vector(**of_asset: float) -> np.ndarray:
    found = np.zeros(len(modelled().assets))
    for asset, number in of_asset.items():
        found[modelled().assets.index(asset)] = number
    return found


def nulls(values: Any) -> list[float | None]:
    return [None if np.isnan(value) else value for value in np.asarray(values).tolist()]


def same(shown: dict[str, Any], engine: Any, held: np.ndarray) -> None:
    """A decomposition as the engine gives it."""
    assert shown["volatility"] == pytest.approx(engine.volatility)
    assert shown["factorVolatility"] == pytest.approx(engine.factor_volatility)
    assert shown["specificVolatility"] == pytest.approx(engine.specific_volatility)
    assert shown["specificContribution"] == pytest.approx(engine.specific_contribution)
    assert shown["specificShare"] == pytest.approx(engine.specific_share)
    columns = {
        "name": list(modelled().factors),
        "exposure": nulls(engine.exposures),
        "volatility": nulls(engine.factor_volatilities),
        "correlation": nulls(engine.factor_correlations),
        "marginal": nulls(engine.factor_marginals),
        "contribution": nulls(engine.factor_contributions),
        "share": nulls(engine.factor_shares),
    }
    for name, expected in columns.items():
        found = [factor[name] for factor in shown["factors"]]
        assert found == (expected if name == "name" else pytest.approx(expected)), name
    ordinals = {asset: at for at, asset in enumerate(modelled().assets)}
    assert shown["assetCount"] == np.count_nonzero(held) == len(shown["assets"])
    sizes = [abs(one["contribution"]) for one in shown["assets"]]
    assert sizes == sorted(sizes, reverse=True)
    for one in shown["assets"]:
        at = ordinals[one["asset"]]
        assert one["weight"] == pytest.approx(held[at])
        assert one["marginal"] == pytest.approx(engine.asset_marginals[at])
        assert one["contribution"] == pytest.approx(engine.asset_contributions[at])
        assert one["share"] == pytest.approx(engine.asset_shares[at])


# -- a portfolio's risk ------------------------------------------------------------------------------------


async def test_the_risk_is_the_engines_and_adds_up(graph: Graph, model: RunRecord) -> None:
    found = await risk(
        graph,
        model,
        portfolio=weights(two=0.5, A0005=0.4, a0007=-0.2),
        confidence=0.99,
        horizonDays=10,
    )
    held = vector(A0002=0.5, A0005=0.4, A0007=-0.2)
    outlook = modelled().outlook
    loss = ValueAtRiskConfig(confidence=0.99, horizon_days=10)
    expected = portfolio_risk(outlook.forecast(-1), held, modelled().days_per_year, value_at_risk=loss)
    assert found["__typename"] == "PortfolioRisk"
    assert (found["date"], found["asOf"], found["beta"]) == (LATEST, None, None)
    assert (found["confidence"], found["horizonDays"]) == (0.99, 10)
    assert (found["benchmark"], found["active"], found["benchmarkAsOf"]) == (None, None, None)
    assert found["valueAtRisk"] == pytest.approx(expected.value_at_risk)
    assert found["positions"] == [
        {"asset": asset, "amount": None, "price": None, "value": None, "weight": weight}
        for asset, weight in (("A0002", 0.5), ("A0005", 0.4), ("A0007", -0.2))
    ]
    total = found["total"]
    same(total, expected.total, held)
    for parts in (total["factors"], total["assets"]):
        specific = total["specificContribution"] if parts is total["factors"] else 0.0
        added = sum(one["contribution"] for one in parts) + specific
        assert added == pytest.approx(total["volatility"], rel=1e-12)
    assert total["volatility"] ** 2 == pytest.approx(
        total["factorVolatility"] ** 2 + total["specificVolatility"] ** 2
    )


async def test_against_the_index(graph: Graph, model: RunRecord) -> None:
    found = await risk(
        graph, model, portfolio=weights(A0002=1.0), benchmark={"index": "MARKET_CAP"}, date="2015-09-15"
    )
    outlook = modelled().outlook
    at = 5
    assert found["date"] == str(outlook.dates[at]) == "2015-08-31"
    caps = np.where(outlook.universe[at], outlook.caps[at], 0.0)
    index = caps / caps.sum()
    held = vector(A0002=1.0)
    expected = portfolio_risk(outlook.forecast(at), held, modelled().days_per_year, benchmark=index)
    same(found["benchmark"], expected.benchmark, index)
    same(found["active"], expected.active, held - index)
    assert found["beta"] == pytest.approx(expected.beta)
    assert found["benchmarkAsOf"] is None


async def test_against_another_portfolio(graph: Graph, model: RunRecord) -> None:
    other = {"portfolio": {"amounts": [{"asset": "A0005", "number": 2}, {"asset": "three", "number": 1}]}}
    found = await risk(graph, model, portfolio=weights(A0002=1.0), benchmark=other)
    prices = panel(changing=True).fields["price"][-1]
    values = np.array([2 * prices[5], prices[3]])
    reference = vector(A0005=values[0] / values.sum(), A0003=values[1] / values.sum())
    expected = portfolio_risk(
        modelled().outlook.forecast(-1), vector(A0002=1.0), modelled().days_per_year, benchmark=reference
    )
    assert found["benchmarkAsOf"] == LATEST
    same(found["benchmark"], expected.benchmark, reference)
    same(found["active"], expected.active, vector(A0002=1.0) - reference)


async def test_amounts_are_valued_when_the_forecast_was_made(graph: Graph, model: RunRecord) -> None:
    amounts = {"amounts": [{"asset": "A0005", "number": 2}, {"asset": "A0001", "number": 3}]}
    found = await risk(graph, model, portfolio=amounts, date="2015-07-04")
    content = panel(changing=True)
    row = int(np.searchsorted(content.dates, np.datetime64("2015-06-30")))
    prices = content.fields["price"][row]
    assert (found["date"], found["asOf"]) == ("2015-06-30", "2015-06-30")
    assert [one["price"] for one in found["positions"]] == [prices[5], prices[1]]
    shares = np.array([2 * prices[5], 3 * prices[1]])
    np.testing.assert_allclose([one["weight"] for one in found["positions"]], shares / shares.sum())


async def test_a_portfolio_without_risk_has_no_shares(graph: Graph, model: RunRecord) -> None:
    found = await risk(
        graph, model, portfolio=weights(A0002=0.5), benchmark={"portfolio": weights(A0002=0.5)}
    )
    active = found["active"]
    assert (active["volatility"], active["assetCount"], active["assets"]) == (0.0, 0, [])
    assert active["specificShare"] is None
    assert {factor["share"] for factor in active["factors"]} == {None}
    assert {factor["contribution"] for factor in active["factors"]} == {0.0}
    assert found["beta"] == pytest.approx(1.0)


async def test_the_largest_contributions_alone(graph: Graph, model: RunRecord) -> None:
    query = """query ($id: ID!, $input: PortfolioRiskInput!, $top: Int!) { run(id: $id) {
      ... on RiskModelRun { portfolioRisk(input: $input) { ... on PortfolioRisk {
        benchmark { assetCount assets(top: $top) { asset } } } } } } }"""
    input = {"portfolio": weights(A0002=1.0), "benchmark": {"index": "MARKET_CAP"}}
    found = (await graph.ask(query, id=model_id(model), input=input, top=3))["run"]["portfolioRisk"]
    whole = (await risk(graph, model, **input))["benchmark"]["assets"]
    assert found["benchmark"]["assetCount"] == len(whole) == 39
    assert [one["asset"] for one in found["benchmark"]["assets"]] == [one["asset"] for one in whole[:3]]
    for top in (0, 1_001):
        result = await graph.execute(query, id=model_id(model), input=input, top=top)
        assert result.errors is not None
        assert isinstance(result.errors[0].original_error, InvalidInput)
        assert result.data == {"run": {"portfolioRisk": {"benchmark": {"assetCount": 39, "assets": None}}}}


async def fault(graph: Graph, run: RunRecord, **input: Any) -> tuple[list[str], str]:
    found = await risk(graph, run, **{"portfolio": weights(A0002=1.0), **input})
    assert found["__typename"] == "InvalidInput", found
    (error,) = found["fieldErrors"]
    return error["path"], error["code"]


async def test_faults_point_into_the_input(graph: Graph, model: RunRecord) -> None:
    assert await fault(graph, model, confidence=0.4) == (["input", "confidence"], "OUT_OF_RANGE")
    assert await fault(graph, model, horizonDays=0) == (["input", "horizonDays"], "OUT_OF_RANGE")
    assert await fault(graph, model, date="2015-03-30") == (["input", "date"], "BEFORE_FIRST_FORECAST")
    path = ["input", "portfolio", "weights"]
    assert await fault(graph, model, portfolio=weights()) == (path, "OUT_OF_RANGE")
    assert await fault(graph, model, portfolio=weights(A0002=0.0)) == (path, "EMPTY_PORTFOLIO")
    assert await fault(graph, model, portfolio=weights(A0002=1e7)) == (path, "OUT_OF_RANGE")
    path = ["input", "benchmark", "portfolio", "values"]
    empty = {"portfolio": {"values": [{"asset": "A0002", "number": 0}]}}
    assert await fault(graph, model, benchmark=empty) == (path, "EMPTY_PORTFOLIO")
    found = await risk(graph, model, portfolio=weights(A0002=1.0), horizonDays=0)
    assert found["message"].startswith("horizonDays must be from 1 to 2520")


async def test_expected_errors_are_members_of_the_result(graph: Graph, model: RunRecord) -> None:
    found = await risk(graph, model, portfolio=weights(A0002=0.5, A002=0.5))
    assert (found["__typename"], found["code"]) == ("UnknownAssets", "UNKNOWN_ASSETS")
    assert found["unknown"][0]["asset"] == "A002"
    found = await risk(graph, model, portfolio=weights(A0002=0.5, A0001=0.5))  # which has left
    assert (found["__typename"], found["assets"]) == ("MissingRisk", ["A0001"])
    assert found["message"] == "the risk model has no forecast for A0001"
    found = await risk(graph, model, portfolio=weights(A0002=1.0, A0001=0.0))
    assert found["__typename"] == "PortfolioRisk"


async def test_only_amounts_need_the_datasets_files(graph: Graph, model: RunRecord) -> None:
    for path in sorted(graph.services.settings.datasets_dir.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    amounts = {"amounts": [{"asset": "A0005", "number": 2}]}
    assert (await risk(graph, model, portfolio=amounts))["__typename"] == "DatasetUnavailable"
    assert (await risk(graph, model, portfolio=weights(two=1.0)))["__typename"] == "PortfolioRisk"


# -- the best portfolio ------------------------------------------------------------------------------------


def found_weights(found: dict[str, Any]) -> np.ndarray:
    return vector(**{one["asset"]: one["weight"] for one in found["weights"]})


async def test_the_least_variance_is_the_engines(graph: Graph, model: RunRecord) -> None:
    found = await best(graph, model, objective="MINIMUM_VARIANCE", upper=0.1)
    forecast = modelled().outlook.forecast(-1)
    expected = minimum_variance(forecast, PortfolioLimits(upper=0.1))
    assert found["__typename"] == "OptimalPortfolio"
    assert (found["date"], found["objective"], found["asOf"]) == (LATEST, "MINIMUM_VARIANCE", None)
    np.testing.assert_allclose(found_weights(found), expected.weights, atol=1e-6)
    assert found["volatility"] == pytest.approx(expected.volatility, rel=1e-9)
    assert (found["expectedReturn"], found["sharpeRatio"]) == (None, None)
    assert found["turnover"] == pytest.approx(0.5)
    assert found["weightCount"] == np.count_nonzero(found_weights(found))
    assert found["iterations"] > 0
    assert found["risk"]["volatility"] == pytest.approx(found["volatility"])
    sizes = [abs(one["weight"]) for one in found["weights"]]
    assert sizes == sorted(sizes, reverse=True)
    added = sum(one["contribution"] for one in found["risk"]["assets"])
    assert added == pytest.approx(found["volatility"])


async def test_the_largest_sharpe_ratio_is_the_engines(graph: Graph, model: RunRecord) -> None:
    expected_returns = {f"A{number:04}": 0.05 + 0.01 * (number % 7) for number in range(2, 20)}
    found = await best(
        graph,
        model,
        objective="MAXIMUM_SHARPE",
        expectedReturns=weights(**expected_returns)["weights"],
        riskFreeRate=0.02,
        upper=0.3,
        date="2015-12-31",
    )
    forecast = modelled().outlook.forecast(9)
    returns = np.where(vector(**expected_returns) == 0.0, np.nan, vector(**expected_returns))
    expected = maximum_sharpe(forecast, returns, PortfolioLimits(upper=0.3), risk_free=0.02)
    assert found["date"] == "2015-12-31"
    np.testing.assert_allclose(found_weights(found), expected.weights, atol=1e-6)
    assert found["sharpeRatio"] == pytest.approx(expected.sharpe_ratio, rel=1e-8)
    assert found["expectedReturn"] == pytest.approx(expected.expected_return, rel=1e-6)


async def test_all_limits_hold(graph: Graph, model: RunRecord, executor: InThisProcess) -> None:
    found = await best(
        graph,
        model,
        objective="MINIMUM_VARIANCE",
        assets=["two", "A0005", "A0006", "A0008", "A0009"],
        bounds=[{"asset": "three", "lower": 0.05}, {"asset": "A0005", "upper": 0.15}],
        lower=0.01,
        upper=0.5,
        budget=0.9,
        current={"weights": [{"asset": "A0006", "number": 0.6}, {"asset": "A0030", "number": 0.2}]},
        maxTurnover=0.8,
        exposureLimits=[{"factor": "SIGNAL", "low": -0.1, "high": 0.1}, {"factor": "S0", "high": 0.3}],
    )
    held = found_weights(found)
    shown = {one["asset"]: one for one in found["weights"]}
    assert held.sum() == pytest.approx(0.9)
    assert set(shown) == {"A0002", "A0003", "A0005", "A0006", "A0008", "A0009", "A0030"}
    assert shown["A0030"] == {"asset": "A0030", "weight": 0.0, "currentWeight": 0.2, "trade": -0.2}
    assert shown["A0003"]["weight"] >= 0.05 - 1e-8
    assert 0.01 - 1e-8 <= shown["A0005"]["weight"] <= 0.15 + 1e-8
    assert found["turnover"] <= 0.8 + 1e-6
    traded = sum(abs(one["trade"]) for one in found["weights"]) / 2
    assert found["turnover"] == pytest.approx(traded)
    exposures = {factor["name"]: factor["exposure"] for factor in found["risk"]["factors"]}
    assert abs(exposures["SIGNAL"]) <= 0.1 + 1e-6
    assert exposures["S0"] <= 0.3 + 1e-6
    (task,) = executor.asked
    # the solver is asked of those alone that take part
    assert task.forecast.assets == tuple(sorted(shown))
    lower, upper, current = np.zeros(40), np.zeros(40), vector(A0006=0.6, A0030=0.2)
    for asset in ("A0002", "A0003", "A0005", "A0006", "A0008", "A0009"):
        lower += vector(**{asset: 0.05 if asset == "A0003" else 0.01})
        upper += vector(**{asset: 0.15 if asset == "A0005" else 0.5})
    expected = minimum_variance(
        modelled().outlook.forecast(-1),
        PortfolioLimits(
            lower=lower,
            upper=upper,
            budget=0.9,
            current=current,
            max_turnover=0.8,
            exposures=(
                ExposureLimit(factor="SIGNAL", low=-0.1, high=0.1),
                ExposureLimit(factor="S0", high=0.3),
            ),
        ),
    )
    assert found["volatility"] == pytest.approx(expected.volatility, rel=1e-7)


async def test_who_may_be_held(graph: Graph, model: RunRecord, executor: InThisProcess) -> None:
    # On 2015-03-31 asset 0 is not listed yet and estimation takes 63 days with a price.
    await best(graph, model, objective="MINIMUM_VARIANCE", candidates="ALL")
    await best(graph, model, objective="MINIMUM_VARIANCE", date="2015-04-30")
    await best(graph, model, objective="MINIMUM_VARIANCE", date="2015-04-30", candidates="ALL")
    every, estimating, priced = (set(task.forecast.assets) for task in executor.asked)
    outlook, assets = modelled().outlook, np.array(modelled().assets)
    assert every == set(assets) - {"A0001"}
    assert estimating == set(assets[outlook.universe[1]])
    assert priced == set(assets[np.isfinite(outlook.specific.volatilities[1])])
    assert estimating < priced


async def test_expected_returns_say_who_may_be_held(
    graph: Graph, model: RunRecord, executor: InThisProcess
) -> None:
    # asset 0 does not estimate yet
    returns = weights(A0000=0.2, A0005=0.1)["weights"]
    day = {"date": "2015-05-31", "expectedReturns": returns}
    found = await best(graph, model, objective="MAXIMUM_SHARPE", **day)
    assert not modelled().outlook.universe[2, 0]
    assert executor.asked[0].forecast.assets == ("A0000", "A0005")
    assert {one["asset"] for one in found["weights"]} == {"A0000", "A0005"}


def optimize_fault(found: dict[str, Any]) -> tuple[list[str], str]:
    assert found["__typename"] == "InvalidInput", found
    (error,) = found["fieldErrors"]
    return error["path"], error["code"]


@pytest.mark.parametrize(
    ("input", "path", "code"),
    [
        ({"objective": "MAXIMUM_SHARPE"}, ["expectedReturns"], "REQUIRED"),
        ({"expectedReturns": weights(A0002=0.1)["weights"]}, ["expectedReturns"], "NOT_USED"),
        (
            {"objective": "MAXIMUM_SHARPE", "expectedReturns": weights(A0002=0.1, two=0.2)["weights"]},
            ["expectedReturns", "1", "asset"],
            "DUPLICATE",
        ),
        ({"lower": 0.2, "upper": 0.1}, ["lower"], "EMPTY_RANGE"),
        ({"budget": 1e7}, ["budget"], "OUT_OF_RANGE"),
        ({"maxTurnover": -0.1}, ["maxTurnover"], "OUT_OF_RANGE"),
        ({"assets": []}, ["assets"], "OUT_OF_RANGE"),
        ({"bounds": [{"asset": "A0002", "lower": 2}]}, ["bounds", "0"], "EMPTY_RANGE"),
        (
            {"bounds": [{"asset": "A0002"}, {"asset": "two"}]},
            ["bounds", "1", "asset"],
            "DUPLICATE",
        ),
        ({"bounds": [{"asset": "A0002"}] * 1_001}, ["bounds"], "TOO_MANY"),
        (
            {"exposureLimits": [{"factor": "SISE", "high": 0}]},
            ["exposureLimits", "0", "factor"],
            "UNKNOWN_FACTOR",
        ),
        (
            {"exposureLimits": [{"factor": "SIGNAL", "low": 1, "high": 0}]},
            ["exposureLimits", "0"],
            "EMPTY_RANGE",
        ),
        ({"exposureLimits": [{"factor": "SIGNAL"}] * 201}, ["exposureLimits"], "TOO_MANY"),
        ({"date": "2015-01-01"}, ["date"], "BEFORE_FIRST_FORECAST"),
        ({"current": weights(A0002=0.0)}, ["current", "weights"], "EMPTY_PORTFOLIO"),
        (
            {"exposureLimits": [{"factor": "SIGNAL", "low": 0.1}, {"factor": "SIGNAL", "high": 0.0}]},
            ["exposureLimits"],
            "EMPTY_RANGE",
        ),
    ],
)
async def test_faults_of_an_optimisation_point_into_the_input(
    graph: Graph, model: RunRecord, input: dict[str, Any], path: list[str], code: str
) -> None:
    found = await best(graph, model, **{"objective": "MINIMUM_VARIANCE", **input})
    assert optimize_fault(found) == (["input", *path], code)


async def test_what_the_solver_cannot_do_is_a_member_of_the_result(graph: Graph, model: RunRecord) -> None:
    found = await best(graph, model, objective="MINIMUM_VARIANCE", upper=0.01)
    assert (found["__typename"], found["reason"]) == ("NoOptimalPortfolio", "INFEASIBLE_PORTFOLIO")
    assert found["code"] == "NO_OPTIMAL_PORTFOLIO"
    found = await best(graph, model, objective="MINIMUM_VARIANCE", bounds=[{"asset": "A0001", "lower": 0.1}])
    assert (found["__typename"], found["assets"]) == ("MissingRisk", ["A0001"])
    found = await best(graph, model, objective="MINIMUM_VARIANCE", assets=["A0002", "nothing"])
    assert found["__typename"] == "UnknownAssets"


@pytest.mark.parametrize("code", ["TIMED_OUT", "MISSING_EXTRA", "COMPUTATION_CRASHED"])
async def test_computations_that_fail_are_members_of_the_result(
    graph: Graph, model: RunRecord, executor: InThisProcess, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    async def fail(*_request: object) -> None:
        raise AdHocFailed(code, "it failed")

    monkeypatch.setattr(executor, "compute", fail)
    found = await best(graph, model, objective="MINIMUM_VARIANCE")
    assert (found["__typename"], found["code"]) == ("ComputationFailed", code)


async def test_where_nothing_is_computed_that_is_said(
    schema: strawberry.Schema, services: Services, model: RunRecord
) -> None:
    found = await best(Graph(schema, services), model, objective="MINIMUM_VARIANCE")
    assert (found["__typename"], found["code"]) == ("ComputationFailed", "NOT_COMPUTING")
