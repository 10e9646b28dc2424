"""The tables. Store functions use their columns in Core statements and return the records of `db.records`."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, CheckConstraint, Column, Double, ForeignKey, Identity, Index, MetaData, text
from sqlalchemy import Table as SqlTable
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from db.columns import PlainText, RowId, UtcDateTime
from db.records import RunEventKind, RunKind, RunOrigin, RunStatus

# Constraints that have names can be changed by later migrations on both databases.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Table(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))):
    """Base of all tables, with a metadata of their own."""

    __table__: ClassVar[SqlTable]


def _row_id() -> Any:
    return Field(default=None, sa_column=Column(RowId, Identity(), primary_key=True))


def _reference(target: str, *, nullable: bool = False, index: bool = True) -> Any:
    column = Column(RowId, ForeignKey(target), nullable=nullable, index=index)
    return Field(default=None, sa_column=column) if nullable else Field(sa_column=column)


def _part_of(target: str, *, primary_key: bool = True) -> Any:
    column = Column(RowId, ForeignKey(target, ondelete="CASCADE"), primary_key=primary_key, nullable=False)
    return Field(sa_column=column)


def _text(*, primary_key: bool = False) -> Any:
    return Field(sa_type=PlainText, primary_key=primary_key)


def _optional_text() -> Any:
    return Field(default=None, sa_type=PlainText)


def _json() -> Any:
    return Field(sa_type=JSON, nullable=False)


def _optional_json() -> Any:
    return Field(default=None, sa_column=Column(JSON(none_as_null=True)))


def _moment() -> Any:
    return Field(sa_type=UtcDateTime)


def _optional_moment() -> Any:
    return Field(default=None, sa_type=UtcDateTime)


def _number() -> Any:
    return Field(default=None, sa_type=Double)


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(value.value) for value in values)})"


def _partial_index(name: str, *columns: str, unique: bool, where: str) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


class Dataset(Table, table=True):
    """An immutable snapshot of a panel; the newest version of a name is the current one."""

    __table_args__ = (
        Unique("name", "version"),
        Unique("name", "fingerprint"),
        _partial_index("uq_dataset_current_name", "name", unique=True, where="current"),
        Index("ix_dataset_fingerprint", "fingerprint"),
        {"sqlite_autoincrement": True},
    )
    id: int = _row_id()
    name: str = _text()
    version: int
    current: bool
    fingerprint: str = _text()
    source: str = _text()
    licence: str | None = _optional_text()
    note: str | None = _optional_text()
    synthetic: bool
    calendar: str = _text()
    fields: list[str] = _json()
    asset_count: int
    date_count: int
    first_date: date
    last_date: date
    observation_count: int = Field(sa_column=Column(RowId, nullable=False))
    quality: dict[str, Any] = _json()
    created_at: datetime = _moment()
    deleted_at: datetime | None = _optional_moment()


class DatasetAsset(Table, table=True):
    """One asset of a dataset; `ordinal` is its column in the arrays. Outlives the dataset's files."""

    __tablename__: ClassVar[str] = "dataset_asset"
    dataset_id: int = _part_of("dataset.id")
    ordinal: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    asset: str = _text()
    attributes: dict[str, str] = _json()
    first_date: date | None = None
    last_date: date | None = None
    observation_count: int


class ImportBatch(Table, table=True):
    """One import of older logs that brought something new."""

    __tablename__: ClassVar[str] = "import_batch"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int = _row_id()
    created_at: datetime = _moment()
    source: str = _text()
    files: list[list[str]] = _json()  # [name, content hash] of each file read
    imported: int
    unchanged: int
    repaired: int
    merged: int
    series_attached: int
    monthly_sets_attached: int
    quarantined: int


