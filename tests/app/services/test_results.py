"""Reading the results of several runs, while runs are deleted."""

from __future__ import annotations

import pytest

from app.features.factors.latest import latest_results
from app.features.legacy.log_rows import last_runs
from db.runs import results as result_store
from db.runs.queue import delete_run
from engine.factors.registry import FactorName
from tests.db.samples import NOW, add_sample_dataset, succeeded


@pytest.fixture
async def deleted_amid(store, monkeypatch):
    """The newer of two runs goes once it is found and before its metrics are read."""
    dataset_id = await add_sample_dataset(store)
    kept = await succeeded(store, dataset_id, identity_hash="a", subject="MOMENTUM")
    doomed = await succeeded(store, dataset_id, identity_hash="b")
    read = result_store.get_performance

    async def delete_then_read(store, run_ids):
        await delete_run(store, doomed.id)
        return await read(store, run_ids)

    monkeypatch.setattr("db.runs.results.get_performance", delete_then_read)
    return kept


async def test_the_latest_runs_are_those_that_are_still_there(store, deleted_amid):
    found = await latest_results(store, now=NOW)
    assert [one.run.id for one in found] == [deleted_amid.id]


async def test_the_last_runs_of_a_factor_are_those_that_are_still_there(store, deleted_amid):
    assert await last_runs(store, FactorName.SMB, 5, now=NOW) == []
