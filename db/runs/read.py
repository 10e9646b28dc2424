"""Reading runs: by id, in pages, by subject, the latest ones.

Lists and counts are of the kind that the caller names, or (None) of all kinds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CTE, CompoundSelect, Select, func, select, union_all

from db.columns import is_row_id
from db.pages import (
    Page,
    SortKey,
    after_values,
    check_page_size,
    decode_cursor,
    encode_cursor,
)
from db.records import RunKind, RunOrigin, RunRecord, RunStatus
from db.runs.filters import (
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
from db.runs.rows import RUN_COLUMNS, run, run_record, select_runs
from db.store import Store, store_access

__all__ = [
    "Choice",
    "LiveCount",
    "Range",
    "RunFilter",
    "RunOrder",
    "RunSortField",
    "SortDirection",
    "count_live",
    "count_runs",
    "find_imported",
    "get_runs",
    "last_runs",
    "latest_runs",
    "live_runs",
    "page_runs",
    "page_runs_by_subject",
]

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far the clocks of servers may differ: what is dated further ahead of one has a wrong time."""

_EVERY_RUN = RunFilter()


@dataclass(frozen=True, slots=True)
class LiveCount:
    """A number of runs alike in status, engine and dataset; fetches have neither of the latter."""

    status: RunStatus
    engine_version: str | None
    dataset_id: int | None
    count: int


_LIVE = [status.value for status in RunStatus if not status.is_terminal]
_candidate = run.alias()
_candidate_metrics = performance.alias()


def _distinct_subjects() -> CTE:
    """Every subject that has runs, from one to the next by index: DISTINCT would read all runs."""
    names = select(func.min(run.c.subject).label("name")).cte(recursive=True)
    following = select(func.min(run.c.subject)).where(run.c.subject > names.c.name).scalar_subquery()
    return names.union_all(select(following).where(names.c.name.is_not(None)))


_subjects = _distinct_subjects()


@store_access
async def get_runs(store: Store, ids: Iterable[int]) -> dict[int, RunRecord]:
    """By id, of any kind; unknown ids are left out."""
    wanted = {run_id for run_id in ids if is_row_id(run_id)}
    async with store.read() as connection:
        rows = await connection.execute(select_runs().where(run.c.id.in_(wanted)))
        return {row.id: run_record(row) for row in rows}


@store_access
async def live_runs(store: Store, *, below: int | None, limit: int) -> list[RunRecord]:
    """Return at most `limit` runs of any kind that have not ended, newest first; with ids below that one."""
    # By the index of statuses: ordered at once, SQLite would read all runs that ever ended.
    live = select(_candidate.c.id).where(_candidate.c.status.in_(_LIVE))
    if below is not None:
        live = live.where(_candidate.c.id < below)
    statement = select_runs().where(run.c.id.in_(live)).order_by(run.c.id.desc()).limit(limit)
    async with store.read() as connection:
        return [run_record(row) for row in await connection.execute(statement)]


@store_access
async def find_imported(store: Store, factor: str, legacy_run_id: str) -> RunRecord | None:
    """The imported run that the older system knew by this id."""
    statement = select_runs().where(
        run.c.subject == factor,
        run.c.legacy_run_id == legacy_run_id,
        run.c.origin == RunOrigin.IMPORTED.value,
    )
    async with store.read() as connection:
        row = (await connection.execute(statement)).first()
    return None if row is None else run_record(row)


@store_access
async def page_runs(
    store: Store,
    where: RunFilter | None = None,
    order: Sequence[RunOrder] = (),
    *,
    kind: str | None,
    first: int,
    after: str | None = None,
) -> Page[RunRecord]:
    """One page of the runs of a kind that fit `where`; undefined sort values come last, ties by id.

    Without an order the newest come first. Errors: InvalidCursor; ValueError unless 0 <= first <= 100."""
    check_page_size(first)
    where, order = where or _EVERY_RUN, tuple(order) or NEWEST_FIRST
    keys = sort_keys(order)
    scope = scope_of(f"{_kind_mark(kind)}runs", where, order)
    values_after = None if after is None else decode_cursor(scope, after, keys)
    async with store.read() as connection:
        rows: list[Any] = []
        for part in _parts(where, kind, order, keys, values_after):
            if len(rows) <= first:
                limited = part.limit(first + 1 - len(rows))
                rows += (await connection.execute(_with_records(limited, keys))).all()
    return _page(rows, scope, len(keys), first)