class Run(Table, table=True):
    """One computation, fetch or imported result. This table is the queue, and `status` alone is the truth."""

    __table_args__ = (
        CheckConstraint(_one_of("status", RunStatus), name="status"),
        CheckConstraint(_one_of("origin", RunOrigin), name="origin"),
        CheckConstraint(_one_of("kind", RunKind), name="kind"),
        CheckConstraint("kind = 'FACTOR' OR origin = 'COMPUTED'", name="kind_of_imported"),
        CheckConstraint("(kind = 'FETCH') = (factor IS NULL)", name="factor"),
        CheckConstraint("progress_fraction BETWEEN 0 AND 1", name="progress_fraction"),
        CheckConstraint(
            "status <> 'RUNNING' OR (claimed_by IS NOT NULL AND heartbeat_at IS NOT NULL)", name="claim"
        ),
        CheckConstraint(
            "(status IN ('SUCCEEDED', 'FAILED', 'CANCELED')) = (finished_at IS NOT NULL)", name="finished"
        ),
        CheckConstraint("(status = 'FAILED') = (failure_code IS NOT NULL)", name="failure"),
        CheckConstraint(
            "origin <> 'COMPUTED' OR kind = 'FETCH' "
            "OR (dataset_id IS NOT NULL AND engine_version IS NOT NULL)",
            name="computed",
        ),
        # A fetch brings its dataset about.
        CheckConstraint(
            "kind <> 'FETCH' OR (status = 'SUCCEEDED') = (dataset_id IS NOT NULL)", name="fetched"
        ),
        CheckConstraint(
            "origin <> 'IMPORTED' OR (legacy_run_id IS NOT NULL AND status = 'SUCCEEDED')", name="imported"
        ),
        # Launching what exists returns it; failed and canceled runs are launched anew, and so are ended
        # fetches: the vendor may say something else by now.
        _partial_index(
            "uq_run_identity",
            "identity_hash",
            unique=True,
            where="(status IN ('QUEUED', 'RUNNING') OR (status = 'SUCCEEDED' AND kind <> 'FETCH')) "
            "AND NOT forced AND origin = 'COMPUTED'",
        ),
        _partial_index("uq_run_legacy", "factor", "legacy_run_id", unique=True, where="origin = 'IMPORTED'"),
        # The kind comes last: as the first column, SQLite takes it for selective and sorts what it finds.
        Index("ix_run_status_id", "status", "id", "kind"),
        Index("ix_run_factor_status_finished", "factor", "status", "finished_at", "id", "kind"),
        Index("ix_run_factor_created", "factor", "created_at", "id", "kind"),
        Index("ix_run_created", "created_at", "id", "kind"),
        Index("ix_run_finished", "finished_at", "id", "kind"),
        {"sqlite_autoincrement": True},
    )
    id: int = _row_id()
    kind: str = Field(sa_type=PlainText, sa_column_kwargs={"server_default": RunKind.FACTOR.value})
    factor: str | None = _optional_text()
    status: str = _text()
    origin: str = _text()
    config: dict[str, Any] = _json()
    unrecorded_fields: list[str] = _json()
    identity_hash: str = _text()
    forced: bool
    dataset_id: int | None = _reference("dataset.id", nullable=True)
    engine_version: str | None = _optional_text()
    legacy_run_id: str | None = _optional_text()
    import_batch_id: int | None = _reference("import_batch.id", nullable=True)
    import_remarks: list[str] = _json()
    created_at: datetime = _moment()
    imported_at: datetime | None = _optional_moment()
    started_at: datetime | None = _optional_moment()
    finished_at: datetime | None = _optional_moment()
    progress_fraction: float = Field(sa_type=Double)
    progress_stage: str = _text()
    progress_counts: dict[str, int] | None = _optional_json()
    failure_code: str | None = _optional_text()
    failure_message: str | None = _optional_text()
    claimed_by: str | None = _optional_text()
    heartbeat_at: datetime | None = _optional_moment()
    attempt: int
    note: str | None = _optional_text()


class RunTag(Table, table=True):
    __tablename__: ClassVar[str] = "run_tag"
    __table_args__ = (Index("ix_run_tag_tag", "tag", "run_id"),)
    run_id: int = _part_of("run.id")
    tag: str = _text(primary_key=True)


_SORTED_METRICS = (
    "annualized_return",
    "sharpe_ratio",
    "sortino_ratio",
    "max_drawdown",
    "cumulative_return",
    "annualized_volatility",
    "calmar_ratio",
    "num_periods",
    "newey_west_t",
    "probabilistic_sharpe_ratio",
    "ic_mean",
    "ic_t",
    "mean_turnover",
    "alpha",
)


