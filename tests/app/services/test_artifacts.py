"""Arrays that runs keep as files: they go with their run, and gc takes what no run has."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from app.context import Services
from app.datasets.service import collect_garbage
from app.errors import RunNotDeletable
from app.runs.events import EventHub
from app.runs.lifecycle import delete_run
from app.settings import Settings
from app.storage.artifacts.reader import open_artifact
from app.storage.artifacts.writer import ArtifactWriter
from db.records import ArtifactRecord, RunKind, RunRecord, RunResults, RunStatus
from db.runs.artifacts import get_artifacts
from db.runs.queue import claim_run, finish_run
from tests.db.samples import WORKER, add_sample_dataset, launch, modelled, succeeded

RISK = {"kind": RunKind.RISK_MODEL, "subject": None, "identity_hash": "risk"}


@pytest.fixture
async def services(store, tmp_path):
    services = Services(Settings(_env_file=None, data_dir=tmp_path), store, EventHub(store), None)
    yield services
    await services.events.close()


def written(services: Services, *, hours_ago: float = 0.0) -> ArtifactRecord:
    """A finished folder with one array, as a computation leaves it."""
    with ArtifactWriter(services.settings.artifacts_dir) as writer:
        writer.add("scores", np.arange(10.0))
        record = ArtifactRecord(**asdict(writer.finish()[0]))
    then = time.time() - hours_ago * 3600
    os.utime((services.settings.data_dir / record.path).parent, (then, then))
    return record


def folder_of(services: Services, record: ArtifactRecord) -> Path:
    return (services.settings.data_dir / record.path).parent


async def running_model(services: Services, *, hours_ago: float) -> RunRecord:
    await launch(services.store, await add_sample_dataset(services.store), **RISK)
    run = await claim_run(
        services.store, WORKER, datetime.now(UTC) - timedelta(hours=hours_ago), kinds=tuple(RunKind)
    )
    assert run is not None
    return run


async def test_the_arrays_of_a_deleted_run_go_with_it_alone(services):
    dataset_id = await add_sample_dataset(services.store)
    record, other = written(services), written(services)
    run = await modelled(services.store, dataset_id, record)
    kept = await modelled(services.store, dataset_id, other, identity_hash="other")
    factor_run = await succeeded(services.store, dataset_id)
    array = open_artifact(services.settings.data_dir, record)

    await delete_run(services, run.id)
    await delete_run(services, factor_run.id)

    assert [path.name for path in services.settings.artifacts_dir.iterdir()] == [other.path.split("/")[1]]
    assert (await get_artifacts(services.store, kept.id))["scores"] == other
    assert open_artifact(services.settings.data_dir, other).sum() == 45
    assert array.sum() == 45, "whoever reads it reads on"


async def test_the_arrays_of_a_run_that_cannot_be_deleted_stay(services):
    run = await running_model(services, hours_ago=0)
    record = written(services)
    with pytest.raises(RunNotDeletable):
        await delete_run(services, run.id)
    assert folder_of(services, record).is_dir()


async def test_a_row_that_names_another_place_removes_nothing_there(services, tmp_path):
    (tmp_path / "datasets" / "x").mkdir(parents=True)
    outside = ArtifactRecord(
        name="scores",
        path="artifacts/../datasets/x/scores.npy",
        dtype="<f8",
        shape=(1,),
        byte_count=8,
        sha256="",
    )
    run = await modelled(services.store, await add_sample_dataset(services.store), outside)
    await delete_run(services, run.id)
    assert (tmp_path / "datasets" / "x").is_dir()


async def test_a_run_is_deleted_though_its_arrays_cannot_be(services, monkeypatch, caplog):
    record = written(services, hours_ago=2)
    run = await modelled(services.store, await add_sample_dataset(services.store), record)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr("app.runs.lifecycle.remove_artifacts", refuse)
        assert (await delete_run(services, run.id)).id == run.id
    assert "cannot be deleted" in caplog.text
    assert (await collect_garbage(services)).artifacts == (folder_of(services, record).name,)


async def test_gc_takes_what_no_run_has_once_it_is_old(services):
    dataset_id = await add_sample_dataset(services.store)
    named = written(services, hours_ago=100)
    await modelled(services.store, dataset_id, named)
    old, young = written(services, hours_ago=2), written(services, hours_ago=0.5)

    dry = await collect_garbage(services, dry_run=True)
    assert dry.artifacts == (folder_of(services, old).name,)
    assert dry.bytes_freed == old.byte_count
    assert folder_of(services, old).is_dir()

    assert await collect_garbage(services) == dry
    assert not folder_of(services, old).exists()
    assert folder_of(services, young).is_dir()
    assert open_artifact(services.settings.data_dir, named).sum() == 45
    assert (await collect_garbage(services)).artifacts == ()


async def test_gc_spares_what_a_running_model_may_have_put_there(services):
    """However long its end waits for the database."""
    run = await running_model(services, hours_ago=10)
    before, since = written(services, hours_ago=12), written(services, hours_ago=9)
    assert (await collect_garbage(services)).artifacts == (folder_of(services, before).name,)
    results = RunResults(artifacts=(since,))
    assert await finish_run(services.store, run.id, 1, WORKER, results, datetime.now(UTC))
    assert (await collect_garbage(services)).artifacts == ()
    await delete_run(services, run.id)
    assert not folder_of(services, since).exists()


async def test_gc_finds_a_model_that_is_committed_while_it_looks(services, monkeypatch):
    run = await running_model(services, hours_ago=10)
    record = written(services, hours_ago=9)

    from app.datasets import service as datasets

    list_runs = datasets._runs_in

    async def commit_first(*arguments):
        results = RunResults(artifacts=(record,))
        if arguments[1:] == (RunStatus.RUNNING,):
            assert await finish_run(services.store, run.id, 1, WORKER, results, datetime.now(UTC))
        return await list_runs(*arguments)

    monkeypatch.setattr(datasets, "_runs_in", commit_first)
    assert (await collect_garbage(services)).artifacts == ()
    assert folder_of(services, record).is_dir()


async def test_what_a_computation_left_that_lost_its_claim_is_for_gc(services):
    run = await running_model(services, hours_ago=3)
    record = written(services, hours_ago=2)
    results = RunResults(artifacts=(record,))
    assert not await finish_run(services.store, run.id, 7, WORKER, results, datetime.now(UTC))
    assert await finish_run(services.store, run.id, 1, WORKER, RunResults(), datetime.now(UTC))
    assert (await collect_garbage(services)).artifacts == (folder_of(services, record).name,)


async def test_gc_takes_what_killed_writers_left(services):
    written(services)
    left = services.settings.artifacts_dir / ".temporary-1-ab"
    left.mkdir()
    (left / "scores.npy").write_bytes(b"12345")
    with ArtifactWriter(services.settings.artifacts_dir) as writer:
        writer.add("scores", np.ones(3))
        for folder in services.settings.artifacts_dir.glob(".temporary-*"):
            os.utime(folder, (0, 0))
        garbage = await collect_garbage(services)
        assert (garbage.temporaries, garbage.bytes_freed) == ((left.name,), 5)
        assert writer.finish(), "one at work is left alone"
