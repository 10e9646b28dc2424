"""Which dataset is meant where none is named, however many versions others have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.context import Services
from app.datasets.service import DatasetRef, resolve_dataset
from app.errors import DatasetNotFound, InvalidInput
from app.runs.events import EventHub
from app.settings import Settings
from db.datasets import delete_dataset
from db.pages import MAX_PAGE_SIZE
from db.store import Store
from tests.db.samples import NOW, add_sample_dataset


@pytest.fixture
async def services(store: Store, tmp_path: Path) -> AsyncIterator[Services]:
    hub = EventHub(store)
    yield Services(Settings(_env_file=None, data_dir=tmp_path), store, hub, None)
    await hub.close()


async def add_versions(store: Store, name: str, *, synthetic: bool = False) -> list[int]:
    """More of one name than a page holds; their ids."""
    return [
        await add_sample_dataset(store, name=name, fingerprint=f"f{number}", synthetic=synthetic)
        for number in range(MAX_PAGE_SIZE + 1)
    ]


async def test_a_daily_fetch_does_not_hide_another_dataset(store: Store, services: Services) -> None:
    await add_sample_dataset(store, name="stocks")
    await add_versions(store, "coins")
    with pytest.raises(InvalidInput, match=r"could be meant: coins, stocks$") as caught:
        await resolve_dataset(services, None)
    (fault,) = caught.value.field_errors
    assert (fault.path, fault.code) == (("dataset",), "AMBIGUOUS")


async def test_the_only_real_one_is_meant_beside_many_samples(store: Store, services: Services) -> None:
    real = await add_sample_dataset(store, name="real")
    await add_versions(store, "sample", synthetic=True)
    assert (await resolve_dataset(services, None)).id == real


async def test_an_old_version_made_current_again_is_meant(store: Store, services: Services) -> None:
    first, *_ = await add_versions(store, "coins")
    assert await add_sample_dataset(store, name="coins", fingerprint="f0") == first
    assert (await resolve_dataset(services, None)).id == first


async def test_at_most_ten_names_are_listed_and_real_ones_first(store: Store, services: Services) -> None:
    await add_sample_dataset(store, name="a sample", synthetic=True)
    with pytest.raises(DatasetNotFound) as caught:
        await resolve_dataset(services, DatasetRef(name="missing"))
    assert caught.value.hint == "there is a sample"
    ids = [await add_sample_dataset(store, name=f"real {number:02}") for number in range(12)]
    await delete_dataset(store, ids[0], NOW)
    names = ", ".join(f"real {number:02}" for number in range(1, 11))
    with pytest.raises(DatasetNotFound) as caught:
        await resolve_dataset(services, DatasetRef(name="missing"))
    assert caught.value.hint == f"there is {names}"
    with pytest.raises(InvalidInput, match=rf"could be meant: {names}$"):
        await resolve_dataset(services, None)
