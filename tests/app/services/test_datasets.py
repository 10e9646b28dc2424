"""Deleting datasets: what refers to one goes on, and gc takes the files that nobody needs any more."""

from __future__ import annotations

import asyncio
import csv
import os
from pathlib import Path

import pytest

from app.context import Services
from app.datasets import service as module
from app.datasets.period_cache import periods_dir
from app.datasets.positions import Basis
from app.datasets.service import (
    DatasetRef,
    collect_garbage,
    delete_dataset,
    ingest_file,
    ingest_sample,
    resolve_dataset,
)
from app.datasets.snapshot import open_snapshot, snapshot_fingerprints
from app.errors import DatasetNotFound, DatasetUnavailable
from app.features.exposures.betas import asset_betas
from app.features.exposures.service import ExposureRequest, portfolio_exposures
from app.features.factors.service import launch_factor
from app.runs.events import EventHub
from app.runs.lifecycle import get_run, wait_for_run
from app.settings import Settings
from db.datasets import asset_names, get_datasets, list_versions
from db.records import DatasetRecord, RunRecord, RunStatus
from db.runs.results import get_compositions
from engine.factors.registry import FactorName
from tests.app.execution.queueing import executing
from tests.app.exposing import add_exposed
from tests.app.sweeping import BASE, add_panel, compute_next, panel

SMB = FactorName.SMB
FILE_HEADER = ("date", "asset", "price")


@pytest.fixture
async def services(store, store_url, tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path, database_url=store_url)
    services = Services(settings, store, EventHub(store), None)
    yield services
    await services.events.close()


async def add(services: Services, seed: int = 3, name: str = "panel") -> DatasetRecord:
    """A dataset with files; with the same seed they are the same."""
    return await add_panel(services, panel(days=200, seed=seed), name)


async def computed(services: Services, dataset: DatasetRecord) -> RunRecord:
    """A run of it that has succeeded, which leaves a kept aggregate."""
    await launch_factor(services, SMB, BASE, dataset=DatasetRef(id=dataset.id))
    run = await compute_next(services)
    assert run.status is RunStatus.SUCCEEDED, run.failure_message
    return run


def age(services: Services) -> None:
    """As if all that there is had been written long ago."""
    for fingerprint in snapshot_fingerprints(services.settings.datasets_dir):
        os.utime(services.settings.datasets_dir / fingerprint, (0, 0))


async def gc_of_tomorrow(services: Services) -> tuple[str, ...]:
    """Which snapshots it takes."""
    age(services)
    return (await collect_garbage(services)).snapshots


def kept_aggregates(services: Services) -> set[str]:
    """Fingerprints."""
    return {path.name[:64] for path in periods_dir(services.settings.cache_dir).iterdir()}


def price_file(folder: Path, shift: float = 0.0) -> Path:
    path = folder / f"prices-{shift}.csv"
    with path.open("w", newline="") as file:
        rows = [(f"2024-01-{day:02}", name, day + shift) for day in range(1, 9) for name in ("btc", "eth")]
        csv.writer(file).writerows([FILE_HEADER, *rows])
    return path


async def ingest(services: Services, file: Path, name: str = "prices"):
    return await ingest_file(services, file, filename=file.name, name=name)


# -- what a name means --------------------------------------------------------------------------------------


async def test_a_name_means_the_newest_version_left_and_then_nothing(services):
    one, two, three = [await add(services, seed) for seed in (1, 2, 3)]
    for deleted, current in ((three, two), (one, two)):
        assert (await delete_dataset(services, deleted.id)).deleted_at is not None
        assert (await resolve_dataset(services, DatasetRef(name="panel"))).id == current.id
    await delete_dataset(services, two.id)
    for ref in (DatasetRef(name="panel"), DatasetRef(id=two.id), None):
        with pytest.raises(DatasetNotFound):
            await launch_factor(services, SMB, BASE, dataset=ref)


async def test_what_is_deleted_already_is_said_so(services):
    dataset = await add(services)
    await delete_dataset(services, dataset.id)
    with pytest.raises(DatasetNotFound, match="dataset panel v1 is deleted"):
        await delete_dataset(services, dataset.id)
    with pytest.raises(DatasetNotFound, match="no dataset with id 4711"):
        await delete_dataset(services, 4711)


async def test_of_deletions_at_once_all_but_one_are_told_that_it_is_deleted(services):
    dataset = await add(services)
    outcomes = await asyncio.gather(
        *(delete_dataset(services, dataset.id) for _ in range(5)), return_exceptions=True
    )
    assert [isinstance(outcome, DatasetRecord) for outcome in outcomes].count(True) == 1
    assert [isinstance(outcome, DatasetNotFound) for outcome in outcomes].count(True) == 4


async def test_taking_the_same_content_in_again_brings_it_back(services, tmp_path):
    file = price_file(tmp_path)
    first = await ingest(services, file)
    await delete_dataset(services, first.dataset.id)
    again = await ingest(services, file)
    assert (again.dataset, again.created) == (first.dataset, True)
    assert not (await ingest(services, file)).created


