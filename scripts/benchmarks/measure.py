"""Timing and tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Table:
    """`note` says what the columns mean and what was measured on."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def text(self) -> str:
        widths = [max(len(row[i]) for row in (self.columns, *self.rows)) for i in range(len(self.columns))]
        lines = [self.title, self.note] if self.note else [self.title]
        for row in (self.columns, *self.rows):
            first, *others = row
            cells = [first.ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    def plain(self) -> dict[str, object]:
        return asdict(self)


def best_of(work: Callable[[], T], repetitions: int) -> tuple[float, T]:
    """(least seconds of the repetitions, last result): the least is what the machine's noise spoils least."""
    least = float("inf")
    for _ in range(repetitions):
        start = time.perf_counter()
        result = work()
        least = min(least, time.perf_counter() - start)
    return least, result


def quantile(sorted_seconds: Sequence[float], share: float) -> float:
    return sorted_seconds[min(len(sorted_seconds) - 1, int(share * len(sorted_seconds)))]


def milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:,.1f} ms"
