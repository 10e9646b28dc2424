"""What the readers of all file formats yield: chunks of rows with their place in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.datasets.quality import RefusedRow

MAX_TEXT_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Consecutive rows, not yet judged.

    lines: (n,) where each row stands in the file, ascending.
    columns: column number -> n values, as the file's format types them; text where a CSV cell is no number.
    malformed: rows between these that have too few or too many columns.
    """

    lines: NDArray[np.int64]
    columns: Mapping[int, pa.Array]
    malformed: tuple[RefusedRow, ...] = ()


class RowSource(Protocol):
    """An opened file. `unit` is what its line numbers count: "line" or "row"."""

    names: tuple[str, ...]
    unit: str

    def chunks(self, wanted: Set[int], *, text_columns: Set[int]) -> Iterator[Chunk]:
        """The rows in the file's order, once. A column taken out of `wanted` meanwhile is not read on.

        text_columns: those of `wanted` whose values stay as they are, dates and ids for instance.
        Raises InvalidFile, LimitExceeded.
        """
        ...

    def fraction_read(self) -> float:
        """How much of the file has been read, 0 to 1."""
        ...


def shown(text: str) -> str:
    """A cell's text as it may stand in a one-line message."""
    return repr(text if len(text) <= MAX_TEXT_SHOWN else text[:MAX_TEXT_SHOWN] + "...")
