"""What one field of the schema multiplies, worked out once for every field that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from graphql import (
    GraphQLArgument,
    GraphQLCompositeType,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)

from app.boundary.cost_rules import (
    ASSUMED_LIST_SIZE,
    PAGE_ARGUMENTS,
    PAGE_LISTS,
    POINTS_ARGUMENT,
    SELECT_ARGUMENTS,
    cost_of,
)

_INTROSPECTION_FIELDS = frozenset({"__schema", "__type"})


class Multiplies(Enum):
    """What decides how many values a field stands for."""

    BY_A_NUMBER = auto()
    """Known from the field: 1, or the assumed length of a list."""
    BY_PAGE = auto()
    BY_SERIES = auto()
    """As many series as are selected, of as many points as are asked for."""
    BY_POINTS = auto()
    """A column of a series: as long as the field above asks for."""
    INTROSPECTION = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldPlan:
    """`number` is the size under BY_A_NUMBER, and under BY_SERIES the number of series where the select
    argument is absent; `counts_nodes` whether the objects are nodes; `work` what it takes to have them, in
    values."""

    multiplies: Multiplies
    named_type: GraphQLNamedType
    is_leaf: bool
    number: int = 1
    counts_nodes: bool = False
    work: int = 0
    page_argument: str = ""
    select_argument: str = ""
    arguments: Mapping[str, GraphQLArgument]


class FieldPlans:
    """The plans of one schema, built on demand and kept: at most one a field of the schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._introspection_sizes = _introspection_list_sizes(schema)
        self._plans: dict[tuple[str, str], FieldPlan] = {}

    def of(self, parent: GraphQLNamedType | None, field_name: str) -> FieldPlan | None:
        """None where the parent has no such field; unknown names are not kept."""
        if parent is None:
            return None
        plan = self._plans.get((parent.name, field_name))
        if plan is None and is_composite_type(parent):
            plan = self._build(parent, field_name)
            if plan is not None:
                self._plans[parent.name, field_name] = plan
        return plan

    def _build(self, parent: GraphQLCompositeType, field_name: str) -> FieldPlan | None:
        field = self._schema.get_field(parent, field_name)
        if field is None:
            return None
        cost, name = cost_of(field), f"{parent.name}.{field_name}"
        named_type = get_named_type(field.type)
        is_leaf = not is_composite_type(named_type)
        multiplies, number, page_argument, select_argument = Multiplies.BY_A_NUMBER, 1, "", ""
        is_list = is_list_type(get_nullable_type(field.type))
        if field_name in _INTROSPECTION_FIELDS:
            multiplies = Multiplies.INTROSPECTION
        elif cost.column:
            multiplies = Multiplies.BY_POINTS
        elif PAGE_ARGUMENTS & field.args.keys():
            multiplies = Multiplies.BY_PAGE
            page_argument = min(PAGE_ARGUMENTS & field.args.keys())
        elif POINTS_ARGUMENT in field.args:
            multiplies = Multiplies.BY_SERIES
            number = cost.size or 1
            select_argument = min(SELECT_ARGUMENTS & field.args.keys(), default="")
        elif name in self._introspection_sizes:
            number = self._introspection_sizes[name]
        elif is_list and field_name not in PAGE_LISTS:
            number = cost.size or ASSUMED_LIST_SIZE
        return FieldPlan(
            multiplies=multiplies,
            named_type=named_type,
            is_leaf=is_leaf,
            number=number,
            counts_nodes=not is_leaf
            and (is_list or multiplies is Multiplies.BY_PAGE)
            and field_name not in PAGE_LISTS
            and not named_type.name.startswith("__"),
            work=cost.work,
            page_argument=page_argument,
            select_argument=select_argument,
            arguments=field.args,
        )


def _introspection_list_sizes(schema: GraphQLSchema) -> dict[str, int]:
    """The mean length of every list that introspection returns, rounded up."""
    types = schema.type_map.values()
    owners = [t for t in types if isinstance(t, GraphQLObjectType | GraphQLInterfaceType)]
    inputs = [t for t in types if isinstance(t, GraphQLInputObjectType)]
    abstract = [t for t in types if isinstance(t, GraphQLInterfaceType | GraphQLUnionType)]
    output_fields = [field for t in owners for field in t.fields.values()]

    def mean(total: int, count: int = len(types)) -> int:
        return max(1, -(-total // max(1, count)))

    return {
        "__Schema.types": len(types),
        "__Schema.directives": len(schema.directives),
        "__Type.fields": mean(len(output_fields)),
        "__Type.inputFields": mean(sum(len(t.fields) for t in inputs)),
        "__Type.enumValues": mean(sum(len(t.values) for t in types if isinstance(t, GraphQLEnumType))),
        "__Type.interfaces": mean(sum(len(t.interfaces) for t in owners)),
        "__Type.possibleTypes": mean(sum(len(schema.get_possible_types(t)) for t in abstract)),
        "__Field.args": mean(sum(len(field.args) for field in output_fields), len(output_fields)),
        "__Directive.args": mean(sum(len(d.args) for d in schema.directives), len(schema.directives)),
        "__Directive.locations": mean(
            sum(len(d.locations) for d in schema.directives), len(schema.directives)
        ),
    }
