"""What runs can be filtered and sorted by, as inputs, and their translation for the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date, datetime
from enum import Enum
from typing import Any

import strawberry

from app.errors import InvalidInput
from app.schema.context import GraphContext
from app.schema.dataset_ref import DatasetRef, find_dataset
from app.schema.enums import FactorName, RunOrigin, RunSortField, RunStatus, SortDirection
from app.schema.options import kind_of, metric_text, with_fields
from app.schema.unset import given
from db.runs.read import Choice, Range, RunFilter, RunOrder
from engine.factors.performance import METRICS

MAX_CHOICES = 1_000
MAX_DATASETS = 20

_EQ = "Equal to this."
_ONE_OF = "Equal to any of these, up to 1000; an empty list matches nothing."
_GTE = "At least this. An undefined value does not match."
_LTE = "At most this. An undefined value does not match."


def _operator(description: str) -> Any:
    return strawberry.field(default=strawberry.UNSET, description=description)


@strawberry.input(description="Conditions on the factor.")
class FactorNameFilter:
    eq: FactorName | None = _operator(_EQ)
    one_of: list[FactorName] | None = _operator(_ONE_OF)


@strawberry.input(description="Conditions on the status.")
class RunStatusFilter:
    eq: RunStatus | None = _operator(_EQ)
    one_of: list[RunStatus] | None = _operator(_ONE_OF)


@strawberry.input(description="Conditions on the origin.")
class RunOriginFilter:
    eq: RunOrigin | None = _operator(_EQ)
    one_of: list[RunOrigin] | None = _operator(_ONE_OF)


@strawberry.input(description="Conditions on a text; letters count as written.")
class StringFilter:
    eq: str | None = _operator(_EQ)
    one_of: list[str] | None = _operator(_ONE_OF)


@strawberry.input(description="Conditions on the dataset. A name means its newest version.")
class DatasetFilter:
    eq: DatasetRef | None = _operator("This dataset.")
    one_of: list[DatasetRef] | None = _operator("Any of these, up to 20; an empty list matches nothing.")


@strawberry.input(description="Conditions on a number.")
class FloatFilter:
    eq: float | None = _operator(_EQ)
    gte: float | None = _operator(_GTE)
    lte: float | None = _operator(_LTE)


@strawberry.input(description="Conditions on a whole number.")
class IntFilter:
    eq: int | None = _operator(_EQ)
    gte: int | None = _operator(_GTE)
    lte: int | None = _operator(_LTE)


@strawberry.input(description="Conditions on a day.")
class DateFilter:
    eq: date | None = _operator(_EQ)
    gte: date | None = _operator(_GTE)
    lte: date | None = _operator(_LTE)


@strawberry.input(description="Conditions on a moment.")
class DateTimeFilter:
    eq: datetime | None = _operator(_EQ)
    gte: datetime | None = _operator(_GTE)
    lte: datetime | None = _operator(_LTE)


_FILTERS = {float: FloatFilter, int: IntFilter, date: DateFilter}
_FILTERED = [field.name for field in fields(RunFilter) if field.name in METRICS]


@strawberry.input(
    description=(
        "Which runs. All conditions that are given must hold; absent and null ones are none. Metrics are "
        "those of `performance`, gross of costs."
    )
)
@with_fields(
    {
        name: (_FILTERS[kind_of(METRICS[name])] | None, _operator(metric_text(METRICS[name])))
        # The order in which they were released.
        for name in sorted(_FILTERED, key=lambda name: name in ("mean_turnover", "alpha"))
    },
    own_first=True,
)
class FactorRunWhere:
    factor: FactorNameFilter | None = _operator("Of which factor.")
    status: RunStatusFilter | None = _operator("In which state.")
    origin: RunOriginFilter | None = _operator("Computed or imported.")
    dataset: DatasetFilter | None = _operator("Computed from which dataset.")
    legacy_run_id: StringFilter | None = _operator("Known to the older system by which id.")
    tag: StringFilter | None = _operator("With at least one tag that fits.")
    created_at: DateTimeFilter | None = _operator("When the run was added.")
    started_at: DateTimeFilter | None = _operator("When its computation began.")
    finished_at: DateTimeFilter | None = _operator(
        "When it ended; for imported runs the time of their legacy id."
    )
    imported_at: DateTimeFilter | None = _operator("When it was imported.")


@strawberry.input(description="One key of an order. Undefined values come last; ties are broken by age.")
class FactorRunOrder:
    field: RunSortField = strawberry.field(description="What to sort by.")
    direction: SortDirection = strawberry.field(default=SortDirection.DESC, description="In which direction.")


async def to_run_filter(where: Any, context: GraphContext) -> RunFilter:
    """Return the store's filter of an input that says which runs.

    Raises InvalidInput for ids that are none, DatasetNotFound for unknown names.
    """
    conditions: dict[str, Choice[Any] | Range[Any] | None] = {}
    for field in fields(where) if given(where) is not None else ():
        asked = given(getattr(where, field.name))
        if asked is None:
            continue
        if isinstance(asked, DatasetFilter):
            conditions["dataset_id"] = await _dataset_choice(asked, context)
        elif hasattr(asked, "one_of"):
            conditions["subject" if field.name == "factor" else field.name] = _choice(asked)
        else:
            conditions[field.name] = Range(eq=given(asked.eq), gte=given(asked.gte), lte=given(asked.lte))
    return RunFilter(**conditions)


def to_run_order(order: Sequence[Any] | None) -> tuple[RunOrder, ...]:
    """The store's order; empty where none was given, which means newest first."""
    return tuple(RunOrder(RunSortField(one.field.value), one.direction) for one in given(order) or ())


def within_factor(where: RunFilter, factor: FactorName) -> RunFilter:
    """The same filter for the runs of one factor."""
    asked = where.subject or Choice()
    wanted = asked.eq in (None, factor.value) and (asked.one_of is None or factor.value in asked.one_of)
    return replace(where, subject=Choice(eq=factor.value) if wanted else Choice(one_of=()))


def _choice(asked: Any) -> Choice[Any]:
    one_of = _checked_choices(given(asked.one_of), MAX_CHOICES)
    return Choice(eq=_plain(given(asked.eq)), one_of=None if one_of is None else tuple(map(_plain, one_of)))


async def _dataset_choice(asked: DatasetFilter, context: GraphContext) -> Choice[int]:
    eq, one_of = given(asked.eq), _checked_choices(given(asked.one_of), MAX_DATASETS)
    return Choice(
        eq=None if eq is None else (await find_dataset(eq, context)).id,
        one_of=None if one_of is None else tuple([(await find_dataset(ref, context)).id for ref in one_of]),
    )


def _checked_choices(choices: list[Any] | None, most: int) -> list[Any] | None:
    if choices is not None and len(choices) > most:
        raise InvalidInput(f"oneOf takes at most {most:,} values here, not {len(choices):,}")
    return choices


def _plain(value: Any) -> Any:
    """Members of enums as their text, so that equal filters make equal cursors."""
    return value.value if isinstance(value, Enum) else value
