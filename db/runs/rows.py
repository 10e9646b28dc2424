"""From rows of the run table to run records, tags included, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON, Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from db.models import Run, RunTag
from db.records import Reuse, RunOrigin, RunRecord, RunStatus

run = Run.__table__
run_tag = RunTag.__table__


class _JsonArray(GenericFunction[Any]):
    """The values of a group as one JSON array, in no order; an empty group gives an empty array."""

    name = "factorql_json_array"
    type = JSON()
    inherit_cache = True


@compiles(_JsonArray, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_group_array({compiler.process(element.clauses, **options)})"


@compiles(_JsonArray, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"coalesce(json_agg({compiler.process(element.clauses, **options)}), '[]'::json)"


_tags = select(_JsonArray(run_tag.c.tag)).where(run_tag.c.run_id == run.c.id).scalar_subquery()
_names = (*(column.name for column in run.c), "tags")

RUN_COLUMNS = (*run.c, _tags.label("tags"))
"""What to select, from `run`, for `run_record`; further columns may follow."""


def run_record(row: Row[Any] | Sequence[Any]) -> RunRecord:
    """The record of a row that begins with RUN_COLUMNS."""
    values = dict(zip(_names, row, strict=False))
    values["status"] = RunStatus(values["status"])
    values["origin"] = RunOrigin(values["origin"])
    values["reuse"] = Reuse(values["reuse"])
    values["unrecorded_fields"] = tuple(values["unrecorded_fields"])
    values["import_remarks"] = tuple(values["import_remarks"])
    values["tags"] = tuple(sorted(values["tags"]))
    return RunRecord(**values)


def select_runs() -> Select[Any]:
    return select(*RUN_COLUMNS)


async def fetch_run(connection: AsyncConnection, run_id: int) -> RunRecord | None:
    row = (await connection.execute(select_runs().where(run.c.id == run_id))).first()
    return None if row is None else run_record(row)
