"""The rebalancing grid, and daily panels aggregated onto it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.panel import (
    AS_OF_FIELDS,
    AVERAGED_FIELDS,
    MAX_AGE_DAYS,
    PRICE,
    PUBLISHED_FIELDS,
    SUMMED_FIELDS,
    Calendar,
    DateArray,
    FloatArray,
    Panel,
)

DAYS_PER_WEEK = 7
_SUNDAY_OFFSET = 3  # 1970-01-01 was a Thursday: day number + 3 counts from a Monday
_FRIDAY = 4
_FIRST_PRICE_ROWS = 128
_BLOCK_BYTES = 1 << 22  # periods are aggregated in blocks that stay in the processor's cache


class Rebalance(StrEnum):
    """How often portfolios are formed. Weekly periods end on Sunday."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


def periods_per_year(rebalance: Rebalance, calendar: Calendar) -> int:
    """Factor that annualises per-period figures: 52, 12, or for daily the calendar's days a year."""
    if rebalance is Rebalance.WEEKLY:
        return 52
    if rebalance is Rebalance.MONTHLY:
        return 12
    return calendar.days_per_year


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodGrid:
    """P consecutive rebalancing intervals of a panel, each named by its end.

    ends: (P,) datetime64[D]. Under OBSERVED the last session of the interval.
    first_rows, stop_rows: (P,) panel rows [first, stop) inside each interval, never empty.
    nominal_days: (P,) calendar days that the interval stands for (1, 7, or the days of its month).
    """

    rebalance: Rebalance
    calendar: Calendar
    ends: DateArray
    first_rows: NDArray[np.int64]
    stop_rows: NDArray[np.int64]
    nominal_days: NDArray[np.int64]

    @property
    def periods_per_year(self) -> int:
        return periods_per_year(self.rebalance, self.calendar)

    def __len__(self) -> int:
        return len(self.ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodPanel:
    """A panel on a grid. `fields`: name -> (P, N) float64, NaN where the interval holds no observation.

    Prices, caps and ratios are the last observation inside the interval; volume, fees and revenue the sum;
    dau the mean of the days observed. Nothing is carried forward, but shares and book values, which are the
    last ones known (see as_of_field).
    first_price_dates: (N,) datetime64[D] of the first price > 0 in the whole panel, NaT for none.
    execution_prices: (P, N) at which positions formed at a row are taken, those of `fields` unless execution
    lags behind the signal. executed_rows: rows whose execution prices the data reaches, P or P - 1.
    """

    panel: Panel
    grid: PeriodGrid
    fields: Mapping[str, FloatArray]
    first_price_dates: DateArray
    execution_prices: FloatArray
    executed_rows: int


def period_grid(panel: Panel, rebalance: Rebalance) -> PeriodGrid:
    """The complete intervals of a panel, oldest first.

    The last interval counts only if the data reaches its end: its last calendar day under EVERY_DAY, its
    last weekday (Monday to Friday) under OBSERVED. EVERY_DAY grids have no holes; under OBSERVED an interval
    without a session does not exist.
    """
    if len(panel.dates) == 0:
        raise ValueError("a panel without dates has no periods")
    nominal_ends = _nominal_ends(panel.dates, rebalance)
    stop_rows = np.flatnonzero(np.append(nominal_ends[1:] != nominal_ends[:-1], True)) + 1
    first_rows = np.concatenate([[0], stop_rows[:-1]])
    interval_ends = nominal_ends[stop_rows - 1]
    if not _is_complete(panel.dates[-1], interval_ends[-1], panel.calendar):
        stop_rows, first_rows, interval_ends = stop_rows[:-1], first_rows[:-1], interval_ends[:-1]
    observed = panel.calendar is Calendar.OBSERVED
    return PeriodGrid(
        rebalance=rebalance,
        calendar=panel.calendar,
        ends=panel.dates[stop_rows - 1] if observed else interval_ends,
        first_rows=first_rows.astype(np.int64),
        stop_rows=stop_rows.astype(np.int64),
        nominal_days=_nominal_days(interval_ends, rebalance),
    )


def build_periods(panel: Panel, rebalance: Rebalance, fields: Collection[str] | None = None) -> PeriodPanel:
    """Aggregate prices and the named fields (all by default; names that the panel lacks are left out)."""
    grid = period_grid(panel, rebalance)
    names = [name for name in panel.fields if fields is None or name in fields or name == PRICE]
    aggregated = {name: _known_by(panel, name, grid.first_rows, grid.stop_rows, grid.ends) for name in names}
    return PeriodPanel(
        panel=panel,
        grid=grid,
        fields=aggregated,
        first_price_dates=first_price_dates(panel),
        execution_prices=aggregated[PRICE],
        executed_rows=len(grid),
    )


def with_lags(periods: PeriodPanel, *, execution_lag: int, publication_lag: int) -> PeriodPanel:
    """The panel as it was known and traded with delays.

    execution_lag: panel rows between a signal and the prices at which its positions are taken.
    publication_lag: calendar days after which fees, dau, revenue, shares and book values of a day are known;
    those of an interval are of the days that became known in it, ages count from the day they became known.
    """
    panel, grid = periods.panel, periods.grid
    if execution_lag:
        executed = int(np.count_nonzero(grid.stop_rows + execution_lag <= len(panel.dates)))
        first, stop = grid.first_rows[:executed] + execution_lag, grid.stop_rows[:executed] + execution_lag
        prices = aggregate_field(panel, PRICE, first, stop)
        periods = replace(periods, execution_prices=prices, executed_rows=executed)
    if publication_lag:
        known_until = grid.ends - np.timedelta64(publication_lag, "D")
        stop = np.searchsorted(panel.dates, known_until, side="right")
        first = np.concatenate([[0], stop[:-1]])
        late = {
            name: _known_by(panel, name, first, stop, known_until)
            for name in PUBLISHED_FIELDS.intersection(periods.fields)
        }
        periods = replace(periods, fields={**periods.fields, **late})
    return periods


def next_period_end(grid: PeriodGrid) -> np.datetime64:
    """The end of the interval after the grid's last one, by the calendar, as its sessions are not known yet:
    its last day, under OBSERVED its last weekday."""
    following = _nominal_ends(grid.ends[-1:], grid.rebalance) + 1
    observed = grid.calendar is Calendar.OBSERVED
    if observed and grid.rebalance is Rebalance.DAILY:
        weekday = _weekday(following)
        following = following + np.where(weekday > _FRIDAY, DAYS_PER_WEEK - weekday, 0)
    end = _nominal_ends(following, grid.rebalance)
    if observed:
        end = end - np.maximum(0, _weekday(end) - _FRIDAY)
    return np.datetime64(end[0])


def ends_of_held(grid: PeriodGrid, rows: NDArray[np.int64]) -> DateArray:
    """(K,) ends of the periods that portfolios formed at `rows` (K,) are held in; by the calendar for the one
    after the grid's last."""
    ends = grid.ends
    if rows[-1] + 1 == len(ends):
        ends = np.append(ends, next_period_end(grid))
    return ends[rows + 1]


def aggregate_field(
    panel: Panel, name: str, first_rows: NDArray[np.int64], stop_rows: NDArray[np.int64]
) -> FloatArray:
    """One field on P runs of panel rows [first, stop): (T, N) -> (P, N) float64 by the field's own rule (see
    PeriodPanel); as-of fields have as_of_field. Only summed and averaged fields may have empty runs, which
    are NaN."""
    values = panel.fields[name]
    out = np.empty((len(stop_rows), values.shape[1]))
    width = int((stop_rows - first_rows).max(initial=1))
    step = max(1, _BLOCK_BYTES // max(1, 8 * values.shape[1] * width))
    for start in range(0, len(stop_rows), step):
        block = slice(start, start + step)
        first, stop = first_rows[block], stop_rows[block]
        rows = values[first[0] : stop[-1]]
        if name in SUMMED_FIELDS or name in AVERAGED_FIELDS:
            mean = name in AVERAGED_FIELDS
            out[block] = _sum_of_rows(rows, first - first[0], stop - first[0], mean=mean)
        else:
            out[block] = _last_of_rows(rows, first - first[0], stop - first[0], positive=name == PRICE)
    return out


def as_of_field(panel: Panel, name: str, ends: DateArray) -> FloatArray:
    """Each asset's last value dated at or before each of `ends` (P,), ascending, and at most MAX_AGE_DAYS
    before it: (T, N) -> (P, N) float64, NaN where there is none."""
    values = panel.fields[name]
    asset_count = values.shape[1]
    stop_rows = np.searchsorted(panel.dates, ends, side="right")
    oldest_rows = np.searchsorted(panel.dates, ends - np.timedelta64(MAX_AGE_DAYS, "D"), side="left")
    out = np.empty((len(ends), asset_count))
    latest, latest_rows = np.full(asset_count, np.nan), np.full(asset_count, -1)
    read = 0
    for period, (stop, oldest) in enumerate(zip(stop_rows.tolist(), oldest_rows.tolist(), strict=True)):
        rows = values[read:stop]
        cells = np.flatnonzero(~np.isnan(rows))
        if len(cells):
            row, column = np.divmod(
                cells, asset_count
            )  # ascending by row: of several the last assignment stays
            latest[column], latest_rows[column] = rows[row, column], read + row
        read = stop
        out[period] = np.where(latest_rows >= oldest, latest, np.nan)
    return out


def first_price_dates(panel: Panel) -> DateArray:
    """(N,) date of each asset's first price > 0, NaT where there is none."""
    prices = panel.fields[PRICE]
    first = np.full(prices.shape[1], np.datetime64("NaT", "D"))
    for start in range(0, len(prices), _FIRST_PRICE_ROWS):
        priced = prices[start : start + _FIRST_PRICE_ROWS] > 0
        new = np.isnat(first) & priced.any(axis=0)
        first[new] = panel.dates[start + priced[:, new].argmax(axis=0)]
        if not np.isnat(first).any():
            break
    return first


def _known_by(
    panel: Panel, name: str, first_rows: NDArray[np.int64], stop_rows: NDArray[np.int64], ends: DateArray
) -> FloatArray:
    """One field on P runs of rows, by what was known at their `ends` (P,)."""
    if name in AS_OF_FIELDS:
        return as_of_field(panel, name, ends)
    return aggregate_field(panel, name, first_rows, stop_rows)


def _last_of_rows(
    rows: FloatArray, first: NDArray[np.int64], stop: NDArray[np.int64], *, positive: bool
) -> FloatArray:
    """Last non-missing value of each run of rows; with `positive`, values <= 0 are missing."""
    out = rows[stop - 1]
    if positive:
        out[~(out > 0)] = np.nan
    missing = np.isnan(out)
    for back in range(2, int((stop - first).max()) + 1):
        if not missing.any():
            break
        inside = stop - back >= first
        earlier = rows[np.where(inside, stop - back, first)]
        usable = (earlier > 0) if positive else ~np.isnan(earlier)
        usable &= missing
        usable &= inside[:, None]
        np.copyto(out, earlier, where=usable)
        missing &= ~usable
    return out


def _sum_of_rows(
    rows: FloatArray, first: NDArray[np.int64], stop: NDArray[np.int64], *, mean: bool
) -> FloatArray:
    """Sum (or mean) of the available values of each run of rows; NaN where none is available.

    Adding everything is right where all or nothing is missing; the few other cells are added again.
    """
    total = _add_runs(rows, first, stop)
    missing = _add_runs(np.isnan(rows).view(np.int8), first, stop)
    lengths = (stop - first).astype(np.int8)[:, None]
    total[first == stop] = np.nan
    partial = np.flatnonzero((missing > 0) & (missing < lengths))
    asset_count = rows.shape[1]
    run = partial // asset_count
    first_cell = partial + (first - np.arange(len(first)))[run] * asset_count
    day = np.arange(lengths.max())[:, None]
    values = rows.ravel().take(first_cell + day * asset_count, mode="clip")
    np.putmask(values, np.isnan(values) | (day >= lengths[run, 0]), 0.0)
    repaired = np.zeros(len(partial))
    for values_of_day in values:  # in an order that does not depend on how many cells there are, unlike sum's
        repaired += values_of_day
    np.put(total, partial, repaired)
    return np.asarray(total / (lengths - missing)) if mean else total


def _add_runs(rows: NDArray[Any], first: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[Any]:
    """Each run of rows added up, in the type of the rows (ufunc.reduceat is many times slower)."""
    width = int(stop[0] - first[0])
    if width and np.array_equal(stop, np.arange(width, len(rows) + 1, width)):
        return np.asarray(np.add.reduce(rows.reshape(len(first), width, -1), axis=1, dtype=rows.dtype))
    out = np.empty((len(first), rows.shape[1]), dtype=rows.dtype)
    for run, start, end in zip(out, first, stop, strict=True):
        np.add.reduce(rows[start:end], axis=0, dtype=rows.dtype, out=run)
    return out


def _nominal_ends(dates: DateArray, rebalance: Rebalance) -> DateArray:
    """(T,) calendar end of the interval that holds each date: itself, its Sunday, or its month's last day."""
    if rebalance is Rebalance.DAILY:
        return dates
    if rebalance is Rebalance.WEEKLY:
        return np.asarray(dates + (DAYS_PER_WEEK - 1 - _weekday(dates)))
    return np.asarray((dates.astype("datetime64[M]") + 1).astype("datetime64[D]") - 1)


def _is_complete(last_date: np.datetime64, interval_end: np.datetime64, calendar: Calendar) -> bool:
    if calendar is Calendar.EVERY_DAY:
        return bool(last_date >= interval_end)
    remaining = np.arange(last_date + 1, interval_end + 1)
    return not bool((_weekday(remaining) <= _FRIDAY).any())


def _weekday(dates: DateArray) -> NDArray[np.int64]:
    """0 = Monday ... 6 = Sunday."""
    return np.asarray((dates.astype("datetime64[D]").astype(np.int64) + _SUNDAY_OFFSET) % DAYS_PER_WEEK)


def _nominal_days(interval_ends: DateArray, rebalance: Rebalance) -> NDArray[np.int64]:
    if rebalance is Rebalance.MONTHLY:
        month_starts = interval_ends.astype("datetime64[M]").astype("datetime64[D]")
        return np.asarray((interval_ends - month_starts).astype(np.int64) + 1)
    return np.full(len(interval_ends), 1 if rebalance is Rebalance.DAILY else DAYS_PER_WEEK, dtype=np.int64)
