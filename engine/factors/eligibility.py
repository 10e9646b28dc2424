"""Who may be held: the universe, and the filters on what is known at the formation date."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigFault, InvalidConfig
from engine.factors.config import FactorConfig
from engine.factors.definition import SignalContext
from engine.panel import MARKET_CAP, PRICE, VOLUME, DateArray, DatedValue
from engine.periods import DAYS_PER_WEEK, PeriodPanel, ends_of_held

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def candidates(periods: PeriodPanel, rows: IntArray, config: FactorConfig) -> SignalContext:
    """The assets of the universe with a price at t-1 that pass the cap, liquidity and lifetime filters.

    rows: (K,) consecutive grid rows t-1.
    """
    passed = priced(periods, rows)
    passed &= in_universe(periods, rows, config)
    if config.market_cap_threshold is not None:
        passed &= large_enough(periods, rows, config.market_cap_threshold)
    if config.liquidity_threshold is not None:
        passed &= liquid_enough(periods, rows, config.liquidity_threshold)
    if config.min_lifetime_days is not None:
        passed &= old_enough(periods, rows, config.min_lifetime_days)
    columns = np.flatnonzero(passed.any(axis=0))
    return SignalContext(periods=periods, rows=rows, columns=columns, eligible=passed.take(columns, axis=1))


def priced(periods: PeriodPanel, rows: IntArray) -> BoolArray:
    """(K, N) assets with a price in the formation period."""
    return np.isfinite(periods.fields[PRICE][_block(rows)])


def large_enough(periods: PeriodPanel, rows: IntArray, threshold: float) -> BoolArray:
    """(K, N) assets whose market cap exceeds the threshold, USD."""
    return np.asarray(periods.fields[MARKET_CAP][_block(rows)] > threshold)


def liquid_enough(periods: PeriodPanel, rows: IntArray, threshold: float) -> BoolArray:
    """(K, N) assets whose volume exceeds the threshold, USD per 7 days scaled to each period's length."""
    scaled = threshold * periods.grid.nominal_days[_block(rows)] / DAYS_PER_WEEK
    return np.asarray(periods.fields[VOLUME][_block(rows)] > scaled[:, None])


def old_enough(periods: PeriodPanel, rows: IntArray, min_lifetime_days: int) -> BoolArray:
    """(K, N) assets whose first price lies at least that many days before the end of the period held."""
    # calendar arithmetic: the end of t is known at t-1; NaT compares false
    youngest_first_price = ends_of_held(periods.grid, rows) - np.timedelta64(min_lifetime_days, "D")
    return np.asarray(periods.first_price_dates[None, :] <= youngest_first_price[:, None])


def in_universe(periods: PeriodPanel, rows: IntArray, config: FactorConfig) -> BoolArray:
    """(N,) assets that `universe` allows and `exclude` does not name; (K, N) where they name an attribute
    that changes, by what it was at the end of the formation period."""
    panel = periods.panel
    allowed = np.ones(len(panel.assets), dtype=np.bool_)
    if config.universe is not None:
        allowed = allowed & _selected(periods, rows, config.universe)
    if config.exclude:
        allowed = allowed & ~_selected(periods, rows, config.exclude)
    return allowed


def _selected(periods: PeriodPanel, rows: IntArray, selectors: Collection[str]) -> BoolArray:
    panel = periods.panel
    ids = set(selectors)
    selected = np.fromiter((asset in ids for asset in panel.assets), np.bool_, len(panel.assets))
    for selector in sorted(ids.difference(panel.assets)):
        parts = split_selector(selector)
        if parts is None or parts[0] not in panel.attributes:
            continue
        name, value = parts
        if name in panel.attribute_changes:
            ends = periods.grid.ends[_block(rows)]
            selected = selected | _had(panel.attribute_changes[name], value, ends)
        else:
            selected = selected | np.fromiter((own == value for own in panel.attributes[name]), np.bool_)
    return selected


def _had(histories: Sequence[Sequence[DatedValue]], value: str, days: DateArray) -> BoolArray:
    """(K, N) whether each asset had the value on each of the ascending days (K,)."""
    had = np.zeros((len(days), len(histories)), dtype=np.bool_)
    for column, history in enumerate(histories):
        for change in history:
            had[np.searchsorted(days, np.datetime64(change.since, "D")) :, column] = change.value == value
    return had


def _block(rows: IntArray) -> slice:
    return slice(rows[0], rows[-1] + 1)


def require_selectors(
    config: FactorConfig, assets: Collection[str], attributes: Mapping[str, Collection[str | None]]
) -> None:
    """Check that `exclude` and `universe` name assets or attribute values that exist; else InvalidConfig."""
    known = set(assets)
    faults = []
    for name in ("exclude", "universe"):
        unknown = [item for item in getattr(config, name) or () if not _is_known(item, known, attributes)]
        if unknown:
            shown = ", ".join(repr(item) for item in unknown[:5]) + (", ..." if len(unknown) > 5 else "")
            message = f"{name} names no asset or attribute=value of the dataset: {shown}"
            faults.append(ConfigFault(name, "UNKNOWN_ASSET", message))
    if faults:
        raise InvalidConfig(tuple(faults))


def split_selector(selector: str) -> tuple[str, str] | None:
    """`attribute=value` as its two parts, None for an asset id."""
    attribute, separator, value = selector.partition("=")
    return (attribute.strip(), value.strip()) if separator else None


def _is_known(
    selector: str, assets: Collection[str], attributes: Mapping[str, Collection[str | None]]
) -> bool:
    parts = split_selector(selector)
    if selector in assets or parts is None:
        return selector in assets
    return parts[1] in attributes.get(parts[0], ())
