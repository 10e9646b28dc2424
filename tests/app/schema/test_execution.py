"""How results are written: null for numbers that are not finite, else what the stock executor writes."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from datetime import date
from typing import Any
from unittest.mock import patch

import pytest
import strawberry
from graphql.execution import Executor
from hypothesis import given
from hypothesis import strategies as st
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from app.schema.execution import FactorQLExecutor
from app.schema.scalars import SCALARS


@strawberry.enum
class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"


async def _later(value: Any) -> Any:
    return value


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Child:
    number: float | None
    required: float


@strawberry.type
class Row(Named):
    number: float | None
    required: int
    day: date | None
    colour: Colour | None
    numbers: list[float | None] | None
    required_numbers: list[float] | None
    dates: list[date | None] | None
    nested: list[list[int] | None] | None
    child: Child | None
    children: list[Child | None] | None

    @strawberry.field
    def resolved(self, factor: int = 1) -> str:
        return self.name * factor

    @strawberry.field
    async def awaited(self) -> str | None:
        return await _later(self.name)


@dataclass
class Loose:
    """Stands for a row with attributes of any kind."""

    values: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None


@strawberry.type
class Query:
    content: strawberry.Private[Any]

    @strawberry.field
    def row(self) -> Row | None:
        return self.content[0]

    @strawberry.field
    def rows(self) -> list[Row | None] | None:
        return self.content

    @strawberry.field
    def required_rows(self) -> list[Row] | None:
        return self.content

    @strawberry.field
    def children(self) -> list[Child] | None:
        return self.content

    @strawberry.field
    def numbers(self) -> list[float | None] | None:
        return self.content

    @strawberry.field
    def number(self) -> float | None:
        return self.content[-1]

    @strawberry.field
    def named(self) -> list[Named | None] | None:
        return self.content


CONFIG = StrawberryConfig(scalar_map=SCALARS)
OURS = strawberry.Schema(Query, types=[Row], config=CONFIG, execution_context_class=FactorQLExecutor)
STOCK = strawberry.Schema(Query, types=[Row], config=CONFIG)

PLAIN = "__typename name number other: number required day colour numbers requiredNumbers dates nested"
QUERIES = (
    f"{{ rows {{ {PLAIN} }} requiredRows {{ {PLAIN} }} }}",
    f"{{ row {{ {PLAIN} child {{ number required }} children {{ required }} resolved(factor: 2) }} }}",
    "{ rows { awaited number child { number } resolved } row { child { __typename } } }",
    f"{{ named {{ name ... on Row {{ {PLAIN} }} }} }}",
    "{ rows { number @skip(if: true) name @include(if: true) ...F } } fragment F on Row { name day colour }",
)


async def answer(schema: strawberry.Schema, query: str, content: Any) -> Any:
    result = await schema.execute(query, root_value=Query(content=content))
    return result.data, sorted((str(error.path), error.message) for error in result.errors or ())


def children() -> st.SearchStrategy[Any]:
    numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.just("x")
    return st.none() | st.builds(Child, number=numbers, required=numbers)


def rows() -> st.SearchStrategy[Any]:
    """Mostly sound rows, with a fault here and there."""
    numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-3, 3) | st.just("x")
    return st.builds(
        Row,
        name=st.text(max_size=3) | st.none() | st.just(7),
        number=numbers,
        required=st.integers(-3, 3) | st.just(2**40) | st.none(),
        day=st.none() | st.dates() | st.just("2024-01-01"),
        colour=st.none() | st.sampled_from([Colour.RED, "b", "green"]),
        numbers=st.none() | st.lists(numbers, max_size=3) | st.just((1.0, 2.0)) | st.just(3.0),
        required_numbers=st.none() | st.lists(numbers, max_size=3),
        dates=st.none() | st.lists(st.none() | st.dates() | st.just(3), max_size=3),
        nested=st.none()
        | st.lists(st.none() | st.lists(st.none() | st.integers(-9, 9), max_size=2), max_size=2),
        child=children(),
        children=st.none() | st.lists(children(), max_size=2),
    )


@given(st.lists(rows() | st.none(), min_size=1, max_size=3), st.sampled_from(QUERIES))
async def test_the_answer_is_that_of_the_stock_executor(content: list[Any], query: str) -> None:
    assert await answer(OURS, query, content) == await answer(STOCK, query, content)


@pytest.mark.parametrize("query", [QUERIES[0], QUERIES[3], "{ children { number required } }"])
async def test_objects_of_a_wrong_type_and_missing_attributes_are_the_same_errors(query: str) -> None:
    for content in ([Loose({"name": "a", "number": 1.0})], [Child(number=1.0, required=1.0)], [3]):
        assert await answer(OURS, query, content) == await answer(STOCK, query, content)


async def test_awaitables_in_attributes_and_lists_are_awaited() -> None:
    content = [Loose({"number": _later(1.0), "required": _later(2.0)})]
    query = "{ children { number required } }"
    assert await answer(OURS, query, content) == ({"children": [{"number": 1.0, "required": 2.0}]}, [])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_a_number_that_is_not_finite_is_null(value: float) -> None:
    data, errors = await answer(OURS, "{ children { number } }", [Child(number=value, required=1.0)])
    assert (data, errors) == ({"children": [{"number": None}]}, [])
    data, errors = await answer(OURS, "{ numbers number }", [1.0, value])
    assert (data, errors) == ({"numbers": [1.0, None], "number": None}, [])


async def test_where_null_is_not_allowed_it_is_an_error_at_its_place() -> None:
    content = [Child(number=1.0, required=1.0), Child(number=1.0, required=math.nan)]
    data, errors = await answer(OURS, "{ children { number required } }", content)
    assert data == {"children": None}
    assert [place for place, _ in errors] == ["['children', 1, 'required']"]


async def test_plain_fields_never_reach_the_stock_executor() -> None:
    content = [Child(number=float(number), required=1.0) for number in range(50)]
    with patch.object(Executor, "execute_field", autospec=True, side_effect=Executor.execute_field) as stock:
        data, errors = await answer(OURS, "{ children { __typename number required } }", content)
    assert (len(data["children"]), errors) == (50, [])
    assert stock.call_count == 1, "the list itself"


async def test_extensions_that_watch_fields_see_every_one() -> None:
    seen = []

    class Watch(SchemaExtension):
        def resolve(self, next_: Any, root: Any, info: Any, *arguments: Any, **options: Any) -> Any:
            seen.append(info.field_name)
            return next_(root, info, *arguments, **options)

    watched = strawberry.Schema(
        Query, types=[Row], config=CONFIG, execution_context_class=FactorQLExecutor, extensions=[Watch]
    )
    await answer(watched, "{ children { number } }", [Child(number=1.0, required=1.0)])
    assert seen == ["children", "number"]
