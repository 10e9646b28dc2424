"""Datasets: rows that are added once, become current or deleted, and never change otherwise."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from db.columns import is_row_id
from db.models import Dataset, DatasetAsset
from db.pages import Page, SortKey, after_values, check_page_size, decode_cursor, encode_cursor
from db.records import AssetRecord, DatasetRecord, NewDataset, RunStatus
from db.runs.rows import run
from db.store import Store, store_access

dataset = Dataset.__table__
dataset_asset = DatasetAsset.__table__

_LIST_SCOPE = "datasets, newest first"
_BY_NEWEST = (SortKey(dataset.c.id, descending=True, nullable=False),)
_CURRENT = and_(dataset.c.current, dataset.c.deleted_at.is_(None))
"""Versions that their names mean."""
_LIVE = (RunStatus.QUEUED.value, RunStatus.RUNNING.value)
_NEEDED = dataset.c.deleted_at.is_(None) | exists().where(
    run.c.dataset_id == dataset.c.id, run.c.status.in_(_LIVE)
)


@store_access
async def add_dataset(store: Store, new: NewDataset, now: datetime) -> tuple[DatasetRecord, bool]:
    """Makes a snapshot the current version of its name: (dataset, created).

    The same name and fingerprint is the same snapshot: the existing row is made current again. `created` is
    False where it was there already, not where it had been deleted and is brought back."""
    async with store.write(exclusive=True) as connection:
        return await write_dataset(connection, new, now)


async def write_dataset(
    connection: AsyncConnection, new: NewDataset, now: datetime
) -> tuple[DatasetRecord, bool]:
    """`add_dataset` inside a transaction, which must come from an exclusive `Store.write`."""
    same = select(dataset).where(dataset.c.name == new.name, dataset.c.fingerprint == new.fingerprint)
    existing = (await connection.execute(same)).first()
    await connection.execute(
        update(dataset)
        .where(dataset.c.name == new.name, dataset.c.current, dataset.c.fingerprint != new.fingerprint)
        .values(current=False)
    )
    if existing is None:
        dataset_id = await _insert(connection, new, now)
    else:
        dataset_id = existing.id
        await connection.execute(
            update(dataset).where(dataset.c.id == dataset_id).values(current=True, deleted_at=None)
        )
    row = (await connection.execute(select(dataset).where(dataset.c.id == dataset_id))).one()
    return _record(row), existing is None or existing.deleted_at is not None


async def _insert(connection: AsyncConnection, new: NewDataset, now: datetime) -> int:
    newest = select(func.coalesce(func.max(dataset.c.version), 0)).where(dataset.c.name == new.name)
    row = {
        "kind": new.kind,
        "name": new.name,
        "version": (await connection.scalar(newest) or 0) + 1,
        "current": True,
        "fingerprint": new.fingerprint,
        "source": new.source,
        "licence": new.licence,
        "note": new.note,
        "synthetic": new.synthetic,
        "calendar": new.calendar,
        "fields": list(new.fields),
        "asset_count": len(new.assets),
        "date_count": new.date_count,
        "first_date": new.first_date,
        "last_date": new.last_date,
        "observation_count": new.observation_count,
        "quality": dict(new.quality),
        "created_at": now,
    }
    dataset_id: int = (await connection.execute(insert(dataset).returning(dataset.c.id), row)).scalar_one()
    if new.assets:
        await connection.execute(
            insert(dataset_asset),
            [
                {
                    "dataset_id": dataset_id,
                    "ordinal": asset.ordinal,
                    "asset": asset.asset,
                    "attributes": dict(asset.attributes),
                    "first_date": asset.first_date,
                    "last_date": asset.last_date,
                    "observation_count": asset.observation_count,
                }
                for asset in new.assets
            ],
        )
    return dataset_id


@store_access
async def get_datasets(store: Store, ids: Iterable[int]) -> dict[int, DatasetRecord]:
    """By id; deleted ones too, because results refer to them."""
    wanted = {dataset_id for dataset_id in ids if is_row_id(dataset_id)}
    statement = select(dataset).where(dataset.c.id.in_(wanted))
    async with store.read() as connection:
        return {row.id: _record(row) for row in await connection.execute(statement)}


@store_access
async def find_dataset(store: Store, name: str) -> DatasetRecord | None:
    """The current version of a name, unless it is deleted."""
    statement = select(dataset).where(dataset.c.name == name, _CURRENT)
    async with store.read() as connection:
        row = (await connection.execute(statement)).first()
    return None if row is None else _record(row)


@store_access
async def list_versions(store: Store, name: str) -> list[DatasetRecord]:
    """The versions of a name that are not deleted, newest first."""
    statement = select(dataset).where(dataset.c.name == name, dataset.c.deleted_at.is_(None))
    async with store.read() as connection:
        return [
            _record(row) for row in await connection.execute(statement.order_by(dataset.c.version.desc()))
        ]


@store_access
async def list_datasets(store: Store, *, first: int, after: str | None) -> Page[DatasetRecord]:
    """All versions not deleted, newest first. Errors: InvalidCursor; ValueError unless 0 <= first <= 100."""
    check_page_size(first)
    statement = (
        select(dataset)
        .where(dataset.c.deleted_at.is_(None))
        .order_by(*(key.ordering() for key in _BY_NEWEST))
        .limit(first + 1)
    )
    if after is not None:
        statement = statement.where(after_values(_BY_NEWEST, decode_cursor(_LIST_SCOPE, after, _BY_NEWEST)))
    async with store.read() as connection:
        records = [_record(row) for row in await connection.execute(statement)]
    return Page(
        items=tuple(records[:first]),
        cursors=tuple(encode_cursor(_LIST_SCOPE, [record.id]) for record in records[:first]),
        has_next_page=len(records) > first,
    )


@store_access
async def real_datasets(store: Store, *, kind: str) -> list[DatasetRecord]:
    """Return the current, undeleted datasets of a kind that are not synthetic, by name."""
    of_kind = select(dataset).where(_CURRENT, dataset.c.kind == kind)
    statement = of_kind.where(~dataset.c.synthetic).order_by(dataset.c.name)
    async with store.read() as connection:
        return [_record(row) for row in await connection.execute(statement)]


@store_access
async def kept_fingerprints(store: Store) -> dict[int, str]:
    """Return the fingerprint, by id, of every dataset that is not deleted or that live runs need, newest
    first."""
    kept = select(dataset.c.id, dataset.c.fingerprint).where(_NEEDED).order_by(dataset.c.id.desc())
    async with store.read() as connection:
        return {row.id: row.fingerprint for row in await connection.execute(kept)}


@store_access
async def current_datasets(store: Store, *, kind: str, first: int) -> list[DatasetRecord]:
    """Return at most `first` of a kind's current, undeleted datasets: synthetic ones last, else by name."""
    of_kind = select(dataset).where(_CURRENT, dataset.c.kind == kind)
    statement = of_kind.order_by(dataset.c.synthetic, dataset.c.name).limit(first)
    async with store.read() as connection:
        return [_record(row) for row in await connection.execute(statement)]


