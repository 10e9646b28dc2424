"""How much a query asks for, bounded before it is validated or run.

Two passes, each linear in the document: one counts what is written, the other works out what the
chosen operation would return with its actual variables. The second visits every fragment once and
keeps the result, because all it computes is linear in the number of parents; fragments that spread
each other in chains therefore cost nothing extra. Invalid documents are left to validation: an unknown
field or fragment, a cycle or a value of the wrong type adds nothing and raises nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Undefined,
    VariableNode,
    get_introspection_query,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_leaf_type,
    is_list_type,
    parse,
)

from app.boundary.cost_rules import CostLimits, CostRules
from app.errors import LimitExceeded

_HUGE = 10**18
_INTROSPECTION_FIELDS = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSize:
    """What is written in a document, all its operations and fragments together."""

    operations: int
    fragments: int
    fields: int
    aliases: int
    directives: int
    repeated_pairs: int


@dataclass(slots=True)
class QueryCost:
    """What one operation asks for.

    `values_per_point` and `point_columns` describe columns whose length a field further up decides;
    they are zero once an operation has been measured. `visits` is the work of measuring: selections
    looked at.
    """

    depth: int = 0
    root_fields: int = 0
    nodes: int = 0
    points: int = 0
    values: int = 0
    introspection_depth: int = 0
    introspection_values: int = 0
    values_per_point: int = 0
    point_columns: int = 0
    visits: int = 0

    def include(self, other: QueryCost) -> None:
        """Add a sibling selection of the same parent."""
        for name in _SUMMED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.depth = max(self.depth, other.depth)
        self.introspection_depth = max(self.introspection_depth, other.introspection_depth)


_SUMMED = tuple(f.name for f in fields(QueryCost) if f.name not in ("depth", "introspection_depth", "visits"))


def measure_document(document: DocumentNode) -> DocumentSize:
    """Count what is written, without expanding fragments and without recursion."""
    operations = fragments = field_count = aliases = directives = pairs = 0
    shared_by_fragments: dict[str, _Merged] = {}
    pending: list[tuple[SelectionSetNode, dict[str, _Merged]]] = []
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            operations += 1
            pending.append((definition.selection_set, {}))
        elif isinstance(definition, FragmentDefinitionNode):
            fragments += 1
            # Fragments may be spread at one place, where validation compares their fields.
            pending.append((definition.selection_set, shared_by_fragments))
        else:
            continue
        directives += len(definition.directives or ())
    while pending:
        selection_set, merged = pending.pop()
        for selection in selection_set.selections:
            directives += len(selection.directives or ())
            if isinstance(selection, InlineFragmentNode):
                pending.append((selection.selection_set, merged))
            elif isinstance(selection, FieldNode):
                field_count += 1
                aliases += selection.alias is not None
                place = merged.setdefault((selection.alias or selection.name).value, _Merged())
                pairs += place.count
                place.count += 1
                if selection.selection_set:
                    pending.append((selection.selection_set, place.below))
    return DocumentSize(
        operations=operations,
        fragments=fragments,
        fields=field_count,
        aliases=aliases,
        directives=directives,
        repeated_pairs=pairs,
    )


class _Merged:
    """The fields that share one response name at one place of the result."""

    __slots__ = ("below", "count")

    def __init__(self) -> None:
        self.count = 0
        self.below: dict[str, _Merged] = {}


class QueryCostMeter:
    """Measures and bounds queries against one schema; build it once."""

    def __init__(
        self, schema: GraphQLSchema, rules: CostRules | None = None, limits: CostLimits | None = None
    ) -> None:
        self.schema = schema
        self.rules = rules or CostRules()
        self.limits = limits or CostLimits()
        self.introspection_list_sizes = _introspection_list_sizes(schema)
        standard = self.measure(parse(get_introspection_query()))
        self.introspection_values = 2 * standard.introspection_values
        self.introspection_depth = standard.introspection_depth + 2

    def check(
        self,
        document: DocumentNode,
        operation_name: str | None = None,
        variables: Mapping[str, object] | None = None,
    ) -> QueryCost:
        """The cost of the operation; LimitExceeded if it, or its document, is above a limit."""
        size, limits = measure_document(document), self.limits
        _require("operations", size.operations, limits.operations)
        _require("fragments", size.fragments, limits.fragments)
        _require("fields", size.fields, limits.fields)
        _require("aliases", size.aliases, limits.aliases)
        _require("directives", size.directives, limits.directives)
        _require("pairs of fields with one response name", size.repeated_pairs, limits.repeated_pairs)
        cost = self.measure(document, operation_name, variables)
        _require("levels of depth", cost.depth, limits.depth)
        _require("root fields", cost.root_fields, limits.root_fields)
        _require("nodes (page sizes multiplied)", cost.nodes, limits.nodes)
        _require("points", cost.points, limits.points)
        _require("values", cost.values, limits.values)
        _require("levels of introspection", cost.introspection_depth, self.introspection_depth)
        _require("values of introspection", cost.introspection_values, self.introspection_values)
        return cost

    def measure(
        self,
        document: DocumentNode,
        operation_name: str | None = None,
        variables: Mapping[str, object] | None = None,
    ) -> QueryCost:
        """The cost of the named (else the first) operation; nothing if there is none.

        Raises LimitExceeded only for a page size or number of points out of range and for nesting that
        could not be walked.
        """
        operation = _find_operation(document, operation_name)
        if operation is None:
            return QueryCost()
        return _Measurement(self, document, operation, variables or {}).run()


class _Measurement:
    """One walk over one operation."""

    def __init__(
        self,
        meter: QueryCostMeter,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, object],
    ) -> None:
        self.meter, self.schema, self.rules, self.limits = meter, meter.schema, meter.rules, meter.limits
        self.operation = operation
        self.variables = _with_defaults(operation, variables)
        self.fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self.fragment_costs: dict[str, QueryCost] = {}
        self.open_fragments: set[str] = set()
        self.visits = 0

    def run(self) -> QueryCost:
        root = self.schema.get_root_type(self.operation.operation)
        cost = self._selections(self.operation.selection_set, root, 1)
        cost.values += self.rules.assumed_points * cost.values_per_point
        cost.values_per_point = cost.point_columns = 0
        cost.visits = self.visits
        return cost

    def _selections(
        self, selection_set: SelectionSetNode | None, parent: GraphQLNamedType | None, nesting: int
    ) -> QueryCost:
        total = QueryCost()
        if selection_set is None:
            return total
        _require("levels of nesting", nesting, self.limits.nesting)
        for selection in selection_set.selections:
            self.visits += 1
            if isinstance(selection, FieldNode):
                total.include(self._field(selection, parent, nesting))
            elif isinstance(selection, InlineFragmentNode):
                narrowed = parent
                if selection.type_condition:
                    narrowed = self.schema.get_type(selection.type_condition.name.value)
                total.include(self._selections(selection.selection_set, narrowed, nesting + 1))
            elif isinstance(selection, FragmentSpreadNode):
                total.include(self._fragment(selection.name.value, nesting))
        return total

    def _fragment(self, name: str, nesting: int) -> QueryCost:
        known = self.fragment_costs.get(name)
        if known is not None:
            return known
        fragment = self.fragments.get(name)
        if fragment is None or name in self.open_fragments:
            return QueryCost()
        self.open_fragments.add(name)
        on_type = self.schema.get_type(fragment.type_condition.name.value)
        cost = self._selections(fragment.selection_set, on_type, nesting + 1)
        self.open_fragments.remove(name)
        self.fragment_costs[name] = cost
        return cost

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, nesting: int) -> QueryCost:
        definition = self.schema.get_field(parent, node.name.value) if is_composite_type(parent) else None
        if parent is None or definition is None:
            return QueryCost(depth=1, root_fields=1, values=1)
        named = get_named_type(definition.type)
        inner = self._selections(node.selection_set, named, nesting + 1)
        if node.name.value in _INTROSPECTION_FIELDS:
            return QueryCost(
                depth=1,
                root_fields=1,
                introspection_depth=1 + inner.depth,
                introspection_values=1 + inner.values,
            )
        qualified_name = f"{parent.name}.{node.name.value}"
        if qualified_name in self.rules.point_lists:
            per_point = 0 if is_leaf_type(named) else 1 + inner.values
            return QueryCost(
                depth=1 + inner.depth, root_fields=1, values=1, values_per_point=per_point, point_columns=1
            )
        size, counted, points_each = self._size(node, definition, qualified_name)
        # Three columns of one series are read at once; more of them repeat the same points.
        readings = max(1, -(-inner.point_columns // max(1, len(self.rules.point_lists))))
        sized = points_each is not None
        per_point = size * inner.values_per_point
        return QueryCost(
            depth=1 + inner.depth,
            root_fields=1,
            nodes=size * inner.nodes + (size if counted and is_composite_type(named) else 0),
            points=size * (inner.points + (points_each or 0) * readings),
            values=size * (1 + inner.values) + (per_point * points_each if sized else 0),
            introspection_depth=inner.introspection_depth,
            introspection_values=size * inner.introspection_values,
            values_per_point=0 if sized else per_point,
            point_columns=0 if sized else inner.point_columns,
        )

    def _size(self, node: FieldNode, definition: GraphQLField, name: str) -> tuple[int, bool, int | None]:
        """(how many objects the field stands for, whether they are nodes, points of each or None)."""
        rules, limits = self.rules, self.limits
        for argument in rules.page_arguments & definition.args.keys():
            size = self._integer(node, definition, argument, when_open=limits.page_size)
            _require_within(f"{argument} of {node.name.value}", size, 0, limits.page_size)
            return size, True, None
        if rules.points_argument in definition.args:
            points = self._integer(node, definition, rules.points_argument, when_open=limits.points)
            _require_within(f"{rules.points_argument} of {node.name.value}", points, 0, limits.points)
            series = self._length(node, definition, rules.select_argument)
            return series, True, points
        if not is_list_type(get_nullable_type(definition.type)) or node.name.value in rules.page_lists:
            return 1, False, None
        if name in self.meter.introspection_list_sizes:
            return self.meter.introspection_list_sizes[name], False, None
        return rules.list_sizes.get(name, rules.assumed_list_size), True, None

    def _integer(self, node: FieldNode, definition: GraphQLField, argument: str, *, when_open: int) -> int:
        """The argument's value; `when_open` where it is null, absent without default or no number."""
        value = self._value(node, definition, argument)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) else when_open

    def _length(self, node: FieldNode, definition: GraphQLField, argument: str) -> int:
        value = self._value(node, definition, argument)
        return max(1, len(value)) if isinstance(value, list | tuple) else 1

    def _value(self, node: FieldNode, definition: GraphQLField, argument: str) -> object:
        """The argument as an int, a list (of anything) or something else that is not counted."""
        declared = definition.args.get(argument)
        written = next((a.value for a in node.arguments or () if a.name.value == argument), None)
        if isinstance(written, VariableNode):
            value = self.variables.get(written.name.value, Undefined)
        elif written is None:
            value = Undefined
        else:
            value = _literal(written)
        if value is Undefined and declared is not None:
            return declared.default_value
        return value


