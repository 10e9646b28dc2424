"""Lists of runs, of one kind or of all: their pages, filters, orders and fields."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Annotated, Any

import strawberry

from app.schema.connections import check_page_size, connection_type, cursors_checked
from app.schema.context import Info
from app.schema.enums import SortDirection
from app.schema.filters import (
    DatasetFilter,
    DateTimeFilter,
    FactorNameFilter,
    RunOriginFilter,
    RunStatusFilter,
    StringFilter,
    to_run_filter,
    to_run_order,
)
from app.schema.options import described_enum
from app.schema.run import Run
from app.schema.runs import to_run
from app.schema.unset import given
from db.runs.read import RunFilter, RunSortField, count_runs, page_runs

FirstArgument = Annotated[int, strawberry.argument(description="How many at most, up to 100.")]
AfterArgument = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor after which to go on. It belongs to this very list, filter and order; any "
        "other is refused."
    ),
]

_FILTERS = {
    "kind": StringFilter,
    "subject": StringFilter,
    "factor": FactorNameFilter,
    "status": RunStatusFilter,
    "origin": RunOriginFilter,
    "dataset": DatasetFilter,
    "tag": StringFilter,
    "created_at": DateTimeFilter,
    "started_at": DateTimeFilter,
    "finished_at": DateTimeFilter,
}


def where_type(name: str, plural: str, **texts: str) -> Any:
    """Return the input that says which runs. texts: what each condition is about, by its name."""
    made = type(
        name,
        (),
        {
            "__annotations__": {one: _FILTERS[one] | None for one in texts},
            **{
                one: strawberry.field(default=strawberry.UNSET, description=text)
                for one, text in texts.items()
            },
        },
    )
    words = f"Which {plural}. All conditions that are given must hold; absent and null ones are none."
    return strawberry.input(made, description=words)


def order_type(name: str, field: type[Enum], ties: str = "ties are broken by age") -> Any:
    """Return the input that is one key of an order."""
    fields = {
        "field": strawberry.field(description="What to sort by."),
        "direction": strawberry.field(default=SortDirection.DESC, description="In which direction."),
    }
    made = type(name, (), {"__annotations__": {"field": field, "direction": SortDirection}, **fields})
    return strawberry.input(made, description=f"One key of an order; {ties}.")


def run_connection(node: type, noun: str, plural: str, kind: str | None) -> Any:
    """Return the connection of the runs of a kind, or (None) of all kinds."""

    async def total_count(self: Any, info: Info) -> int | None:
        return await count_runs(info.context.services.store, self.where, kind=kind)

    words = f"Number of {plural} that fit the filter; counted only when asked for."
    total = strawberry.field(total_count, description=words)
    return connection_type(node, noun, plural, total=total, private={"where": RunFilter})


def run_list(
    connection: Any,
    where_input: Any,
    order_input: Any,
    description: str,
    *,
    plural: str,
    kind: str | None = None,
) -> Any:
    """Return the field of the query root that lists runs of a kind, or (None) of all kinds."""

    async def resolve(
        info: Info, where=strawberry.UNSET, order_by=strawberry.UNSET, first=50, after=strawberry.UNSET
    ):  # type: ignore[no-untyped-def]
        check_page_size(first)
        run_filter = await to_run_filter(where, info.context)
        with cursors_checked():
            page = await page_runs(
                info.context.services.store,
                run_filter,
                to_run_order(order_by),
                kind=kind,
                first=first,
                after=given(after),
            )
        nodes = [to_run(record, info.context) for record in page.items]
        return connection.from_page(page, nodes, given(after), where=run_filter)

    which = f"Which {plural}; absent or null for all."
    order = "In which order; absent, null or empty for the newest first."
    resolve.__annotations__ = {
        "info": Info,
        "where": Annotated[where_input | None, strawberry.argument(description=which)],
        "order_by": Annotated[list[order_input] | None, strawberry.argument(description=order)],
        "first": FirstArgument,
        "after": AfterArgument,
        "return": connection | None,
    }
    return strawberry.field(resolve, description=description)


# -- of all kinds ------------------------------------------------------------------------------------------

_ORDERS: Mapping[RunSortField, str] = {
    RunSortField.ID: "The order in which runs were added.",
    RunSortField.CREATED_AT: "When the run was added.",
    RunSortField.FINISHED_AT: "When the run ended.",
    RunSortField.FACTOR: "What it was done to: the subject's name.",
    RunSortField.STATUS: "The status's name.",
}
_NAMES = {RunSortField.FACTOR: "SUBJECT"}

RunOrderField = described_enum(
    StrEnum("RunOrderField", {_NAMES.get(one, one.value): one.value for one in _ORDERS}),
    "What runs of any kind can be sorted by.",
    {_NAMES.get(one, one.value): text for one, text in _ORDERS.items()},
)
RunOrder = order_type("RunOrder", RunOrderField)
RunWhere = where_type(
    "RunWhere",
    "runs",
    kind="Of which kind, such as `FACTOR`.",
    subject="Of what, such as a factor's name; fetches and risk models have no subject.",
    status="In which state.",
    origin="Computed or imported.",
    dataset="Computed from which dataset; of fetches, the one that they made.",
    tag="With at least one tag that fits.",
    created_at="When the run was added.",
    started_at="When its computation or fetch began.",
    finished_at="When it ended; for imported runs the time of their legacy id.",
)
RunConnection = run_connection(Run, "run", "runs", None)
