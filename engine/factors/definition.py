"""What a factor is: a name, words for people, the fields it reads and how its signal is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.factors.config import FactorConfig, LongSide
from engine.panel import PRICE, FloatArray
from engine.periods import PeriodPanel


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalContext:
    """What a signal may look at: the aggregated panel up to each formation row, and who passed the filters.

    rows: (K,) int64, consecutive grid rows t-1 at whose ends portfolios are formed.
    columns: (C,) int64, ascending, the panel's assets that pass the filters in at least one of these rows.
    eligible: (K, C) bool, assets that pass every filter but the signal's own.
    """

    periods: PeriodPanel
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    eligible: NDArray[np.bool_]

    def field(self, name: str, lag: int = 0) -> FloatArray:
        """(K, C) values of a field `lag` periods before formation; NaN before the grid begins."""
        return self._grid_rows(name, int(self.rows[0]) - lag, int(self.rows[-1]) + 1 - lag)

    def period_returns(self, count: int) -> tuple[FloatArray, ...]:
        """(K, C) simple returns of each of the last `count` periods before formation, newest first.

        NaN unless both prices exist.
        """
        prices = self._grid_rows(PRICE, int(self.rows[0]) - count, int(self.rows[-1]) + 1)
        returns = prices[1:] / prices[:-1] - 1.0
        return tuple(returns[start : start + len(self.rows)] for start in reversed(range(count)))

    def _grid_rows(self, name: str, start: int, stop: int) -> FloatArray:
        """(stop - start, C) values of a field; NaN in rows before the grid begins."""
        known = self.periods.fields[name][max(start, 0) : max(stop, 0)].take(self.columns, axis=1)
        if start >= 0:
            return known
        unknown = np.full((min(stop, 0) - start, len(self.columns)), np.nan)
        return np.concatenate([unknown, known])


SignalFunction = Callable[[SignalContext, Any], FloatArray]
"""(context, the factor's own config) -> (K, C) signal, NaN = no signal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorDefinition:
    """A factor model. `required_fields` are those of its default options (see `needed_fields`),
    `optional_fields` are used where present.

    cross_sectional: an asset's signal depends on which others are eligible.
    """

    title: str
    description: str
    signal: str
    required_fields: tuple[str, ...]
    config_type: type[FactorConfig]
    compute_signal: SignalFunction
    long_side: LongSide
    optional_fields: tuple[str, ...] = ()
    long_only: bool = False
    cross_sectional: bool = False

    @property
    def name(self) -> str:
        return self.config_type.factor