def _literal(node: object) -> object:
    if isinstance(node, IntValueNode):
        text = node.value
        if len(text) > len(str(_HUGE)):
            return -_HUGE if text.startswith("-") else _HUGE
        return int(text)
    if isinstance(node, ListValueNode):
        return list(node.values)
    return None if isinstance(node, NullValueNode) else node


def _with_defaults(
    operation: OperationDefinitionNode, variables: Mapping[str, object]
) -> Mapping[str, object]:
    values = {
        definition.variable.name.value: _literal(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }
    return {**values, **variables}


def _find_operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode) and (
            name is None or (definition.name is not None and definition.name.value == name)
        ):
            return definition
    return None


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


def _require(what: str, asked: int, limit: int) -> None:
    if asked > limit:
        raise LimitExceeded(
            f"A request is limited to {limit:,} {what}; this one asks for {_shown(asked)}.",
            hint="Ask for less at once, or in several requests.",
        )


def _require_within(what: str, asked: int, lowest: int, highest: int) -> None:
    if not lowest <= asked <= highest:
        raise LimitExceeded(f"{what} goes from {lowest:,} to {highest:,}; {_shown(asked)} was asked for.")


def _shown(number: int) -> str:
    return f"{number:,}" if abs(number) < 10**15 else f"{'-' if number < 0 else ''}10^15 or more"
