"""Value: market cap to a fundamental, the price that the market pays for income or for book equity."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.config import option
from engine.factors.config import LongShortConfig, LongSide
from engine.factors.definition import FactorDefinition, SignalContext
from engine.panel import BOOK_VALUE, FEES, MARKET_CAP, PRICE, FloatArray


class Fundamental(StrEnum):
    """What market caps are compared with."""

    FEES = "FEES"
    BOOK_VALUE = "BOOK_VALUE"

    @property
    def field(self) -> str:
        """The panel's field that holds it."""
        return {Fundamental.FEES: FEES, Fundamental.BOOK_VALUE: BOOK_VALUE}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueConfig(LongShortConfig):
    """With BOOK_VALUE, LOW buys high book-to-market and sells low, as Fama and French (1993,
    doi:10.1016/0304-405X(93)90023-5) do."""

    factor = "VALUE"

    long_side: LongSide = option(
        LongSide.HIGH,
        text="HIGH holds the expensive assets long (the historical direction), LOW the cheap ones (the "
        "academic direction), which negates gross returns",
    )
    fundamental: Fundamental = option(
        Fundamental.FEES,
        text="What market caps are compared with. With BOOK_VALUE, `long_side` LOW is long high "
        "book-to-market",
        before=Fundamental.FEES,
    )

    def signal_fields(self, required: tuple[str, ...], available: Collection[str]) -> dict[str, str]:
        reason = f"factor {self.factor.lower()} with fundamental {self.fundamental.lower()}"
        return dict.fromkeys((PRICE, MARKET_CAP, self.fundamental.field), reason)


def cap_to_fundamental_signal(context: SignalContext, config: ValueConfig) -> FloatArray:
    """Market cap over the fees of the period, or over the last book value; a divisor <= 0 is missing."""
    fundamental = context.field(config.fundamental.field)
    return np.asarray(context.field(MARKET_CAP) / np.where(fundamental > 0, fundamental, np.nan))


VALUE = FactorDefinition(
    title="Value (historical direction: long expensive)",
    description=(
        "Ranks assets by market cap to fees, or with fundamental BOOK_VALUE to book equity. By default it "
        "buys the HIGH ratios, that is the expensive assets, as the historical series did; longSide LOW is "
        "the academic direction (with BOOK_VALUE: long high book-to-market) and negates gross returns."
    ),
    signal="market cap / fees summed over the previous period, or / the last book value known at its end",
    required_fields=(PRICE, MARKET_CAP, FEES),
    config_type=ValueConfig,
    compute_signal=cap_to_fundamental_signal,
    long_side=LongSide.HIGH,
)
