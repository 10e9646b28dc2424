"""A risk model as clients read it: what was estimated, what is forecast, page by page."""

from __future__ import annotations

import base64
import shutil
from datetime import date
from typing import Any

import numpy as np
import pytest
import strawberry
from graphql import parse

from app.boundary.query_cost import QueryCostMeter
from app.errors import ArtifactUnavailable, BadCursor, InvalidInput, LimitExceeded, UnknownAssets
from db.records import RunKind, RunRecord
from engine.risk.validation import EXPECTED_Q
from tests.app.modelling import config, panel
from tests.app.schema.graph import Graph
from tests.app.schema.modelling import add_model, add_model_dataset, model_id, modelled
from tests.db.samples import launch

FACTORS = ["MARKET", "S0", "S1", "S2", "SIGNAL", "OTHER"]
LATEST = "2016-04-04"


async def of_model(graph: Graph, run: RunRecord, selection: str) -> dict[str, Any]:
    query = f"query ($id: ID!) {{ run(id: $id) {{ ... on RiskModelRun {{ {selection} }} }} }}"
    return (await graph.ask(query, id=model_id(run)))["run"]


async def error_of(graph: Graph, run: RunRecord, selection: str) -> Any:
    """The one error of a field that is null; the rest of the run is there all the same."""
    query = f"query ($id: ID!) {{ run(id: $id) {{ status ... on RiskModelRun {{ {selection} }} }} }}"
    result = await graph.execute(query, id=model_id(run))
    assert result.data is not None
    status, *others = result.data["run"].values()
    assert (status, others) == ("SUCCEEDED", [None])
    assert result.errors is not None
    (error,) = result.errors
    return error.original_error


def days(rows: Any) -> list[str]:
    return [str(day) for day in modelled().dates[rows]]


def numbers(values: Any) -> list[float | None]:
    return [None if np.isnan(value) else value for value in np.asarray(values, dtype=float).tolist()]


# -- what it is --------------------------------------------------------------------------------------------


async def test_a_risk_model_tells_its_options(graph: Graph, model: RunRecord) -> None:
    found = await of_model(
        graph,
        model,
        """identityHash engineVersion config {
          mode weighting winsor maxAbsReturn minAssets startDate endDate randomPortfolios randomSize seed
          styles { style factor winsor ... on UserStyle { field logarithm negated } }
          universe { marketCapThreshold liquidityThreshold minHistoryRows topN }
          covariance { estimator volatilityHalfLife volatilityLags eigenfactor regimeHalfLife }
          specific { halfLife minObservations shrinkage } }
        factors { name kind } skippedStyles { name }""",
    )
    options = config()
    assert found["identityHash"] == "identity of a risk model"
    assert found["factors"] == [
        {"name": name, "kind": kind}
        for name, kind in zip(FACTORS, ["MARKET", *["SECTOR"] * 3, "STYLE", "STYLE"], strict=True)
    ]
    assert found["skippedStyles"] == []
    shown = found["config"]
    assert shown["styles"] == [
        {
            "style": "USER",
            "factor": factor,
            "winsor": 0.0,
            "field": field,
            "logarithm": False,
            "negated": False,
        }
        for factor, field in (("SIGNAL", "signal"), ("OTHER", "other"))
    ]
    assert (shown["mode"], shown["weighting"], shown["startDate"]) == ("JOINT", "SQRT_CAP", None)
    assert (shown["randomPortfolios"], shown["randomSize"]) == (3, 5)
    assert shown["universe"] == {
        "marketCapThreshold": None,
        "liquidityThreshold": None,
        "minHistoryRows": options.universe.min_history_rows,
        "topN": None,
    }
    assert shown["covariance"]["volatilityHalfLife"] == options.covariance.volatility_half_life
    assert shown["specific"]["minObservations"] == 20


