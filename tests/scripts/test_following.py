"""An interrupted command leaves no run behind, at whatever moment it is interrupted."""

from __future__ import annotations

import asyncio

import pytest

from app.services.context import open_services
from app.services.datasets import DatasetRef, ingest_sample
from app.services.runs import get_run, launch_factor
from app.settings import Settings
from db.records import RunStatus
from engine.factors.config import FactorName
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
