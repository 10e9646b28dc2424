"""What a factor is: a name, words for people, the fields it reads and how its signal is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.factors.config import FactorConfig, FactorName, LongSide
from engine.panel import PRICE, FloatArray
from engine.periods import PeriodPanel


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalContext:
    """What a signal may look at: the aggregated panel up to each formation row, and who passed the filters.

    rows: (K,) int64, the grid rows t-1 at whose ends portfolios are formed.
    eligible: (K, N) bool, assets that pass every filter but the signal's own.
    """

    periods: PeriodPanel
    rows: NDArray[np.int64]
    eligible: NDArray[np.bool_]

    def field(self, name: str, lag: int = 0) -> FloatArray:
        """(K, N) values of a field `lag` periods before formation; NaN before the grid begins."""
        values = self.periods.fields[name]
        rows = self.rows - lag
        if len(rows) and rows[0] >= 0:
            return values[rows[0] : rows[-1] + 1]
        out = np.full((len(rows), values.shape[1]), np.nan)
        known = rows >= 0
        out[known] = values[rows[known]]
        return out

    def period_return(self, lag: int = 0) -> FloatArray:
        """(K, N) simple return of the period `lag` periods before formation, NaN unless both prices exist."""
        return np.asarray(self.field(PRICE, lag) / self.field(PRICE, lag + 1) - 1.0)


SignalFunction = Callable[[SignalContext, Any], FloatArray]
"""(context, the factor's own config) -> (K, N) signal, NaN = no signal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorDefinition:
    """A factor model. `required_fields` are always needed, `optional_fields` are used where present."""

    name: FactorName
    title: str
    description: str
    signal: str
    required_fields: tuple[str, ...]
    config_type: type[FactorConfig]
    compute_signal: SignalFunction
    long_side: LongSide
    optional_fields: tuple[str, ...] = ()
    long_only: bool = False
