"""The tables. Store functions use their columns in Core statements and return the records of `db.records`."""

from __future__ import annotations

from datetime import date, datetime
from types import new_class
from typing import Any, ClassVar, get_type_hints

from sqlalchemy import CheckConstraint, Column, Double, ForeignKey, Index, MetaData, true
from sqlalchemy import UniqueConstraint as Unique
from sqlmodel import Field

from db.columns import PlainText, RowId
from db.records import PANEL, RETURN_UNIT, PerformanceRecord, Reuse, RunOrigin, RunStatus
from db.table import (
    Table,
    json_column,
    moment_column,
    number_column,
    one_of,
    optional_json_column,
    optional_moment_column,
    optional_text_column,
    part_of_column,
    partial_index,
    reference_column,
    row_id_column,
    text_column,
)


class Dataset(Table, table=True):
    """An immutable snapshot of a panel; the newest version of a name is the current one."""

    __table_args__ = (
        Unique("name", "version"),
        Unique("name", "fingerprint"),
        partial_index("uq_dataset_current_name", "name", unique=True, where="current"),
        Index("ix_dataset_fingerprint", "fingerprint"),
        {"sqlite_autoincrement": True},
    )
    id: int = row_id_column()
    kind: str = Field(sa_type=PlainText, sa_column_kwargs={"server_default": PANEL})
    name: str = text_column()
    version: int
    current: bool
    fingerprint: str = text_column()
    source: str = text_column()
    licence: str | None = optional_text_column()
    note: str | None = optional_text_column()
    synthetic: bool
    calendar: str = text_column()
    fields: list[str] = json_column()
    asset_count: int
    date_count: int
    first_date: date
    last_date: date
    observation_count: int = Field(sa_column=Column(RowId, nullable=False))
    quality: dict[str, Any] = json_column()
    created_at: datetime = moment_column()
    deleted_at: datetime | None = optional_moment_column()


class DatasetAsset(Table, table=True):
    """One asset of a dataset; `ordinal` is its column in the arrays. Outlives the dataset's files."""

    __tablename__: ClassVar[str] = "dataset_asset"
    dataset_id: int = part_of_column("dataset.id")
    ordinal: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    asset: str = text_column()
    attributes: dict[str, str] = json_column()
    first_date: date | None = None
    last_date: date | None = None
    observation_count: int


class ImportBatch(Table, table=True):
    """One import of older logs that brought something new."""

    __tablename__: ClassVar[str] = "import_batch"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int = row_id_column()
    created_at: datetime = moment_column()
    source: str = text_column()
    files: list[list[str]] = json_column()  # [name, content hash] of each file read
    imported: int
    unchanged: int
    repaired: int
    merged: int
    series_attached: int
    monthly_sets_attached: int
    quarantined: int


