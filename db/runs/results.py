"""What succeeded runs left behind: performance, series, compositions and documents; writes artifacts, too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Integer, Table, column, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.codec import (
    COMPOSITION_CODEC_VERSION,
    SERIES_CODEC_VERSION,
    Blob,
    checked_payload,
    pack_composition,
    pack_series,
    unpack_composition,
    unpack_series,
)
from db.columns import finite_or_none, to_json
from db.document_codec import DOCUMENT_CODEC_VERSION, pack_document, unpack_document
from db.errors import CorruptBlob
from db.models import Composition, NetPerformance, Performance, RunDocument, Series
from db.records import (
    CompositionRecord,
    DocumentRecord,
    PerformanceRecord,
    RunResults,
    SeriesRecord,
    UndefinedMetricRecord,
)
from db.runs.artifacts import artifact, artifact_rows
from db.store import Store, store_access

Item = TypeVar("Item")

performance = Performance.__table__
net_performance = NetPerformance.__table__
series = Series.__table__
composition = Composition.__table__
run_document = RunDocument.__table__

_METRICS = tuple(field.name for field in fields(PerformanceRecord) if field.name != "undefined_metrics")

# Both drivers refuse statements with more than 32,766 parameters.
_KEYS_A_STATEMENT = 8_000

# The compositions of a daily run may be hundreds of megabytes.
_CHECKED_AT_ONCE = 200


# The keys travel as one JSON parameter: thousands of them would be thousands of parameters to compile.
_WANTED = {
    "sqlite": """
        SELECT key AS place, json_extract(value, '$[0]') AS run_id, json_extract(value, '$[1]') AS on_date
        FROM json_each(:wanted)""",
    "postgresql": """
        SELECT ordinality - 1 AS place, (value ->> 0)::bigint AS run_id, (value ->> 1)::date AS on_date
        FROM json_array_elements(CAST(:wanted AS json)) WITH ORDINALITY AS keys (value, ordinality)""",
}
_OF_WANTED = """
    SELECT place, held.period_start, held.period_end, held.codec_version, held.checksum, held.packed
    FROM wanted JOIN composition AS held ON held.run_id = wanted.run_id AND held.period_end =
        CASE WHEN on_date IS NULL
        THEN (SELECT max(period_end) FROM composition AS other WHERE other.run_id = wanted.run_id)
        ELSE (SELECT min(period_end) FROM composition AS other
              WHERE other.run_id = wanted.run_id AND other.period_end >= on_date) END
    WHERE on_date IS NULL OR held.period_start < on_date"""
_SELECT_COMPOSITIONS = {
    dialect: text(f"WITH wanted AS ({wanted}) {_OF_WANTED}").columns(
        column("place", Integer),
        *composition.c["period_start", "period_end", "codec_version", "checksum", "packed"],
    )
    for dialect, wanted in _WANTED.items()
}


async def get_performance(store: Store, run_ids: Sequence[int]) -> dict[int, PerformanceRecord]:
    """By run id; runs without performance are left out."""
    return await _get_metrics(store, performance, run_ids)


async def get_net_performance(store: Store, run_ids: Sequence[int]) -> dict[int, PerformanceRecord]:
    """The metrics after costs by run id; runs without costs are left out."""
    return await _get_metrics(store, net_performance, run_ids)


@store_access
async def _get_metrics(store: Store, table: Table, run_ids: Sequence[int]) -> dict[int, PerformanceRecord]:
    columns = [table.c[name] for name in _METRICS]
    found: dict[int, PerformanceRecord] = {}
    async with store.read() as connection:
        for chunk in _chunks(run_ids):
            statement = select(table.c.run_id, table.c.undefined_metrics, *columns)
            rows = await connection.execute(statement.where(table.c.run_id.in_(chunk)))
            for run_id, undefined, *metrics in rows:
                found[run_id] = PerformanceRecord(
                    **dict(zip(_METRICS, metrics, strict=True)),
                    undefined_metrics=tuple(UndefinedMetricRecord(**entry) for entry in undefined),
                )
    return found


@store_access
async def get_series(
    store: Store, run_ids: Sequence[int], names: Sequence[str]
) -> dict[tuple[int, str], SeriesRecord]:
    """By run id and name; what a run does not have is left out. Errors: CorruptBlob."""
    found: dict[tuple[int, str], SeriesRecord] = {}
    wanted_names = list(dict.fromkeys(names))
    async with store.read() as connection:
        for chunk in _chunks(run_ids):
            columns = series.c["run_id", "name", "unit", "is_return", "codec_version", "checksum", "packed"]
            statement = select(*columns).where(series.c.run_id.in_(chunk), series.c.name.in_(wanted_names))
            for run_id, name, unit, is_return, *blob in await connection.execute(statement):
                with _of_run(run_id):
                    found[run_id, name] = unpack_series(name, Blob(*blob), unit, is_return=is_return)
    return found


@store_access
async def get_compositions(
    store: Store, keys: Sequence[tuple[int, date | None]]
) -> dict[tuple[int, date | None], CompositionRecord]:
    """The composition of each (run id, date): that of the period which contains the date, or the latest for
    None; left out where the run held nothing. One statement for thousands of keys. Errors: CorruptBlob."""
    statement = _SELECT_COMPOSITIONS[store.dialect]
    found: dict[tuple[int, date | None], CompositionRecord] = {}
    async with store.read() as connection:
        for chunk in _chunks(keys):
            wanted = to_json([(run_id, on_date and on_date.isoformat()) for run_id, on_date in chunk])
            for position, start, end, *blob in await connection.execute(statement, {"wanted": wanted}):
                key = chunk[position]
                with _of_run(key[0]):
                    found[key] = unpack_composition(start, end, Blob(*blob))
    return found


@store_access
async def composition_dates(store: Store, run_ids: Sequence[int]) -> dict[int, NDArray[np.datetime64]]:
    """The period ends of each run, datetime64[D] ascending; an empty array for a run without compositions."""
    ends: dict[int, list[date]] = {run_id: [] for run_id in run_ids}
    async with store.read() as connection:
        for chunk in _chunks(run_ids):
            statement = (
                select(composition.c.run_id, composition.c.period_end)
                .where(composition.c.run_id.in_(chunk))
                .order_by(composition.c.run_id, composition.c.period_end)
            )
            for run_id, end in await connection.execute(statement):
                ends[run_id].append(end)
    return {run_id: np.array(found, dtype="datetime64[D]") for run_id, found in ends.items()}


@store_access
async def get_documents(store: Store, run_ids: Sequence[int], name: str) -> dict[int, DocumentRecord]:
    """The document of that name by run id; runs without one are left out. Errors: CorruptBlob."""
    packed: list[tuple[int, Blob]] = []
    columns = run_document.c["run_id", "codec_version", "checksum", "packed"]
    async with store.read() as connection:
        for chunk in _chunks(run_ids):
            statement = select(*columns).where(run_document.c.run_id.in_(chunk), run_document.c.name == name)
            packed += [(run_id, Blob(*blob)) for run_id, *blob in await connection.execute(statement)]
    if not packed:
        return {}
    # In a thread: unpacking many megabytes would stall the loop.
    return await asyncio.to_thread(lambda: {run_id: _unpacked(run_id, name, blob) for run_id, blob in packed})


def _unpacked(run_id: int, name: str, blob: Blob) -> DocumentRecord:
    with _of_run(run_id):
        return unpack_document(name, blob)


@store_access
async def check_results(store: Store, run_id: int) -> None:
    """Read every series, composition and document of a run. Raises CorruptBlob for the first damaged one."""
    async with store.read() as connection:
        for table, key, what, version in (
            (series, series.c.name, "series", SERIES_CODEC_VERSION),
            (composition, composition.c.period_end, "the composition of", COMPOSITION_CODEC_VERSION),
            (run_document, run_document.c.name, "document", DOCUMENT_CODEC_VERSION),
        ):
            columns = table.c["codec_version", "checksum", "packed"]
            statement = (
                select(key, *columns).where(table.c.run_id == run_id).order_by(key).limit(_CHECKED_AT_ONCE)
            )
            rows = (await connection.execute(statement)).all()
            while rows:
                for name, *blob in rows:
                    with _of_run(run_id):
                        checked_payload(Blob(*blob), f"{what} {name}", version)
                rows = (await connection.execute(statement.where(key > rows[-1][0]))).all()


@contextmanager
def _of_run(run_id: int) -> Iterator[None]:
    """Inside, what is damaged is told with its run."""
    try:
        yield
    except CorruptBlob as error:
        raise type(error)(f"run {run_id}: {error.message}", error.hint) from None


@dataclass(frozen=True, slots=True)
class PackedResults:
    """The results of a run as rows, by table."""

    rows: Mapping[Table, list[dict[str, Any]]]


def pack_results(run_id: int, results: RunResults) -> PackedResults:
    """Everything about results that takes long, before the transaction. ValueError for what cannot be packed:
    see `db.codec` and `db.document_codec`."""
    measured = {performance: results.performance, net_performance: results.net_performance}
    rows: dict[Table, list[dict[str, Any]]] = {
        table: [_performance_row(run_id, record)] for table, record in measured.items() if record is not None
    }
    rows[series] = [_series_row(run_id, one) for one in results.series]
    rows[composition] = [_composition_row(run_id, one) for one in results.compositions]
    rows[run_document] = [_document_row(run_id, one) for one in results.documents]
    rows[artifact] = artifact_rows(run_id, results.artifacts)
    return PackedResults({table: of_table for table, of_table in rows.items() if of_table})


async def write_results(connection: AsyncConnection, packed: PackedResults) -> None:
    """Adds the results of a run within the caller's transaction: one statement a table."""
    for table, rows in packed.rows.items():
        await connection.execute(insert(table), rows)


