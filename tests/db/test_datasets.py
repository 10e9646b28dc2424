"""Datasets: versions, the current one, soft deletion, assets, and whose files are still needed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import pytest

from db.datasets import (
    add_dataset,
    asset_names,
    delete_dataset,
    find_dataset,
    fingerprints_in_use,
    get_assets,
    get_datasets,
    list_datasets,
    list_versions,
    newest_dataset_with,
    real_datasets,
)
from db.errors import DatasetGone, InvalidCursor
from db.records import AssetRecord, DatasetRecord, RunKind, RunRecord
from db.runs.queue import cancel_run, claim_run
from db.store import Store
from tests.db.samples import NOW, WORKER, later, launch, new_dataset
from tests.stores import counting_statements


async def add(store: Store, fingerprint: str = "f1", **changes: object) -> DatasetRecord:
    record, _ = await add_dataset(store, new_dataset(fingerprint=fingerprint, **changes), NOW)
    return record


async def current(store: Store, name: str = "panel") -> int | None:
    record = await find_dataset(store, name)
    return None if record is None else record.id


async def test_a_dataset_comes_back_as_it_was_given(store: Store) -> None:
    new = new_dataset(note="é", quality={"nested": {"a": [1, None, 0.5]}})
    record, created = await add_dataset(store, new, NOW)
    assert created
    assert record == DatasetRecord(
        id=record.id,
        kind="PANEL",
        name="panel",
        version=1,
        current=True,
        fingerprint="f1",
        source="file.csv",
        licence="CC0",
        note="é",
        synthetic=False,
        calendar="EVERY_DAY",
        fields=("price", "mc"),
        asset_count=2,
        date_count=100,
        first_date=new.first_date,
        last_date=new.last_date,
        observation_count=200,
        quality={"nested": {"a": [1, None, 0.5]}},
        created_at=NOW,
        deleted_at=None,
    )
    assert await find_dataset(store, "panel") == record
    assert await get_datasets(store, [record.id, 999_999, 2**70]) == {record.id: record}
    assert await get_assets(store, [record.id, 999_999]) == {record.id: new.assets, 999_999: ()}
    assert await asset_names(store, [record.id]) == {record.id: ("btc", "éth")}


async def test_assets_are_in_the_order_of_their_ordinals(store: Store) -> None:
    assets = tuple(AssetRecord(ordinal=i, asset=f"asset {i}") for i in range(300))
    one = await add(store, "f1", assets=assets[::-1])
    two = await add(store, "f2", assets=assets[:2])
    with counting_statements(store) as statements:
        names = await asset_names(store, [two.id, one.id, two.id])
    assert len(statements) == 1
    assert names == {
        one.id: tuple(asset.asset for asset in assets),
        two.id: ("asset 0", "asset 1"),
    }
    assert (await get_assets(store, [one.id]))[one.id] == assets


async def test_other_content_is_a_new_version_which_the_name_then_means(store: Store) -> None:
    one, two = await add(store, "f1"), await add(store, "f2")
    other = await add(store, "f1", name="other")
    assert (one.version, two.version, other.version) == (1, 2, 1)
    assert await current(store) == two.id
    assert (await get_datasets(store, [one.id]))[one.id].current is False
    assert await current(store, "nothing") is None


async def test_the_same_content_is_the_same_dataset_made_current_again(store: Store) -> None:
    one, two = await add(store, "f1"), await add(store, "f2")
    again, created = await add_dataset(store, new_dataset(fingerprint="f1", source="elsewhere"), later(60))
    assert not created
    assert again == one
    assert await current(store) == one.id
    assert (await get_datasets(store, [two.id]))[two.id].current is False
    assert len(await asset_names(store, [one.id])) == 1
    assert (await add(store, "f3")).version == 3


async def test_a_deleted_dataset_is_hidden_but_kept_for_its_results(store: Store) -> None:
    one = await add(store, "f1")
    deleted = await delete_dataset(store, one.id, later(5))
    assert await current(store) is None
    kept = (await get_datasets(store, [one.id]))[one.id]
    assert deleted == kept == replace(one, deleted_at=later(5), current=False)
    assert (await asset_names(store, [one.id]))[one.id] == ("btc", "éth")
    assert not await delete_dataset(store, one.id, later(6))
    assert not await delete_dataset(store, 999_999, later(6))


async def test_after_deleting_the_current_version_a_name_means_the_newest_left(store: Store) -> None:
    one, two, three = [await add(store, f"f{i}") for i in range(3)]
    await delete_dataset(store, two.id, NOW)
    assert await current(store) == three.id
    await delete_dataset(store, three.id, NOW)
    assert await current(store) == one.id
    await delete_dataset(store, one.id, NOW)
    assert await current(store) is None


async def test_adding_a_deleted_dataset_again_undeletes_it(store: Store) -> None:
    one = await add(store, "f1")
    await delete_dataset(store, one.id, NOW)
    again, created = await add_dataset(store, new_dataset(), later(60))
    assert created, "as far as anybody could see"
    assert again == one
    assert await current(store) == one.id
    assert await list_versions(store, "panel") == [one]


async def test_the_versions_of_a_name_are_those_left_newest_first(store: Store) -> None:
    one, two, three = [await add(store, f"f{i}") for i in range(3)]
    await add(store, "f1", name="other")
    await delete_dataset(store, two.id, NOW)
    assert [record.id for record in await list_versions(store, "panel")] == [three.id, one.id]
    assert await list_versions(store, "nothing") == []


async def test_of_deletions_at_once_one_is_the_first(store: Store) -> None:
    one, two = await add(store, "f1"), await add(store, "f2")
    outcomes = await asyncio.gather(*(delete_dataset(store, two.id, later(i)) for i in range(6)))
    (first,) = [record for record in outcomes if record is not None]
    assert (await get_datasets(store, [two.id]))[two.id] == first
    assert await current(store) == one.id


async def test_a_name_has_one_current_version_whatever_is_deleted_and_added_at_once(store: Store) -> None:
    records = [await add(store, f"f{i}") for i in range(4)]
    await asyncio.gather(
        *(delete_dataset(store, record.id, NOW) for record in records),
        *(add_dataset(store, new_dataset(fingerprint=f"f{i % 4}"), NOW) for i in range(8)),
    )
    left = await list_versions(store, "panel")
    assert [record.current for record in left].count(True) == min(len(left), 1)


async def test_adding_at_once_makes_versions_without_gaps_and_one_current(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(add_dataset(store, new_dataset(fingerprint=f"f{i % 4}"), NOW) for i in range(12))
    )
    assert sorted(record.version for record, created in outcomes if created) == [1, 2, 3, 4]
    records = await get_datasets(store, {record.id for record, _ in outcomes})
    assert [record.current for record in records.values()].count(True) == 1


async def test_real_datasets_are_current_undeleted_and_not_synthetic(store: Store) -> None:
    await add(store, "f1")
    newest = await add(store, "f2")
    await add(store, "f1", name="sample", synthetic=True)
    gone = await add(store, "f1", name="gone")
    await delete_dataset(store, gone.id, NOW)
    another = await add(store, "f1", name="another")
    assert await real_datasets(store, kind="PANEL") == [another, newest]


async def test_the_newest_dataset_with_all_assets_is_found(store: Store) -> None:
    def holding(*names: str) -> dict[str, object]:
        assets = tuple(AssetRecord(ordinal=ordinal, asset=name) for ordinal, name in enumerate(names))
        return {"calendar": "OBSERVED", "assets": assets}

    async def found(*names: str, start: str = "2025-01-01", end: str = "2025-04-10") -> str | None:
        span = {"start": date.fromisoformat(start), "end": date.fromisoformat(end)}
        record = await newest_dataset_with(store, names, calendar="OBSERVED", **span)
        return None if record is None else record.name

    await add(store, name="both", **holding("aapl", "MSFT", "AAPL"))
    await add(store, "f1", name="replaced", **holding("AAPL", "MSFT", "IBM"))
    await add(store, "f2", name="replaced", **holding("AAPL"))
    await add(store, name="coins", **holding("AAPL", "MSFT", "IBM") | {"calendar": "EVERY_DAY"})
    gone = await add(store, name="gone", **holding("AAPL", "MSFT", "IBM"))
    await delete_dataset(store, gone.id, NOW)
    assert await found("AAPL", "MSFT") == "both"
    assert await found("AAPL") == "replaced"
    assert await found("AAPL", "MSFT", "IBM") is None
    assert await found("MSFT", start="2025-04-10", end="2025-05-01") == "both"
    assert await found("MSFT", start="2024-04-10", end="2025-01-01") == "both"
    assert await found("MSFT", start="2025-04-11", end="2025-05-01") is None
    assert await found("MSFT", start="2024-04-11", end="2024-12-31") is None


async def test_datasets_are_listed_newest_first_a_page_at_a_time(store: Store) -> None:
    records = [await add(store, f"f{i}") for i in range(7)]
    await delete_dataset(store, records[3].id, NOW)
    seen: list[int] = []
    after: str | None = None
    while True:
        page = await list_datasets(store, first=2, after=after)
        seen += [record.id for record in page.items]
        if not page.has_next_page:
            break
        after = page.cursors[-1]
    assert seen == [records[i].id for i in (6, 5, 4, 2, 1, 0)]
    with pytest.raises(InvalidCursor):
        await list_datasets(store, first=2, after="bm9uc2Vuc2U")
    with pytest.raises(ValueError, match="100"):
        await list_datasets(store, first=101, after=None)


async def test_files_are_needed_by_datasets_and_by_runs_in_flight(store: Store) -> None:
    kept, gone, running = await add(store, "kept"), await add(store, "gone"), await add(store, "running")
    first = await launch(store, gone.id)
    await cancel_run(store, first.id, NOW)
    second = await launch(store, running.id, identity_hash="b")
    for record in (gone, running):
        await delete_dataset(store, record.id, NOW)
    assert kept.id != running.id
    assert await fingerprints_in_use(store) == {"kept", "running"}
    assert await claim_run(store, WORKER, NOW, kinds=tuple(RunKind))
    assert await fingerprints_in_use(store) == {"kept", "running"}
    await cancel_run(store, second.id, NOW)
    assert await fingerprints_in_use(store) == {"kept"}


async def test_a_run_launched_while_its_dataset_is_deleted_has_its_files_or_is_refused(store: Store) -> None:
    for number in range(5):
        record = await add(store, f"f{number}")
        launched, _ = await asyncio.gather(
            launch(store, record.id, identity_hash=f"i{number}"),
            delete_dataset(store, record.id, NOW),
            return_exceptions=True,
        )
        needed = record.fingerprint in await fingerprints_in_use(store)
        assert needed if isinstance(launched, RunRecord) else isinstance(launched, DatasetGone)


async def test_files_are_needed_as_long_as_one_of_several_datasets_has_them(store: Store) -> None:
    one, other = await add(store, "shared"), await add(store, "shared", name="other")
    await delete_dataset(store, one.id, NOW)
    assert await fingerprints_in_use(store) == {"shared"}
    await delete_dataset(store, other.id, NOW)
    assert await fingerprints_in_use(store) == set()
