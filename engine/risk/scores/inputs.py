"""What scores are computed from, and what one computation shares between styles."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from engine.errors import MissingField
from engine.panel import AS_OF_FIELDS, MARKET_CAP, PRICE, FloatArray, Panel
from engine.periods import as_of_field
from engine.risk.cross_section import BoolArray, Standardized, row_blocks, standardized, winsorized
from engine.risk.scores.config import Centering, StyleConfig
from engine.risk.scores.market_model import MarketModel

Config = TypeVar("Config", bound=StyleConfig)

SALES = "sales"
CASH_FLOW = "cash_flow"
CARRIED_FIELDS = AS_OF_FIELDS | {SALES, CASH_FLOW}
"""Figures that are published now and then: a date sees the last one (see engine.periods.as_of_field)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreInputs:
    """A panel as the styles read it. All arrays are (T, N); row t is what is known at the end of date t.

    returns: P[t] / P[t-1] - 1 of consecutive rows, NaN unless both prices exist.
    caps: USD, NaN unless finite and above 0.
    covered: whether the asset has a price: these have a score, others none.
    fields: name -> values in the panel's units, published figures as the last known.
    risk_free: (T,) return a day, or None for 0.
    """

    returns: FloatArray
    caps: FloatArray
    covered: BoolArray
    fields: Mapping[str, FloatArray]
    risk_free: FloatArray | None = None

    def __post_init__(self) -> None:
        arrays = {"caps": self.caps, "covered": self.covered, **self.fields}
        for name, values in arrays.items():
            if values.shape != self.returns.shape:
                raise ValueError(f"{name} has shape {values.shape}, the returns {self.returns.shape}")
        if self.risk_free is not None and self.risk_free.shape != self.returns.shape[:1]:
            raise ValueError(f"{len(self.risk_free)} risk-free returns for {len(self.returns)} dates")

    def rows(self, rows: slice) -> ScoreInputs:
        """The same for some dates only. Scores then see no earlier ones."""
        return ScoreInputs(
            returns=self.returns[rows],
            caps=self.caps[rows],
            covered=self.covered[rows],
            fields={name: values[rows] for name, values in self.fields.items()},
            risk_free=None if self.risk_free is None else self.risk_free[rows],
        )


def score_inputs(
    panel: Panel, field_names: Collection[str] = (), *, risk_free: FloatArray | None = None
) -> ScoreInputs:
    """A panel's prices, caps and those of `field_names` that it has. Raises MissingField without prices or
    caps."""
    for name in (PRICE, MARKET_CAP):
        if name not in panel.fields:
            raise MissingField(name, "a risk model")
    prices, caps = panel.fields[PRICE], panel.fields[MARKET_CAP]
    covered, known_caps = np.empty(prices.shape, dtype=np.bool_), np.empty(prices.shape)
    returns = np.empty(prices.shape)
    before = np.full((1, prices.shape[1]), np.nan)
    for rows in row_blocks(prices.shape):
        covered[rows] = (prices[rows] > 0) & (prices[rows] < np.inf)
        known = np.concatenate([before, np.where(covered[rows], prices[rows], np.nan)])
        np.divide(known[1:], known[:-1], out=returns[rows])
        returns[rows] -= 1.0
        before = known[-1:]
        known_caps[rows] = np.where((caps[rows] > 0) & (caps[rows] < np.inf), caps[rows], np.nan)
    names = [name for name in dict.fromkeys(field_names) if name in panel.fields]
    return ScoreInputs(
        returns=returns,
        caps=known_caps,
        covered=covered,
        fields={
            name: as_of_field(panel, name, panel.dates) if name in CARRIED_FIELDS else panel.fields[name]
            for name in names
        },
        risk_free=risk_free,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreContext:
    """One computation of scores for the dates from `first_row` on; earlier rows are history.

    configs: of the styles that are asked for.
    universe: (T, N) assets whose mean and deviation standardise everybody's scores, or None for all.
    scored, market_models: what styles have in common, by its options.
    """

    inputs: ScoreInputs
    configs: tuple[StyleConfig, ...]
    centering: Centering
    universe: BoolArray | None = None
    first_row: int = 0
    scored: dict[StyleConfig, Standardized] = field(default_factory=dict)
    market_models: dict[tuple[float, int, int], MarketModel] = field(default_factory=dict)

    def requested(self, default: Config) -> Config:
        """The config of the same style that is asked for, else `default`."""
        return next((config for config in self.configs if isinstance(config, type(default))), default)

    def from_history(self, rows: int, raw: Callable[[slice], FloatArray]) -> FloatArray:
        """(T', N) `raw` of the dates, computed from the slice of them and of `rows` rows before: other styles
        may look back further."""
        start = max(0, self.first_row - rows)
        return raw(slice(start, None))[self.first_row - start :]

    def dates(self, rows: slice) -> slice:
        """Where some rows of the inputs are among the dates."""
        return slice(rows.start - self.first_row, rows.stop - self.first_row)

    def weights(self, rows: slice) -> FloatArray | None:
        """(t, N) weights of the assets in the mean score of some rows; None = all equally."""
        inside = None if self.universe is None else self.universe[rows]
        if self.centering is Centering.CAP_WEIGHTED:
            caps = self.inputs.caps[rows]
            return caps if inside is None else np.where(inside, caps, np.nan)
        return None if inside is None else inside.astype(np.float64)

    def clipped(self, rows: slice, raw: FloatArray, winsor: float) -> FloatArray:
        """(t, N) raw scores of some rows, winsorised; NaN where an asset has no price or the score is not
        finite."""
        values = np.where(self.inputs.covered[rows] & np.isfinite(raw), raw, np.nan)
        return winsorized(values, winsor) if winsor else values

    def standard(self, rows: slice, raw: FloatArray, winsor: float) -> Standardized:
        """The same, standardised."""
        return standardized(self.clipped(rows, raw, winsor), self.weights(rows))

    def by_dates(self, score: Callable[[slice], Standardized]) -> Standardized:
        """(T', N) scores of all dates from `first_row` on, T' of them, from those of the rows of a slice:
        whole arrays would leave the processor's cache at every step."""
        shape = (len(self.inputs.caps) - self.first_row, self.inputs.caps.shape[1])
        values, flat = np.empty(shape), np.empty(shape[0], dtype=np.bool_)
        for block in row_blocks(shape):
            scored = score(slice(block.start + self.first_row, block.stop + self.first_row))
            values[block], flat[block] = scored.values, scored.flat
        return Standardized(values=values, flat=flat)