async def test_before_it_has_succeeded_results_are_null(graph: Graph) -> None:
    dataset = await add_model_dataset(graph.services, panel())
    run = await launch(graph.services.store, dataset.id, kind=RunKind.RISK_MODEL, subject=None, config={})
    found = await of_model(
        graph,
        run,
        """status config { mode styles { factor } } factors { name } skippedStyles { name } forecastDates
        coverage { dates } factorReturns { dates } explainedVariance { dates } covariance { date }
        exposures { date } specificRisk { date } specificReturns(assets: ["A0005"]) { dates }
        bias { periods }
        portfolioRisk(input: {portfolio: {weights: [{asset: "A0005", number: 1}]}}) { __typename }
        optimize(input: {objective: MINIMUM_VARIANCE}) { __typename }""",
    )
    assert found.pop("status") == "QUEUED"
    assert found.pop("config") == {"mode": "JOINT", "styles": None}
    assert set(found.values()) == {None}


def test_options_are_described_with_the_engines_ranges_and_defaults(schema: strawberry.Schema) -> None:
    inputs = schema._schema.type_map
    assert inputs["MomentumStyleInput"].fields["lag"].description == (
        "Rows between the window's end and the date, 0 to 252. Default 20. Not null."
    )
    assert (
        inputs["RiskModelConfigInput"].fields["maxAbsReturn"].description
        == "A return of one row beyond it, either way, is taken for a fault in the data, a fraction, 0.01 to "
        "1,000,000,000; it and the asset's next one are missing. Default 10. Null: none is."
    )


# -- what was estimated ------------------------------------------------------------------------------------


async def test_factor_returns_are_the_engines(graph: Graph, model: RunRecord) -> None:
    columns = "name kind dates returns tStatistics cumulativeReturns sourcePointCount sampled"
    found = await of_model(graph, model, f"factorReturns {{ {columns} }}")
    engine = modelled().factor_returns
    assert [one["name"] for one in found["factorReturns"]] == FACTORS
    for column, one in enumerate(found["factorReturns"]):
        assert one["dates"] == days(slice(None))
        assert one["returns"] == numbers(engine.returns[:, column])
        assert one["tStatistics"] == numbers(engine.t_statistics[:, column])
        grown = np.cumprod(1 + np.nan_to_num(engine.returns[:, column])) - 1
        np.testing.assert_allclose(one["cumulativeReturns"], grown, rtol=1e-12)
        assert (one["sourcePointCount"], one["sampled"]) == (len(engine.returns), False)


async def test_factor_returns_are_chosen_cut_and_sampled(graph: Graph, model: RunRecord) -> None:
    found = await of_model(
        graph,
        model,
        """factorReturns(names: ["SIGNAL", "MARKET", "SIGNAL"], maxPoints: 40,
           range: {start: "2015-06-01", end: "2015-12-31"}) {
             name dates returns cumulativeReturns sourcePointCount sampled }""",
    )
    signal, market = found["factorReturns"]
    assert (signal["name"], market["name"]) == ("SIGNAL", "MARKET")
    assert signal["dates"] == market["dates"]
    assert (signal["dates"][0], signal["dates"][-1]) == ("2015-06-01", "2015-12-31")
    assert (signal["sourcePointCount"], signal["sampled"]) == (214, True)
    assert len(signal["dates"]) <= 40
    engine = modelled()
    inside = (engine.dates >= np.datetime64("2015-06-01")) & (engine.dates <= np.datetime64("2015-12-31"))
    for one, name in ((signal, "SIGNAL"), (market, "MARKET")):
        whole = engine.factor_returns.returns[:, FACTORS.index(name)]
        assert {whole[inside].min(), whole[inside].max()} <= set(one["returns"])
        # a range does not restart the growth
        last = np.cumprod(1 + np.nan_to_num(whole))[inside][-1] - 1
        assert one["cumulativeReturns"][-1] == pytest.approx(last)


async def test_no_names_are_no_series(graph: Graph, model: RunRecord) -> None:
    found = await of_model(graph, model, "factorReturns(names: [], maxPoints: 1) { name }")
    assert found == {"factorReturns": []}