async def test_the_sample_is_loaded_again_whether_its_files_are_gone_or_not(services):
    first = await ingest_sample(services)
    for collected in (False, True):
        await delete_dataset(services, first.dataset.id)
        if collected:
            assert await gc_of_tomorrow(services) == (first.dataset.fingerprint,)
        again = await ingest_sample(services)
        assert (again.dataset, again.created) == (first.dataset, True)
        open_snapshot(services.settings.datasets_dir, first.dataset.fingerprint)
    assert not (await ingest_sample(services)).created


# -- what refers to one -------------------------------------------------------------------------------------


async def test_a_run_keeps_the_names_of_its_dataset_and_assets(services):
    dataset = await add(services)
    run = await computed(services, dataset)
    await delete_dataset(services, dataset.id)
    assert await gc_of_tomorrow(services) == (dataset.fingerprint,)
    assert (await get_run(services, run.id)).dataset_id == dataset.id
    assert (await get_datasets(services.store, [dataset.id]))[dataset.id].name == "panel"
    names = (await asset_names(services.store, [dataset.id]))[dataset.id]
    held = (await get_compositions(services.store, [(run.id, None)]))[run.id, None].long
    assert [names[ordinal] for ordinal in held.asset_ordinals]


async def test_a_run_that_waits_is_computed_and_its_files_stay_until_it_has_ended(services):
    dataset = await add(services)
    run = (await launch_factor(services, SMB, BASE)).run
    await delete_dataset(services, dataset.id)
    assert await gc_of_tomorrow(services) == ()
    async with executing(services.store, services.settings, computation="app.jobs"):
        ended = await wait_for_run(services, run.id, 30)
        assert ended.status is RunStatus.SUCCEEDED, ended.failure_message
    assert await gc_of_tomorrow(services) == (dataset.fingerprint,)


async def test_what_needs_its_prices_says_that_they_are_gone(services):
    market, smb = await add_exposed(services)
    request = ExposureRequest(positions=(("bitcoin", 1.0),), basis=Basis.AMOUNTS, run_ids=(market.id, smb.id))
    await delete_dataset(services, market.dataset_id)
    assert (await portfolio_exposures(services, request)).dataset.deleted_at is not None
    await gc_of_tomorrow(services)
    with pytest.raises(DatasetUnavailable, match="is not in "):
        await portfolio_exposures(services, request)
    with pytest.raises(DatasetUnavailable, match="is not in "):
        await asset_betas(services, smb.id)


# -- files --------------------------------------------------------------------------------------------------


async def test_gc_takes_the_files_of_a_deleted_version_with_its_aggregates_alone(services):
    one, two = await add(services, 1), await add(services, 2)
    for dataset in (one, two):
        await computed(services, dataset)
    await delete_dataset(services, one.id)
    assert await gc_of_tomorrow(services) == (one.fingerprint,)
    assert snapshot_fingerprints(services.settings.datasets_dir) == {two.fingerprint}
    assert kept_aggregates(services) == {two.fingerprint}


async def test_gc_tells_what_it_spares_because_it_is_young(services):
    dataset = await add(services)
    assert (await collect_garbage(services)).spared == ()
    await delete_dataset(services, dataset.id)
    garbage = await collect_garbage(services)
    assert (garbage.snapshots, garbage.spared) == ((), (dataset.fingerprint,))
    open_snapshot(services.settings.datasets_dir, dataset.fingerprint)


async def test_gc_spares_files_that_another_name_has(services):
    one, other = await add(services), await add(services, name="other")
    assert one.fingerprint == other.fingerprint
    await computed(services, one)
    await delete_dataset(services, one.id)
    assert await gc_of_tomorrow(services) == ()
    assert kept_aggregates(services) == {other.fingerprint}
    open_snapshot(services.settings.datasets_dir, other.fingerprint)
    await delete_dataset(services, other.id)
    assert await gc_of_tomorrow(services) == (one.fingerprint,)
    assert kept_aggregates(services) == set()


async def test_gc_spares_files_that_are_found_again_while_it_runs(services, tmp_path, monkeypatch):
    """The same content is taken in after gc has asked the store what is needed."""
    file = price_file(tmp_path)
    dataset = (await ingest(services, file)).dataset
    await delete_dataset(services, dataset.id)
    measure, loop = module._size, asyncio.get_running_loop()

    def ingest_meanwhile(folder: Path) -> int:
        asyncio.run_coroutine_threadsafe(ingest(services, file), loop).result(10)
        return measure(folder)

    monkeypatch.setattr(module, "_size", ingest_meanwhile)
    await gc_of_tomorrow(services)
    assert (await resolve_dataset(services, DatasetRef(name="prices"))).id == dataset.id
    open_snapshot(services.settings.datasets_dir, dataset.fingerprint)


async def test_whatever_is_deleted_and_taken_in_at_once_a_dataset_that_is_left_has_its_files(
    services, tmp_path
):
    files = [price_file(tmp_path, shift) for shift in (0.0, 1.0)]
    ids = [(await ingest(services, file)).dataset.id for file in files]
    for _ in range(3):
        age(services)
        await asyncio.gather(
            *(delete_dataset(services, one) for one in ids),
            *(ingest(services, file) for file in files),
            collect_garbage(services),
            return_exceptions=True,
        )
        left = await list_versions(services.store, "prices")
        assert [record.current for record in left].count(True) == min(1, len(left))
        for record in left:
            open_snapshot(services.settings.datasets_dir, record.fingerprint)
        for file in files:
            await ingest(services, file)
