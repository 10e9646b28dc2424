"""The points of a sweep page by page: a table that never changes, so a cursor is a place in it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.features.sweeps.results import SweepResults
from db.errors import InvalidCursor
from db.pages import Page
from db.runs.read import SortDirection
from engine.sweeps.sweep import SPAN_SHARPE

_DIGEST_BYTES = 9
_PLACE_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PointOrder:
    """By a metric, undefined values last in either direction, ties by number."""

    metric: str = SPAN_SHARPE
    direction: SortDirection = SortDirection.DESC


@dataclass(frozen=True, slots=True, kw_only=True)
class PointList:
    """Some points of one sweep in an order. sweep: what no other sweep has. failed: None = all points."""

    sweep: str
    order: PointOrder
    failed: bool | None = None

    def numbers(self, results: SweepResults) -> NDArray[np.int64]:
        """(n,) of the points, in their order."""
        values = results.metrics[self.order.metric]
        # a stable sort puts NaN last either way, and leaves ties in the order of their numbers
        order = np.argsort(-values if self.order.direction is SortDirection.DESC else values, kind="stable")
        if self.failed is None:
            return order
        return order[(results.failure_kinds[order] >= 0) == self.failed]

    def page(self, results: SweepResults, *, first: int, after: str | None) -> Page[int]:
        """Numbers of points. Errors: InvalidCursor, also for a cursor of another sweep, order or filter."""
        numbers = self.numbers(results)
        start = 0 if after is None else self._place(after)
        stop = min(start + first, len(numbers))
        return Page(
            items=tuple(numbers[start:stop].tolist()),
            cursors=tuple(self._cursor(place + 1) for place in range(start, stop)),
            has_next_page=stop < len(numbers),
        )

    def _cursor(self, place: int) -> str:
        content = place.to_bytes(_PLACE_BYTES, "big")
        return base64.urlsafe_b64encode(self._digest(content) + content).rstrip(b"=").decode()

    def _place(self, cursor: str) -> int:
        try:
            text = cursor.encode("ascii")
            packed = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raise InvalidCursor from None
        digest, content = packed[:_DIGEST_BYTES], packed[_DIGEST_BYTES:]
        if len(content) != _PLACE_BYTES or digest != self._digest(content):
            raise InvalidCursor
        return int.from_bytes(content, "big")

    def _digest(self, content: bytes) -> bytes:
        scope = f"points of {self.sweep} {self.failed} {self.order.metric} {self.order.direction}".encode()
        return hashlib.blake2b(scope + b"\0" + content, digest_size=_DIGEST_BYTES).digest()