def _parts(
    where: RunFilter,
    kind: str | None,
    order: Sequence[RunOrder],
    keys: Sequence[SortKey],
    values_after: Sequence[Any] | None,
) -> Iterator[Select[Any]]:
    """The list after a row, in order: all at once or, because then an index serves the first and mostly only
    part, first the rows whose first sort value is defined, then the others."""
    found = _keyed(where, kind, order, keys)
    head, *rest = keys
    if not head.nullable:
        rows = found.order_by(*(key.ordering() for key in keys))
        yield rows if values_after is None else rows.where(after_values(keys, values_after))
        return
    if values_after is None or values_after[0] is not None:
        defined_keys = [replace(head, nullable=False), *rest]
        defined = _keyed(where, kind, order, keys, measured=order[0].sorts_by_metric)
        defined = defined.where(head.column.is_not(None)).order_by(*(key.ordering() for key in defined_keys))
        yield defined if values_after is None else defined.where(after_values(defined_keys, values_after))
    undefined = found.where(head.column.is_(None)).order_by(*(key.ordering() for key in rest))
    if values_after is not None and values_after[0] is None:
        undefined = undefined.where(after_values(rest, values_after[1:]))
    yield undefined


@store_access
async def page_runs_by_subject(
    store: Store,
    subjects: Sequence[str],
    where: RunFilter | None = None,
    order: Sequence[RunOrder] = (),
    *,
    kind: str | None,
    first: int,
    after: str | None = None,
) -> dict[str, Page[RunRecord]]:
    """Return the page of each subject's runs, all in one statement. A cursor belongs to one subject's list:
    with `after`, any other subject is an InvalidCursor. Errors: those of `page_runs`."""
    check_page_size(first)
    if not subjects:
        return {}
    where, order = where or _EVERY_RUN, tuple(order) or NEWEST_FIRST
    keys = sort_keys(order)
    mark = _kind_mark(kind)
    scopes = {subject: scope_of(f"{mark}runs of {subject}", where, order) for subject in subjects}
    found = _keyed(where, kind, order, keys).order_by(*(key.ordering() for key in keys)).limit(first + 1)
    parts = []
    for subject, scope in scopes.items():
        of_subject = found.where(run.c.subject == subject)
        if after is not None:
            of_subject = of_subject.where(after_values(keys, decode_cursor(scope, after, keys)))
        # A limited part a subject, not a window over all of them: each reads what its index gives it first.
        parts.append(select(of_subject.subquery()))
    async with store.read() as connection:
        rows = (await connection.execute(_with_records(union_all(*parts), keys))).all()
    by_subject: dict[str, list[Any]] = {subject: [] for subject in scopes}
    for row in rows:
        by_subject[row.subject].append(row)
    return {subject: _page(by_subject[subject], scope, len(keys), first) for subject, scope in scopes.items()}


@store_access
async def count_runs(store: Store, where: RunFilter | None = None, *, kind: str | None) -> int:
    """Count the runs of a kind, or (None) of all kinds, that fit `where`."""
    where = where or _EVERY_RUN
    statement = select(func.count()).select_from(_tables(filters_by_metrics(where)))
    async with store.read() as connection:
        counted = await connection.scalar(statement.where(*conditions_of(where, kind, run, performance)))
    return counted or 0


@store_access
async def count_live(store: Store) -> list[LiveCount]:
    """Count what waits and what runs, of all kinds."""
    alike = (run.c.status, run.c.engine_version, run.c.dataset_id)
    live = run.c.status.in_([RunStatus.QUEUED.value, RunStatus.RUNNING.value])
    statement = select(*alike, func.count()).where(live).group_by(*alike)
    async with store.read() as connection:
        return [LiveCount(RunStatus(status), *rest) for status, *rest in await connection.execute(statement)]


@store_access
async def last_runs(
    store: Store, where: RunFilter | None = None, *, kind: str | None, first: int, now: datetime
) -> list[RunRecord]:
    """Return the `first` runs of a kind, or (None) of all kinds, that fit `where` and SUCCEEDED last, the
    latest first: in the order of `latest_runs`. Errors: ValueError unless 0 <= first <= 100."""
    check_page_size(first)
    where = where or _EVERY_RUN
    found = (
        select(run.c.id.label("run_id"))
        .select_from(_tables(filters_by_metrics(where)))
        .where(run.c.status == RunStatus.SUCCEEDED.value, *conditions_of(where, kind, run, performance))
    )
    ids: list[int] = []
    async with store.read() as connection:
        for part in _latest_first(found, run, now):
            if len(ids) < first:
                ids += (await connection.scalars(part.limit(first - len(ids)))).all()
        rows = await connection.execute(select_runs().where(run.c.id.in_(ids)))
        records = {row.id: run_record(row) for row in rows}
    return [records[run_id] for run_id in ids if run_id in records]


