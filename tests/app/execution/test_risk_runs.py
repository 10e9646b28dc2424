"""Risk models as queued runs: their files are there when they have succeeded, and only then."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from app.context import Services
from app.execution.worker.launcher import PRODUCTION
from app.features.risk.arrays import forecast_at, open_risk_arrays
from app.features.risk.documents import ARTIFACT_ARRAYS
from app.features.risk.results import get_risk_results
from app.runs.events import EventHub
from app.storage.artifacts.reader import open_artifact
from app.storage.folders import stale_temporaries
from db.records import RunStatus
from db.runs.artifacts import get_artifacts
from db.runs.queue import cancel_run
from db.store import Store
from engine.risk.covariance import CovarianceConfig, EigenfactorDates
from engine.risk.model import build_risk_model
from tests.app.execution.queueing import (
    becomes,
    ended,
    events_of,
    executing,
    gone,
    now,
    only_child_of,
    run_of,
    settings_for,
)
from tests.app.modelling import config, launch, panel
from tests.app.sweeping import add_panel

SLOW = config(
    covariance=CovarianceConfig(
        eigenfactor=EigenfactorDates.ALL, eigenfactor_simulations=100_000, min_observations=20
    )
)
"""Takes minutes, once the rows are scored."""


@pytest.fixture
def settings(store_url, tmp_path):
    return settings_for(store_url, tmp_path)


@pytest.fixture
async def services(store, settings):
    services = Services(settings, store, EventHub(store), None)
    yield services
    await services.events.close()


def folders(tmp_path: Path) -> list[Path]:
    """Of artifacts that are finished."""
    return [path for path in (tmp_path / "artifacts").glob("*") if not path.name.startswith(".")]


async def only_stale_files_are_left(store: Store, run_id: int, tmp_path: Path) -> None:
    assert await get_artifacts(store, run_id) == {}
    assert folders(tmp_path) == []
    left = sorted((tmp_path / "artifacts").iterdir())
    assert stale_temporaries(tmp_path / "artifacts", grace_seconds=0.0) == tuple(left)


@pytest.mark.parametrize("sectors", [3, 0])
async def test_a_queued_model_is_there_when_its_run_has_succeeded(services, settings, sectors):
    content = panel(sectors=sectors)
    store = services.store
    run = await launch(store, await add_panel(services, content))
    async with executing(store, settings, computation=PRODUCTION):
        run = await ended(store, run.id, seconds=60)
    assert run.failure_message is None
    assert run.status is RunStatus.SUCCEEDED
    assert (await get_artifacts(store, run.id)).keys() == ARTIFACT_ARRAYS.keys()
    results = (await get_risk_results(store, [run.id]))[run.id]
    model = build_risk_model(content, config())
    expected = model.outlook.forecast(-1)
    found = forecast_at(results, await open_risk_arrays(services, run.id), -1)
    assert (found.assets, found.factors) == (expected.assets, expected.factors)
    for name in ("exposures", "covariance", "specific"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-12)


async def test_a_forced_run_has_files_of_its_own(services, settings, tmp_path):
    store = services.store
    dataset = await add_panel(services, panel())
    first, second = await launch(store, dataset), await launch(store, dataset, forced=True)
    assert first.id != second.id
    async with executing(store, settings, computation=PRODUCTION):
        for run in (first, second):
            assert (await ended(store, run.id, seconds=60)).status is RunStatus.SUCCEEDED
    one, other = await get_artifacts(store, first.id), await get_artifacts(store, second.id)
    assert not {record.path for record in one.values()} & {record.path for record in other.values()}
    assert len(folders(tmp_path)) == 2
    for name in ARTIFACT_ARRAYS:
        both = [open_artifact(tmp_path, records[name]) for records in (one, other)]
        np.testing.assert_array_equal(*both)


async def scored(store: Store, run_id: int, tmp_path: Path) -> None:
    """Waits until the run's scores are being kept."""
    await becomes(store, run_id, lambda run: "forecasting" in run.progress_stage, seconds=30)
    assert any((tmp_path / "artifacts").glob(".temporary-*/scores.npy"))


async def test_a_canceled_model_leaves_no_files_but_stale_ones(services, settings, tmp_path):
    store = services.store
    run = await launch(store, await add_panel(services, panel()), SLOW)
    async with executing(store, settings, computation=PRODUCTION) as executor:
        child = await only_child_of(executor)
        await scored(store, run.id, tmp_path)
        await cancel_run(store, run.id, now())
        executor.kill(run.id)
        assert await gone(child)
    assert (await run_of(store, run.id)).status is RunStatus.CANCELED
    await only_stale_files_are_left(store, run.id, tmp_path)


async def test_a_model_of_a_killed_process_has_failed_and_leaves_stale_files(services, settings, tmp_path):
    store = services.store
    run = await launch(store, await add_panel(services, panel()), SLOW)
    async with executing(store, settings, computation=PRODUCTION) as executor:
        child = await only_child_of(executor)
        await scored(store, run.id, tmp_path)
        os.kill(child, signal.SIGKILL)
        run = await ended(store, run.id)
    assert (run.status, run.failure_code) == (RunStatus.FAILED, "COMPUTATION_CRASHED")
    await only_stale_files_are_left(store, run.id, tmp_path)


async def test_a_model_over_its_time_has_failed_and_leaves_stale_files(services, settings, tmp_path):
    store = services.store
    run = await launch(store, await add_panel(services, panel()), SLOW)
    settings = settings.model_copy(update={"run_timeout_seconds": 2.5})
    async with executing(store, settings, computation=PRODUCTION):
        run = await ended(store, run.id, seconds=30)
    assert (run.status, run.failure_code) == (RunStatus.FAILED, "TIMED_OUT")
    await only_stale_files_are_left(store, run.id, tmp_path)


async def test_a_model_without_room_on_the_disk_has_failed(services, settings, tmp_path):
    (tmp_path / "artifacts").write_text("no folder")
    store = services.store
    run = await launch(store, await add_panel(services, panel()))
    async with executing(store, settings, computation=PRODUCTION):
        run = await ended(store, run.id, seconds=30)
    assert (run.status, run.failure_code) == (RunStatus.FAILED, "STORAGE_FAILURE")
    assert str(tmp_path) not in run.failure_message
    assert await get_artifacts(store, run.id) == {}


async def test_its_progress_is_told_in_words(services, settings):
    store = services.store
    run = await launch(store, await add_panel(services, panel()), SLOW)
    async with executing(store, settings, computation=PRODUCTION) as executor:
        await becomes(store, run.id, lambda found: "forecasting" in found.progress_stage, seconds=30)
        await cancel_run(store, run.id, now())
        executor.kill(run.id)
    stages = [event.progress_stage for event in await events_of(store, run.id)]
    assert "460 dates are scored; forecasting" in stages