@store_access
async def newest_dataset_with(
    store: Store, assets: Collection[str], *, calendar: str, start: date, end: date
) -> DatasetRecord | None:
    """Return the newest current dataset of the calendar that has all of `assets`, given in upper case, and a
    day from `start` to `end`; None where there is none. Its own names may have any case of A to Z."""
    name = func.upper(dataset_asset.c.asset)
    present = (
        select(func.count(name.distinct()))
        .where(dataset_asset.c.dataset_id == dataset.c.id, name.in_(assets))
        .scalar_subquery()
    )
    statement = (
        select(dataset)
        .where(_CURRENT, dataset.c.calendar == calendar)
        .where(dataset.c.first_date <= end, dataset.c.last_date >= start)
        .where(present == len(set(assets)))
        .order_by(dataset.c.id.desc())
        .limit(1)
    )
    async with store.read() as connection:
        row = (await connection.execute(statement)).first()
    return None if row is None else _record(row)


@store_access
async def get_assets(store: Store, dataset_ids: Iterable[int]) -> dict[int, tuple[AssetRecord, ...]]:
    """The assets of each dataset by ordinal; unknown datasets have none."""
    wanted = list(dict.fromkeys(dataset_ids))
    found: dict[int, list[AssetRecord]] = {dataset_id: [] for dataset_id in wanted}
    async with store.read() as connection:
        for row in await connection.execute(_select_assets(wanted, *dataset_asset.c)):
            found[row.dataset_id].append(
                AssetRecord(
                    ordinal=row.ordinal,
                    asset=row.asset,
                    attributes=row.attributes,
                    first_date=row.first_date,
                    last_date=row.last_date,
                    observation_count=row.observation_count,
                )
            )
    return {dataset_id: tuple(assets) for dataset_id, assets in found.items()}


@store_access
async def asset_names(store: Store, dataset_ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """The asset ids of each dataset by ordinal, without the rest; unknown datasets have none."""
    wanted = list(dict.fromkeys(dataset_ids))
    found: dict[int, list[str]] = {dataset_id: [] for dataset_id in wanted}
    columns = (dataset_asset.c.dataset_id, dataset_asset.c.asset)
    async with store.read() as connection:
        for dataset_id, asset in await connection.execute(_select_assets(wanted, *columns)):
            found[dataset_id].append(asset)
    return {dataset_id: tuple(assets) for dataset_id, assets in found.items()}


@store_access
async def delete_dataset(store: Store, dataset_id: int, now: datetime) -> DatasetRecord | None:
    """Marks a dataset deleted and returns it; None when there is none or it was deleted before.

    Its name then means the newest version that remains."""
    async with store.write(exclusive=True) as connection:
        deleted = (
            await connection.execute(
                update(dataset)
                .where(dataset.c.id == dataset_id, dataset.c.deleted_at.is_(None))
                .values(deleted_at=now, current=False)
                .returning(dataset)
            )
        ).first()
        if deleted is None:
            return None
        versions = select(dataset).where(dataset.c.name == deleted.name, dataset.c.deleted_at.is_(None))
        remaining = (await connection.execute(versions.order_by(dataset.c.version.desc()))).all()
        if remaining and not any(row.current for row in remaining):
            await connection.execute(
                update(dataset).where(dataset.c.id == remaining[0].id).values(current=True)
            )
        return _record(deleted)


async def fingerprints_in_use(store: Store) -> set[str]:
    """The fingerprints whose files must stay: of datasets not deleted or with queued or running runs."""
    return set((await kept_fingerprints(store)).values())


def _select_assets(dataset_ids: Sequence[int], *columns: Any) -> Any:
    return (
        select(*columns)
        .where(dataset_asset.c.dataset_id.in_(dataset_ids))
        .order_by(dataset_asset.c.dataset_id, dataset_asset.c.ordinal)
    )


def _record(row: Any) -> DatasetRecord:
    values = dict(row._mapping)
    values["fields"] = tuple(values["fields"])
    return DatasetRecord(**values)
