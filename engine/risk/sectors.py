"""The sectors of a panel's assets as the codes that regressions read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.panel import Panel


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

    An attribute is one value an asset, today's: where sectors changed, it knows more than was known.
    """
    labels = panel.attributes.get(attribute, (None,) * len(panel.assets))
    names = tuple(sorted({label for label in labels if label is not None}))
    code_of: dict[str | None, int] = {name: code for code, name in enumerate(names)}
    codes = np.array([code_of.get(label, -1) for label in labels], dtype=np.int32)
    return Sectors(codes=codes, names=names)
