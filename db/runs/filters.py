"""What runs can be filtered and sorted by, and how that becomes SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, ColumnElement, exists, func, type_coerce

from db.models import SORTED_METRICS, Performance, RunTag
from db.pages import SortKey
from db.records import RunKind, RunOrigin, RunStatus
from db.runs.rows import run

T = TypeVar("T")

performance = Performance.__table__
_tag = RunTag.__table__.alias()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Generic[T]):
    """Equal to `eq`, or to any of `one_of` (none of them: nothing matches). Both given: both must hold."""

    eq: T | None = None
    one_of: tuple[T, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Range(Generic[T]):
    """Equal to, at least, at most. An undefined value matches none of them."""

    eq: T | None = None
    gte: T | None = None
    lte: T | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """All conditions that are given must hold; `tag` holds when one of the run's tags fits. `rebalance` is
    that of factor runs, of which those that do not say are weekly."""

    kind: Choice[str] | None = None
    subject: Choice[str] | None = None
    status: Choice[RunStatus] | None = None
    origin: Choice[RunOrigin] | None = None
    dataset_id: Choice[int] | None = None
    legacy_run_id: Choice[str] | None = None
    tag: Choice[str] | None = None
    rebalance: Choice[str] | None = None
    created_at: Range[datetime] | None = None
    started_at: Range[datetime] | None = None
    finished_at: Range[datetime] | None = None
    imported_at: Range[datetime] | None = None
    annualized_return: Range[float] | None = None
    cumulative_return: Range[float] | None = None
    annualized_volatility: Range[float] | None = None
    sharpe_ratio: Range[float] | None = None
    sortino_ratio: Range[float] | None = None
    max_drawdown: Range[float] | None = None
    calmar_ratio: Range[float] | None = None
    years: Range[float] | None = None
    num_periods: Range[int] | None = None
    start_date: Range[date] | None = None
    end_date: Range[date] | None = None
    mean_turnover: Range[float] | None = None
    newey_west_t: Range[float] | None = None
    probabilistic_sharpe_ratio: Range[float] | None = None
    ic_mean: Range[float] | None = None
    ic_t: Range[float] | None = None
    alpha: Range[float] | None = None


RunSortField = StrEnum(
    "RunSortField",
    {
        name.upper(): name.upper()
        for name in ("id", "created_at", "finished_at", "factor", "status", *SORTED_METRICS)
    },
)


class SortDirection(StrEnum):
    ASC = "ASC"
    DESC = "DESC"


@dataclass(frozen=True, slots=True)
class RunOrder:
    field: RunSortField
    direction: SortDirection = SortDirection.DESC

    @property
    def sorts_by_metric(self) -> bool:
        return self.field.value.lower() in performance.c


NEWEST_FIRST = (RunOrder(RunSortField.CREATED_AT, SortDirection.DESC),)


def scope_of(list_name: str, where: RunFilter, order: Sequence[RunOrder]) -> str:
    """Name a list with its filter and order, for cursors; filters that are not given leave no mark."""
    # Cursors that were given before subjects were more than factors still fit.
    words = {"subject": "factor"}
    given = [(words.get(field.name, field.name), getattr(where, field.name)) for field in fields(where)]
    conditions = [(name, condition) for name, condition in given if condition is not None]
    return repr((list_name, conditions, [(one.field.value, one.direction.value) for one in order]))


def conditions_of(where: RunFilter, kind: str | None, runs: Any, metrics: Any) -> list[ColumnElement[bool]]:
    """The conditions on the run table (or alias) `runs` and the performance table `metrics`: of this kind
    (None: of any), and fitting the filter."""
    conditions: list[ColumnElement[bool]] = [] if kind is None else _of_kind(runs, kind)
    for field in fields(where):
        condition = getattr(where, field.name)
        if condition is None:
            continue
        if field.name == "tag":
            conditions += [
                exists().where(_tag.c.run_id == runs.c.id, one) for one in _compare(_tag.c.tag, condition)
            ]
        elif field.name == "rebalance":
            recorded = runs.c.config["rebalance"].as_string()
            conditions += _compare(func.coalesce(recorded, "WEEKLY"), condition)
        elif field.name in runs.c:
            conditions += _compare(runs.c[field.name], condition)
        else:
            conditions += _compare(metrics.c[field.name], condition)
    return conditions


def _of_kind(runs: Any, kind: str) -> list[ColumnElement[bool]]:
    kind = str(kind)
    if kind != RunKind.FACTOR:
        return [runs.c.kind == kind]
    # Nearly every run. Of an equality SQLite expects that it leaves few, and would sooner sort all runs than
    # read them from the index of a metric; of a range it does not.
    return [runs.c.kind.between(kind, kind)]


def _compare(column: ColumnElement[Any], condition: Choice[Any] | Range[Any]) -> list[ColumnElement[bool]]:
    compared = [] if condition.eq is None else [column == condition.eq]
    if isinstance(condition, Choice):
        return compared if condition.one_of is None else [*compared, column.in_(condition.one_of)]
    if condition.gte is not None:
        compared.append(column >= condition.gte)
    if condition.lte is not None:
        compared.append(column <= condition.lte)
    return compared


def filters_by_metrics(where: RunFilter) -> bool:
    return any(
        getattr(where, field.name) is not None and field.name in performance.c for field in fields(where)
    )


def sorts_by_metrics(order: Sequence[RunOrder]) -> bool:
    return any(one.sorts_by_metric for one in order)


def sort_keys(order: Sequence[RunOrder]) -> list[SortKey]:
    """One key a field, the run's id last: it makes the order total, in the direction of the last field."""
    keys: dict[RunSortField, SortKey] = {}
    for one in order or NEWEST_FIRST:
        keys.setdefault(one.field, _sort_key(one))
        if one.field is RunSortField.ID:
            return list(keys.values())
    last = (order or NEWEST_FIRST)[-1].direction
    return [*keys.values(), _sort_key(RunOrder(RunSortField.ID, last))]


def _sort_key(order: RunOrder) -> SortKey:
    name = "subject" if order.field is RunSortField.FACTOR else order.field.value.lower()
    table = run if name in run.c else performance
    column = table.c[name]
    # A key's value goes into cursors as it is stored: times as integers.
    key = type_coerce(column, BigInteger) if name.endswith("_at") else column
    return SortKey(key, order.direction is SortDirection.DESC, bool(column.nullable))
