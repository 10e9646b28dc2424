"""What every style can be told: the options that styles share, checked when a config is made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from engine.config import Config, option

MIN_SHARE = 0.5
"""Of a window, days that must be observed: with fewer, a score would speak of other days than its peers'."""
HALF_LIFE_TEXT = "Rows of the dataset after which a return counts half"
WINDOW_TEXT = "Rows of the dataset in the window"


def min_share_option() -> Any:
    """Declare the share of a window that must be observed."""
    return option(MIN_SHARE, 0.01, 1.0, "Of the window's rows, the share that must be observed")


class StyleName(StrEnum):
    MOMENTUM = "MOMENTUM"
    SIZE = "SIZE"
    VALUE = "VALUE"
    BETA = "BETA"
    RESIDUAL_VOLATILITY = "RESIDUAL_VOLATILITY"
    LIQUIDITY = "LIQUIDITY"
    REVERSAL = "REVERSAL"
    USER = "USER"


class Centering(StrEnum):
    """Whose score is 0: the cap-weighted portfolio's, or the plain mean's (as in toraniko)."""

    CAP_WEIGHTED = "CAP_WEIGHTED"
    EQUAL_WEIGHTED = "EQUAL_WEIGHTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleConfig(Config):
    """Options shared by all styles."""

    style: ClassVar[StyleName]

    winsor: float = option(
        0.01, 0.0, 0.25, "Share of the assets on each side whose raw scores are clipped, on each date"
    )

    @property
    def label(self) -> str:
        """The style's name among the factors of a model."""
        return str(self.style.value)

    @property
    def history_rows(self) -> int:
        """Rows of ScoreInputs before a date that its score looks at, beside the date's own."""
        return 0

    @property
    def required_fields(self) -> tuple[str, ...]:
        """Panel fields without which the style has no score, beside prices and market caps."""
        return ()
