"""What the store functions take and return: frozen records, free of sessions and table models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Unset(Enum):
    """The type of `UNSET`: "leave it as it is", where None means "empty it"."""

    UNSET = "UNSET"


UNSET = Unset.UNSET


class RunStatus(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def is_terminal(self) -> bool:
        return self in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELED)


class RunOrigin(StrEnum):
    COMPUTED = "COMPUTED"
    IMPORTED = "IMPORTED"


class RunKind(StrEnum):
    """The kinds of runs that this version knows: compute one factor portfolio, or one over many configs;
    fetch a dataset; or estimate a risk model of many factors. A newer version may have left others."""

    FACTOR = "FACTOR"
    SWEEP = "SWEEP"
    FETCH = "FETCH"
    RISK_MODEL = "RISK_MODEL"


class Reuse(StrEnum):
    """Which run of the same identity a launch returns instead of queuing another: none, one that has not
    ended, or one that has succeeded too."""

    NEVER = "NEVER"
    LIVE = "LIVE"
    SUCCEEDED = "SUCCEEDED"


PANEL = "PANEL"
"""The kind of the datasets that are panels: a number an asset, date and field."""


class RunEventKind(StrEnum):
    """The kinds of events that this version knows, what happened to a run; the run's status column alone is
    the truth about its state."""

    QUEUED = "QUEUED"
    STARTED = "STARTED"
    PROGRESS = "PROGRESS"
    RETRIED = "RETRIED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    IMPORTED = "IMPORTED"


# -- datasets ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRecord:
    """One asset of a dataset. `ordinal` is its column in the dataset's arrays."""

    ordinal: int
    asset: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    first_date: date | None = None
    last_date: date | None = None
    observation_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDataset:
    """A snapshot whose files are in place and whose row is to be committed."""

    name: str
    fingerprint: str
    source: str
    licence: str | None
    note: str | None
    synthetic: bool
    calendar: str
    fields: tuple[str, ...]
    date_count: int
    first_date: date
    last_date: date
    observation_count: int
    quality: Mapping[str, Any]
    assets: tuple[AssetRecord, ...]
    kind: str = PANEL


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRecord:
    """`version` counts the different snapshots of a name; `current` marks the one that the name means."""

    id: int
    kind: str
    name: str
    version: int
    current: bool
    fingerprint: str
    source: str
    licence: str | None
    note: str | None
    synthetic: bool
    calendar: str
    fields: tuple[str, ...]
    asset_count: int
    date_count: int
    first_date: date
    last_date: date
    observation_count: int
    quality: Mapping[str, Any]
    created_at: datetime
    deleted_at: datetime | None


