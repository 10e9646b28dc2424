"""Reading which assets a dataset has: once a store, however many ask."""

import asyncio

import pytest

from app.context import Services
from app.datasets import known_assets as module
from app.datasets.known_assets import known_assets
from app.runs.events import EventHub
from app.settings import Settings
from db import datasets as dataset_store
from db.store import Store
from tests.app.modelling import panel
from tests.app.schema.modelling import SYMBOLS, add_model_dataset


@pytest.fixture
async def services(store, tmp_path):
    services = Services(Settings(_env_file=None, data_dir=tmp_path), store, EventHub(store), None)
    yield services
    await services.events.close()


@pytest.fixture
def reads(monkeypatch):
    """The datasets whose assets were read."""
    read = []

    async def get_assets(store, ids, original=dataset_store.get_assets):
        read.extend(ids)
        await asyncio.sleep(0.01)
        return await original(store, ids)

    monkeypatch.setattr(dataset_store, "get_assets", get_assets)
    return read


async def test_many_who_ask_at_once_cost_one_reading(services, reads):
    dataset = await add_model_dataset(services, panel())
    found = await asyncio.gather(*(known_assets(services.store, dataset) for _ in range(20)))
    assert reads == [dataset.id]
    assert all(one is found[0] for one in found)
    assert found[0].assets == panel().assets
    assert found[0].attributes["symbol"] == tuple(SYMBOLS.get(asset) for asset in panel().assets)


async def test_each_dataset_is_read_for_itself(services, reads):
    first = await add_model_dataset(services, panel())
    second = await add_model_dataset(services, panel(assets=30), "others")
    assert (await known_assets(services.store, first)).assets == panel().assets
    assert (await known_assets(services.store, second)).assets == panel(assets=30).assets
    assert (await known_assets(services.store, first)).assets == panel().assets
    assert reads == [first.id, second.id]


async def test_no_more_are_remembered_than_there_is_room_for(services, reads, monkeypatch):
    monkeypatch.setattr(module, "_REMEMBERED", 1)
    first = await add_model_dataset(services, panel())
    second = await add_model_dataset(services, panel(assets=30), "others")
    for dataset in (first, second, first):
        await known_assets(services.store, dataset)
    assert reads == [first.id, second.id, first.id]
    assert list(module._known_of[services.store].panels) == [first.id]


async def test_a_failed_reading_is_not_remembered(services, reads, monkeypatch):
    dataset = await add_model_dataset(services, panel())

    async def fails(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(dataset_store, "get_assets", fails)
        with pytest.raises(ZeroDivisionError):
            await known_assets(services.store, dataset)
    assert (await known_assets(services.store, dataset)).assets == panel().assets


async def test_another_store_is_read_for_itself(services, reads, tmp_path):
    dataset = await add_model_dataset(services, panel())
    await known_assets(services.store, dataset)
    async with await Store.open(f"sqlite:///{tmp_path / 'other.sqlite'}") as other:
        there = Services(services.settings, other, EventHub(other), None)
        others = await add_model_dataset(there, panel(assets=30))
        assert (await known_assets(other, others)).assets == panel(assets=30).assets
        await there.events.close()
    assert (await known_assets(services.store, dataset)).assets == panel().assets
    assert len(reads) == 2
