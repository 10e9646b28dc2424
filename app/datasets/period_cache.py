"""Aggregated panels kept on disk, since aggregating costs more than most computations on the result.

Imported by the processes that compute, so it needs numpy and the engine only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.datasets.array_folder import (
    ArrayFolder,
    DamagedFolder,
    read_array_folder,
    write_array_folder,
)
from app.folders import remove_folder, stale_temporaries
from engine import ENGINE_VERSION
from engine.panel import PRICE, Panel
from engine.periods import PeriodPanel, Rebalance, build_periods, period_grid

FORMAT: Final = 2
_FIRST_PRICES: Final = "first_price_dates"
_FIELD_PREFIX: Final = "field:"


def open_periods(panel: Panel, fingerprint: str, rebalance: Rebalance, cache_dir: Path) -> PeriodPanel:
    """The panel on a grid with all its fields, memory-mapped if it was kept, else built and kept.

    panel: as opened from the snapshot `fingerprint`. Not being able to keep it is no error.
    """
    folder = periods_dir(cache_dir) / _entry_name(fingerprint, rebalance)
    try:
        return _from_folder(panel, rebalance, read_array_folder(folder))
    except DamagedFolder:
        with suppress(OSError):
            remove_folder(folder)
    periods = build_periods(panel, rebalance)
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


def _from_folder(panel: Panel, rebalance: Rebalance, content: ArrayFolder) -> PeriodPanel:
    grid = period_grid(panel, rebalance)
    arrays = dict(content.arrays)
    first_prices = arrays.pop(_FIRST_PRICES, None)
    fields = {name.removeprefix(_FIELD_PREFIX): values for name, values in arrays.items()}
    shape = (len(grid), len(panel.assets))
    if (
        first_prices is None
        or first_prices.shape != shape[1:]
        or fields.keys() != panel.fields.keys()
        or any(values.shape != shape for values in fields.values())
    ):
        raise DamagedFolder("it does not fit the panel")
    return PeriodPanel(
        panel=panel,
        grid=grid,
        fields=fields,
        first_price_dates=np.asarray(first_prices),
        execution_prices=fields[PRICE],
        executed_rows=len(grid),
    )
