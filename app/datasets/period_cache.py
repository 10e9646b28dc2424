"""Aggregated panels kept on disk, since aggregating costs more than most computations on the result.

Imported by the processes that compute, so it needs numpy and the engine only.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from app.datasets.array_folder import (
    AbsentFolder,
    ArrayFolder,
    DamagedFolder,
    read_array_folder,
    write_array_folder,
)
from app.errors import DatasetDamaged
from app.storage.folders import remove_folder, stale_temporaries
from engine import ENGINE_VERSION
from engine.panel import PRICE, Panel
from engine.periods import PeriodPanel, Rebalance, build_periods, period_grid

log = logging.getLogger(__name__)

FORMAT: Final = 4
"""Of entries whose manifests have a hash."""
_FIRST_PRICES: Final = "first_price_dates"
_FIELD_PREFIX: Final = "field:"


def open_periods(
    panel: Panel,
    fingerprint: str,
    rebalance: Rebalance,
    cache_dir: Path,
    fields: Collection[str] | None = None,
) -> PeriodPanel:
    """Return the panel on a grid, memory-mapped if it was kept, else built and kept with all its fields.

    panel: as opened from the snapshot `fingerprint`. fields: those that the caller reads besides prices, and
    so those that are checked; None = all. What is damaged is built again, with a warning. Not being able to
    keep it is no error; nor is a damaged field that the caller does not read: nothing is kept then, with a
    warning. Raises what reading prices and `fields` of the panel raises.
    """
    folder = periods_dir(cache_dir) / _entry_name(fingerprint, rebalance)
    try:
        return _from_folder(panel, rebalance, read_array_folder(folder), fields)
    except AbsentFolder:
        pass
    except DamagedFolder as damage:
        log.warning(
            "the %s periods kept of dataset %s are damaged and are built again: %s",
            rebalance.lower(),
            fingerprint[:12],
            damage,
        )
        with suppress(OSError):
            remove_folder(folder)
    try:
        periods = build_periods(panel, rebalance)
    except DatasetDamaged as damage:
        if fields is None:
            raise
        periods = build_periods(panel, rebalance, fields)
        log.warning(
            "the %s periods of dataset %s are not kept: %s", rebalance.lower(), fingerprint[:12], damage
        )
        return periods
    with suppress(OSError):
        write_array_folder(folder, _arrays(periods), {"format": FORMAT})
    return periods


def periods_dir(cache_dir: Path) -> Path:
    """Where the entries are; all of it may be deleted at any time."""
    return cache_dir / "periods"


def stale_periods(cache_dir: Path, kept_fingerprints: Collection[str]) -> tuple[Path, ...]:
    """Entries of other datasets, engine versions or formats, and what killed writers left: to be deleted."""
    folder = periods_dir(cache_dir)
    if not folder.is_dir():
        return ()
    current = {
        _entry_name(fingerprint, rebalance) for fingerprint in kept_fingerprints for rebalance in Rebalance
    }
    entries = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    return (*(path for path in entries if path.name not in current), *stale_temporaries(folder))


def _entry_name(fingerprint: str, rebalance: Rebalance) -> str:
    return f"{fingerprint}-{rebalance.value.lower()}-engine{ENGINE_VERSION}-format{FORMAT}"


def _arrays(periods: PeriodPanel) -> Iterator[tuple[str, NDArray[Any]]]:
    yield _FIRST_PRICES, periods.first_price_dates
    for name, values in periods.fields.items():
        yield _FIELD_PREFIX + name, values


def _from_folder(
    panel: Panel, rebalance: Rebalance, content: ArrayFolder, wanted: Collection[str] | None
) -> PeriodPanel:
    grid = period_grid(panel, rebalance)
    shape = (len(grid), len(panel.assets))
    expected = {_FIRST_PRICES: shape[1:], **{_FIELD_PREFIX + name: shape for name in panel.fields}}
    if content.shapes != expected:
        raise DamagedFolder("it does not fit the panel")
    names = [name for name in panel.fields if wanted is None or name in wanted or name == PRICE]
    fields = {name: content.read(_FIELD_PREFIX + name) for name in names}
    return PeriodPanel(
        panel=panel,
        grid=grid,
        fields=fields,
        first_price_dates=content.read(_FIRST_PRICES),
        execution_prices=fields[PRICE],
        executed_rows=len(grid),
    )
