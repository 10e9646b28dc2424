"""What a folder of the older system's logs holds: runs, their series, monthly sheets, and what was refused.

Missing values: `nan` and an empty cell both mean missing in these logs, and both are None here.
Where a thing stood (`source`) and how its row was read (`column_order`, `repaired`) take no part in equality:
two records are equal when they say the same about the same run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from app.features.legacy.logs.cells import run_time
from app.features.legacy.logs.refusals import WHOLE_FILE, QuarantineCode

FACTORS = frozenset({"smb", "market", "value", "momentum", "momentum_v2", "growth"})
FACTORS_WITH_LOOKBACK = frozenset({"momentum", "momentum_v2"})


@dataclass(frozen=True, slots=True)
class Source:
    """Where a record stood: file name, physical line (1-based; 0 = the whole file) and the text as it was."""

    file: str
    line: int
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyRun:
    """One row of a factor's log. Returns, Sharpe and Sortino are plain numbers (0.12 = 12 %), never percent.

    `column_order` is the number of the known column order it was read under, None for an order that only
    its header names. `repaired`: read under an order that its header contradicts. `suspect`: why a value
    cannot be trusted although the row was taken in.
    """

    factor: str
    legacy_run_id: str
    breakpoint: float | None = None
    min_assets: int | None = None
    weighting_method: str | None = None
    lookback_periods: int | None = None
    cumulative_return: float | None = None
    annualized_return: float | None = None
    sharpe_ratio: float | None = None
    sortino_ratio: float | None = None
    years: float | None = None
    long_only_return: float | None = None
    short_only_return: float | None = None
    start_date: date | None = None
    end_date: date | None = None
    suspect: str | None = None
    column_order: int | None = field(default=None, compare=False)
    repaired: bool = field(default=False, compare=False)
    source: Source = field(default=Source("", WHOLE_FILE, ""), compare=False)

    @property
    def run_time(self) -> datetime:
        """When the run was logged: its id read as a UTC time. ValueError if the id is not one."""
        return run_time(self.legacy_run_id)

    @property
    def unrecorded_fields(self) -> tuple[str, ...]:
        """The settings and metrics, by field name, for which the row has no value.

        `lookback_periods` counts only for the momentum factors: the others have no such setting.
        Settings for which no log ever had a column (thresholds, lifetime) are not listed.
        """
        return tuple(
            name
            for name in (*SETTING_FIELDS, *METRIC_FIELDS)
            if getattr(self, name) is None
            and (name != "lookback_periods" or self.factor in FACTORS_WITH_LOOKBACK)
        )

    @property
    def content_hash(self) -> str:
        """SHA-256 over what the row says, however it was spelt: `0.50` is `0.5`, `-0.0` is `0.0`."""
        names = ("factor", "legacy_run_id", *SETTING_FIELDS, *METRIC_FIELDS)
        return _digest("legacy-run", [[name, getattr(self, name)] for name in names])


SETTING_FIELDS = ("breakpoint", "min_assets", "weighting_method", "lookback_periods")
METRIC_FIELDS = (
    "cumulative_return",
    "annualized_return",
    "sharpe_ratio",
    "sortino_ratio",
    "years",
    "long_only_return",
    "short_only_return",
    "start_date",
    "end_date",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacySeries:
    """The period returns of one run: dates strictly ascending, one finite return each, as many as dates."""

    factor: str
    legacy_run_id: str
    dates: tuple[date, ...]
    returns: tuple[float, ...]
    source: Source = field(default=Source("", WHOLE_FILE, ""), compare=False)

    @property
    def content_hash(self) -> str:
        """SHA-256 over run, dates and returns."""
        points = [list(point) for point in zip(self.dates, self.returns, strict=True)]
        return _digest("legacy-series", [self.factor, self.legacy_run_id, points])


@dataclass(frozen=True, slots=True)
class MonthlyMetric:
    """One line of a monthly sheet. `value` is text where the metric names an asset; None = missing."""

    metric: str
    value: float | str | None
    value_formatted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlyMetrics:
    """A factor's monthly sheet: all metrics of one date, each once, in the order they were logged."""

    factor: str
    as_of_date: date
    rows: tuple[MonthlyMetric, ...]
    file: str = field(default="", compare=False)

    @property
    def content_hash(self) -> str:
        """SHA-256 over factor, date and rows, whatever their order."""
        rows = sorted([row.metric, row.value, row.value_formatted] for row in self.rows)
        return _digest("legacy-monthly", [self.factor, self.as_of_date, rows])


