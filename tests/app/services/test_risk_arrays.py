"""A risk model's arrays by asset: what is read from files is what the engine says, or is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.context import Services
from app.errors import ArtifactUnavailable, RunNotFound
from app.execution.worker.results import decode_result
from app.features.risk import job as risk_job
from app.features.risk.arrays import RiskArrays, exposures_at, forecast_at, open_risk_arrays, opened_arrays
from app.features.risk.results import RiskModelResults
from app.runs.events import EventHub
from app.settings import Settings
from engine.panel import Panel
from engine.risk.model import RiskModel, build_risk_model
from tests.app.modelling import config, launch, panel, request_for
from tests.app.sweeping import add_panel, compute_next

CASES = {
    "sectors": (panel(), config()),
    "changing": (panel(changing=True), config()),
    "none": (panel(sectors=0), config()),
    "no styles": (panel(), config(styles=())),
}


@pytest.fixture(scope="module", params=CASES)
def computed(request, tmp_path_factory) -> tuple[RiskModel, RiskModelResults, RiskArrays, Panel]:
    """By the engine at once, and from documents and files; and the panel."""
    content, options = CASES[request.param]
    folder = tmp_path_factory.mktemp("data")
    payload = risk_job.build_model(request_for(content, folder, options), lambda *_: None)
    results = decode_result(memoryview(b"".join(bytes(part) for part in payload)))
    records = {record.name: record for record in results.artifacts}
    return (
        build_risk_model(content, options),
        RiskModelResults.from_documents({document.name: document for document in results.documents}),
        opened_arrays(folder, content.assets, records),
        content,
    )


def test_forecasts_are_those_of_the_engine_bit_for_bit(computed):
    model, results, arrays, _ = computed
    for at in range(len(model.outlook.rows)):
        expected, found = model.outlook.forecast(at), forecast_at(results, arrays, at)
        assert (found.assets, found.factors) == (expected.assets, expected.factors)
        for name in ("exposures", "covariance", "specific"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        np.testing.assert_array_equal(
            exposures_at(results, arrays, model.outlook.rows[at]), model.outlook.exposures(at)
        )
    last = forecast_at(results, arrays, -1)
    np.testing.assert_array_equal(last.specific, model.outlook.specific.volatilities[-1])
    with pytest.raises(IndexError):
        forecast_at(results, arrays, len(model.outlook.rows))


def test_exposures_explain_the_returns_of_the_next_date(computed):
    """On any date, forecast or not: return = X f + specific return."""
    _, results, arrays, content = computed
    price = content.fields["price"]
    for row in (90, 250, 251, 350):
        exposures = exposures_at(results, arrays, row)
        known = np.isfinite(exposures).all(axis=1) & np.isfinite(arrays.specific_returns[row + 1])
        assert known.sum() > 30
        factors = np.nan_to_num(results.factor_returns[row + 1])
        explained = exposures[known] @ factors + arrays.specific_returns[row + 1][known]
        returns = price[row + 2] / price[row + 1] - 1  # the model's first date is the panel's second
        np.testing.assert_allclose(explained, returns[known], atol=1e-12)
        unpriced = np.isnan(price[row + 1])
        if results.styles:
            np.testing.assert_array_equal(np.isnan(exposures).all(axis=1), unpriced)


def test_the_arrays_cannot_be_written_to(computed):
    _, results, arrays, _ = computed
    with pytest.raises(ValueError, match="read-only"):
        arrays.specific_risk[0, 0] = 1.0
    exposures_at(results, arrays, 0)[0, 0] = 1.0  # a copy


def test_arrays_of_another_model_are_refused(computed):
    _, results, arrays, _ = computed
    others = [
        replace(arrays, scores=arrays.scores[1:]),
        replace(arrays, specific_risk=arrays.specific_risk[1:]),
        replace(arrays, sectors=np.full_like(arrays.sectors, 9)),
    ]
    for other in others:
        with pytest.raises(ArtifactUnavailable, match="does not fit"):
            forecast_at(results, other, 0)


# -- from the store ----------------------------------------------------------------------------------------


@pytest.fixture
async def services(store, tmp_path):
    services = Services(Settings(data_dir=tmp_path, _env_file=None), store, EventHub(store), None)
    yield services
    await services.events.close()


async def test_the_arrays_of_a_run_are_opened_with_the_names_of_its_assets(services):
    content, options = CASES["changing"]
    run = await launch(services.store, await add_panel(services, content), options)
    with pytest.raises(ArtifactUnavailable, match="no array 'scores'"):
        await open_risk_arrays(services, run.id)
    await compute_next(services)
    arrays = await open_risk_arrays(services, run.id)
    assert arrays.assets == content.assets
    model = build_risk_model(content, options)
    np.testing.assert_array_equal(arrays.specific_returns, model.factor_returns.specific)
    np.testing.assert_array_equal(arrays.sectors_at(model.outlook.rows[3]), model.outlook.sectors[3])
    with pytest.raises(RunNotFound):
        await open_risk_arrays(services, run.id + 1)


async def test_files_that_are_gone_or_changed_are_named(services, tmp_path):
    run = await launch(services.store, await add_panel(services, CASES["none"][0]))
    await compute_next(services)
    (folder,) = [path for path in (tmp_path / "artifacts").iterdir() if len(path.name) == 32]
    file = folder / "market_caps.npy"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ArtifactUnavailable, match=r"'market_caps'.*changed"):
        await open_risk_arrays(services, run.id)
    file.unlink()
    with pytest.raises(ArtifactUnavailable, match=r"'market_caps'.*missing"):
        await open_risk_arrays(services, run.id)
    file.write_bytes(content)
    await open_risk_arrays(services, run.id)
    shutil.rmtree(folder)
    with pytest.raises(ArtifactUnavailable, match="missing"):
        await open_risk_arrays(services, run.id)


def test_records_that_do_not_fit_each_other_are_refused(tmp_path: Path):
    content, options = CASES["sectors"]
    payload = risk_job.build_model(request_for(content, tmp_path, options), lambda *_: None)
    results = decode_result(memoryview(b"".join(bytes(part) for part in payload)))
    records = {record.name: record for record in results.artifacts}
    opened_arrays(tmp_path, content.assets, records)
    with pytest.raises(ArtifactUnavailable, match="does not fit"):
        opened_arrays(tmp_path, content.assets[1:], records)
    for name, changes in (
        ("specific_returns", {"shape": (5, len(content.assets))}),
        ("sectors", {"shape": (2, len(content.assets))}),
        ("scores", {"dtype": "<i4"}),
        ("peer_shares", {"shape": (1,)}),
    ):
        with pytest.raises(ArtifactUnavailable, match=f"{name}.*does not fit"):
            opened_arrays(tmp_path, content.assets, records | {name: replace(records[name], **changes)})
