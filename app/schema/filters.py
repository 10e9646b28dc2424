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
from app.schema.unset import given
from db.run_queries import Choice, Range, RunFilter, RunOrder

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


@strawberry.input(
    description=(
        "Which runs. All conditions that are given must hold; absent and null ones are none. Metrics are "
        "those of `performance`, gross of costs."
    )
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
    annualized_return: FloatFilter | None = _operator("Annualised compound return, a fraction a year.")
    cumulative_return: FloatFilter | None = _operator("Compounded return, a fraction.")
    annualized_volatility: FloatFilter | None = _operator("Annualised volatility, a fraction a year.")
    sharpe_ratio: FloatFilter | None = _operator("Annualised Sharpe ratio.")
    sortino_ratio: FloatFilter | None = _operator("Annualised Sortino ratio.")
    max_drawdown: FloatFilter | None = _operator("Deepest drawdown, a fraction, 0 or below.")
    calmar_ratio: FloatFilter | None = _operator("Annualised return over the deepest drawdown.")
    years: FloatFilter | None = _operator("Years between first and last period end.")
    num_periods: IntFilter | None = _operator("Number of reported periods.")
    start_date: DateFilter | None = _operator("End of the first reported period.")
    end_date: DateFilter | None = _operator("End of the last reported period.")
    newey_west_t: FloatFilter | None = _operator("Newey-West t-statistic of the mean return.")
    probabilistic_sharpe_ratio: FloatFilter | None = _operator(
        "Probability that the true Sharpe ratio is above 0, from 0 to 1."
    )
    ic_mean: FloatFilter | None = _operator("Mean information coefficient, -1 to 1.")
    ic_t: FloatFilter | None = _operator("The t-statistic of the mean information coefficient.")
    mean_turnover: FloatFilter | None = _operator(
        "Mean one-way turnover a period, both legs added: a fraction of a leg's capital."
    )
    alpha: FloatFilter | None = _operator("Alpha against the MARKET factor, a fraction a year.")


@strawberry.input(description="One key of an order. Undefined values come last; ties are broken by age.")
class FactorRunOrder:
    field: RunSortField = strawberry.field(description="What to sort by.")
    direction: SortDirection = strawberry.field(default=SortDirection.DESC, description="In which direction.")


async def to_run_filter(where: FactorRunWhere | None, context: GraphContext) -> RunFilter:
    """The store's filter. Raises InvalidInput for ids that are none, DatasetNotFound for unknown names."""
    conditions: dict[str, Choice[Any] | Range[Any] | None] = {}
    for field in fields(FactorRunWhere) if given(where) is not None else ():
        asked = given(getattr(where, field.name))
        if asked is None:
            continue
        if isinstance(asked, DatasetFilter):
            conditions["dataset_id"] = await _dataset_choice(asked, context)
        elif hasattr(asked, "one_of"):
            conditions[field.name] = _choice(asked)
        else:
            conditions[field.name] = Range(eq=given(asked.eq), gte=given(asked.gte), lte=given(asked.lte))
    return RunFilter(**conditions)


def to_run_order(order: Sequence[FactorRunOrder] | None) -> tuple[RunOrder, ...]:
    """The store's order; empty where none was given, which means newest first."""
    return tuple(RunOrder(one.field, one.direction) for one in given(order) or ())


def within_factor(where: RunFilter, factor: FactorName) -> RunFilter:
    """The same filter for the runs of one factor."""
    asked = where.factor or Choice()
    wanted = asked.eq in (None, factor.value) and (asked.one_of is None or factor.value in asked.one_of)
    return replace(where, factor=Choice(eq=factor.value) if wanted else Choice(one_of=()))


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
