"""The schema as a document: the printed file, what clients rely on, and its words for people."""

from __future__ import annotations

from pathlib import Path

import pytest
import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_introspection_type,
    is_list_type,
    is_object_type,
    is_specified_scalar_type,
)
from graphql.utilities.find_schema_changes import BreakingChangeType, find_schema_changes

from app.boundary.cost_rules import cost_of
from app.graph import print_schema_text

ROOT = Path(__file__).parents[3]
RELEASED = Path(__file__).with_name("released.graphql")


def test_the_printed_schema_is_up_to_date() -> None:
    printed = (ROOT / "schema.graphql").read_text(encoding="utf-8")
    assert printed == print_schema_text(), "run: factorql schema > schema.graphql"


ACCEPTED = [
    f"Field {place} changed type from FactorRun! to Run!."
    for place in ("AnnotateRunSuccess.run", "CancelRunSuccess.run", "RunEvent.run")
]
"""Since there are runs of other kinds: what only a FactorRun has needs `... on FactorRun` there."""


def test_nothing_that_was_released_is_broken(schema: strawberry.Schema) -> None:
    released = build_schema(RELEASED.read_text(encoding="utf-8"))
    assert sorted(_breaking(released, build_schema(schema.as_str()))) == ACCEPTED


def test_a_removed_field_would_be_noticed() -> None:
    text = RELEASED.read_text(encoding="utf-8")
    changed = text.replace("  hitRate: Float\n", "  hitShare: Float\n")
    assert _breaking(build_schema(text), build_schema(changed)) == ["Field Performance.hitRate was removed."]


def test_everything_is_described(schema: strawberry.Schema) -> None:
    assert _undescribed(schema._schema) == []


def test_descriptions_are_sentences(schema: strawberry.Schema) -> None:
    wrong = [
        (place, text)
        for place, text in _descriptions(schema._schema)
        if text and not ((text[0].isupper() or text[0] in "`(") and text.endswith((".", "`")))
    ]
    assert wrong == []


def test_costs_stand_at_fields_that_they_can_change(schema: strawberry.Schema) -> None:
    for kind in schema._schema.type_map.values():
        for name, field in getattr(kind, "fields", {}).items() if is_object_type(kind) else ():
            cost = cost_of(field)
            is_list = is_list_type(get_nullable_type(field.type))
            assert cost.size is None or is_list, f"{kind.name}.{name}"
            assert not cost.column or (is_list and cost.size is None), f"{kind.name}.{name}"
            assert not cost.work or is_composite_type(get_named_type(field.type)), f"{kind.name}.{name}"


LONG_LISTS = (
    "Point",
    "Holding",
    "MonthlyReturn",
    "UndefinedMetric",
    "Asset",
    "QuarantinedLine",
    "LostAsset",
    "SweepValue",
    "TargetPosition",
    "Subperiod",
    "QuantileBucket",
)


@pytest.mark.parametrize("name", LONG_LISTS)
def test_what_comes_in_long_lists_has_no_resolver(schema: strawberry.Schema, name: str) -> None:
    graph_type = schema._schema.type_map[name]
    assert isinstance(graph_type, GraphQLObjectType)
    assert all(getattr(field.resolve, "_is_default", False) for field in graph_type.fields.values())


def _breaking(old: GraphQLSchema, new: GraphQLSchema) -> list[str]:
    changes = find_schema_changes(old, new)
    return [change.description for change in changes if isinstance(change.type, BreakingChangeType)]


def _undescribed(schema: GraphQLSchema) -> list[str]:
    return [place for place, text in _descriptions(schema) if not text]


def _descriptions(schema: GraphQLSchema) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    for name, graph_type in schema.type_map.items():
        if is_introspection_type(graph_type) or is_specified_scalar_type(graph_type):
            continue
        found.append((name, graph_type.description))
        if isinstance(graph_type, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in graph_type.fields.items():
                found.append((f"{name}.{field_name}", field.description))
                found += [
                    (f"{name}.{field_name}({argument_name})", argument.description)
                    for argument_name, argument in field.args.items()
                ]
        elif isinstance(graph_type, GraphQLInputObjectType):
            found += [(f"{name}.{key}", field.description) for key, field in graph_type.fields.items()]
        elif isinstance(graph_type, GraphQLEnumType):
            found += [(f"{name}.{key}", value.description) for key, value in graph_type.values.items()]
        else:
            assert isinstance(graph_type, GraphQLUnionType) or graph_type.description
    return found
