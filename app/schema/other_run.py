"""A run that a newer version left in the store."""

from __future__ import annotations

import strawberry

from app.schema.run import Run, run_values
from db.records import RunRecord


@strawberry.type(
    description="A run of a kind that this version does not know, such as one that a newer version launched; "
    "`kind` names it."
)
class OtherRun(Run):
    @classmethod
    def from_record(cls, record: RunRecord) -> OtherRun:
        return cls(**run_values(record))