class _Metrics(Table):
    """The metrics of one succeeded run; null = undefined, with its reason in `undefined_metrics`."""

    cumulative_return: float | None = _number()
    annualized_return: float | None = _number()
    mean_annual_return: float | None = _number()
    annualized_volatility: float | None = _number()
    sharpe_ratio: float | None = _number()
    sortino_ratio: float | None = _number()
    sortino_ratio_target: float | None = _number()
    max_drawdown: float | None = _number()
    max_drawdown_peak_date: date | None = None
    max_drawdown_trough_date: date | None = None
    max_drawdown_recovery_date: date | None = None
    calmar_ratio: float | None = _number()
    value_at_risk_95: float | None = _number()
    expected_shortfall_95: float | None = _number()
    hit_rate: float | None = _number()
    skewness: float | None = _number()
    excess_kurtosis: float | None = _number()
    best_period_return: float | None = _number()
    worst_period_return: float | None = _number()
    long_only_return: float | None = _number()
    short_only_return: float | None = _number()
    years: float | None = _number()
    num_periods: int | None = None
    skipped_periods: int | None = None
    missing_returns: int | None = None
    coverage: float | None = _number()
    breadth: float | None = _number()
    long_hhi: float | None = _number()
    short_hhi: float | None = _number()
    start_date: date | None = None
    end_date: date | None = None
    wiped_out_on: date | None = None
    mean_turnover: float | None = _number()
    break_even_cost_bps: float | None = _number()
    newey_west_t: float | None = _number()
    sharpe_standard_error: float | None = _number()
    probabilistic_sharpe_ratio: float | None = _number()
    ic_mean: float | None = _number()
    ic_std: float | None = _number()
    ic_t: float | None = _number()
    ic_autocorrelation: float | None = _number()
    alpha: float | None = _number()
    beta: float | None = _number()
    extreme_returns: int | None = None
    undefined_metrics: list[dict[str, str]] = _json()


class Performance(_Metrics, table=True):
    """The metrics of a run's gross returns."""

    __table_args__ = tuple(Index(f"ix_performance_{metric}", metric, "run_id") for metric in _SORTED_METRICS)
    run_id: int = _part_of("run.id")


class NetPerformance(_Metrics, table=True):
    """The metrics of a run's returns after costs; no row without costs."""

    __tablename__: ClassVar[str] = "net_performance"
    run_id: int = _part_of("run.id")


class Series(Table, table=True):
    """One named series of a run, packed by `db.codec`: points never go into rows."""

    run_id: int = _part_of("run.id")
    name: str = _text(primary_key=True)
    point_count: int
    first_date: date | None = None
    last_date: date | None = None
    codec_version: int
    checksum: int = Field(sa_column=Column(RowId, nullable=False))
    packed: bytes


class Composition(Table, table=True):
    """What a run held in the period (`period_start`, `period_end`], packed by `db.codec`."""

    run_id: int = _part_of("run.id")
    period_end: date = Field(primary_key=True)
    period_start: date
    codec_version: int
    checksum: int = Field(sa_column=Column(RowId, nullable=False))
    packed: bytes


class RunDocument(Table, table=True):
    """One named document of a run, packed by `db.document_codec`."""

    __tablename__: ClassVar[str] = "run_document"
    run_id: int = _part_of("run.id")
    name: str = _text(primary_key=True)
    codec_version: int
    checksum: int = Field(sa_column=Column(RowId, nullable=False))
    packed: bytes


class RunEvent(Table, table=True):
    """What happened to runs, in the order in which it became visible."""

    __tablename__: ClassVar[str] = "run_event"
    __table_args__ = (
        Unique("run_id", "seq"),
        CheckConstraint(_one_of("kind", RunEventKind), name="kind"),
        CheckConstraint(_one_of("status", RunStatus), name="status"),
        {"sqlite_autoincrement": True},
    )
    id: int = _row_id()
    run_id: int = _part_of("run.id", primary_key=False)
    seq: int
    at: datetime = _moment()
    kind: str = _text()
    status: str = _text()
    progress_fraction: float = Field(sa_type=Double)
    progress_stage: str = _text()
    progress_counts: dict[str, int] | None = _optional_json()
    message: str | None = _optional_text()


class Quarantine(Table, table=True):
    """An input line that was not understood, as it was; the same line of the same file is kept once."""

    __table_args__ = (Unique("file", "line", "raw_hash"), {"sqlite_autoincrement": True})
    id: int = _row_id()
    import_batch_id: int = _reference("import_batch.id")
    file: str = _text()
    line: int
    raw: bytes
    raw_hash: str = _text()
    code: str = _text()
    reason: str = _text()


class MonthlyMetrics(Table, table=True):
    """A monthly-metrics sheet of the older system, attached to a factor."""

    __tablename__: ClassVar[str] = "monthly_metrics"
    factor: str = _text(primary_key=True)
    as_of_date: date = Field(primary_key=True)
    import_batch_id: int = _reference("import_batch.id")
    rows: list[list[Any]] = _json()  # [metric, value or null, formatted]


metadata: MetaData = Table.metadata
