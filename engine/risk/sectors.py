"""The sectors of a panel's assets as the codes that regressions read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.panel import DatedValue, Panel


@dataclass(frozen=True, slots=True, kw_only=True)
class Sectors:
    """codes: (N,), or (T, N) as known at the end of each panel row: index into `names`, -1 = unknown."""

    codes: NDArray[np.integer]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.codes.size and not -1 <= self.codes.min() <= self.codes.max() < len(self.names):
            raise ValueError(f"sector codes run from -1 to {len(self.names) - 1}")


def sectors_of(panel: Panel, attribute: str = "sector") -> Sectors:
    """Sectors by an attribute of the assets, in the order of their names; a panel without it has none.

    Where the attribute's history is known (Panel.attribute_changes), the codes are those known at the end of
    each row, and the sector is unknown before its first day; there is one sector for each name that any row
    knows. Else an attribute is one value an asset, today's: where sectors changed, it knows more than was
    known.
    """
    if attribute in panel.attribute_changes:
        return _sectors_over_time(panel, panel.attribute_changes[attribute])
    labels = panel.attributes.get(attribute, (None,) * len(panel.assets))
    names = _names(labels)
    code_of = _codes(names)
    codes = np.array([code_of[label] for label in labels], dtype=np.int32)
    return Sectors(codes=codes, names=names)


def _sectors_over_time(panel: Panel, histories: Sequence[Sequence[DatedValue]]) -> Sectors:
    rows = len(panel.dates)
    changes: dict[int, dict[int, str | None]] = {}
    for column, history in enumerate(histories):
        days = np.array([change.since for change in history], dtype="datetime64[D]")
        for row, change in zip(np.searchsorted(panel.dates, days).tolist(), history, strict=True):
            if row < rows:  # of several between two rows the last one stays
                changes.setdefault(row, {})[column] = change.value
    names = _names(label for labels in changes.values() for label in labels.values())
    code_of = _codes(names)
    current = np.full(len(panel.assets), code_of[None], dtype=np.int32)
    codes = np.empty((rows, len(panel.assets)), dtype=np.int32)
    for first, stop in pairwise([0, *sorted(changes.keys() - {0}), rows]):
        for column, label in changes.get(first, {}).items():
            current[column] = code_of[label]
        codes[first:stop] = current
    return Sectors(codes=codes, names=names)


def _names(labels: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({label for label in labels if label is not None}))


def _codes(names: Sequence[str]) -> dict[str | None, int]:
    return {None: -1, **{name: code for code, name in enumerate(names)}}
