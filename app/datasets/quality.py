"""The data-quality report: what a file held, what was refused, and what looks suspicious but was kept.

Its JSON shape, as stored with a dataset and shown to users:

    {"format": 1,
     "rows_read": 6, "rows_kept": 3, "rows_refused": 1, "rows_merged": 1, "rows_skipped": 1,
     "counts": [{"code": "NEGATIVE", "label": "...", "action": "REFUSED", "count": 1, "example": "..."}],
     "refused": [{"line": 4, "code": "NEGATIVE", "reason": "market_cap is negative: -1"}],
     "coverage": [{"field": "price", "observations": 3, "share": 1.0, "assets": 2,
                   "first_date": "2021-01-01", "last_date": "2021-01-02"}],
     "lost": [{"asset": "usdt", "code": "STABLECOIN", "reason": "..."}],
     "notes": ["..."]}

`counts` has no entry for what did not occur. `refused` stops at the first MAX_REFUSED_LISTED rows. `lost` is
of fetched data, and absent in reports written before there was any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

FORMAT: Final = 1
MAX_REFUSED_LISTED: Final = 100


class QualityAction(StrEnum):
    """What was done about what was counted."""

    REFUSED = "REFUSED"
    MERGED = "MERGED"
    SKIPPED = "SKIPPED"
    KEPT = "KEPT"


class QualityCode(StrEnum):
    """Kinds of findings."""

    WRONG_COLUMN_COUNT = "WRONG_COLUMN_COUNT"
    INVALID_ASSET = "INVALID_ASSET"
    NOT_A_NUMBER = "NOT_A_NUMBER"
    INFINITE = "INFINITE"
    NEGATIVE = "NEGATIVE"
    DUPLICATE = "DUPLICATE"
    EMPTY = "EMPTY"
    NON_POSITIVE_PRICE = "NON_POSITIVE_PRICE"
    EXTREME_MOVE = "EXTREME_MOVE"
    STALE_QUOTE = "STALE_QUOTE"
    GAP = "GAP"
    ZERO_VOLUME = "ZERO_VOLUME"
    ZERO_FEES = "ZERO_FEES"
    CAP_ENDS_EARLY = "CAP_ENDS_EARLY"
    CONTRADICTION = "CONTRADICTION"

    @property
    def action(self) -> QualityAction:
        return _ACTIONS.get(self, QualityAction.KEPT)

    @property
    def label(self) -> str:
        return _LABELS[self]


_ACTIONS: Final = {
    QualityCode.WRONG_COLUMN_COUNT: QualityAction.REFUSED,
    QualityCode.INVALID_ASSET: QualityAction.REFUSED,
    QualityCode.NOT_A_NUMBER: QualityAction.REFUSED,
    QualityCode.INFINITE: QualityAction.REFUSED,
    QualityCode.NEGATIVE: QualityAction.REFUSED,
    QualityCode.DUPLICATE: QualityAction.MERGED,
    QualityCode.EMPTY: QualityAction.SKIPPED,
    QualityCode.CONTRADICTION: QualityAction.REFUSED,
}
_LABELS: Final = {
    QualityCode.WRONG_COLUMN_COUNT: "rows with too few or too many columns",
    QualityCode.INVALID_ASSET: "rows whose asset id is empty, too long or unprintable",
    QualityCode.NOT_A_NUMBER: "rows with text where a number belongs",
    QualityCode.INFINITE: "rows with an infinite value",
    QualityCode.NEGATIVE: "rows with a negative market cap, volume, fees, number of users or shares",
    QualityCode.DUPLICATE: "rows that repeat another row exactly",
    QualityCode.EMPTY: "rows without any value",
    QualityCode.NON_POSITIVE_PRICE: "prices <= 0, which count as missing",
    QualityCode.EXTREME_MOVE: "price moves by more than a factor of e^2 from one date to the next",
    QualityCode.STALE_QUOTE: "runs of 5 or more identical prices on consecutive dates",
    QualityCode.GAP: "dates without a price between an asset's first and last price",
    QualityCode.ZERO_VOLUME: "volumes of exactly 0",
    QualityCode.ZERO_FEES: "fees of exactly 0",
    QualityCode.CAP_ENDS_EARLY: "assets whose market cap ends while their price goes on",
    QualityCode.CONTRADICTION: "days of a field of an asset that the source gives twice, with other values",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityCount:
    """How often one kind of finding occurred. `example` is the first, or the worst, of them in words."""

    code: QualityCode
    count: int
    example: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row that was left out. `line` counts a text file's lines (the header is 1) or a table's rows."""

    line: int
    code: QualityCode
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCoverage:
    """How much of one field there is. `share` is observations / rows kept; dates are ISO."""

    field: str
    observations: int
    share: float
    assets: int
    first_date: str
    last_date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LostAsset:
    """An asset that was wanted, or that the source lists, and is not in the data. `code` is a stable name of
    the cause, such as NO_DATA; `reason` is in words."""

    asset: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """Every finding about one file or fetch. Rows read = kept + refused + merged + skipped (no value)."""

    rows_read: int
    rows_kept: int
    rows_refused: int
    rows_merged: int
    rows_skipped: int
    counts: tuple[QualityCount, ...]
    refused: tuple[RefusedRow, ...]
    coverage: tuple[FieldCoverage, ...]
    notes: tuple[str, ...]
    lost: tuple[LostAsset, ...] = ()

    def count_of(self, code: QualityCode) -> int:
        return next((entry.count for entry in self.counts if entry.code is code), 0)

    def with_note(self, note: str) -> QualityReport:
        """The same report with one more note, placed first."""
        return replace(self, notes=(note, *self.notes))

    def to_json(self) -> dict[str, Any]:
        """Plain types, in the shape that this module documents."""
        return {
            "format": FORMAT,
            "rows_read": self.rows_read,
            "rows_kept": self.rows_kept,
            "rows_refused": self.rows_refused,
            "rows_merged": self.rows_merged,
            "rows_skipped": self.rows_skipped,
            "counts": [
                {
                    "code": entry.code.value,
                    "label": entry.code.label,
                    "action": entry.code.action.value,
                    "count": entry.count,
                    "example": entry.example,
                }
                for entry in self.counts
            ],
            "refused": [
                {"line": row.line, "code": row.code.value, "reason": row.reason} for row in self.refused
            ],
            "coverage": [asdict(entry) for entry in self.coverage],
            "lost": [asdict(entry) for entry in self.lost],
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> QualityReport:
        """The inverse of to_json. Raises ValueError for another format."""
        if document.get("format") != FORMAT:
            raise ValueError(f"a quality report of format {document.get('format')!r} is not understood")
        return cls(
            rows_read=document["rows_read"],
            rows_kept=document["rows_kept"],
            rows_refused=document["rows_refused"],
            rows_merged=document["rows_merged"],
            rows_skipped=document["rows_skipped"],
            counts=tuple(
                QualityCount(
                    code=QualityCode(entry["code"]),
                    count=entry["count"],
                    example=entry["example"],
                )
                for entry in document["counts"]
            ),
            refused=tuple(
                RefusedRow(line=row["line"], code=QualityCode(row["code"]), reason=row["reason"])
                for row in document["refused"]
            ),
            coverage=tuple(FieldCoverage(**entry) for entry in document["coverage"]),
            lost=tuple(LostAsset(**entry) for entry in document.get("lost", ())),
            notes=tuple(document["notes"]),
        )