async def write_performance(
    connection: AsyncConnection, records: Sequence[tuple[int, PerformanceRecord]]
) -> None:
    if records:
        await connection.execute(insert(performance), [_performance_row(*record) for record in records])


async def write_series(connection: AsyncConnection, records: Sequence[tuple[int, SeriesRecord]]) -> None:
    if records:
        await connection.execute(insert(series), [_series_row(*record) for record in records])


def _performance_row(run_id: int, record: PerformanceRecord) -> dict[str, Any]:
    row: dict[str, Any] = {"run_id": run_id}
    for name in _METRICS:
        value = getattr(record, name)
        plain = value.item() if isinstance(value, np.generic) else value
        row[name] = finite_or_none(plain) if isinstance(plain, float) else plain
    row["undefined_metrics"] = [
        {"metric": entry.metric, "reason": entry.reason, "detail": entry.detail}
        for entry in record.undefined_metrics
    ]
    return row


def _series_row(run_id: int, record: SeriesRecord) -> dict[str, Any]:
    dates = record.dates
    return {
        "run_id": run_id,
        "name": record.name,
        "unit": record.unit,
        "is_return": record.is_return,
        "point_count": len(dates),
        "first_date": dates[0].item() if len(dates) else None,
        "last_date": dates[-1].item() if len(dates) else None,
        **_blob_columns(pack_series(record)),
    }


def _composition_row(run_id: int, record: CompositionRecord) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "period_start": record.period_start,
        "period_end": record.period_end,
        **_blob_columns(pack_composition(record)),
    }


def _document_row(run_id: int, record: DocumentRecord) -> dict[str, Any]:
    return {"run_id": run_id, "name": record.name, **_blob_columns(pack_document(record))}


def _blob_columns(blob: Blob) -> dict[str, Any]:
    return {"codec_version": blob.codec_version, "checksum": blob.checksum, "packed": blob.payload}


def _chunks(keys: Sequence[Item]) -> Iterator[list[Item]]:
    distinct = list(dict.fromkeys(keys))
    for start in range(0, len(distinct), _KEYS_A_STATEMENT):
        yield distinct[start : start + _KEYS_A_STATEMENT]
