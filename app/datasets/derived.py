"""What a panel has beyond its file's rows: filings moved to sessions, and market caps of shares."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.datasets.assemble import detect_calendar
from engine.panel import AS_OF_FIELDS, CLOSE, MARKET_CAP, MAX_AGE_DAYS, PRICE, SHARES, Calendar, Panel
from engine.periods import aggregate_field, as_of_field


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A panel and what was done to it, in words for the quality report."""

    panel: Panel
    notes: tuple[str, ...] = ()


def filings_on_sessions(panel: Panel, *, calendar: Calendar | None) -> Derived:
    """The panel on sessions only, where it has dates that hold shares or book values and nothing else.

    Such dates (the end of a quarter on a Sunday) are no sessions: their figures move to the next one, which
    may have newer ones; those after the last session are left out. calendar: detected from the other dates
    when None; an EVERY_DAY panel stays as it is.
    """
    filed = AS_OF_FIELDS.intersection(panel.fields)
    if not filed:
        return Derived(panel=panel)
    traded = np.zeros(len(panel.dates), dtype=np.bool_)
    for name in panel.fields.keys() - filed:
        traded |= ~np.isnan(panel.fields[name]).all(axis=1)
    calendar = calendar or detect_calendar(panel.dates[traded].astype(np.int64).astype(np.int32))
    if calendar is Calendar.EVERY_DAY or traded.all():
        return Derived(panel=panel)
    sessions = np.flatnonzero(traded)
    after_previous = np.concatenate([[0], sessions[:-1] + 1])
    fields = {
        name: aggregate_field(panel, name, after_previous, sessions + 1)
        if name in filed
        else values[sessions]
        for name, values in panel.fields.items()
    }
    present = {name: values for name, values in fields.items() if not np.isnan(values).all()}
    return Derived(
        panel=replace(panel, dates=panel.dates[sessions], fields=present, calendar=calendar),
        notes=_moved(panel, filed, sessions),
    )


def with_market_caps(panel: Panel, *, price_is_adjusted: bool) -> Derived:
    """The panel with market caps, USD, if it has none but shares: close (price where there is no close) times
    the last shares published by the day, at most MAX_AGE_DAYS before it. Prices and shares <= 0 give none.

    price_is_adjusted: whether the file says that its prices are adjusted for dividends or splits.
    """
    if MARKET_CAP in panel.fields or SHARES not in panel.fields:
        return Derived(panel=panel)
    source = CLOSE if CLOSE in panel.fields else PRICE
    prices, shares = panel.fields[source], as_of_field(panel, SHARES, panel.dates)
    with np.errstate(over="ignore", invalid="ignore"):
        caps = prices * shares
    caps[~((prices > 0) & (shares > 0) & np.isfinite(caps))] = np.nan
    if np.isnan(caps).all():
        return Derived(
            panel=panel, notes=(f"no market_cap could be derived: no {source} has shares known by its date",)
        )
    note = f"market_cap was derived: {source} x the last shares known, at most {MAX_AGE_DAYS} days old"
    if source == PRICE and price_is_adjusted:
        note += (
            "; the prices are adjusted for dividends or splits and there is no close, so it is approximate"
        )
    elif source == PRICE:
        note += "; it is approximate if the prices are adjusted for dividends or splits"
    fields = dict(sorted({**panel.fields, MARKET_CAP: caps}.items()))
    return Derived(panel=replace(panel, fields=fields), notes=(note,))


def _moved(panel: Panel, filed: frozenset[str], sessions: NDArray[np.int64]) -> tuple[str, ...]:
    holds_figures = np.zeros(len(panel.dates), dtype=np.bool_)
    for name in filed:
        holds_figures |= ~np.isnan(panel.fields[name]).all(axis=1)
    holds_figures[sessions] = False
    names = " or ".join(sorted(filed))
    notes = []
    if before := int(np.count_nonzero(holds_figures[: sessions[-1]])):
        notes.append(f"{_dates(before)} with {names} only: taken as known from the next session on")
    if after := int(np.count_nonzero(holds_figures[sessions[-1] :])):
        notes.append(f"{_dates(after)} with {names} only after the last session: left out")
    return tuple(notes)


def _dates(count: int) -> str:
    return f"{count:,} date{'s' if count != 1 else ''}"