async def test_explained_variance_is_the_engines(graph: Graph, model: RunRecord) -> None:
    found = await of_model(
        graph,
        model,
        """whole: explainedVariance(range: {start: "2015-08-01"}, maxPoints: 20) {
             meanRSquared sampled significance { meanAbsoluteT observations } }
           explainedVariance(range: {start: "2015-08-01"}) { dates rSquared assets conditionNumbers
           meanRSquared sampled significance { name kind meanAbsoluteT shareSignificant observations } }""",
    )
    one, engine = found["explainedVariance"], modelled().factor_returns
    inside = modelled().dates >= np.datetime64("2015-08-01")
    assert one["dates"] == days(inside)
    assert one["rSquared"] == numbers(engine.r_squared[inside])
    assert one["assets"] == engine.assets[inside].tolist()
    assert one["conditionNumbers"] == numbers(engine.condition_number[inside])
    assert one["meanRSquared"] == pytest.approx(np.nanmean(engine.r_squared[inside]))
    assert not one["sampled"]
    # sampling leaves the figures alone
    assert found["whole"]["sampled"]
    assert found["whole"]["meanRSquared"] == one["meanRSquared"]
    for few, all_of_them in zip(found["whole"]["significance"], one["significance"], strict=True):
        assert few.items() <= all_of_them.items()
    for column, factor in enumerate(one["significance"]):
        sizes = np.abs(engine.t_statistics[inside, column])
        assert factor["name"] == FACTORS[column]
        assert factor["meanAbsoluteT"] == pytest.approx(sizes.mean())
        assert factor["shareSignificant"] == pytest.approx((sizes > 2).mean())
        assert factor["observations"] == inside.sum()


async def test_significance_is_null_where_there_is_none(graph: Graph, model: RunRecord) -> None:
    found = await of_model(
        graph,
        model,
        """explainedVariance(range: {end: "2015-01-10"}) { rSquared meanRSquared
           significance { meanAbsoluteT shareSignificant observations } }""",
    )
    one = found["explainedVariance"]
    assert set(one["rSquared"]) == {None}
    assert one["meanRSquared"] is None
    assert one["significance"] == [{"meanAbsoluteT": None, "shareSignificant": None, "observations": 0}] * 6


async def test_coverage_is_the_engines(graph: Graph, model: RunRecord) -> None:
    found = await of_model(
        graph,
        model,
        "coverage { dates priced universe extremeReturns sourcePointCount sampled styles "
        "{ style missing flat } }",
    )
    one, engine = found["coverage"], modelled()
    assert one["dates"] == days(slice(None))
    assert one["priced"] == engine.coverage.priced.tolist()
    assert one["universe"] == engine.coverage.universe.tolist()
    assert one["extremeReturns"] == engine.extreme_returns.tolist()
    assert (one["sourcePointCount"], one["sampled"]) == (len(engine.dates), False)
    assert [style["style"] for style in one["styles"]] == ["SIGNAL", "OTHER"]
    for column, style in enumerate(one["styles"]):
        assert style["missing"] == engine.coverage.missing[:, column].tolist()
        assert style["flat"] == engine.coverage.flagged[:, column].tolist()


@pytest.mark.parametrize("field", ["coverage", "factorReturns", "explainedVariance"])
async def test_points_are_limited(graph: Graph, model: RunRecord, field: str) -> None:
    for points in (0, 100_001):
        error = await error_of(graph, model, f"{field}(maxPoints: {points}) {{ dates }}")
        assert isinstance(error, InvalidInput)
        assert str(error) == f"maxPoints must be from 1 to 100,000, not {points:,}"
    error = await error_of(
        graph, model, f'{field}(range: {{start: "2016-01-01", end: "2015-01-01"}}) {{ dates }}'
    )
    assert isinstance(error, InvalidInput)


async def test_series_of_many_factors_are_limited(graph: Graph, model: RunRecord) -> None:
    series = await of_model(graph, model, "factorReturns(maxPoints: 100000) { name }")
    assert len(series["factorReturns"]) == 6
    names = ", ".join('"MARKET"' for _ in range(100))
    assert (
        len((await of_model(graph, model, f"factorReturns(names: [{names}]) {{ name }}"))["factorReturns"])
        == 1
    )
    assets = ", ".join(f'"A{number:04}"' for number in range(20))
    error = await error_of(
        graph, model, f"specificReturns(assets: [{assets}], maxPoints: 100000) {{ dates }}"
    )
    assert str(error) == "20 series of up to 100,000 points are more than 1,000,000"


