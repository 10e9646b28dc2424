"""Imports of older logs: what each brought, and what it refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from app.schema.connections import PageInfo, check_page_size, count_items, page_info
from app.schema.context import Info
from app.schema.node_ids import encode_id
from db.legacy.queries import list_batches
from db.legacy.records import ImportBatchRecord, QuarantineRecord
from db.pages import MAX_PAGE_SIZE, Page


@strawberry.type(description="An input line that was not understood, kept as it was.")
class QuarantinedLine:
    file: str = strawberry.field(description="The file's name.")
    line: int = strawberry.field(description="The line's number from 1; 0 stands for the whole file.")
    raw: str = strawberry.field(description="The text of the line, or the beginning of the file.")
    code: str = strawberry.field(description="A stable name of the reason, such as `CONFLICTING_RUN`.")
    reason: str = strawberry.field(description="The reason in words.")

    @classmethod
    def from_record(cls, record: QuarantineRecord) -> QuarantinedLine:
        # Lone surrogates stand for bytes that were no text, and JSON cannot hold them.
        raw = record.raw.encode("utf-8", "replace").decode("utf-8")
        return cls(file=record.file, line=record.line, raw=raw, code=record.code, reason=record.reason)


@strawberry.type(
    description=(
        "What one import of older logs did. Importing is repeatable: what is there already counts as "
        "unchanged, and an import that brings nothing new leaves no batch behind."
    )
)
class ImportBatch:
    record: strawberry.Private[ImportBatchRecord]
    id: strawberry.ID | None = strawberry.field(
        description="The global id; null where no batch was kept: a dry run, or nothing was new."
    )
    created_at: datetime = strawberry.field(description="When the import took place.")
    source: str = strawberry.field(description="Where the files came from.")
    imported: int = strawberry.field(description="Number of runs that were added.")
    unchanged: int = strawberry.field(description="Number of runs that were in the store already.")
    repaired: int = strawberry.field(
        description="Number of rows that were read under a column order that their header contradicts."
    )
    merged: int = strawberry.field(description="Number of lines that said again what another had said.")
    series_attached: int = strawberry.field(description="Number of return series that were added to runs.")
    monthly_sets_attached: int = strawberry.field(
        description="Number of monthly sheets that were added to factors."
    )
    quarantined: int = strawberry.field(
        description="Number of lines that were refused for the first time; earlier ones are not counted "
        "again."
    )

    @strawberry.field(description="The lines that were refused, in the order in which they were met.")
    def quarantine(
        self,
        first: Annotated[int, strawberry.argument(description="How many at most, up to 100.")] = 100,
        skip: Annotated[int, strawberry.argument(description="How many to leave out at the beginning.")] = 0,
    ) -> list[QuarantinedLine]:
        check_page_size(first)
        lines = self.record.quarantine[max(skip, 0) :][:first]
        return [QuarantinedLine.from_record(line) for line in lines]

    @classmethod
    def from_record(cls, record: ImportBatchRecord) -> ImportBatch:
        return cls(
            record=record,
            id=None if record.id is None else encode_id("ImportBatch", record.id),
            created_at=record.created_at,
            source=record.source,
            imported=record.imported,
            unchanged=record.unchanged,
            repaired=record.repaired,
            merged=record.merged,
            series_attached=record.series_attached,
            monthly_sets_attached=record.monthly_sets_attached,
            quarantined=record.quarantined,
        )


@strawberry.type(description="An import and its place in the list.")
class ImportBatchEdge:
    cursor: str = strawberry.field(description="Continues the list after this import.")
    node: ImportBatch = strawberry.field(description="The import.")


@strawberry.type(description="A page of imports, newest first.")
class ImportBatchConnection:
    edges: list[ImportBatchEdge] = strawberry.field(description="The imports of the page with their cursors.")
    nodes: list[ImportBatch] = strawberry.field(description="The imports of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")

    @strawberry.field(description="Number of imports in the list; counted only when asked for.")
    async def total_count(self, info: Info) -> int | None:
        store = info.context.services.store
        return await count_items(lambda after: list_batches(store, MAX_PAGE_SIZE, after))

    @classmethod
    def from_page(cls, page: Page[ImportBatchRecord], after: str | None) -> ImportBatchConnection:
        nodes = [ImportBatch.from_record(record) for record in page.items]
        return cls(
            edges=[
                ImportBatchEdge(cursor=cursor, node=node)
                for cursor, node in zip(page.cursors, nodes, strict=True)
            ],
            nodes=nodes,
            page_info=page_info(page, after),
        )
