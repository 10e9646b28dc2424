"""How results are written: non-finite numbers, and lists that take the short way."""

from __future__ import annotations

import enum
import math
from datetime import date
from typing import Any

import pytest
import strawberry
from hypothesis import given
from hypothesis import strategies as st
from strawberry.schema.config import StrawberryConfig

from app.schema.execution import FactorQLExecutor
from app.schema.scalars import SCALARS


@strawberry.enum
class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"


async def _later(value: Any) -> Any:
    return value


@strawberry.type
class Query:
    content: strawberry.Private[dict[str, Any]]

    @strawberry.field
    def number(self) -> float | None:
        return self.content["number"]

    @strawberry.field
    def needed(self) -> float:
        return self.content["number"]

    @strawberry.field
    def numbers(self) -> list[float | None] | None:
        return self.content["numbers"]

    @strawberry.field
    def needed_numbers(self) -> list[float] | None:
        return self.content["numbers"]

    @strawberry.field
    def dates(self) -> list[date] | None:
        return self.content["dates"]

    @strawberry.field
    def colours(self) -> list[Colour] | None:
        return self.content["colours"]

    @strawberry.field
    def nested(self) -> list[list[int] | None] | None:
        return self.content["nested"]


CONFIG = StrawberryConfig(scalar_map=SCALARS)
OURS = strawberry.Schema(Query, config=CONFIG, execution_context_class=FactorQLExecutor)
STOCK = strawberry.Schema(Query, config=CONFIG)

LISTS = "{ numbers neededNumbers dates colours nested }"


async def _results(schema: strawberry.Schema, query: str, content: dict[str, Any]) -> Any:
    result = await schema.execute(query, root_value=Query(content=content))
    return result.data, sorted((error.message, error.path) for error in result.errors or ())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_a_number_that_is_not_finite_is_null(value: float) -> None:
    content = {"number": value, "numbers": [1.0, value]}
    data, errors = await _results(OURS, "{ number numbers }", content)
    assert (data, errors) == ({"number": None, "numbers": [1.0, None]}, [])


async def test_where_null_is_not_allowed_it_is_an_error_at_its_place() -> None:
    content = {"number": math.nan, "numbers": [1.0, math.nan]}
    data, errors = await _results(OURS, "{ neededNumbers }", content)
    assert data == {"neededNumbers": None}
    assert [path for _, path in errors] == [["neededNumbers", 1]]
    data, errors = await _results(OURS, "{ needed }", content)
    assert data is None
    assert "Cannot return null" in errors[0][0]


_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "numbers": st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.just("x")),
    "dates": st.lists(st.none() | st.dates() | st.just(3)),
    "colours": st.lists(st.none() | st.sampled_from([Colour.RED, "b", "green"])),
    "nested": st.lists(st.none() | st.lists(st.none() | st.integers(-10, 10) | st.just(2**40))),
}


@given(st.fixed_dictionaries(_VALUES), st.booleans())
async def test_lists_are_what_the_stock_executor_makes_of_them(content: dict[str, Any], tuples: bool) -> None:
    if tuples:
        content = {name: tuple(values) for name, values in content.items()}
    assert await _results(OURS, LISTS, content) == await _results(STOCK, LISTS, content)


async def test_awaitables_in_a_list_are_awaited() -> None:
    content = {"numbers": [1.0, _later(2.0)]}
    assert await _results(OURS, "{ numbers }", content) == ({"numbers": [1.0, 2.0]}, [])