async def test_an_unknown_factor_is_named(graph: Graph, model: RunRecord) -> None:
    error = await error_of(graph, model, 'factorReturns(names: ["MARKET", "SISE"]) { name }')
    assert isinstance(error, InvalidInput)
    assert str(error) == "the risk model has no factor 'SISE'"
    assert error.field_errors[0].path == ("names",)
    assert error.hint == "it has MARKET, S0, S1, S2, SIGNAL, OTHER"


# -- what is forecast --------------------------------------------------------------------------------------

COVARIANCE = """covariance%s { date names regimeMultiplier specificRegimeMultiplier eigenfactorBiases
  factors { name kind volatility observations covariances correlations } }"""


@pytest.mark.parametrize(
    ("asked", "at"), [("", -1), ('(date: "2099-01-01")', -1), ('(date: "2015-05-30")', 1)]
)
async def test_covariances_are_the_engines(graph: Graph, model: RunRecord, asked: str, at: int) -> None:
    found = (await of_model(graph, model, COVARIANCE % asked))["covariance"]
    engine = modelled().outlook.covariance
    assert found["date"] == str(engine.dates[at])
    assert found["names"] == FACTORS
    assert found["regimeMultiplier"] == engine.regime_multipliers[at]
    assert found["specificRegimeMultiplier"] == modelled().outlook.specific.regime_multipliers[at]
    matrix = np.array([factor["covariances"] for factor in found["factors"]])
    np.testing.assert_array_equal(matrix, engine.matrices[at])
    correlations = np.array([factor["correlations"] for factor in found["factors"]])
    np.testing.assert_allclose(correlations, engine.correlations()[at], atol=1e-15)
    volatilities = [factor["volatility"] for factor in found["factors"]]
    np.testing.assert_allclose(volatilities, engine.volatilities[at], rtol=1e-15)
    assert [factor["observations"] for factor in found["factors"]] == engine.observations[at].tolist()


async def test_there_is_no_covariance_before_the_first_forecast(graph: Graph, model: RunRecord) -> None:
    found = await of_model(
        graph,
        model,
        'forecastDates covariance(date: "2015-03-30") { date } specificRisk(date: "2015-03-30") { date } '
        'exposures(date: "2015-01-01") { date }',
    )
    dates = found.pop("forecastDates")
    assert dates == [str(day) for day in modelled().outlook.dates]
    assert dates[0] == "2015-03-31"
    assert set(found.values()) == {None}


async def test_bias_is_the_engines(graph: Graph, model: RunRecord) -> None:
    found = await of_model(
        graph,
        model,
        """bias { periods startDate endDate expectedQ low high undefined { reason }
           groups { kind meanBias meanQ names bias q observations } }""",
    )
    one, engine = found["bias"], modelled().validation
    assert (one["periods"], one["startDate"], one["endDate"]) == (13, "2015-03-31", LATEST)
    assert one["expectedQ"] == EXPECTED_Q
    assert (one["low"], one["high"]) == pytest.approx((1 - (2 / 13) ** 0.5, 1 + (2 / 13) ** 0.5))
    assert one["undefined"] is None
    kinds = {"RANDOM": engine.random, "STYLES": engine.styles, "SECTORS": engine.sectors}
    assert [group["kind"] for group in one["groups"]] == list(kinds)
    for group in one["groups"]:
        outcomes = kinds[group["kind"]]
        assert group["names"] == list(outcomes.names)
        assert group["bias"] == numbers(outcomes.statistics.bias)
        assert group["q"] == numbers(outcomes.statistics.q)
        assert group["observations"] == outcomes.statistics.observations.tolist()
        assert group["meanBias"] == pytest.approx(outcomes.statistics.mean_bias)
        assert group["meanQ"] == pytest.approx(outcomes.statistics.mean_q)


async def test_too_few_periods_have_a_reason(graph: Graph) -> None:
    run = await add_model(graph.services, end_date=date(2015, 9, 30))
    found = await of_model(
        graph, run, "bias { periods startDate low groups { kind } undefined { metric reason detail } }"
    )
    assert found["bias"] == {
        "periods": 6,
        "startDate": None,
        "low": None,
        "groups": [],
        "undefined": {
            "metric": "bias",
            "reason": "TOO_FEW_PERIODS",
            "detail": "6 periods lie between forecasts, 12 are needed",
        },
    }


