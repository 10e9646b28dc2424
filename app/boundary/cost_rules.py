"""What in the graph multiplies work, and how much of it one request may ask for.

A field counts as one value, whatever has a page argument as often as the page has items, and a list as
ASSUMED_LIST_SIZE items. What costs another number says so next to its declaration: `metadata=cost(...)`.

A field with a page argument multiplies everything below it by the page size, so the lists in PAGE_LISTS under
it count once. A field with the points argument returns as many series as one of the select arguments lists
(where that is absent, as its cost says, else one), of that many points each; the columns below it hold them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import GraphQLField
from strawberry.schema.schema_converter import GraphQLCoreConverter

PAGE_ARGUMENTS = frozenset({"first"})
PAGE_LISTS = frozenset({"edges", "nodes"})
POINTS_ARGUMENT = "maxPoints"
SELECT_ARGUMENTS = frozenset({"select", "names", "assets"})
COLUMNS_A_SERIES = 3
ASSUMED_LIST_SIZE = 20
ASSUMED_POINTS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCost:
    """size: about how many items the list has, or how many series are read where none are selected. work: of
    a field that reads large arrays, measures or solves, the values that as much work would write. column:
    whether it has an item for each point that a field above asks for."""

    size: int | None = None
    work: int = 0
    column: bool = False


_FREE = FieldCost()


def cost(*, size: int | None = None, work: int = 0, column: bool = False) -> Mapping[object, object]:
    """Return the metadata of a field that costs more than one value."""
    return {FieldCost: FieldCost(size=size, work=work, column=column)}


def cost_of(field: GraphQLField) -> FieldCost:
    """Return what the field's declaration says."""
    declared = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return _FREE if declared is None else declared.metadata.get(FieldCost, _FREE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLimits:
    """The most that one document may write, and one operation ask for.

    The first group bounds the text and is checked before the types are known; `repeated_pairs` is the
    number of pairs of fields with one response name that validation has to compare. The second group
    bounds what an execution returns: `nodes` counts objects in lists, `points` those of series, and
    `values` every field of every object. Introspection has its own allowance: twice what the standard
    introspection query costs on the served schema.
    """

    document_characters: int = 100_000
    document_tokens: int = 10_000
    operations: int = 20
    fragments: int = 50
    fields: int = 1_000
    aliases: int = 200
    directives: int = 100
    repeated_pairs: int = 20_000

    nesting: int = 100
    depth: int = 12
    root_fields: int = 30
    page_size: int = 100
    nodes: int = 10_000
    points: int = 1_000_000
    values: int = 100_000
