"""An interrupted command leaves no run behind; one that cannot carry out its run gives up and says why."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from app.datasets.service import DatasetRef, ingest_sample
from app.datasets.snapshot import remove_snapshot
from app.errors import DatasetUnavailable
from app.features.factors.service import launch_factor
from app.health import report_health
from app.runs.lifecycle import get_run
from app.settings import Settings
from app.wiring import open_services
from db.errors import StoreUnavailable
from db.records import RunStatus
from engine.factors.registry import FactorName
from scripts import following
from scripts.following import launch_and_follow


@pytest.mark.parametrize("moment", ["while it is launched", "while it is followed"])
async def test_an_interrupted_command_cancels_the_run_that_it_launched(tmp_path, capsys, moment):
    async with open_services(Settings(data_dir=tmp_path, database_url=None), execute=False) as services:
        dataset = (await ingest_sample(services)).dataset
        committed = asyncio.Event()

        async def launching():
            launch = await launch_factor(services, FactorName.SMB, {}, dataset=DatasetRef(id=dataset.id))
            committed.set()
            if moment == "while it is launched":
                await asyncio.sleep(0.05)  # the row is there, the caller does not know yet
            return launch

        command = asyncio.ensure_future(launch_and_follow(services, launching(), "compute smb"))
        await committed.wait()
        if moment == "while it is followed":
            await asyncio.sleep(0.2)
        command.cancel()
        with pytest.raises(asyncio.CancelledError):
            await command
        assert (await get_run(services, 1)).status is RunStatus.CANCELED
    assert "run 1 canceled" in capsys.readouterr().err


async def test_a_command_gives_up_where_nothing_can_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(following, "_WRITING_PATIENCE_SECONDS", 0.2)
    async with open_services(Settings(data_dir=tmp_path, database_url=None), execute=False) as services:
        dataset = (await ingest_sample(services)).dataset
        launch = await launch_factor(services, FactorName.SMB, {}, dataset=DatasetRef(id=dataset.id))

        async def fail(seconds):
            for _ in range(seconds):
                with suppress(StoreUnavailable):
                    async with services.store.write():
                        raise StoreUnavailable("the disk is full", "free some space on the disk")
                await asyncio.sleep(0.3)

        failing = asyncio.create_task(fail(10))
        with pytest.raises(
            StoreUnavailable, match=r"nothing could be written .* full; run 1 stays in the queue"
        ):
            await following.until_ended(services, launch.run)
        failing.cancel()


async def test_a_command_gives_up_where_nobody_has_the_files_of_the_dataset(tmp_path, monkeypatch):
    monkeypatch.setattr(following, "_TAKING_PATIENCE_SECONDS", 0.0)
    settings = Settings(data_dir=tmp_path, database_url=None)
    async with open_services(settings, execute=False) as services:
        dataset = (await ingest_sample(services)).dataset
    remove_snapshot(settings.datasets_dir, dataset.fingerprint)
    async with open_services(settings, execute=True) as services:
        launch = await launch_factor(services, FactorName.SMB, {}, dataset=DatasetRef(id=dataset.id))
        with pytest.raises(
            DatasetUnavailable, match=f"not in {settings.datasets_dir}; run 1 stays in the queue"
        ):
            await following.until_ended(services, launch.run)
        assert (await get_run(services, 1)).status is RunStatus.QUEUED
        report = await report_health(services)
        assert (report.serves, report.runs_without_data, report.missing_dataset_count) == (True, 1, 1)
        assert [one.id for one in report.missing_datasets] == [dataset.id]
        assert report.problems == (
            "a dataset is not in this server's data folder (needed by queued runs: 1)",
        )
        # ingested again, it is computed without being asked for again
        await ingest_sample(services)
        assert (await following.until_ended(services, launch.run)).status is RunStatus.SUCCEEDED