# -- single assets -----------------------------------------------------------------------------------------

EXPOSURES = """exposures(%s) { date factors totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
  nodes { asset exposures missingStyles sector inEstimationUniverse } edges { cursor node { asset } } }"""


async def test_exposures_are_the_engines(graph: Graph, model: RunRecord) -> None:
    found = (await of_model(graph, model, EXPOSURES % "first: 100"))["exposures"]
    outlook = modelled().outlook
    exposures, at = outlook.exposures(-1), len(outlook.rows) - 1
    priced = np.flatnonzero(np.isfinite(exposures).all(axis=1))
    assert (found["date"], found["factors"], found["totalCount"]) == (LATEST, FACTORS, len(priced))
    assert "A0001" not in {node["asset"] for node in found["nodes"]}  # it left
    for node, ordinal in zip(found["nodes"], priced.tolist(), strict=True):
        assert node["asset"] == outlook.assets[ordinal]
        assert node["exposures"] == exposures[ordinal].tolist()
        assert node["sector"] == f"S{outlook.sectors[at, ordinal]}"
        assert node["inEstimationUniverse"] == outlook.universe[at, ordinal]
        assert node["missingStyles"] == (["OTHER"] if ordinal == 5 else [])


async def test_who_estimates_is_that_of_the_forecast_date(graph: Graph, model: RunRecord) -> None:
    asked = 'date: "2015-06-30", first: 100'
    nodes = (await of_model(graph, model, EXPOSURES % asked))["exposures"]["nodes"]
    outlook = modelled().outlook
    assert str(outlook.dates[3]) == "2015-06-30"
    estimating = {node["asset"] for node in nodes if node["inEstimationUniverse"]}
    assert estimating == set(np.array(outlook.assets)[outlook.universe[3]])
    assert outlook.universe[2].sum() < outlook.universe[3].sum()  # asset 0 comes in


async def test_exposures_of_any_date_and_of_named_assets(graph: Graph, model: RunRecord) -> None:
    asked = 'date: "2015-07-15", assets: ["two", "a0003", "A0005", "A0002", "A0000"]'
    found = (await of_model(graph, model, EXPOSURES % asked))["exposures"]
    assert found["date"] == "2015-07-15"
    assert [node["asset"] for node in found["nodes"]] == ["A0002", "A0003", "A0005", "A0000"]
    assert [node["missingStyles"] for node in found["nodes"]] == [[], [], ["OTHER"], []]
    # who estimates is kept for forecast dates alone
    assert {node["inEstimationUniverse"] for node in found["nodes"]} == {None}
    moved = (await of_model(graph, model, EXPOSURES % 'date: "2015-07-21", assets: ["two"]'))["exposures"]
    assert [found["nodes"][0]["sector"], moved["nodes"][0]["sector"]] == ["S2", "S1"]
    asked = 'date: "2015-03-31", assets: ["three", "A0000"]'
    three, late = (await of_model(graph, model, EXPOSURES % asked))["exposures"]["nodes"]
    assert (three["sector"], three["exposures"][:4]) == (None, [1.0, 0.0, 0.0, 0.0])
    assert late["exposures"] == [None] * 6


async def test_assets_come_in_pages(graph: Graph, model: RunRecord) -> None:
    seen, after = [], ""
    for _ in range(20):
        page = (await of_model(graph, model, EXPOSURES % f"first: 7{after}"))["exposures"]
        assert page["pageInfo"]["hasPreviousPage"] is bool(after)
        seen += [node["asset"] for node in page["nodes"]]
        assert [edge["node"]["asset"] for edge in page["edges"]] == seen[-len(page["nodes"]) :]
        assert page["edges"][-1]["cursor"] == page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = f', after: "{page["pageInfo"]["endCursor"]}"'
    assert seen == [f"A{number:04}" for number in range(40) if number != 1]


