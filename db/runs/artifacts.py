"""Where the arrays are that runs keep as files. The files themselves are the business of `app.storage`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from db.columns import is_row_id
from db.models import Artifact
from db.records import ArtifactRecord
from db.store import Store, store_access

artifact = Artifact.__table__

_COLUMNS = artifact.c["name", "path", "dtype", "shape", "byte_count", "sha256"]


@store_access
async def get_artifacts(store: Store, run_id: int) -> dict[str, ArtifactRecord]:
    """The artifacts of a run by name; empty for a run without any, and for no run."""
    if not is_row_id(run_id):
        return {}
    async with store.read() as connection:
        rows = await connection.execute(select(*_COLUMNS).where(artifact.c.run_id == run_id))
        return {row.name: _record(row) for row in rows}


@store_access
async def artifact_folders(store: Store) -> set[str]:
    """The folders in which runs have artifacts, relative to the data directory: "artifacts/ab12..."."""
    async with store.read() as connection:
        paths = (await connection.scalars(select(artifact.c.path))).all()
    return {path.rpartition("/")[0] for path in paths}


def artifact_rows(run_id: int, records: tuple[ArtifactRecord, ...]) -> list[dict[str, Any]]:
    """The rows of a run's artifacts."""
    return [
        {
            "run_id": run_id,
            "name": record.name,
            "path": record.path,
            "dtype": record.dtype,
            "shape": [int(length) for length in record.shape],
            "byte_count": int(record.byte_count),
            "sha256": record.sha256,
        }
        for record in records
    ]


def _record(row: Any) -> ArtifactRecord:
    return ArtifactRecord(
        name=row.name,
        path=row.path,
        dtype=row.dtype,
        shape=tuple(row.shape),
        byte_count=row.byte_count,
        sha256=row.sha256,
    )
