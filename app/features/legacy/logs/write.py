"""The logs as files again, in the newest shape: what is written here reads back as the same records.

Floats are written so that they read back to the bit, a missing value as an empty cell, lines end with LF.
Text that a spreadsheet would take for a formula gets a `'` before it, which reading takes away again;
numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from datetime import date

from app.features.legacy.logs.cells import guarded
from app.features.legacy.logs.columns import NEWEST_ORDER
from app.features.legacy.logs.companions import MONTHLY_COLUMNS, RETURNS_COLUMNS
from app.features.legacy.logs.records import LegacyRun, LegacySeries, MonthlyMetrics


def factor_file_name(factor: str) -> str:
    """The name under which `write_factor_csv` of this factor is read back."""
    return f"{factor}.csv"


def returns_file_name(factor: str, legacy_run_id: str) -> str:
    """The name under which `write_returns_csv` of this run is read back."""
    return f"{factor}_{legacy_run_id}_returns.csv"


def monthly_metrics_file_name(factor: str) -> str:
    """The name under which `write_monthly_metrics_csv` of this factor is read back."""
    return f"{factor}_monthly_metrics.csv"


def write_factor_csv(runs: Iterable[LegacyRun]) -> bytes:
    """One row a run, in the order given, under the header that has every column (order 5).

    ValueError if the runs are not all of one factor, or a number is not finite.
    """
    runs = tuple(runs)
    _require_one_factor(run.factor for run in runs)
    columns = NEWEST_ORDER.columns
    return _csv([columns, *(_run_cells(run, columns) for run in runs)])


def write_factor_row(run: LegacyRun, columns: Sequence[str]) -> bytes:
    """One row for a log that has these columns; empty where it has one that is unknown here.

    ValueError if a number is not finite.
    """
    return _csv([_run_cells(run, columns)])


def write_returns_csv(series: LegacySeries) -> bytes:
    """One line a period: date, return, and the returns compounded so far.

    ValueError if a number is not finite.
    """
    return _csv([RETURNS_COLUMNS, *_series_cells(series)])


def write_monthly_metrics_csv(sheets: Iterable[MonthlyMetrics]) -> bytes:
    """All monthly sheets of one factor in one file, one line a metric.

    ValueError if the sheets are not all of one factor, a number is not finite, or a text has a line break.
    """
    sheets = tuple(sheets)
    _require_one_factor(sheet.factor for sheet in sheets)
    lines = (
        [_cell(row.metric), _cell(row.value), _cell(row.value_formatted), _cell(sheet.as_of_date), factor]
        for sheet in sheets
        for factor in [_cell(sheet.factor)]
        for row in sheet.rows
    )
    return _csv([MONTHLY_COLUMNS, *lines])


def _run_cells(run: LegacyRun, columns: Iterable[str]) -> list[str]:
    cell_of_column = {
        "run_id": run.legacy_run_id,
        "factor": run.factor,
        "breakpoint": run.breakpoint,
        "min_assets": run.min_assets,
        "weighting_method": run.weighting_method,
        "cumulative_returns": run.cumulative_return,
        "annualized_return": run.annualized_return,
        "years": run.years,
        "long_only_returns": run.long_only_return,
        "short_only_returns": run.short_only_return,
        "trailing_momentum_lookback_periods": run.lookback_periods,
        "sharpe_ratio": run.sharpe_ratio,
        "sortino_ratio": run.sortino_ratio,
        "start_date": run.start_date,
        "end_date": run.end_date,
    }
    return [_cell(cell_of_column.get(column)) for column in columns]


def _series_cells(series: LegacySeries) -> Iterable[list[str]]:
    wealth = 1.0
    for when, period_return in zip(series.dates, series.returns, strict=True):
        wealth *= 1 + period_return
        yield [_cell(when), _cell(period_return), _cell(wealth - 1)]


def _cell(value: str | float | date | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        if "\n" in value or "\r" in value:
            raise ValueError(f"a log is read line by line, and this text has a line break: {value!r}")
        return guarded(value)
    if isinstance(value, date):
        return value.isoformat()
    if not math.isfinite(value):
        raise ValueError(f"not a finite number: {value!r}")
    # float(...) because the repr of a numpy number names its type
    return str(value) if isinstance(value, int) else repr(float(value))


def _require_one_factor(factors: Iterable[str]) -> None:
    distinct = sorted(set(factors))
    if len(distinct) > 1:
        raise ValueError(f"a log holds one factor, not {', '.join(distinct)}")


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8")
