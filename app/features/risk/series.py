"""Columns of a risk model over its dates, cut to a range and sampled as charts want them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from app.errors import FieldError, InvalidInput
from app.features.risk.results import RiskModelResults
from app.runs.series import DateRange, rows_inside, sample_rows
from engine.panel import DateArray, FloatArray

MAX_POINTS = 100_000
MAX_VALUES = 1_000_000
"""Points of all series of one field together."""
SIGNIFICANT_T = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRows:
    """rows: (n,) ascending positions among the dates, sampled. in_range: (r,) all of the range."""

    rows: NDArray[np.int64]
    in_range: NDArray[np.int64]

    @property
    def source_point_count(self) -> int:
        return len(self.in_range)

    @property
    def sampled(self) -> bool:
        return len(self.rows) < len(self.in_range)


@dataclass(frozen=True, slots=True, kw_only=True)
class Significance:
    """How well a factor's returns can be told from 0. mean_absolute_t, share_significant (of the dates with a
    t-statistic, those where it is beyond SIGNIFICANT_T either way): NaN without any. observations: dates with
    one."""

    mean_absolute_t: float
    share_significant: float
    observations: int


def chart_rows(
    dates: DateArray, columns: Sequence[NDArray[np.generic]], date_range: DateRange, max_points: int
) -> ChartRows:
    """Which rows of the dates (T,) a chart is given: the range, at most `max_points` of it, with the first,
    last, least and greatest value of each of the columns (T,). Raises InvalidInput."""
    check_points(len(columns), max_points)
    inside = np.flatnonzero(rows_inside(dates, date_range)).astype(np.int64)
    if len(inside) <= max_points:
        return ChartRows(rows=inside, in_range=inside)
    kept = sample_rows([np.asarray(column, dtype=np.float64)[inside] for column in columns], max_points)
    return ChartRows(rows=inside[kept], in_range=inside)


def check_points(series: int, max_points: int) -> None:
    """Raises InvalidInput."""
    if not 1 <= max_points <= MAX_POINTS:
        raise InvalidInput(f"maxPoints must be from 1 to {MAX_POINTS:,}, not {max_points:,}")
    if series * max_points > MAX_VALUES:
        raise InvalidInput(
            f"{series:,} series of up to {max_points:,} points are more than {MAX_VALUES:,}",
            hint="ask for fewer names or points",
        )


def significance(t_statistics: FloatArray) -> Significance:
    """Of one factor's t-statistics (n,), NaN = none."""
    sizes = np.abs(t_statistics[np.isfinite(t_statistics)])
    if not len(sizes):
        return Significance(mean_absolute_t=np.nan, share_significant=np.nan, observations=0)
    return Significance(
        mean_absolute_t=float(sizes.mean()),
        share_significant=float((sizes > SIGNIFICANT_T).mean()),
        observations=len(sizes),
    )


def latest_row(dates: DateArray, day: date | None) -> int | None:
    """The position of the last of the ascending dates that is not after the day; None before the first. A
    day of None is the last date."""
    if day is None:
        return len(dates) - 1 if len(dates) else None
    row = int(np.searchsorted(dates, np.datetime64(day, "D"), side="right")) - 1
    return row if row >= 0 else None


def factor_columns(
    results: RiskModelResults, names: Sequence[str] | None, path: tuple[str, ...]
) -> list[int]:
    """The columns of the named factors, in that order; None = all. Raises InvalidInput at `path`."""
    if names is None:
        return list(range(len(results.factors)))
    known = {name: at for at, name in enumerate(results.factors)}
    unknown = [name for name in dict.fromkeys(names) if name not in known]
    if unknown:
        shown = ", ".join(repr(name[:100]) for name in unknown[:5])
        raise unknown_factor(path, f"the risk model has no factor {shown}", results.factors)
    return [known[name] for name in dict.fromkeys(names)]


def unknown_factor(path: tuple[str, ...], message: str, factors: Sequence[str]) -> InvalidInput:
    """The fault of a name that is none of the model's factors."""
    more = f" and {len(factors) - 30} more" if len(factors) > 30 else ""
    return InvalidInput(
        message,
        (FieldError(path, "UNKNOWN_FACTOR", message),),
        hint=f"it has {', '.join(factors[:30])}{more}",
    )