class Run(Table, table=True):
    """One run: what is done (`kind`) to what (`subject`). This table is the queue, and `status` alone is the
    truth. No constraint names kinds: what each needs is for those to know who launch it."""

    __table_args__ = (
        CheckConstraint(one_of("status", RunStatus), name="status"),
        CheckConstraint(one_of("origin", RunOrigin), name="origin"),
        CheckConstraint(one_of("reuse", Reuse), name="reuse"),
        CheckConstraint("progress_fraction BETWEEN 0 AND 1", name="progress_fraction"),
        CheckConstraint(
            "status <> 'RUNNING' OR (claimed_by IS NOT NULL AND heartbeat_at IS NOT NULL)", name="claim"
        ),
        CheckConstraint(
            "(status IN ('SUCCEEDED', 'FAILED', 'CANCELED')) = (finished_at IS NOT NULL)", name="finished"
        ),
        CheckConstraint("(status = 'FAILED') = (failure_code IS NOT NULL)", name="failure"),
        CheckConstraint(
            "origin <> 'IMPORTED' OR (legacy_run_id IS NOT NULL AND status = 'SUCCEEDED')", name="imported"
        ),
        # Launching what exists returns it, as far as `reuse` goes; what failed or was canceled is done anew.
        partial_index(
            "uq_run_identity",
            "identity_hash",
            unique=True,
            where="(status IN ('QUEUED', 'RUNNING') AND reuse <> 'NEVER' "
            "OR status = 'SUCCEEDED' AND reuse = 'SUCCEEDED') AND NOT forced AND origin = 'COMPUTED'",
        ),
        partial_index("uq_run_legacy", "subject", "legacy_run_id", unique=True, where="origin = 'IMPORTED'"),
        # The kind comes last: as the first column, SQLite takes it for selective and sorts what it finds.
        Index("ix_run_status_id", "status", "id", "kind"),
        Index("ix_run_subject_status_finished", "subject", "status", "finished_at", "id", "kind"),
        Index("ix_run_subject_created", "subject", "created_at", "id", "kind"),
        Index("ix_run_created", "created_at", "id", "kind"),
        Index("ix_run_finished", "finished_at", "id", "kind"),
        {"sqlite_autoincrement": True},
    )
    id: int = row_id_column()
    kind: str = text_column()
    subject: str | None = optional_text_column()
    status: str = text_column()
    origin: str = text_column()
    config: dict[str, Any] = json_column()
    unrecorded_fields: list[str] = json_column()
    identity_hash: str = text_column()
    forced: bool
    dataset_id: int | None = reference_column("dataset.id", nullable=True)
    engine_version: str | None = optional_text_column()
    legacy_run_id: str | None = optional_text_column()
    import_batch_id: int | None = reference_column("import_batch.id", nullable=True)
    import_remarks: list[str] = json_column()
    created_at: datetime = moment_column()
    imported_at: datetime | None = optional_moment_column()
    started_at: datetime | None = optional_moment_column()
    finished_at: datetime | None = optional_moment_column()
    progress_fraction: float = Field(sa_type=Double)
    progress_stage: str = text_column()
    progress_counts: dict[str, int] | None = optional_json_column()
    failure_code: str | None = optional_text_column()
    failure_message: str | None = optional_text_column()
    claimed_by: str | None = optional_text_column()
    heartbeat_at: datetime | None = optional_moment_column()
    attempt: int
    note: str | None = optional_text_column()
    reuse: str = text_column()
    losses: int


class RunInput(Table, table=True):
    """What a run is computed from beside its dataset, and in which role."""

    __tablename__: ClassVar[str] = "run_input"
    run_id: int = part_of_column("run.id")
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    role: str = text_column()
    fingerprint: str = text_column()
    dataset_id: int | None = reference_column("dataset.id", nullable=True)
    source_run_id: int | None = Field(
        default=None, sa_column=Column(RowId, ForeignKey("run.id", ondelete="SET NULL"), index=True)
    )


class RunCommand(Table, table=True):
    """What somebody asks of a run that is under way, for the worker that has it."""

    __tablename__: ClassVar[str] = "run_command"
    __table_args__ = (Index("ix_run_command_run_id", "run_id", "id"), {"sqlite_autoincrement": True})
    id: int = row_id_column()
    run_id: int = part_of_column("run.id", primary_key=False)
    command: str = text_column()
    arguments: dict[str, Any] = json_column()
    requested_at: datetime = moment_column()
    taken_at: datetime | None = optional_moment_column()


class Worker(Table, table=True):
    """A process that carries out runs, and when it last wrote: the proof that it can."""

    name: str = text_column(primary_key=True)
    heartbeat_at: datetime = moment_column()


class RunTag(Table, table=True):
    __tablename__: ClassVar[str] = "run_tag"
    __table_args__ = (Index("ix_run_tag_tag", "tag", "run_id"),)
    run_id: int = part_of_column("run.id")
    tag: str = text_column(primary_key=True)


SORTED_METRICS = (
    "annualized_return",
    "cumulative_return",
    "annualized_volatility",
    "sharpe_ratio",
    "sortino_ratio",
    "max_drawdown",
    "calmar_ratio",
    "num_periods",
    "newey_west_t",
    "probabilistic_sharpe_ratio",
    "ic_mean",
    "ic_t",
    "mean_turnover",
    "alpha",
)
"""What runs can be sorted by: each has an index."""


