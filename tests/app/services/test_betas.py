"""Betas of single assets to a run, and correlations of runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.context import Services
from app.datasets.service import DatasetRef
from app.errors import InvalidInput, RunNotFound, UnknownAssets
from app.features.exposures.betas import asset_betas, factor_correlations
from app.features.exposures.service import Basis, ExposureRequest, TooFewObservations, portfolio_exposures
from app.runs.events import EventHub
from app.settings import Settings
from engine.factors.registry import FactorName
from tests.app.exposing import MARKET, SMB, SUNDAYS, WEEKS, add_content, add_run, panel


@pytest.fixture
async def services(store, tmp_path):
    services = Services(Settings(data_dir=tmp_path, _env_file=None), store, EventHub(store), None)
    yield services
    await services.events.close()


@pytest.fixture
async def dataset(services):
    return await add_content(services, panel())


@pytest.fixture
async def market(services, dataset):
    return await add_run(services, dataset, FactorName.MARKET, MARKET)


async def test_all_assets_of_the_dataset(services, market):
    answer = await asset_betas(services, market.id)
    assert answer.betas.assets == panel().assets
    assert answer.betas.observations.tolist() == [WEEKS, WEEKS, WEEKS - 91, 0, WEEKS]
    assert np.isfinite(answer.betas.beta).tolist() == [True, True, False, False, True]


async def test_they_are_those_of_a_portfolio_of_one_asset(services, market):
    answer = await asset_betas(services, market.id)
    request = ExposureRequest(positions=(("ether", 1.0),), basis=Basis.WEIGHTS)
    (fit,) = (await portfolio_exposures(services, request)).exposures.regressions
    measured = answer.betas
    assert measured.beta[1] == pytest.approx(fit.factors[0].beta, rel=1e-9)
    assert measured.standard_error[1] == pytest.approx(fit.factors[0].standard_error, rel=1e-9)
    assert measured.r_squared[1] == pytest.approx(fit.r_squared, rel=1e-9)


async def test_assets_come_in_the_order_asked_for_each_once(services, market):
    all_assets = (await asset_betas(services, market.id)).betas
    answer = await asset_betas(services, market.id, ["Ether", "BTC", "ether", "lt"])
    assert answer.betas.assets == ("ether", "bitcoin", "late")
    assert answer.betas.beta[:2].tolist() == all_assets.beta[[1, 0]].tolist()
    assert answer.betas.observations.tolist() == [WEEKS, WEEKS, WEEKS - 91]


async def test_pages_go_by_id(services, market):
    first = await asset_betas(services, market.id, limit=2)
    assert first.betas.assets == ("bitcoin", "ether")
    rest = await asset_betas(services, market.id, after="ether", limit=2)
    assert rest.betas.assets == ("late", "priceless")
    assert (await asset_betas(services, market.id, after="zzz")).betas.assets == ()


async def test_assets_that_cannot_be_told(services, market):
    with pytest.raises(UnknownAssets):
        await asset_betas(services, market.id, ["bitcoin", "dodge"])
    with pytest.raises(InvalidInput) as caught:
        await asset_betas(services, market.id, ["bitcoin", "eth"])
    assert caught.value.field_errors[0].path == ("assets", "1")
    with pytest.raises(InvalidInput, match="at most 2 assets"):
        await asset_betas(services, market.id, ["bitcoin"] * 3, limit=2)


async def test_assets_of_another_dataset(services, market):
    content = panel()
    halved = replace(content, assets=tuple(f"other-{asset}" for asset in content.assets))
    await add_content(services, halved, "others")
    answer = await asset_betas(services, market.id, dataset=DatasetRef(name="others"))
    assert answer.dataset.name == "others"
    assert answer.betas.assets[0] == "other-bitcoin"


async def test_correlations_of_runs(services, dataset, market):
    smb = await add_run(services, dataset, FactorName.SMB, SMB[20:], dates=SUNDAYS[20:])
    opposite = await add_run(services, dataset, FactorName.SMB, -2 * SMB)
    answer = await factor_correlations(services, [smb.id, market.id, opposite.id])
    found = answer.correlations
    assert found.names == (f"smb#{smb.id}", "market", f"smb#{opposite.id}")
    assert [run.id for run in answer.runs] == [smb.id, market.id, opposite.id]
    expected = np.corrcoef(SMB[20:], MARKET[20:])[0, 1]
    assert found.matrix[0] == pytest.approx([1.0, expected, -1.0])
    assert (found.observations, found.start_week) == (WEEKS - 20, SUNDAYS[20].item())


async def test_runs_that_have_no_correlation(services, dataset, market):
    with pytest.raises(InvalidInput, match="between 2 and 50 runs"):
        await factor_correlations(services, [market.id])
    with pytest.raises(RunNotFound):
        await factor_correlations(services, [market.id, 10**9])
    before = await add_run(services, dataset, FactorName.SMB, SMB, dates=SUNDAYS - 7 * WEEKS)
    with pytest.raises(TooFewObservations) as caught:
        await factor_correlations(services, [market.id, before.id])
    assert (caught.value.observations, caught.value.needed) == (0, 3)
