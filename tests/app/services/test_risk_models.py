"""Risk models as callers launch them, and portfolios by one that a real child has estimated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.context import Services
from app.datasets.positions import Basis
from app.datasets.service import DatasetRef, delete_dataset
from app.errors import DatasetNotFound, InvalidInput, MissingField, QueueFull, RunNotFound
from app.features.factors.service import launch_factor
from app.features.risk.arrays import open_risk_arrays
from app.features.risk.optimization import (
    NoOptimalPortfolio,
    OptimizationRequest,
    WeightBounds,
    optimize_portfolio,
)
from app.features.risk.optimize_job import Objective
from app.features.risk.portfolios import (
    BenchmarkIndex,
    MissingRisk,
    Portfolio,
    PortfolioRiskRequest,
    measure_portfolio,
)
from app.features.risk.results import get_risk_results
from app.features.risk.service import get_risk_model, launch_risk_model, stored_risk_config
from app.runs.events import EventHub
from app.runs.lifecycle import wait_for_run
from app.settings import Settings
from db.records import RunKind, RunStatus
from engine import ENGINE_VERSION
from engine.config import to_json
from engine.factors.registry import FactorName
from engine.risk.config import RiskModelConfig
from engine.risk.model import build_risk_model
from engine.risk.optimize import minimum_variance
from engine.risk.portfolio_limits import ExposureLimit, PortfolioLimits
from engine.risk.portfolio_risk import portfolio_risk
from tests.app.execution.queueing import executing, settings_for
from tests.app.modelling import config, panel
from tests.app.schema.modelling import add_model_dataset


@pytest.fixture
async def services(store, tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path, max_queued_runs=5)
    services = Services(settings, store, EventHub(store), None)
    await add_model_dataset(services, panel(changing=True))
    yield services
    await services.events.close()


async def faults(launching):
    with pytest.raises(InvalidInput) as caught:
        await launching
    return [(fault.path, fault.code) for fault in caught.value.field_errors]


# -- launching ---------------------------------------------------------------------------------------------


async def test_options_of_one_meaning_are_one_run(services):
    first = await launch_risk_model(services, {}, tags=["b", "a"], note="mine")
    assert (first.reused, first.run.kind, first.run.status) == (False, RunKind.RISK_MODEL, RunStatus.QUEUED)
    assert (first.run.subject, first.run.engine_version) == (None, ENGINE_VERSION)
    assert (first.run.tags, first.run.note) == (("a", "b"), "mine")
    assert first.run.config == to_json(RiskModelConfig())
    for same in ({"mode": "joint"}, {"universe": {"top_n": None}}, to_json(RiskModelConfig())):
        again = await launch_risk_model(services, same)
        assert (again.reused, again.run.id) == (True, first.run.id)
    other = await launch_risk_model(services, {"universe": {"top_n": 9}})
    assert not other.reused
    forced = await launch_risk_model(services, {}, force=True)
    assert (forced.reused, forced.run.forced) == (False, True)


async def test_another_dataset_is_another_run(services):
    first = await launch_risk_model(services, {}, dataset=DatasetRef(name="stocks"))
    await add_model_dataset(services, panel(sectors=0), "others")
    second = await launch_risk_model(services, {}, dataset=DatasetRef(name="others"))
    assert first.run.identity_hash != second.run.identity_hash
    with pytest.raises(DatasetNotFound):
        await launch_risk_model(services, {}, dataset=DatasetRef(name="none"))
    assert first.run.dataset_id is not None
    await delete_dataset(services, first.run.dataset_id)
    with pytest.raises(DatasetNotFound):
        await launch_risk_model(services, {}, dataset=DatasetRef(name="stocks"))


async def test_faults_stand_where_the_options_do(services):
    options = {
        "winsor": 1,
        "karma": 2,
        "covariance": {"volatility_lags": "x"},
        "styles": [{"style": "size"}, {"style": "momentum", "lag": -1}, {"style": "astrology"}],
    }
    assert sorted(await faults(launch_risk_model(services, options))) == [
        (("config", "covariance", "volatility_lags"), "WRONG_TYPE"),
        (("config", "karma"), "UNKNOWN_OPTION"),
        (("config", "styles", "1", "lag"), "OUT_OF_RANGE"),
        (("config", "styles", "2", "style"), "UNKNOWN_VALUE"),
        (("config", "winsor"), "OUT_OF_RANGE"),
    ]
    assert await faults(launch_risk_model(services, {}, tags=[""])) == [(("tags",), "OUT_OF_RANGE")]
    assert await faults(launch_risk_model(services, {}, note="x" * 2_001)) == [(("note",), "TOO_LONG")]


async def test_a_style_named_like_a_sector_is_refused_where_there_are_sectors(services):
    options = {"styles": [{"style": "USER", "name": "S2", "field": "signal"}]}
    refused = await faults(launch_risk_model(services, options))
    assert refused == [(("config", "styles"), "DUPLICATE")]
    await add_model_dataset(services, panel(sectors=0), "others")
    await launch_risk_model(services, options, dataset=DatasetRef(name="others"))
    one = replace(panel(), attributes={"sector": ("S2",) * 40})
    await add_model_dataset(services, one, "one sector")
    await launch_risk_model(services, options, dataset=DatasetRef(name="one sector"))


@pytest.mark.parametrize("name", ["MARKET", "SIZE"])
async def test_a_sector_named_like_a_factor_is_refused(services, name):
    labels = tuple(f"{name}" if at % 2 else "S0" for at in range(40))
    await add_model_dataset(services, replace(panel(), attributes={"sector": labels}), "odd")
    refused = await faults(launch_risk_model(services, {}, dataset=DatasetRef(name="odd")))
    assert refused == [(("config", "styles"), "DUPLICATE")]


@pytest.mark.parametrize("missing", ["price", "market_cap"])
async def test_prices_and_caps_are_needed(services, missing):
    content = panel()
    fields = {name: values for name, values in content.fields.items() if name != missing}
    await add_model_dataset(services, replace(content, fields=fields), "poor")
    with pytest.raises(MissingField) as caught:
        await launch_risk_model(services, {}, dataset=DatasetRef(name="poor"))
    assert caught.value.field == missing
    assert "signal" in caught.value.hint


async def test_default_styles_need_no_fields_and_named_ones_do(services):
    await launch_risk_model(services, {})
    for style, field in (
        ({"style": "LIQUIDITY"}, "volume"),
        ({"style": "USER", "name": "x", "field": "karma"}, "karma"),
        ({"style": "VALUE"}, "book_value or sales or cash_flow"),
    ):
        with pytest.raises(MissingField) as caught:
            await launch_risk_model(services, {"styles": [style]})
        assert caught.value.field == field
    await launch_risk_model(services, {"styles": [{"style": "VALUE", "book": "other"}]})
    with pytest.raises(MissingField):
        await launch_risk_model(services, {"universe": {"liquidity_threshold": 1}})


async def test_the_queue_has_an_end(services):
    for seed in range(5):
        await launch_risk_model(services, {"seed": seed})
    with pytest.raises(QueueFull):
        await launch_risk_model(services, {"seed": 5})


async def test_a_risk_model_is_found_by_its_id_alone(services):
    run = (await launch_risk_model(services, {"seed": 4})).run
    assert (await get_risk_model(services, run.id)).id == run.id
    assert stored_risk_config(run) == RiskModelConfig(seed=4)
    factor = await launch_factor(services, FactorName.SMB, {"liquidity_threshold": None})
    for unknown in (factor.run.id, 10**9):
        with pytest.raises(RunNotFound):
            await get_risk_model(services, unknown)


# -- with a child ------------------------------------------------------------------------------------------


async def test_from_launch_to_the_best_portfolio(services, store_url, tmp_path):
    settings = settings_for(store_url, tmp_path)
    run = (await launch_risk_model(services, to_json(config()))).run
    async with executing(services.store, settings, computation="app.jobs") as executor:
        done = await wait_for_run(services, run.id, 30)
        assert done.status is RunStatus.SUCCEEDED, done.failure_message
        results = (await get_risk_results(services.store, [run.id]))[run.id]
        arrays = await open_risk_arrays(services, run.id)
        engine = build_risk_model(panel(changing=True), config())
        forecast = engine.outlook.forecast(-1)
        held = np.zeros(40)
        held[[2, 5]] = 0.7, -0.2
        request = PortfolioRiskRequest(
            portfolio=Portfolio(holdings=(("two", 0.7), ("A0005", -0.2)), basis=Basis.WEIGHTS),
            benchmark=BenchmarkIndex.MARKET_CAP,
        )
        measured = await measure_portfolio(services, done, results, arrays, request)
        caps = np.where(engine.outlook.universe[-1], engine.outlook.caps[-1], 0.0)
        expected = portfolio_risk(forecast, held, engine.days_per_year, benchmark=caps / caps.sum())
        assert measured.risk.total.volatility == expected.total.volatility
        assert measured.risk.beta == pytest.approx(expected.beta, rel=1e-12)
        assert measured.risk.active.volatility == pytest.approx(expected.active.volatility, rel=1e-12)

        computing = replace(services, executor=executor)

        async def optimized(**options):
            request = OptimizationRequest(objective=Objective.MINIMUM_VARIANCE, **options)
            return await optimize_portfolio(computing, done, results, arrays, request)

        found = await optimized(upper=0.2)
        best = minimum_variance(forecast, PortfolioLimits(upper=0.2))
        np.testing.assert_allclose(found.portfolio.weights, best.weights, atol=1e-6)
        assert found.decomposition.volatility == pytest.approx(best.volatility, rel=1e-9)
        with pytest.raises(NoOptimalPortfolio) as infeasible:
            await optimized(upper=0.01)
        assert infeasible.value.reason == "INFEASIBLE_PORTFOLIO"
        with pytest.raises(InvalidInput, match="budget must be from -1e\\+06 to 1e\\+06, not 1e\\+07"):
            await optimized(budget=1e7)
        leaver = next(iter(np.flatnonzero(~forecast.known())))
        with pytest.raises(MissingRisk) as missing:
            await optimized(bounds=(WeightBounds(asset=engine.assets[leaver], lower=0.1),))
        assert missing.value.assets == ("A0001",)
        twice = (ExposureLimit(factor="SIGNAL", low=0.1), ExposureLimit(factor="SIGNAL", high=0.0))
        assert await faults(optimized(exposure_limits=twice)) == [(("exposure_limits",), "EMPTY_RANGE")]