def _metric_columns() -> dict[str, Any]:
    """Derive the columns of a PerformanceRecord, where alone each is declared, with those of its reasons."""
    hints = get_type_hints(PerformanceRecord) | {"undefined_metrics": list[dict[str, str]]}
    columns = {name: number_column() if hint == float | None else None for name, hint in hints.items()}
    return {"__annotations__": hints, **columns, "undefined_metrics": json_column(), "__module__": __name__}


_Metrics = new_class("_Metrics", (Table,), exec_body=lambda body: body.update(_metric_columns()))


class Performance(_Metrics, table=True):
    """The metrics of a run's gross returns."""

    __table_args__ = tuple(Index(f"ix_performance_{metric}", metric, "run_id") for metric in SORTED_METRICS)
    run_id: int = part_of_column("run.id")


class NetPerformance(_Metrics, table=True):
    """The metrics of a run's returns after costs; no row without costs."""

    __tablename__: ClassVar[str] = "net_performance"
    run_id: int = part_of_column("run.id")


class Series(Table, table=True):
    """One named series of a run, packed by `db.codec`: points never go into rows."""

    run_id: int = part_of_column("run.id")
    name: str = text_column(primary_key=True)
    unit: str = Field(sa_type=PlainText, sa_column_kwargs={"server_default": RETURN_UNIT})
    is_return: bool = Field(sa_column_kwargs={"server_default": true()})
    point_count: int
    first_date: date | None = None
    last_date: date | None = None
    codec_version: int
    checksum: int = Field(sa_column=Column(RowId, nullable=False))
    packed: bytes


class Composition(Table, table=True):
    """What a run held in the period (`period_start`, `period_end`], packed by `db.codec`."""

    run_id: int = part_of_column("run.id")
    period_end: date = Field(primary_key=True)
    period_start: date
    codec_version: int
    checksum: int = Field(sa_column=Column(RowId, nullable=False))
    packed: bytes


class RunDocument(Table, table=True):
    """One named document of a run, packed by `db.document_codec`."""

    __tablename__: ClassVar[str] = "run_document"
    run_id: int = part_of_column("run.id")
    name: str = text_column(primary_key=True)
    codec_version: int
    checksum: int = Field(sa_column=Column(RowId, nullable=False))
    packed: bytes


class Artifact(Table, table=True):
    """One array of a run in a file below the data directory: too large for a row, and read in parts."""

    run_id: int = part_of_column("run.id")
    name: str = text_column(primary_key=True)
    path: str = text_column()
    dtype: str = text_column()
    shape: list[int] = json_column()
    byte_count: int = Field(sa_column=Column(RowId, nullable=False))
    sha256: str = text_column()


class RunEvent(Table, table=True):
    """What happened to runs, in the order in which it became visible."""

    __tablename__: ClassVar[str] = "run_event"
    __table_args__ = (
        Unique("run_id", "seq"),
        CheckConstraint(one_of("status", RunStatus), name="status"),
        {"sqlite_autoincrement": True},
    )
    id: int = row_id_column()
    run_id: int = part_of_column("run.id", primary_key=False)
    seq: int
    at: datetime = moment_column()
    kind: str = text_column()
    status: str = text_column()
    progress_fraction: float = Field(sa_type=Double)
    progress_stage: str = text_column()
    progress_counts: dict[str, int] | None = optional_json_column()
    message: str | None = optional_text_column()


class Quarantine(Table, table=True):
    """An input line that was not understood, as it was; the same line of the same file is kept once."""

    __table_args__ = (Unique("file", "line", "raw_hash"), {"sqlite_autoincrement": True})
    id: int = row_id_column()
    import_batch_id: int = reference_column("import_batch.id")
    file: str = text_column()
    line: int
    raw: bytes
    raw_hash: str = text_column()
    code: str = text_column()
    reason: str = text_column()


class MonthlyMetrics(Table, table=True):
    """A monthly-metrics sheet of the older system, attached to a factor."""

    __tablename__: ClassVar[str] = "monthly_metrics"
    factor: str = text_column(primary_key=True)
    as_of_date: date = Field(primary_key=True)
    import_batch_id: int = reference_column("import_batch.id")
    rows: list[list[Any]] = json_column()  # [metric, value or null, formatted]


metadata: MetaData = Table.metadata
