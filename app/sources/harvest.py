"""What a source brings in, asset by asset, and what was lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from app.sources.errors import SourceIncomplete


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRequest:
    """start, end: first and last day (UTC), both included. assets: the caller's words for what is wanted,
    None for all that the source recommends."""

    start: date
    end: date
    assets: tuple[str, ...] | None = None


class LossCode(StrEnum):
    """Why an asset is not in the dataset."""

    UNKNOWN_ASSET = "UNKNOWN_ASSET"
    AMBIGUOUS_ASSET = "AMBIGUOUS_ASSET"
    STABLECOIN = "STABLECOIN"
    EQUITY = "EQUITY"
    NO_DATA = "NO_DATA"
    NO_COUNTERPART = "NO_COUNTERPART"
    OTHER_CURRENCY = "OTHER_CURRENCY"
    REQUEST_FAILED = "REQUEST_FAILED"
    MALFORMED = "MALFORMED"

    @property
    def is_failure(self) -> bool:
        """Whether the vendor is to blame, rather than the asset."""
        return self in (LossCode.REQUEST_FAILED, LossCode.MALFORMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class LostAsset:
    """`reason` is in words, for users."""

    asset: str
    code: LossCode
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSeries:
    """One asset's daily data.

    days: (n,) int32 since 1970-01-01, ascending, unique. values: field -> (n,) float64, NaN = missing; as
    the vendor has them, not yet judged. attributes: what is known of the asset itself, such as `symbol`.
    merged, contradicted: points that repeated another one exactly, and days left out of a field because two
    points of it differ.
    """

    asset: str
    days: NDArray[np.int32]
    values: Mapping[str, NDArray[np.float64]]
    attributes: Mapping[str, str] = field(default_factory=dict)
    merged: int = 0
    contradicted: int = 0


class Harvest:
    """Filled by a source, asset by asset; `on_change` is called after each."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self.series: dict[str, AssetSeries] = {}
        self.lost: dict[str, LostAsset] = {}
        self.notes: list[str] = []
        self.expected = 0
        self._failed: set[str] = set()
        self._last_failure = ""
        self._on_change = on_change

    def expect(self, assets: int) -> None:
        """So many (more) assets will be added or lost."""
        self.expected += assets
        self._on_change()

    def add(self, series: AssetSeries) -> None:
        self.series[series.asset] = series
        self._on_change()

    def lose(self, asset: str, code: LossCode, reason: str) -> None:
        """Raises SourceIncomplete as soon as the vendor has failed for more than half of the assets that it
        could have had: those lost for another reason than a failure do not count."""
        self.lost[asset] = LostAsset(asset=asset, code=code, reason=reason)
        if code.is_failure:
            self._failed.add(asset)
            self._last_failure = f"{asset}: {reason}"
        self._on_change()
        to_be_had = self.expected - (len(self.lost) - len(self._failed))
        if 2 * len(self._failed) > max(to_be_had, 0):
            raise SourceIncomplete(
                f"{len(self._failed)} of {to_be_had} assets could not be fetched, too many for a dataset; "
                f"the last one, {self._last_failure}"
            )

    def note(self, text: str) -> None:
        """A remark for the quality report."""
        if text not in self.notes:
            self.notes.append(text)

    @property
    def done(self) -> int:
        """Assets added or lost so far."""
        return len(self.series) + len(self.lost)
