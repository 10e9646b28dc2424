"""What every style can be told: the options that styles share, checked when a config is made."""

from __future__ import annotations

from dataclasses import Field, dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar

from engine.errors import ConfigFault, InvalidConfig
from engine.factors.config import option

MIN_SHARE = 0.5
"""Of a window, days that must be observed: with fewer, a score would speak of other days than its peers'."""


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
class StyleConfig:
    """Options shared by all styles. Construction validates and raises InvalidConfig with every fault.

    winsor: share of the assets on each side whose raw scores are clipped, on each date.
    """

    style: ClassVar[StyleName]

    winsor: float = option(0.01, low=0.0, high=0.25)

    def __post_init__(self) -> None:
        faults = [fault for item in fields(self) if (fault := self._range_fault(item)) is not None]
        faults += self._cross_faults()
        if faults:
            raise InvalidConfig(tuple(faults))

    def _range_fault(self, item: Field[Any]) -> ConfigFault | None:
        low, high = item.metadata.get("low"), item.metadata.get("high")
        value = getattr(self, item.name)
        if value is None or low is None or high is None or low <= value <= high:
            return None
        message = f"{item.name} must be from {low:g} to {high:g}, not {value!r}"
        return ConfigFault(item.name, "OUT_OF_RANGE", message)

    def _cross_faults(self) -> list[ConfigFault]:
        """Faults beyond ranges; styles add their own."""
        return []

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
