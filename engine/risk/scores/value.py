"""Value: what a market cap buys of book equity, sales and cash flow (Rosenberg, Reid and Lanstein 1985,
doi:10.3905/jpm.1985.409007; Lakonishok, Shleifer and Vishny 1994, doi:10.1111/j.1540-6261.1994.tb04772.x)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.config import option
from engine.errors import ConfigFault, MissingField
from engine.panel import BOOK_VALUE, FloatArray
from engine.risk.cross_section import Standardized, standardized
from engine.risk.scores.config import StyleConfig, StyleName
from engine.risk.scores.inputs import CASH_FLOW, SALES, ScoreContext
from engine.risk.scores.logarithm import log_of_positive


class ValueMeasure(StrEnum):
    """What the fields hold: totals in USD, to be divided by the market cap, or ratios to the price."""

    TOTALS = "TOTALS"
    RATIOS = "RATIOS"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueConfig(StyleConfig):
    """Of the named fields those that the panel lacks are left out. `winsor` is of each ratio, not of their
    mean."""

    style = StyleName.VALUE

    book: str | None = option(BOOK_VALUE, text="The field of book equity", null="not used")
    sales: str | None = option(SALES, text="The field of sales", null="not used")
    cash_flow: str | None = option(CASH_FLOW, text="The field of cash flow", null="not used")
    measure: ValueMeasure = option(ValueMeasure.TOTALS, text="What these fields hold")

    def _cross_faults(self) -> list[ConfigFault]:
        if self.candidate_fields:
            return []
        return [ConfigFault("book", "EMPTY", "value needs book, sales or cash_flow")]

    @property
    def candidate_fields(self) -> tuple[str, ...]:
        """The fields that are used where the panel has them; one of them is needed."""
        return tuple(name for name in (self.book, self.sales, self.cash_flow) if name is not None)


def raw_ratio(totals: FloatArray, caps: FloatArray) -> FloatArray:
    """(T, N) totals in USD over market caps in USD; NaN where the cap is not above 0 or either is unknown."""
    return np.asarray(np.divide(totals, caps, out=np.full(caps.shape, np.nan), where=caps > 0))


def value_scores(context: ScoreContext, config: ValueConfig) -> Standardized:
    """The standardised mean of the scores that exist of ln book/price, ln sales/price and cash-flow/price,
    each standardised by itself. Of book and sales, 0 or below is missing; a cash flow may be negative.

    Raises MissingField where the panel has none of them.
    """
    components = [(config.book, True), (config.sales, True), (config.cash_flow, False)]
    present = [(name, logged) for name, logged in components if name in context.inputs.fields]
    if not present:
        raise MissingField(config.candidate_fields[0], "style VALUE")

    def of_dates(rows: slice) -> Standardized:
        components = [_component(context, config, rows, str(name), logged) for name, logged in present]
        known = [np.isfinite(scores) for scores in components]
        count = np.sum(known, axis=0, dtype=np.int8)
        total = np.zeros(count.shape)
        for scores, which in zip(components, known, strict=True):
            np.add(total, scores, out=total, where=which)
        mean = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
        return standardized(mean, context.weights(rows))

    return context.by_dates(of_dates)


def _component(
    context: ScoreContext, config: ValueConfig, rows: slice, name: str, logged: bool
) -> FloatArray:
    """(t, N) standardised scores of one ratio in some rows, winsorised before its logarithm is taken."""
    ratio = context.inputs.fields[name][rows]
    if config.measure is ValueMeasure.TOTALS:
        ratio = raw_ratio(ratio, context.inputs.caps[rows])
    if not logged:
        return context.standard(rows, ratio, config.winsor).values
    positive = np.where(ratio > 0, ratio, np.nan)
    return context.standard(rows, log_of_positive(context.clipped(rows, positive, config.winsor)), 0.0).values