# -- runs --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInputRecord:
    """What a run is computed from beside its dataset: another dataset or a run, in the role that it plays.
    `fingerprint` names the content, also after a source run is deleted."""

    role: str
    fingerprint: str
    dataset_id: int | None = None
    source_run_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to be queued. `kind` says what is done and `subject` to what: a factor's name, or None where the
    kind has no subjects. `config` is the normalised config, every option present; `identity_hash` covers the
    kind too, because it alone, with `reuse`, decides what is computed once. Without an engine's version
    every server takes it; without a dataset it needs none, or brings one."""

    kind: str
    subject: str | None
    config: Mapping[str, Any]
    identity_hash: str
    dataset_id: int | None
    engine_version: str | None
    reuse: Reuse = Reuse.SUCCEEDED
    inputs: tuple[RunInputRecord, ...] = ()
    tags: tuple[str, ...] = ()
    note: str | None = None
    forced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One computation, fetch or imported result. Immutable once terminal, tags and note aside.

    `kind` is a RunKind, or a word that only a newer version knows. `losses` counts the workers that died
    with it. `progress_counts` are whatever the kind of run counts, by name."""

    id: int
    kind: str
    subject: str | None
    status: RunStatus
    origin: RunOrigin
    config: Mapping[str, Any]
    unrecorded_fields: tuple[str, ...]
    identity_hash: str
    forced: bool
    dataset_id: int | None
    engine_version: str | None
    legacy_run_id: str | None
    import_batch_id: int | None
    import_remarks: tuple[str, ...]
    created_at: datetime
    imported_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    progress_fraction: float
    progress_stage: str
    failure_code: str | None
    failure_message: str | None
    claimed_by: str | None
    heartbeat_at: datetime | None
    attempt: int
    note: str | None
    reuse: Reuse
    losses: int
    tags: tuple[str, ...]
    progress_counts: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who holds a running run; `attempt` fences every write made on its behalf."""

    run_id: int
    claimed_by: str
    attempt: int
    heartbeat_at: datetime


@dataclass(frozen=True, slots=True)
class RunCommandRecord:
    """What somebody asked of a run that is under way, such as to stop; `arguments` is a JSON object."""

    id: int
    command: str
    arguments: Mapping[str, Any]
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEventRecord:
    """`id` orders the events of all runs, `seq` those of one run (from 1). `kind` is a RunEventKind, or a
    word that only a newer version knows."""

    id: int
    run_id: int
    seq: int
    at: datetime
    kind: str
    status: RunStatus
    progress_fraction: float
    progress_stage: str
    message: str | None
    progress_counts: Mapping[str, int] | None = None


# -- results -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class UndefinedMetricRecord:
    """Why a metric of a performance row is null."""

    metric: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceRecord:
    """One typed row a run. Field names and units are those of the engine's metrics; null = undefined, with
    a reason."""

    cumulative_return: float | None = None
    annualized_return: float | None = None
    mean_annual_return: float | None = None
    annualized_volatility: float | None = None
    sharpe_ratio: float | None = None
    sortino_ratio: float | None = None
    sortino_ratio_target: float | None = None
    max_drawdown: float | None = None
    max_drawdown_peak_date: date | None = None
    max_drawdown_trough_date: date | None = None
    max_drawdown_recovery_date: date | None = None
    calmar_ratio: float | None = None
    value_at_risk_95: float | None = None
    expected_shortfall_95: float | None = None
    hit_rate: float | None = None
    skewness: float | None = None
    excess_kurtosis: float | None = None
    best_period_return: float | None = None
    worst_period_return: float | None = None
    long_only_return: float | None = None
    short_only_return: float | None = None
    years: float | None = None
    num_periods: int | None = None
    skipped_periods: int | None = None
    missing_returns: int | None = None
    coverage: float | None = None
    breadth: float | None = None
    long_hhi: float | None = None
    short_hhi: float | None = None
    start_date: date | None = None
    end_date: date | None = None
    wiped_out_on: date | None = None
    mean_turnover: float | None = None
    break_even_cost_bps: float | None = None
    newey_west_t: float | None = None
    sharpe_standard_error: float | None = None
    probabilistic_sharpe_ratio: float | None = None
    ic_mean: float | None = None
    ic_std: float | None = None
    ic_t: float | None = None
    ic_autocorrelation: float | None = None
    alpha: float | None = None
    beta: float | None = None
    extreme_returns: int | None = None
    undefined_metrics: tuple[UndefinedMetricRecord, ...] = ()


RETURN_UNIT = "fraction per period"
"""Of the series that are returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRecord:
    """One named series of a run: `values` (n,) float64 in `unit`, NaN missing, at `times` (n,).

    These are datetime64[D], each later than the one before, or datetime64[ns] UTC, none earlier."""

    name: str
    times: NDArray[np.datetime64]
    values: NDArray[np.float64]
    unit: str = RETURN_UNIT
    is_return: bool = True

    @property
    def dates(self) -> NDArray[np.datetime64]:
        """The days of `times` in UTC."""
        return self.times.astype("datetime64[D]", copy=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRecord:
    """One leg of one composition: parallel arrays (k,). `asset_ordinals` int32 index the dataset's assets,
    weights are positive and sum to 1, NaN = missing."""

    asset_ordinals: NDArray[np.int32]
    weights: NDArray[np.float64]
    period_returns: NDArray[np.float64]
    signals: NDArray[np.float64]
    market_caps: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositionRecord:
    """What a run held in the period (`period_start`, `period_end`]; `short` is None if it is long-only."""

    period_start: date
    period_end: date
    long: LegRecord
    short: LegRecord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRecord:
    """One named document of a run: `facts`, a JSON object of finite numbers, and `arrays`, each (n,) float64,
    int64 or int32. Read back, the facts are as JSON has them: tuples are lists."""

    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRecord:
    """One array of a run that is a file and not a row. `path`: of the .npy file below the data directory,
    '/' between its parts; `dtype` as numpy writes it ("<f8"); `byte_count` and `sha256` of the whole file."""

    name: str
    path: str
    dtype: str
    shape: tuple[int, ...]
    byte_count: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResults:
    """All that a succeeded run leaves behind, committed together with its terminal status. `performance` is
    None for all but factor runs, `net_performance` for a run without costs. `dataset`: one whose files are in
    place, which the run has made."""

    performance: PerformanceRecord | None = None
    series: tuple[SeriesRecord, ...] = ()
    compositions: tuple[CompositionRecord, ...] = ()
    net_performance: PerformanceRecord | None = None
    documents: tuple[DocumentRecord, ...] = ()
    artifacts: tuple[ArtifactRecord, ...] = ()
    dataset: NewDataset | None = None
