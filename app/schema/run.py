"""What every run has, whatever it does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

import strawberry

from app.schema.context import Info
from app.schema.dataset import Dataset
from app.schema.enums import RunOrigin, RunStatus
from app.schema.fetch_progress import FetchProgress
from app.schema.loaders import Read
from app.schema.node import Node
from app.schema.node_ids import encode_id
from db.records import RunEventRecord, RunInputRecord, RunRecord
from db.runs.inputs import get_inputs


@strawberry.type(description="How far a run has come.")
class Progress:
    fraction: float = strawberry.field(description="The share that is done, 0 to 1.")
    stage: str = strawberry.field(description="What is being done, in words; may be empty.")
    fetch: FetchProgress | None = strawberry.field(
        description="Of a fetch, the numbers; null before it begins, and for runs that compute."
    )

    @classmethod
    def of(cls, state: RunRecord | RunEventRecord) -> Progress:
        return cls(
            fraction=state.progress_fraction,
            stage=state.progress_stage,
            fetch=FetchProgress.from_counts(state.progress_counts),
        )


@strawberry.type(description="Why a run failed.")
class Failure:
    code: str = strawberry.field(description="A stable name of the reason, such as `NO_PERIODS`.")
    message: str = strawberry.field(description="What happened, in one line fit for users.")


@strawberry.type(description="What a run is computed from beside its dataset.")
class RunInput:
    record: strawberry.Private[RunInputRecord]
    role: str = strawberry.field(
        description="What it is to the run, such as `sweep`: the sweep of its point."
    )
    fingerprint: str = strawberry.field(
        description="SHA-256 of the content, or of all that it was computed from, in hexadecimal."
    )

    @strawberry.field(description="The run that it is; null for a dataset, and once the run is deleted.")
    async def run(self, info: Info) -> Run | None:
        found = await info.context.loaders.runs.load(self.record.source_run_id or 0)
        return None if found is None else info.context.run_type(found).from_record(found)

    @strawberry.field(description="The dataset that it is; null for a run.")
    async def dataset(self, info: Info) -> Dataset | None:
        found = await info.context.loaders.datasets.load(self.record.dataset_id or 0)
        return None if found is None else Dataset.from_record(found)


_INPUTS = Read(lambda services, run_ids: get_inputs(services.store, run_ids))


@strawberry.interface(
    description="One computation, one fetch of data, or one imported result. Unchanging once it has ended, "
    "tags and note aside."
)
class Run(Node):
    record: strawberry.Private[RunRecord]
    kind: str = strawberry.field(
        description="What the run does, as a word: `FACTOR`, `SWEEP`, `FETCH`, `RISK_MODEL`, or one that "
        "only a newer version knows."
    )
    status: RunStatus = strawberry.field(description="Where the run stands.")
    origin: RunOrigin = strawberry.field(description="Whether it was carried out here or imported.")
    created_at: datetime = strawberry.field(description="When it was added to the store.")
    imported_at: datetime | None = strawberry.field(description="When it was imported; null if it was not.")
    started_at: datetime | None = strawberry.field(
        description="When its computation or fetch began (the last attempt); null before, and if imported."
    )
    finished_at: datetime | None = strawberry.field(
        description="When it ended; for an imported run the time of its legacy id."
    )
    duration_ms: float | None = strawberry.field(
        description="Milliseconds from `startedAt` to `finishedAt`; null unless both are known."
    )
    progress: Progress = strawberry.field(description="How far it has come.")
    failure: Failure | None = strawberry.field(description="Why it failed; null unless it did.")
    engine_version: str | None = strawberry.field(
        description="The version of the engine that computes it; null if imported, and for fetches."
    )
    tags: list[str] = strawberry.field(description="Words that users gave it, in alphabetical order.")
    note: str | None = strawberry.field(description="A remark that users gave it.")
    forced: bool = strawberry.field(
        description="Whether it was computed although the same run existed already. Of a fetch, whether the "
        "vendor was asked anew though answers were kept."
    )
    attempt: int = strawberry.field(
        description="How often its computation or fetch was begun; above 1 after a lost server."
    )

    @strawberry.field(
        description="What it was computed from: `dataset.label` says whether that is synthetic. Null if "
        "imported. Of a fetch, what it made; null before."
    )
    async def dataset(self, info: Info) -> Dataset | None:
        if self.record.dataset_id is None:
            return None
        found = await info.context.loaders.datasets.load(self.record.dataset_id)
        return None if found is None else Dataset.from_record(found)

    @strawberry.field(description="What else it was computed from, such as the sweep of a promoted point.")
    async def inputs(self, info: Info) -> list[RunInput] | None:
        found = await info.context.load(_INPUTS, self.record.id)
        return [RunInput(record=one, role=one.role, fingerprint=one.fingerprint) for one in found or ()]

    @classmethod
    def from_record(cls, record: RunRecord) -> Self:
        return cls(**run_values(cls, record))


@strawberry.type(
    description="A run of a kind that this version does not know, such as one that a newer version launched; "
    "`kind` names it."
)
class OtherRun(Run):
    pass


def run_values(run_type: type[Run], record: RunRecord) -> dict[str, Any]:
    """Return the fields of Run, for a type that implements it."""
    return {
        "record": record,
        "id": encode_id(run_type.__name__, record.id),
        "kind": record.kind,
        "status": record.status,
        "origin": record.origin,
        "created_at": record.created_at,
        "imported_at": record.imported_at,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "duration_ms": _duration_ms(record),
        "progress": Progress.of(record),
        "failure": _failure(record),
        "engine_version": record.engine_version,
        "tags": list(record.tags),
        "note": record.note,
        "forced": record.forced,
        "attempt": record.attempt,
    }


def _duration_ms(record: RunRecord) -> float | None:
    if record.started_at is None or record.finished_at is None:
        return None
    return (record.finished_at - record.started_at) / timedelta(milliseconds=1)


def _failure(record: RunRecord) -> Failure | None:
    if record.failure_code is None:
        return None
    return Failure(code=record.failure_code, message=record.failure_message or record.failure_code)
