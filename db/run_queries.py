"""Reading runs: by id, in pages, by factor, the latest ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, column, func, select, values

from db.columns import is_row_id
from db.pages import (
    Page,
    SortKey,
    after_values,
    check_page_size,
    decode_cursor,
    encode_cursor,
)
from db.records import RunOrigin, RunRecord, RunStatus
from db.run_filters import (
    NEWEST_FIRST,
    Choice,
    Range,
    RunFilter,
    RunOrder,
    RunSortField,
    SortDirection,
    conditions_of,
    filters_by_metrics,
    performance,
    scope_of,
    sort_keys,
    sorts_by_metrics,
)
from db.run_rows import RUN_COLUMNS, run, run_record, select_runs
from db.store import Store

__all__ = [
    "Choice",
    "Range",
    "RunFilter",
    "RunOrder",
    "RunSortField",
    "SortDirection",
    "count_runs",
    "find_imported",
    "get_runs",
    "latest_runs",
    "page_runs",
    "page_runs_by_factor",
]

_EVERY_RUN = RunFilter()


async def get_runs(store: Store, ids: Iterable[int]) -> dict[int, RunRecord]:
    """By id; unknown ids are left out."""
    wanted = {run_id for run_id in ids if is_row_id(run_id)}
    async with store.read() as connection:
        rows = await connection.execute(select_runs().where(run.c.id.in_(wanted)))
        return {row.id: run_record(row) for row in rows}


async def find_imported(store: Store, factor: str, legacy_run_id: str) -> RunRecord | None:
    """The imported run that the older system knew by this id."""
    statement = select_runs().where(
        run.c.factor == factor,
        run.c.legacy_run_id == legacy_run_id,
        run.c.origin == RunOrigin.IMPORTED.value,
    )
    async with store.read() as connection:
        row = (await connection.execute(statement)).first()
    return None if row is None else run_record(row)


async def page_runs(
    store: Store,
    where: RunFilter | None = None,
    order: Sequence[RunOrder] = (),
    *,
    first: int,
    after: str | None = None,
) -> Page[RunRecord]:
    """One page of the runs that fit `where`; undefined sort values come last, ties by id.

    Without an order the newest come first. Errors: InvalidCursor; ValueError unless `first` is 0 to 100."""
    check_page_size(first)
    where, order = where or _EVERY_RUN, tuple(order) or NEWEST_FIRST
    keys = sort_keys(order)
    scope = scope_of("runs", where, order)
    conditions = conditions_of(where, run, performance)
    if after is not None:
        conditions.append(after_values(keys, decode_cursor(scope, after, keys)))
    found = (
        _keyed(where, order, keys, conditions).order_by(*(key.ordering() for key in keys)).limit(first + 1)
    )
    async with store.read() as connection:
        rows = (await connection.execute(_with_records(found, keys))).all()
    return _page(rows, scope, len(keys), first)


async def page_runs_by_factor(
    store: Store,
    factors: Sequence[str],
    where: RunFilter | None = None,
    order: Sequence[RunOrder] = (),
    *,
    first: int,
    after: str | None = None,
) -> dict[str, Page[RunRecord]]:
    """The page of each factor's runs, all in one statement. A cursor belongs to one factor's list: with
    `after`, any other factor is an InvalidCursor. Errors: those of `page_runs`."""
    check_page_size(first)
    where, order = where or _EVERY_RUN, tuple(order) or NEWEST_FIRST
    keys = sort_keys(order)
    scopes = {factor: scope_of(f"runs of {factor}", where, order) for factor in factors}
    conditions = [run.c.factor.in_(list(scopes)), *conditions_of(where, run, performance)]
    if after is not None:
        decoded = [decode_cursor(scope, after, keys) for scope in scopes.values()]
        conditions += [after_values(keys, values_of_row) for values_of_row in decoded]
    place = func.row_number().over(partition_by=run.c.factor, order_by=[key.ordering() for key in keys])
    placed = _keyed(where, order, keys, conditions).add_columns(place.label("place")).subquery()
    found = select(placed).where(placed.c.place <= first + 1)
    async with store.read() as connection:
        rows = (await connection.execute(_with_records(found, keys))).all()
    by_factor: dict[str, list[Any]] = {factor: [] for factor in scopes}
    for row in rows:
        by_factor[row.factor].append(row)
    return {factor: _page(by_factor[factor], scope, len(keys), first) for factor, scope in scopes.items()}


async def count_runs(store: Store, where: RunFilter | None = None) -> int:
    """How many runs fit `where`."""
    where = where or _EVERY_RUN
    statement = select(func.count()).select_from(_tables(filters_by_metrics(where)))
    async with store.read() as connection:
        counted = await connection.scalar(statement.where(*conditions_of(where, run, performance)))
    return counted or 0


async def latest_runs(
    store: Store,
    *,
    factors: Sequence[str] | None = None,
    dataset_id: int | None = None,
    origin: RunOrigin | None = None,
    where: RunFilter | None = None,
) -> dict[str, RunRecord]:
    """The SUCCEEDED run of each factor that finished last (imported: at the time of its legacy id), by
    factor; of all factors for None. One statement, however many factors."""
    where = where or _EVERY_RUN
    candidate, metrics = run.alias(), performance.alias()
    if factors is None:
        wanted = select(run.c.factor.label("name")).distinct().cte()
    else:
        if not factors:
            return {}
        names = [(factor,) for factor in dict.fromkeys(factors)]
        wanted = values(column("name", Text), name="wanted").data(names).cte()
    latest = (
        select(candidate.c.id)
        .where(
            candidate.c.factor == wanted.c.name,
            candidate.c.status == RunStatus.SUCCEEDED.value,
            *conditions_of(where, candidate, metrics),
        )
        .order_by(candidate.c.finished_at.desc(), candidate.c.id.desc())
        .limit(1)
    )
    if filters_by_metrics(where):
        latest = latest.join(metrics, metrics.c.run_id == candidate.c.id)
    if dataset_id is not None:
        latest = latest.where(candidate.c.dataset_id == dataset_id)
    if origin is not None:
        latest = latest.where(candidate.c.origin == origin.value)
    statement = select(*RUN_COLUMNS).join_from(
        wanted, run, run.c.id == latest.correlate(wanted).scalar_subquery()
    )
    async with store.read() as connection:
        rows = await connection.execute(statement)
        return {row.factor: run_record(row) for row in rows}


def _tables(with_metrics: bool) -> Any:
    return run.outerjoin(performance, performance.c.run_id == run.c.id) if with_metrics else run


def _keyed(
    where: RunFilter,
    order: Sequence[RunOrder],
    keys: Sequence[SortKey],
    conditions: Sequence[ColumnElement[bool]],
) -> Select[Any]:
    """The ids and sort values of the runs that fit: what is sorted must be narrow."""
    columns = [key.column.label(f"key_{position}") for position, key in enumerate(keys)]
    tables = _tables(filters_by_metrics(where) or sorts_by_metrics(order))
    return select(run.c.id.label("run_id"), *columns).select_from(tables).where(*conditions)


def _with_records(found: Select[Any], keys: Sequence[SortKey]) -> Select[Any]:
    """Adds the whole runs, and the tags, to the few that were found."""
    narrow = found.subquery()
    columns = [narrow.c[f"key_{position}"] for position in range(len(keys))]
    ordering = [
        SortKey(column, key.descending, key.nullable).ordering()
        for column, key in zip(columns, keys, strict=True)
    ]
    return (
        select(*RUN_COLUMNS, *columns).join_from(narrow, run, run.c.id == narrow.c.run_id).order_by(*ordering)
    )


def _page(rows: Sequence[Any], scope: str, key_count: int, first: int) -> Page[RunRecord]:
    return Page(
        items=tuple(run_record(row) for row in rows[:first]),
        cursors=tuple(encode_cursor(scope, row[-key_count:]) for row in rows[:first]),
        has_next_page=len(rows) > first,
    )
