"""Nothing of the graph vanishes or changes: names, types, arguments, defaults, descriptions, order."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    is_specified_scalar_type,
    print_ast,
)
from graphql.utilities.find_schema_changes import find_breaking_changes, find_dangerous_changes

ROOT = Path(__file__).parents[2]
PINNED = Path(__file__).with_name("schema.graphql").read_text(encoding="utf-8")
CURRENT = (ROOT / "schema.graphql").read_text(encoding="utf-8")
"""Which `tests/app/schema` compares with the code."""

ADDITIONS = ("VALUE_ADDED_TO_ENUM", "TYPE_ADDED_TO_UNION", "OPTIONAL_", "IMPLEMENTED_INTERFACE_ADDED")
"""Dangerous to some clients, but what growth is made of."""


def test_nothing_breaks() -> None:
    changes = find_breaking_changes(_schema(PINNED), _schema(CURRENT))
    assert [change.description for change in changes] == []


def test_nothing_dangerous_but_additions() -> None:
    changes = find_dangerous_changes(_schema(PINNED), _schema(CURRENT))
    wrong = [change.description for change in changes if not change.type.name.startswith(ADDITIONS)]
    assert wrong == []


def test_every_fact_of_the_pinned_schema_still_holds() -> None:
    assert lost(PINNED, CURRENT) == []


CHANGES = (
    ("Share of the periods with a return above 0.", "A share.", "Performance.hitRate: description"),
    ("    first: Int! = 50", "    first: Int! = 51", "Query.factorRuns(first): default"),
    ("    name: FactorName!\n", "    name: FactorName\n", "Query.factor(name): type"),
    ("  sharpeRatio: Float\n", "  sharpe: Float\n", "Performance.sharpeRatio: type"),
    ("  LOW\n", "  LOW @deprecated\n", "LongSide.LOW: deprecation"),
    ("  DESC\n", "  DOWN\n", "SortDirection: values"),
)


def test_changes_would_be_noticed_and_additions_are_free() -> None:
    changed = PINNED
    for old, new, _ in CHANGES:
        assert old in changed
        changed = changed.replace(old, new)
    found = lost(PINNED, changed)
    assert [place for *_, place in CHANGES if not any(line.startswith(place) for line in found)] == []
    assert lost(PINNED, PINNED.replace("union DeleteRunResult = ", "union DeleteRunResult = Asset | ")) == []


def lost(old: str, new: str) -> list[str]:
    """Return the facts of one schema that do not hold in another, and the lists of names that it reorders."""
    then, now = dict(_facts(_schema(old))), dict(_facts(_schema(new)))
    changed = [
        f"{place}: {fact!r} has become {now.get(place)!r}"
        for place, fact in then.items()
        if not isinstance(fact, list) and now.get(place) != fact
    ]
    reordered = [
        f"{place}: {fact} has become {now.get(place)}"
        for place, fact in then.items()
        if isinstance(fact, list) and [name for name in now.get(place) or () if name in fact] != fact
    ]
    return changed + reordered


@cache
def _schema(text: str) -> GraphQLSchema:
    return build_schema(text)


def _facts(schema: GraphQLSchema) -> Iterator[tuple[str, object]]:
    """Yield (place, what stands there), a list where others may be added."""
    for name, graph_type in schema.type_map.items():
        if name.startswith("__") or is_specified_scalar_type(graph_type):
            continue
        yield f"{name}: kind", type(graph_type).__name__
        yield f"{name}: description", graph_type.description
        yield from _facts_of_type(graph_type)
    for directive in schema.directives:
        yield f"@{directive.name}: locations", [location.name for location in directive.locations]
        for key, argument in directive.args.items():
            yield from _facts_of_value(f"@{directive.name}({key})", argument)


def _facts_of_type(graph_type: GraphQLNamedType) -> Iterator[tuple[str, object]]:
    name = graph_type.name
    if isinstance(graph_type, GraphQLObjectType | GraphQLInterfaceType):
        yield f"{name}: interfaces", [one.name for one in graph_type.interfaces]
        yield f"{name}: fields", list(graph_type.fields)
        for key, field in graph_type.fields.items():
            yield from _facts_of_value(f"{name}.{key}", field)
            yield f"{name}.{key}: arguments", list(field.args)
            for argument_name, argument in field.args.items():
                yield from _facts_of_value(f"{name}.{key}({argument_name})", argument)
    elif isinstance(graph_type, GraphQLInputObjectType):
        yield f"{name}: one of", graph_type.is_one_of
        yield f"{name}: fields", list(graph_type.fields)
        for key, input_field in graph_type.fields.items():
            yield from _facts_of_value(f"{name}.{key}", input_field)
    elif isinstance(graph_type, GraphQLEnumType):
        yield f"{name}: values", list(graph_type.values)
        for key, value in graph_type.values.items():
            yield f"{name}.{key}: description", value.description
            yield f"{name}.{key}: deprecation", value.deprecation_reason
    elif isinstance(graph_type, GraphQLUnionType):
        yield f"{name}: members", [one.name for one in graph_type.types]
    elif isinstance(graph_type, GraphQLScalarType):
        yield f"{name}: specified by", graph_type.specified_by_url


def _facts_of_value(
    place: str, value: GraphQLField | GraphQLArgument | GraphQLInputField
) -> Iterator[tuple[str, object]]:
    yield f"{place}: type", str(value.type)
    yield f"{place}: description", value.description
    yield f"{place}: deprecation", value.deprecation_reason
    if not isinstance(value, GraphQLField):
        default = value.ast_node and value.ast_node.default_value
        yield f"{place}: default", default and print_ast(default)
