"""What a fetch leaves behind beside its dataset: a document of counts, lost assets and notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from app.datasets.quality import LostAsset
from db.records import DocumentRecord

FETCH: Final = "FETCH"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchReport:
    """counts: as in the progress of the run, at its end. lost: by name of the asset."""

    counts: Mapping[str, int]
    lost: tuple[LostAsset, ...]
    notes: tuple[str, ...]

    def to_document(self) -> DocumentRecord:
        facts = {
            "counts": dict(self.counts),
            "lost": [asdict(one) for one in self.lost],
            "notes": list(self.notes),
        }
        return DocumentRecord(name=FETCH, facts=facts)

    @classmethod
    def from_document(cls, document: DocumentRecord) -> FetchReport:
        facts = document.facts
        return cls(
            counts=facts["counts"],
            lost=tuple(LostAsset(**one) for one in facts["lost"]),
            notes=tuple(facts["notes"]),
        )
