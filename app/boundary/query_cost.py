"""How much a query asks for, bounded before it is validated or run.

Two passes, each linear in the document: one counts what is written, the other works out what the
chosen operation would return with its actual variables. The second visits every fragment once and
keeps the result, because all it computes is linear in the number of parents; fragments that spread
each other in chains therefore cost nothing extra. Invalid documents are left to validation: an unknown
field or fragment, a cycle or a value of the wrong type adds nothing and raises nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Undefined,
    VariableNode,
    get_introspection_query,
    parse,
)

from app.boundary.cost_rules import ASSUMED_POINTS, COLUMNS_A_SERIES, POINTS_ARGUMENT, CostLimits
from app.boundary.field_plan import FieldPlan, FieldPlans, Multiplies
from app.errors import LimitExceeded

_HUGE = 10**18


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
    looked at. `reads_variables` says whether other variables could have given another cost.
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
    reads_variables: bool = False

    def include(self, other: QueryCost) -> None:
        """Add a sibling selection of the same parent."""
        # Written out: this runs once a selection of every request.
        if other.depth > self.depth:
            self.depth = other.depth
        if other.introspection_depth > self.introspection_depth:
            self.introspection_depth = other.introspection_depth
        self.root_fields += other.root_fields
        self.nodes += other.nodes
        self.points += other.points
        self.values += other.values
        self.introspection_values += other.introspection_values
        self.values_per_point += other.values_per_point
        self.point_columns += other.point_columns


_ONE_VALUE = QueryCost(depth=1, root_fields=1, values=1)


class _Merged:
    """The fields that share one response name at one place of the result."""

    __slots__ = ("below", "count")

    def __init__(self) -> None:
        self.count = 0
        self.below: dict[str, _Merged] = {}


def measure_document(document: DocumentNode) -> DocumentSize:
    """Count what is written, without expanding fragments and without recursion."""
    operations = fragments = fields = aliases = directives = pairs = 0
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
                fields += 1
                aliases += selection.alias is not None
                response_name = (selection.alias or selection.name).value
                place = merged.get(response_name)
                if place is None:
                    place = merged[response_name] = _Merged()
                pairs += place.count
                place.count += 1
                if selection.selection_set:
                    pending.append((selection.selection_set, place.below))
    return DocumentSize(
        operations=operations,
        fragments=fragments,
        fields=fields,
        aliases=aliases,
        directives=directives,
        repeated_pairs=pairs,
    )


class QueryCostMeter:
    """Measures and bounds queries against one schema; build it once."""

    def __init__(self, schema: GraphQLSchema, limits: CostLimits | None = None) -> None:
        self.schema = schema
        self.limits = limits or CostLimits()
        self.plans = FieldPlans(schema)
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
        self.schema, self.plans, self.limits = meter.schema, meter.plans, meter.limits
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
        self.reads_variables = False

    def run(self) -> QueryCost:
        root = self.schema.get_root_type(self.operation.operation)
        cost = self._selections(self.operation.selection_set, root, 1)
        cost.values += ASSUMED_POINTS * cost.values_per_point
        cost.values_per_point = cost.point_columns = 0
        cost.visits, cost.reads_variables = self.visits, self.reads_variables
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
            else:
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
        plan = self.plans.of(parent, node.name.value)
        if plan is None:
            return _ONE_VALUE
        if plan.is_leaf and plan.multiplies is Multiplies.BY_A_NUMBER:
            return _ONE_VALUE if plan.number == 1 else QueryCost(depth=1, root_fields=1, values=plan.number)
        inner = self._selections(node.selection_set, plan.named_type, nesting + 1)
        match plan.multiplies:
            case Multiplies.INTROSPECTION:
                return QueryCost(
                    depth=1,
                    root_fields=1,
                    introspection_depth=1 + inner.depth,
                    introspection_values=1 + inner.values,
                )
            case Multiplies.BY_POINTS:
                return QueryCost(
                    depth=1 + inner.depth,
                    root_fields=1,
                    values=1,
                    values_per_point=0 if plan.is_leaf else 1 + inner.values,
                    point_columns=1,
                )
            case Multiplies.BY_SERIES:
                return self._series(node, plan, inner)
            case Multiplies.BY_PAGE:
                size = self._integer(node, plan, plan.page_argument, 0, self.limits.page_size)
            case Multiplies.BY_A_NUMBER:
                size = plan.number
        return _times(size, plan, inner)

    def _series(self, node: FieldNode, plan: FieldPlan, inner: QueryCost) -> QueryCost:
        points_each = self._integer(node, plan, POINTS_ARGUMENT, 0, self.limits.points)
        selected = self._value(node, plan, plan.select_argument) if plan.select_argument else None
        series = max(1, len(selected)) if isinstance(selected, list | tuple) else plan.number
        # The columns of one series are read at once; more of them repeat the same points.
        readings = max(1, -(-inner.point_columns // COLUMNS_A_SERIES))
        cost = _times(series, plan, inner)
        cost.points += series * points_each * readings
        cost.values += points_each * cost.values_per_point
        cost.values_per_point = cost.point_columns = 0
        return cost

    def _integer(self, node: FieldNode, plan: FieldPlan, argument: str, lowest: int, highest: int) -> int:
        """The argument's value; `highest` where it is null, absent without default or no whole number."""
        value = self._value(node, plan, argument)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            return highest
        if not lowest <= value <= highest:
            raise LimitExceeded(
                f"{argument} of {node.name.value} goes from {lowest:,} to {highest:,};"
                f" {_shown(value)} was asked for."
            )
        return value

    def _value(self, node: FieldNode, plan: FieldPlan, argument: str) -> object:
        """The argument as an int, a list (of anything) or something else that is not counted."""
        written = next((a.value for a in node.arguments or () if a.name.value == argument), None)
        if isinstance(written, VariableNode):
            self.reads_variables = True
            value = self.variables.get(written.name.value, Undefined)
        else:
            value = Undefined if written is None else _literal(written)
        if value is Undefined and argument in plan.arguments:
            return plan.arguments[argument].default_value
        return value