@store_access
async def latest_runs(
    store: Store,
    *,
    kind: str,
    now: datetime,
    subjects: Sequence[str] | None = None,
    dataset_id: int | None = None,
    origin: RunOrigin | None = None,
    where: RunFilter | None = None,
) -> dict[str, RunRecord]:
    """Return the run of each subject, of this kind, that SUCCEEDED last (imported: at the time of its legacy
    id), by subject; of all subjects for None. One that is dated more than CLOCK_TOLERANCE after `now` comes
    before all others, whose times can be; of equal times the id decides. One statement, however many
    subjects."""
    where = where or _EVERY_RUN
    latest = select(_candidate.c.id).where(
        _candidate.c.subject == _subjects.c.name,
        _candidate.c.status == RunStatus.SUCCEEDED.value,
        *conditions_of(where, kind, _candidate, _candidate_metrics),
    )
    if filters_by_metrics(where):
        latest = latest.join(_candidate_metrics, _candidate_metrics.c.run_id == _candidate.c.id)
    if dataset_id is not None:
        latest = latest.where(_candidate.c.dataset_id == dataset_id)
    if origin is not None:
        latest = latest.where(_candidate.c.origin == origin.value)
    parts = [
        part.limit(1).correlate(_subjects).scalar_subquery()
        for part in _latest_first(latest, _candidate, now)
    ]
    statement = select(*RUN_COLUMNS).join_from(_subjects, run, run.c.id == func.coalesce(*parts))
    if subjects is not None:
        statement = statement.where(_subjects.c.name.in_(subjects))
    async with store.read() as connection:
        rows = await connection.execute(statement)
        return {row.subject: run_record(row) for row in rows}


def _latest_first(found: Select[Any], runs: Any, now: datetime) -> tuple[Select[Any], Select[Any]]:
    """Sort what was found among `runs` by when it ended, the latest first; in two parts, each served by an
    index: what ended up to `now`, and what has a time that cannot be."""
    ended, horizon = runs.c.finished_at, now + CLOCK_TOLERANCE
    ordered = found.order_by(ended.desc(), runs.c.id.desc())
    return ordered.where(ended <= horizon), ordered.where(ended > horizon)


def _tables(with_metrics: bool, *, measured: bool = False) -> Any:
    """The runs, with their metrics where asked for; `measured` ones only, so that SQLite may begin with the
    metrics: of an outer join it reads the runs first."""
    joined = run.join(performance, performance.c.run_id == run.c.id, isouter=not measured)
    return joined if with_metrics else run


def _kind_mark(kind: str | None) -> str:
    """Return what tells the cursors of one kind's lists from those of another's."""
    if kind == RunKind.FACTOR:
        return ""
    return "all " if kind is None else f"{kind} "


def _keyed(
    where: RunFilter,
    kind: str | None,
    order: Sequence[RunOrder],
    keys: Sequence[SortKey],
    *,
    measured: bool = False,
) -> Select[Any]:
    """The ids and sort values of the runs that fit: what is sorted must be narrow."""
    columns = [key.column.label(f"key_{position}") for position, key in enumerate(keys)]
    tables = _tables(filters_by_metrics(where) or sorts_by_metrics(order), measured=measured)
    return (
        select(run.c.id.label("run_id"), *columns)
        .select_from(tables)
        .where(*conditions_of(where, kind, run, performance))
    )


def _with_records(found: Select[Any] | CompoundSelect[Any], keys: Sequence[SortKey]) -> Select[Any]:
    """Adds the whole runs, and the tags, to the few that were found."""
    narrow = found.subquery()
    columns = [narrow.c[f"key_{position}"] for position in range(len(keys))]
    ordering = [replace(key, column=column).ordering() for column, key in zip(columns, keys, strict=True)]
    return (
        select(*RUN_COLUMNS, *columns).join_from(narrow, run, run.c.id == narrow.c.run_id).order_by(*ordering)
    )


def _page(rows: Sequence[Any], scope: str, key_count: int, first: int) -> Page[RunRecord]:
    return Page(
        items=tuple(run_record(row) for row in rows[:first]),
        cursors=tuple(encode_cursor(scope, row[-key_count:]) for row in rows[:first]),
        has_next_page=len(rows) > first,
    )