@pytest.mark.parametrize("field", ["exposures", "specificRisk"])
async def test_a_cursor_belongs_to_its_date_and_assets(graph: Graph, model: RunRecord, field: str) -> None:
    page = (await of_model(graph, model, f"{field}(first: 7) {{ pageInfo {{ endCursor }} }}"))[field]
    cursor = page["pageInfo"]["endCursor"]
    going_on = await of_model(graph, model, f'{field}(first: 7, after: "{cursor}") {{ nodes {{ asset }} }}')
    assert len(going_on[field]["nodes"]) == 7
    other = "specificRisk" if field == "exposures" else "exposures"
    for asked in (
        f'{field}(date: "2016-02-29", after: "{cursor}")',
        f'{field}(assets: ["A0003", "A0004", "A0005"], after: "{cursor}")',
        f'{other}(after: "{cursor}")',
    ):
        error = await error_of(graph, model, f"{asked} {{ totalCount }}")
        assert isinstance(error, BadCursor)


@pytest.mark.parametrize("field", ["exposures", "specificRisk"])
async def test_pages_and_assets_are_limited(graph: Graph, model: RunRecord, field: str) -> None:
    for first in (-1, 101):
        error = await error_of(graph, model, f"{field}(first: {first}) {{ totalCount }}")
        assert isinstance(error, InvalidInput)
    beyond = base64.urlsafe_b64encode(b"after:99").decode().rstrip("=")
    for cursor in ("nonsense", beyond):
        error = await error_of(graph, model, f'{field}(after: "{cursor}") {{ totalCount }}')
        assert isinstance(error, BadCursor)
    error = await error_of(graph, model, f"{field}(assets: []) {{ totalCount }}")
    assert isinstance(error, InvalidInput)
    assert error.field_errors[0].path == ("assets",)
    many = ", ".join(['"A0002"'] * 1_001)
    error = await error_of(graph, model, f"{field}(assets: [{many}]) {{ totalCount }}")
    assert isinstance(error, InvalidInput)
    error = await error_of(graph, model, f'{field}(assets: ["A0002", "nothing"]) {{ totalCount }}')
    assert isinstance(error, UnknownAssets)
    assert [word for word, _ in error.unknown] == ["nothing"]


@pytest.mark.parametrize(("asked", "at"), [("first: 100", -1), ('first: 100, date: "2015-12-30"', 8)])
async def test_specific_risk_is_the_engines(graph: Graph, model: RunRecord, asked: str, at: int) -> None:
    found = await of_model(
        graph,
        model,
        f"specificRisk({asked}) {{ date totalCount nodes "
        "{ asset volatility own peer peerShare observations } }",
    )
    page, engine = found["specificRisk"], modelled().outlook.specific
    priced = np.flatnonzero(np.isfinite(engine.volatilities[at]))
    assert (page["date"], page["totalCount"]) == (str(engine.dates[at]), len(priced))
    for node, ordinal in zip(page["nodes"], priced.tolist(), strict=True):
        assert node == {
            "asset": modelled().assets[ordinal],
            "volatility": engine.volatilities[at, ordinal],
            "own": numbers(engine.own[at, [ordinal]])[0],
            "peer": engine.peer[at, ordinal],
            "peerShare": engine.peer_shares[at, ordinal],
            "observations": engine.observations[at, ordinal],
        }


async def test_specific_returns_are_the_engines(graph: Graph, model: RunRecord) -> None:
    columns = "asset dates returns sourcePointCount sampled"
    found = await of_model(graph, model, f'specificReturns(assets: ["A0005", "TWO", "two"]) {{ {columns} }}')
    engine = modelled().factor_returns.specific
    assert [one["asset"] for one in found["specificReturns"]] == ["A0005", "A0002"]
    for one, ordinal in zip(found["specificReturns"], (5, 2), strict=True):
        assert one["dates"] == days(slice(None))
        assert one["returns"] == numbers(engine[:, ordinal])
    sampled = await of_model(
        graph,
        model,
        f'specificReturns(assets: ["A0005"], maxPoints: 12, range: {{start: "2015-05-01"}}) {{ {columns} }}',
    )
    (one,) = sampled["specificReturns"]
    inside = modelled().dates >= np.datetime64("2015-05-01")
    assert one["sampled"]
    assert one["sourcePointCount"] == inside.sum()
    assert {engine[inside, 5].min(), engine[inside, 5].max()} <= set(one["returns"])
    error = await error_of(graph, model, "specificReturns(assets: []) { dates }")
    assert isinstance(error, InvalidInput)


