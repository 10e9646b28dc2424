"""What all connections share: page information, page sizes, and cursors of the store refused with a code."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Self, TypeVar

import strawberry

from app.errors import BadCursor, InvalidInput
from db import errors as store_errors
from db.pages import MAX_PAGE_SIZE, Page

Node = TypeVar("Node")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether the list goes on after this page.")
    has_previous_page: bool = strawberry.field(description="Whether the page was asked for with `after`.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first item; null if empty.")
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last item: pass it as `after` to get the next page. Null if empty."
    )


class Connection(Generic[Node]):
    """A page of a list, as the graph has it; made by `connection_type`."""

    edge_type: ClassVar[type]

    @classmethod
    def from_page(cls, page: Page[Any], nodes: Sequence[Node], after: str | None, **private: Any) -> Self:
        """Return the page; nodes: what its items are in the graph. private: the fields beyond the page's."""
        edges = [
            cls.edge_type(cursor=cursor, node=node) for cursor, node in zip(page.cursors, nodes, strict=True)
        ]
        return cls(edges=edges, nodes=list(nodes), page_info=page_info(page, after), **private)


def connection_type(
    node: type,
    noun: str,
    plural: str,
    *,
    page: str | None = None,
    total: Any = None,
    private: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """Return the connection of a type, with its edge. total: the field `totalCount`. private: the types of
    what its resolvers need."""
    edge = strawberry.type(
        _class(
            f"{node.__name__}Edge",
            cursor=(str, f"Continues the list after this {noun}."),
            node=(node, f"The {noun}."),
        ),
        description=f"A {noun} and its place in the list.",
    )
    made = _class(
        f"{node.__name__}Connection",
        Connection,
        edges=(list[edge], f"The {plural} of the page with their cursors."),
        nodes=(list[node], f"The {plural} of the page."),
        page_info=(PageInfo, "Where the page lies."),
    )
    made.__annotations__ |= {name: strawberry.Private[kind] for name, kind in private.items()}
    made.edge_type = edge
    if total is not None:
        made.total_count = total
    return strawberry.type(made, description=page or f"A page of {plural}.")


def _class(name: str, *bases: type, **members: tuple[Any, str]) -> Any:
    fields = {member: strawberry.field(description=text) for member, (_, text) in members.items()}
    annotations = {member: kind for member, (kind, _) in members.items()}
    return type(name, bases, {"__annotations__": annotations, **fields})


@contextmanager
def cursors_checked() -> Iterator[None]:
    """Inside, the store's InvalidCursor is a BadCursor."""
    try:
        yield
    except store_errors.InvalidCursor as error:
        raise BadCursor(error.message, hint=error.hint) from None


def check_page_size(first: int) -> None:
    """Raises InvalidInput unless 0 <= first <= MAX_PAGE_SIZE."""
    if not 0 <= first <= MAX_PAGE_SIZE:
        raise InvalidInput(f"first must be from 0 to {MAX_PAGE_SIZE}, not {first}")


def page_info(page: Page, after: str | None) -> PageInfo:
    return PageInfo(
        has_next_page=page.has_next_page,
        has_previous_page=after is not None,
        start_cursor=page.cursors[0] if page.cursors else None,
        end_cursor=page.cursors[-1] if page.cursors else None,
    )


async def count_items(list_page: Callable[[str | None], Awaitable[Page]]) -> int:
    """The length of a list of dozens, page by page; `list_page` is given the cursor to go on after."""
    count, after = 0, None
    while True:
        page = await list_page(after)
        count += len(page.items)
        if not page.has_next_page:
            return count
        after = page.cursors[-1]


def slice_page(items: Sequence, first: int, after: str | None, *, scope: str = "") -> Page:
    """A page of an unchanging list that is at hand as a whole. scope: says which list it is, where a cursor
    of another one could be taken for its own. Raises BadCursor."""
    mark = hashlib.sha256(scope.encode()).hexdigest()[:16] if scope else ""
    start = 0
    if after is not None:
        known = (at for at in range(1, len(items) + 1) if _position_cursor(at, mark) == after)
        start = next(known, -1)
        if start < 0:
            raise BadCursor("the cursor does not belong to this list", hint="start from the first page")
    stop = min(start + first, len(items))
    return Page(
        items=tuple(items[start:stop]),
        cursors=tuple(_position_cursor(position + 1, mark) for position in range(start, stop)),
        has_next_page=stop < len(items),
    )


def _position_cursor(position: int, mark: str) -> str:
    """Continues a list after its first `position` items."""
    return base64.urlsafe_b64encode(f"after{mark}:{position}".encode()).decode().rstrip("=")
