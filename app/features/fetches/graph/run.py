"""A run that fetches a dataset from a vendor."""

from __future__ import annotations

from datetime import date

import strawberry

from app.boundary.cost_rules import cost
from app.features.fetches.config import FetchConfig
from app.features.fetches.report import FetchReport as StoredReport
from app.features.fetches.service import get_fetch_reports
from app.schema.context import Info
from app.schema.dataset import LostAsset
from app.schema.enums import SourceName
from app.schema.fetch_progress import FetchProgress
from app.schema.loaders import Read
from app.schema.run import Run, run_values
from db.errors import CorruptBlob
from db.records import RunRecord

FETCH_REPORTS = Read(
    lambda services, run_ids: get_fetch_reports(services.store, run_ids), split_on=CorruptBlob
)


@strawberry.type(description="What a fetch that succeeded brought in, and what not.")
class FetchReport:
    progress: FetchProgress = strawberry.field(description="The counts at its end.")
    lost_assets: list[LostAsset] = strawberry.field(
        description="Assets that are not in the dataset, by name, with the reasons.", metadata=cost(size=100)
    )
    notes: list[str] = strawberry.field(description="Remarks about the source's data, in words.")

    @classmethod
    def of(cls, report: StoredReport) -> FetchReport:
        progress = FetchProgress.from_counts(report.counts)
        if progress is None:
            raise ValueError("a fetch's report without its counts")
        return cls(
            progress=progress,
            lost_assets=[LostAsset.of(one) for one in report.lost],
            notes=list(report.notes),
        )


@strawberry.type(
    description="A fetch of daily data from a vendor. Once it has succeeded `dataset` is what it made, and "
    "`report` says what was lost on the way."
)
class FetchRun(Run):
    source: SourceName = strawberry.field(description="Where the data come from.")
    start_date: date = strawberry.field(description="The first day that was asked for (UTC).")
    end_date: date = strawberry.field(description="The last day that was asked for (UTC).")
    assets: list[str] | None = strawberry.field(
        description="The assets that were asked for, as they were written; null for all that the source "
        "recommends.",
        metadata=cost(size=100),
    )
    dataset_name: str = strawberry.field(description="The name that means the dataset once it is there.")
    refresh: bool = strawberry.field(
        description="Whether everything is asked for anew, though answers were kept."
    )

    @strawberry.field(description="What it brought in, and what not; null until it has succeeded.")
    async def report(self, info: Info) -> FetchReport | None:
        found = await info.context.load(FETCH_REPORTS, self.record.id)
        return None if found is None else FetchReport.of(found)

    @classmethod
    def from_record(cls, record: RunRecord) -> FetchRun:
        config = FetchConfig.from_json(record.config)
        assets = config.request.assets
        return cls(
            **run_values(cls, record),
            source=config.source,
            start_date=config.request.start,
            end_date=config.request.end,
            assets=None if assets is None else list(assets),
            dataset_name=config.dataset_name,
            refresh=config.refresh,
        )
