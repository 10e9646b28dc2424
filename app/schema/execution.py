"""How results are written out: numbers that are not finite become null, plain fields take a short way.

A plain field is an attribute whose type is a scalar, an enum, or a list of those: most of what is asked for,
and most of the stock executor's time. It is read and completed in one step. Whatever that step cannot take
(a null where none may be, an awaitable, a value of the wrong type) is left to the stock executor, so that
every error is its own.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    Undefined,
    is_leaf_type,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter


class _NotTaken(Enum):
    NOT_TAKEN = 0


NOT_TAKEN = _NotTaken.NOT_TAKEN
"""What a short way gives for a value that it cannot complete."""

Completer = Callable[[Any], Any]
"""A value -> what is written, or NOT_TAKEN."""
Reader = Callable[[Any], Any]
"""An object -> what is written of one of its fields, or NOT_TAKEN."""


class FactorQLExecutor(StrawberryGraphQLCoreExecutionContext):
    """Gives what the stock executor gives, but null for NaN and infinities."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._has_middleware = self.middleware_manager is not None and bool(
            self.middleware_manager.middlewares
        )
        self._readers_of: dict[int, tuple[Any, dict[str, Reader]]] = {}

    @staticmethod
    def complete_leaf_value(return_type: GraphQLLeafType, result: Any) -> Any:
        if isinstance(result, float) and not math.isfinite(result):
            return None
        return StrawberryGraphQLCoreExecutionContext.complete_leaf_value(return_type, result)

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Any,
        grouped_field_set: dict[str, Any],
        position_context: Any,
    ) -> Any:
        written: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        readers = self._readers(parent_type, grouped_field_set)
        for name, field_details in grouped_field_set.items():
            value = readers[name](source_value) if name in readers else NOT_TAKEN
            if value is NOT_TAKEN:
                rest[name] = field_details
            written[name] = value
        if not rest:
            return written
        others = super().execute_fields(parent_type, source_value, path, rest, position_context)
        return _merged_later(written, others) if self.is_awaitable(others) else _merged(written, others)

    def complete_list_value(
        self,
        return_type: GraphQLList[Any],
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        if isinstance(result, list):
            item_type = return_type.of_type
            named = item_type.of_type if isinstance(item_type, GraphQLNonNull) else item_type
            completed: Any = NOT_TAKEN
            if isinstance(named, GraphQLObjectType):
                completed = self._plain_objects(named, field_details_list, info, result)
            elif (complete := _completer(return_type)) is not None:
                completed = complete(result)
            if completed is not NOT_TAKEN:
                return completed
        return super().complete_list_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def _plain_objects(
        self, item_type: GraphQLObjectType, field_details_list: Any, info: Any, items: list[Any]
    ) -> Any:
        """A list of objects of which only plain fields are asked for."""
        grouped_field_set, deferred, _ = self.collect_subfields(item_type, field_details_list)
        readers = self._readers(item_type, grouped_field_set)
        if deferred or len(readers) < len(grouped_field_set):
            return NOT_TAKEN
        if (is_type_of := item_type.is_type_of) is not None and not all(
            is_type_of(item, info) for item in items
        ):
            return NOT_TAKEN
        columns = readers.items()
        completed = []
        for item in items:
            row = {name: read(item) for name, read in columns}
            if item is None or NOT_TAKEN in row.values():
                return NOT_TAKEN
            completed.append(row)
        return completed

    def _readers(
        self, parent_type: GraphQLObjectType, grouped_field_set: dict[str, Any]
    ) -> dict[str, Reader]:
        """By response name; without those that are not plain."""
        key = id(grouped_field_set)
        if key not in self._readers_of:
            readers: dict[str, Reader] = {}
            for name, field_details in () if self._has_middleware else grouped_field_set.items():
                reader = self._reader(parent_type, field_details[0].node.name.value)
                if reader is not None:
                    readers[name] = reader
            # The set is kept with its readers, so that its id stays its own.
            self._readers_of[key] = (grouped_field_set, readers)
        return self._readers_of[key][1]

    def _reader(self, parent_type: GraphQLObjectType, field_name: str) -> Reader | None:
        if field_name == "__typename":
            return lambda _source: parent_type.name
        field = self.schema.get_field(parent_type, field_name)
        if field is None or not getattr(field.resolve, "_is_default", False):
            return None
        complete = _completer(field.type)
        return None if complete is None else _attribute_reader(field, complete)


def _attribute_reader(field: GraphQLField, complete: Completer) -> Reader:
    attribute = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].python_name

    def read(source: Any) -> Any:
        try:
            return complete(getattr(source, attribute))
        except AttributeError:
            return NOT_TAKEN

    return read


def _completer(graph_type: Any) -> Completer | None:
    """Return how values of a leaf type, or of a list of leaves, are completed; None for other types."""
    required = isinstance(graph_type, GraphQLNonNull)
    nullable = graph_type.of_type if required else graph_type
    if isinstance(nullable, GraphQLList):
        complete = _list_completer(nullable.of_type)
    else:
        complete = _leaf_completer(nullable) if is_leaf_type(nullable) else None
    if complete is None or not required:
        return complete

    def complete_required(value: Any) -> Any:
        completed = complete(value)
        return NOT_TAKEN if completed is None else completed

    return complete_required


def _list_completer(item_type: Any) -> Completer | None:
    required = isinstance(item_type, GraphQLNonNull)
    complete_item = _completer(item_type.of_type if required else item_type)
    if complete_item is None:
        return None

    def complete(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, list):
            return NOT_TAKEN
        completed = [complete_item(item) for item in value]
        refused = NOT_TAKEN in completed or (required and None in completed)
        return NOT_TAKEN if refused else completed

    return complete


def _leaf_completer(leaf_type: GraphQLLeafType) -> Completer:
    coerce = leaf_type.coerce_output_value
    written_as_it_is = _WRITTEN_AS_THEY_ARE.get(leaf_type.name)

    def complete(value: Any) -> Any:
        if type(value) is written_as_it_is:
            return value
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return None
        try:
            completed = coerce(value)
        except Exception:
            return NOT_TAKEN
        return NOT_TAKEN if completed is None or completed is Undefined else completed

    def complete_float(value: Any) -> Any:
        if type(value) is float:
            return value if math.isfinite(value) else None
        return complete(value)

    return complete_float if leaf_type.name == "Float" else complete


_WRITTEN_AS_THEY_ARE = {"String": str, "ID": str, "Boolean": bool}
"""Values of just this type need no coercion."""


def _merged(written: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """All fields in the order in which they were asked for; unknown ones are in neither."""
    return {
        name: others.get(name, Undefined) if value is NOT_TAKEN else value
        for name, value in written.items()
        if value is not NOT_TAKEN or name in others
    }


async def _merged_later(written: dict[str, Any], others: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return _merged(written, await others)