# -- files that are gone -----------------------------------------------------------------------------------


async def test_files_that_are_gone_or_changed_are_a_typed_error(graph: Graph, model: RunRecord) -> None:
    (folder,) = graph.services.settings.artifacts_dir.iterdir()
    with (folder / "scores.npy").open("r+b") as file:
        file.seek(-8, 2)
        file.write(b"\0" * 8)
    error = await error_of(graph, model, "exposures { date }")
    assert isinstance(error, ArtifactUnavailable)
    assert "scores" in str(error)
    shutil.rmtree(folder)
    error = await error_of(graph, model, "specificRisk { date }")
    assert isinstance(error, ArtifactUnavailable)
    portfolio = '{portfolio: {weights: [{asset: "A0005", number: 1}]}}'
    found = await of_model(
        graph,
        model,
        f"covariance {{ date }} portfolioRisk(input: {portfolio}) {{ __typename ... on Error {{ code }} }}",
    )
    assert found["covariance"] == {"date": LATEST}
    assert found["portfolioRisk"] == {"__typename": "ArtifactUnavailable", "code": "ARTIFACT_UNAVAILABLE"}


# -- what a request may ask --------------------------------------------------------------------------------


def measured(schema: strawberry.Schema, selection: str) -> Any:
    return QueryCostMeter(schema._schema).check(
        parse(f'{{ run(id: "x") {{ ... on RiskModelRun {{ {selection} }} }} }}')
    )


def test_series_count_by_what_is_named(schema: strawberry.Schema) -> None:
    columns = "{ dates returns tStatistics }"
    two = measured(schema, f'factorReturns(names: ["a", "b"], maxPoints: 500) {columns}')
    assert two.points == 2 * 500
    every = measured(schema, f"factorReturns(maxPoints: 500) {columns}")
    assert every.points == measured(schema, f"factorReturns(names: null, maxPoints: 500) {columns}").points
    assert every.points == 30 * 500
    assert measured(schema, f'specificReturns(assets: ["a"], maxPoints: 500) {columns}').points == 500
    assert measured(schema, "coverage(maxPoints: 500) { dates priced }").points == 500
    nested = measured(schema, "coverage(maxPoints: 500) { styles { missing flat } }")
    assert nested.points == 500 * 5  # 14 columns, three a reading
    with pytest.raises(LimitExceeded):
        measured(schema, f"factorReturns(maxPoints: 50000) {columns}")


def test_a_request_holds_two_optimisations_at_most(schema: strawberry.Schema) -> None:
    one = "o{}: optimize(input: {{objective: MINIMUM_VARIANCE}}) {{ __typename }}"
    measured(schema, " ".join(one.format(at) for at in range(2)))
    with pytest.raises(LimitExceeded):
        measured(schema, " ".join(one.format(at) for at in range(3)))
    page = f"{{ riskModelRuns(first: 3) {{ nodes {{ {one.format(0)} }} }} }}"
    with pytest.raises(LimitExceeded):
        QueryCostMeter(schema._schema).check(parse(page))


def test_everything_about_a_risk_model_fits_a_request(schema: strawberry.Schema) -> None:
    decomposition = """{ volatility factorVolatility specificVolatility
      factors { name exposure volatility correlation marginal contribution share }
      assets { asset weight marginal contribution share specificVolatility } }"""
    cost = measured(
        schema,
        f"""config {{ mode styles {{ factor }} }} factors {{ name }} forecastDates
        factorReturns {{ dates returns tStatistics }} explainedVariance {{ dates rSquared assets }}
        coverage {{ dates priced universe styles {{ missing }} }} {COVARIANCE % ""} {EXPOSURES % "first: 50"}
        specificRisk {{ nodes {{ asset volatility own peer peerShare }} }}
        bias {{ groups {{ names bias q }} }}
        portfolioRisk(input: {{portfolio: {{weights: []}}}}) {{ ... on PortfolioRisk {{
          positions {{ asset weight }} total {decomposition} active {decomposition} }} }}""",
    )
    assert cost.values < QueryCostMeter(schema._schema).limits.values / 2
