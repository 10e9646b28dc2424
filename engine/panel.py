"""A panel of market data: dates by assets, one dense array a field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
DateArray = NDArray[np.datetime64]

PRICE = "price"
MARKET_CAP = "market_cap"
VOLUME = "volume"
FEES = "fees"
DAU = "dau"
REVENUE = "revenue"
SHARES = "shares"
BOOK_VALUE = "book_value"
CLOSE = "close"

SUMMED_FIELDS = frozenset({VOLUME, FEES, REVENUE})
"""Flows: a period's value is the sum of its days."""
AVERAGED_FIELDS = frozenset({DAU})
"""Counts of distinct users: days cannot be added, so a period's value is their mean."""

AS_OF_FIELDS = frozenset({SHARES, BOOK_VALUE})
"""Figures published now and then, dated by the day on which they became public: shares outstanding, and total
book equity. A period's value is the last one known at its end, not older than MAX_AGE_DAYS."""
MAX_AGE_DAYS = 400
"""A year and the weeks by which an annual report may be late; a figure not renewed by then is missing."""

PUBLISHED_FIELDS = frozenset({FEES, DAU, REVENUE, SHARES, BOOK_VALUE})
"""Figures that somebody counts and publishes; prices, caps and volumes are seen at once."""


class Calendar(StrEnum):
    """Which dates are rows: every calendar day (crypto), or the sessions that were observed (equities)."""

    EVERY_DAY = "EVERY_DAY"
    OBSERVED = "OBSERVED"

    @property
    def days_per_year(self) -> int:
        """Rows a year, for annualising daily figures."""
        return 365 if self is Calendar.EVERY_DAY else 252


SINCE_EVER: Final = date.min
"""The `since` of a value that held before the first change that is known."""


class DatedValue(NamedTuple):
    """What an attribute is from the day `since` on, until the next one's; None = unknown from then on."""

    since: date
    value: str | None


def value_on(history: tuple[DatedValue, ...], day: date) -> str | None:
    """What the attribute of this history was on a day; None where it was unknown, as before the first."""
    return next((value for since, value in reversed(history) if since <= day), None)


class FieldsOnDemand(Mapping[str, FloatArray]):
    """Fields by name, each opened when it is first asked for: what nobody needs is not read.

    shapes: (T, N) of each. open_field: returns the field of a name, (T, N) float64. Asking for a field raises
    what open_field raises.
    """

    def __init__(
        self, shapes: Mapping[str, tuple[int, ...]], open_field: Callable[[str], FloatArray]
    ) -> None:
        self.shapes = shapes
        self._open = open_field
        self._opened: dict[str, FloatArray] = {}

    def __getitem__(self, name: str) -> FloatArray:
        if name not in self.shapes:
            raise KeyError(name)
        if name not in self._opened:
            self._opened[name] = self._open(name)
        return self._opened[name]

    def __contains__(self, name: object) -> bool:
        return name in self.shapes

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Market data as arrays. NaN means missing; money is in USD, flows are per day.

    dates: (T,) datetime64[D], strictly increasing; consecutive calendar days under EVERY_DAY.
    assets: (N,) ids, sorted ascending, unique.
    fields: name -> (T, N) float64. A field that is all NaN is absent. `price` may be adjusted for splits and
    dividends, `close` is the price as it was traded; shares are a number, book values totals in USD.
    attributes: name -> (N,) values as known at the last date, None where unknown.
    attribute_changes: name -> (N,) histories, by ascending day, of those attributes that changed or became
    known on some day; assets of which nothing is known have an empty one. What an attribute was on an earlier
    day stands here alone.
    """

    dates: DateArray
    assets: tuple[str, ...]
    fields: Mapping[str, FloatArray]
    calendar: Calendar
    attributes: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    attribute_changes: Mapping[str, tuple[tuple[DatedValue, ...], ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (len(self.dates), len(self.assets))
        for name, found in _shapes(self.fields).items():
            if found != shape:
                raise ValueError(f"field {name!r} has shape {found}, the panel is {shape}")
        if len(self.dates) > 1 and not (self.dates[1:] > self.dates[:-1]).all():
            raise ValueError("dates must be strictly increasing")
        every_day = self.calendar is Calendar.EVERY_DAY and len(self.dates) > 1
        if every_day and int((self.dates[-1] - self.dates[0]).astype(int)) != len(self.dates) - 1:
            raise ValueError("an EVERY_DAY panel has a row for each calendar day")
        if any(left >= right for left, right in zip(self.assets, self.assets[1:], strict=False)):
            raise ValueError("assets must be sorted and unique")
        for name, histories in self.attribute_changes.items():
            self._check_changes(name, histories)

    def _check_changes(self, name: str, histories: tuple[tuple[DatedValue, ...], ...]) -> None:
        latest = self.attributes.get(name)
        if latest is None or not len(latest) == len(histories) == len(self.assets):
            raise ValueError(f"the changes of {name!r} need an attribute of that name, one history an asset")
        for history in histories:
            if any(left.since >= right.since for left, right in pairwise(history)):
                raise ValueError(f"the changes of {name!r} must be strictly ascending by day")
        if len(self.dates):
            last = self.dates[-1].astype("datetime64[D]").item()
            if any(value_on(own, last) != value for own, value in zip(histories, latest, strict=True)):
                raise ValueError(f"the attribute {name!r} is not what its changes make it at the last date")


def _shapes(fields: Mapping[str, FloatArray]) -> Mapping[str, tuple[int, ...]]:
    if isinstance(fields, FieldsOnDemand):
        return fields.shapes
    return {name: values.shape for name, values in fields.items()}
