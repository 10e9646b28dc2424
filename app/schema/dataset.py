"""Datasets, their assets and their quality reports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

import strawberry

from app.boundary.cost_rules import cost
from app.datasets.quality import LostAsset as LostRecord
from app.datasets.quality import QualityReport
from app.datasets.service import dataset_label
from app.schema.connections import PageInfo, check_page_size, count_items, page_info, slice_page
from app.schema.context import Info
from app.schema.enums import Calendar, QualityAction
from app.schema.node import Node
from app.schema.node_ids import encode_id
from app.schema.unset import given
from db.datasets import list_datasets
from db.pages import MAX_PAGE_SIZE, Page
from db.records import AssetRecord, DatasetRecord


@strawberry.type(description="How much of one field a dataset has.")
class FieldCoverage:
    field: str = strawberry.field(description="The field, such as `price`.")
    observations: int = strawberry.field(description="Number of values.")
    share: float = strawberry.field(description="Values / rows kept of the file, 0 to 1.")
    assets: int = strawberry.field(description="Number of assets with at least one value.")
    first_date: date = strawberry.field(description="The first day with a value.")
    last_date: date = strawberry.field(description="The last day with a value.")


@strawberry.type(description="How often one kind of finding occurred in a file.")
class QualityCount:
    code: str = strawberry.field(description="A stable name of the kind, such as `STALE_QUOTE`.")
    label: str = strawberry.field(description="What was counted, in words.")
    action: QualityAction = strawberry.field(description="What was done about it.")
    count: int = strawberry.field(description="How often it occurred.")
    example: str | None = strawberry.field(description="The first, or the worst, of them in words.")


@strawberry.type(description="A row of a file that was left out.")
class RefusedRow:
    line: int = strawberry.field(
        description="The line of a text file (its header is 1), or the row of a table from 1."
    )
    code: str = strawberry.field(description="A stable name of the fault, such as `NEGATIVE`.")
    reason: str = strawberry.field(description="What is wrong, in words.")


@strawberry.type(description="An asset that was wanted, or that the source lists, and is not in the data.")
class LostAsset:
    asset: str = strawberry.field(description="The asset, in the source's or the asker's spelling.")
    code: str = strawberry.field(description="A stable name of the cause, such as `NO_DATA`.")
    reason: str = strawberry.field(description="The cause in words.")

    @classmethod
    def of(cls, lost: LostRecord) -> LostAsset:
        return cls(asset=lost.asset, code=lost.code, reason=lost.reason)


@strawberry.type(
    description="What the file, or the fetch, held. Rows read = kept + refused + merged + skipped. Nothing "
    "is repaired silently."
)
class DataQuality:
    rows_read: int = strawberry.field(description="Rows in the file, without its header.")
    rows_kept: int = strawberry.field(description="Rows that entered the dataset.")
    rows_refused: int = strawberry.field(description="Rows left out because a value is impossible.")
    rows_merged: int = strawberry.field(description="Rows that repeated another row exactly.")
    rows_skipped: int = strawberry.field(description="Rows without any value.")
    counts: list[QualityCount] = strawberry.field(description="Findings; what did not occur has no entry.")
    refused: list[RefusedRow] = strawberry.field(
        description="The first 100 refused rows.", metadata=cost(size=100)
    )
    lost_assets: list[LostAsset] = strawberry.field(
        description="Of fetched data, the assets that could not be had; empty for files.",
        metadata=cost(size=100),
    )
    notes: list[str] = strawberry.field(description="Further remarks, in words.")

    @classmethod
    def from_report(cls, report: QualityReport) -> DataQuality:
        return cls(
            rows_read=report.rows_read,
            rows_kept=report.rows_kept,
            rows_refused=report.rows_refused,
            rows_merged=report.rows_merged,
            rows_skipped=report.rows_skipped,
            counts=[
                QualityCount(
                    code=entry.code.value,
                    label=entry.code.label,
                    action=entry.code.action,
                    count=entry.count,
                    example=entry.example,
                )
                for entry in report.counts
            ],
            refused=[
                RefusedRow(line=row.line, code=row.code.value, reason=row.reason) for row in report.refused
            ],
            lost_assets=[LostAsset.of(one) for one in report.lost],
            notes=list(report.notes),
        )


@strawberry.type(description="One attribute of an asset.")
class AssetAttribute:
    name: str = strawberry.field(description="The attribute, such as `sector`.")
    value: str = strawberry.field(description="Its value. `name=value` selects assets in factor inputs.")


@strawberry.type(description="One asset of a dataset.")
class Asset:
    asset: str = strawberry.field(description="The asset's id in the dataset.")
    attributes: list[AssetAttribute] = strawberry.field(description="What is known of it, by name.")
    first_date: date | None = strawberry.field(description="The first day with a price; null if none.")
    last_date: date | None = strawberry.field(description="The last day with a price; null if none.")
    observation_count: int = strawberry.field(description="Number of days with a price.")

    @classmethod
    def from_record(cls, record: AssetRecord) -> Asset:
        return cls(
            asset=record.asset,
            attributes=[
                AssetAttribute(name=name, value=value) for name, value in sorted(record.attributes.items())
            ],
            first_date=record.first_date,
            last_date=record.last_date,
            observation_count=record.observation_count,
        )


@strawberry.type(description="An asset and its place in the list.")
class AssetEdge:
    cursor: str = strawberry.field(description="Continues the list after this asset.")
    node: Asset = strawberry.field(description="The asset.")


@strawberry.type(description="A page of a dataset's assets, by id.")
class AssetConnection:
    edges: list[AssetEdge] = strawberry.field(description="The assets of the page with their cursors.")
    nodes: list[Asset] = strawberry.field(description="The assets of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int = strawberry.field(description="Number of assets in the dataset.")

    @classmethod
    def from_assets(cls, assets: Sequence[AssetRecord], first: int, after: str | None) -> AssetConnection:
        page = slice_page(assets, first, after)
        nodes = [Asset.from_record(record) for record in page.items]
        return cls(
            edges=[
                AssetEdge(cursor=cursor, node=node) for cursor, node in zip(page.cursors, nodes, strict=True)
            ],
            nodes=nodes,
            page_info=page_info(page, after),
            total_count=len(assets),
        )


@strawberry.type(
    description=(
        "An immutable snapshot of a panel of market data. Names have versions: a name stands for its newest "
        "one. Runs keep referring to the very version that they were computed from, even if it is deleted."
    )
)
class Dataset(Node):
    record: strawberry.Private[DatasetRecord]
    name: str = strawberry.field(description="The name under which it was taken in.")
    label: str = strawberry.field(
        description="Name and version for people, such as `sample v1 (synthetic)`. Synthetic data always "
        "says so here: show this wherever results are shown."
    )
    version: int = strawberry.field(description="Counts the different snapshots of the name, from 1.")
    current: bool = strawberry.field(description="Whether the name stands for this version.")
    fingerprint: str = strawberry.field(description="SHA-256 over the canonical content, in hexadecimal.")
    source: str = strawberry.field(description="Where the data came from.")
    licence: str | None = strawberry.field(description="Under which terms it may be used, if known.")
    note: str | None = strawberry.field(description="A remark, if any.")
    synthetic: bool = strawberry.field(
        description="Whether the numbers were made up by a program and say nothing about a market."
    )
    calendar: Calendar = strawberry.field(description="Which dates are rows.")
    fields: list[str] = strawberry.field(description="The fields that the dataset has, such as `price`.")
    asset_count: int = strawberry.field(description="Number of assets.")
    date_count: int = strawberry.field(description="Number of dates.")
    first_date: date = strawberry.field(description="The first date.")
    last_date: date = strawberry.field(description="The last date.")
    observation_count: int = strawberry.field(
        description="Number of rows: pairs of an asset and a date with at least one value."
    )
    created_at: datetime = strawberry.field(description="When it was taken in.")
    deleted_at: datetime | None = strawberry.field(
        description="When it was deleted; null if it was not. Its files may be gone then."
    )

    @strawberry.field(description="How much of each field there is. Null if not recorded.")
    def coverage(self) -> list[FieldCoverage] | None:
        report = self._report()
        if report is None:
            return None
        return [
            FieldCoverage(
                field=entry.field,
                observations=entry.observations,
                share=entry.share,
                assets=entry.assets,
                first_date=date.fromisoformat(entry.first_date),
                last_date=date.fromisoformat(entry.last_date),
            )
            for entry in report.coverage
        ]

    @strawberry.field(description="What the file held and what was done about it. Null if not recorded.")
    def quality(self) -> DataQuality | None:
        report = self._report()
        return None if report is None else DataQuality.from_report(report)

    @strawberry.field(description="The assets, by id.")
    async def assets(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="How many at most, up to 100.")] = 50,
        after: Annotated[
            str | None, strawberry.argument(description="The cursor after which to go on.")
        ] = strawberry.UNSET,
    ) -> AssetConnection | None:
        check_page_size(first)
        assets = await info.context.loaders.assets.load(self.record.id)
        return AssetConnection.from_assets(assets or (), first, given(after))

    def _report(self) -> QualityReport | None:
        document = self.record.quality
        return QualityReport.from_json(document) if "format" in document else None

    @classmethod
    def from_record(cls, record: DatasetRecord) -> Dataset:
        return cls(
            record=record,
            id=encode_id("Dataset", record.id),
            name=record.name,
            label=dataset_label(record),
            version=record.version,
            current=record.current,
            fingerprint=record.fingerprint,
            source=record.source,
            licence=record.licence,
            note=record.note,
            synthetic=record.synthetic,
            calendar=Calendar(record.calendar),
            fields=list(record.fields),
            asset_count=record.asset_count,
            date_count=record.date_count,
            first_date=record.first_date,
            last_date=record.last_date,
            observation_count=record.observation_count,
            created_at=record.created_at,
            deleted_at=record.deleted_at,
        )


@strawberry.type(description="A dataset and its place in the list.")
class DatasetEdge:
    cursor: str = strawberry.field(description="Continues the list after this dataset.")
    node: Dataset = strawberry.field(description="The dataset.")


@strawberry.type(description="A page of datasets, newest first; deleted ones are left out.")
class DatasetConnection:
    edges: list[DatasetEdge] = strawberry.field(description="The datasets of the page with their cursors.")
    nodes: list[Dataset] = strawberry.field(description="The datasets of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")

    @strawberry.field(description="Number of datasets in the list; counted only when asked for.")
    async def total_count(self, info: Info) -> int | None:
        store = info.context.services.store
        return await count_items(lambda after: list_datasets(store, first=MAX_PAGE_SIZE, after=after))

    @classmethod
    def from_page(cls, page: Page[DatasetRecord], after: str | None) -> DatasetConnection:
        nodes = [Dataset.from_record(record) for record in page.items]
        return cls(
            edges=[
                DatasetEdge(cursor=cursor, node=node)
                for cursor, node in zip(page.cursors, nodes, strict=True)
            ],
            nodes=nodes,
            page_info=page_info(page, after),
        )