@dataclass(frozen=True, slots=True)
class QuarantinedLine:
    """What was refused: `line` 0 stands for the whole file, whose text (or its beginning) `raw` then is."""

    file: str
    line: int
    raw: str
    code: QuarantineCode
    reason: str


@dataclass(frozen=True, slots=True)
class MergedLine:
    """A line (or, as line 0, a series file) that says again what `kept` has said already."""

    source: Source
    kept: Source


class FileKind(StrEnum):
    FACTOR_LOG = "FACTOR_LOG"
    RETURNS = "RETURNS"
    MONTHLY_METRICS = "MONTHLY_METRICS"
    NOT_A_LOG = "NOT_A_LOG"
    IGNORED = "IGNORED"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyFile:
    """What became of one file. `lines` are its non-blank ones, header included.

    Of a factor's log or a monthly sheet that was not refused whole, every non-blank line below the header is
    in exactly one of `taken`, `merged`, `quarantined`. A returns file is one thing: 1 in one of the three
    (`taken` when it was understood, whether its run is known or not).
    """

    name: str
    kind: FileKind
    lines: int = 0
    taken: int = 0
    repaired: int = 0
    merged: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyBatch:
    """All that a folder or an upload came to. Order: file name, then line.

    `series` belong to runs of this batch. `orphan_series` do not: attach one if the store has its run
    already, else quarantine it with `quarantine_orphan`; they are in no count of the batch until then.
    `ignored_files` are documentation (README*, *.md) and hidden files: named, not quarantined.
    """

    files: tuple[LegacyFile, ...]
    runs: tuple[LegacyRun, ...]
    series: tuple[LegacySeries, ...]
    orphan_series: tuple[LegacySeries, ...]
    monthly_metrics: tuple[MonthlyMetrics, ...]
    merged: tuple[MergedLine, ...]
    quarantined: tuple[QuarantinedLine, ...]
    ignored_files: tuple[str, ...]

    @property
    def run_count(self) -> int:
        return len(self.runs)

    @property
    def repaired_count(self) -> int:
        return sum(run.repaired for run in self.runs)

    @property
    def suspect_count(self) -> int:
        return sum(run.suspect is not None for run in self.runs)

    @property
    def merged_count(self) -> int:
        return len(self.merged)

    @property
    def quarantined_count(self) -> int:
        return len(self.quarantined)

    @property
    def series_count(self) -> int:
        return len(self.series)

    @property
    def monthly_metrics_count(self) -> int:
        return len(self.monthly_metrics)

    def series_of(self, run: LegacyRun) -> LegacySeries | None:
        """The series attached to `run`, None if no returns file came with it."""
        key = (run.factor, run.legacy_run_id)
        return next((one for one in self.series if (one.factor, one.legacy_run_id) == key), None)


def _digest(kind: str, content: list[object]) -> str:
    text = json.dumps([kind, 1, _normalised(content)], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _normalised(value: object) -> object:
    """Lists, text, whole numbers and None as they are; dates as ISO text; floats as exact hexadecimal."""
    if isinstance(value, list):
        return [_normalised(item) for item in value]
    if isinstance(value, float):
        # adding 0.0 turns -0.0 into 0.0; the mark keeps a float apart from a text that looks like it
        return ["float", (value + 0.0).hex()]
    if isinstance(value, date):
        return ["date", value.isoformat()]
    return value