def _times(size: int, plan: FieldPlan, inner: QueryCost) -> QueryCost:
    """A field that stands for `size` objects of the inner cost each."""
    return QueryCost(
        depth=1 + inner.depth,
        root_fields=1,
        nodes=size * inner.nodes + (size if plan.counts_nodes else 0),
        points=size * inner.points,
        values=size * (1 + inner.values) + plan.work,
        introspection_depth=inner.introspection_depth,
        introspection_values=size * inner.introspection_values,
        values_per_point=size * inner.values_per_point,
        point_columns=size * inner.point_columns,
    )


def _literal(node: object) -> object:
    if isinstance(node, IntValueNode):
        text = node.value
        if len(text) > len(str(_HUGE)):
            return -_HUGE if text.startswith("-") else _HUGE
        return int(text)
    if isinstance(node, ListValueNode):
        return node.values
    return None if isinstance(node, NullValueNode) else node


def _with_defaults(
    operation: OperationDefinitionNode, variables: Mapping[str, object]
) -> Mapping[str, object]:
    defaults = {
        definition.variable.name.value: _literal(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }
    return {**defaults, **variables}


def _find_operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode) and (
            name is None or (definition.name is not None and definition.name.value == name)
        ):
            return definition
    return None


def _require(what: str, asked: int, limit: int) -> None:
    if asked > limit:
        raise LimitExceeded(
            f"A request is limited to {limit:,} {what}; this one asks for {_shown(asked)}.",
            hint="Ask for less at once, or in several requests.",
        )


def _shown(number: int) -> str:
    return f"{number:,}" if abs(number) < 10**15 else f"{'-' if number < 0 else ''}10^15 or more"
